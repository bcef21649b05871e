//! Ed25519 verification by ed25519-dalek, for Node (docs/adr/0046-native-engine.md).
//!
//! It answers the equation alone: `src/crypto/ed25519.ts` judges the form of a signature before, `src/crypto/key-text.ts`
//! that of a key. Neither method fails, whatever bytes it is given, and a panic would be an exception in Node.
#![deny(unsafe_code)]

use ed25519_dalek::{Signature, Verifier, VerifyingKey};
use napi_derive::napi;

/// A public key whose point is read once. What is no point of the curve verifies nothing.
#[napi]
pub struct PublicKey(Option<VerifyingKey>);

#[napi]
impl PublicKey {
    /// Copies the 32 bytes of RFC 8032 §5.1.5.
    #[napi(constructor, catch_unwind)]
    pub fn new(raw: &[u8]) -> Self {
        Self(VerifyingKey::try_from(raw).ok())
    }

    /// Whether S·B = R + k·A, with R compared byte by byte. Reads message and signature where they lie.
    #[napi(catch_unwind)]
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        let (Some(key), Ok(signature)) = (&self.0, Signature::from_slice(signature)) else {
            return false;
        };
        key.verify(message, &signature).is_ok()
    }
}
