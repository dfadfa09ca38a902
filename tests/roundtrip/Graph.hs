{-# OPTIONS_GHC -fno-full-laziness -fno-cse #-}
{-# LANGUAGE BangPatterns #-}
{-# LANGUAGE ExistentialQuantification #-}
{-# LANGUAGE MagicHash #-}
{-# LANGUAGE ScopedTypeVariables #-}

-- | Named graphs, and the program around them: it freezes a graph in one process and compares it in another with the same
-- graph built afresh there.
module Graph
  ( Graph (..)
  , Shape (..)
  , graph
  , digest
  , holds
  , thawedHolds
  , lazily
  , shown
  , same
  , run
  ) where

import Control.Concurrent
import Control.Exception
import Control.Monad
import Data.IORef
import Data.List (isPrefixOf, sortOn)
import qualified Data.Map.Strict as Map
import Data.Typeable (Typeable)
import Data.Word (Word64)
import Fastboot
import GHC.Exts (isTrue#, reallyUnsafePtrEquality#)
import System.Environment (getArgs, lookupEnv)
import System.Exit (exitFailure, exitWith, ExitCode (..))
import System.IO
import System.IO.Unsafe (unsafePerformIO)
import System.Mem (performMajorGC, performMinorGC)
import System.Mem.Weak (deRefWeak, mkWeakPtr)

-- | What a test can ask of a value: a list of named answers, equal for the thawed value and for the one built here.
newtype Shape a = Shape { answers :: Origin -> a -> [(String, String)] }

data Origin = Built | Thawed deriving (Eq)

instance Semigroup (Shape a) where
  Shape f <> Shape g = Shape (\from x -> f from x ++ g from x)

data Graph = forall a. Typeable a => Graph
  { name :: String
  , lazyClosures :: Word64     -- ^ the frozen image must have at least so many
  , build :: Int -> a          -- ^ from a number that the compiler does not know (it is 7)
  , shape :: Shape a
  }

graph :: Typeable a => String -> (Int -> a) -> Shape a -> Graph
graph n = Graph n 0

-- | A graph that must be frozen with at least so many unevaluated closures.
lazily :: Typeable a => Word64 -> String -> (Int -> a) -> Shape a -> Graph
lazily least n = Graph n least

digest :: Show d => (a -> d) -> Shape a
digest f = Shape (\_ x -> [("digest", show (f x))])

-- | A condition that the built and the thawed value meet.
holds :: String -> (a -> Bool) -> Shape a
holds what f = Shape (\from x -> [(what, if f x then "yes" else error ("not so (" ++ showOrigin from ++ "): " ++ what))])
  where
    showOrigin Built = "built"
    showOrigin Thawed = "thawed"

-- | A condition that freezing brings about.
thawedHolds :: String -> (a -> Bool) -> Shape a
thawedHolds what f = Shape (\from x -> [(what, if from == Built || f x then "yes" else error ("not so: " ++ what))])

-- | Evaluates all that 'show' reads. For graphs that must be data through and through.
shown :: Show a => a -> a
shown x = length (show x) `seq` x

-- | The same closure? Both are evaluated first.
same :: a -> a -> Bool
same !a !b = isTrue# (reallyUnsafePtrEquality# a b)
{-# NOINLINE same #-}

-- | The program's number, behind the compiler's back: graphs are built at run time, not laid out by the compiler.
seed :: Int
seed = unsafePerformIO (readIORef seedText)
{-# NOINLINE seed #-}

seedText :: IORef Int
seedText = unsafePerformIO (newIORef 7)
{-# NOINLINE seedText #-}

-- | Garbage for the collector: enough for some minor collections with the usual nursery, and many with a small one. GRAPH_CHURN=800 in
-- the environment makes it less, for collections that take long.
churn :: Int -> IO Int
churn n = do
  wanted <- maybe 6000 read <$> lookupEnv "GRAPH_CHURN"
  let step !m i = Map.insert (i * 7919 `mod` 1009) [i .. i + 3] m
      table = foldl step Map.empty [n .. n + wanted]
  evaluate (sum (map sum (Map.elems table)))

collect :: IO ()
collect = do
  _ <- churn 1
  performMinorGC
  performMajorGC
  _ <- churn 2
  performMinorGC
  performMinorGC
  _ <- churn 3
  performMajorGC

data Mode = Early | Late | Threads deriving (Eq)

compareShapes :: String -> [(String, String)] -> [(String, String)] -> IO ()
compareShapes moment expected found = do
  let wrong = [(e, f) | (e, f) <- zip expected found, e /= f]
      short s = if length s > 400 then take 400 s ++ "..." else s
  unless (null wrong && length expected == length found) $ do
    forM_ wrong $ \((what, e), (_, f)) ->
      hPutStrLn stderr (moment ++ ": " ++ what ++ "\n  expected " ++ short e ++ "\n  found    " ++ short f)
    exitFailure

-- | The graph of that name: the file's root, or of the file that GRAPH_FILE names the root of that name.
thawNamed :: Typeable a => String -> FilePath -> IO (Either ThawError a)
thawNamed n file = lookupEnv "GRAPH_FILE" >>= maybe (thaw file) (`thawRoot` n)

thawGraph :: Mode -> Graph -> FilePath -> IO ()
thawGraph mode (Graph n _ make (Shape ask)) file = do
  thawed <- thawNamed n file
  case thawed of
    Left failure -> die' (n ++ ": thaw: " ++ show failure)
    Right value -> do
      let fresh = make seed
          expected = ask Built fresh
          -- A new list at each call, so that nothing of an earlier answer is kept.
          check moment = do
            found <- evaluate (ask Thawed value)
            compareShapes (n ++ ": " ++ moment) expected found
      _ <- evaluate (sum (map (length . snd) expected))
      -- Heap objects that point into the image, young and old, and a weak pointer on one of its closures.
      let holders = [Just value | _ <- [1 .. 500 :: Int]]
      evaluate (foldr (\h r -> maybe r (const r) h) () holders)
      weak <- mkWeakPtr value Nothing
      when (mode == Early) $ check "at once"
      collect
      when (mode == Threads) $ do
        results <- forM [0 .. 3 :: Int] $ \thread -> do
          done <- newEmptyMVar
          _ <- forkOn thread $ do
            -- Half of the threads ask from the last question backwards.
            let mine = if even thread then ask Thawed value else reverse (ask Thawed value)
            r <- try (evaluate (sum (map (length . snd) mine)))
            putMVar done (r :: Either SomeException Int)
          return done
        _ <- churn 4
        performMajorGC
        forM_ results (takeMVar >=> either throwIO (const (return ())))
      forM_ [1 .. 2 :: Int] $ \i -> do
        check ("after collections, " ++ show i)
        collect
      check "at the end"
      forM_ (take 3 holders ++ drop 497 holders) $ \h -> case h of
        Just held -> compareShapes (n ++ ": held by the heap") (take 1 expected) (take 1 (ask Thawed held))
        Nothing -> die' (n ++ ": a holder was lost")
      alive <- deRefWeak weak
      when (maybe True (const False) alive) $ die' (n ++ ": a weak pointer on the root died")

-- | All graphs in one process, in an order that the number draws: each is asked when it is thawed, and once more when all are there.
thawAll :: Int -> [Graph] -> FilePath -> IO ()
thawAll number graphs directory = do
  again <- forM shuffled $ \(Graph n _ make (Shape ask)) -> do
    thawed <- thawNamed n (directory ++ "/" ++ n ++ ".snap")
    case thawed of
      Left failure -> die' (n ++ ": thaw: " ++ show failure)
      Right value -> do
        let check moment = compareShapes (n ++ ": " ++ moment) (ask Built (make seed)) (ask Thawed value)
        -- Half of them are not looked at before the others are there.
        when (even (length n + number)) $ check "with those before it"
        return (check "with all others")
  collect
  sequence_ again
  collect
  sequence_ (reverse again)
  where
    shuffled = map snd (sortOn fst (zip (drop 1 (iterate (\x -> (x * 1103515245 + 12345) `mod` 2147483648) (number * 7919 + 1))) graphs))

freezeGraph :: Graph -> FilePath -> IO ()
freezeGraph (Graph n least make _) file = do
  result <- freeze file (make seed)
  case result of
    Left failure -> die' (n ++ ": freeze: " ++ show failure)
    Right report -> when (frozenLazyClosures report < least) $
      die' (n ++ ": froze " ++ show (frozenLazyClosures report) ++ " lazy closures, expected at least " ++ show least)

freezeTwice :: Graph -> FilePath -> FilePath -> IO ()
freezeTwice (Graph n _ make _) first second = do
  let value = make seed
  forM_ [first, second] $ \file -> do
    result <- freeze file value
    either (\failure -> die' (n ++ ": freeze: " ++ show failure)) (const (return ())) result
    collect
    collect

die' :: String -> IO a
die' message = hPutStrLn stderr message >> exitFailure

-- > prog list
-- > prog freeze NAME FILE
-- > prog freeze-all DIR [collected]          (each to DIR/NAME.snap)
-- > prog freeze-twice NAME FILE FILE         (one value, collections between)
-- > prog thaw-all NUMBER DIR [NAME...]      (all but these)
-- > prog thaw MODE NAME FILE         (MODE: early, late, threads)
run :: [Graph] -> IO ()
run graphs = do
  hSetBuffering stdout LineBuffering
  arguments <- getArgs
  let find n = maybe (die' ("no graph " ++ n)) return (lookup n [(name g, g) | g <- graphs])
      doubled = [a | (a, b) <- zip names (drop 1 names), a == b]
      names = sortOn id (map name graphs)
  unless (null doubled) $ die' ("two graphs named " ++ unwords doubled)
  case arguments of
    ["list"] -> mapM_ (putStrLn . name) graphs
    ["freeze", n, file] -> find n >>= \g -> freezeGraph g file
    ["freeze-all", directory] -> forM_ graphs $ \g -> freezeGraph g (directory ++ "/" ++ name g ++ ".snap")
    -- A major collection between the graphs, so that nothing lies where it lay the first time.
    ["freeze-all", directory, "collected"] -> forM_ graphs $ \g -> do
      _ <- churn 5
      performMajorGC
      freezeGraph g (directory ++ "/" ++ name g ++ ".snap")
    "thaw-all" : number : directory : without -> thawAll (read number) [g | g <- graphs, name g `notElem` without] directory
    ["freeze-twice", n, first, second] -> find n >>= \g -> freezeTwice g first second
    ["thaw", mode, n, file] -> find n >>= \g -> thawGraph (modeNamed mode) g file
    _ -> hPutStrLn stderr ("unknown arguments " ++ unwords arguments) >> exitWith (ExitFailure 2)
  where
    modeNamed m | m `isPrefixOf` "early" = Early
                | m `isPrefixOf` "late" = Late
                | otherwise = Threads
