{-# LANGUAGE CPP #-}
{-# LANGUAGE ScopedTypeVariables #-}

-- | The program of the tests beside it. Its value is a map of numbers; the second argument says how large.
--
-- > fault freeze FILE SIZE
-- > fault thaw FILE SIZE              prints "ok", or the code and the message
-- > fault thaw-as TYPE FILE           with another type
-- > fault thaw-root ROOT FILE
-- > fault bad FILE... -- GOOD SIZE    thaws each, prints a line for each, and in the end the good one
-- > fault freeze-against BASE FILE SIZE  the value that BASE holds, two times, in a snapshot that needs BASE
-- > fault thaw-both FILE SIZE         thaws that
-- > fault frozen FILE SIZE            the value comes from `frozen`; prints "thawed" or "built"
-- > fault hold FILE SIZE              thaws, says "ready", and for each line of input compares the value and thaws again
-- > fault flip FILE FROM TO STEP      every byte in turn, in a copy
-- > fault cut FILE STEP               every length, in a copy
-- > fault forever FILE                freezes values of some 20 MB again and again
-- > fault twice FILE SIZE             thaws two times; a line for each
-- > fault scoped FILE SIZE            two times within a scope; a line for each
-- > fault freeze-code FILE            a value with functions and thunks
-- > fault thaw-code FILE              uses it, and says what of this process's memory is writable and executable at once
module Main (main) where

import Control.Exception (evaluate)
import Control.Monad
import Data.Bits (shiftL, xor)
import qualified Data.ByteString as Bytes
import qualified Data.IntMap.Strict as IntMap
import Data.IORef
import qualified Data.Map.Strict as Map
import Data.Typeable (Typeable)
import qualified Data.Vector.Unboxed as Unboxed
import Data.Word (Word8)
import Fastboot
import System.Environment (getArgs)
import System.Exit
import System.IO
import System.Mem (performMajorGC)
import System.Posix.Files (setFileMode)

-- A type of the program's own: snapshots of other builds are not taken by the names of what is in them.
data Entry = Entry !Int
  deriving (Eq)

type Table = Map.Map Int Entry

-- A difference that makes another build.
factor :: Int
#ifdef OTHER_BUILD
factor = 1000003
#else
factor = 999983
#endif

table :: Int -> Table
table size = Map.fromList [(i, Entry (i * factor)) | i <- [1 .. size]]

-- An infinite list, and a function with a free variable.
codeValue :: Int -> ([Int], Int -> Int)
codeValue k = (iterate (+ k) 1, \n -> n * k + 1)
{-# NOINLINE codeValue #-}

say :: String -> IO ()
say line = putStrLn line >> hFlush stdout

verdict :: Either ThawError a -> (a -> Bool) -> String
verdict (Left failure) _ = show (thawErrorCode failure) ++ " " ++ thawErrorMessage failure
verdict (Right value) good = if good value then "ok" else "wrong value"

thawTable :: FilePath -> Int -> IO String
thawTable file size = (`verdict` (== table size)) <$> thaw file

freezeTable :: FilePath -> Int -> IO ()
freezeTable file size = freeze file (table size) >>= \r -> case r of
  Left failure -> say (show (freezeErrorCode failure) ++ " " ++ freezeErrorMessage failure) >> exitWith (ExitFailure 1)
  Right _ -> say "ok"

thawAs :: forall a. Typeable a => (a -> Bool) -> FilePath -> IO ()
thawAs good file = (thaw file :: IO (Either ThawError a)) >>= \r -> say (verdict r good)

-- One file is written to over and over: the second argument of `change` says which variant.
inCopies :: FilePath -> String -> (Bytes.ByteString -> Int -> Bytes.ByteString) -> [Int] -> (Int -> String -> IO ()) -> IO ()
inCopies file copy change variants report = do
  good <- Bytes.readFile file
  forM_ variants $ \i -> do
    Bytes.writeFile copy (change good i)
    setFileMode copy 0o600
    result <- thaw copy :: IO (Either ThawError Table)
    report i (verdict result (const True))

main :: IO ()
main = do
  hSetBuffering stdout LineBuffering
  arguments <- getArgs
  case arguments of
    ["freeze", file, size] -> freezeTable file (read size)
    ["thaw", file, size] -> thawTable file (read size) >>= say
    ["thaw-as", "list", file] -> thawAs (\(xs :: [Int]) -> length xs >= 0) file
    ["thaw-as", "char-map", file] -> thawAs (\(m :: Map.Map Char Int) -> Map.valid m) file
    ["thaw-as", "int-map", file] -> thawAs (\(m :: IntMap.IntMap Int) -> IntMap.size m >= 0) file
    ["thaw-root", root, file, size] -> thawRoot file root >>= \r -> say (verdict r (== table (read size)))
    ["freeze-against", base, file, size] -> thaw base >>= \r -> case r of
      Left failure -> say (show (thawErrorCode failure) ++ " " ++ thawErrorMessage failure) >> exitWith (ExitFailure 1)
      Right value -> do
        good <- evaluate ((value :: Table) == table (read size))
        result <- freezeAgainst [base] file [value, value]
        say (either (const "not frozen") (const (if good then "ok" else "wrong value")) result)
    ["thaw-both", file, size] -> thaw file >>= \r -> say (verdict r (== replicate 2 (table (read size))))
    ["frozen", file, size] -> do
      built <- newIORef False
      let value = frozen file (writeIORef built True >> return (table (read size))) :: Table
      good <- evaluate (value == table (read size))
      unless good (say "wrong value" >> exitFailure)
      wasBuilt <- readIORef built
      say (if wasBuilt then "built" else "thawed")
    ["hold", file, size] -> thaw file >>= \r -> case r of
      Left failure -> say (show failure) >> exitWith (ExitFailure 1)
      Right value -> do
        say "ready"
        lines' <- lines <$> getContents
        forM_ lines' $ \_ -> do
          performMajorGC
          say (verdict (Right value) (== table (read size)))
          thawTable file (read size) >>= say
    ["flip", file, from, to, step] -> do
      let flipAt bytes i = Bytes.concat [Bytes.take at bytes, Bytes.singleton (Bytes.index bytes at `xor` bit'), Bytes.drop (at + 1) bytes]
            where
              at = i
              -- Another bit in each byte.
              bit' = 1 `shiftL` (i `mod` 8) :: Word8
      inCopies file (file ++ ".flipped.snap") flipAt [read from, read from + read step .. read to - 1] $ \i v ->
        say (show i ++ " " ++ v)
      thawTable file 100 >>= say
    ["cut", file, step] -> do
      size <- Bytes.length <$> Bytes.readFile file
      let lengths = [0 .. 200] ++ [200, 200 + read step .. size - 1] ++ [size - 1]
      inCopies file (file ++ ".cut.snap") (flip Bytes.take) lengths $ \i v -> say (show i ++ " " ++ v)
      thawTable file 100 >>= say
    "bad" : rest | (files, ["--", good, size]) <- break (== "--") rest -> do
      forM_ files $ \file -> thawTable file (read size) >>= say
      thawTable good (read size) >>= say
    ["forever", file] -> forM_ (cycle [1 .. 4 :: Int]) $ \i -> do
      let values = Unboxed.generate 2600000 (\k -> k * i)
      result <- freeze file values
      either (\failure -> say (show failure) >> exitFailure) (const (say "frozen")) result
    ["twice", file, size] -> replicateM_ 2 (thawTable file (read size) >>= say)
    ["scoped", file, size] -> replicateM_ 2 $ do
      result <- withFrozen file (\value -> evaluate (value == table (read size)))
      say (verdict result id)
    ["freeze-code", file] -> freeze file (codeValue 7) >>= either (\failure -> say (show failure) >> exitFailure) (const (say "ok"))
    ["thaw-code", file] -> do
      let good (numbers, function) = map function (take 50 numbers) == [n * 7 + 1 | n <- take 50 [1, 8 ..]]
      thaw file >>= \r -> say (verdict (r :: Either ThawError ([Int], Int -> Int)) good)
      maps <- lines <$> readFile "/proc/self/maps"
      let both = [line | line <- maps, let flags = words line !! 1, 'w' `elem` flags, 'x' `elem` flags]
      say ("writable and executable: " ++ show both)
    ["thaw-large", file] ->
      -- One of the four values, whole.
      thaw file >>= \r -> say (verdict r (\v -> Unboxed.length v == 2600000 && any (\i -> Unboxed.and (Unboxed.imap (\k x -> x == k * i) v)) [1 .. 4]))
    ["freeze-large", file, i] -> freeze file (Unboxed.generate 2600000 (* read i)) >>= \r -> case r of
      Left failure -> say (show (freezeErrorCode failure) ++ " " ++ freezeErrorMessage failure) >> exitWith (ExitFailure 1)
      Right _ -> say "ok"
    _ -> hPutStrLn stderr ("unknown arguments " ++ unwords arguments) >> exitWith (ExitFailure 2)
