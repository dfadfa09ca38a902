-- | Freezes the model, which points into the images of both.
module Main (main) where

import Fastboot
import System.Exit (die)
import Table

main :: IO ()
main = do
  words_ <- thaw "dictionary.snap" >>= either (die . show) return
  rest <- thaw "index.snap" >>= either (die . show) return
  freezeAgainst ["dictionary.snap", "index.snap"] "model.snap" (model words_ rest) >>= either (die . show) print
