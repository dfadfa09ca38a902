-- A program that evaluates top-level values, lets go of them, and gets them back with a frozen function.
--
-- > DeadCafs make                       freezes what the other thaws
-- > DeadCafs thaw COLLECTIONS BUSY      after so many major collections, beside so many threads
module Main (main) where

import Control.Concurrent (forkIO, killThread, newEmptyMVar, putMVar, takeMVar, threadDelay)
import Control.Exception (evaluate)
import Control.Monad (forM_, forever, replicateM, replicateM_)
import Data.IORef
import qualified Data.Map.Strict as Map
import Fastboot
import System.Environment (getArgs)
import System.Exit (die)
import System.IO.Unsafe (unsafePerformIO)
import System.Mem (performMajorGC)

table :: Map.Map Int Integer
table = Map.fromList [(i, fromIntegral i * 3) | i <- [1 .. 20000]]
{-# NOINLINE table #-}

-- Reached by way of another CAF.
indirect :: [Integer]
indirect = map (* 2) (Map.elems table)
{-# NOINLINE indirect #-}

look :: Int -> Int -> Integer
look a b = Map.findWithDefault 0 (a + b) table + indirect !! a
{-# NOINLINE look #-}

-- Lives as long as the program.
counter :: IORef Int
counter = unsafePerformIO (newIORef 0)
{-# NOINLINE counter #-}

count :: Int -> IO Int
count n = atomicModifyIORef' counter (\c -> (c + n, c + n))
{-# NOINLINE count #-}

-- Not evaluated before it is thawed, though the collector has met what leads to it, and then not.
late :: Map.Map Int Integer
late = Map.fromList [(i, fromIntegral i * 5) | i <- [1 .. 20000]]
{-# NOINLINE late #-}

lookLate :: Int -> Integer
lookLate a = if a < 0 then 0 else Map.findWithDefault 0 a late
{-# NOINLINE lookLate #-}

-- Another name of a CAF.
alias :: Map.Map Int Integer
alias = late
{-# NOINLINE alias #-}

lookAlias :: Int -> Integer
lookAlias a = if a < 0 then 0 else 1 + Map.findWithDefault 0 a alias
{-# NOINLINE lookAlias #-}

expect :: (Eq a, Show a) => String -> a -> a -> IO ()
expect what expected found
  | expected == found = return ()
  | otherwise = die (what ++ ": " ++ show found ++ ", expected " ++ show expected)

right :: Show e => IO (Either e a) -> IO a
right act = act >>= either (die . show) return

main :: IO ()
main = do
  arguments <- getArgs
  case arguments of
    ["make"] -> do
      let dictionary = Map.fromList [(i, look i) | i <- [1 .. 3]] :: Map.Map Int (Int -> Integer)
      _ <- right (freeze "dead.snap" (look 5))
      _ <- right (freeze "live.snap" count)
      _ <- right (freeze "late.snap" (lookLate, lookAlias))
      _ <- right (freeze "base.snap" dictionary)
      base <- right (thaw "base.snap") :: IO (Map.Map Int (Int -> Integer))
      _ <- right (freezeAgainst ["base.snap"] "needing.snap" (Map.elems base, lookLate))
      return ()
    ["thaw", collections, busy] -> do
      expect "built" 21 (look 1 2)
      expect "not yet" [0, 0] [lookLate (-1), lookAlias (-1)]
      count 40 >>= expect "counted" 40
      -- Others collect, and evaluate CAFs, at the same time.
      others <- replicateM (read busy) (forkIO (forever (evaluate (length (show [1 .. 2000 :: Int])) >> threadDelay 20000 >> performMajorGC)))
      replicateM_ (read collections) performMajorGC
      -- What was freed is used again.
      let other = Map.fromList [(i, i * 7) | i <- [1 .. 40000 :: Int]]
      expect "other" 40000 (Map.size other)
      needing <- newEmptyMVar
      _ <- forkIO (thaw "needing.snap" >>= putMVar needing)
      again <- right (thaw "dead.snap") :: IO (Int -> Integer)
      (functions, lateToo) <- right (takeMVar needing) :: IO ([Int -> Integer], Int -> Integer)
      performMajorGC
      expect "thawed" [54, 57, 60] (map again [1, 2, 3])
      performMajorGC
      expect "thawed, all" 542497500 (sum (map again [1 .. 19000]))
      expect "needing" [42, 60, 78] (zipWith ($) functions [9, 12, 15])
      (fresh, byAlias) <- right (thaw "late.snap") :: IO (Int -> Integer, Int -> Integer)
      forM_ [1 .. 4] $ \i -> do
        expect "late" [5 * fromIntegral i, 5, 10, 16] [fresh i, fresh 1, lateToo 2, byAlias 3]
        performMajorGC
        expect "other" 40000 (Map.size (Map.map (+ i) other))
      counting <- right (thaw "live.snap")
      (counting :: Int -> IO Int) 2 >>= expect "counted by what was thawed" 42
      performMajorGC
      count 1 >>= expect "counted" 43
      expect "other" 280000 (other Map.! 40000)
      mapM_ killThread others
      putStrLn "ok"
    _ -> die "usage: make | thaw COLLECTIONS BUSY"
