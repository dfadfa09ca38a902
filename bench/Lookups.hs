-- A program that starts from a snapshot, looks up 100 of a million texts, and ends. lookups.snap is in the working directory.
--
-- > lookups make      builds the map and freezes it
-- > lookups           thaws it, looks up, and prints what all answers together are
module Main (main) where

import Control.Exception (evaluate)
import Data.List (foldl')
import qualified Data.Map.Strict as Map
import qualified Data.Text as Text
import Data.Text (Text)
import Fastboot
import System.Environment (getArgs)
import System.Exit (die)

size :: Int
size = 1000000

key, value :: Int -> Text
key i = Text.pack ("key-" ++ replicate (8 - length digits) '0' ++ digits) where digits = show i
value i = Text.pack (show (i * 7))

dictionary :: Map.Map Text Text
dictionary = Map.fromDistinctAscList [k `seq` v `seq` (k, v) | i <- [0 .. size - 1], let k = key i, let v = value i]

-- All over the map.
asked :: [Int]
asked = take 100 (iterate (\i -> (i * 1103515245 + 12345) `mod` size) 4711)

main :: IO ()
main = do
  arguments <- getArgs
  case arguments of
    ["make"] -> do
      _ <- evaluate (Map.size dictionary)
      freeze "lookups.snap" dictionary >>= either (die . show) print
    _ -> do
      table <- thaw "lookups.snap" >>= either (die . show) return
      let answers = [Map.lookup (key i) table | i <- asked]
      if answers == [Just (value i) | i <- asked]
        then print (foldl' (\n answer -> n + maybe 0 Text.length answer) 0 answers)
        else die "lookups: wrong answers"
