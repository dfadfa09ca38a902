{-# LANGUAGE CPP, TemplateHaskell #-}
-- A program of about 16 MB, since it links Cabal and Template Haskell, in two builds (NEW). It freezes a dictionary, or functions.
--
-- > migrate data N FILE        a Map Text (Text, Int) with N entries
-- > migrate functions N FILE   functions in a map
-- > migrate check FILE         thaws the dictionary and looks at it
module Main (main) where

import qualified Data.Map.Strict as Map
import qualified Data.Text as Text
import Data.Text (Text)
import qualified Distribution.InstalledPackageInfo as Cabal
import qualified Distribution.PackageDescription.PrettyPrint as Cabal
import qualified Distribution.Simple as Cabal
import Fastboot
import qualified Language.Haskell.TH as TH
import qualified System.Console.Haskeline as Haskeline
import System.Environment (getArgs)
import System.Exit (die)

dictionary :: Int -> Map.Map Text (Text, Int)
dictionary n = Map.fromDistinctAscList
  [ k `seq` v `seq` i `seq` (k, (v, i)) | i <- [0 .. n - 1], let k = Text.pack (reverse (take 8 (reverse ("0000000" ++ show i)))), let v = Text.pack (show (i * 7)) ]

functions :: Int -> Map.Map Int (Int -> Int)
functions n = Map.fromDistinctAscList [(i, \x -> x * i + n) | i <- [1 .. n]]

main :: IO ()
main = do
  arguments <- getArgs
  case arguments of
    ["data", n, file] -> freezeWith NF file (dictionary (read n)) >>= either (die . show) print
    ["functions", n, file] -> freezeWith NF file (functions (read n)) >>= either (die . show) print
    ["check", file] -> do
      table <- thaw file >>= either (die . show) return :: IO (Map.Map Text (Text, Int))
      print (Map.size table, sum (map snd (Map.elems table)))
    ["cabal"] -> Cabal.defaultMain
    ["pretty", file] -> Cabal.writeGenericPackageDescription file (error "none")
    ["installed", file] -> readFile file >>= print . fmap snd . Cabal.parseInstalledPackageInfo . read
    ["template"] -> TH.runQ [| \x -> x |] >>= putStrLn . TH.pprint
    ["line"] -> Haskeline.runInputT Haskeline.defaultSettings (Haskeline.getInputLine "" >>= mapM_ Haskeline.outputStrLn)
#ifdef NEW
    ["new"] -> putStrLn "what the other build has not"
#endif
    _ -> die "usage: see the head of bench/Migrate.hs"
