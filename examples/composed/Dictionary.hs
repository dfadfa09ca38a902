-- | Freezes the dictionary.
module Main (main) where

import Fastboot
import System.Environment (getArgs)
import System.Exit (die)
import Table

main :: IO ()
main = do
  arguments <- getArgs
  case arguments of
    [size] -> freeze "dictionary.snap" (dictionary (read size)) >>= either (die . show) print
    _ -> die "usage: make-dictionary SIZE"
