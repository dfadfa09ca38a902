-- |
-- Module      : Fastboot
-- Description : Start from a snapshot instead of building again
-- Copyright   : 2026, The Fastboot authors
-- License     : BSD-3-Clause
--
-- A program that needs a large value at start-up (a table, an index, a parsed grammar) builds it once and freezes it into a
-- /snapshot/. Later processes map the file: the closures are just there, in a time that does not depend on their number.
--
-- > import Fastboot (frozen)
-- >
-- > dictionary :: Map Text Entry
-- > dictionary = frozen "dictionary.snap" (parse <$> readFile "words.txt")
--
-- A snapshot that this module makes holds one image with one root, both named after the file: @x\/dict.snap@ holds @dict@. It fits
-- the very build that made it (known by the program's build-id), and those that @fastboot-migrate@ carried it over to; for any other
-- 'frozen' builds anew, and 'thaw' takes it only where names tell all that it needs.
--
-- A snapshot is as powerful as a program: its closures run code. Only files that belong to this user or to root, and that
-- nobody else may write, are thawed.
module Fastboot
  ( -- * One line
    frozen
  , frozenFor
  , unsafeFrozen
    -- * Freezing
  , freeze
  , freezeWith
  , freezeAgainst
  , Depth (..)
  , FreezeReport (..)
  , FreezeError (..)
    -- * Thawing
  , thaw
  , thawRoot
  , withFrozen
  , ThawError (..)
  ) where

import Data.Typeable (Typeable)
import Fastboot.Internal
import System.IO.Unsafe (unsafePerformIO)

-- | @frozen path build@ is the value that the snapshot at @path@ holds, or, where there is none that fits, what @build@
-- gives, which is then frozen to @path@ for the next process.
--
-- Nothing that goes wrong with the snapshot is an error of the program: without a snapshot, or with one that is damaged, of
-- another build, another type, or not to be trusted, the value is built. Where it cannot be frozen (a mutable part, a full
-- disk), the value that was built is returned all the same. With @FASTBOOT_TRACE=1@ in the environment, one line on stderr
-- says what happened and why.
--
-- Processes that start at once each build where there is no snapshot yet; the last one's file stays, and each is written
-- beside the path and renamed, so that nobody ever sees half of one.
--
-- Use it for top-level values. In a function, the first call's argument would decide what the snapshot holds for all:
-- 'frozenFor' is for that.
--
-- With @FASTBOOT_CAPTURE@ set to a directory (as @fastboot-freeze@ does), the value is always built and frozen, into that
-- directory. With @FASTBOOT_DISABLE@ set, it is only built.
frozen :: Typeable a => FilePath -> IO a -> a
frozen path build = unsafePerformIO (thawOrBuild BoundBuilds WHNF path build)
{-# NOINLINE frozen #-}

-- | @frozenFor path build key@ is as 'frozen' for what @build key@ gives: a value that depends on an argument, with a snapshot for
-- each. The key's 'show' text tells one key from another, and names the file: for @x\/dict.snap@ and the key @\"en\"@
-- it is @x\/dict-_en_-HASH.snap@. Files of keys that are no longer asked for stay.
--
-- > dictionary :: Language -> Map Text Entry
-- > dictionary = frozenFor "dictionary.snap" (\language -> parse <$> readFile (wordsOf language))
frozenFor :: (Typeable a, Show key) => FilePath -> (key -> IO a) -> key -> a
frozenFor path build key = unsafePerformIO (thawOrBuild BoundBuilds WHNF (keyedPath path (show key)) (build key))
{-# NOINLINE frozenFor #-}

-- | As 'frozen', but a snapshot of any build of the program will do, without fastboot-migrate: the value stays what it was when
-- it was first built, also when @build@ would now give another one. Remove the file to have it built anew.
--
-- Only for plain data, which is fully evaluated before it is frozen ('NF'): every constructor in it is looked for by name in
-- the program (which must have its symbols, so not @strip --strip-all@), and must have the same number and layout. A value
-- with functions in it is built anew with each build. What cannot be seen is yours to know: that the fields of your own types
-- mean what they meant when the snapshot was made. Two fields of the same size that changed places would be read as each
-- other.
unsafeFrozen :: Typeable a => FilePath -> IO a -> a
unsafeFrozen path build = unsafePerformIO (thawOrBuild AnyBuild NF path build)
{-# NOINLINE unsafeFrozen #-}

-- | Evaluates the value to weak head normal form and writes everything that is reachable from it to the file, which appears
-- complete or not at all. The type travels along, and 'thaw' asks for the same one.
--
-- The image and its root are named after the file, without directory and ending (@x\/dict.snap@: @dict@); characters other
-- than @A-Z a-z 0-9 _ . $ -@ become @_@.
freeze :: Typeable a => FilePath -> a -> IO (Either FreezeError FreezeReport)
freeze = freezeWith WHNF

-- | As 'freeze', with the depth to which the value is evaluated first.
freezeWith :: Typeable a => Depth -> FilePath -> a -> IO (Either FreezeError FreezeReport)
freezeWith = freezeTraced []

-- | @freezeAgainst needed path value@ is as 'freeze', but what the value has of the snapshots @needed@, which this process has
-- thawed, is not copied: the new snapshot points into them. It then needs them: 'thaw' finds them beside it by their
-- images' names (@dict.snap@), or in the directories of the variable @FASTBOOT_PATH@, and they must be the very ones. Only those
-- that the value does refer to become needed.
--
-- > Right dict <- thaw "dict.snap"
-- > freezeAgainst ["dict.snap"] "index.snap" (indexOf dict)
--
-- Thunks of a needed image that this process has evaluated are frozen as their values, into the new image.
freezeAgainst :: Typeable a => [FilePath] -> FilePath -> a -> IO (Either FreezeError FreezeReport)
freezeAgainst needed = freezeTraced needed WHNF

-- | Thaws a snapshot of this very build of the program, or one that fastboot-migrate has bound to it. A snapshot that needs
-- nothing but constructors of libraries (@Map Text [Int]@, say) also serves other builds and other programs with the same
-- versions of the libraries, if they have their symbols.
--
-- Gives the only root of the snapshot, or the one that is named as the image. A snapshot is mapped once in a process; thawing it
-- again gives the same value. Where there is no such file, the snapshot that the program carries (@fastboot-freeze --embed@)
-- takes its place, if its image has that name.
thaw :: Typeable a => FilePath -> IO (Either ThawError a)
thaw path = thawTraced path Nothing

-- | The root of the given name; where there is no such file, of the snapshot that the program carries, if it has that root.
thawRoot :: Typeable a => FilePath -> String -> IO (Either ThawError a)
thawRoot path = thawTraced path . Just

-- | @withFrozen path act@ thaws as 'thaw' does and runs @act@ with the value. When @act@ has ended, also by an exception, a
-- major collection tells whether anything still refers to the image: the result, an 'Data.IORef.IORef', a thread, a CAF, a
-- weak pointer, whatever there is. If not, the image is unmapped. Otherwise it stays mapped and everything stays valid; with
-- @FASTBOOT_TRACE=1@ a line on stderr says so, and the ends of later scopes, with whatever file, try again. What was
-- evaluated of it on demand stays as long as the image, and keeps it where it refers to it.
--
-- Images also stay that are thawed by 'thaw' or 'Fastboot.frozen', too, that hold bytes of string literals (lazy strings,
-- @TypeRep@s), or that are used under the non-moving collector.
--
-- Do not let addresses escape that no value keeps alive (@unsafeUseAsCString bytes return@): that is as wrong as without
-- Fastboot.
withFrozen :: Typeable a => FilePath -> (a -> IO b) -> IO (Either ThawError b)
withFrozen = thawScoped
