-- The value that is frozen.
module Table (Table (..), build, report) where

import qualified Data.Map.Strict as Map
import Rules
import Series
import Types

data Table = Table
  { entries :: Map.Map Int Entry,
    pairs :: [Pair],
    tableRules :: [Rule],
    numbers :: [Int],
    names :: [String]
  }

build :: Int -> Table
build n =
  Table
    { entries = Map.fromList [(i, entry i) | i <- [1 .. 40]],
      pairs = [Pair i (i * i) | i <- [1 .. 10]],
      tableRules = rules n,
      numbers = series n,
      names = labels n
    }
  where
    entry i = Entry (shape i) (Style (replicate (i `mod` 4) 'x') [i, i + 1]) (Weight (i * 3)) (i * 7)
    shape i
      | i `mod` 3 == 0 = Circle (fromIntegral i / 2)
      | i `mod` 3 == 1 = Square i (i + 2)
      | otherwise = Blank

report :: Table -> [String]
report table =
  [show (entries table), show (pairs table)]
    ++ [ruleName rule ++ " " ++ show [ruleApply rule (entryShape e) | e <- Map.elems (entries table)] | rule <- tableRules table]
    ++ [show (take 20 (numbers table)), show (take 5 (names table))]
