module Main (main) where

import qualified Corpus
import Graph (run)

main :: IO ()
main = run Corpus.graphs
