-- | The graphs of both corpora, data and code, for linking: those that do not take long.
module Main (main) where

import qualified Corpus
import Graph (Graph (name), run)
import qualified Lazy

main :: IO ()
main = run (Corpus.graphs ++ [g {name = "lazy_" ++ name g} | g <- Lazy.graphs])
