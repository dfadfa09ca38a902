-- Lazy parts: thunks that are still to be evaluated when they are frozen.
module Series (series, labels) where

step :: Int -> Int -> Int
step seed x = (x * 1103 + seed) `mod` 65537
{-# NOINLINE step #-}

series :: Int -> [Int]
series seed = iterate (step seed) seed

labels :: Int -> [String]
labels n = map (\i -> "label " ++ show (i * n)) [1 ..]
