{-# LANGUAGE BangPatterns, FlexibleInstances, MagicHash, TypeApplications, UnboxedTuples #-}
-- The table lies in a compact region (GHC.Compact), whose blocks are in a file.
--
-- > compact make ...    builds it, compacts it, writes the blocks
-- > compact resave ...  reads them and writes them again: at the addresses where a process like this one gets them
-- > compact read ...    reads the blocks into the heap and looks up
-- > compact map ...     maps them over the heap's fresh blocks and looks up: no byte is read that is not needed. It needs the
-- >                     addresses to come out the same in each process, which they do without -threaded and address randomisation.
module Main (main) where

import Control.Concurrent.MVar (newMVar)
import Control.Monad (forM_, unless)
import Dispatch
import Foreign
import Foreign.C.String (CString, withCString)
import Foreign.C.Types (CInt (..))
import GHC.Compact
import GHC.Compact.Serialized
import GHC.Exts
import GHC.IO (IO (..))
import System.Exit (die)
import Work

class Anything a
instance Anything a

-- compact_io.c: the file's head is {root, count, {address, size}...}; the blocks follow, each at a page.
headBytes :: Num a => a
headBytes = 16384

foreign import ccall unsafe "region_write" regionWrite :: CString -> Ptr Word64 -> IO CInt
foreign import ccall unsafe "region_open" regionOpen :: CString -> Ptr Word64 -> IO CInt
foreign import ccall unsafe "region_read" regionRead :: CInt -> CInt -> Ptr a -> Word64 -> Word64 -> IO CInt

check :: String -> CInt -> IO ()
check what code = unless (code >= 0) (die ("compact: " ++ what))

write :: FilePath -> Compact a -> IO ()
write file region = withSerializedCompact region $ \(SerializedCompact blocks root) -> allocaBytes headBytes $ \header -> do
  poke header (address root)
  pokeElemOff header 1 (fromIntegral (length blocks))
  forM_ (zip [2, 4 ..] blocks) $ \(i, (at, size)) -> pokeElemOff header i (address at) >> pokeElemOff header (i + 1) (fromIntegral size)
  withCString file (\path -> regionWrite path header) >>= check "cannot write"
  where address = fromIntegral . ptrToWordPtr

-- | The region in the file, its blocks read, or mapped over fresh ones.
load :: Bool -> FilePath -> IO (Compact a)
load mapped file = allocaBytes headBytes $ \header -> do
  descriptor <- withCString file (\path -> regionOpen path header)
  check "cannot open" descriptor
  count <- peekElemOff header 1
  let blocks i first previous offset
        | i == count = return first
        | otherwise = do
            wanted <- peekElemOff header (fromIntegral (2 + 2 * i))
            size <- peekElemOff header (fromIntegral (3 + 2 * i))
            let !(Ptr before) = previous
                !(W# size#) = fromIntegral size
            block <- IO (\s -> case compactAllocateBlock# size# before s of (# s', at #) -> (# s', Ptr at #))
            unless (not mapped || fromIntegral (ptrToWordPtr block) == wanted) (die "compact: the block came out at another address")
            regionRead (if mapped then 1 else 0) descriptor block size offset >>= check "cannot read or map"
            blocks (i + 1) (if first == nullPtr then block else first) block (offset + (size + 4095) .&. complement 4095)
  Ptr first <- blocks 0 nullPtr nullPtr headBytes
  Ptr root <- intPtrToPtr . fromIntegral <$> peek header
  lock <- newMVar ()
  IO $ \s -> case compactFixupPointers# first root s of
    (# s', region, root' #) -> case addrToAny# root' of (# value #) -> (# s', Compact region value lock #)

main :: IO ()
main = dispatch @Anything $ \build command n file -> do
  let loaded mapped = load mapped file >>= \region -> return (region `like` build)
  case command of
    "make" -> do
      let table = build n
      size <- compact table >>= compactSize
      compactSized (fromIntegral size) False table >>= write file
    "resave" -> loaded False >>= write file
    "read" -> loaded False >>= print . answer n . getCompact
    _ -> loaded True >>= print . answer n . getCompact

like :: Compact a -> (Int -> a) -> Compact a
like region _ = region
