{-# LANGUAGE BangPatterns #-}
{-# LANGUAGE ExistentialQuantification #-}
{-# LANGUAGE MagicHash #-}
{-# LANGUAGE OverloadedStrings #-}
{-# LANGUAGE RankNTypes #-}
{-# LANGUAGE UnboxedTuples #-}
-- Thunks and partial applications stay as they are written.
{-# OPTIONS_GHC -fno-full-laziness -fno-strictness -fno-worker-wrapper -fno-cse #-}

-- | Graphs with unevaluated parts, with functions, and with bytes outside the collector's arrays.
module Lazy (graphs) where

import Control.Exception (ArithException (..), ErrorCall (..), SomeException, evaluate, throw, try)
import qualified Data.Array as Array
import qualified Data.ByteString as Bytes
import qualified Data.ByteString.Char8 as Char8
import qualified Data.ByteString.Lazy as LazyBytes
import qualified Data.ByteString.Short as Short
import qualified Data.ByteString.Unsafe as Bytes (unsafeDrop, unsafeTake)
import Data.Char (ord)
import Data.Dynamic (fromDynamic, toDyn)
import Data.List (foldl', sort, unfoldr)
import qualified Data.Map.Lazy as Map
import qualified Data.Sequence as Seq
import qualified Data.Text as Text
import qualified Data.Text.Lazy as LazyText
import qualified Data.Vector as Vector
import qualified Data.Vector.Storable as VectorS
import GHC.Exts
import Graph
import System.IO.Unsafe (unsafeDupablePerformIO, unsafePerformIO)
import Data.Word (Word16, Word8)

-- --- thunks of every layout -------------------------------------------------------------------------------------------

-- What the thunks do when they run; unknown to the compiler, so that nothing is done before.
work :: Int -> Int
work n = foldl' (\a i -> (a * 31 + i) `mod` 1000003) n [1 .. 20]
{-# NOINLINE work #-}

join' :: Int -> Int -> Int
join' a b = work a * 7 + b
{-# NOINLINE join' #-}

data Box a = Box a

-- A pointer; two; a number; two; one of each; many of both.
thunk_1_0, thunk_2_0, thunk_0_1, thunk_0_2, thunk_1_1, thunk_many :: Int -> Box Int
thunk_1_0 x = Box (work (lazyAdd x 1))
thunk_2_0 x = let y = lazyAdd x 5 in y `seq` Box (join' x (lazyAdd y 1))
thunk_0_1 !(I# n) = Box (work (I# (n +# 1#)))
thunk_0_2 !(I# n) = case fromIntegral (I# n) / 3 of D# d -> Box (work (I# (n +# double2Int# (d *## 2.0##))))
thunk_1_1 x = case x of I# n -> let y = lazyAdd x 3 in Box (join' y (I# (n *# 2#)))
thunk_many x = case x of
  I# n -> case fromIntegral (I# n) / 7 of
    D# d -> case fromIntegral (I# n) / 9 of
      F# f -> let { a = lazyAdd x 1; b = lazyAdd x 2; c = lazyAdd x 3 } in
        c `seq` Box (join' a b + join' c (I# (n +# double2Int# d)) + I# (float2Int# (timesFloat# f 100.0#)))
{-# NOINLINE thunk_1_0 #-}
{-# NOINLINE thunk_2_0 #-}
{-# NOINLINE thunk_0_1 #-}
{-# NOINLINE thunk_0_2 #-}
{-# NOINLINE thunk_1_1 #-}
{-# NOINLINE thunk_many #-}

lazyAdd :: Int -> Int -> Int
lazyAdd a b = a + b
{-# NOINLINE lazyAdd #-}

layouts :: Int -> [Box Int]
layouts n = spine [f (n + k) | k <- [0 .. 3], f <- [thunk_1_0, thunk_2_0, thunk_0_1, thunk_0_2, thunk_1_1, thunk_many]]

-- Evaluates a list's cells and what `seq` sees of its elements, and nothing deeper.
spine :: [a] -> [a]
spine xs = foldr seq () xs `seq` xs

-- Cells only.
cells :: [a] -> [a]
cells xs = length xs `seq` xs

unbox :: Box a -> a
unbox (Box a) = a

pairOf :: Int -> (Int, Int, Box Int)
pairOf n = (work n, work (n + 1), Box (work (n + 2)))
{-# NOINLINE pairOf #-}

-- Selector thunks on a thunk: nobody has evaluated the tuple.
selectors :: Int -> [Box Int]
selectors n = spine (concat [parts (n + k) | k <- [0 .. 20]])
  where
    parts k = let t = pairOf k
                  first = case t of (a, _, _) -> a
                  second = case t of (_, b, _) -> b
                  third = case t of (_, _, c) -> c
              in [Box first, Box second, Box (unbox third)]

-- Chains of selectors, each on the one before.
data Chain = Chain { rest :: Chain, item :: Int }

chain :: Int -> Chain
chain n = Chain (chain (n + 1)) (work n)
{-# NOINLINE chain #-}

selectorChain :: Int -> [Int]
selectorChain n = cells (map item (take 40 (iterate rest (chain n))))

-- Unknown functions applied lazily: the RTS's own stg_ap_*_upd thunks.
applied :: Int -> [Box Int]
applied n = spine (concat [[apply1 work k, apply2 join' k n, apply3 three k n k, apply4 four k n k n] | k <- [1 .. 20]])

apply1 :: (a -> b) -> a -> Box b
apply1 f a = Box (f a)
apply2 :: (a -> b -> c) -> a -> b -> Box c
apply2 f a b = Box (f a b)
apply3 :: (a -> b -> c -> d) -> a -> b -> c -> Box d
apply3 f a b c = Box (f a b c)
apply4 :: (a -> b -> c -> d -> e) -> a -> b -> c -> d -> Box e
apply4 f a b c d = Box (f a b c d)
{-# NOINLINE apply1 #-}
{-# NOINLINE apply2 #-}
{-# NOINLINE apply3 #-}
{-# NOINLINE apply4 #-}

three :: Int -> Int -> Int -> Int
three a b c = a * 100 + b * 10 + c
four :: Int -> Int -> Int -> Int -> Int
four a b c d = three a b c * 10 + d
{-# NOINLINE three #-}
{-# NOINLINE four #-}

-- --- infinite and knotted ---------------------------------------------------------------------------------------------

primes :: Int -> [Int]
primes n = sieve [n `mod` 5 ..] where sieve (p : xs) = p : sieve [x | x <- xs, x `mod` p /= 0]
                                      sieve [] = []

fibonaccis :: Int -> [Integer]
fibonaccis n = let fs = toInteger (n - 6) : 1 : zipWith (+) fs (drop 1 fs) in fs !! 30 `seq` fs

-- A table in which each element is made from others, in whatever order it is asked.
collatz :: Int -> Array.Array Int Int
collatz n = lengths
  where
    lengths = Array.listArray (1, n * 300) (map steps [1 .. n * 300])
    steps 1 = 0
    steps k = let next = if even k then k `div` 2 else 3 * k + 1
              in 1 + (if next <= n * 300 then lengths Array.! next else steps next)

loeb :: Functor f => f (f a -> a) -> f a
loeb fs = go where go = fmap ($ go) fs

data Memo a = Memo a (Memo a) (Memo a)

memo :: Int -> (Int -> Int) -> Memo Int
memo k f = Memo (f k) (memo (2 * k + 1) f) (memo (2 * k + 2) f)
{-# NOINLINE memo #-}

ask :: Memo a -> Int -> a
ask m = go m . path
  where
    path 0 = []
    path k = path ((k - 1) `div` 2) ++ [odd k]
    go (Memo a _ _) [] = a
    go (Memo _ l r) (b : bs) = go (if b then l else r) bs

-- --- functions --------------------------------------------------------------------------------------------------------

-- Local functions of several arities, whose free variables are pointers and numbers.
data Functions = Functions
  { f1 :: Int -> Int, f2 :: Int -> Int -> Int, f3 :: Int -> Int -> Int -> Int
  , f5 :: Int -> Int -> Int -> Int -> Int -> Int
  , f10 :: Int -> Int -> Int -> Int -> Int -> Int -> Int -> Int -> Int -> Int -> Int
  , fDouble :: Double -> Int -> Double, fText :: String -> String, fRest :: [Int] -> Int }

functions :: Int -> [Int] -> String -> Double -> Functions
functions !n xs s !d = Functions
  { f1 = \a -> a * n + length xs
  , f2 = \a b -> a * n + b * sum xs
  , f3 = \a b c -> a + b * n + c * length s
  , f5 = \a b c e f -> a + 2 * b + 3 * c + 4 * e + 5 * f + n + sum xs
  , f10 = \a b c e f g h i j k -> a - b + c - e + f - g + h - i + j - k * n + length s
  , fDouble = \x k -> x * d + fromIntegral (k * n)
  , fText = \t -> s ++ t ++ show n ++ show d
  , fRest = foldl' (\a x -> a * n + x) (length xs) }
{-# NOINLINE functions #-}

runFunctions :: Functions -> (Int, Int, Int, Int, Int, Double, String, Int)
runFunctions f = (f1 f 3, f2 f 3 4, f3 f 3 4 5, f5 f 1 2 3 4 5, f10 f 1 2 3 4 5 6 7 8 9 10, fDouble f 1.5 2, fText f "text", fRest f [1, 2, 3])

freeCounts :: Int -> [Int -> Int]
freeCounts !(I# n) = case fromIntegral (I# n) / 3 of
  D# d -> let { a = work (I# n); b = a + 1; c = [a, b] } in spine
    [ \x -> x + I# n
    , \x -> x + a
    , \x -> x + I# (n +# double2Int# d)
    , \x -> x + a + I# n
    , \x -> x + a + length c
    , \x -> x + a + b + length c + I# n + I# (double2Int# d) ]
{-# NOINLINE freeCounts #-}

-- Unknown functions that get fewer arguments than they want: partial applications, one for each pattern of arguments.
mixed :: Int -> Int# -> Double# -> [Int] -> Int# -> Float# -> Word# -> Int -> Int
mixed a b c d e f g h = a + I# b * 2 + truncate (D# c * 10) + sum d + I# e * 3 + truncate (F# f) + fromIntegral (W# g) + h
{-# NOINLINE mixed #-}

wide :: Int -> Int# -> Int -> Int# -> Int -> Int# -> Int -> Int# -> Int -> Int# -> Double# -> [Int] -> Int -> Int
wide a b c d e f g h i j k l m = sum [a, I# b, c, I# d, e, I# f, g, I# h, i, I# j, truncate (D# k), sum l, m * 1000]
{-# NOINLINE wide #-}

-- The functions are unknown where they are applied.
partials :: Int -> [Int -> Int]
partials n = spine
  [ papP three' n `papP` (n + 1)
  , applyMixed mixed n
  , applyWide wide n
  , papP join' n
  , papP (papP (papP four n) 2) 3 ]
  where three' = if n > 3 then three else \_ _ _ -> 0

papP :: (a -> b -> c) -> a -> b -> c
papP f a = f a
{-# NOINLINE papP #-}

applyMixed :: (Int -> Int# -> Double# -> [Int] -> Int# -> Float# -> Word# -> Int -> Int) -> Int -> Int -> Int
applyMixed f n@(I# i) = f n i 2.5## [n, n] 4# 1.5# 7##
{-# NOINLINE applyMixed #-}

applyWide :: (Int -> Int# -> Int -> Int# -> Int -> Int# -> Int -> Int# -> Int -> Int# -> Double# -> [Int] -> Int -> Int) -> Int -> Int -> Int
applyWide f n@(I# i) = f n i n 1# n i n 2# n i 9.5## [n .. n + 3]
{-# NOINLINE applyWide #-}

-- A constructor with over 64 fields, half applied: its arguments need a large bitmap.
data Huge = Huge
  Int Int Int Int Int Int Int Int Int Int Int Int Int Int Int Int Int Int Int Int
  Int Int Int Int Int Int Int Int Int Int Int Int Int Int Int Int Int Int Int Int
  Int Int Int Int Int Int Int Int Int Int Int Int Int Int Int Int Int Int Int Int
  !Double !Double [Int] Int Int Int Int Int Int [Int]
  deriving (Show)

type Twenty r = Int -> Int -> Int -> Int -> Int -> Int -> Int -> Int -> Int -> Int
  -> Int -> Int -> Int -> Int -> Int -> Int -> Int -> Int -> Int -> Int -> r

twenty :: Twenty r -> Int -> r
twenty f n = f n (n + 1) (n + 2) (n + 3) (n + 4) (n + 5) (n + 6) (n + 7) (n + 8) (n + 9)
  (n + 10) (n + 11) (n + 12) (n + 13) (n + 14) (n + 15) (n + 16) (n + 17) (n + 18) (n + 19)
{-# NOINLINE twenty #-}

halfHuge :: Int -> ([Int] -> Int -> Int -> Int -> Int -> Int -> Int -> [Int] -> Huge)
halfHuge n = let f = twenty (twenty (twenty Huge n) (n * 2)) (n * 3) 1.5 2.5 in f `seq` f

-- Even and odd know each other and the number they capture.
mutual :: Int -> (Int -> Bool, Int -> [Int])
mutual n = (isEven, odds)
  where
    isEven 0 = n > 0
    isEven k = isOdd (k - 1)
    isOdd 0 = n < 0
    isOdd k = isEven (k - 1)
    odds k = [j + n | j <- [1 .. k], isOdd j]
{-# NOINLINE mutual #-}

-- Continuations as data: a parser that is given its input piece by piece.
data Step = Done [String] | More (Char -> Step)

wordsOf :: Int -> Step
wordsOf n = go n "" []
  where
    go 0 _ ws = Done (reverse ws)
    go k w ws = More (\c -> if c == ' ' then go (k - 1) "" (reverse w : ws) else go k (c : w) ws)

feed :: Step -> String -> [String]
feed (Done ws) _ = ws
feed (More _) [] = ["unfinished"]
feed (More f) (c : cs) = feed (f c) cs

newtype Cont r a = Cont { runCont :: (a -> r) -> r }

cps :: Int -> Cont Int [Int]
cps n = Cont (\k -> go n [] k)
  where go 0 acc k = k acc
        go i acc k = go (i - 1) (i * n : acc) (\r -> i + k r)

-- Dictionaries that are made at run time: polymorphic recursion knows no last type.
data Shown = forall a. (Show a, Ord a) => Shown a

nest :: (Show a, Ord a) => Int -> a -> Shown
nest 0 a = Shown a
nest k a = nest (k - 1) [Just a]
{-# NOINLINE nest #-}

-- Tables that only frozen functions use.
table :: Map.Map Int String
table = Map.fromList [(i, show (i * i)) | i <- [1 .. 2000]]
{-# NOINLINE table #-}

lookUp :: Int -> Int -> Maybe String
lookUp n k = Map.lookup (n + k) table
{-# NOINLINE lookUp #-}

-- --- exceptions -------------------------------------------------------------------------------------------------------

attempt :: a -> String
attempt a = either (\e -> "threw " ++ takeWhile (/= '\n') (show (e :: SomeException))) (const "evaluated") (unsafeDupablePerformIO (try (evaluate a)))
{-# NOINLINE attempt #-}

throwing :: Int -> [Int]
throwing n = cells [if even i then work i else (if i `mod` 3 == 0 then throw DivideByZero else throw (ErrorCall ("odd " ++ show i))) | i <- [n .. n + 30]]

impure :: Int -> [Int]
impure n = cells [unsafePerformIO (evaluate (work (n + i))) | i <- [1 .. 50]]

-- --- bytes ------------------------------------------------------------------------------------------------------------

literal :: Bytes.ByteString
literal = "a literal \200 of the program"
{-# NOINLINE literal #-}

byteStrings :: Int -> [Bytes.ByteString]
byteStrings n = spine
  [ Bytes.empty, Bytes.pack [1 .. fromIntegral n], Bytes.replicate 5000 (fromIntegral n), literal, Bytes.drop 3 literal
  , Bytes.take n (Bytes.drop 10 whole), Bytes.unsafeTake 5 (Bytes.unsafeDrop 100 whole), Bytes.drop (Bytes.length whole) whole
  , whole, Char8.pack (show n), Bytes.concat [whole, literal], Bytes.singleton 255, Bytes.append literal (Char8.pack (show n)) ]
  where whole = Bytes.pack (map fromIntegral [n .. n + 4000])

-- --- the corpus -------------------------------------------------------------------------------------------------------

graphs :: [Graph]
graphs =
  [ lazily 24 "thunk_layouts" layouts (digest (map unbox))
  , lazily 60 "selectors" selectors (digest (map unbox))
  , lazily 30 "selector_chain" selectorChain (digest id)
  , lazily 80 "applied" applied (digest (map unbox))
  , lazily 1 "root_thunk_inside" (\n -> Just (work n)) (digest id)
  , lazily 1 "primes" primes (digest (take 400))
  , lazily 1 "primes_half_read" (\n -> let ps = primes n in sum (take 100 ps) `seq` ps) (digest (take 400))
  , lazily 1 "fibonaccis" fibonaccis (digest (take 300))
  , lazily 1 "naturals" (\n -> iterate (+ n) 0) (digest (take 5000))
  , lazily 1 "cycle" (\n -> cycle [work n, n, 3]) (digest (take 1000))
  , lazily 1 "unfold" (\n -> unfoldr (\(a, b) -> Just (a, (b, (a * 7 + b) `mod` 1009))) (n, 1)) (digest (take 3000))
  , lazily 1000 "collatz" collatz (digest Array.elems)
  , lazily 4 "loeb" (\n -> cells (loeb [const n, (+ 1) . head, \l -> sum (take 2 l), (* 2) . (!! 2), length])) (digest id)
  , lazily 1 "memo" (\n -> memo 0 (\k -> k * n + 1)) (digest (\m -> map (ask m) [0 .. 300]))
  , lazily 1000 "lazy_map" (\n -> Map.fromList [(i, work (i + n)) | i <- [1 .. 1000]]) (digest (\m -> (Map.lookup 7 m, sum (Map.elems m), Map.valid m)))
  , lazily 1 "knotted_map" (\n -> let m = Map.fromList [(i, if i < 2 then toInteger n else m Map.! (i - 1) + m Map.! (i - 2)) | i <- [0 .. 150 :: Int]] in m) (digest Map.toList)
  , lazily 1000 "lazy_vector" (\n -> Vector.generate 1000 (\i -> work (i * n))) (digest Vector.toList)
  , lazily 1 "lazy_seq" (\n -> fmap work (Seq.fromList [n .. n + 500])) (digest sum)
  , lazily 1 "lazy_text" (\n -> LazyText.fromChunks (Text.pack (show n) : map (Text.pack . show) [work n ..])) (digest (LazyText.take 2000))
  , lazily 1 "half_read_string" (\n -> let s = show (n, 'l', Just 'c') ++ " and more literal text" in length (take 4 s) `seq` s) (digest id)
  , lazily 1 "half_read_literal" (\n -> let s = "a string literal of the program" in length (take n s) `seq` s) (digest id)
  , lazily 1 "half_read_unicode" (\n -> let s = "λόγος — \0 nul, and more \1234 of it" in length (take n s) `seq` s) (digest (map ord))
  , lazily 15 "throwing" throwing (digest (map attempt) <> digest (map attempt))
  , lazily 30 "impure" impure (digest sum)
  , lazily 1 "deep_thunks" (\n -> Box (foldl lazyAdd n [1 .. 100000])) (digest unbox)
  , lazily 900000 "million_thunks" (\n -> cells [work (i + n) | i <- [1 .. 1000000]]) (digest (foldl' (\a x -> (a * 3 + x) `mod` 1000000007) 0))
  , lazily 1 "shared_thunk" (\n -> let t = fmap work [n, n + 1, n + 2] in (Just t, [t, t], Box t))
      (digest (\(a, b, Box c) -> (a, b, c)) <> holds "one value" (\(a, b, Box c) -> all (same c) b && maybe False (same c) a))
  , lazily 1 "lazy_pairs" (\n -> span (< n * 50) (map work [1 ..])) (digest (\(a, b) -> (a, take 10 b)))
  , graph "free_variables" (\n -> freeCounts (work n)) (digest (map ($ 100)))
  , graph "functions" (\n -> [functions (n + k) [1 .. k] (show k) (fromIntegral k / 2) | k <- [0 .. 10]]) (digest (map runFunctions))
  , graph "root_function" (\n x -> n * x + 1) (digest (\f -> map f [1 .. 10]))
  , graph "composed" (\n -> foldr (.) id [(+ k) . (* n) | k <- [1 .. 20]]) (digest (\f -> map f [1 .. 10]))
  , graph "partials" partials (digest (map ($ 5)))
  , graph "partials_shared" (\n -> let p = papP three n in p `seq` (p, [p, p])) (digest (\(p, ps) -> (p 1 2, [q 3 4 | q <- ps])))
  , graph "large_bitmap" halfHuge (digest (\f -> show (f [1, 2] 3 4 5 6 7 8 [9])))
  , graph "mutual" mutual (digest (\(e, o) -> (map e [0 .. 20], o 30)))
  , graph "continuations" (\n -> wordsOf (n - 3)) (digest (`feed` "the quick brown fox jumps"))
  , graph "continuation_half_fed" (\n -> let go (More f) (c : cs) = go (f c) cs
                                             go s _ = s
                                         in go (wordsOf (n - 4)) "two words and") (digest (`feed` " half of a third one"))
  , graph "cps" (\n -> cps (n * 10)) (digest (\c -> runCont c sum))
  , graph "church" (\n -> Church (\s z -> iterate s z !! n)) (digest (\(Church c) -> (c (+ 1) (0 :: Int), c ('x' :) "")))
  , graph "dictionaries" (\n -> spine [nest k (n + k) | k <- [0 .. 6]]) (digest (map (\(Shown a) -> (show a, a < a, compare a a, max a a == a))))
  , graph "dynamic_function" (\n -> toDyn (papP join' n)) (digest (\d -> fmap ($ 3) (fromDynamic d :: Maybe (Int -> Int))))
  , graph "caf_users" (\n -> spine [papP lookUp n, lookUp (n + 1), \k -> Map.lookup (k * n) table]) (digest (map (\f -> map f [0 .. 30])))
  , graph "state_machine" (\n -> Machine (step n)) (digest (\m -> runMachine m (take 50 (cycle [1, 2, 3]))))
  , graph "sorting" (\n -> map (\k -> (compare k, sort [k, n, 3])) [1 .. n]) (digest (map (\(c, s) -> (map c [1 .. 5], s))))
  , graph "byte_strings" byteStrings (digest (map (\b -> (Bytes.length b, Bytes.unpack b))))
  , graph "byte_strings_many" (\n -> spine [Char8.pack (show (i * n)) | i <- [1 .. 3000]]) (digest (Bytes.concat . take 300) <> digest (sum . map Bytes.length))
  , graph "byte_string_map" (\n -> Map.fromList [(Char8.pack (show (i * n)), i) | i <- [1 .. 1000]]) (digest (\m -> (Map.valid m, Map.lookup "700" m, Map.toList m)))
  , graph "byte_string_slices" (\n -> let w = Char8.pack (concatMap show [n .. 3000]) in spine [Bytes.take 6 (Bytes.drop i w) | i <- [0, 11 .. 9000]]) (digest id)
  , graph "byte_string_large" (\n -> Bytes.pack (take 3000000 (cycle [fromIntegral n ..]))) (digest (\b -> (Bytes.length b, Bytes.foldl' (\a w -> a * 31 + fromIntegral w) (7 :: Int) b)))
  , graph "byte_string_lazy_full" (\n -> let b = LazyBytes.fromChunks [Char8.pack (show i) | i <- [n .. 2000]] in LazyBytes.length b `seq` b) (digest LazyBytes.unpack)
  , lazily 1 "byte_string_lazy" (\n -> LazyBytes.cycle (LazyBytes.fromChunks [Char8.pack (show n), "lit"])) (digest (LazyBytes.take 1000))
  , graph "short_bytes_copies" (\n -> spine [Short.fromShort (Short.pack [1 .. fromIntegral n]), Short.fromShort Short.empty]) (digest id)
  , graph "vector_storable" (\n -> (VectorS.generate 1000 (* n), VectorS.fromList "storable", VectorS.empty :: VectorS.Vector Double)) (digest id)
  , graph "vector_storable_slices" (\n -> let v = VectorS.generate 1000 (\i -> fromIntegral (i * n)) :: VectorS.Vector Word16 in spine [VectorS.slice i 9 v | i <- [0, 13 .. 900]]) (digest id)
  , graph "byte_string_and_thunks" (\n -> Map.fromList [(Char8.pack (show i), (work i, Bytes.drop 1 (Char8.pack (show (i * n))), \k -> Bytes.replicate k (fromIntegral i :: Word8))) | i <- [1 .. 300]])
      (digest (fmap (\(a, b, f) -> (a, b, f 3))))
  ]
  where step n s i = (s * n + i) `mod` 1009

newtype Church = Church (forall a. (a -> a) -> a -> a)

newtype Machine = Machine (Int -> Int -> Int)

runMachine :: Machine -> [Int] -> [Int]
runMachine (Machine f) = scanl f 1
