module Main (main) where

import Graph (run)
import qualified Lazy

main :: IO ()
main = run Lazy.graphs
