module Main (main) where

import Fastboot (freeze, thaw)
import System.Environment (getArgs)
import System.Exit (ExitCode (..), exitWith)
import System.IO (hPrint, hPutStrLn, stderr)
import System.Mem (performMajorGC)
import Table

seed :: Int
seed = 5

main :: IO ()
main = do
  args <- getArgs
  case args of
    ["fresh"] -> mapM_ putStrLn (report (build seed))
    ["freeze", path] -> do
      let table = build (length args + 3)
      -- Data is evaluated, the series and the labels in part.
      mapM_ putStrLn [show (sum (map length (report table)))]
      freeze path table >>= either failed (const (return ()))
    ["thaw", path] -> do
      thawed <- thaw path
      case thawed of
        Left why -> failed why
        Right table -> do
          performMajorGC
          mapM_ putStrLn (report table)
          performMajorGC
          mapM_ putStrLn (report table)
    _ -> hPutStrLn stderr "usage: program fresh | freeze FILE | thaw FILE" >> exitWith (ExitFailure 2)
  where
    failed why = hPrint stderr why >> exitWith (ExitFailure 1)
