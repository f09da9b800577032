//! Idempotency keys: how a caller names a request, so that sending it again creates no second job.

use std::fmt;
use std::str::FromStr;

use super::digest::Digest;
use super::identity::{IdentityKey, IdentityKind};
use super::ids::OwnerId;
use super::limits::MAX_IDEMPOTENCY_KEY_CHARS;

/// An idempotency key: 1 to [`MAX_IDEMPOTENCY_KEY_CHARS`] visible ASCII characters. Two owners may use the same key for
/// different requests.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IdempotencyKey(String);

/// The text is not an idempotency key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an idempotency key is 1 to {MAX_IDEMPOTENCY_KEY_CHARS} visible ASCII characters")]
pub struct InvalidIdempotencyKey;

impl IdempotencyKey {
    /// The identity that the key names for this owner.
    pub fn identity(&self, owner: &OwnerId) -> IdentityKey {
        IdentityKey { kind: IdentityKind::Request, digest: Digest::of_parts(&[owner.as_str(), &self.0]) }
    }
}

impl FromStr for IdempotencyKey {
    type Err = InvalidIdempotencyKey;

    fn from_str(text: &str) -> Result<Self, InvalidIdempotencyKey> {
        let is_valid =
            (1..=MAX_IDEMPOTENCY_KEY_CHARS).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        if is_valid { Ok(Self(text.to_owned())) } else { Err(InvalidIdempotencyKey) }
    }
}

impl fmt::Display for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_visible_ascii() {
        for good in ["a", "~!\"#", "550e8400-e29b-41d4-a716-446655440000", &"x".repeat(255)] {
            assert!(good.parse::<IdempotencyKey>().is_ok(), "{good}");
        }
        for bad in ["", " ", "a b", "a\t", "é", "\u{7f}", "a\n", &"x".repeat(256)] {
            assert_eq!(bad.parse::<IdempotencyKey>(), Err(InvalidIdempotencyKey), "{bad:?}");
        }
    }

    #[test]
    fn belongs_to_its_owner() {
        let identity = |owner: &str, key: &str| {
            let key: IdempotencyKey = key.parse().expect("a key");
            key.identity(&owner.parse().expect("an owner"))
        };
        assert_eq!(identity("a", "bc"), identity("a", "bc"));
        assert_ne!(identity("a", "bc"), identity("ab", "c"));
        assert_ne!(identity("a", "bc"), identity("b", "bc"));
    }
}
