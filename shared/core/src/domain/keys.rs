//! API keys. Only the SHA-256 of a secret is ever stored: a key is 256 random bits, so a plain hash of it
//! cannot be searched backwards, and a stolen table opens nothing.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::domain::ids::OwnerId;

/// What every secret begins with, so that scanners of leaked secrets can know it.
const PREFIX: &str = "ck_";

/// A key's secret. It is shown once, when it is made, and `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Makes a secret from 256 bits of the system's randomness.
    ///
    /// # Errors
    /// If the system has no randomness to give.
    pub fn generate() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)?;
        Ok(Self(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes))))
    }

    /// Takes what a caller sent for a secret.
    pub fn from_caller(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The secret itself, to be shown to its owner.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The hash that it is stored by.
    pub fn hash(&self) -> KeyHash {
        KeyHash(Sha256::digest(self.0.as_bytes()).into())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// The SHA-256 of a secret; as text, 64 lower-case hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct KeyHash([u8; 32]);

/// The text is not 64 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a key's hash is 64 hexadecimal digits")]
pub struct InvalidKeyHash;

impl KeyHash {
    /// The first 12 digits: the short id by which people name a key.
    pub fn id(&self) -> String {
        self.to_string()[..12].to_owned()
    }
}

impl fmt::Display for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for KeyHash {
    type Err = InvalidKeyHash;

    fn from_str(text: &str) -> Result<Self, InvalidKeyHash> {
        if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(InvalidKeyHash);
        }
        let mut hash = [0; 32];
        for (byte, digits) in hash.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let digits = str::from_utf8(digits).map_err(|_| InvalidKeyHash)?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| InvalidKeyHash)?;
        }
        Ok(Self(hash))
    }
}

impl TryFrom<String> for KeyHash {
    type Error = InvalidKeyHash;

    fn try_from(text: String) -> Result<Self, InvalidKeyHash> {
        text.parse()
    }
}

impl From<KeyHash> for String {
    fn from(hash: KeyHash) -> Self {
        hash.to_string()
    }
}

/// A key as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRecord {
    /// The SHA-256 of its secret.
    pub hash: KeyHash,
    /// Whose key it is. An owner can hold several, so that keys can be rotated.
    pub owner: OwnerId,
    /// What its holder calls it.
    pub label: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was revoked, if it was.
    pub revoked_at: Option<Timestamp>,
}

/// An owner's settings. An owner without a record has the defaults.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// Who it is.
    pub id: OwnerId,
    /// How many jobs the owner may still have made; `None` is any number.
    pub credits: Option<u64>,
}

impl Owner {
    /// An owner with the default settings: no limits.
    pub fn unlimited(id: OwnerId) -> Self {
        Self { id, credits: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_long_random_and_not_shown_by_debug() {
        let (a, b) = (Secret::generate().expect("random"), Secret::generate().expect("random"));
        assert_ne!(a, b);
        assert!(a.reveal().starts_with("ck_") && a.reveal().len() == 46, "{}", a.reveal());
        assert!(!format!("{a:?}").contains(a.reveal()));
    }

    #[test]
    fn a_hash_is_the_sha_256_of_the_text_and_round_trips() {
        let hash = Secret::from_caller("abc").hash();
        let text = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hash.to_string(), text);
        assert_eq!(text.parse::<KeyHash>().expect("parses"), hash);
        assert!("ba78".parse::<KeyHash>().is_err());
        assert!("é".repeat(32).parse::<KeyHash>().is_err());
    }
}
