-- A spelling corrector over 650,000 words. The first start reads the word list and builds the index; every other one maps it.
--
-- > spell WORD...
module Main (main) where

import Data.List (foldl', sort, sortOn)
import Data.Map.Strict (Map)
import qualified Data.Map.Strict as Map
import qualified Data.Set as Set
import Fastboot (frozen)
import GHC.IO.Encoding (setLocaleEncoding, utf8)
import System.Environment (getArgs)

-- | Whether a word ends here, and what may follow.
data Trie = Trie !Bool !(Map Char Trie)

-- This line is all that Fastboot needs: the index comes from the snapshot, or else is built and frozen for the next start.
index :: Trie
index = frozen "spell.snap" (buildIndex . lines <$> readFile "/usr/share/dict/american-english-insane")

buildIndex :: [String] -> Trie
buildIndex = foldl' (flip insert) (Trie False Map.empty)

insert :: String -> Trie -> Trie
insert "" (Trie _ next) = Trie True next
insert (c : cs) (Trie end next) = Trie end (Map.insert c (insert cs below) next)
  where below = Map.findWithDefault (Trie False Map.empty) c next

-- | The words that n edits make of this one: a letter left out, put in, replaced, or two neighbours swapped.
edited :: Int -> String -> Trie -> [String]
edited 0 word trie = exactly word trie
edited n word trie@(Trie _ next) = leaveOut ++ swap ++ concatMap enter (Map.toList next)
  where
    leaveOut = [found | _ : cs <- [word], found <- edited (n - 1) cs trie]
    swap = [found | a : b : cs <- [word], found <- edited (n - 1) (b : a : cs) trie]
    enter (c, below) = map (c :) (putIn ++ replace ++ keep)
      where
        putIn = edited (n - 1) word below
        replace = [found | _ : cs <- [word], found <- edited (n - 1) cs below]
        keep = [found | c' : cs <- [word], c' == c, found <- edited n cs below]

exactly :: String -> Trie -> [String]
exactly word trie = [word | Just True <- [end word trie]]
  where
    end "" (Trie here _) = Just here
    end (c : cs) (Trie _ next) = Map.lookup c next >>= end cs

-- | With as few edits as give any word, and at most two; the same letters in another order first.
suggest :: String -> [String]
suggest word = sortOn likeness (concat (take 1 (filter (not . null) [unique (edited n word index) | n <- [0, 1, 2]])))
  where
    unique = Set.toList . Set.fromList
    likeness found = (sort found /= sort word, take 1 found /= take 1 word)

main :: IO ()
main = do
  setLocaleEncoding utf8
  arguments <- getArgs
  if null arguments then putStrLn "usage: spell WORD..." else mapM_ answer arguments
  where answer word = putStrLn (word ++ ": " ++ unwords (take 8 (suggest word)))
