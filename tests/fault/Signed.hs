{-# LANGUAGE CPP #-}

-- | The program of signed.sh, which demands what its arguments say.
--
-- > signed keys FILE.pub,... FILE    thaws; prints "ok", or the code and the message
-- > signed environment FILE
-- > signed late FILE.pub FILE        thaws first and demands then
-- > signed frozen FILE.pub FILE      prints "thawed" or "built"
-- > signed freeze plain|code FILE
module Main (main) where

import Control.Exception (evaluate)
import Data.IORef
import qualified Data.Map.Strict as Map
import Fastboot
import Fastboot.Signed
import System.Environment (getArgs)

data Entry = Entry !Int
  deriving (Eq, Show)

plain :: Map.Map Int Entry
plain = Map.fromList [(i, Entry (i * i)) | i <- [1 .. 100]]

step :: Int
#ifdef OTHER_BUILD
step = 1000003
#else
step = 999983
#endif

-- A function and a thunk with free variables.
code :: Int -> (Map.Map Int Entry, Int -> Int, [Int])
code k = (Map.map (\(Entry n) -> Entry (n * k)) plain, \n -> n * k, iterate (+ k) 1)
{-# NOINLINE code #-}

demand :: [FilePath] -> IO ()
demand files = mapM readPublicKey files >>= either fail requireSignature . sequence

-- An image of the other type is refused with 206.
use :: FilePath -> IO ()
use file = (thaw file :: IO (Either ThawError (Map.Map Int Entry))) >>= \asPlain -> case asPlain of
  Right value -> putStrLn (if value == plain then "ok" else "wrong value")
  Left failure | thawErrorCode failure == 206 -> useCode file
  Left failure -> tell failure

useCode :: FilePath -> IO ()
useCode file = (thaw file :: IO (Either ThawError (Map.Map Int Entry, Int -> Int, [Int]))) >>= \asCode -> case asCode of
  Right (table, function, list) ->
    putStrLn (if Map.size table == 100 && function 3 == 21 && take 3 list == [1, 8, 15] then "ok" else "wrong value")
  Left failure -> tell failure

tell :: ThawError -> IO ()
tell failure = putStrLn (show (thawErrorCode failure) ++ " " ++ thawErrorMessage failure)

main :: IO ()
main = do
  arguments <- getArgs
  case arguments of
    ["keys", files, file] -> demand (words (map (\c -> if c == ',' then ' ' else c) files)) >> use file
    ["environment", file] -> requireSignatureFromEnvironment >> use file
    ["late", key, file] -> use file >> demand [key] >> use file
    ["frozen", key, file] -> do
      demand [key]
      built <- newIORef False
      _ <- evaluate (frozen file (writeIORef built True >> return plain) == plain)
      readIORef built >>= \b -> putStrLn (if b then "built" else "thawed")
    ["freeze", "plain", file] -> freeze file plain >>= either (fail . show) (const (return ()))
    ["freeze", _, file] -> freeze file (code 7) >>= either (fail . show) (const (return ()))
    _ -> fail ("unknown arguments; " ++ show step)
