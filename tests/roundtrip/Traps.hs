{-# LANGUAGE BangPatterns #-}
{-# LANGUAGE DataKinds #-}
{-# LANGUAGE ExistentialQuantification #-}
{-# LANGUAGE MagicHash #-}
{-# LANGUAGE OverloadedStrings #-}
{-# LANGUAGE ScopedTypeVariables #-}
{-# LANGUAGE UnboxedTuples #-}
-- Thunks stay where they are written.
{-# OPTIONS_GHC -fno-full-laziness -fno-cse -fno-float-in #-}

-- | The ways in which freezing a heap goes wrong without a cure made for it (docs/TESTING.md, "Traps"). Each case is run by
-- traps.sh, most of them in two processes: one freezes, the other thaws.
--
-- > traps CASE DIRECTORY
module Main (main) where

import Control.Concurrent
import Control.Exception
import Control.Monad
import qualified Data.Attoparsec.ByteString.Char8 as ParseBytes
import qualified Data.Attoparsec.Text as ParseText
import qualified Data.ByteString as Bytes
import qualified Data.ByteString.Char8 as Char8
import Data.Char (ord)
import qualified Data.HashMap.Strict as HashMap
import Data.IORef
import Data.List (foldl', isInfixOf)
import qualified Data.Map.Lazy as Map
import qualified Data.Primitive as Prim
import qualified Data.Text as Text
import Data.Typeable (Proxy (..), Typeable, TypeRep, typeRep)
import Data.Unique (newUnique)
import qualified Data.Vector as Vector
import qualified Data.Vector.Mutable as MVector
import Data.Word (Word64, Word8)
import Fastboot
import Foreign.ForeignPtr (ForeignPtr, withForeignPtr)
import Foreign.Ptr (Ptr, ptrToWordPtr)
import Foreign.Storable (peekElemOff, pokeElemOff)
import GHC.Clock (getMonotonicTimeNSec)
import GHC.Compact (compact, getCompact)
import GHC.Exts
import GHC.ForeignPtr (mallocPlainForeignPtrAlignedBytes)
import GHC.IO (IO (..))
import System.Environment (getArgs)
import System.Exit (exitFailure)
import System.IO (Handle, hFlush, hPutStrLn, stderr, stdout)
import System.IO.Unsafe (unsafePerformIO)
import System.Mem (performMajorGC, performMinorGC)

-- --- helpers ----------------------------------------------------------------------------------------------------------

die' :: String -> IO a
die' message = hPutStrLn stderr message >> exitFailure

expect :: (Eq a, Show a) => String -> a -> a -> IO ()
expect what wanted found = unless (wanted == found) $
  die' (what ++ ": expected " ++ take 300 (show wanted) ++ ", found " ++ take 300 (show found))

yes :: String -> Bool -> IO ()
yes what condition = unless condition $ die' ("not so: " ++ what)

freezeTo :: Typeable a => FilePath -> String -> a -> IO ()
freezeTo directory name value = freeze (directory ++ "/" ++ name ++ ".snap") value >>= either (die' . show) (const (return ()))

thawFrom :: Typeable a => FilePath -> String -> IO a
thawFrom directory name = thaw (directory ++ "/" ++ name ++ ".snap") >>= either (die' . show) return

-- The message of the refusal, which must have this code.
refused :: Typeable a => FilePath -> String -> [Int] -> a -> IO String
refused directory name codes value = do
  result <- freeze (directory ++ "/" ++ name ++ ".snap") value
  case result of
    Right report -> die' (name ++ ": expected a refusal, but " ++ show report)
    Left failure -> do
      yes (name ++ ": refused with one of " ++ show codes ++ ": " ++ show failure) (fromIntegral (freezeErrorCode failure) `elem` codes)
      return (freezeErrorMessage failure)

-- A number that the compiler does not know.
seed :: Int
seed = unsafePerformIO (readIORef seedVariable)
{-# NOINLINE seed #-}

seedVariable :: IORef Int
seedVariable = unsafePerformIO (newIORef 7)
{-# NOINLINE seedVariable #-}

churn :: Int -> IO ()
churn n = void (evaluate (sum (map sum (Map.elems (foldl' (\m i -> Map.insert (i * 7919 `mod` 1009) [i .. i + 3] m) Map.empty [n .. n + 6000])))))

collect :: IO ()
collect = churn 1 >> performMinorGC >> performMajorGC >> churn 2 >> performMinorGC >> performMinorGC >> churn 3 >> performMajorGC

-- All that `show` reads is evaluated.
full :: Show a => a -> a
full x = length (show x) `seq` x

spine :: [a] -> [a]
spine xs = foldr seq () xs `seq` xs

pass :: (a -> b) -> a -> b
pass f a = f a
{-# NOINLINE pass #-}

work :: Int -> Int
work n = foldl' (\a i -> (a * 31 + i) `mod` 1000003) n [1 .. 20]
{-# NOINLINE work #-}

-- Where a closure is. It is evaluated first, and in an image it stays there.
addressOf :: a -> IO (Ptr Word64)
addressOf !x = IO (\s -> case anyToAddr# x s of (# t, a #) -> (# t, Ptr (int2Addr# (andI# (addr2Int# a) -8#)) #))

closureAt :: Word64 -> a
closureAt w = case fromIntegral w of I# i -> case addrToAny# (int2Addr# i) of (# x #) -> x

-- --- 2: numbers that look like addresses ------------------------------------------------------------------------------

data Numbers = Numbers !Int {-# UNPACK #-} !Word64 !Int deriving (Eq, Show)

type Numbered = ([Numbers], HashMap.HashMap Int Int)

numbers :: Int -> Numbered
numbers n = full ([Numbers i (fromIntegral i + 8) (i + fromIntegral n) | i <- [4000000, 4001001 .. 9000000]], HashMap.fromList [(i * 4099, i) | i <- [900 .. 2300]])

-- Its free variable is a number that could be an address of the program.
adder :: Int -> [Int -> Int]
adder !(I# n) = spine [\x -> x + I# n]
{-# NOINLINE adder #-}

likeAnAddress :: Int
likeAnAddress = 0x401230 + seed - 7

-- --- 3: string literals -----------------------------------------------------------------------------------------------

data Quokka a = Quokka a

type Literals = ([String], [String])

literals :: Int -> Literals
literals n = xs `seq` ys `seq` (xs, ys)
  where
    xs = spine [half n a, half n b]
    ys = spine [half 2 (show (Just n, 'x'))]
    a = "quick brown foxes jump over lazy dogs"
    b = "\955\972\947\959\962 and ascii behind it \0 and after nul"
    half k s = length (take k s) `seq` s
{-# NOINLINE literals #-}

typeReps :: [TypeRep]
typeReps = full [typeRep (Proxy :: Proxy (Quokka Int)), typeRep (Proxy :: Proxy (Maybe [Quokka ()])), typeRep (Proxy :: Proxy "a type-level string")]

-- --- 4: functions that are their own SRT ------------------------------------------------------------------------------

tableA, tableB, tableC, tableD :: Map.Map Int Int
tableA = Map.fromList [(i, i * 3) | i <- [1 .. 3000]]
tableB = Map.fromList [(i, i * 5) | i <- [1 .. 3000]]
tableC = Map.fromList [(i, i * 7) | i <- [1 .. 3000]]
tableD = Map.fromList [(i, work i) | i <- [1 .. 3000]]
{-# NOINLINE tableA #-}
{-# NOINLINE tableB #-}
{-# NOINLINE tableC #-}
{-# NOINLINE tableD #-}

askA, askB, askC, askD :: Int -> Int
askA k = Map.findWithDefault 0 k tableA
askB k = Map.findWithDefault 0 (k + 1) tableB
askC k = Map.findWithDefault 0 (k + 2) tableC
askD k = Map.findWithDefault 0 (k + 3) tableD
{-# NOINLINE askA #-}
{-# NOINLINE askB #-}
{-# NOINLINE askC #-}
{-# NOINLINE askD #-}

selfReferring :: Int -> [Int -> Int]
selfReferring n = spine (if n > 3 then [askA, askB, askC, askD] else [])

-- --- 5: legitimate writes ---------------------------------------------------------------------------------------------

type Arrays = (Prim.Array Int, Prim.SmallArray Int, Vector.Vector Int)

arrays :: Int -> Arrays
arrays n = full (Prim.arrayFromList [1 .. n], Prim.smallArrayFromList [1 .. n], Vector.fromList [1 .. n])

literalBytes :: Bytes.ByteString
literalBytes = "bytes of a literal of the program"
{-# NOINLINE literalBytes #-}

-- Thawed in place and frozen again, in turn; or, with `several`, thawed again while it is thawed.
emptyArrays :: Bool -> FilePath -> IO ()
emptyArrays several directory = do
  (a, s, v) <- thawFrom directory "empty" :: IO Arrays
  held <- newIORef []
  forM_ [1 .. 30 :: Int] $ \i -> do
    a' <- Prim.unsafeThawArray a
    s' <- Prim.unsafeThawSmallArray s
    v' <- Vector.unsafeThaw v
    expect "elements" [0, 0, 0] [Prim.sizeofMutableArray a', Prim.sizeofSmallMutableArray s', MVector.length v']
    modifyIORef' held ((a', s', v') :)
    when (i `mod` 3 == 0) (churn i >> performMinorGC)
    when (i `mod` 7 == 0) performMajorGC
    unless (several && i `mod` 5 /= 0) $ do
      a'' <- Prim.unsafeFreezeArray a'
      s'' <- Prim.unsafeFreezeSmallArray s'
      v'' <- Vector.unsafeFreeze v'
      expect "frozen again" [0, 0, 0] [Prim.sizeofArray a'', Prim.sizeofSmallArray s'', Vector.length v'']
  collect
  all' <- readIORef held
  expect "held" 0 (sum [Prim.sizeofMutableArray a' + Prim.sizeofSmallMutableArray s' + MVector.length v' | (a', s', v') <- all'])
  putStrLn "empty arrays were thawed in place 30 times, and collected"

-- --- 7: alignment -----------------------------------------------------------------------------------------------------

data Aligned = Aligned !Int !Prim.ByteArray | AlignedPointer !Int !(ForeignPtr Word8) | Filler !Prim.ByteArray

aligned :: Int -> IO [Aligned]
aligned n = fmap concat $ forM [(a, size) | size <- [1, 9, 24, 40, n * 10, 200], a <- [16, 32, 64]] $ \(a, size) -> do
  array <- Prim.newAlignedPinnedByteArray size a
  forM_ [0 .. size - 1] $ \i -> Prim.writeByteArray array i (fromIntegral (i + a) :: Word8)
  frozenArray <- Prim.unsafeFreezeByteArray array
  pointer <- mallocPlainForeignPtrAlignedBytes size a
  withForeignPtr pointer $ \p -> forM_ [0 .. size - 1] $ \i -> pokeElemOff p i (fromIntegral (i + a) :: Word8)
  return (spine [Aligned a frozenArray, Filler (Prim.byteArrayFromList (replicate (size `mod` 7) (1 :: Word8))), AlignedPointer a pointer])

checkAligned :: [Aligned] -> IO ()
checkAligned xs = do
  expect "arrays" 54 (length xs)
  forM_ xs $ \x -> case x of
    Aligned a array -> do
      let p = Prim.byteArrayContents array
      expect ("payload modulo " ++ show a) 0 (fromIntegral (ptrToWordPtr p) `mod` a)
      expect "bytes" [fromIntegral (i + a) | i <- [0 .. Prim.sizeofByteArray array - 1]] (Prim.foldrByteArray (:) [] array :: [Word8])
    AlignedPointer a pointer -> withForeignPtr pointer $ \p -> do
      expect ("pointer modulo " ++ show a) 0 (fromIntegral (ptrToWordPtr p) `mod` a)
      first <- peekElemOff p 0
      expect "first byte" (fromIntegral a) first
    Filler _ -> return ()

-- --- 8: canonical form ------------------------------------------------------------------------------------------------

type Canonical = (Map.Map Int (Int, Char), [(Int, Bool)], [Maybe Int], [String], Char, [Int])

-- Small numbers in the heap, selectors on evaluated pairs, indirections left by evaluated thunks, a CAF.
canonical :: Int -> IO Canonical
canonical n = do
  let pairs = [(i * n `mod` 100, toEnum (97 + i `mod` 20)) | i <- [1 .. 400]] :: [(Int, Char)]
      (evens, odds) = foldr (\(a, c) ~(es, os) -> if even a then ((a, c) : es, os) else (es, (a, c) : os)) ([], []) pairs
      firsts = [Just (fst p) | p <- pairs]
      table = Map.fromList (zip [1 ..] (take 100 evens))
      asked = [(k, maybe False ((> 50) . fst) (Map.lookup k table)) | k <- [1 .. 60]]
      texts = [show (n + i) ++ "." | i <- [1 .. 20]]
      value = (table, asked, firsts, texts, snd (head odds), map fst (take 30 odds))
  -- The pairs under `firsts` are evaluated, its selectors are not.
  _ <- evaluate (length (show pairs) + length (show (table, asked, texts)) + length (show odds))
  return value

-- --- 9: nullary constructors ------------------------------------------------------------------------------------------

data Season = Spring | Summer | Autumn | Winter deriving (Eq, Show, Enum, Bounded)

data AnyClosure = forall a. AnyClosure a

nullary :: Int -> [AnyClosure]
nullary n = spine (map evaluated [minBound .. maxBound :: Season] ++ map evaluated [n > 3, n < 3]
  ++ [evaluated (Nothing :: Maybe Int), evaluated LT, evaluated (), evaluated ([] :: [Int]), evaluated (Map.empty :: Map.Map Int Int)])
  where evaluated x = AnyClosure $! x

-- --- 10: large bitmaps ------------------------------------------------------------------------------------------------

data Wide = Wide
  Int Int# Int Double# [Int] Word# Int Float#
  Int Int# Int Double# [Int] Word# Int Float#
  Int Int# Int Double# [Int] Word# Int Float#
  Int Int# Int Double# [Int] Word# Int Float#
  Int Int# Int Double# [Int] Word# Int Float#
  Int Int# Int Double# [Int] Word# Int Float#
  Int Int# Int Double# [Int] Word# Int Float#
  Int Int# Int Double# [Int] Word# Int Float#
  Int Int Int

wideSum :: Wide -> [Int]
wideSum (Wide
  a0 a1 a2 a3 a4 a5 a6 a7
  b0 b1 b2 b3 b4 b5 b6 b7
  c0 c1 c2 c3 c4 c5 c6 c7
  d0 d1 d2 d3 d4 d5 d6 d7
  e0 e1 e2 e3 e4 e5 e6 e7
  f0 f1 f2 f3 f4 f5 f6 f7
  g0 g1 g2 g3 g4 g5 g6 g7
  h0 h1 h2 h3 h4 h5 h6 h7
  i0 i1 i2) = concat
  [ eight a0 a1 a2 a3 a4 a5 a6 a7, eight b0 b1 b2 b3 b4 b5 b6 b7, eight c0 c1 c2 c3 c4 c5 c6 c7
  , eight d0 d1 d2 d3 d4 d5 d6 d7, eight e0 e1 e2 e3 e4 e5 e6 e7, eight f0 f1 f2 f3 f4 f5 f6 f7
  , eight g0 g1 g2 g3 g4 g5 g6 g7, eight h0 h1 h2 h3 h4 h5 h6 h7, [i0, i1, i2] ]
  where
    eight :: Int -> Int# -> Int -> Double# -> [Int] -> Word# -> Int -> Float# -> [Int]
    eight a b c d e f g h = [a, I# b, c, truncate (D# d), sum e, fromIntegral (W# f), g, truncate (F# h)]

type Eight r = Int -> Int# -> Int -> Double# -> [Int] -> Word# -> Int -> Float# -> r

-- Applied as an unknown function, it takes its arguments a few at a time.
eightTo :: Eight r -> Int -> r
eightTo f n@(I# i) = case fromIntegral n of
  D# d -> f n i (n + 1) (d *## 2.0##) [n, n + 1] (int2Word# (i +# 3#)) (n + 4) (double2Float# (d +## 5.0##))
{-# NOINLINE eightTo #-}

wide, wideHalf :: Int -> (Int -> Int -> Int -> Wide)
wide n = let f = eightTo (eightTo (eightTo (eightTo (eightTo (eightTo (eightTo (eightTo Wide n) (n + 10)) (n + 20)) (n + 30)) (n + 40)) (n + 50)) (n + 60)) (n + 70) in f `seq` f
wideHalf n = let f = half n in f `seq` \a b c -> rest f a b c
{-# NOINLINE wide #-}
{-# NOINLINE wideHalf #-}

type WideRest = Eight (Eight (Int -> Int -> Int -> Wide))

half :: Int -> WideRest
half n = eightTo (eightTo (eightTo (eightTo (eightTo (eightTo Wide n) n) n) n) n) (n + 1)
{-# NOINLINE half #-}

rest :: WideRest -> Int -> Int -> Int -> Wide
rest f a b c = eightTo (eightTo f (a + 1)) (b + 2) a b c
{-# NOINLINE rest #-}

-- --- 11: under evaluation ---------------------------------------------------------------------------------------------

lastResult :: IORef (Maybe (Either FreezeError FreezeReport))
lastResult = unsafePerformIO (newIORef Nothing)
{-# NOINLINE lastResult #-}

timed :: IO a -> IO (a, Double)
timed act = do
  begin <- getMonotonicTimeNSec
  x <- act
  end <- getMonotonicTimeNSec
  return (x, fromIntegral (end - begin) / 1e9)

-- Freezes from inside the evaluation of a part of the graph; gives the outcome.
fromInside :: Bool -> FilePath -> IO (Either FreezeError FreezeReport)
fromInside collected directory = do
  let inside = unsafePerformIO $ do
        when collected performMajorGC
        freeze (directory ++ "/inside.snap") graph >>= writeIORef lastResult . Just
        return 1
      graph = [seed, inside, 3] :: [Int]
  (total, seconds) <- timed (evaluate (sum graph))
  expect "the sum" 11 total
  yes ("at once, not after " ++ show seconds ++ " s") (seconds < 1)
  readIORef lastResult >>= maybe (die' "not frozen") return

underEvaluation :: FilePath -> IO ()
underEvaluation directory = do
  after <- fromInside True directory
  case after of
    Left failure | freezeErrorCode failure == 305, "path: root > GHC.Types.: field 2 > GHC.Types.: field 1" `isInfixOf` freezeErrorMessage failure -> return ()
    other -> die' ("inside a thunk: expected code 305 and the path, got " ++ show other)
  -- Without a collection before, an unsafe call meets an ordinary thunk. Both is right.
  before <- fromInside False directory
  case before of
    Right _ -> return ()
    Left failure | freezeErrorCode failure == 305 -> return ()
    other -> die' ("inside a thunk, not collected: " ++ show other)
  putStrLn ("from inside: 305; without a collection before: " ++ either (show . freezeErrorCode) (const "frozen as a thunk") before)

-- Two kinds: one that waits, and one that computes.
busy :: FilePath -> IO ()
busy directory = forM_ [False, True] $ \computes -> do
  started <- newEmptyMVar
  let slow = unsafePerformIO $ do
        putMVar started ()
        if computes then spinFor 0.5 else threadDelay 500000
        return (seed + 35)
      graph = Map.fromList [(1, 1), (2, slow), (3, 3)] :: Map.Map Int Int
      name = if computes then "computing" else "waiting"
  _ <- evaluate (Map.size graph)
  done <- newEmptyMVar
  _ <- forkIO (evaluate slow >>= putMVar done)
  takeMVar started
  ((), seconds) <- timed (freezeTo directory name graph)
  yes (name ++ ": waited " ++ show seconds ++ " s") (seconds > 0.3 && seconds < 4)
  value <- takeMVar done
  expect "evaluated" 42 value
  again <- thawFrom directory name :: IO (Map.Map Int Int)
  expect "thawed" graph again
  putStrLn (name ++ ": frozen after " ++ show seconds ++ " s")
  where
    spinFor :: Double -> IO ()
    spinFor seconds = getMonotonicTimeNSec >>= \begin ->
      let go = do
            now <- getMonotonicTimeNSec
            churn 1
            when (fromIntegral (now - begin) < seconds * 1e9) go
      in go

neverEnds :: FilePath -> IO ()
neverEnds directory = do
  started <- newEmptyMVar
  let never = unsafePerformIO (putMVar started () >> forever (threadDelay 50000)) :: Int
      graph = [Just 1, Just never]
  _ <- evaluate (length graph)
  thread <- forkIO (void (evaluate never))
  takeMVar started
  threadDelay 60000
  (message, seconds) <- timed (refused directory "never" [312] graph)
  yes ("bounded, not " ++ show seconds ++ " s") (seconds < 15)
  yes ("a path in: " ++ message) ("path: root > GHC.Types.: field 2 > GHC.Types.: field 1 > GHC.Maybe.Just field 1" `isInfixOf` message)
  killThread thread
  putStrLn ("never ends: refused after " ++ show seconds ++ " s")

-- --- 12: CAFs ---------------------------------------------------------------------------------------------------------

counter, evaluations :: IORef Int
counter = unsafePerformIO (newIORef 0)
evaluations = unsafePerformIO (newIORef 0)
{-# NOINLINE counter #-}
{-# NOINLINE evaluations #-}

plain :: Map.Map Int String
plain = unsafePerformIO (modifyIORef' evaluations (+ 1) >> return (full (Map.fromList [(i, show (i * 3)) | i <- [1 .. 500]])))
{-# NOINLINE plain #-}

-- Cannot be copied for the IORef deep inside.
registry :: (Map.Map Int Int, [IORef Int])
registry = unsafePerformIO $ do
  modifyIORef' evaluations (+ 100)
  r <- newIORef 1000
  return (full (Map.fromList [(i, i) | i <- [1 .. 100]]), [r])
{-# NOINLINE registry #-}

-- Not evaluated when it is frozen. Two values of CAFs have it: the ledger, which cannot be copied, so that what was made for it
-- is undone; and the journal, which comes after it and can.
late :: Map.Map Int Int
late = Map.fromList [(i, i * evaluationsSoFar) | i <- [1 .. 50]]
  where evaluationsSoFar = unsafePerformIO (modifyIORef' evaluations (+ 10000) >> readIORef evaluations) `div` 10000
{-# NOINLINE late #-}

data Ledger = Ledger (Map.Map Int Int) [IORef Int]
data Journal = Journal (Map.Map Int Int) Int

ledger :: Ledger
ledger = unsafePerformIO (Ledger late . (: []) <$> newIORef 2000)
{-# NOINLINE ledger #-}

journal :: Journal
journal = unsafePerformIO (Journal late <$> readIORef counter)
{-# NOINLINE journal #-}

tick :: Int -> IO Int
tick n = atomicModifyIORef' counter (\c -> (c + n, c + n))
{-# NOINLINE tick #-}

data Program = Program (Int -> IO Int) Handle (Map.Map Int String) (Map.Map Int Int, [IORef Int]) [IORef Int] [Int] Ledger Journal

theProgram :: Int -> Program
theProgram n = Program (\k -> tick (k * n)) stdout plain registry [counter] [n] ledger journal
{-# NOINLINE theProgram #-}

cafFreeze, cafThaw :: FilePath -> IO ()
cafFreeze directory = do
  putStrLn "the handle is in use"
  _ <- tick 5
  expect "plain" 500 (Map.size plain)
  modifyIORef' (head (snd registry)) (+ 1)
  case ledger of Ledger _ refs -> modifyIORef' (head refs) (+ 1)
  case journal of Journal _ n -> expect "the journal here" 5 n
  freezeTo directory "program" (theProgram seed)
cafThaw directory = do
  Program bump handle table ~(numbersOf, refs) counters ns ~(Ledger lateOfLedger refs') (Journal lateOfJournal n) <- thawFrom directory "program"
  collect
  expect "the free variable" [7] ns
  expect "this process's counter" 21 =<< bump 3
  collect
  expect "the same counter" 22 =<< tick 1
  expect "the same reference" 22 =<< readIORef (head counters)
  hPutStrLn handle "written by this process's handle"
  hFlush handle
  expect "the table, by value" [(i, show (i * 3)) | i <- [1 .. 500]] (Map.toList table)
  expect "evaluations of the table here" 0 =<< readIORef evaluations
  expect "the registry's data" 5050 (sum numbersOf)
  expect "the registry's reference is this process's" 1000 =<< readIORef (head refs)
  expect "evaluations of the registry here" 100 =<< readIORef evaluations
  collect
  expect "later" 29 =<< bump 1
  expect "the journal, by value" 5 n
  expect "what the journal has of the table that nobody had evaluated" (sum [1 .. 50]) (sum lateOfJournal)
  expect "the ledger's reference is this process's" 2000 =<< readIORef (head refs')
  expect "the ledger's table" (Map.toList late) (Map.toList lateOfLedger)
  expect "evaluations in the end" 10100 =<< readIORef evaluations
  collect

-- --- 13: single-entry thunks ------------------------------------------------------------------------------------------

-- The compiler sees that `t` is entered at most once, when the field is evaluated: that thunk jumps to the code of `t` without a
-- look at its header. The test enters `t` through the header, too, before or after.
data Once = Once Int

single :: Int -> Int -> Int -> Once
single n m y =
  let t = work (n + m) * 3 + m
      {-# NOINLINE t #-}
  in Once (if y > 100 then y else t + y)
{-# NOINLINE single #-}

singles :: Int -> [Once]
singles n = spine [pass (single n) k (n + 3) | k <- [1 .. 6]]

-- The words of the lazy closure of `t`, which the only field's lazy closure refers to.
thunkOf :: Once -> IO (Word64, IO [Word64])
thunkOf x = do
  once <- addressOf x
  field <- peekElemOff once 1
  payload <- mapM (peekElemOff (pointerTo field)) [2, 3, 4]
  -- It's the pointer without a tag into the same image.
  let near w = w `mod` 8 == 0 && max w field - min w field < 0x40000000
  case filter near payload of
    t : _ -> return (t, mapM (peekElemOff (pointerTo t)) [0 .. 3])
    [] -> die' ("no unevaluated closure among " ++ show payload)
  where pointerTo w = Ptr (case fromIntegral w of I# i -> int2Addr# i) :: Ptr Word64

singleEntry :: FilePath -> IO ()
singleEntry directory = do
  xs <- thawFrom directory "single" :: IO [Once]
  forM_ (zip [1 :: Int ..] xs) $ \(k, x) -> do
    (pointer, readWords) <- thunkOf x
    before <- readWords
    let right = work (seed + k) * 3 + k
        direct = case x of Once i -> expect "by a direct jump" (right + seed + 3) i
        byHeader = evaluate (closureAt pointer :: Int) >>= expect "through the header" right
    sequence_ (if even k then [direct, byHeader, collect, direct, byHeader] else [byHeader, direct, collect, byHeader, direct])
    after <- readWords
    yes "forced: the header changed" (head before /= head after)
    expect "payload" (drop 2 before) (drop 2 after)
  putStrLn "six single-entry thunks, entered both ways"

-- --- 14: compact regions ----------------------------------------------------------------------------------------------

compacts :: FilePath -> IO ()
compacts directory = do
  let table = Map.fromList [(i, (show i, [i .. i + 5])) | i <- [1 .. 300 :: Int]]
      texts = [Text.pack (show i) | i <- [1 .. 50 :: Int]]
      bytes = Char8.pack (show (seed * 1000))
      partial = (Map.fromList [(i, work i) | i <- [1 .. 100 :: Int]], head (adder seed))
  freezeTo directory "compact_data" (full (table, Nothing :: Maybe Int))
  freezeTo directory "compact_lazy" (map work [seed .. seed + 100])
  freezeTo directory "compact_text" (full texts)
  freezeTo directory "compact_bytes" (full bytes)
  freezeTo directory "compact_function" partial
  data' <- thawFrom directory "compact_data" >>= attempt "data"
  expect "data" (Just (table, Nothing :: Maybe Int)) data'
  lazy' <- thawFrom directory "compact_lazy" >>= attempt "lazy data"
  expect "lazy data" (Just (map work [seed .. seed + 100])) lazy'
  texts' <- thawFrom directory "compact_text" >>= attempt "texts"
  yes "texts" (maybe True (== texts) texts')
  bytes' <- thawFrom directory "compact_bytes" >>= attempt "bytes"
  yes "bytes" (maybe True (== bytes) bytes')
  function' <- thawFrom directory "compact_function" >>= attempt "a function"
  yes "no function can be compacted" (maybe True (const False) (function' :: Maybe (Map.Map Int Int, Int -> Int)))
  where
    attempt :: String -> a -> IO (Maybe a)
    attempt what x = do
      result <- try (compact x)
      performMajorGC
      churn 3
      performMajorGC
      case result of
        Right region -> putStrLn ("compact: " ++ what) >> return (Just (getCompact region))
        Left (CompactionFailed why) -> putStrLn ("compact: " ++ what ++ ": " ++ why) >> return Nothing

-- --- cases ------------------------------------------------------------------------------------------------------------

cases :: [(String, FilePath -> IO ())]
cases =
  [ ("numbers-freeze", \d -> freezeTo d "numbers" (numbers seed) >> freezeTo d "adder" (adder likeAnAddress))
  , ("numbers-thaw", \d -> do
      thawed <- thawFrom d "numbers"
      f <- thawFrom d "adder"
      collect
      expect "numbers" (numbers seed) thawed
      expect "the function" [likeAnAddress + 5] (map ($ 5) (f :: [Int -> Int])))
  , ("literals-freeze", \d -> freezeTo d "literals" (literals seed) >> freezeTo d "type_reps" typeReps)
  , ("literals-thaw", \d -> do
      thawed <- thawFrom d "literals"
      reps <- thawFrom d "type_reps"
      collect
      let codes (a, b) = map (map ord) (a ++ b) :: [[Int]]
      expect "literals" (codes (literals seed)) (codes (thawed :: Literals))
      expect "type representations" (show typeReps) (show (reps :: [TypeRep]))
      yes "equal type representations" (reps == typeReps))
  , ("srt-freeze", \d -> freezeTo d "srt" (selfReferring seed))
  , ("srt-thaw", \d -> do
      fs <- thawFrom d "srt" :: IO [Int -> Int]
      forM_ [1 .. 10 :: Int] $ \i -> do
        expect ("after " ++ show (2 * i) ++ " major collections") [21 * i, 5 * (7 * i + 1), 7 * (7 * i + 2), work (7 * i + 3)] [f (7 * i) | f <- fs]
        churn i
        performMajorGC
        churn (i * 1000)
        performMajorGC)
  , ("attoparsec", \d -> do
      let text = ParseText.parse (ParseText.many1 (ParseText.decimal <* ParseText.char ',') <* ParseText.endOfInput) (Text.pack (show seed ++ ",8,9"))
          bytes = ParseBytes.parse (ParseBytes.many1 (ParseBytes.decimal <* ParseBytes.char ',') <* ParseBytes.endOfInput) (Char8.pack (show seed ++ ",8,9"))
      message <- refused d "partial_text" [301] (text :: ParseText.Result [Int])
      message' <- refused d "partial_bytes" [301, 307] (bytes :: ParseBytes.Result [Int])
      putStrLn message >> putStrLn message'
      expect "the parser goes on" (Just [7, 8, 91]) (ParseText.maybeResult (ParseText.feed (ParseText.feed text "1,") "")))
  , ("arrays-freeze", \d -> freezeTo d "arrays" (arrays seed) >> freezeTo d "empty" (arrays (seed - 7)))
  , ("arrays-empty", emptyArrays False)
  , ("arrays-empty-several", emptyArrays True)
  , ("arrays-array", \d -> do
      (a, _, _) <- thawFrom d "arrays" :: IO Arrays
      expect "the array" 28 (sum a)
      m <- Prim.unsafeThawArray a
      Prim.writeArray m 0 5)
  , ("arrays-small", \d -> do
      (_, a, _) <- thawFrom d "arrays" :: IO Arrays
      expect "the array" 28 (sum a)
      m <- Prim.unsafeThawSmallArray a
      Prim.writeSmallArray m 0 5)
  , ("arrays-vector", \d -> do
      (_, _, v) <- thawFrom d "arrays" :: IO Arrays
      expect "the vector" 28 (sum v)
      m <- Vector.unsafeThaw v
      MVector.write m 0 5)
  , ("bytes-freeze", \d -> do
      freezeTo d "literal_bytes" (Just literalBytes, Bytes.length literalBytes)
      message <- newIORef 'x' >>= refused d "io_ref" [301] . Just
      putStrLn message)
  , ("bytes-thaw", \d -> do
      thawed <- thawFrom d "literal_bytes"
      collect
      expect "the literal" (Just literalBytes, 33 :: Int) thawed)
  , ("unique", \d -> do
      unique <- newUnique
      refused d "unique" [308] (Just unique) >>= putStrLn
      putStrLn =<< refused d "unique" [308] (Map.fromList [(unique, 'x')]))
  , ("aligned-freeze", \d -> aligned seed >>= \xs -> checkAligned xs >> freezeTo d "aligned" xs)
  , ("aligned-thaw", \d -> do
      xs <- thawFrom d "aligned"
      collect
      checkAligned xs
      freezeTo (d ++ "/again") "aligned" xs)
  , ("canonical-at-once", \d -> canonical seed >>= freezeTo d "canonical")
  , ("canonical-minor", \d -> canonical seed >>= \v -> replicateM_ 4 (churn 1 >> performMinorGC) >> freezeTo d "canonical" v)
  , ("canonical-major", \d -> canonical seed >>= \v -> collect >> collect >> freezeTo d "canonical" v)
  , ("canonical-full", \d -> do
      v <- canonical seed
      expect "the last" 30 (length (let (_, _, _, _, _, l) = v in full v `seq` l))
      freezeTo d "canonical" v)
  , ("canonical-again", \d -> do
      v <- thawFrom d "canonical" :: IO Canonical
      collect
      freezeTo (d ++ "/again") "canonical" v
      fresh <- canonical seed
      expect "the value" fresh v)
  , ("nullary-freeze", \d -> freezeTo d "nullary" (nullary seed))
  , ("nullary-thaw", \d -> do
      xs <- thawFrom d "nullary"
      expect "constructors" 11 (length xs)
      forM_ (zip xs (nullary seed)) $ \(AnyClosure x, AnyClosure own) -> do
        at <- addressOf x
        program <- addressOf own
        yes "it is in the image" (at /= program)
        padding <- peekElemOff at 1
        expect ("the word after the header at " ++ show at) 0 padding)
  , ("wide-freeze", \d -> freezeTo d "wide" (wide seed) >> freezeTo d "wide_half" (wideHalf seed))
  , ("wide-thaw", \d -> do
      f <- thawFrom d "wide" :: IO (Int -> Int -> Int -> Wide)
      g <- thawFrom d "wide_half" :: IO (Int -> Int -> Int -> Wide)
      forM_ [1 .. 4] $ \i -> do
        expect "67 fields" (wideSum (wide seed i 2 3)) (wideSum (f i 2 3))
        expect "half of 67 fields" (wideSum (wideHalf seed i 5 6)) (wideSum (g i 5 6))
        collect)
  , ("under-evaluation", underEvaluation)
  , ("busy", busy)
  , ("never-ends", neverEnds)
  , ("caf-freeze", cafFreeze)
  , ("caf-thaw", cafThaw)
  , ("single-freeze", \d -> freezeTo d "single" (singles seed))
  , ("single-thaw", singleEntry)
  , ("compact", compacts)
  ]

main :: IO ()
main = do
  arguments <- getArgs
  case arguments of
    [name, directory] | Just act <- lookup name cases -> act directory
    _ -> die' ("expected one of " ++ unwords (map fst cases) ++ " and a directory")
