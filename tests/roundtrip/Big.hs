{-# LANGUAGE MagicHash #-}
{-# LANGUAGE UnboxedTuples #-}

-- | Large graphs: long chains, large arrays, and very many targets.
--
-- > big freeze KIND SIZE FILE
-- > big thaw KIND SIZE FILE
module Main (main) where

import Control.Monad
import qualified Data.Array as Array
import qualified Data.Array.Unboxed as Unboxed
import Data.List (foldl')
import Data.Word (Word8)
import Fastboot
import Foreign.Ptr (plusPtr)
import GHC.Exts (Any, Ptr (..), addrToAny#)
import System.Environment (getArgs)
import System.Exit (exitFailure)
import System.IO
import System.Mem (performMajorGC, performMinorGC)
import Unsafe.Coerce (unsafeCoerce)

-- many_targets.S: functions by the hundred thousand, each with code, an info table and, 16 bytes apart, a closure.
foreign import ccall "&many_closures" manyClosures :: Ptr Word8

type Function = Int -> Int
newtype Holder = Holder Function

functionAt :: Int -> Holder
functionAt i = case manyClosures `plusPtr` (16 * i + 1) of -- with the tag of its arity
  Ptr address -> case addrToAny# address of (# closure #) -> Holder (unsafeCoerce (closure :: Any))

type Bytes = Unboxed.UArray Int Word8

list :: Int -> [Int]
list n = let xs = map (* 3) [1 .. n] in sum xs `seq` xs

bytes :: Int -> Bytes
bytes n = Unboxed.accumArray (\_ new -> new) 0 (0, n - 1) [(i, fromIntegral (i `div` 4096)) | i <- [0, 4096 .. n - 1]]

functions :: Int -> Array.Array Int Holder
functions n = let held = map functionAt [0 .. n - 1] in foldr (\(Holder f) r -> f `seq` r) () held `seq` Array.listArray (0, n - 1) held

orDie :: Show e => IO (Either e a) -> IO a
orDie act = act >>= either (\e -> hPutStrLn stderr (show e) >> exitFailure) return

yes :: String -> Bool -> IO ()
yes what ok = unless ok $ hPutStrLn stderr ("not so: " ++ what) >> exitFailure

collect :: IO ()
collect = performMinorGC >> performMajorGC

main :: IO ()
main = do
  arguments <- getArgs
  case arguments of
    ["freeze", kind, size, file] -> do
      let n = read size
      report <- case kind of
        "list" -> orDie (freeze file (list n))
        "bytes" -> orDie (freeze file (bytes n))
        "functions" -> orDie (freeze file (functions n))
        _ -> exitFailure
      print report
    ["thaw", "list", size, file] -> do
      xs <- orDie (thaw file) :: IO [Int]
      collect
      let n = read size
      yes "its length" (length xs == n)
      yes "its sum" (foldl' (+) 0 xs == 3 * (n * (n + 1) `div` 2))
      collect
      yes "its end" (xs !! (n - 1) == 3 * n)
    ["thaw", "bytes", size, file] -> do
      b <- orDie (thaw file) :: IO Bytes
      collect
      let n = read size
      yes "its size" (Unboxed.bounds b == (0, n - 1))
      yes "its bytes" (and [b Unboxed.! i == fromIntegral (i `div` 4096) | i <- [0, 4096 .. n - 1]])
      yes "the bytes between" (and [b Unboxed.! i == 0 | i <- [1, 40961 .. n - 1], i `mod` 4096 /= 0])
      collect
    ["thaw", "functions", size, file] -> do
      fs <- orDie (thaw file) :: IO (Array.Array Int Holder)
      collect
      yes "their number" (Array.bounds fs == (0, read size - 1))
      yes "each is itself" (and [f 0 == i | (i, Holder f) <- Array.assocs fs])
    _ -> exitFailure
