{-# LANGUAGE ExistentialQuantification #-}
{-# LANGUAGE ForeignFunctionInterface #-}
{-# LANGUAGE MagicHash #-}
{-# LANGUAGE ScopedTypeVariables #-}
{-# LANGUAGE UnboxedTuples #-}

-- |
-- Module      : Fastboot.Declare
-- Description : Roots that fastboot-freeze finds by itself
-- Copyright   : 2026, The Fastboot authors
-- License     : BSD-3-Clause
--
-- A /declared/ root is a value that can be built and frozen without running @main@: @fastboot-freeze --list-roots@ shows
-- all of a program's, and @fastboot-freeze --root NAME@ builds those that it is told to, into one snapshot.
--
-- > {-# LANGUAGE StaticPointers #-}
-- > import Fastboot.Declare
-- >
-- > dictionary :: Map Text Entry
-- > dictionary = rootFrom "/usr/share/app/app.snap" (static (declare "dictionary" (parse <$> readFile "words.txt")))
--
-- The root is named after the module and the word given: @Main.dictionary@.
--
-- To find them, the static forms of the whole program are evaluated to weak head normal form, also those that are none of
-- Fastboot's. A program with a @main@ of its own in C does not answer.
module Fastboot.Declare
  ( Root
  , declare
  , rootName
  , rootFrom
  ) where

import Control.Exception (SomeException, displayException, evaluate, try)
import Data.List (intercalate, sortOn)
import Data.Maybe (fromMaybe)
import Data.Typeable (TypeRep, Typeable, typeRep)
import Fastboot.Internal
import Foreign.C.Types (CInt (..))
import Foreign.Ptr (Ptr)
import GHC.Exts (Any, Ptr (..), unpackClosure#)
import GHC.StaticPtr (StaticPtr, deRefStaticPtr, spInfoModuleName, staticPtrInfo, staticPtrKeys, unsafeLookupStaticPtr)
import System.Environment (lookupEnv)
import System.IO.Unsafe (unsafePerformIO)
import Unsafe.Coerce (unsafeCoerce)

-- | What builds a value, with a name and the value's type.
data Root a = Root String TypeRep (IO a)

-- | To be used in a static form, @static (declare "name" build)@, where the name says which of the module's roots it is.
-- Characters that a root's name cannot have (all but @A-Z a-z 0-9 _ . $ -@) become @_@.
declare :: forall a. Typeable a => String -> IO a -> Root a
declare name = Root (legalName name) (typeRep ([] :: [a]))
{-# NOINLINE declare #-}

-- | @Module.name@: what the root is called in snapshots and by @fastboot-freeze@.
rootName :: StaticPtr (Root a) -> String
rootName root = case deRefStaticPtr root of Root name _ _ -> nameIn root name

nameIn :: StaticPtr a -> String -> String
nameIn root name = legalName (spInfoModuleName (staticPtrInfo root)) ++ "." ++ name

-- | The root's value from the snapshot, or where that has none that fits, what builds it gives. The program itself never
-- writes the snapshot; @FASTBOOT_TRACE=1@ tells when it had to build. For top-level values, as 'Fastboot.frozen'.
rootFrom :: Typeable a => FilePath -> StaticPtr (Root a) -> a
rootFrom path root = unsafePerformIO (case deRefStaticPtr root of Root _ _ build -> rootOrBuild path (rootName root) build)
{-# NOINLINE rootFrom #-}

-- Answers to fastboot-freeze -----------------------------------------------------------------------------------------------

data Declared = forall a. Declared String TypeRep (IO a)

-- | All of the program, by name.
declared :: IO [Declared]
declared = sortOn (\(Declared name _ _) -> name) . concat <$> (staticPtrKeys >>= mapM look)
  where look key = unsafeLookupStaticPtr key >>= maybe (return []) asDeclared

-- The table of static pointers tells no types, so the constructor is looked at.
asDeclared :: StaticPtr Any -> IO [Declared]
asDeclared pointer = do
  payload <- try (evaluate (deRefStaticPtr pointer))
  return $ case payload of
    Right value | infoOf value == infoOf (Root "" (typeRep [()]) (return ())) -> case unsafeCoerce value of
      Root name rep build -> [Declared (nameIn pointer name) rep (build :: IO Any)]
    Right _ -> []
    Left (_ :: SomeException) -> []

-- | The info table of an evaluated value.
infoOf :: a -> Ptr ()
infoOf value = value `seq` case unpackClosure# value of (# info, _, _ #) -> Ptr info

foreign export ccall "fastboot_answer_roots" answer :: IO CInt

-- | Called instead of @main@ (answer.cc); gives the exit status.
answer :: IO CInt
answer = do
  list <- lookupEnv "FASTBOOT_LIST_ROOTS"
  names <- fromMaybe "" <$> lookupEnv "FASTBOOT_ROOTS"
  roots <- declared
  case list of
    Just file | not (null file) -> do
      writeFile file (unlines [name ++ "\t" ++ show rep | Declared name rep _ <- roots])
      return 0
    _ -> buildAndFreeze (splitAtCommas names) roots

buildAndFreeze :: [String] -> [Declared] -> IO CInt
buildAndFreeze wanted roots = do
  image <- maybe "roots" legalName <$> lookupEnv "FASTBOOT_IMAGE"
  case [name | name <- wanted, null (called name)] of
    unknown : _ -> tell image ("error 207: the program declares no root '" ++ unknown ++ "'; it declares " ++ known)
    [] -> do
      frozen <- try (mapM build (concatMap called wanted) >>= freezeRoots [] WHNF (image ++ ".snap"))
      case frozen of
        Left (exception :: SomeException) -> tell image ("an exception while building: " ++ displayException exception)
        Right (Left _) -> return 1 -- the runtime has told
        Right (Right _) -> return 0
  where
    called wantedName = take 1 [root | root@(Declared name _ _) <- roots, name == wantedName]
    known = if null roots then "none" else intercalate ", " [name | Declared name _ _ <- roots]
    build (Declared name rep make) = NamedValue name rep <$> make
    -- Where fastboot-freeze looks for what the runtime says.
    tell image message = do
      directory <- fromMaybe "." <$> lookupEnv "FASTBOOT_CAPTURE"
      writeFile (directory ++ "/" ++ image ++ ".error") (unwords (lines message) ++ "\n")
      return 1

splitAtCommas :: String -> [String]
splitAtCommas text = case break (== ',') text of
  (word, _ : rest) -> word : splitAtCommas rest
  (word, []) -> [word | not (null word)]
