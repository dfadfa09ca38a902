{-# LANGUAGE BangPatterns #-}
{-# LANGUAGE MagicHash #-}
{-# LANGUAGE ScopedTypeVariables #-}
-- Thunks, partial applications and closures stay as they are written.
{-# OPTIONS_GHC -fno-full-laziness -fno-strictness -fno-cse #-}

-- | Random graphs: a plan is generated, and each value that is made from it is a graph of data, thunks, functions and cycles.
-- What is frozen and thawed must be like what is built from the same plan afresh.
--
-- > properties SEED CASES DIRECTORY
--
-- An image stays mapped as long as its process lives, so one process is for some 10 cases; properties.sh starts as many as it needs.
module Main (main) where

import Control.Exception
import Control.Monad
import Data.Array (Array, elems, listArray)
import qualified Data.ByteString as Bytes
import qualified Data.ByteString.Char8 as Char8
import Data.Int (Int8)
import Data.IORef
import qualified Data.IntMap as IntMap
import qualified Data.Map.Lazy as Map
import qualified Data.Sequence as Seq
import qualified Data.Set as Set
import qualified Data.Text as Text
import qualified Data.Vector as Vector
import qualified Data.Vector.Unboxed as VectorU
import Data.Foldable (toList)
import Data.Word (Word16)
import Fastboot
import System.Directory (createDirectoryIfMissing, removeFile)
import System.Environment (getArgs)
import System.Exit (exitFailure)
import System.IO
import System.IO.Unsafe (unsafePerformIO)
import System.Mem (performMajorGC, performMinorGC)
import Test.QuickCheck
import Test.QuickCheck.Monadic (monadicIO, run)
import Test.QuickCheck.Random (mkQCGen)

-- --- plans ------------------------------------------------------------------------------------------------------------

-- | What to build.
data Plan
  = PInt Int | PInteger Integer | PDouble Double | PChar Char | PString String | PText String | PBytes [Int] | PLiteral Int
  | PUnit
  | PList [Plan]
  | PPair Plan Plan
  | PMap [(Int, Plan)] | PIntMap [(Int, Plan)] | PSet [Int] | PSeq [Plan]
  | PArray [Plan] | PVector [Plan] | PUnboxed [Int]
  | PRecord Int Char Plan Double Plan Int
  | PShared Plan          -- ^ one value, referred to three times
  | PRing [Plan]          -- ^ a list that has no end
  | PKnot Plan Plan       -- ^ two records, each of which holds the other
  | PDelayed When Plan    -- ^ a thunk
  | PSelected When Plan   -- ^ a selector thunk
  | PFailing              -- ^ a thunk that throws
  | PFunction Code
  deriving (Show)

-- | Is a thunk evaluated before it is frozen, or after the thaw and before the graph is frozen again?
data When = Before | Between | After deriving (Eq, Show)

-- | A function from Int to Int.
data Code
  = Add Int | Multiply Int | Compose Code Code | Branch Int Code Code | Table [Int] | Partial Int Int | Partial2 Int | Recursive Int
  | Captures Plan Int | Mutual Int | Fix Code
  deriving (Show)

instance Arbitrary When where arbitrary = elements [Before, Between, After]

small :: Gen Int
small = oneof [choose (-20, 300), choose (4000000, 9000000), arbitrarySizedBoundedIntegral]

instance Arbitrary Plan where
  arbitrary = sized go
    where
      go n | n <= 0 = leaf
           | otherwise = frequency
               [ (2, leaf)
               , (3, PList <$> some' n), (2, PPair <$> part 2 n <*> part 2 n)
               , (2, PMap <$> keyed n), (1, PIntMap <$> keyed n), (1, PSeq <$> some' n)
               , (1, PArray <$> some' n), (1, PVector <$> some' n)
               , (2, PRecord <$> small <*> arbitrary <*> part 2 n <*> arbitrary <*> part 2 n <*> small)
               , (2, PShared <$> part 1 n), (2, PRing <$> ((:) <$> part 2 n <*> some' (n `div` 2))), (2, PKnot <$> part 2 n <*> part 2 n)
               , (5, PDelayed <$> arbitrary <*> part 1 n), (2, PSelected <$> arbitrary <*> part 1 n)
               , (4, PFunction <$> resize (n `div` 2) arbitrary) ]
      leaf = frequency
        [ (4, PInt <$> small), (2, PInteger <$> oneof [arbitrary, (^ (20 :: Int)) <$> choose (2, 50)]), (1, PDouble <$> arbitrary), (2, PChar <$> arbitrary)
        , (2, PString <$> arbitrary), (1, PText <$> arbitrary), (1, PBytes <$> listOf (choose (0, 255))), (1, PLiteral <$> choose (0, 40)), (1, return PUnit)
        , (1, PSet <$> listOf small), (1, PUnboxed <$> listOf small), (1, return PFailing), (1, PFunction . Add <$> small) ]
      part k n = go ((n - 1) `div` k)
      some' n = choose (0, 5) >>= \k -> replicateM k (go ((n - 1) `div` max 1 k))
      keyed n = some' n >>= mapM (\p -> (\k -> (k, p)) <$> small)
  shrink plan = case plan of
    PList ps -> ps ++ [PList qs | qs <- shrinkList (const []) ps]
    PPair a b -> [a, b]
    PMap kps -> map snd kps
    PIntMap kps -> map snd kps
    PSeq ps -> ps
    PArray ps -> ps
    PVector ps -> ps
    PRecord _ _ a _ b _ -> [a, b]
    PShared a -> [a]
    PRing ps -> ps
    PKnot a b -> [a, b]
    PDelayed _ a -> [a]
    PSelected _ a -> [a]
    PFunction c -> map PFunction (shrink c)
    _ -> []

instance Arbitrary Code where
  arbitrary = sized go
    where
      go n | n <= 0 = oneof [Add <$> small, Multiply <$> small, Partial <$> small <*> small, Partial2 <$> small, Recursive <$> choose (0, 20), Mutual <$> choose (0, 20)]
           | otherwise = oneof
               [ go 0, Compose <$> go (n `div` 2) <*> go (n `div` 2), Branch <$> small <*> go (n `div` 2) <*> go (n `div` 2)
               , Table <$> listOf small, Captures <$> resize (n `div` 2) arbitrary <*> small, Fix <$> go (n `div` 2) ]
  shrink code = case code of
    Compose a b -> [a, b]
    Branch _ a b -> [a, b]
    Fix a -> [a]
    Captures p n -> [Captures q n | q <- shrink p]
    _ -> []

-- --- values -----------------------------------------------------------------------------------------------------------

data Value
  = VInt Int | VInteger Integer | VDouble Double | VChar Char | VString String | VText Text.Text | VBytes Bytes.ByteString
  | VUnit
  | VList [Value] | VPair (Value, Value)
  | VMap (Map.Map Int Value) | VIntMap (IntMap.IntMap Value) | VSet (Set.Set Int) | VSeq (Seq.Seq Value)
  | VArray (Array Int Value) | VVector (Vector.Vector Value) | VUnboxed (VectorU.Vector Int)
  | VRecord Record
  | VFunction (Int -> Int)
  | VLazy Value     -- ^ its field is a thunk, at first

data Record = Record
  { _number :: {-# UNPACK #-} !Int, _letter :: {-# UNPACK #-} !Char, _one :: Value, _ratio :: {-# UNPACK #-} !Double, _other :: Value
  , _byte :: !Int8, _word :: {-# UNPACK #-} !Word16, _maybe :: Maybe Int }

-- All that is built depends on `salt`, which the compiler does not know (it is 0).
build :: Int -> Plan -> Value
build salt plan = case plan of
  PInt n -> let m = n + salt in m `seq` VInt m
  PInteger n -> let m = n + toInteger salt in m `seq` VInteger m
  PDouble d -> let e = d + fromIntegral salt in e `seq` VDouble e
  PChar c -> VChar c
  PString s -> let t = map (toEnum . (+ salt) . fromEnum) s in length (show t) `seq` VString t
  PText s -> let t = Text.pack s in t `seq` VText t
  PBytes bs -> let b = Bytes.pack (map fromIntegral bs) in b `seq` VBytes b
  PLiteral n -> let b = Char8.drop (n + salt) literal in b `seq` VBytes b
  PUnit -> VUnit
  PList ps -> VList $! many ps
  PPair a b -> let x = go a; y = go b in x `seq` y `seq` VPair (x, y)
  PMap kps -> VMap $! foldl (\m (k, p) -> let v = go p in v `seq` Map.insert k v m) Map.empty kps
  PIntMap kps -> VIntMap $! foldl (\m (k, p) -> let v = go p in v `seq` IntMap.insert k v m) IntMap.empty kps
  PSet ks -> VSet $! Set.fromList (map (+ salt) ks)
  PSeq ps -> VSeq $! foldl (\s v -> v `seq` (s Seq.|> v)) Seq.empty (many ps)
  PArray ps -> VArray $! listArray (0, length ps - 1) (many ps)
  PVector ps -> let v = Vector.fromList (many ps) in v `seq` VVector v
  PUnboxed ns -> let v = VectorU.fromList (map (+ salt) ns) in v `seq` VUnboxed v
  PRecord n c a d b m -> let { x = go a; y = go b } in x `seq` y `seq` VRecord $! record n c d m x y
  PShared a -> let x = go a in x `seq` VList [x, VPair (x, x)]
  PRing ps -> let r = ring (many ps) in length (take (1 + length ps) r) `seq` VList r
  PKnot a b -> let { x = go a; y = go b } in x `seq` y `seq` knot x y
  PDelayed w a -> let v = delay w a in (if w == Before then force v else ()) `seq` VLazy v
  PSelected w a ->
    let { p = lazyPair salt a; v = fst p } in (if w == After then () else p `seq` (if w == Before then force v else ())) `seq` VLazy v
  PFailing -> VLazy (failing salt)
  PFunction c -> let f = code salt c in f `seq` VFunction f
  where
    go = build salt
    many ps = let vs = map go ps in foldr seq () vs `seq` vs
    delay _ a = go a
    record n c d m x y = Record (n + salt) c x d y (fromIntegral n) (fromIntegral m) (if even m then Just (m + salt) else Nothing) `forced` even m
    forced r _ = case r of Record _ _ _ _ _ _ _ (Just k) -> k `seq` r
                           _ -> r
    force v = v `seq` ()
{-# NOINLINE build #-}

literal :: Bytes.ByteString
literal = Char8.pack "a literal of the program, of which drops are taken"
{-# NOINLINE literal #-}

ring :: [Value] -> [Value]
ring vs = r where r = foldr (\v k -> v `seq` (v : k)) r vs
{-# NOINLINE ring #-}

knot :: Value -> Value -> Value
knot x y = a
  where a = VRecord (Record 1 'a' x 0.5 b 1 1 Nothing)
        b = VRecord (Record 2 'b' y 0.25 a 2 2 Nothing)
{-# NOINLINE knot #-}

lazyPair :: Int -> Plan -> (Value, Int)
lazyPair salt p = (build salt p, salt)
{-# NOINLINE lazyPair #-}

failing :: Int -> Value
failing salt = if salt == 0 then throw (ErrorCall "a part that fails") else VUnit
{-# NOINLINE failing #-}

code :: Int -> Code -> (Int -> Int)
code salt c = case c of
  Add n -> let m = n + salt in m `seq` \x -> x + m
  Multiply n -> let m = n + salt in m `seq` \x -> x * m + 1
  Compose a b -> let { f = code salt a; g = code salt b } in f `seq` g `seq` \x -> f (g x)
  Branch n a b -> let { f = code salt a; g = code salt b } in f `seq` g `seq` \x -> if x > n + salt then f x else g (x + 1)
  Table ns -> let t = Map.fromList (zip [0 ..] (map (+ salt) ns)) in Map.foldr seq () t `seq` \x -> Map.findWithDefault x (x `mod` 7) t
  Partial a b -> apply (apply three (a + salt)) (b + salt)
  Partial2 a -> apply two (a + salt)
  Recursive n -> let { go 0 x = x; go k x = go (k - 1) (x * 3 + n) } in \x -> go (n + salt) x
  Captures p n -> let v = build salt p in v `seq` \x -> x + n + length (take 60 (observe 40 v))
  Mutual n -> let { ev, od :: Int -> Int; ev 0 = n; ev k = od (k - 1); od 0 = n + 1; od k = ev (k - 1) } in \x -> ev (abs x `mod` 50 + salt)
  Fix a -> let { f = code salt a; g k = if k < 3 then f k else g (k `div` 2) + 1 } in f `seq` \x -> g (abs x `mod` 1000)
{-# NOINLINE code #-}

apply :: (a -> b -> c) -> a -> (b -> c)
apply f a = f a
{-# NOINLINE apply #-}

three :: Int -> Int -> Int -> Int
three a b x = a * 3 + b * 5 - x
{-# NOINLINE three #-}

two :: Int -> Int -> Int
two a x = a * 7 - x
{-# NOINLINE two #-}

-- --- answers ----------------------------------------------------------------------------------------------------------

-- | All that can be asked of a value, down to a depth. Failures are answers.
observe :: Int -> Value -> [String]
observe 0 _ = ["..."]
observe depth value = unsafePerformIO $ do
  result <- try (evaluate value)
  return $ case result of
    Left (ErrorCall why) -> ["throws " ++ why]
    Right v -> case v of
      VInt n -> [show n]
      VInteger n -> [show n]
      VDouble d -> [show d]
      VChar c -> [show c]
      VString s -> [show s]
      VText t -> [show t]
      VBytes b -> [show b, show (Bytes.length b)]
      VUnit -> ["()"]
      VList vs -> "list" : concatMap go (take depth vs)
      VPair (a, b) -> "pair" : go a ++ go b
      VMap m -> ("map " ++ show (Map.keys m) ++ show (Map.valid m)) : concatMap go (Map.elems m)
      VIntMap m -> ("int map " ++ show (IntMap.keys m)) : concatMap go (IntMap.elems m)
      VSet s -> ["set " ++ show s]
      VSeq s -> ("seq " ++ show (Seq.length s)) : concatMap go (toList s)
      VArray a -> "array" : concatMap go (elems a)
      VVector a -> "vector" : concatMap go (Vector.toList a)
      VUnboxed a -> ["unboxed " ++ show a]
      VRecord (Record n c a d b i w m) -> show (n, c, d, i, w, m) : go a ++ go b
      VFunction f -> ["function " ++ show (map f [-3, 0, 1, 5, 100])]
      VLazy a -> "lazy" : go a
  where go = observe (depth - 1)
{-# NOINLINE observe #-}

answers :: Value -> String
answers = unlines . take 3000 . observe 12
{-# NOINLINE answers #-}

-- Evaluates what the plan says is evaluated between thaw and the next freeze; walks as far as the plan goes.
evaluateBetween :: Plan -> Value -> IO ()
evaluateBetween plan value = case (plan, value) of
  (PDelayed w a, VLazy v) -> when (w /= After) $ void (try (evaluate v) :: IO (Either ErrorCall Value)) >> evaluateBetween a v
  (PSelected w a, VLazy v) -> when (w /= After) $ evaluateBetween a v
  (PList ps, VList vs) -> zipWithM_ evaluateBetween ps vs
  (PPair a b, VPair (x, y)) -> evaluateBetween a x >> evaluateBetween b y
  (PVector ps, VVector vs) -> zipWithM_ evaluateBetween ps (Vector.toList vs)
  (PRecord _ _ a _ b _, VRecord r) -> evaluateBetween a (_one r) >> evaluateBetween b (_other r)
  (PShared a, VList (v : _)) -> evaluateBetween a v
  _ -> return ()

-- | Nothing in it is a thunk when it is frozen.
fullyEvaluated :: Plan -> Bool
fullyEvaluated plan = case plan of
  PDelayed w a -> w == Before && fullyEvaluated a
  PSelected w a -> w == Before && fullyEvaluated a
  PFailing -> False
  PList ps -> all fullyEvaluated ps
  PPair a b -> fullyEvaluated a && fullyEvaluated b
  PMap kps -> all (fullyEvaluated . snd) kps
  PIntMap kps -> all (fullyEvaluated . snd) kps
  PSeq ps -> all fullyEvaluated ps
  PArray ps -> all fullyEvaluated ps
  PVector ps -> all fullyEvaluated ps
  PRecord _ _ a _ b _ -> fullyEvaluated a && fullyEvaluated b
  PShared a -> fullyEvaluated a
  PRing ps -> all fullyEvaluated ps
  PKnot a b -> fullyEvaluated a && fullyEvaluated b
  PFunction _ -> False
  _ -> True

-- --- the property -----------------------------------------------------------------------------------------------------

salted :: IORef Int
salted = unsafePerformIO (newIORef 0)
{-# NOINLINE salted #-}

-- The build-id note is the content id.
contentId :: Bytes.ByteString -> Bytes.ByteString
contentId file = Bytes.take 20 (Bytes.drop 8 (snd (Bytes.breakSubstring note file)))
  where note = Bytes.pack [3, 0, 0, 0, 0x47, 0x4e, 0x55, 0]

say :: Bool -> String -> IO ()
say ok what = unless ok (throwIO (userError what))

freezeOrFail :: FilePath -> Value -> IO FreezeReport
freezeOrFail file value = freeze file value >>= either (\e -> throwIO (userError (show e))) return

thawOrFail :: FilePath -> IO Value
thawOrFail file = thaw file >>= either (\e -> throwIO (userError (show e))) return

-- The first line in which two answers differ.
difference :: String -> String -> String
difference a b = case [p | p@(x, y) <- zip (lines a ++ ["(end)"]) (lines b ++ ["(end)"]), x /= y] of
  (x, y) : _ -> "expected " ++ take 200 x ++ ", found " ++ take 200 y
  [] -> "no difference"

data Totals = Totals { graphs, lazyOnes, fullOnes, closures :: !Int }

property' :: FilePath -> IORef Int -> IORef Totals -> Plan -> Property
property' directory counter totals plan = monadicIO $ run $ do
  _ <- evaluate (length (show plan))
  n <- atomicModifyIORef' counter (\k -> (k + 1, k))
  salt <- readIORef salted
  let name suffix = "v" ++ show n ++ suffix ++ ".snap"
      a = directory ++ "/a/" ++ name ""
      b = directory ++ "/b/" ++ name ""
      c = directory ++ "/c/" ++ name ""
      d = directory ++ "/b/" ++ name "d"
      expected = answers (build salt plan)
      asks when' value = let found = answers value in say (expected == found) (when' ++ ": " ++ difference expected found)
      value = build salt plan
  when (odd n) performMinorGC
  report <- evaluate value >>= freezeOrFail a
  when (even n) performMinorGC
  _ <- freezeOrFail b value
  first <- Bytes.readFile a
  second <- Bytes.readFile b
  say (first == second) "frozen twice: the files differ"
  thawed <- thawOrFail a
  performMajorGC
  let fully = fullyEvaluated plan
  when fully $ do
    say (frozenLazyClosures report == 0) (show (frozenLazyClosures report) ++ " lazy closures in an evaluated graph")
    _ <- freezeOrFail c thawed
    third <- Bytes.readFile c
    say (Bytes.length (contentId first) == 20) "no content id found"
    say (contentId first == contentId third) "frozen, thawed and frozen: another content id"
  unless fully $ do
    evaluateBetween plan thawed
    performMinorGC
    _ <- freezeOrFail d thawed
    again <- thawOrFail d
    performMajorGC
    asks "frozen, thawed, partly evaluated, frozen, thawed" again
    removeFile d
  asks "thawed" thawed
  performMajorGC
  asks "thawed, asked a second time" thawed
  asks "the original, after freezing" value
  mapM_ removeFile [a, b]
  modifyIORef' totals $ \t -> Totals (graphs t + 1) (lazyOnes t + (if frozenLazyClosures report > 0 then 1 else 0))
    (fullOnes t + (if fully then 1 else 0)) (closures t + fromIntegral (frozenClosures report))

main :: IO ()
main = do
  hSetBuffering stdout LineBuffering
  arguments <- getArgs
  case arguments of
    [seedText, casesText, directory] -> do
      mapM_ (createDirectoryIfMissing True . (directory ++)) ["/a", "/b", "/c"]
      counter <- newIORef 0
      totals <- newIORef (Totals 0 0 0 0)
      let settings = stdArgs { replay = Just (mkQCGen (read seedText), 0), maxSuccess = read casesText, maxSize = 40, maxShrinks = 15, chatty = False }
          -- Sizes grow within a run, and runs are short.
          plans = resize 40 (sized (\_ -> choose (2, 40) >>= \k -> resize k arbitrary))
      result <- quickCheckWithResult settings (forAllShrink plans shrink (property' directory counter totals))
      t <- readIORef totals
      case result of
        Success {} -> putStrLn (unwords (map show [graphs t, lazyOnes t, fullOnes t, closures t]))
        _ -> hPutStrLn stderr ("seed " ++ seedText ++ ": " ++ output result) >> exitFailure
    _ -> hPutStrLn stderr "usage: properties SEED CASES DIRECTORY" >> exitFailure
