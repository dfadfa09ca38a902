{-# LANGUAGE CPP, FlexibleInstances, TypeApplications, UndecidableInstances, UndecidableSuperClasses #-}
-- The table is read from a file that binary, or with STORE store, has written.
module Main (main) where

import qualified Data.ByteString as ByteString
import Dispatch
import Work
#ifdef STORE
import Data.Store (Store, decodeEx, encode)
import qualified Data.Text
import qualified Data.Vector

class Store a => Codec a where
  toBytes :: a -> ByteString.ByteString
  toBytes = encode
  fromBytes :: ByteString.ByteString -> a
  fromBytes = decodeEx
instance Codec Vector
instance Codec Ordered
instance Codec Hashed
#else
import Data.Binary (Binary, decode, encode)
import qualified Data.ByteString.Lazy as Lazy
import qualified Data.HashMap.Strict as HashMap
import qualified Data.Vector as Vector

-- Vectors and hash maps have no instances of their own in it: as lists.
class Codec a where
  toBytes :: a -> ByteString.ByteString
  fromBytes :: ByteString.ByteString -> a

pack :: Binary a => a -> ByteString.ByteString
pack = Lazy.toStrict . encode
unpack :: Binary a => ByteString.ByteString -> a
unpack = decode . Lazy.fromStrict

instance Codec Vector where
  toBytes = pack . Vector.toList
  fromBytes = Vector.fromList . unpack
instance Codec Ordered where
  toBytes = pack
  fromBytes = unpack
instance Codec Hashed where
  toBytes = pack . HashMap.toList
  fromBytes = HashMap.fromList . unpack
#endif

main :: IO ()
main = dispatch @Codec $ \build command n file -> case command of
  "make" -> ByteString.writeFile file (toBytes (build n))
  _ -> do
    bytes <- ByteString.readFile file
    print (answer n (fromBytes bytes `asTypeOf` build n))
