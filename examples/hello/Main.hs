-- The two halves by hand: freeze a Map to a file, and thaw it, as the next process would.
module Main (main) where

import qualified Data.Map as Map
import Fastboot

capitals :: Map.Map Int String
capitals = Map.fromList (zip [1 ..] ["Ankara", "Bern", "Cairo"])

main :: IO ()
main = do
  freeze "capitals.snap" capitals >>= either (fail . show) print
  again <- thaw "capitals.snap" >>= either (fail . show) return
  print (again :: Map.Map Int String)
