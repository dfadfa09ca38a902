-- | What frozen code refers to stays alive, however often the collector runs, although nothing else in the process needs it.
-- The branch that thaws must not mention the functions and tables: they are only reached through the image.
--
-- > caf freeze FILE ANSWERS
-- > caf thaw FILE ANSWERS
module Main (main) where

import Control.Exception (evaluate)
import Control.Monad (forM_, unless)
import qualified Data.Map.Strict as Map
import Fastboot
import System.Environment (getArgs)
import System.Exit (exitFailure)
import System.Mem (performMajorGC, performMinorGC)

-- Tables: one for each way in which frozen code can refer to it.
squares, cubes, names, selfish :: Map.Map Int Int
squares = Map.fromList [(i, i * i) | i <- [1 .. 5000]]
cubes = Map.fromList [(i, i * i * i) | i <- [1 .. 5000]]
names = Map.fromList [(i, length (show i)) | i <- [1 .. 5000]]
selfish = Map.fromList [(i, i + 1) | i <- [1 .. 5000]]
{-# NOINLINE squares #-}
{-# NOINLINE cubes #-}
{-# NOINLINE names #-}
{-# NOINLINE selfish #-}

-- An infinite table that grows while it is used.
triangles :: [Int]
triangles = scanl1 (+) [1 ..]
{-# NOINLINE triangles #-}

-- A top-level function that refers to one table has it in its own closure, not in an SRT.
own :: Int -> Int
own k = Map.findWithDefault 0 k selfish
{-# NOINLINE own #-}

-- Two tables, in an SRT; and another function's.
both :: Int -> Int
both k = Map.findWithDefault 0 k squares + Map.findWithDefault 0 k cubes + own k
{-# NOINLINE both #-}

-- A local function, with free variables.
local :: Int -> Int -> Int
local n = if n > 3 then \k -> Map.findWithDefault n k names else \k -> k
{-# NOINLINE local #-}

-- Constructor, class and dictionary that reach tables.
data Handler = Handler { handlerName :: String, handle :: Int -> Int }

class Numbered a where
  number :: a -> Int -> Int
  numbers :: a -> [Int] -> [Int]
  numbers a ks = map (number a) ks

data Triangular = Triangular
instance Numbered Triangular where
  number _ k = triangles !! (k `mod` 3000)

data AnyNumbered = AnyNumbered (Int -> Int) ([Int] -> [Int])

-- No thunks: a half-evaluated heap object would keep the tables alive by itself.
type Frozen = ([Handler], AnyNumbered)

create :: Int -> Frozen
create n =
  n `seq` handlers `seq` f `seq` g `seq` (handlers, AnyNumbered f g)
  where
    f = number Triangular
    g = numbers Triangular
    handlers = foldr seq () hs `seq` hs
    hs = [ make "own" own, make "both" both, make "local" (local n), make "triangles" (\k -> triangles !! (k * n `mod` 3000)) ]
    make s h = length s `seq` h `seq` Handler s h
{-# NOINLINE create #-}

answers :: Frozen -> Int -> String
answers (hs, AnyNumbered f g) i =
  show ([(handlerName h, map (handle h) [i .. i + 5]) | h <- hs], f i, g [i, i + 7])
{-# NOINLINE answers #-}

churn :: Int -> IO ()
churn n = evaluate (sum (Map.elems (Map.fromList [(i * 7919 `mod` 5003, i + n) | i <- [1 .. 20000]]))) >> return ()

freezing, thawing :: FilePath -> FilePath -> IO ()
freezing file expected = do
  let value = create (length file - length file + 7)
  result <- freeze file value
  case result of
    Left failure -> print failure >> exitFailure
    Right report -> unless (frozenLazyClosures report == 0) $ print report >> exitFailure
  writeFile expected (unlines [answers value i | i <- [1 .. 60]])
{-# NOINLINE freezing #-}

thawing file expected = do
  wanted <- lines <$> readFile expected
  evaluate (sum (map length wanted)) >>= churn
  thawed <- thaw file
  case thawed of
    Left failure -> print failure >> exitFailure
    Right value -> forM_ (zip [1 ..] wanted) $ \(i, line) -> do
      unless (answers value i == line) $
        putStrLn ("question " ++ show i ++ ": " ++ answers value i ++ "\nexpected " ++ line) >> exitFailure
      churn i
      performMajorGC
      performMinorGC
      performMajorGC
{-# NOINLINE thawing #-}

-- The last thing that it does is to jump into one of the two, so that the other is garbage.
main :: IO ()
main = do
  arguments <- getArgs
  case arguments of
    ["freeze", file, expected] -> freezing file expected
    ["thaw", file, expected] -> thawing file expected
    _ -> exitFailure
