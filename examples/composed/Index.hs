-- | Freezes the index, which points into the dictionary's image instead of holding a copy of it.
module Main (main) where

import Fastboot
import System.Exit (die)
import Table

main :: IO ()
main = do
  words_ <- thaw "dictionary.snap" >>= either (die . show) return
  freezeAgainst ["dictionary.snap"] "index.snap" (index words_) >>= either (die . show) print
