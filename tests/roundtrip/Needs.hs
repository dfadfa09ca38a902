{-# LANGUAGE BangPatterns #-}
{-# LANGUAGE MagicHash #-}
{-# LANGUAGE ScopedTypeVariables #-}

-- | The program of needs.sh: a dictionary, an index that points into it, and a model that points into both.
--
-- > needs freeze dict|index|model    writes DICT.snap and so on, the latter two against those before
-- > needs use HOW...                 compares what is thawed with what is built here
-- > needs errors ...                 see needs.sh
module Main (main) where

import Control.Concurrent
import Control.Exception
import Control.Monad
import qualified Data.ByteString.Char8 as Bytes
import Data.List (isInfixOf, sort)
import qualified Data.Map.Strict as Map
import qualified Data.Text as Text
import Data.Typeable (Typeable)
import Fastboot
import GHC.Exts (isTrue#, reallyUnsafePtrEquality#)
import System.Environment (getArgs, setEnv, unsetEnv)
import System.Exit
import System.IO
import System.Mem
import System.Mem.Weak

data Entry = Entry
  { number :: !Int
  , name :: !Text.Text
  , bytes :: !Bytes.ByteString
  , later :: Integer -- a thunk when it is frozen
  , apply :: !(Int -> Int) -- a function with a free variable
  , both :: (Int, Integer) -- a thunk
  , maybes :: !(Maybe Bool) -- a constructor without fields, mostly
  }

type Dict = Map.Map Int Entry

entry :: Int -> Entry
entry i = Entry
  { number = i
  , name = Text.pack ("entry " ++ show i)
  , bytes = Bytes.pack ("some bytes of " ++ show i)
  , later = product [1 .. fromIntegral (i `mod` 30)] + fromIntegral i
  , apply = if even i then \x -> x * i + 1 else subtract i
  , both = let n = fromIntegral i ^ (3 :: Int) + 7 in (i + 1, n) -- a fresh number: multiplied by 1, one of the dictionary would stay
  , maybes = if i `mod` 5 == 0 then Just (even i) else Nothing
  }
{-# NOINLINE entry #-}

makeDict :: Int -> Dict
makeDict count = Map.fromDistinctAscList [(i, entry i) | i <- [1 .. count]]
{-# NOINLINE makeDict #-}

data Index = Index
  { byDigit :: !(Map.Map Char [Entry])
  , slices :: ![Bytes.ByteString] -- parts of the dictionary's byte strings
  , endings :: ![Text.Text] -- parts of its texts
  , sums :: [Integer] -- thunks over its thunks
  , functions :: ![Int -> Int] -- that hold its functions
  , partials :: ![Int -> Int] -- partial applications with an entry of it as argument
  , selected :: [Integer] -- selector thunks on its thunks
  , evaluated :: ![Integer] -- what has been a thunk of it, and was evaluated where the index was frozen
  , entire :: Dict
  }

makeIndex :: Dict -> Index
makeIndex dict = Index
  { byDigit = Map.map reverse (Map.fromListWith (++) [(last (show (number e)), [e]) | e <- entries])
  , slices = foldr seq slice slice
  , endings = foldr seq ending ending
  , sums = [later a + later b | (a, b) <- zip entries (drop 1 entries)]
  , functions = foldr seq composed composed
  , partials = foldr seq applied applied
  , selected = map (snd . both) (take 200 entries)
  , evaluated = foldr seq forced forced
  , entire = dict
  }
  where
    entries = Map.elems dict
    slice = [Bytes.drop 5 (bytes e) | e <- entries]
    ending = [Text.drop 6 (name e) | e <- entries]
    composed = let f = apply (dict Map.! 1) in f `seq` [apply e . f | e <- entries]
    applied = [weigh e 3 | e <- entries]
    forced = [later e | e <- entries, number e `mod` 7 == 3]
{-# NOINLINE makeIndex #-}

weigh :: Entry -> Int -> Int -> Int
weigh e n x = number e * n + x
{-# NOINLINE weigh #-}

data Model = Model
  { dictOf :: Dict
  , indexOf :: Index
  , pairs :: !(Map.Map Int (Entry, [Entry]))
  , endless :: [Int] -- a thunk that leads to itself, over entries
  , counted :: Int -> Int
  , chosen :: [Entry] -- thunks whose values are the dictionary's own entries, and functions
  }

makeModel :: Dict -> Index -> Model
makeModel dict index = Model
  { dictOf = dict
  , indexOf = index
  , pairs = Map.map (\e -> let list = byDigit index Map.! last (show (number e)) in list `seq` (e, list)) (Map.filter ((== 0) . (`mod` 3) . number) dict)
  , endless = let list = map number (take 50 (Map.elems dict)) ++ list in list
  , chosen = [dict Map.! (i * i) | i <- [1 .. 30]]
  , counted = \x -> sum (map ($ x) (take 10 (functions index))) + Map.size dict
  }
{-# NOINLINE makeModel #-}

-- Everything that can be seen of it, in pieces so that a collection can come between.
entryLines :: Entry -> [String]
entryLines e = [show (number e), Text.unpack (name e), Bytes.unpack (bytes e), show (later e), show (apply e 7), show (both e), show (maybes e)]

indexLines :: Index -> [String]
indexLines i = [show (map number es) | es <- Map.elems (byDigit i)] ++ map Bytes.unpack (slices i) ++ map Text.unpack (endings i) ++ map show (sums i)
  ++ map (show . ($ 5)) (functions i) ++ map (show . ($ 5)) (partials i) ++ map show (selected i) ++ map show (evaluated i)

modelLines :: Model -> [String]
modelLines m = concatMap entryLines (Map.elems (dictOf m)) ++ indexLines (indexOf m)
  ++ [show (number e, map number es) | (e, es) <- Map.elems (pairs m)] ++ map show (take 1000 (endless m)) ++ map (show . counted m) [1 .. 20]

-- Besides: what leaves a pointer into the dictionary in the table of forced thunks.
chosenLines :: Model -> [String]
chosenLines m = concatMap entryLines (chosen m)

size :: Int
size = 1000

fresh :: Model
fresh = let dict = makeDict size in makeModel dict (makeIndex dict)

need :: String -> Bool -> IO ()
need what ok = unless ok (hPutStrLn stderr ("wrong: " ++ what) >> exitFailure)

get :: Typeable a => FilePath -> IO a
get path = thaw path >>= either throwIO return

getDict :: IO Dict
getDict = get "dict.snap"

getIndex :: IO Index
getIndex = get "index.snap"

getModel :: IO Model
getModel = get "model.snap"

done :: Either FreezeError FreezeReport -> IO ()
done = either (\e -> hPutStrLn stderr (show e) >> exitFailure) print

same :: a -> a -> Bool
same !a !b = isTrue# (reallyUnsafePtrEquality# a b)

-- | Entries of the index and the model are the dictionary's own, not copies.
shared :: Dict -> Index -> Model -> IO ()
shared dict index model = do
  let ones = byDigit index Map.! '1'
  need "an entry of the index" (same (dict Map.! 11) (ones !! 1))
  need "the dictionary in the index" (same dict (entire index))
  need "the index in the model" (same index (indexOf model))
  need "an entry of the model" (same (dict Map.! 9) (fst (pairs model Map.! 9)))
  need "a list of the index in the model" (same (byDigit index Map.! '9') (snd (pairs model Map.! 9)))

compareAll, compareScoped :: String -> Model -> IO ()
compareAll what model = compareScoped what model >> compareLines what (chosenLines fresh) (chosenLines model)
compareScoped what model = compareLines what (modelLines fresh) (modelLines model)

compareLines :: String -> [String] -> [String] -> IO ()
compareLines what wanted have = forM_ (zip3 [0 :: Int ..] wanted (have ++ repeat "nothing")) $ \(i, expected, found) ->
  unless (expected == found) (need (what ++ ": line " ++ show i ++ ": expected " ++ take 100 expected ++ ", found " ++ take 100 found) False)

use :: String -> IO ()
use how = case how of
  "plain" -> getModel >>= compareAll how
  -- Everything on the way, with collections between.
  "collect" -> do
    model <- getModel
    performMajorGC
    need "some" (take 40 (indexLines (indexOf model)) == take 40 (let d = makeDict size in indexLines (makeIndex d)))
    performMajorGC >> performMinorGC >> performMajorGC
    compareAll how model
    performMajorGC
    compareAll (how ++ " again") model
  "shared" -> do
    model <- getModel
    index <- getIndex
    dict <- getDict
    shared dict index model
    compareAll how model
  "first" -> do -- the needed ones first
    dict <- getDict
    index <- getIndex
    model <- getModel
    shared dict index model
    compareAll how model
  -- Some at other addresses, the others at their own.
  "dict-moved" -> elsewhere (void (getDict)) >> compareTwice
  "index-moved" -> void (getDict) >> elsewhere (void (getIndex)) >> compareTwice
  "both-moved" -> elsewhere (void (getIndex)) >> compareTwice
  "model-moved" -> void (getIndex) >> elsewhere (void (getModel)) >> compareTwice
  "threads" -> do
    model <- getModel
    ends <- forM [1 .. 8 :: Int] $ \i -> do
      end <- newEmptyMVar
      _ <- forkIO (try (compareAll ("thread " ++ show i) model >> performMajorGC) >>= putMVar end)
      return end
    forM_ ends (takeMVar >=> either (\(e :: SomeException) -> throwIO e) return)
  "weak" -> do
    model <- getModel
    let e = fst (pairs model Map.! 9)
    weak <- evaluate e >>= \v -> mkWeakPtr v Nothing
    performMajorGC
    deRefWeak weak >>= need "alive" . maybe False ((== 9) . number)
    compareAll how model
  "scope" -> do
    replicateM_ 3 $ do
      withFrozen "model.snap" (compareScoped how) >>= either throwIO return
      forM_ files (\f -> isMapped f >>= need (f ++ " is unmapped") . not)
  -- What a scope leaves behind may be the needed image's alone: then only the others go.
  "scope-kept" -> do
    kept <- withFrozen "model.snap" (\m -> evaluate (fst (pairs m Map.! 9))) >>= either throwIO return
    mapM isMapped files >>= need "only the dictionary stays" . (== [True, False, False])
    performMajorGC
    need "the entry" (entryLines kept == entryLines (entry 9))
    withFrozen "model.snap" (compareScoped how) >>= either throwIO return
    need "the entry again" (entryLines kept == entryLines (entry 9))
  "scope-other" -> do -- the dictionary is somebody else's, too
    dict <- getDict
    withFrozen "model.snap" (compareScoped how) >>= either throwIO return
    mapM isMapped files >>= need "only the dictionary stays" . (== [True, False, False])
    need "the dictionary" (concatMap entryLines (Map.elems dict) == concatMap entryLines (Map.elems (makeDict size)))
  "scope-inner" -> do -- a scope for the dictionary within one for the model, and the other way round
    _ <- withFrozen "model.snap" (\m -> withFrozen "dict.snap" (\(d :: Dict) -> need "inner" (same d (dictOf m))) >> compareScoped how m)
    _ <- withFrozen "dict.snap" (\(d :: Dict) -> withFrozen "model.snap" (compareScoped how) >> need "outer" (Map.size d == size))
    mapM isMapped files >>= need "all go" . (== [False, False, False])
  "scope-forced" -> do -- the value of a thunk of the model is an entry of the dictionary
    withFrozen "model.snap" (need "chosen" . (chosenLines fresh ==) . chosenLines) >>= either throwIO return
    mapM isMapped files >>= need "only the dictionary stays" . (== [True, False, False])
    performMajorGC
    withFrozen "model.snap" (compareAll how) >>= either throwIO return
  "scope-threads" -> do
    ends <- forM [1 .. 6 :: Int] $ \i -> do
      end <- newEmptyMVar
      _ <- forkIO (try (replicateM_ 4 (withFrozen "model.snap" (\m -> yield >> need "element" (number (fst (pairs m Map.! (3 * i))) == 3 * i)))) >>= putMVar end)
      return end
    forM_ ends (takeMVar >=> either (\(e :: SomeException) -> throwIO e) return)
    mapM isMapped files >>= need "all go" . (== [False, False, False])
  _ -> die "no such use"
  where
    files = ["dict.snap", "index.snap", "model.snap"]
    compareTwice = do
      model <- getModel
      compareAll how model
      performMajorGC
      compareAll how model

elsewhere :: IO a -> IO a
elsewhere act = setEnv "FASTBOOT_REBASE" "1" *> act <* unsetEnv "FASTBOOT_REBASE"

isMapped :: String -> IO Bool
isMapped file = isInfixOf ("/" ++ file) <$> (readFile "/proc/self/maps" >>= \text -> length text `seq` return text)

freezeOne :: String -> IO ()
freezeOne what = case what of
  "dict" -> do
    let dict = makeDict size
    freeze "dict.snap" dict >>= done
  "index" -> do
    dict <- getDict
    freezeAgainst ["dict.snap"] "index.snap" (makeIndex dict) >>= done
  "index-copied" -> do
    dict <- getDict
    freeze "copied.snap" (makeIndex dict) >>= done
  "model" -> do
    dict <- getDict
    index <- getIndex
    freezeAgainst ["dict.snap", "index.snap"] "model.snap" (makeModel dict index) >>= done
  -- The same from other addresses than its own, and from what was thawed.
  "model-moved" -> do
    dict <- elsewhere getDict
    index <- getIndex
    freezeAgainst ["dict.snap", "index.snap"] "again/model.snap" (makeModel dict index) >>= done
  "model-again" -> do
    model <- getModel
    freezeAgainst ["dict.snap", "index.snap"] "again/model.snap" model >>= done
  -- With only one of them named, the other's closures are copied.
  "model-half" -> do
    dict <- getDict
    index <- getIndex
    freezeAgainst ["index.snap"] "half.snap" (makeModel dict index) >>= done
  -- What was evaluated is frozen as its value: nothing of the dictionary is needed.
  "forced" -> do
    dict <- getDict
    let values = map later (Map.elems dict)
    freezeAgainst ["dict.snap"] "forced.snap" (foldr seq values values) >>= done
  "root" -> do
    dict <- getDict
    freezeAgainst ["dict.snap"] "root.snap" (dict :: Dict) >>= done
  "not-thawed" -> freezeAgainst ["dict.snap"] "root.snap" [1 :: Int] >>= done
  "unrelated" -> do
    dict <- getDict
    let count = Map.size dict
    count `seq` freezeAgainst ["dict.snap"] "unrelated.snap" (count, "text") >>= done
  -- Now each needs the other.
  "circle" -> do
    model <- getModel
    freezeAgainst ["model.snap"] "new/dict.snap" (Map.fromList [(1 :: Int, (entry 1) {apply = counted model})]) >>= done
  -- Many names, of which two have one slot.
  "slots" -> forM_ [1 .. 40 :: Int] $ \i -> freeze ("slot" ++ show i ++ ".snap") [Just (i * 1000), Nothing] >>= done
  _ -> die "nothing to freeze of that name"

-- | PATH1 PATH2: of one slot, and an image that points into both.
together :: FilePath -> FilePath -> IO ()
together one other = do
  a <- get one
  b <- get other
  let two = zip (a :: [Maybe Int]) (b :: [Maybe Int])
  freezeAgainst [one, other] "together.snap" (foldr seq two two) >>= done

-- | The same for an image whose own slot, by its name, is that of the one that it points into.
beside :: FilePath -> FilePath -> IO ()
beside one other = do
  a <- get one :: IO [Maybe Int]
  freezeAgainst [one] ("beside/" ++ other) (foldr seq (Just 1 : a) a) >>= done

main :: IO ()
main = do
  arguments <- getArgs
  case arguments of
    ["freeze", what] -> freezeOne what
    ["together", one, other] -> together one other
    ["beside", one, other] -> beside one other
    ["read-beside", one, other] -> do
      _ <- get one :: IO [Maybe Int]
      value <- get ("beside/" ++ other) :: IO [Maybe Int]
      performMajorGC
      print value
    ["read-together"] -> do
      pairsOf <- get "together.snap" :: IO [(Maybe Int, Maybe Int)]
      performMajorGC
      print (sort pairsOf)
    ["try"] -> (thaw "model.snap" :: IO (Either ThawError Model)) >>= either tell (compareAll "try")
    "use" : hows -> mapM_ use hows
    _ -> die "usage: see the source"
  where
    -- Nothing of a failed attempt stays mapped.
    tell failure = do
      print failure
      text <- readFile "/proc/self/maps"
      putStrLn (if ".snap" `isInfixOf` text then "something is mapped" else "nothing is mapped")
      exitWith (ExitFailure 3)
