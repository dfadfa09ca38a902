{-# LANGUAGE CPP #-}

-- | Random use: one round of it.
--
-- > soak DIRECTORY SEED STEPS   prints what it did, and fails where an answer is wrong or it holds more and more
-- > soak make FILE SEED         freezes one value
-- > soak check FILE SEED        thaws one, in this or another build
module Main (main) where

import Control.Exception (evaluate)
import Control.Monad
import Data.Bits (shiftR, xor)
import qualified Data.ByteString as Bytes
import Data.IORef
import qualified Data.Map.Strict as Map
import Fastboot
import Process
import System.Environment (getArgs, setEnv, unsetEnv)
import System.Exit
import System.IO
import System.Posix.Files (removeLink, setFileMode)

-- Data, an unbounded lazy list, a lazy map, a function with free variables, and sharing.
data Value = Value
  { number :: !Int
  , table :: Map.Map Int [Int]
  , endless :: [Integer]
  , function :: Int -> Int
  , again :: [Map.Map Int [Int]]
  }

value :: Int -> Value
value seed = Value seed entries (iterate (\n -> n * 3 + fromIntegral seed) 1) (\n -> n * seed + length marks) [entries, entries]
  where
    entries = Map.fromDistinctAscList [(i, replicate (i `mod` 5) (i * seed)) | i <- [1 .. 50 + seed `mod` 3000]]
    marks = replicate (seed `mod` 7) ()

-- Looks at a part of it, which the random numbers choose.
right :: Int -> [Int] -> Value -> Bool
right seed randoms v = number v == seed && and (take 6 (zipWith part (cycle [0 :: Int ..  4]) randoms))
  where
    expected = value seed
    part 0 r = Map.lookup (1 + r `mod` 60) (table v) == Map.lookup (1 + r `mod` 60) (table expected)
    part 1 r = endless v !! (r `mod` 300) == endless expected !! (r `mod` 300)
    part 2 r = function v r == function expected r
    part 3 _ = map Map.size (again v) == map Map.size (again expected)
    part _ r = Map.lookupGE r (table v) == Map.lookupGE r (table expected)

-- xorshift: enough to vary what is done, and the same everywhere.
randomsFrom :: Int -> [Int]
randomsFrom seed = map (`shiftR` 8) (tail (iterate next (seed * 2654435761 + 88172645463325252)))
  where
    next x0 = let x1 = x0 `xor` (x0 * 8192); x2 = x1 `xor` ((x1 `shiftR` 7) `mod` (2 ^ (57 :: Int))); in x2 `xor` (x2 * 131072)

pick :: [Int] -> Int -> Int
pick (r : _) n = r `mod` n
pick [] _ = 0

type State = IORef (Map.Map FilePath Int) -- which value each file holds

type Step = FilePath -> State -> IORef [Value] -> [Int] -> IO String

steps :: [(Int, String, Step)]
steps =
  [ (4, "freeze", freezeStep), (8, "scope", scopeStep), (2, "moved", movedStep), (3, "two", twoStep), (2, "kept", keptStep)
  , (1, "damaged", damagedStep), (1, "missing", missingStep)
  ]

fileOf :: FilePath -> [Int] -> FilePath
fileOf directory randoms = directory ++ "/value" ++ show (pick randoms 6) ++ ".snap"

bad :: String -> IO a
bad message = hPutStrLn stderr ("WRONG: " ++ message) >> exitWith (ExitFailure 1)

freezeStep, scopeStep, movedStep, twoStep, keptStep, damagedStep, missingStep :: Step
freezeStep directory state _ randoms = do
  let file = fileOf directory randoms
      seed = pick (tail randoms) 100000
      depth = [AsIs, WHNF] !! pick (drop 2 randoms) 2
  freezeWith depth file (value seed) >>= either (bad . show) (const (modifyIORef' state (Map.insert file seed)))
  return "froze"

scope :: Int -> FilePath -> Int -> [Int] -> IO a -> IO a
scope _ file seed randoms inner = do
  result <- withFrozen file (\v -> do
    good <- evaluate (right seed randoms v)
    unless good (bad (file ++ ": another value than " ++ show seed))
    inner)
  either (bad . show) return result

known :: FilePath -> State -> [Int] -> (FilePath -> Int -> IO String) -> IO String
known directory state randoms act = do
  files <- readIORef state
  maybe (return "none yet") (act (fileOf directory randoms)) (Map.lookup (fileOf directory randoms) files)

scopeStep directory state _ randoms = known directory state randoms $ \file seed -> scope 0 file seed (drop 3 randoms) (return "thawed")

movedStep directory state kept randoms = do
  setEnv "FASTBOOT_REBASE" "1"
  result <- scopeStep directory state kept randoms
  unsetEnv "FASTBOOT_REBASE"
  return result

twoStep directory state _ randoms = known directory state randoms $ \file seed ->
  known directory state (tail randoms) $ \other otherSeed ->
    scope 0 file seed (drop 3 randoms) (scope 1 other otherSeed (drop 9 randoms) (return "thawed two"))

-- What escapes from a scope stays; a later step lets it go.
keptStep directory state kept randoms = known directory state randoms $ \file seed -> do
  result <- withFrozen file return
  v <- either (bad . show) return result
  old <- readIORef kept
  unless (all (\o -> right (number o) (drop 3 randoms) o) old) (bad "a value that escaped changed")
  if right seed (drop 3 randoms) v then writeIORef kept (take 2 (v : old)) else bad (file ++ ": escaped as another value")
  when (pick (drop 4 randoms) 3 == 0) (writeIORef kept [])
  return "kept"

damagedStep directory state _ randoms = known directory state randoms $ \file _ -> do
  bytes <- Bytes.readFile file
  let at = pick (tail randoms) (min 8192 (Bytes.length bytes))
      copy = directory ++ "/damaged.snap"
      (before, after) = Bytes.splitAt at bytes
  Bytes.writeFile copy (Bytes.concat [before, Bytes.map (`xor` 16) (Bytes.take 1 after), Bytes.drop 1 after])
  setFileMode copy 0o600
  -- Bytes that thawing does not need may be any.
  result <- withFrozen copy (return . number)
  removeLink copy
  return (either (const "refused") (const "harmless") result)

missingStep directory _ _ _ = withFrozen (directory ++ "/nothing.snap") (return . number) >>= \r -> case r of
  Left failure | thawErrorCode failure == 101 -> return "missing"
  other -> bad ("a file that is not there: " ++ show other)

choose :: Int -> (String, Step)
choose r = go (r `mod` sum [n | (n, _, _) <- steps]) steps
  where
    go k ((n, name, step) : rest) = if k < n then (name, step) else go (k - n) rest
    go _ [] = ("freeze", freezeStep)

run :: FilePath -> Int -> Int -> IO ()
run directory seed count = do
  state <- newIORef Map.empty
  kept <- newIORef []
  counts <- newIORef Map.empty
  baseline <- newIORef Nothing
  forM_ [1 .. count] $ \i -> do
    let randoms = randomsFrom (seed * 1000003 + i)
        (name, step) = choose (head randoms)
    _ <- step directory state kept (tail randoms)
    modifyIORef' counts (Map.insertWith (+) name (1 :: Int))
    when (i == count `div` 4) $ do
      writeIORef kept []
      settle state
      held >>= writeIORef baseline . Just
  writeIORef kept []
  settle state
  after <- held
  done <- readIORef counts
  putStr (unwords [show n ++ " " ++ name | (name, n) <- Map.toList done])
  readIORef baseline >>= \b -> case b of
    Nothing -> putStrLn ""
    Just before -> putStrLn ("; " ++ show before ++ " -> " ++ show after) >> unless (level before after) (bad "it holds more and more")
  where
    -- An image that escaped goes with a later scope, also when its file holds another value by now.
    settle state = readIORef state >>= \files -> forM_ (Map.toList files) $ \(file, s) -> scope 0 file s [1 ..] (return ())

#ifdef OTHER_BUILD
note :: String
note = "another build"
#else
note :: String
note = "build"
#endif

main :: IO ()
main = do
  hSetBuffering stdout LineBuffering
  arguments <- getArgs
  case arguments of
    ["make", file, seed] -> freeze file (value (read seed)) >>= either (bad . show) (const (return ()))
    ["check", file, seed] -> scope 0 file (read seed) (randomsFrom (read seed)) (putStrLn ("ok, " ++ note))
    [directory, seed, count] -> run directory (read seed) (read count)
    _ -> hPutStrLn stderr "unknown arguments" >> exitWith (ExitFailure 2)
