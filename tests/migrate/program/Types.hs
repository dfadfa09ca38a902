-- What the table is made of. Edits of this module must be refused wherever the image holds such closures.
module Types where

data Shape
  = Circle Double
  | Square Int Int
  | Blank
  deriving (Show, Eq)

-- Fields of one layout and different types.
data Style = Style {styleName :: String, styleTags :: [Int]} deriving (Show)

newtype Weight = Weight Int deriving (Show)

data Entry = Entry {entryShape :: Shape, entryStyle :: Style, entryWeight :: Weight, entryCount :: Int} deriving (Show)

-- Strict, with a wrapper.
data Pair = Pair !Int !Int deriving (Show)
