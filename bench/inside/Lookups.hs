-- A program that starts from a snapshot, looks up 100 of a million texts, and ends. lookups.snap is in the working directory.
--
-- > lookups make      builds the map, freezes it, and prints what the program must print
-- > lookups           thaws it, looks up, and prints what all answers together are
-- > lookups again     thaws it, looks up twice, and prints how many nanoseconds the second time takes
module Main (main) where

import Control.Exception (evaluate)
import Control.Monad (zipWithM_)
import Data.Char (ord)
import Data.List (foldl')
import qualified Data.Map.Strict as Map
import qualified Data.Text as Text
import qualified Data.Text.Array as Array
import Data.Text (Text)
import qualified Data.Text.Internal as Text
import Fastboot
import GHC.Clock (getMonotonicTimeNSec)
import System.Environment (getArgs)
import System.Exit (die)

size :: Int
size = 1000000

-- "key-00004711", made as a program has it that gets it from somewhere: without a list of characters.
key :: Int -> Text
key i = Text.Text array 0 12
  where
    array = Array.run $ do
      new <- Array.new 12
      zipWithM_ (Array.unsafeWrite new) [0 .. 3] [107, 101, 121, 45]
      let digits at rest
            | at < 4 = return new
            | otherwise = Array.unsafeWrite new at (fromIntegral (48 + rest `rem` 10)) >> digits (at - 1) (rest `quot` 10)
      digits (11 :: Int) i

value :: Int -> Text
value i = Text.pack (show (i * 7))

dictionary :: Map.Map Text Text
dictionary = Map.fromDistinctAscList [k `seq` v `seq` (k, v) | i <- [0 .. size - 1], let k = key i, let v = value i]

-- All over the map.
asked :: [Int]
asked = take 100 (iterate (\i -> (i * 1103515245 + 12345) `mod` size) 4711)

-- Differs where any answer does.
checksum :: (Int -> Maybe Text) -> Int
checksum answer = foldl' (\n i -> maybe (-1) (Text.foldl' (\m c -> (m * 31 + ord c) `mod` 1000000007) n) (answer i)) 0 asked

main :: IO ()
main = do
  arguments <- getArgs
  case arguments of
    ["make"] -> do
      _ <- evaluate (Map.size dictionary)
      _ <- freeze "lookups.snap" dictionary >>= either (die . show) return
      print (checksum (Just . value))
    ["again"] -> do
      table <- thaw "lookups.snap" >>= either (die . show) return
      first <- evaluate (checksum (\i -> Map.lookup (key i) table))
      start <- getMonotonicTimeNSec
      second <- evaluate (checksum (\i -> Map.lookup (key (i + min 0 first)) table))
      end <- getMonotonicTimeNSec
      if first == second then print (end - start) else die "another checksum"
    _ -> do
      table <- thaw "lookups.snap" >>= either (die . show) return
      print (checksum (\i -> Map.lookup (key i) table))
