{-# LANGUAGE TypeApplications #-}
-- The table is frozen and thawed.
module Main (main) where

import Control.Exception (evaluate)
import Data.Typeable (Typeable)
import Dispatch
import Fastboot
import System.Exit (die)
import Work

main :: IO ()
main = dispatch @Typeable $ \build command n file -> case command of
  "make" -> do
    table <- evaluate (build n)
    freezeWith NF file table >>= either (die . show) (\_ -> return ())
  _ -> do
    table <- thaw file >>= either (die . show) return
    print (answer n (table `asTypeOf` build n))
