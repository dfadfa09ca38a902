{-# LANGUAGE BangPatterns, ExistentialQuantification #-}
-- What the programs of bench/inside measure with: values of several shapes, clocks and counters.
module Shapes
  ( Dictionary, dictionary, text, hash, list, lazies, Shape (..), shape
  , timed, measured, orDie, pageFaults
  ) where

import Control.Exception (evaluate)
import Data.Array (Array, bounds, listArray)
import Data.Bits (shiftR, xor)
import Data.Char (ord)
import qualified Data.IntMap.Strict as IntMap
import Data.IORef (IORef, readIORef)
import Data.List (foldl')
import qualified Data.Map.Strict as Map
import qualified Data.Text as Text
import Data.Text (Text)
import qualified Data.Text.Unsafe as Text (lengthWord16, unsafeHead)
import Data.Typeable (Typeable)
import Data.Word (Word64)
import Foreign.C.Types (CInt (..))
import Foreign.Marshal.Alloc (allocaBytes)
import Foreign.Ptr (Ptr)
import Foreign.Storable (peekByteOff)
import GHC.Clock (getMonotonicTimeNSec)
import System.Exit (die)

-- What is frozen. A dictionary from texts to records is the usual case: small closures of several kinds, many pointers.
type Dictionary = Map.Map Text (Text, Int)

dictionary :: Int -> Dictionary
dictionary n = Map.fromDistinctAscList [entry i | i <- [0 .. n - 1]]
  where
    entry i = let !key = text "key-" 8 i; !value = record (hash i) in (key, value)
    record h = let !t = Text.take (8 + h `mod` 33) (Text.drop (h `shiftR` 8 `mod` 24) alphabet); !copied = Text.copy t in (copied, h)
    alphabet = Text.pack "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/"

hash :: Int -> Int
hash i = x `xor` (x `shiftR` 15) where x = i * 2654435761 `mod` 4294967296

text :: String -> Int -> Int -> Text
text prefix width i = Text.pack (prefix ++ replicate (width - length digits) '0' ++ digits) where digits = show i

-- Few, large closures: the opposite case.
texts :: Int -> Array Int Text
texts n = foldr seq array array where array = listArray (0, n - 1) [text "value-" 20 i | i <- [0 .. n - 1]]

-- Numbers only: the smallest closures.
numbers :: Int -> IntMap.IntMap Int
numbers n = IntMap.fromDistinctAscList [(i, h) | i <- [0 .. n - 1], let !h = hash i]

-- A list: one long chain, which is the walker's deepest graph.
list :: Int -> [Int]
list n = foldr (\i rest -> let !h = hash i in h `seq` rest `seq` h : rest) [] [0 .. n - 1]

-- How it is built, what forces it, and what reads every closure of it.
data Shape = forall a. Typeable a => Shape (Int -> a) (a -> Int) (a -> Int)

-- Both closures of a text: the record and its array. Not for empty ones.
touch :: Text -> Int
touch t = Text.lengthWord16 t + ord (Text.unsafeHead t)

shape :: String -> IO Shape
shape "dictionary" = return (Shape dictionary Map.size (Map.foldlWithKey' (\a k (t, i) -> a + touch k + touch t + i) 0))
shape "texts" = return (Shape texts ((+ 1) . snd . bounds) (foldl' (\a t -> a + touch t) 0))
-- The records alone: they lie together in the heap, and each beside its array in an image.
shape "records" = return (Shape texts ((+ 1) . snd . bounds) (foldl' (\a t -> a + Text.lengthWord16 t) 0))
shape "numbers" = return (Shape numbers IntMap.size (IntMap.foldlWithKey' (\a k i -> a + k + i) 0))
shape "list" = return (Shape list length (foldl' (+) 0))
shape name = die ("bench: no shape " ++ name)

lazies :: Int -> Array Int Int
lazies n = listArray (0, n - 1) [hash (opaque i) | i <- [1 .. n]]

opaque :: Int -> Int
opaque i = i
{-# NOINLINE opaque #-}

timed :: IO a -> IO (Word64, a)
timed act = do
  start <- getMonotonicTimeNSec
  result <- act
  end <- getMonotonicTimeNSec
  return (end - start, result)

orDie :: Show e => IO (Either e a) -> IO a
orDie act = act >>= either (die . show) return

foreign import ccall unsafe "getrusage" getrusage :: CInt -> Ptr () -> IO CInt
-- | Minor and major page faults of this process so far.
pageFaults :: IO (Int, Int)
pageFaults = allocaBytes 144 $ \usage -> do
  _ <- getrusage 0 usage
  (,) <$> peekByteOff usage 64 <*> peekByteOff usage 72

-- Out of a variable: otherwise the compiler would read it once for all rounds.
measured :: IORef a -> (a -> Int) -> IO (Word64, Int)
measured variable f = timed (readIORef variable >>= \value -> evaluate (f value))
{-# NOINLINE measured #-}

