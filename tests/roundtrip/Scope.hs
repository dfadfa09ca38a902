{-# LANGUAGE ScopedTypeVariables #-}

-- | The program of scope.sh: values that are used within 'withFrozen', and all ways in which something of them may stay.
--
-- > scope freeze       writes map.snap, small.snap, lazy.snap, types.snap
-- > scope CASE...      prints "CASE: unmapped" or "CASE: mapped", and dies where a value is wrong
module Main (main) where

import Control.Concurrent
import Control.Exception
import Control.Monad
import Data.IORef
import Data.List (isInfixOf)
import qualified Data.Map.Strict as Map
import Data.Typeable (TypeRep, typeRep)
import Fastboot
import Foreign.StablePtr
import GHC.Conc (par)
import System.Environment (getArgs)
import System.Exit
import System.IO
import System.IO.Unsafe (unsafePerformIO)
import System.Mem
import System.Mem.StableName
import System.Mem.Weak

type Table = Map.Map Int [Int]

table :: Table
table = Map.fromList [(i, [i, i * i]) | i <- [1 .. 20000]]

frozenTable :: Table
frozenTable = foldr (\values rest -> sum values `seq` rest) table (Map.elems table)

-- Not evaluated when it is frozen: what is below a key refers to the list.
lazies :: [Int] -> Map.Map Int Integer
lazies from = Map.fromDistinctAscList (zip [1 ..] (map (\i -> product (map fromIntegral [1 .. i])) from))

good :: Table -> Bool
good value = Map.size value == 20000 && all (\(i, values) -> values == [i, i * i]) (Map.toList value)

need :: String -> Bool -> IO ()
need what ok = unless ok (hPutStrLn stderr ("wrong: " ++ what) >> exitFailure)

within :: (Table -> IO b) -> IO b
within act = withFrozen "map.snap" act >>= either throwIO return

isMapped :: String -> IO Bool
isMapped file = isInfixOf file <$> (readFile "/proc/self/maps" >>= \text -> length text `seq` return text)

-- | What a scope leaves behind, and a check of it that also keeps it until then.
stays :: IO (IO Bool) -> IO ()
stays leak = do
  check <- leak
  mapped <- isMapped "map.snap"
  -- The heap moves; nothing of the value is lost.
  replicateM_ 3 performMajorGC
  check >>= need "what stayed"
  putStrLn (if mapped then "mapped" else "unmapped")
  -- Let go of, it goes with the next scope.
  performMajorGC
  within (need "again" . good)

oneCase :: String -> IO ()
oneCase name = putStr (name ++ ": ") >> hFlush stdout >> case name of
  "plain" -> within (\v -> return $! sum (concat (Map.elems v))) >>= need "sum" . (== sum [i + i * i | i <- [1 .. 20000]]) >> tell
  "many" -> forM_ [1 .. 50 :: Int] (\i -> within (\v -> evaluate (v Map.! i) >>= need "element" . (== [i, i * i])) >> tellNot) >> tell
  "exception" -> do
    caught <- try (within (\v -> when (good v) (throwIO (userError "on purpose"))))
    need "the exception" (either (\(e :: IOException) -> "on purpose" `isInfixOf` show e) (const False) caught)
    tell
  -- What has escaped from a scope is let go of when its file is another one: the end of any other scope finds that.
  "replaced" -> do
    value <- within return
    freeze "map.snap" frozenTable >>= either throwIO (const (return ()))
    isMapped "map.snap" >>= need "mapped as long as it is used"
    need "what stayed" (good value)
    withFrozen "small.snap" (\v -> need "small" (v == [1 .. 100 :: Int])) >>= either throwIO return
    tell
  "missing" -> withFrozen "none.snap" (\(_ :: Table) -> exitFailure) >>= \r -> either (need "code 101" . (== 101) . thawErrorCode) return (r :: Either ThawError ()) >> tell
  "type" -> withFrozen "map.snap" (\(_ :: [Int]) -> exitFailure) >>= \r -> either (need "code 206" . (== 206) . thawErrorCode) return (r :: Either ThawError ()) >> tell
  "nested" -> within (\outer -> within (need "inner" . good) >> isMapped "map.snap" >>= need "mapped between" >> need "outer" (good outer)) >> tell
  "result" -> stays (within return >>= \v -> return (return (good v)))
  "part" -> stays (within (\v -> evaluate (v Map.! 7)) >>= \v -> return (return (v == [7, 49])))
  "thunk" -> stays (within (\v -> return (Map.foldl' (\n values -> n + length values) 0 v)) >>= \n -> return (return (n == 40000)))
  "ioref" -> stays (newIORef Map.empty >>= \r -> within (writeIORef r) >> return (good <$> readIORef r))
  "stable" -> stays (within newStablePtr >>= \p -> return (good <$> deRefStablePtr p <* freeStablePtr p))
  "name" -> stays (within (\v -> v `seq` makeStableName v) >>= \n -> return (hashStableName n `seq` return True))
  "weak" -> stays (within (\v -> mkWeakPtr v Nothing >>= \w -> return w) >>= \w -> return (maybe False good <$> deRefWeak w))
  "caf" -> stays (within (writeIORef slot . Just) >> return ((maybe False good <$> readIORef slot) <* writeIORef slot Nothing))
  "thread" -> stays $ do
    go <- newEmptyMVar
    done <- newEmptyMVar
    within (\v -> void (forkIO (takeMVar go >> putMVar done (good v))) >> yield)
    return (putMVar go () >> takeMVar done)
  "spark" -> stays (within (\v -> let n = Map.size v in n `par` return n) >>= \n -> return (return (n == 20000)))
  -- Less than a megablock, and its last block is not full.
  "small" -> do
    value <- withFrozen "small.snap" return >>= either throwIO return
    mapped <- isMapped "small.snap"
    need "small" (value == [1 .. 100 :: Int])
    putStrLn (if mapped then "mapped" else "unmapped")
    need "small again" (sum value == 5050)
  "permanent" -> do
    value <- thaw "map.snap" >>= either throwIO return
    within (need "scoped" . good)
    isMapped "map.snap" >>= putStrLn . (\m -> if m then "mapped" else "unmapped")
    need "permanent" (good value)
  "scopes-at-once" -> do
    dones <- forM [1 .. 8 :: Int] $ \i -> do
      done <- newEmptyMVar
      _ <- forkIO (replicateM_ 5 (within (\v -> yield >> evaluate (v Map.! i) >>= need "element" . (== [i, i * i]))) >> putMVar done ())
      return done
    mapM_ takeMVar dones
    tell
  "lazy" -> do
    n <- withFrozen "lazy.snap" (\(v :: Map.Map Int Integer) -> evaluate (v Map.! 20 `mod` 1000003)) >>= either throwIO return
    need "forced" (n == product [1 .. 20] `mod` 1000003)
    again <- withFrozen "lazy.snap" (\(v :: Map.Map Int Integer) -> evaluate (v Map.! 20 + v Map.! 3)) >>= either throwIO return
    need "forced again" (again == product [1 .. 20] + 6)
    isMapped "lazy.snap" >>= putStrLn . (\m -> if m then "mapped" else "unmapped")
  "literals" -> do
    -- The string is read bit by bit from bytes in the image, which no pointer leads to.
    text <- withFrozen "types.snap" (\(t :: TypeRep) -> return $! show t) >>= either throwIO return
    replicateM_ 3 performMajorGC
    need "text" (text == "Map Int [Bool]")
    isMapped "types.snap" >>= putStrLn . (\m -> if m then "mapped" else "unmapped")
  _ -> die "no such case"
  where
    tell = isMapped "map.snap" >>= putStrLn . (\m -> if m then "mapped" else "unmapped")
    tellNot = isMapped "map.snap" >>= need "unmapped each time" . not

slot :: IORef (Maybe Table)
slot = unsafePerformIO (newIORef Nothing)
{-# NOINLINE slot #-}

main :: IO ()
main = do
  arguments <- getArgs
  case arguments of
    ["freeze"] -> do
      freeze "map.snap" frozenTable >>= either throwIO (const (return ()))
      freeze "small.snap" (let list = [1 .. 100 :: Int] in sum list `seq` list) >>= either throwIO (const (return ()))
      freeze "lazy.snap" (lazies [1 .. 300]) >>= either throwIO (const (return ()))
      freeze "types.snap" (typeRep [Map.empty :: Map.Map Int [Bool]]) >>= either throwIO (const (return ()))
    cases -> mapM_ oneCase cases
