{-# LANGUAGE BangPatterns, FlexibleInstances #-}
-- The work that all peers do, in Haskell: what is in the tables, and the look-ups. docs/BENCHMARKS.md defines it.
module Work (Value (..), Vector, Ordered, Hashed) where

import Data.Bits (shiftR, xor, (.&.))
import Data.Char (ord)
import qualified Data.HashMap.Strict as HashMap
import Data.List (foldl')
import qualified Data.Map.Strict as Map
import qualified Data.Text as Text
import Data.Text (Text)
import qualified Data.Text.Array as Array
import qualified Data.Text.Internal as Text
import qualified Data.Vector as Vector

type Vector = Vector.Vector Text
type Ordered = Map.Map Text (Text, Int)
type Hashed = HashMap.HashMap Text (Text, Int)

class Value a where
  -- | A table of n entries: built with care, without a list of characters anywhere.
  tight :: Int -> a
  -- | The same as it is usually written.
  naive :: Int -> a
  -- | The checksum of the 100 look-ups in a table of n entries.
  answer :: Int -> a -> Int

instance Value Vector where
  tight n = forced (Vector.generate n tightValue)
  naive n = forced (Vector.fromList (map (naiveValue . hash) [0 .. n - 1]))
  answer n table = foldl' (\a i -> foldText a (table Vector.! i)) 0 (asked n)

instance Value Ordered where
  tight n = Map.fromDistinctAscList (map tightEntry [0 .. n - 1])
  naive n = Map.fromList (map naiveEntry [0 .. n - 1])
  answer n table = foldl' (\a i -> foldEntry a (Map.lookup (tightKey i) table)) 0 (asked n)

instance Value Hashed where
  tight n = HashMap.fromList (map tightEntry [0 .. n - 1])
  naive n = HashMap.fromList (map naiveEntry [0 .. n - 1])
  answer n table = foldl' (\a i -> foldEntry a (HashMap.lookup (tightKey i) table)) 0 (asked n)

forced :: Vector -> Vector
forced table = Vector.foldl' (\() !_ -> ()) () table `seq` table

hash :: Int -> Int
hash i = x `xor` (x `shiftR` 15) where x = i * 2654435761 .&. 4294967295

alphabet :: Text
alphabet = Text.pack (['a' .. 'z'] ++ ['A' .. 'Z'] ++ ['0' .. '9'] ++ "+/")
{-# NOINLINE alphabet #-}

tightEntry, naiveEntry :: Int -> (Text, (Text, Int))
tightEntry i = let !k = tightKey i; !h = hash i; !v = tightValue i in (k, (v, h))
naiveEntry i = let !k = naiveKey i; !h = hash i; !v = naiveValue h in (k, (v, h))

tightValue, naiveValue :: Int -> Text
tightValue i = Text.Text copied 0 len
  where
    h = hash i
    len = 8 + h `mod` 33
    Text.Text from start _ = alphabet
    copied = Array.run (Array.new len >>= \new -> Array.copyI new 0 from (start + h `shiftR` 8 `mod` 24) len >> return new)
naiveValue h = Text.pack (take (8 + h `mod` 33) (drop (h `shiftR` 8 `mod` 24) (Text.unpack alphabet)))

-- "key-0004711"
tightKey, naiveKey :: Int -> Text
tightKey i = Text.Text digits 0 11
  where
    digits = Array.run $ do
      new <- Array.new 11
      Array.unsafeWrite new 0 107 >> Array.unsafeWrite new 1 101 >> Array.unsafeWrite new 2 121 >> Array.unsafeWrite new 3 45
      let write at rest
            | at < 4 = return new
            | otherwise = Array.unsafeWrite new at (fromIntegral (48 + rest `rem` 10)) >> write (at - 1) (rest `quot` 10)
      write (10 :: Int) i
naiveKey i = Text.pack ("key-" ++ replicate (7 - length digits) '0' ++ digits) where digits = show i

asked :: Int -> [Int]
asked n = [s `shiftR` 8 `mod` n | s <- take 100 (tail (iterate (\s -> (s * 1103515245 + 12345) .&. 2147483647) 12345))]

foldNumber :: Int -> Int -> Int
foldNumber a b = (a * 31 + b) `mod` 1000000007

foldText :: Int -> Text -> Int
foldText = Text.foldl' (\a c -> foldNumber a (ord c))

foldEntry :: Int -> Maybe (Text, Int) -> Int
foldEntry _ Nothing = error "a key is missing"
foldEntry a (Just (v, h)) = foldNumber (foldText a v) h
