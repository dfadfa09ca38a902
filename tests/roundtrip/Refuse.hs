{-# LANGUAGE ExistentialQuantification #-}

-- | Values that cannot be frozen, each with the code that says so and the path that leads to it.
module Main (main) where

import Control.Concurrent (forkIO, killThread, myThreadId)
import Control.Concurrent.Chan (Chan, newChan)
import Control.Concurrent.MVar
import GHC.Conc (newTVarIO)
import Control.Exception (evaluate)
import Control.Monad (unless)
import Control.Monad.ST (stToIO)
import Data.Array.IO (IOArray, IOUArray)
import Data.Array.MArray (newArray)
import Data.Array.ST (STUArray)
import Data.Array.Storable (StorableArray)
import qualified Data.ByteString.Unsafe as Bytes
import Data.IORef
import Data.List (isInfixOf)
import qualified Data.Map.Strict as Map
import qualified Data.Primitive as Prim
import Data.STRef (newSTRef)
import Data.Typeable (Typeable)
import qualified Data.Vector.Mutable as MVector
import qualified Data.Vector.Primitive.Mutable as MVectorP
import qualified Data.Vector.Storable.Mutable as MVectorS
import qualified Data.Vector.Unboxed.Mutable as MVectorU
import Fastboot
import Foreign.C.Types (CChar)
import Foreign.ForeignPtr (newForeignPtr, newForeignPtr_)
import Foreign.Marshal.Alloc (finalizerFree, mallocBytes)
import Foreign.Ptr (Ptr)
import Foreign.StablePtr (newStablePtr)
import GHC.Compact (compact)
import GHC.Exts (RealWorld)
import System.Directory (listDirectory, removeFile)
import System.Exit (exitFailure)
import System.IO (IOMode (..), openFile)
import System.Mem.StableName (makeStableName)
import System.Mem.Weak (mkWeakPtr)

data Entry a = Entry { _before :: !Int, _key :: String, _value :: a, _after :: Maybe Int }

-- A field of the path is one of the closure: the Int is unpacked and lies behind the pointers.
data Pair a = Pair !Int !a

data Case = forall a. Typeable a => Case
  { title :: String
  , codes :: [Int]
  , steps :: String     -- ^ the path after "root"
  , needles :: [String] -- ^ further parts of the message
  , make :: IO a
  }

inEntry :: a -> Entry a
inEntry x = length key `seq` x `seq` Entry 1 key x Nothing
  where key = "key"

entryPath :: String
entryPath = " > Main.Entry field 2"

cases :: [Case]
cases =
  [ Case "an IORef in a record" [301] (entryPath ++ " > GHC.STRef.STRef field 1") ["MUT_VAR", "immutable copy"] $
      inEntry <$> newIORef 'x'
  , Case "an IORef as root" [301] " > GHC.STRef.STRef field 1" ["MUT_VAR"] (newIORef 'x')
  , Case "an STRef in a Map" [301] " > Data.Map.Internal.Bin field 2 > GHC.STRef.STRef field 1" [] $
      (\r -> Map.fromList [(1 :: Int, r)]) <$> stToIO (newSTRef 'x')
  , Case "an MVar in a list" [302] " > GHC.Types.: field 1 > GHC.MVar.MVar field 1" ["MVAR", "threads"] $ do
      held <- newMVar 'x'
      empty <- newEmptyMVar
      evaluate empty `seq` return (mvars held empty)
  , Case "a TVar" [302] (entryPath ++ " > GHC.Conc.Sync.TVar field 1") ["TVAR"] (inEntry <$> newTVarIO 'x')
  , Case "a Chan" [301, 302] (entryPath ++ " > Control.Concurrent.Chan.Chan field 1") [] (inEntry <$> (newChan :: IO (Chan Int)))
  , Case "a ThreadId" [302] entryPath ["ThreadId"] $ do
      blocked <- newEmptyMVar
      thread <- forkIO (takeMVar blocked)
      killThread thread
      return (inEntry thread)
  , Case "this ThreadId in a Pair" [302] " > Main.Pair field 1" [] (Pair 1 <$> myThreadId)
  , Case "a Weak" [303] (entryPath ++ " > GHC.Weak.Weak field 1") ["WEAK"] $ do
      let key = length (show [1 :: Int .. 20])
      inEntry <$> (evaluate key >>= \k -> mkWeakPtr k Nothing)
  , Case "a StableName" [303] (entryPath ++ " > GHC.StableName.StableName field 1") [] $
      inEntry <$> (evaluate (length "name") >>= makeStableName)
  , Case "a StablePtr" [308] entryPath ["StablePtr"] (inEntry <$> newStablePtr 'x')
  , Case "a Ptr" [307] entryPath ["memory outside the heap"] (inEntry <$> (mallocBytes 64 :: IO (Ptr Int)))
  , Case "a ForeignPtr to malloc's memory" [307] entryPath ["memory outside the heap"] $
      inEntry <$> ((mallocBytes 64 :: IO (Ptr Int)) >>= newForeignPtr_)
  , Case "a ForeignPtr with a finalizer" [301, 303, 307] entryPath [] $
      inEntry <$> ((mallocBytes 64 :: IO (Ptr Int)) >>= newForeignPtr finalizerFree)
  , Case "a ByteString in malloc's memory" [301, 303, 307] entryPath [] $
      inEntry <$> ((mallocBytes 64 :: IO (Ptr CChar)) >>= \p -> Bytes.unsafePackMallocCStringLen (p, 64))
  , Case "a Handle" [301, 302] (entryPath ++ " > GHC.IO.Handle.Types.FileHandle field") [] (inEntry <$> openFile "/dev/null" ReadMode)
  , Case "an IOArray" [301] (entryPath ++ " > GHC.Arr.STArray field ") ["MUT_ARR_PTRS"] $
      inEntry <$> (newArray (0, 9) 'x' :: IO (IOArray Int Char))
  , Case "an IOUArray" [301] entryPath ["STUArray"] $
      inEntry <$> (newArray (0, 9) 1 :: IO (IOUArray Int Int))
  , Case "an STUArray" [301] entryPath ["STUArray", "immutable copy"] $
      inEntry <$> (stToIO (newArray (0, 9) 1.5) :: IO (STUArray RealWorld Int Double))
  , Case "a StorableArray" [307] entryPath ["StorableArray"] $
      inEntry <$> (newArray (0, 9) 1 :: IO (StorableArray Int Int))
  , Case "a MutableArray of primitive" [301] (entryPath ++ " > Data.Primitive.Array.MutableArray field 1") ["MUT_ARR_PTRS"] $
      inEntry <$> Prim.newArray 5 'x'
  , Case "a SmallMutableArray" [301] (entryPath ++ " > Data.Primitive.SmallArray.SmallMutableArray field 1") ["SMALL_MUT_ARR_PTRS"] $
      inEntry <$> Prim.newSmallArray 5 'x'
  , Case "a MutableByteArray" [301] entryPath ["MutableByteArray"] (inEntry <$> Prim.newByteArray 100)
  , Case "a mutable boxed vector" [301] (entryPath ++ " > Data.Vector.Mutable.MVector field 1") [] $
      inEntry <$> (MVector.replicate 9 'x')
  , Case "a mutable primitive vector" [301] entryPath ["Data.Vector.Primitive.Mutable"] (inEntry <$> MVectorP.replicate 9 (1 :: Int))
  , Case "a mutable unboxed vector" [301] (entryPath ++ " > Data.Vector.Unboxed.Base.MV_") [] (inEntry <$> MVectorU.replicate 9 ('x', True))
  , Case "a mutable storable vector" [301] entryPath ["Data.Vector.Storable.Mutable"] (inEntry <$> MVectorS.replicate 9 (1 :: Int))
  , Case "a compact region" [306, 302] (entryPath ++ " > GHC.Compact.Compact field 1") [] (inEntry <$> compact (Just 'x'))
  , Case "an IORef deep in a list" [301] " > GHC.Types.: field 2 > GHC.Types.: field 2 > GHC.Types.: field 2 > GHC.Types.: field 2 > GHC.Types.: field 2 > GHC.Types.: field 2 > GHC.Types.: field 2 > GHC.Types.: field 2 > ... 987 more ... > GHC.Types.: field 2" ["GHC.Types.: field 1 > GHC.Maybe.Just field 1 > GHC.STRef.STRef field 1"] $ do
      ref <- newIORef 'x'
      return (evaluatedList (replicate 1000 Nothing ++ [Just ref]))
  ]
  where
    evaluatedList xs = foldr (\x r -> x `seq` r) () xs `seq` xs
    mvars held empty = held `seq` empty `seq` [held, empty]

-- Each case gives the lines that say what is wrong with it.
check :: Case -> IO [String]
check (Case what allowed path parts create) = do
  value <- create
  result <- freeze "refused.snap" value
  left <- listDirectory "."
  mapM_ removeFile [f | f <- left, take 8 f == "refused."]
  let complaints = case result of
        Right report -> ["was frozen: " ++ show report]
        Left failure ->
          let message = freezeErrorMessage failure
              wanted = ("path: root" ++ path) : "cannot freeze a " : parts
          in ["code " ++ show (freezeErrorCode failure) ++ ", expected " ++ show allowed
             | fromIntegral (freezeErrorCode failure) `notElem` allowed]
             ++ ["no \"" ++ part ++ "\" in: " ++ message | part <- wanted, not (part `isInfixOf` message)]
             ++ ["show says: " ++ show failure | show failure /= "error " ++ show (freezeErrorCode failure) ++ ": " ++ message]
      files = ["left a file: " ++ f | f <- left, take 8 f == "refused."]
  return [what ++ ": " ++ c | c <- complaints ++ files]

main :: IO ()
main = do
  complaints <- concat <$> mapM check cases
  mapM_ putStrLn complaints
  -- After all the refusals, the process still freezes and thaws.
  let good = Map.fromList [(i, i * i) | i <- [1 .. 100 :: Int]]
  frozenWell <- freeze "good.snap" good
  thawed <- thaw "good.snap"
  case (frozenWell, thawed) of
    (Right _, Right again) | again == (good :: Map.Map Int Int) -> return ()
    (Left failure, _) -> putStrLn ("afterwards: " ++ show failure) >> exitFailure
    (_, Left failure) -> putStrLn ("afterwards: " ++ show failure) >> exitFailure
    _ -> putStrLn "afterwards: another value" >> exitFailure
  unless (null complaints) exitFailure
  -- A value that cannot be frozen is built, with one line that says so.
  fallback <- readIORef (frozen "refused.snap" (newIORef 'y'))
  unless (fallback == 'y') $ putStrLn "frozen gave another value" >> exitFailure
  putStrLn ("refused " ++ show (length cases) ++ " kinds of values")
