{-# LANGUAGE AllowAmbiguousTypes, FlexibleContexts, FlexibleInstances, MultiParamTypeClasses, TypeApplications #-}
-- The table is built each time: with care (tight), or as it is usually written (naive).
module Main (main) where

import Dispatch
import Work

class Anything a
instance Anything a

main :: IO ()
main = dispatch @Anything $ \build command n _ -> case command of
  "tight" -> print (answer n (build n))
  _ -> print (answer n (naive n `asTypeOf` build n))
