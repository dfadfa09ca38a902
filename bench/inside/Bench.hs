{-# LANGUAGE BangPatterns, MagicHash, ScopedTypeVariables, UnboxedTuples #-}
-- The program that bench/run measures with. Numbers on stdout, one line for each measurement: nanoseconds, bytes or counts.
--
-- > bench make SHAPE N FILE         builds a value of N elements and freezes it
-- > bench thaw FILE                 thaws once, by Fastboot.thaw: nanoseconds, minor and major page faults, size
-- > bench known FILE                the same, after the type's fingerprint was asked for
-- > bench open FILE                 the same by the C function under it, with the type's fingerprint at hand
-- > bench floor FILE                nanoseconds of opening, mapping and touching a file without any runtime, and page faults
-- > bench open-list FILE            the same for a list; and the nanoseconds of reading all of it
-- > bench open-numbers FILE         the same, but only the first thousand are read
-- > bench freeze SHAPE N ROUNDS     walks and collects in turn: image bytes, live bytes, nanoseconds of walk and
-- >                                 collection by the clock, and of processor time
-- > bench gc N ROUNDS FILE|-        major collections of N live elements before, then after, FILE was thawed
-- > bench read SHAPE N ROUNDS FILE  reads all of a value of the heap and of its image in turn: nanoseconds of both, a line a round
-- > bench lazy N FILE               freezes an array of N lazy closures
-- > bench force N FILE              forces N lazy closures of the heap and of the image: nanoseconds of both, and of reading
-- >                                 all of them once more
module Main (main) where

import Control.Concurrent (ThreadId, myThreadId)
import Control.Exception (bracket, evaluate)
import Control.Monad (forM, forM_, replicateM)
import Data.Array (Array)
import Data.IORef (newIORef)
import Data.List (foldl', sort)
import qualified Data.Map.Strict as Map
import Data.Typeable (Proxy (..), Typeable, typeRep, typeRepFingerprint)
import Data.Word (Word64)
import Fastboot
import Foreign.C.String (CString, withCString)
import Foreign.C.Types (CInt (..))
import Foreign.Marshal.Alloc (allocaBytes)
import Foreign.StablePtr (StablePtr, freeStablePtr, newStablePtr)
import Foreign.Storable (peekByteOff)
import GHC.Exts (Ptr (..), addrToAny#)
import GHC.Fingerprint.Type (Fingerprint (..))
import GHC.Stats (gc, gcdetails_live_bytes, getRTSStats)
import Shapes
import System.CPUTime (getCPUTime)
import System.Environment (getArgs)
import System.Exit (die)
import System.Mem (performMajorGC)

make :: Shape -> Int -> FilePath -> IO ()
make (Shape build size _) n file = do
  value <- evaluate (build n)
  _ <- evaluate (size value)
  report <- orDie (freeze file value)
  print (frozenImageBytes report)

foreign import ccall unsafe "getppid" getppid :: IO CInt

-- The two calls of getppid mark the place for strace. The entry that is looked up is what the file must hold.
measureThaw :: IO Dictionary -> IO ()
measureThaw act = do
  (minor, major) <- pageFaults
  _ <- getppid
  (time, value) <- timed act
  _ <- getppid
  (minor', major') <- pageFaults
  case Map.lookupMax value of
    Just (_, (_, number)) | number == hash (Map.size value - 1) -> return ()
    _ -> die "bench: the thawed dictionary is not what was frozen"
  putStrLn (unwords [show time, show (minor' - minor), show (major' - major), show (Map.size value)])

foreign import ccall unsafe "bench_open" openByC :: CString -> CString -> Word64 -> Word64 -> IO (Ptr ())

openOnce :: forall a b. Typeable a => Proxy a -> FilePath -> (IO a -> IO b) -> IO b
openOnce proxy file measure = withCString file $ \path -> withCString (show rep) $ \name -> measure $ do
  Ptr address <- openByC path name high low
  case addrToAny# address of (# value #) -> return value
  where
    rep = typeRep proxy
    !(Fingerprint high low) = typeRepFingerprint rep

foreign import ccall unsafe "bench_floor" floorByC :: CString -> IO CInt

measureFloor :: FilePath -> IO ()
measureFloor file = withCString file $ \path -> do
  (minor, major) <- pageFaults
  (time, byte) <- timed (floorByC path)
  (minor', major') <- pageFaults
  if byte < 0 then die "bench: cannot map it" else putStrLn (unwords [show time, show (minor' - minor), show (major' - major)])

measureList :: ([Int] -> [Int]) -> IO [Int] -> IO ()
measureList part act = do
  (minor, major) <- pageFaults
  _ <- getppid
  (time, value) <- timed act
  _ <- getppid
  (minor', major') <- pageFaults
  (reading, total) <- timed (evaluate (foldl' (\a x -> a + hash x) 0 (part value)))
  if total == 0 then die "bench: the list is not what was frozen" else return ()
  putStrLn (unwords [show time, show (minor' - minor), show (major' - major), show reading])

foreign import ccall unsafe "bench_walk" walkByC :: StablePtr a -> StablePtr ThreadId -> Ptr Word64 -> IO ()

-- | Walks the value and throws the graph away. Gives the image's bytes, and nanoseconds by the clock and of processor time.
walk :: a -> IO (Word64, Word64, Word64)
walk value = do
  thread <- myThreadId
  bracket (newStablePtr value) freeStablePtr $ \root -> bracket (newStablePtr thread) freeStablePtr $ \self ->
    allocaBytes 24 $ \counts -> do
      walkByC root self counts
      (,,) <$> peekByteOff counts 0 <*> peekByteOff counts 8 <*> peekByteOff counts 16

freezeRounds :: Shape -> Int -> Int -> IO ()
freezeRounds (Shape build size _) n rounds = do
  value <- evaluate (build n)
  _ <- evaluate (size value)
  performMajorGC
  performMajorGC
  forM_ [1 .. rounds] $ \_ -> do
    (bytes, walked, walkedCpu) <- walk value
    cpu <- getCPUTime
    (collected, ()) <- timed performMajorGC
    cpu' <- getCPUTime
    stats <- getRTSStats
    putStrLn (unwords (map show [bytes, gcdetails_live_bytes (gc stats), walked, collected, walkedCpu, fromIntegral ((cpu' - cpu) `div` 1000)]))
  _ <- evaluate (size value)
  return ()

gcRounds :: Int -> Int -> FilePath -> IO ()
gcRounds n rounds file = do
  live <- evaluate (dictionary n)
  _ <- evaluate (Map.size live)
  before <- collections
  image <- if file == "-" then return Map.empty else orDie (thaw file)
  after <- collections
  putStrLn (unwords (map show [before, after]))
  _ <- evaluate (Map.size live + Map.size (image :: Dictionary))
  return ()
  where
    collections = do
      _ <- replicateM 3 performMajorGC
      times <- forM [1 .. rounds] (const (fst <$> timed performMajorGC))
      return (sort times !! (rounds `div` 2))

-- The value is collected twice, so that it lies as the collector leaves it.
readRounds :: Shape -> Int -> Int -> FilePath -> IO ()
readRounds (Shape build size scan) n rounds file = do
  built <- evaluate (build n)
  _ <- evaluate (size built)
  performMajorGC
  performMajorGC
  inHeap <- newIORef built
  inImage <- orDie (thaw file) >>= newIORef
  forM_ [1 .. rounds] $ \_ -> do
    (heap, a) <- measured inHeap scan
    (image, b) <- measured inImage scan
    if a == b then putStrLn (unwords (map show [heap, image])) else die "bench: they are not the same"
  _ <- evaluate (size built)
  return ()

forceAll :: FilePath -> Int -> IO ()
forceAll file n = do
  built <- evaluate (lazies n)
  performMajorGC
  performMajorGC
  inHeap <- newIORef built
  inImage <- orDie (thaw file) >>= newIORef
  let total = foldl' (+) 0 :: Array Int Int -> Int
  (heap, a) <- measured inHeap total
  (image, b) <- measured inImage total
  (heap', a') <- measured inHeap total
  (image', b') <- measured inImage total
  if all (== a) [b, a', b'] then return () else die "bench: they are not the same"
  putStrLn (unwords (map show [heap, image, heap', image']))

main :: IO ()
main = do
  arguments <- getArgs
  case arguments of
    ["make", kind, n, file] -> shape kind >>= \s -> make s (read n) file
    ["thaw", file] -> measureThaw (orDie (thaw file))
    ["known", file] -> evaluate (typeRepFingerprint (typeRep (Proxy :: Proxy Dictionary))) >> measureThaw (orDie (thaw file))
    ["open", file] -> openOnce (Proxy :: Proxy Dictionary) file measureThaw
    ["floor", file] -> measureFloor file
    ["open-numbers", file] -> openOnce (Proxy :: Proxy [Int]) file (measureList (take 1000))
    ["open-list", file] -> openOnce (Proxy :: Proxy [Int]) file (measureList id)
    ["freeze", kind, n, rounds] -> shape kind >>= \s -> freezeRounds s (read n) (read rounds)
    ["read", kind, n, rounds, file] -> shape kind >>= \s -> readRounds s (read n) (read rounds) file
    ["lazy", n, file] -> do
      report <- orDie (freeze file (lazies (read n)))
      if frozenLazyClosures report < read n then die "bench: they are not lazy" else print (frozenImageBytes report)
    ["force", n, file] -> forceAll file (read n)
    ["gc", n, rounds, file] -> gcRounds (read n) (read rounds) file
    _ -> die "usage: see the head of bench/Bench.hs"
