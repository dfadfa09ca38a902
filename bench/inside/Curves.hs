-- The program of the benches that draw curves. Numbers on stdout, one line for each measurement: nanoseconds, bytes or counts.
--
-- > curves freeze SHAPE N FILE        freezes: image bytes, nanoseconds of the walk and of writing
-- > curves compact SHAPE N ROUNDS     compacts, in turn with major collections: bytes of the region, nanoseconds of compact (which does not
-- >                                   keep sharing, and freezing does), of compactWithSharing, of the collection; live bytes
-- > curves look FILE                  thaws, then looks up 100 keys all over: nanoseconds, minor and major page faults of that alone
-- > curves force N FILE THREADS       as many threads (1 or 2) force N lazy closures of the heap, then of the image: nanoseconds of both
-- > curves lazy N FILE                freezes an array of N lazy closures
-- > curves hold FILE|N                thaws a dictionary, or builds one of N entries, reads all of it, says so, and waits for its input's end
module Main (main) where

import Control.Concurrent (forkOn, newEmptyMVar, putMVar, takeMVar)
import Control.Exception (evaluate)
import Control.Monad (forM, forM_)
import Data.Array (Array, (!))
import Data.IORef (newIORef, readIORef)
import qualified Data.Map.Strict as Map
import Data.Word (Word64)
import Fastboot
import GHC.Compact (Compact, compact, compactSize, compactWithSharing, getCompact)
import GHC.Stats (gc, gcdetails_live_bytes, getRTSStats)
import Shapes
import System.Environment (getArgs)
import System.Exit (die)
import System.IO (hFlush, stdout)
import System.Mem (performMajorGC)

say :: [Word64] -> IO ()
say = putStrLn . unwords . map show

freezeOnce :: Shape -> Int -> FilePath -> IO ()
freezeOnce (Shape build size _) n file = do
  value <- evaluate (build n)
  _ <- evaluate (size value)
  performMajorGC
  report <- orDie (freeze file value)
  say [frozenImageBytes report, frozenWalkNanoseconds report, frozenWriteNanoseconds report]

compactRounds :: Shape -> Int -> Int -> IO ()
compactRounds (Shape build size _) n rounds = do
  value <- evaluate (build n)
  _ <- evaluate (size value)
  variable <- newIORef value
  performMajorGC
  forM_ [1 .. rounds] $ \_ -> do
    (plain, bytes) <- timed (readIORef variable >>= compact) >>= sized size
    performMajorGC
    (shared, _) <- timed (readIORef variable >>= compactWithSharing) >>= sized size
    performMajorGC
    (collected, ()) <- timed performMajorGC
    stats <- getRTSStats
    say [bytes, plain, shared, collected, gcdetails_live_bytes (gc stats)]
  _ <- readIORef variable >>= evaluate . size
  return ()
  where
    sized :: (a -> Int) -> (Word64, Compact a) -> IO (Word64, Word64)
    sized count (time, region) = do
      _ <- evaluate (count (getCompact region))
      bytes <- compactSize region
      return (time, fromIntegral bytes)

look :: FilePath -> IO ()
look file = do
  table <- orDie (thaw file) :: IO Dictionary
  let n = Map.size table
      keys = [text "key-" 8 i | s <- take 100 (iterate (\s -> (s * 1103515245 + 12345) `mod` 2147483648) 4711), let i = s `div` 256 `mod` n]
  _ <- evaluate (length (concatMap show keys))
  (minor, major) <- pageFaults
  (time, total) <- timed (evaluate (sum [h | key <- keys, Just (_, h) <- [Map.lookup key table]]))
  (minor', major') <- pageFaults
  if total == 0 then die "curves: nothing was found" else return ()
  say [time, fromIntegral (minor' - minor), fromIntegral (major' - major)]

force :: Int -> FilePath -> Int -> IO ()
force n file threads = do
  built <- evaluate (lazies n)
  performMajorGC
  performMajorGC
  inHeap <- newIORef built
  inImage <- orDie (thaw file) >>= newIORef
  times <- forM [inHeap, inImage] $ \variable -> timed $ do
    array <- readIORef variable
    done <- forM [0 .. threads - 1] $ \thread -> do
      result <- newEmptyMVar
      _ <- forkOn thread (evaluate (total array (thread * 1000)) >>= putMVar result)
      return result
    sum <$> mapM takeMVar done
  case times of
    [(heap, a), (image, b)] | a == b -> say [heap, image]
    _ -> die "curves: they are not the same"
  where
    -- Pieces of 1,000 in turn.
    total :: Array Int Int -> Int -> Int
    total array = go 0
      where
        go a i
          | i >= n = a
          | otherwise = go (piece a i (min n (i + 1000))) (i + threads * 1000)
        piece a i end = if i == end then a else let a' = a + array ! i in a' `seq` piece a' (i + 1) end

hold :: Dictionary -> IO ()
hold table = do
  _ <- evaluate (Map.foldl' (\a (_, h) -> a + h) 0 table)
  performMajorGC
  putStrLn "ready"
  hFlush stdout
  _ <- getContents >>= evaluate . length
  _ <- evaluate (Map.size table)
  return ()

main :: IO ()
main = do
  arguments <- getArgs
  case arguments of
    ["freeze", kind, n, file] -> shape kind >>= \s -> freezeOnce s (read n) file
    ["compact", kind, n, rounds] -> shape kind >>= \s -> compactRounds s (read n) (read rounds)
    ["look", file] -> look file
    ["lazy", n, file] -> orDie (freezeWith AsIs file (lazies (read n))) >>= \_ -> return ()
    ["force", n, file, threads] -> force (read n) file (read threads)
    ["hold", number] | all (`elem` ['0' .. '9']) number -> hold (dictionary (read number))
    ["hold", file] -> orDie (thaw file) >>= hold
    _ -> die "usage: see the head of bench/inside/Curves.hs"
