-- | Asks the model, which brings the images that it needs along; or one that is built here.
module Main (main) where

import Fastboot
import System.Environment (getArgs)
import System.Exit (die)
import Table

main :: IO ()
main = do
  arguments <- getArgs
  asked <- case arguments of
    [] -> thaw "model.snap" >>= either (die . show) return
    [size] -> let words_ = dictionary (read size) in return (model words_ (index words_))
    _ -> die "usage: ask [SIZE]"
  mapM_ putStrLn (answers asked)
