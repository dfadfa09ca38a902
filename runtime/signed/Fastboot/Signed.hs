-- |
-- Module      : Fastboot.Signed
-- Description : Thaw only snapshots that are signed
-- Copyright   : 2026, The Fastboot authors
-- License     : BSD-3-Clause
--
-- A program that calls 'requireSignature' before it uses a snapshot thaws none that is not signed with one of its keys, whoever
-- owns the file. 'Fastboot.frozen' builds its value instead. Verifying reads the whole file: about a second for a gigabyte.
--
-- > main = do
-- >   either fail (requireSignature . pure) (publicKey "fastboot-public-key-1 6c1f...")
-- >   ...
--
-- Keys are made by @fastboot-freeze --make-key NAME@, and snapshots signed by @fastboot-freeze --sign NAME.key@. What a
-- signature says, and what not, is in @docs\/SECURITY.md@.
module Fastboot.Signed
  ( PublicKey
  , publicKey
  , readPublicKey
  , requireSignature
  , requireSignatureFromEnvironment
  ) where

import Control.Monad (when)
import Data.Char (digitToInt, isHexDigit)
import Data.Word (Word32, Word8)
import Foreign.Marshal.Array (withArray)
import Foreign.Ptr (Ptr)

-- | An Ed25519 public key.
newtype PublicKey = PublicKey [Word8]
  deriving (Eq)

foreign import ccall unsafe "fastboot_signed_require" require :: Ptr Word8 -> Word32 -> IO Word32

-- | From the line that a file @NAME.pub@ holds.
publicKey :: String -> Either String PublicKey
publicKey text = case words text of
  ["fastboot-public-key-1", digits] | length digits == 64, all isHexDigit digits -> Right (PublicKey (bytes digits))
  _ -> Left "not a public key: expected \"fastboot-public-key-1\" and 64 hexadecimal digits"
  where
    bytes (high : low : rest) = fromIntegral (16 * digitToInt high + digitToInt low) : bytes rest
    bytes _ = []

-- | Reads a file @NAME.pub@. Whoever can write that file chooses the key.
readPublicKey :: FilePath -> IO (Either String PublicKey)
readPublicKey path = publicKey <$> readFile path

-- | From now on, in this process, snapshots are thawed only where they are signed with one of these keys (at most 16 in all;
-- a further call adds to them). With @FASTBOOT_REQUIRE_SIGNATURE@ in the environment, the key must also be one of the
-- files that are named there. To be called before anything is thawed: what is in use already is refused from now on.
requireSignature :: [PublicKey] -> IO ()
requireSignature [] = ioError (userError "requireSignature: no key, so that nothing could ever be thawed")
requireSignature keys = withArray (concat [key | PublicKey key <- keys]) $ \array -> do
  taken <- require array (fromIntegral (length keys))
  when (taken == 0) (ioError (userError "requireSignature: more than 16 keys"))

-- | Only what the environment demands: where @FASTBOOT_REQUIRE_SIGNATURE@ names files of public keys, separated by colons,
-- snapshots must be signed with one of these keys; where it is not set, none is demanded. Whoever starts the
-- program decides, so this protects them, and nobody from them.
requireSignatureFromEnvironment :: IO ()
requireSignatureFromEnvironment = withArray [] $ \array -> require array 0 >> return ()
