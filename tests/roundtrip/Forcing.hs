{-# LANGUAGE BangPatterns #-}
{-# LANGUAGE MagicHash #-}
{-# OPTIONS_GHC -fno-full-laziness -fno-strictness -fno-worker-wrapper -fno-cse #-}

-- | Lazy closures of an image while their evaluation is disturbed: asynchronous exceptions, time limits, deadlock, all capabilities at
-- once, evaluation that evaluates others under 'unsafePerformIO', and collections from other threads.
--
-- > forcing freeze DIR
-- > forcing CASE DIR SEED
module Main (main) where

import Control.Concurrent
import Control.Exception
import Control.Monad
import qualified Data.Array as Array
import Data.IORef
import Data.List (foldl')
import Data.Word (Word64)
import Fastboot
import GHC.Exts (isTrue#, reallyUnsafePtrEquality#)
import System.Environment (getArgs)
import System.Exit (exitFailure)
import System.IO
import System.IO.Unsafe (unsafeDupablePerformIO, unsafePerformIO)
import System.Mem (performMajorGC, performMinorGC)
import System.Timeout (timeout)

type Table = Array.Array Int Integer

-- Some milliseconds for a large n, some microseconds for a small one; it allocates, so that it can be interrupted.
work :: Int -> Integer
work n = foldl' (\a i -> (a * 31 + toInteger i) `mod` 1000000000039) (toInteger n) [1 .. 20 + n `mod` 100 * 600]
{-# NOINLINE work #-}

-- Each element needs the one before it: an interruption stops a tower of evaluations at once.
tower :: Int -> Table
tower n = table
  where
    table = Array.listArray (0, n) (1 : [work i + 3 * table Array.! (i - 1) `mod` 1000003 | i <- [1 .. n]])

single :: Int -> Table
single n = Array.listArray (0, n) [work i | i <- [0 .. n]]

small :: Int -> Table
small n = Array.listArray (0, n) [toInteger i * 7 + 1 | i <- [0 .. n]]

-- Evaluates its neighbours from inside unsafePerformIO, both ways. No handler in between: GHC raises an asynchronous exception there
-- once more as a synchronous one, which the thunk then keeps.
impure :: Int -> Table
impure n = table
  where
    table = Array.listArray (0, n) (5 : [inside i | i <- [1 .. n]])
    inside i
      | even i = unsafePerformIO (evaluate (table Array.! (i - 1) + work i))
      | otherwise = unsafeDupablePerformIO (mask_ (evaluate (table Array.! (i - 1) + 1)))

-- A thunk that needs itself, behind enough work that it is entered by two threads.
loop :: Int -> [Integer]
loop n = let x = work n + y; y = x + 1 in [x, work n]

tables :: [(String, Int -> Table, Int)]
tables = [("tower", tower, 400), ("single", single, 400), ("small", small, 60000), ("impure", impure, 400)]

fileOf :: FilePath -> String -> FilePath
fileOf directory name = directory ++ "/" ++ name ++ ".snap"

orDie :: Show e => Either e a -> IO a
orDie = either (die . show) return

die :: String -> IO a
die message = hPutStrLn stderr message >> exitFailure

-- A small generator, so that a seed says what happened.
newtype Dice = Dice (IORef Word64)

roll :: Dice -> Int -> IO Int
roll (Dice state) n = do
  x <- atomicModifyIORef' state (\s -> let s' = s * 6364136223846793005 + 1442695040888963407 in (s', s' `div` 0x100000000))
  return (fromIntegral (x `mod` fromIntegral n))

order :: Dice -> Int -> IO [Int]
order dice n = do
  start <- roll dice (n + 1)
  backwards <- roll dice 2
  let indexes = [(start + i) `mod` (n + 1) | i <- [0 .. n]]
  return (if backwards == 0 then indexes else reverse indexes)

check :: String -> Table -> Table -> IO ()
check what expected found = forM_ (Array.assocs expected) $ \(i, e) ->
  when (found Array.! i /= e) $ die (what ++ ": element " ++ show i ++ ": expected " ++ show e ++ ", found " ++ show (found Array.! i))

data Stop = Stop deriving (Show)
instance Exception Stop

-- Readers evaluate elements in an order of their own, are interrupted, and go on where they were.
interrupted :: Dice -> Int -> Table -> Int -> IO Int
interrupted dice readers table n = do
  hits <- newIORef (0 :: Int)
  waiting <- forM [1 .. readers] $ \reader -> do
    done <- newEmptyMVar
    indexes <- order dice n
    thread <- mask_ $ forkOnWithUnmask reader $ \unmask -> do
      let go [] = return ()
          go (i : is) = do
            r <- try (evaluate (table Array.! i))
            case r of
              Right !_ -> go is
              Left Stop -> atomicModifyIORef' hits (\h -> (h + 1, ())) >> go (i : is)
          -- One that comes between two evaluations begins the list again.
          again = try (unmask (go indexes)) >>= either (\Stop -> again) return
      r <- try again :: IO (Either SomeException ())
      putMVar done r
    return (thread, done)
  let disturb k = do
        left <- filterM (isEmptyMVar . snd) waiting
        unless (null left) $ do
          roll dice 400 >>= threadDelay
          which <- roll dice (length left)
          throwTo (fst (left !! which)) Stop
          gc <- roll dice 12
          when (gc == 0) performMajorGC
          when (gc `elem` [1, 2, 3]) performMinorGC
          disturb (k + 1 :: Int)
  -- Not for ever: after so long, in peace.
  _ <- timeout 4000000 (disturb 0)
  forM_ waiting $ \(_, done) -> takeMVar done >>= \r -> case r of
    Right () -> return ()
    Left e | Just Stop <- fromException e -> return ()
           | otherwise -> throwIO e
  readIORef hits

thawTable :: FilePath -> String -> IO Table
thawTable directory name = thaw (fileOf directory name) >>= orDie

same :: a -> a -> Bool
same !a !b = isTrue# (reallyUnsafePtrEquality# a b)
{-# NOINLINE same #-}

main :: IO ()
main = do
  arguments <- getArgs
  case arguments of
    ["freeze", directory] -> do
      forM_ tables $ \(name, build, n) -> do
        report <- freeze (fileOf directory name) (build n) >>= orDie
        when (frozenLazyClosures report < fromIntegral n) $ die (name ++ ": " ++ show report)
      freeze (fileOf directory "loop") (loop 7) >>= orDie >>= print
    ["exceptions", directory, seed] -> do
      dice <- Dice <$> newIORef (read seed)
      total <- forM [t | t@(name, _, _) <- tables, name /= "small"] $ \(name, build, n) -> do
        table <- thawTable directory name
        hits <- interrupted dice 3 table n
        performMajorGC
        check name (build n) table
        return hits
      -- Or nothing was shown.
      when (sum total < 20) $ die ("only " ++ show total ++ " evaluations were interrupted")
      putStrLn ("interrupted evaluations: " ++ unwords (map show total))
    ["timeouts", directory, _] -> do
      table <- thawTable directory "single"
      results <- forM [1 .. 400] $ \i -> timeout 150 (evaluate (table Array.! i))
      let late = length (filter (== Nothing) results)
      when (late < 5) $ die ("only " ++ show late ++ " of 400 ran into the time limit")
      check "single" (single 400) table
      putStrLn (show late ++ " of 400 ran into the time limit")
    ["crowd", directory, seed] -> do
      -- All capabilities enter the same closures in the same order, as nearly at once as can be.
      dice <- Dice <$> newIORef (read seed)
      table <- thawTable directory "small"
      n <- getNumCapabilities
      gate <- newEmptyMVar
      outs <- forM [0 .. 3 * n - 1] $ \k -> do
        out <- newEmptyMVar
        _ <- forkOn k (readMVar gate >> evaluate (foldl' (\l i -> let !v = table Array.! i in v : l) [] [0 .. 60000]) >>= putMVar out)
        return out
      roll dice 1000 >>= threadDelay
      putMVar gate ()
      performMinorGC
      values <- forM outs takeMVar
      let expected = reverse (Array.elems (small 60000))
      forM_ values $ \v -> when (v /= expected) $ die "crowd: another answer"
      performMajorGC
      -- What is read from now on is one value for all.
      forM_ [0, 17 .. 60000] $ \i -> unless (same (table Array.! i) (table Array.! i)) $ die ("crowd: two values for " ++ show i)
      putStrLn (show (length values) ++ " threads")
    ["loop", directory, _] -> do
      values <- thaw (fileOf directory "loop") >>= orDie :: IO [Integer]
      forM_ [1 .. 2 :: Int] $ \_ -> do
        -- An image is a root, as a CAF is: a thread that waits for one of its closures is reachable from it, so that GHC need not see
        -- the loop. But it can be interrupted.
        r <- try (timeout 200000 (evaluate (head values)))
        case r of
          Right Nothing -> return ()
          Left NonTermination -> return ()
          Right (Just x) -> die ("loop: expected none, found the value " ++ show x)
        performMajorGC
      when (values !! 1 /= work 7) $ die "loop: the element beside it"
      putStrLn "found"
    _ -> die "usage: see the head of Forcing.hs"
