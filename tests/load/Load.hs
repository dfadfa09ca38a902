-- | The program of load.sh.
--
-- > load freeze FILE SEED SIZE
-- > load at-once FILE SEED SIZE    waits for the end of its standard input, thaws, says "thawed", waits for the end of
-- >                                descriptor 4, compares, and says "ok" and how many KiB of the image are its own
-- > load drop N FILE SEED SIZE...  thaws and drops the files in turn, N times in all; says what it held after a tenth of them
-- >                                and in the end
module Main (main) where

import Control.Exception (evaluate)
import Control.Monad
import Data.IORef
import qualified Data.Map.Strict as Map
import Fastboot
import Process
import System.Environment (getArgs)
import System.Exit
import System.IO
import System.Posix.IO (fdToHandle)

type Table = Map.Map Int Int

table :: Int -> Int -> Table
table seed size = Map.fromList [(i, i * seed + 1) | i <- [1 .. size]]

-- Without building another one beside it.
good :: Int -> Int -> Table -> Bool
good seed size m = Map.size m == size && and [Map.lookup i m == Just (i * seed + 1) | i <- [1, 1 + size `div` 7 .. size]]

main :: IO ()
main = do
  hSetBuffering stdout LineBuffering
  arguments <- getArgs
  case arguments of
    ["freeze", file, seed, size] -> freeze file (table (read seed) (read size)) >>= either (die . show) (const (return ()))
    ["at-once", file, seed, size] -> do
      getContents >>= evaluate . length >>= \n -> when (n /= 0) (die "more than an end of input")
      value <- thaw file >>= either (die . show) return
      putStrLn "thawed"
      fdToHandle 4 >>= hGetContents >>= void . evaluate . length
      unless (good (read seed) (read size) value) (die "wrong value")
      own <- imagePrivate
      putStrLn ("ok " ++ show own)
    "drop" : number : files -> do
      let total = read number :: Int
          list = cycle (triples files)
      before <- newIORef Nothing
      forM_ (zip [1 .. total] list) $ \(i, (file, seed, size)) -> do
        result <- withFrozen file (evaluate . good seed size)
        case result of
          Right True -> return ()
          other -> die (file ++ ": " ++ show other)
        when (i == total `div` 10) (held >>= writeIORef before . Just)
      after <- held
      readIORef before >>= \b -> case b of
        Nothing -> die "too few"
        Just first -> putStrLn (show total ++ " times: " ++ show first ++ " -> " ++ show after) >> unless (level first after) (die "not level")
    _ -> hPutStrLn stderr "unknown arguments" >> exitWith (ExitFailure 2)

triples :: [String] -> [(FilePath, Int, Int)]
triples (file : seed : size : rest) = (file, read seed, read size) : triples rest
triples _ = []
