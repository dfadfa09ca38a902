{-# LANGUAGE StaticPointers #-}

-- | How many syllables has a word? The rules are made into a table once, when the package is built (the script @build@ beside
-- this), and every process maps the table from the file that is installed with the program.
--
-- > syllables WORD...
module Main (main) where

import Data.Map.Strict (Map)
import qualified Data.Map.Strict as Map
import Fastboot.Declare (declare, rootFrom)
import System.Environment (getArgs, getExecutablePath)
import System.FilePath (takeDirectory, (</>))
import System.IO.Unsafe (unsafePerformIO)

-- | Where the snapshot is installed: PREFIX/share/syllables.snap for PREFIX/bin/syllables.
snapshot :: FilePath
snapshot = unsafePerformIO (place <$> getExecutablePath)
  where place program = takeDirectory (takeDirectory program) </> "share" </> "syllables.snap"

-- | From the installed file; a program that was built by hand, without one, builds the table.
table :: Map String Int
table = rootFrom snapshot (static (declare "table" (return (Map.fromList [(word, count word) | word <- spoken]))))

-- | All that can be said with up to three of these, each a syllable or two.
spoken :: [String]
spoken = [concat parts | n <- [1 .. 3], parts <- sequence (replicate n ["ba", "bee", "do", "dia", "ki", "la", "lou", "mi", "nao", "re", "sa", "ti", "zoe"])]

count :: String -> Int
count word = length (filter id (zipWith starts ('-' : word) word)) + length [() | ('i', 'a') <- zip word (drop 1 word)]
  where starts before letter = letter `elem` "aeiou" && before `notElem` "aeiou"

main :: IO ()
main = getArgs >>= mapM_ (\word -> putStrLn (word ++ ": " ++ maybe "not in the table" show (Map.lookup word table)))
