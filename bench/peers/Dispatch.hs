{-# LANGUAGE ConstraintKinds, KindSignatures, RankNTypes, ScopedTypeVariables, AllowAmbiguousTypes, TypeApplications #-}
-- The command line of the Haskell peers: PROGRAM COMMAND SHAPE N FILE, with SHAPE vector, map or hash.
module Dispatch (dispatch) where

import Data.Kind (Constraint)
import System.Environment (getArgs)
import System.Exit (die)
import Work

-- | Calls the function at the shape's type, with COMMAND, N and FILE. @c@ is what the peer asks of the types.
dispatch :: forall (c :: * -> Constraint). (c Vector, c Ordered, c Hashed) => (forall a. (Value a, c a) => (Int -> a) -> String -> Int -> FilePath -> IO ()) -> IO ()
dispatch act = do
  arguments <- getArgs
  case arguments of
    [command, "vector", n, file] -> act (tight :: Int -> Vector) command (read n) file
    [command, "map", n, file] -> act (tight :: Int -> Ordered) command (read n) file
    [command, "hash", n, file] -> act (tight :: Int -> Hashed) command (read n) file
    _ -> die "usage: PROGRAM COMMAND vector|map|hash N FILE"
