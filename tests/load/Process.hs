-- | What this process holds of the system.
module Process (Held (..), held, level, imagePrivate) where

import Control.Exception (evaluate)
import System.Directory (listDirectory)
import System.Mem (performMajorGC)

data Held = Held
  { mappings :: Int
  , descriptors :: Int
  , resident :: Int -- ^ KiB
  }

instance Show Held where
  show h = show (mappings h) ++ " mappings, " ++ show (descriptors h) ++ " descriptors, " ++ show (resident h) ++ " KiB"

linesOf :: FilePath -> IO [String]
linesOf path = readFile path >>= \text -> evaluate (length text) >> return (lines text)

held :: IO Held
held = do
  performMajorGC
  maps <- length <$> linesOf "/proc/self/maps"
  fds <- length <$> listDirectory "/proc/self/fd"
  status <- linesOf "/proc/self/status"
  return (Held maps fds (sum [read (words line !! 1) | line <- status, take 6 line == "VmRSS:"]))

-- | Is the second no more than the first, but for what GHC's own heap and malloc may take or give back?
level :: Held -> Held -> Bool
level a b = descriptors b <= descriptors a && mappings b <= mappings a + 8 && resident b <= resident a + resident a `div` 4 + 8192

-- | KiB of the mappings at images' addresses that are this process's own: from 0x12300000000 up, 1 TiB from 0x4200000000.
imagePrivate :: IO Int
imagePrivate = go False 0 <$> linesOf "/proc/self/smaps"
  where
    go _ n [] = n :: Int
    go inside n (line : rest) = case words line of
      ("Private_Dirty:" : kib : _) | inside -> go inside (n + read kib) rest
      (range : flags : _) | length flags == 4, (start, '-' : _) <- break (== '-') range -> go (isImage start) n rest
      _ -> go inside n rest
    isImage start = length start == 11 && start >= "12300000000" && start < "14200000000"
