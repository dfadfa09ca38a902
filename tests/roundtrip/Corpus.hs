-- A law about which closures are the same must not get boxes made afresh by a wrapper.
{-# OPTIONS_GHC -fno-worker-wrapper #-}
{-# LANGUAGE BangPatterns #-}
{-# LANGUAGE DataKinds #-}

{-# LANGUAGE ExistentialQuantification #-}
{-# LANGUAGE GADTs #-}



-- | Fully evaluated graphs: what a runtime that freezes data only must hold.
module Corpus (graphs) where

import Control.DeepSeq (force)
import qualified Data.Array as Array
import qualified Data.Array.Unboxed as UArray
import Data.ByteString.Short (ShortByteString)
import qualified Data.ByteString.Short as Short
import Data.Char (chr, ord)
import Data.Complex (Complex (..))
import Data.Dynamic (dynTypeRep, fromDynamic, toDyn)
import Data.Fixed (Centi)
import Data.Functor.Identity (Identity (..))
import qualified Data.HashMap.Strict as HashMap
import qualified Data.HashSet as HashSet
import Data.Hashable (Hashable (..))
import Data.Int
import qualified Data.IntMap.Strict as IntMap
import qualified Data.IntSet as IntSet
import Data.List (foldl')
import Data.List.NonEmpty (NonEmpty (..))
import qualified Data.Map.Lazy as Lazy
import qualified Data.Map.Strict as Map
import Data.Ord (Down (..))
import qualified Data.Primitive as Prim
import Data.Proxy (Proxy (..))
import Data.Ratio ((%))
import qualified Data.Sequence as Seq
import qualified Data.Set as Set
import qualified Data.Text as Text
import qualified Data.Text.Lazy as LazyText
import Data.Tree (Tree, flatten)
import qualified Data.Tree
import Data.Typeable (TypeRep, Typeable, typeOf, typeRep)
import qualified Data.Vector as Vector
import qualified Data.Vector.Primitive as VectorP
import qualified Data.Vector.Unboxed as VectorU
import Data.Version (Version, makeVersion)
import Data.Void (Void)
import Data.Word

import GHC.Fingerprint (fingerprintString)
import GHC.Float (castDoubleToWord64, castFloatToWord32, castWord64ToDouble)

import GHC.Stack (HasCallStack, CallStack, callStack, getCallStack)
import Graph
import Numeric.Natural (Natural)

-- --- constructors of every shape --------------------------------------------------------------------------------------

data Kinds
  = K00
  | K10 Kinds
  | K01 {-# UNPACK #-} !Int
  | K20 Kinds Kinds
  | K11 Kinds {-# UNPACK #-} !Word
  | K02 {-# UNPACK #-} !Double {-# UNPACK #-} !Int
  | K30 Kinds Kinds Kinds
  | K21 !Kinds !Kinds {-# UNPACK #-} !Char
  | K03 {-# UNPACK #-} !Int {-# UNPACK #-} !Int {-# UNPACK #-} !Int
  | K44 Kinds Kinds Kinds Kinds {-# UNPACK #-} !Int {-# UNPACK #-} !Word {-# UNPACK #-} !Double {-# UNPACK #-} !Char
  deriving (Eq, Show)

kinds :: Int -> Kinds
kinds n = K44 (K10 (K01 n)) (K20 (K11 K00 18446744073709551615) (K02 (fromIntegral n / 3) (-n))) (K30 K00 (K01 minBound) K00)
  (K21 (K01 maxBound) (K10 K00) '\x10ffff') (n * 1000) 12 (-0.5) 'x'

-- Exactly as many constructors as the pointer's tag tells apart, one more, and many.
data Six = S1 Int | S2 Int | S3 Int | S4 Int | S5 Int | S6 Int deriving (Eq, Show)
data Seven = V1 Int | V2 Int | V3 Int | V4 Int | V5 Int | V6 Int | V7 Int deriving (Eq, Show)
data Twelve = T1 | T2 Int | T3 | T4 Int Int | T5 | T6 Int | T7 | T8 Int | T9 | T10 Bool | T11 | T12 Twelve
  deriving (Eq, Ord, Show)

data Unpacked = Unpacked
  { u8 :: {-# UNPACK #-} !Word8, u16 :: {-# UNPACK #-} !Word16, u32 :: {-# UNPACK #-} !Word32
  , u64 :: {-# UNPACK #-} !Word64, i8 :: {-# UNPACK #-} !Int8, i16 :: {-# UNPACK #-} !Int16
  , i32 :: {-# UNPACK #-} !Int32, i64 :: {-# UNPACK #-} !Int64, uc :: {-# UNPACK #-} !Char
  , uf :: {-# UNPACK #-} !Float, ud :: {-# UNPACK #-} !Double, up :: {-# UNPACK #-} !(Int, Int) }
  deriving (Eq, Show)

-- Numbers that look like addresses of the program, of the heap and of images: they stay numbers.
addressLike :: Int -> [Word64]
addressLike n = concat [[0x400000 + k, 0x4200000000 + k, 0x12300000000 + k, 0x12300008000 + k, 0x7fff00000000 + k] | i <- [0 .. 63], let k = fromIntegral (i * 8 * n)]

data Pair = Pair {-# UNPACK #-} !Word64 {-# UNPACK #-} !Word64 deriving (Eq, Show)

data Big = Big
  { b01, b02, b03, b04, b05, b06, b07, b08, b09, b10, b11, b12, b13, b14, b15, b16 :: Int
  , b17, b18, b19, b20, b21, b22, b23, b24, b25, b26, b27, b28, b29, b30, b31, b32 :: String
  , b33, b34, b35, b36, b37, b38, b39, b40, b41, b42, b43, b44, b45, b46, b47, b48 :: Maybe Int
  , b49, b50, b51, b52, b53, b54, b55, b56, b57, b58, b59, b60, b61, b62, b63, b64 :: !Int
  , b65, b66, b67, b68, b69, b70 :: !Double }
  deriving (Eq, Show)

big :: Int -> Big
big n = Big n 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16
  (s 17) (s 18) (s 19) (s 20) (s 21) (s 22) (s 23) (s 24) (s 25) (s 26) (s 27) (s 28) (s 29) (s 30) (s 31) (s 32)
  (m 33) (m 34) (m 35) (m 36) (m 37) (m 38) (m 39) (m 40) (m 41) (m 42) (m 43) (m 44) (m 45) (m 46) (m 47) (m 48)
  (i 49) (i 50) (i 51) (i 52) (i 53) (i 54) (i 55) (i 56) (i 57) (i 58) (i 59) (i 60) (i 61) (i 62) (i 63) (i 64)
  (d 65) (d 66) (d 67) (d 68) (d 69) (d 70)
  where
    s k = show (k * n)
    m k = if even (k :: Int) then Just (k * n) else Nothing
    i k = k * n * 1000
    d k = k / fromIntegral n

-- --- dictionaries and functions ---------------------------------------------------------------------------------------

data Some = forall a. (Show a, Ord a) => Some a

data Sized where
  Sized :: (Integral a, Bounded a, Show a) => a -> Sized

-- A class with superclasses and with methods of several kinds.
class (Ord a, Show a) => Shape2 a where
  area :: a -> Double
  scale :: Double -> a -> a
  corners :: a -> Int
  corners _ = 0

data Square = Square !Double deriving (Eq, Ord, Show)
data Circle = Circle !Double deriving (Eq, Ord, Show)

instance Shape2 Square where
  area (Square a) = a * a
  scale k (Square a) = Square (k * a)
  corners _ = 4

instance Shape2 Circle where
  area (Circle r) = 3 * r * r
  scale k (Circle r) = Circle (k * r)

data AnyShape = forall a. Shape2 a => AnyShape a

data Operations = Operations
  { opName :: String, opRun :: Int -> Int -> Int, opUnary :: Int -> Int, opText :: String -> String
  , opMany :: Int -> Int -> Int -> Int -> Int -> Int -> Int -> Int -> Int -> Int, opUnboxed :: Double -> Double }

plus, minus, weird :: Int -> Int -> Int
plus a b = a + b
minus a b = a - b
weird a b = a * 31 + Map.findWithDefault 0 b weirdTable
{-# NOINLINE plus #-}
{-# NOINLINE minus #-}
{-# NOINLINE weird #-}

-- Only 'weird' uses it.
weirdTable :: Map.Map Int Int
weirdTable = Map.fromList [(i, i * i) | i <- [1 .. 1000]]
{-# NOINLINE weirdTable #-}

nine :: Int -> Int -> Int -> Int -> Int -> Int -> Int -> Int -> Int -> Int
nine a b c d e f g h i = a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g + 8 * h + 9 * i
{-# NOINLINE nine #-}

shout :: String -> String
shout = map succ
{-# NOINLINE shout #-}

halve :: Double -> Double
halve x = x / 2
{-# NOINLINE halve #-}

operations :: Int -> [Operations]
operations n =
  [ Operations (shown ("plus" ++ show n)) plus negate shout nine halve
  , Operations "minus" minus succ reverse nine sqrt
  , Operations "weird" weird pred id nine exp ]

runOperations :: [Operations] -> [(String, Int, Int, String, Int, Double)]
runOperations os =
  [ (opName o, opRun o 100 7, opUnary o 3, opText o "abc", opMany o 1 2 3 4 5 6 7 8 9, opUnboxed o 9) | o <- os ]

-- --- sharing and cycles -----------------------------------------------------------------------------------------------

data Dag = Leaf !Int | Node Dag Dag

dag :: Int -> Dag
dag n = go (60 :: Int) (Leaf n)
  where
    go 0 !d = d
    go k !d = go (k - 1) (Node d d)

-- Both children of every node are one closure; unshared, the graph would not fit anywhere.
dagDepth :: Dag -> Int
dagDepth (Leaf _) = 0
dagDepth (Node a b) | same a b = 1 + dagDepth a
                    | otherwise = error "the children are two closures"

-- A ring: each element knows the next and the one before, through a strict field that is set by laziness.
data Ring = Ring { value :: Int, next :: Ring, previous :: Ring }

ring :: Int -> Ring
ring n = walk (2 * n) (table Map.! 0) `seq` table Map.! 0
  where
    table = Lazy.fromList [(i, Ring (i * i) (at (i + 1)) (at (i - 1))) | i <- [0 .. n - 1]]
    at i = table Map.! (i `mod` n)
    walk :: Int -> Ring -> Int
    walk 0 r = value r
    walk k r = value r `seq` previous r `seq` walk (k - 1) (next r)

cyclicList :: Int -> [Int]
cyclicList n = sum (take 10 xs) `seq` xs
  where xs = n : n + 1 : n + 2 : xs

-- --- sizes ------------------------------------------------------------------------------------------------------------

bytes :: Int -> Int -> Prim.ByteArray
bytes salt n = VectorP.foldr seq () filled `seq` array
  where
    filled = VectorP.generate n (\i -> fromIntegral (i * 131 + i `div` 251 + salt)) :: VectorP.Vector Word8
    VectorP.Vector _ _ array = VectorP.force filled

sumBytes :: Prim.ByteArray -> (Int, Word64)
sumBytes a = (n, foldl' (\h i -> (h `rotated` Prim.indexByteArray a i) * 1099511628211) 14695981039346656037 [0 .. n - 1])
  where
    n = Prim.sizeofByteArray a
    rotated h b = h * 33 + fromIntegral (b :: Word8)

-- The bytes of a megablock that hold closures, as GHC's headers say.
megablock :: Int
megablock = 1024 * 1024 - 64 * 256

-- A closure of nearly, exactly and just over a megablock: header of two words.
boundaryBytes :: Int -> [Prim.ByteArray]
boundaryBytes n = shownBy sizes [bytes (n + k) (megablock - 16 + k) | k <- [-24, -16, -9, -8, -7, -1, 0, 1, 7, 8, 9, 16, 24, 4096]]
  where sizes = map Prim.sizeofByteArray

shownBy :: Show d => (a -> d) -> a -> a
shownBy f x = length (show (f x)) `seq` x

-- Arrays of pointers with a header of two words, of sizes that leave all kinds of rests at the ends of megablocks.
smallArrays :: Int -> [Prim.SmallArray Int]
smallArrays n = force' [Prim.smallArrayFromList (map (* n) [k .. k + k `mod` 231]) | k <- [1 .. 4000]]
  where force' as = sum (map sum as) `seq` as

boundaryArrays :: Int -> [Prim.SmallArray Int]
boundaryArrays n = sum (map sum arrays) `seq` arrays
  where arrays = [Prim.smallArrayFromListN count (replicate count (n + k)) | k <- [-1 .. 1], let count = megablock `div` 8 - 2 + k]

largeArray :: Int -> Prim.Array Int
largeArray n = sum a `seq` a
  where a = Prim.arrayFromList [n .. n + 400000]

data Spine = Empty | Spine :> Int

leftNested :: Int -> Spine
leftNested n = foldl' (\s i -> let !j = i * n in s :> j) Empty [1 .. 300000]

sumSpine :: Spine -> Int
sumSpine = go 0
  where
    go !a Empty = a
    go !a (s :> i) = go (a * 3 + i) s

-- Hashes collide in threes.
newtype Clumsy = Clumsy Int deriving (Eq, Show)
instance Hashable Clumsy where hashWithSalt s (Clumsy i) = hashWithSalt s (i `div` 3)

data Trie = Trie !(Maybe Int) !(Map.Map Char Trie) deriving (Eq, Show)

trie :: [(String, Int)] -> Trie
trie = foldl' insert (Trie Nothing Map.empty)
  where
    insert (Trie _ m) ([], v) = Trie (Just v) m
    insert (Trie w m) (c : cs, v) = Trie w (Map.insert c (insert (Map.findWithDefault (Trie Nothing Map.empty) c m) (cs, v)) m)

stack :: HasCallStack => CallStack
stack = callStack

-- --- the corpus -------------------------------------------------------------------------------------------------------

-- Compared by what 'show' says of them, and evaluated by it first.
plain :: Show a => (Int -> a) -> (Int -> a, Shape a)
plain make = (shown . make, digest show')
  where show' x = let s = show x in (length s, foldl' (\h c -> h * 31 + ord c) 7 s, take 200 s)

graphs :: [Graph]
graphs =
  [ eq "kinds" kinds
  , eq "six_and_seven" (\n -> ([S1 n, S2 n, S3 n, S4 n, S5 n, S6 n], [V1 n, V2 n, V3 n, V4 n, V5 n, V6 n, V7 n]))
  , eq "twelve" (\n -> [T1, T2 n, T3, T4 n n, T5, T6 n, T7, T8 n, T9, T10 (n > 1), T11, T12 (T12 (T6 n))])
  , eq "unpacked" (\n -> [Unpacked (fromIntegral (n * 100)) 65535 4294967295 maxBound (-128) (-32768) minBound minBound 'λ' (1 / 3) (1 / 7) (n, i) | i <- [1 .. 50]])
  , eq "address_like" (\n -> [Pair a b | (a, b) <- zip (addressLike n) (drop 1 (addressLike n))])
  , eq "address_like_boxed" addressLike
  , eq "ints" (\n -> [-20 .. 300] ++ [n * 100000, minBound, maxBound :: Int])
  , eq "chars" (\n -> map chr ([0 .. 300] ++ [n * 1000, 0xfffe, 0x10ffff]))
  , eq "words" (\n -> ([0 .. 20] ++ [maxBound] :: [Word8], [fromIntegral n, maxBound] :: [Word16], [7, maxBound] :: [Word32], [maxBound, 0] :: [Word64], [minBound, 1] :: [Int8], [minBound, -1] :: [Int16], [maxBound, minBound] :: [Int32], [maxBound] :: [Int64]))
  , graph "doubles" (\n -> shown ([0, -0.0, 1 / 0, -1 / 0, castWord64ToDouble 0x7ff8dead0000beef, 5.0e-324, fromIntegral n / 9], [1 / 3, 0 / 0, -0.0 :: Float]))
      (digest (\(ds, fs) -> (map castDoubleToWord64 ds, map castFloatToWord32 fs)))
  , eq "nullary" (\n -> ((), n > 3, [LT ..], [Nothing, Just False], [Left n, Right 'r'], [minBound .. maxBound :: Bool]))
  , eq "root_unit" (const ())
  , eq "root_true" (> 3)
  , eq "root_small_int" id
  , eq "root_large_int" (* 1000003)
  , eq "root_char" (\n -> chr (n + 60))
  , eq "root_empty_list" (\n -> take (n - 7) [1 :: Int ..])
  , graph "root_function" (\n -> if n == 7 then weird else plus) (digest (\f -> [f i j | i <- [1 .. 10], j <- [0 .. 10]]))
  , eq "tuples" (\n -> ((n, 'a'), (n, 'b', "c"), (n, 2 :: Word, 3 :: Int, 4 :: Integer), (1 :: Int, 2 :: Int, 3 :: Int, 4 :: Int, n), (n, n, n, n, n, n), (n, n, n, n, n, n, n)))
  , eq "tuple15" (\n -> (n, 'b', "c", 4 :: Double, 5 :: Word, 6 :: Integer, [7 :: Int], Just 'h', LT, (), True, n * n, 'm', 14 :: Float, Text.pack "o"))
  , eq "empties" (\n -> (take (n - 7) "" :: String, Map.empty :: Map.Map Int Int, Set.empty :: Set.Set Int, Seq.empty :: Seq.Seq Int, IntMap.empty :: IntMap.IntMap Int, Text.empty, Vector.empty :: Vector.Vector Int, VectorU.empty :: VectorU.Vector Int, HashMap.empty :: HashMap.HashMap Int Int, Array.listArray (1, 0) [] :: Array.Array Int Int, UArray.listArray (1, 0) [] :: UArray.UArray Int Int, Short.empty, Proxy :: Proxy Void))
  , eq "list" (\n -> map (* n) [1 .. 5000])
  , eq "strings" (\n -> [show (i * n) ++ "é∀\0" | i <- [1 .. 500]])
  , eq "functors" (\n -> (n :| [1, 2], Identity n, Down n, fromIntegral n :+ (2 :: Double), makeVersion [1, n, 3], Just (Just (Just n)), Left (Right n) :: Either (Either () Int) Int, 12.34 :: Centi))
  , eq "version" (\n -> makeVersion [n, 0, 2] :: Version)
  , eq "ratio" (\n -> [fromIntegral n % 3, 7 % 2 ^ (100 :: Int), -5 % 9 :: Rational])
  , eq "integers" (\n -> [0, 1, -1, fromIntegral n, 2 ^ (63 :: Int), 2 ^ (63 :: Int) - 1, -(2 ^ (63 :: Int)), -(2 ^ (63 :: Int)) - 1, 2 ^ (64 :: Int), product [1 .. 2000], negate (product [1 .. 500]) :: Integer])
  , eq "naturals" (\n -> [0, fromIntegral n, 2 ^ (64 :: Int) - 1, 2 ^ (64 :: Int), 3 ^ (5000 :: Int) :: Natural])
  , eq "text" (\n -> [Text.pack (replicate i 'x' ++ show (i * n) ++ "ß∀𝄞") | i <- [0 .. 300]])
  , eq "text_slices" (\n -> let t = Text.pack (concatMap show [n .. 2000]) in [Text.take 5 (Text.drop i t) | i <- [0, 7 .. 3000]])
  , eq "text_lazy" (\n -> force (LazyText.fromChunks [Text.pack (show (i * n)) | i <- [1 .. 200 :: Int]]))
  , eq "short_bytes" (\n -> [Short.pack (take i [fromIntegral n ..]) | i <- [0 .. 64]] :: [ShortByteString])
  , eq "map" (\n -> Map.fromList [(Text.pack (show i), i * n) | i <- [1 .. 3000]])
  , eq "map_of_maps" (\n -> Map.fromList [(i, Map.fromList [(show j, (i, j, [i .. j])) | j <- [i .. i + 8]]) | i <- [1 .. n * 30]])
  , eq "int_map" (\n -> IntMap.fromList [(i * i - n, show i) | i <- [-500 .. 500]])
  , eq "int_set" (\n -> IntSet.fromList [i * n `mod` 5003 | i <- [1 .. 4000]])
  , eq "set" (\n -> Set.fromList [(i `mod` n, show i) | i <- [1 .. 2000]])
  , eq "seq" (\n -> Seq.fromList [i * n | i <- [1 .. 3000]] <> Seq.fromList [1 .. 10])
  , eq "seq_all_digits" (\n -> [Seq.fromList [n .. n + k] | k <- [0 .. 40]])
  , graph "tree" (\n -> shown (tree 6 n)) (digest (sum . flatten) <> digest length)
  , eq "array" (\n -> Array.listArray ((0, 0), (30, n)) (map show [1 :: Int ..]) :: Array.Array (Int, Int) String)
  , eq "array_of_arrays" (\n -> Array.listArray (1, n) [UArray.listArray (0, k) [k ..] | k <- [1 .. n]] :: Array.Array Int (UArray.UArray Int Int))
  , eq "uarray" (\n -> (UArray.listArray (0, 999) [n ..] :: UArray.UArray Int Int, UArray.listArray (0, 200) (cycle [True, False, False]) :: UArray.UArray Int Bool, UArray.listArray ('a', 'z') [0.5 ..] :: UArray.UArray Char Double))
  , eq "vector" (\n -> Vector.generate 3000 (\i -> (i * n, show i)))
  , eq "vector_slice" (\n -> Vector.slice 100 n (shown (Vector.generate 1000 (Just . (* n)))))
  , eq "vector_unboxed" (\n -> (VectorU.generate 3000 (\i -> (i * n, fromIntegral i / 2 :: Double, i `mod` 3 == 0)), VectorU.fromList "vector"))
  , eq "vector_primitive" (\n -> (VectorP.generate 3000 (* n), VectorP.generate 77 (\i -> fromIntegral i :: Word8)))
  , eq "hash_map" (\n -> let m = HashMap.fromList [(Text.pack (show i), [i, n]) | i <- [1 .. 3000]] in (m, HashMap.lookup (Text.pack "42") m))
  , eq "hash_map_collisions" (\n -> HashMap.fromList [(Clumsy i, i * n) | i <- [1 .. 500]])
  , eq "hash_set" (\n -> HashSet.fromList [(i * n, show i) | i <- [1 .. 1000 :: Int]])
  , graph "hash_map_lookups" (\n -> shown (HashMap.fromList [(i, i * n) | i <- [1 .. 2000 :: Int]]))
      (digest (\m -> (map (`HashMap.lookup` m) [0 .. 2100], HashMap.size (HashMap.insert 0 0 m), HashMap.size (HashMap.delete 5 m))))
  , graph "map_operations" (\n -> shown (Map.fromList [(i, show (i * n)) | i <- [1 .. 2000]]))
      (digest (\m -> (Map.lookup 77 m, Map.foldr ((+) . length) 0 (Map.insertWith (++) 77 "more" m), Map.size (Map.unionWith (++) m (Map.filter ((> 4) . length) m)), Map.valid m)))
  , graph "some" (\n -> forceSomes [Some n, Some 'c', Some (n > 2), Some LT, Some (), Some (1.5 :: Double), Some (2 ^ (70 :: Int) :: Integer), Some (Text.pack "t")])
      (digest (map (\(Some a) -> (show a, a < a, compare a a, max a a == a))))
  , graph "sized" (\n -> let ss = sized n in sum [length (show a) | Sized a <- ss] `seq` ss)
      (digest (map (\(Sized a) -> (show a, show (maxBound `asTypeOf` a), toInteger (a + 1), show (a `div` 2)))))
  , graph "superclasses" (\n -> let d = fromIntegral n in d `seq` [AnyShape (Square d), AnyShape (Circle d), AnyShape (Square 2)])
      (digest (map (\(AnyShape s) -> (area s, show (scale 2 s), corners s, s < scale 2 s))))
  , graph "functions" (\n -> let os = operations n in length (show (runOperations os)) `seq` os) (digest runOperations)
  , graph "function_tags" (\n -> let f = if n > 3 then nine else undefined in f `seq` [Left plus, Left weird, Right f])
      (digest (map (either (\f -> f 3 4) (\f -> f 1 2 3 4 5 6 7 8 9))))
  , graph "type_reps" (\n -> shown [typeOf n, typeRep (Proxy :: Proxy Maybe), typeOf (Just [Right 'c' :: Either Int Char]), typeOf plus, typeOf (Map.empty :: Map.Map Int Text.Text), typeRep (Proxy :: Proxy 'True), typeRep (Proxy :: Proxy "literal"), typeRep (Proxy :: Proxy 42)] :: [TypeRep])
      (digest (\ts -> (ts, ts == typesHere, [compare a b | a <- ts, b <- ts], map show ts)))
  , graph "dynamics" (\n -> let ns = shown [n, n] in ns `seq` shown [toDyn n, toDyn 'c', toDyn ns, toDyn plus])
      (digest (\ds -> (map dynTypeRep ds, map fromDynamic ds :: [Maybe Int], map fromDynamic ds :: [Maybe [Int]], [f 1 2 | d <- ds, Just f <- [fromDynamic d :: Maybe (Int -> Int -> Int)]])))
  , eq "fingerprints" (\n -> [fingerprintString (show i) | i <- [1 .. n]])
  , graph "call_stack" (\n -> shown (getCallStack stack, n)) (digest show)
  , eq "trie" (\n -> trie [(show (i * i * n), i) | i <- [1 .. 600]])
  , eq "big_record" big
  , eq "big_records" (\n -> map big [n .. n + 30])
  , graph "dag" dag (digest dagDepth)
  , graph "shared_parts" (\n -> let s = shown (Map.fromList [(i, i * n) | i <- [1 .. 100]]); f = [s, s] in sum (map Map.size f) `seq` (s, f, Just s))
      (holds "parts are one closure" (\(s, f, j) -> all (same s) f && maybe False (same s) j) <> digest show)
  , graph "ring" (ring . (* 10)) (digest (\r -> (map value (take 200 (iterate next r)), map value (take 200 (iterate previous r))))
      <> holds "next and previous lead back" (\r -> same r (previous (next r)) && same r (iterate next r !! 70)))
  , graph "cyclic_list" cyclicList (digest (take 1000) <> holds "it is a cycle of three" (\xs -> same xs (drop 3 xs) && not (same xs (drop 2 xs))))
  , graph "small_shared" (\n -> shown [Just (n + k - k) | k <- [1 .. 20]])
      (digest show <> thawedHolds "small numbers are one closure" oneNumber)
  , graph "long_list" (\n -> let xs = map (* n) [1 .. 1000000] in sum xs `seq` xs) (digest (foldl' (\a x -> a * 3 + x) 0))
  , graph "left_nested" leftNested (digest sumSpine)
  , graph "bytes_small" (\n -> shownBy (map sumBytes) [bytes n k | k <- [0 .. 130]]) (digest (map sumBytes))
  , graph "bytes_middle" (\n -> shownBy (map Prim.sizeofByteArray) [bytes (n + k) (k * 97) | k <- [1 .. 300]]) (digest (map sumBytes))
  , graph "bytes_10mb" (\n -> bytes n 10000000) (digest sampled)
  , graph "boundary_bytes" boundaryBytes (digest (map sampled))
  , graph "boundary_arrays" boundaryArrays (digest (map sum))
  , graph "small_arrays" smallArrays (digest (map sum))
  , graph "large_array" largeArray (digest sum <> digest length)
  , graph "vector_large" (\n -> let v = Vector.generate 200000 (\i -> let !j = i * n in Just j) in Vector.foldl' (flip seq) () v `seq` v) (digest (Vector.foldl' (\a -> maybe a ((a * 3) +)) 0))
  , graph "mixed_all" (\n -> shown (Map.fromList [(show i, (kinds i, Text.pack (show i), Seq.fromList [1 .. i], IntMap.singleton i n, [2 ^ i :: Integer])) | i <- [1 .. 150]]))
      (digest (\m -> let s = show m in (length s, foldl' (\h c -> h * 31 + ord c) 7 s)))
  ]
  where
    eq :: (Show a, Typeable a) => String -> (Int -> a) -> Graph
    eq n make = let (b, s) = plain make in graph n b s
    oneNumber js = case js of
      Just a : more -> all (maybe False (same a)) more
      _ -> False
    forceSomes ss = sum [length (show a) | Some a <- ss] `seq` ss
    sized n = [Sized n, Sized (3 :: Word8), Sized (-4 :: Int16), Sized (5 :: Word)]
    sampled a = (Prim.sizeofByteArray a, [Prim.indexByteArray a i :: Word8 | i <- [0, 997 .. Prim.sizeofByteArray a - 1]], Prim.indexByteArray a (Prim.sizeofByteArray a - 1) :: Word8)
    typesHere = [typeOf (7 :: Int), typeRep (Proxy :: Proxy Maybe), typeOf (Just [Right 'c' :: Either Int Char]), typeOf plus, typeOf (Map.empty :: Map.Map Int Text.Text), typeRep (Proxy :: Proxy 'True), typeRep (Proxy :: Proxy "literal"), typeRep (Proxy :: Proxy 42)]
    tree :: Int -> Int -> Tree Int
    tree 0 n = Data.Tree.Node n []
    tree d n = Data.Tree.Node n [tree (d - 1) (n * 3 + k) | k <- [1 .. 4]]
