{-# LANGUAGE BangPatterns #-}
{-# LANGUAGE ExistentialQuantification #-}
{-# LANGUAGE MagicHash #-}
{-# LANGUAGE ScopedTypeVariables #-}
{-# LANGUAGE UnboxedTuples #-}

-- |
-- Module      : Fastboot.Internal
-- Copyright   : 2026, The Fastboot authors
-- License     : BSD-3-Clause
--
-- The foreign calls under "Fastboot". No interface that is kept stable.
module Fastboot.Internal
  ( FreezeReport (..)
  , FreezeError (..)
  , ThawError (..)
  , Depth (..)
  , Builds (..)
  , freezeTraced
  , thawTraced
  , thawScoped
  , thawOrBuild
  , NamedValue (..)
  , freezeRoots
  , rootOrBuild
  , imageName
  , keyedPath
  , legalName
  ) where

import Control.Concurrent (ThreadId, getNumCapabilities, myThreadId, threadDelay, yield)
import Control.Concurrent.MVar (MVar, newMVar, withMVar)
import Control.Exception (Exception, bracket, evaluate, mask, onException, throwIO)
import Control.Monad (unless, void, when)
import Data.Char (isAsciiLower, isAsciiUpper, isDigit, ord)
import Data.IORef (IORef, newIORef, readIORef, writeIORef)
import Data.List (isSuffixOf)
import Data.Maybe (fromMaybe)
import Data.Typeable (TypeRep, Typeable, typeOf, typeRep, typeRepFingerprint)
import Data.Word (Word8, Word32, Word64)
import Foreign.C.String (CString, peekCString, withCString)
import Foreign.C.Types (CInt (..))
import Foreign.Marshal.Alloc (alloca, allocaBytes)
import Foreign.Ptr (Ptr, nullPtr, plusPtr)
import Foreign.StablePtr (StablePtr, castPtrToStablePtr, castStablePtrToPtr, deRefStablePtr, freeStablePtr, newStablePtr)
import Foreign.Storable (peek, peekByteOff, pokeByteOff)
import GHC.Clock (getMonotonicTimeNSec)
import GHC.Exts (Any, Ptr (..), addrToAny#)
import GHC.Fingerprint (Fingerprint (..), fingerprintString)
import System.Environment (lookupEnv)
import System.IO.Unsafe (unsafePerformIO)
import System.Mem (performMajorGC)

-- | What a freeze made.
data FreezeReport = FreezeReport
  { frozenClosures :: !Word64     -- ^ closures in the image
  , frozenLazyClosures :: !Word64 -- ^ of these, unevaluated ones
  , frozenImageBytes :: !Word64   -- ^ bytes of the image in memory
  , frozenFileBytes :: !Word64    -- ^ bytes of the file
  , frozenTargets :: !Word64      -- ^ things of the program that the image needs
  , frozenWalkNanoseconds :: !Word64  -- ^ for this long the program stood still
  , frozenWriteNanoseconds :: !Word64 -- ^ for this long it wrote
  , frozenNeededImages :: !Word64 -- ^ other images that it points into
  } deriving (Eq)

instance Show FreezeReport where
  showsPrec _ r = showString "froze " . shows (frozenClosures r) . showString " closures (" . shows (frozenImageBytes r)
    . showString " bytes) that need " . shows (frozenTargets r) . showString " things of the program" . needed
    . showString "; walked in "
    . milliseconds (frozenWalkNanoseconds r) . showString ", wrote " . shows (frozenFileBytes r) . showString " bytes in "
    . milliseconds (frozenWriteNanoseconds r)
    where needed = case frozenNeededImages r of
            0 -> id
            1 -> showString " and one other image"
            n -> showString " and " . shows n . showString " other images"
          milliseconds t = shows (t `div` 1000000) . showChar '.' . shows (t `div` 100000 `mod` 10) . showString " ms"

-- | Why a value could not be frozen. The code is one of those in @docs\/FORMAT.md@; the message names the file or, where a
-- closure cannot be frozen, its kind, the reason and the path to it from the root.
data FreezeError = FreezeError { freezeErrorCode :: !Word32, freezeErrorMessage :: String }
  deriving (Eq)

-- | Why a snapshot could not be thawed: a code of @docs\/FORMAT.md@, and a sentence that names the file, what was found, what
-- was expected, and what to do.
data ThawError = ThawError { thawErrorCode :: !Word32, thawErrorMessage :: String }
  deriving (Eq)

instance Show FreezeError where
  showsPrec _ (FreezeError code message) = showString "error " . shows code . showString ": " . showString message

instance Show ThawError where
  showsPrec _ (ThawError code message) = showString "error " . shows code . showString ": " . showString message

instance Exception FreezeError
instance Exception ThawError

-- | How far a value is evaluated before it is frozen. What is not evaluated is frozen as a thunk, and evaluated by each
-- process that needs it.
data Depth
  = AsIs -- ^ not at all
  | WHNF -- ^ to weak head normal form: the outermost constructor or function
  | NF
    -- ^ to normal form, as @force@ does, but by whatever type, without @NFData@: all that is reachable through constructors
    -- and arrays. What functions hold stays as it is. An exception that evaluation throws comes out, and an infinite
    -- structure never ends; work of more than two seconds tells of itself on stderr.
  deriving (Eq, Ord, Show, Read, Enum, Bounded)

-- | Which programs may have a snapshot, besides the build that froze it and those that it was bound to: fastboot_builds.
data Builds = BoundBuilds | SameTypes | AnyBuild
  deriving (Enum)

data FrozenGraph
data Scope

-- | A value to freeze, its name, and its type.
data NamedValue = forall a. NamedValue String TypeRep a

type Walk = CString -> Ptr NamedValue -> Word32 -> Ptr CString -> Word32 -> StablePtr ThreadId -> CInt -> Ptr (StablePtr [Any]) -> Ptr (Ptr FrozenGraph) -> Ptr FreezeReport
  -> Ptr ThawError -> IO Word32

foreign import ccall unsafe "fastboot_freeze_walk" walkHere :: Walk
foreign import ccall safe "fastboot_freeze_walk" walkStopped :: Walk
foreign import ccall safe "fastboot_freeze_write" writeGraph
  :: Ptr FrozenGraph -> CString -> Ptr FreezeReport -> Ptr ThawError -> IO Word32
foreign import ccall unsafe "fastboot_thaw" thawHere
  :: CString -> CString -> CString -> Word64 -> Word64 -> CInt -> Ptr (Ptr ()) -> Ptr ThawError -> IO Word32
foreign import ccall unsafe "fastboot_scope_enter" enterScope
  :: CString -> CString -> CString -> Word64 -> Word64 -> Ptr (Ptr ()) -> Ptr (Ptr Scope) -> Ptr ThawError -> IO Word32
foreign import ccall unsafe "fastboot_scope_leave" leaveScope :: Ptr Scope -> IO Word64
foreign import ccall unsafe "fastboot_scope_release" releaseScope :: Ptr Scope -> Word64 -> IO ()
foreign import ccall unsafe "fastboot_is_needed" pathIsNeeded :: CString -> IO CInt
foreign import ccall unsafe "fastboot_thunks_below" thunksBelow :: StablePtr Any -> IO (Ptr ())
foreign import ccall unsafe "fastboot_trace" traceLine :: CString -> IO ()
foreign import ccall unsafe "fastboot_tell" tellLine :: CString -> IO ()

-- Sizes of fastboot_error, fastboot_freeze_report and fastboot_root.
errorSize, reportSize, rootSize :: Int
errorSize = 4 + 8192
reportSize = 8 * 8
rootSize = 5 * 8

errorMessage :: Ptr ThawError -> IO String
errorMessage p = peekCString (p `plusPtr` 4)

readReport :: Ptr FreezeReport -> IO FreezeReport
readReport p = FreezeReport <$> field 0 <*> field 1 <*> field 2 <*> field 3 <*> field 4 <*> field 5 <*> field 6 <*> field 7
  where field i = peekByteOff p (8 * i)

-- | @x\/dict.snap@: @dict@.
imageName :: FilePath -> String
imageName path = legalName (if null name then "image" else name)
  where
    file = reverse (takeWhile (/= '/') (reverse path))
    name | ".snap" `isSuffixOf` file = take (length file - 5) file
         | otherwise = file

-- | @x\/dict.snap@ and a key: @x\/dict-KEY-HASH.snap@. The hash tells keys apart whose first characters are the same, or
-- became the same.
keyedPath :: FilePath -> String -> FilePath
keyedPath path key = base ++ "-" ++ take 32 (legalName key) ++ "-" ++ take 16 (show (fingerprintString key)) ++ end
  where
    (base, end) | ".snap" `isSuffixOf` path = (take (length path - 5) path, ".snap")
                | otherwise = (path, "")

-- | What images and roots may be named.
legalName :: String -> String
legalName = map legal
  where
    legal c | isAsciiLower c || isAsciiUpper c || isDigit c || c `elem` "_.$-" = c
            | otherwise = '_'

-- Data that another thread is just evaluating is waited for: this often, and this long in microseconds before each new try.
retries :: [Int]
retries = takeWhile (< 50000) (iterate (* 2) 1000) ++ replicate 40 50000

busyCode :: Word32
busyCode = 312

-- | One line on stderr, under FASTBOOT_TRACE.
trace :: String -> IO ()
trace line = withCString line traceLine

-- | With what came of it under FASTBOOT_TRACE.
freezeTraced :: Typeable a => [FilePath] -> Depth -> FilePath -> a -> IO (Either FreezeError FreezeReport)
freezeTraced against depth path value = do
  result <- freezeValue against depth path value
  trace (path ++ ": " ++ either show show result)
  return result

thawTraced :: Typeable a => FilePath -> Maybe String -> IO (Either ThawError a)
thawTraced path root = do
  result <- thawValue SameTypes path root
  either (trace . thawErrorMessage) (const (return ())) result
  return result

freezeValue :: forall a. Typeable a => [FilePath] -> Depth -> FilePath -> a -> IO (Either FreezeError FreezeReport)
freezeValue against depth path value = freezeRoots against depth path [NamedValue (imageName path) (typeOf value) value]

-- | Pointing into the snapshots @against@, to the depth that whoever captures asks for (FASTBOOT_FORCE), or else to this one.
freezeRoots :: [FilePath] -> Depth -> FilePath -> [NamedValue] -> IO (Either FreezeError FreezeReport)
freezeRoots against ownDepth path roots = do
  depth <- fromMaybe ownDepth . (>>= (`lookup` depths)) <$> lookupEnv "FASTBOOT_FORCE"
  unless (depth == AsIs) (mapM_ (\(NamedValue _ _ value) -> void (evaluate value)) roots)
  thread <- myThreadId
  progress <- startProgress path
  withCString path $ \cPath -> withCString (imageName path) $ \cName -> withRoots roots $ \cRoots -> withStrings against $ \cAgainst ->
    allocaBytes errorSize $ \failure -> allocaBytes reportSize $ \report -> alloca $ \out -> alloca $ \thunks ->
      withStable thread $ \self -> do
        let count = fromIntegral (length roots)
            others = fromIntegral (length against)
            attempt wanted waits = do
              capabilities <- getNumCapabilities
              -- With one capability an unsafe call keeps all other Haskell threads still, and leaves our own stack's thunks
              -- alone.
              let (walk, safeCall) = if capabilities > 1 then (walkStopped, 1) else (walkHere, 0)
              walked <- walk cName cRoots count cAgainst others self safeCall wanted out report failure
              case waits of
                wait : more | walked == busyCode -> threadDelay wait >> attempt wanted more
                _ -> return walked
            evaluateAll = do
              walked <- attempt thunks retries
              stable <- if walked == 0 then peek thunks else return (castPtrToStablePtr nullPtr)
              if castStablePtrToPtr stable == nullPtr then return walked else do
                found <- deRefStablePtr stable
                freeStablePtr stable
                evaluateFound progress found
                evaluateAll
        evaluated <- if depth == NF then evaluateAll else return 0
        walked <- if evaluated == 0 then attempt nullPtr retries else return evaluated
        code <- if walked /= 0 then return walked else do
          graph <- peek out
          writeGraph graph cPath report failure
        if code == 0 then Right <$> readReport report else Left . FreezeError code <$> errorMessage failure

depths :: [(String, Depth)]
depths = [("none", AsIs), ("whnf", WHNF), ("nf", NF)]

withStable :: a -> (StablePtr a -> IO b) -> IO b
withStable x = bracket (newStablePtr x) freeStablePtr

withRoots :: [NamedValue] -> (Ptr NamedValue -> IO a) -> IO a
withRoots roots act = allocaBytes (rootSize * length roots) $ \array -> do
  let go _ [] = act array
      go at (NamedValue name rep value : rest) =
        withCString name $ \cName -> withCString (show rep) $ \cType -> withStable value $ \stable -> do
          let Fingerprint high low = typeRepFingerprint rep
          pokeByteOff at 0 (castStablePtrToPtr stable)
          pokeByteOff at 8 cName
          pokeByteOff at 16 cType
          pokeByteOff at 24 high
          pokeByteOff at 32 low
          go (at `plusPtr` rootSize) rest
  go array roots

withStrings :: [String] -> (Ptr CString -> IO a) -> IO a
withStrings strings act = allocaBytes (8 * max 1 (length strings)) $ \array -> do
  let go _ [] = act array
      go at (string : rest) = withCString string $ \cString -> pokeByteOff at 0 cString >> go (at `plusPtr` 8) rest
  go array strings

-- Normal form -------------------------------------------------------------------------------------------------------------

-- | Evaluates the thunks that a walk has listed, and those that come up by that, as far as they are found (thunks.h).
evaluateFound :: Progress -> [Any] -> IO ()
evaluateFound progress = go
  where
    go [] = return ()
    go (thunk : rest) = do
      value <- evaluate thunk
      advance progress
      new <- withStable value $ \stable -> do
        Ptr address <- thunksBelow stable
        case addrToAny# address of (# list #) -> return $! list
      goBelow new rest
    goBelow [] rest = go rest
    goBelow new rest = go (new ++ rest)

data Progress = Progress FilePath Word64 (IORef Word64) (IORef Word64) -- when it began, what is done, when to tell next

startProgress :: FilePath -> IO Progress
startProgress path = do
  now <- getMonotonicTimeNSec
  Progress path now <$> newIORef 0 <*> newIORef (now + interval)

interval :: Word64
interval = 2000000000

advance :: Progress -> IO ()
advance (Progress path start done next) = do
  n <- (+ 1) <$> readIORef done
  writeIORef done $! n
  -- One evaluation may take as long as it likes: so the clock is looked at after each.
  now <- getMonotonicTimeNSec
  due <- readIORef next
  when (now >= due) $ do
    writeIORef next $! now + interval
    tell (path ++ ": evaluating what is to be frozen: " ++ show n ++ " thunks in " ++ show ((now - start) `div` 1000000000) ++ " s, not finished yet")
  where tell line = withCString line tellLine

-- | What 'Fastboot.withFrozen' does.
thawScoped :: Typeable a => FilePath -> (a -> IO b) -> IO (Either ThawError b)
thawScoped path act = alloca $ \out -> mask $ \restore -> do
  thawed <- thawBy (\p root typeName high low closure -> enterScope p root typeName high low closure out) path Nothing
  case thawed of
    Left failure -> trace (thawErrorMessage failure) >> return (Left failure)
    Right value -> do
      scope <- peek out
      -- From here on nothing but what `act` leaves behind may hold the value.
      result <- restore (act value) `onException` leave scope
      leave scope
      return (Right result)
  where
    leave scope = do
      watch <- leaveScope scope
      if watch == 0 then return () else performMajorGC >> releaseScope scope watch

thawValue :: Typeable a => Builds -> FilePath -> Maybe String -> IO (Either ThawError a)
thawValue builds = thawBy (\p root typeName high low -> thawHere p root typeName high low (fromIntegral (fromEnum builds)))

type Thaw = CString -> CString -> CString -> Word64 -> Word64 -> Ptr (Ptr ()) -> Ptr ThawError -> IO Word32

thawBy :: forall a. Typeable a => Thaw -> FilePath -> Maybe String -> IO (Either ThawError a)
thawBy thawing path root =
  withPath path $ \cPath -> withMaybe root $ \cRoot -> alloca $ \out -> do
    -- What goes with a message (its buffer, what the type is called) takes as long as opening the file. It is only made when
    -- there is something to tell, by trying again.
    let call = thawing cPath cRoot
    first <- afterCollection (call nullPtr high low out nullPtr)
    failed <- if first == 0 then return Nothing else allocaBytes errorSize $ \failure -> withCString (show rep) $ \cType -> do
      code <- afterCollection (call cType high low out failure)
      if code == 0 then return Nothing else Just . ThawError code <$> errorMessage failure
    case failed of
      Just failure -> return (Left failure)
      Nothing -> do
        Ptr address <- peek out
        case addrToAny# address of (# value #) -> return (Right value)
  where
    rep = typeRep ([] :: [a])
    Fingerprint high low = typeRepFingerprint rep
    withMaybe Nothing act = act nullPtr
    withMaybe (Just s) act = withCString s act
{-# INLINE thawBy #-}

-- | An image may lead to top-level values that this program has let go of. Then a thaw first wants to know from the
-- collector which ones are gone (dead_cafs.h), never before a program's first major collection.
afterCollection :: IO Word32 -> IO Word32
afterCollection call = do
  first <- call
  if first == collectionNeeded || first == collectionRunning then withMVar collecting (const (again first)) else return first
  where
    again code
      | code == collectionNeeded = performMajorGC >> call >>= again
      | code == collectionRunning = yield >> call >>= again
      | otherwise = return code

collectionNeeded, collectionRunning :: Word32
collectionNeeded = 218
collectionRunning = 219

-- | One thread at a time: each one's question makes the others' answers void.
collecting :: MVar ()
collecting = unsafePerformIO (newMVar ())
{-# NOINLINE collecting #-}

-- | As 'withCString', without the encoding's machinery where the path is ASCII, as nearly all are.
withPath :: FilePath -> (CString -> IO b) -> IO b
withPath path act
  | all (\c -> c > '\NUL' && c < '\DEL') path = allocaBytes (length path + 1) $ \p -> do
      let go !i (c : cs) = pokeByteOff p i (fromIntegral (ord c) :: Word8) >> go (i + 1) cs
          go !i [] = pokeByteOff p i (0 :: Word8)
      go 0 path
      act p
  | otherwise = withCString path act

-- | What 'Fastboot.frozen' does. Whatever comes of it, FASTBOOT_TRACE tells in one line.
thawOrBuild :: Typeable a => Builds -> Depth -> FilePath -> IO a -> IO a
thawOrBuild builds depth path build = do
  capture <- isSet "FASTBOOT_CAPTURE"
  disabled <- isSet "FASTBOOT_DISABLE"
  needed <- if capture then isNeeded path else return False
  if disabled then build else if needed then thawNeeded path Nothing
    else if capture then buildAndFreeze (path ++ ": to be captured") else
      thawValue builds path Nothing >>= either (buildAndFreeze . thawErrorMessage) return
  where
    buildAndFreeze reason = do
      value <- build
      result <- freezeValue [] depth path value
      trace (reason ++ either (("; built, and not frozen: " ++) . show) (("; built anew: " ++) . show) result)
      return value

-- | What 'Fastboot.rootFrom' does.
rootOrBuild :: Typeable a => FilePath -> String -> IO a -> IO a
rootOrBuild path root build = do
  capture <- isSet "FASTBOOT_CAPTURE"
  disabled <- isSet "FASTBOOT_DISABLE"
  needed <- if capture then isNeeded path else return False
  if disabled then build else if needed then thawNeeded path (Just root) else if capture then build else
    thawValue BoundBuilds path (Just root) >>= either (\failure -> trace (thawErrorMessage failure ++ "; built anew") >> build) return

-- | Does whoever captures name this snapshot as one that others are to point into (FASTBOOT_NEEDS)?
isNeeded :: FilePath -> IO Bool
isNeeded path = (/= 0) <$> withCString path pathIsNeeded

-- | Such a one must be there: built anew, nothing would point into it.
thawNeeded :: Typeable a => FilePath -> Maybe String -> IO a
thawNeeded path root = thawValue SameTypes path root >>= either throwIO return

isSet :: String -> IO Bool
isSet name = maybe False (not . null) <$> lookupEnv name
