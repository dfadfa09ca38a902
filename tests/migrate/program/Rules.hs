-- Functions that the image holds: some exported, most not.
module Rules (Rule (..), rules, weigh, compose) where

import Types

data Rule = Rule {ruleName :: String, ruleApply :: Shape -> Int}

-- Exported, and called by private code.
weigh :: Shape -> Int
weigh (Circle r) = truncate (r * 2)
weigh (Square a b) = a * b
weigh Blank = 0
{-# NOINLINE weigh #-}

-- Private, and reached through closures only.
scale :: Int -> Int -> Int
scale k x = x * k + 17
{-# NOINLINE scale #-}

classify :: Int -> Shape -> Int
classify n shape = case shape of
  Circle r -> n + truncate r
  Square a b -> n * (a - b)
  Blank -> n + 1
{-# NOINLINE classify #-}

-- A CAF that only functions of the image reach, once they are frozen.
table :: [Int]
table = map (* 3) [1 .. 200]
{-# NOINLINE table #-}

compose :: [Int] -> Shape -> Int
compose ks shape = foldr scale (weigh shape) ks

rules :: Int -> [Rule]
rules n =
  [ Rule "weigh" weigh,
    Rule "scaled" (\s -> scale n (weigh s)),
    Rule "sum" (\s -> weigh s + n),
    Rule "looked up" (\s -> table !! (weigh s `mod` 100) + n),
    Rule "classified" (classify n),
    Rule "composed" (compose [n, n + 1])
  ]
