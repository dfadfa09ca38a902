{-# LANGUAGE ExistentialQuantification #-}
{-# LANGUAGE ScopedTypeVariables #-}

-- | The program of depth.sh: values in all stages of evaluation, frozen with each 'Depth'.
--
-- > depth freeze DEPTH CASE   writes CASE.snap; prints how many closures it has, and how many of them are thunks
-- > depth thaw CASE           compares what is thawed with what is built here
module Main (main) where

import Control.Exception
import Control.Monad
import qualified Data.Map.Lazy as Map
import Data.IORef
import Data.Typeable (Typeable)
import Fastboot
import System.Environment (getArgs)
import System.Exit
import System.IO
import System.IO.Unsafe (unsafePerformIO)
import System.Timeout (timeout)

data Tree = Leaf | Node Tree Integer Tree deriving (Eq, Show)

-- Each level is only there when the one above it was evaluated.
tree :: Integer -> Tree
tree 0 = Leaf
tree n = Node (tree (n - 1)) (n * n) (tree (n - 1))

-- No Show, no NFData: functions and existential types are in it.
data Box = forall a. Show a => Box a (Int -> a)

boxes :: Int -> [Box]
boxes n = [Box (replicate i 'x') (\k -> replicate (k + length (show i)) 'y') | i <- [1 .. n]]

said :: [Box] -> String
said list = concat [show a ++ show (f 3) | Box a f <- list]

topLevel :: [Integer]
topLevel = map (* 3) [1 .. 1000]
{-# NOINLINE topLevel #-}

lazyMap :: Integer -> Map.Map Integer [Integer]
lazyMap n = Map.fromList [(i, [i, i + 2 .. i + 8]) | i <- [1 .. n]]

cyclic :: Integer -> [Integer]
cyclic n = let xs = n : map (+ 0) ys
               ys = n + 1 : xs in xs

data Case = forall a. Typeable a => Case (Integer -> a) (a -> Bool)

cases :: [(String, Case)]
cases =
  [ ("list", Case (\n -> map (* n) [1 .. 300000]) ((== sum [1 .. 300000]) . sum))
  , ("tree", Case (\n -> tree (11 + n)) (== tree 12))
  , ("map", Case (\n -> lazyMap (2000 * n)) (== lazyMap 2000))
  , ("boxes", Case (\n -> boxes (fromIntegral n * 100)) ((== said (boxes 100)) . said))
  , ("caf", Case (\n -> (topLevel, n + 1)) (\(list, n) -> sum list == 1501500 && n == 2))
  , ("root", Case (\n -> Just (n + 41)) (== Just 42))
  , ("knot", Case (take 2 . cyclic) (== [1, 2]))
  , ("prefix", Case (\n -> let xs = iterate (+ n) 0 in (take 3 xs, takeWhile (< 5) (map (* 2) xs))) (== ([0, 1, 2], [0, 2, 4])))
  , ("memo", Case (\n -> let squares = map (* n) (iterate (+ 1) n) in Just (squares !!)) (maybe False (\f -> f 4 == 5)))
  , ("bottom", Case (\n -> (n, if n > 0 then throw (userError "on purpose") else 'x')) ((== 1) . fst))
  , ("endless", Case (\n -> iterate (+ n) 0) ((== 10) . (!! 10)))
  , ("mutable", Case (\n -> (n + 1, unsafePerformIO (newIORef n))) (const False))
  ]

-- Not known before the program runs, so that nothing is evaluated at compile time.
one :: IO Integer
one = fromIntegral . length <$> getArgs >>= \n -> return (if n > 0 then 1 else 2)

main :: IO ()
main = do
  hSetBuffering stdout LineBuffering
  arguments <- getArgs
  n <- one >>= evaluate
  case arguments of
    ["freeze", depth, name] | Just (Case build _) <- lookup name cases -> do
      result <- try (timeout 5000000 (freezeWith (read depth) (name ++ ".snap") (build n)))
      case result of
        Left (failure :: IOException) -> putStrLn ("exception " ++ show failure) >> exitWith (ExitFailure 3)
        Right Nothing -> putStrLn "endless" >> exitWith (ExitFailure 4)
        Right (Just (Left failure)) -> putStrLn (show failure) >> exitWith (ExitFailure 1)
        Right (Just (Right report)) -> putStrLn (show (frozenClosures report) ++ " " ++ show (frozenLazyClosures report))
    ["thaw", name] | Just (Case build good) <- lookup name cases -> check name build good
    _ -> die "usage"
  where
    check :: forall a. Typeable a => String -> (Integer -> a) -> (a -> Bool) -> IO ()
    check name _ good = thaw (name ++ ".snap") >>= \r -> case r of
      Left failure -> die (show failure)
      Right (value :: a) -> unless (good value) (die (name ++ ": wrong value"))
