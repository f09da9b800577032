//! The secrets that sign webhooks, by [Standard Webhooks](https://www.standardwebhooks.com).
//!
//! A receiver has a copy of the secret, so unlike keys they are stored as they are, in a record of their own that only
//! the sender reads.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::time::after;

/// The prefix of every secret.
const PREFIX: &str = "whsec_";

/// The shortest and the longest secret that Standard Webhooks allows, in bytes.
const BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// How long the previous secret signs too after a rotation.
pub const ROTATION_OVERLAP: Duration = Duration::from_secs(24 * 60 * 60);

/// A secret: `whsec_` and 24 to 64 bytes in base64. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct WebhookSecret(Vec<u8>);

/// The text is not a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a webhook secret: expected whsec_ and 24 to 64 bytes in base64")]
pub struct InvalidWebhookSecret;

impl WebhookSecret {
    /// Creates a secret from 256 random bits of the system.
    ///
    /// # Errors
    /// If the system's source of randomness fails.
    pub fn generate() -> Result<Self, getrandom::Error> {
        let mut bytes = vec![0; 32];
        getrandom::fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// The secret itself, to show it to its owner.
    pub fn reveal(&self) -> String {
        format!("{PREFIX}{}", STANDARD.encode(&self.0))
    }

    /// The signature of a webhook with this id that is sent at `sent_at`: `v1,` and the HMAC-SHA256 in base64 of id, time
    /// in seconds since 1970 and body, with dots between them.
    pub fn sign(&self, id: &str, sent_at: Timestamp, body: &[u8]) -> String {
        let mut block = [0; 64];
        block[..self.0.len()].copy_from_slice(&self.0);
        // A key that is shorter than a block is padded with zeros anyway.
        let mut mac = <Hmac<Sha256> as KeyInit>::new(&block.into());
        mac.update(format!("{id}.{}.", sent_at.as_second()).as_bytes());
        mac.update(body);
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret(…)")
    }
}

impl FromStr for WebhookSecret {
    type Err = InvalidWebhookSecret;

    fn from_str(text: &str) -> Result<Self, InvalidWebhookSecret> {
        let encoded = text.strip_prefix(PREFIX).ok_or(InvalidWebhookSecret)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| InvalidWebhookSecret)?;
        if BYTES.contains(&bytes.len()) { Ok(Self(bytes)) } else { Err(InvalidWebhookSecret) }
    }
}

impl TryFrom<String> for WebhookSecret {
    type Error = InvalidWebhookSecret;

    fn try_from(text: String) -> Result<Self, InvalidWebhookSecret> {
        text.parse()
    }
}

impl From<WebhookSecret> for String {
    fn from(secret: WebhookSecret) -> Self {
        secret.reveal()
    }
}

/// A secret, and how long it signs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatedSecret {
    /// The secret.
    pub secret: WebhookSecret,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it stops signing; `None` for the newest one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

/// An owner's secrets, the newest first: one, or two after a rotation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct WebhookSecrets {
    /// Raised by one with every stored change. Zero for secrets that were never stored.
    pub version: u64,
    /// The secrets.
    pub secrets: Vec<DatedSecret>,
}

impl WebhookSecrets {
    /// The secrets after a rotation: the new one, and for [`ROTATION_OVERLAP`] the one before. An older one signs no more.
    #[must_use]
    pub fn rotated(&self, secret: WebhookSecret, now: Timestamp) -> Self {
        let new = DatedSecret { secret, created_at: now, expires_at: None };
        let previous = self.secrets.first().map(|previous| {
            let expires_at = Some(after(now, ROTATION_OVERLAP));
            DatedSecret { expires_at, ..previous.clone() }
        });
        Self { version: self.version + 1, secrets: [new].into_iter().chain(previous).collect() }
    }

    /// The secrets that sign at `now`, the newest first.
    pub fn active(&self, now: Timestamp) -> impl Iterator<Item = &DatedSecret> {
        self.secrets.iter().filter(move |dated| dated.expires_at.is_none_or(|at| at > now))
    }

    /// When the newest one was made.
    pub fn created_at(&self) -> Option<Timestamp> {
        self.secrets.first().map(|dated| dated.created_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_like_the_example_of_standard_webhooks() {
        let secret: WebhookSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse().expect("a secret");
        let at = Timestamp::from_second(1_614_265_330).expect("a time");
        let signature = secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", at, br#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn secrets_are_random_hidden_from_debug_and_round_trip() {
        let (a, b) = (WebhookSecret::generate().expect("random"), WebhookSecret::generate().expect("random"));
        assert_ne!(a, b);
        assert!(!format!("{a:?}").contains(&a.reveal()[6..]));
        assert_eq!(a.reveal().parse(), Ok(a.clone()));
        assert_eq!(serde_json::to_value(&a).expect("serializes"), a.reveal());
        let long = format!("whsec_{}", STANDARD.encode([7; 64]));
        assert!(
            long.parse::<WebhookSecret>().is_ok_and(|secret| secret.sign("a", Timestamp::UNIX_EPOCH, b"").len() > 40)
        );
        for bad in ["", "whsec_", "whsec_!", "whsec_AAAA", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", &format!("{long}AAAA")] {
            assert!(bad.parse::<WebhookSecret>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_rotation_keeps_the_previous_secret_for_a_day() {
        let now = Timestamp::from_second(1_800_000_000).expect("a time");
        let secret = || WebhookSecret::generate().expect("random");
        let (first, second, third) = (secret(), secret(), secret());
        let active = |secrets: &WebhookSecrets, at| -> Vec<WebhookSecret> {
            secrets.active(at).map(|dated| dated.secret.clone()).collect()
        };
        let secrets = WebhookSecrets::default().rotated(first.clone(), now);
        assert_eq!((secrets.version, active(&secrets, now)), (1, vec![first.clone()]));
        let secrets = secrets.rotated(second.clone(), now);
        assert_eq!(active(&secrets, now), [second.clone(), first]);
        let next_day = after(now, ROTATION_OVERLAP);
        assert_eq!(active(&secrets, next_day), std::slice::from_ref(&second));
        let secrets = secrets.rotated(third.clone(), now);
        assert_eq!((secrets.version, active(&secrets, now)), (3, vec![third, second]), "never more than two");
    }
}
