-- | What the programs of this example have in common: the types, and how each value is made from those before it.
module Table
  ( Entry (..)
  , Dictionary
  , Index
  , Model (..)
  , dictionary
  , index
  , model
  , answers
  ) where

import qualified Data.IntMap.Strict as IntMap
import qualified Data.Map.Strict as Map
import Data.Text (Text)
import qualified Data.Text as Text

-- | A word, its number, and a function: images hold these, too.
data Entry = Entry
  { word :: !Text
  , number :: !Int
  , score :: !(Int -> Int)
  }

type Dictionary = Map.Map Text Entry

-- | The entries by the rest of their numbers.
type Index = IntMap.IntMap [Entry]

data Model = Model
  { words' :: !Dictionary
  , byRest :: !Index
  , best :: !(IntMap.IntMap (Entry, [Entry])) -- ^ for each rest an entry of the dictionary, and the index's list
  , weight :: !(Int -> Int)
  }

rests :: Int
rests = 1000

dictionary :: Int -> Dictionary
dictionary size = Map.fromDistinctAscList [(word e, e) | e <- map entry [1 .. size]]

entry :: Int -> Entry
entry i = Entry (Text.justifyRight 9 'a' (Text.pack (show i))) i (rest `seq` if even i then (* rest) else subtract rest)
  where rest = i `mod` rests -- what a function holds had better not look like an address: see the README's limits

index :: Dictionary -> Index
index words_ = IntMap.fromListWith (++) [(number e `mod` rests, [e]) | e <- Map.elems words_]

model :: Dictionary -> Index -> Model
model words_ rest = Model words_ rest (IntMap.map pick rest) (\x -> x + Map.size words_)
  where pick es = let e = head es in e `seq` (e, es)

-- | Some thousand look-ups through all three.
answers :: Model -> [String]
answers m =
  [line i | i <- [1, 1 + Map.size (words' m) `div` 2000 .. Map.size (words' m)]]
    ++ [show (r, number e, score e 3, length es) | (r, (e, es)) <- IntMap.toList (best m)]
  where
    line i = case Map.lookup (word (entry i)) (words' m) of
      Nothing -> "nothing"
      Just e -> Text.unpack (word e) ++ " " ++ show (score e 5, weight m i, map number (take 3 (byRest m IntMap.! (i `mod` rests))))
