//! API keys. Only the SHA-256 of a secret is stored. A secret has 256 random bits, so a plain hash cannot be reversed,
//! and a stolen table grants no access.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::choice::InvalidChoice;
use crate::domain::digest::{Digest, InvalidDigest};
use crate::domain::ids::OwnerId;
use crate::domain::review::ReviewRule;
use crate::domain::webhook::WebhookUrl;

/// The prefix of every secret, by which scanners recognize leaked ones.
const PREFIX: &str = "ck_";

/// A key's secret. It is shown once, when it is created; `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Creates a secret from 256 random bits of the system.
    ///
    /// # Errors
    /// If the system's source of randomness fails.
    pub fn generate() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)?;
        Ok(Self(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes))))
    }

    /// The text that a caller sent as a secret.
    pub fn from_caller(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The secret itself, to show it to its owner.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The hash that is stored.
    pub fn hash(&self) -> KeyHash {
        KeyHash(Digest::of(self.0.as_bytes()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// The SHA-256 of a secret; as text, 64 lower-case hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyHash(Digest);

impl KeyHash {
    /// The first 12 digits: the short id by which people name a key.
    pub fn id(&self) -> String {
        self.to_string()[..12].to_owned()
    }
}

impl fmt::Display for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for KeyHash {
    type Err = InvalidDigest;

    fn from_str(text: &str) -> Result<Self, InvalidDigest> {
        text.parse().map(Self)
    }
}

/// The rights of a key's holder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyScope {
    /// Everything.
    #[default]
    Full,
    /// To read: status, jobs, links, parameter sets.
    Read,
    /// To read, and to decide about jobs that are held for review.
    Review,
    /// To do the same, and to upload: the requests of the web pages.
    Desk,
}

impl KeyScope {
    /// Every scope, in the order of the documentation.
    pub const ALL: [Self; 4] = [Self::Full, Self::Read, Self::Review, Self::Desk];

    /// The scope's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Read => "read",
            Self::Review => "review",
            Self::Desk => "desk",
        }
    }

    /// Whether it covers every request that creates, changes or deletes something.
    pub const fn may_change(self) -> bool {
        matches!(self, Self::Full)
    }

    /// Whether it covers uploads: files, and the jobs that are made of them.
    pub const fn may_upload(self) -> bool {
        matches!(self, Self::Full | Self::Desk)
    }

    /// Whether it covers decisions about jobs that are held for review.
    pub const fn may_review(self) -> bool {
        matches!(self, Self::Full | Self::Review | Self::Desk)
    }

    fn is_full(&self) -> bool {
        *self == Self::Full
    }
}

impl FromStr for KeyScope {
    type Err = InvalidChoice;

    fn from_str(text: &str) -> Result<Self, InvalidChoice> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == text).ok_or(InvalidChoice)
    }
}

/// A stored key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRecord {
    /// The SHA-256 of its secret.
    pub hash: KeyHash,
    /// The key's owner. An owner can have several keys, so keys can be rotated.
    pub owner: OwnerId,
    /// A name for people.
    pub label: String,
    /// What its holder may do. Missing in records of releases without scopes, whose keys may do everything.
    #[serde(default, skip_serializing_if = "KeyScope::is_full")]
    pub scope: KeyScope,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was revoked, if it was.
    pub revoked_at: Option<Timestamp>,
}

/// An owner's settings. An owner without a record has the defaults.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The owner.
    pub id: OwnerId,
    /// How many more jobs the owner may create; `None` for any number.
    pub credits: Option<u64>,
    /// How many requests that change something the owner may send in a minute; `None` for any number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests_per_minute: Option<u32>,
    /// Where events of jobs without a webhook URL of their own are sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook_url: Option<WebhookUrl>,
    /// When the newest secret was made that signs the owner's webhooks; `None` if there is no secret. The secrets
    /// themselves are stored elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook_secret_at: Option<Timestamp>,
    /// Which jobs are held for review, unless the request or its parameter set says so.
    #[serde(default, skip_serializing_if = "ReviewRule::is_off")]
    pub review: ReviewRule,
}

impl Owner {
    /// An owner with the default settings, without limits.
    pub fn unlimited(id: OwnerId) -> Self {
        Self {
            id,
            credits: None,
            requests_per_minute: None,
            webhook_url: None,
            webhook_secret_at: None,
            review: ReviewRule::Off,
        }
    }

    /// The owner's own webhook, as [`Job::with_webhook`](crate::domain::job::Job::with_webhook) takes it, if the owner has a
    /// secret to sign it with.
    pub(crate) fn default_webhook(&self) -> Option<(WebhookUrl, bool)> {
        let url = self.webhook_url.clone().filter(|_| self.webhook_secret_at.is_some())?;
        Some((url, true))
    }
}

/// A change of an owner's settings. `None` leaves a setting as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OwnerChange {
    /// The new credits.
    pub credits: Option<CreditChange>,
    /// The new rate limit.
    pub requests_per_minute: Option<RateLimitChange>,
    /// The new rule for reviews.
    pub review: Option<ReviewRule>,
}

impl OwnerChange {
    /// The change after which an owner has exactly these settings.
    pub fn to(owner: &Owner) -> Self {
        let limit = owner.requests_per_minute.map_or(RateLimitChange::Unlimited, RateLimitChange::Set);
        Self {
            credits: Some(owner.credits.map_or(CreditChange::Unlimited, CreditChange::Set)),
            requests_per_minute: Some(limit),
            review: Some(owner.review),
        }
    }
}

/// A change of an owner's credits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CreditChange {
    /// Credits are no longer counted.
    Unlimited,
    /// This many jobs from now on.
    Set(u64),
    /// More jobs. Only for counted credits.
    Add(u64),
    /// Fewer jobs. Only for counted credits, and at most as many as are left.
    Subtract(u64),
}

/// A change of an owner's rate limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RateLimitChange {
    /// Requests are no longer counted.
    Unlimited,
    /// This many requests per minute from now on.
    Set(u32),
}

impl RateLimitChange {
    /// The value of [`Owner::requests_per_minute`].
    pub fn limit(self) -> Option<u32> {
        match self {
            Self::Unlimited => None,
            Self::Set(requests) => Some(requests),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_long_random_and_hidden_from_debug() {
        let (a, b) = (Secret::generate().expect("random"), Secret::generate().expect("random"));
        assert_ne!(a, b);
        assert!(a.reveal().starts_with("ck_") && a.reveal().len() == 46, "{}", a.reveal());
        assert!(!format!("{a:?}").contains(a.reveal()));
    }

    #[test]
    fn an_owner_of_an_earlier_release_has_no_rate_limit_and_none_is_written() {
        let record = serde_json::json!({"id": "shop", "credits": 7});
        let owner: Owner = serde_json::from_value(record.clone()).expect("an owner");
        assert_eq!((owner.credits, owner.requests_per_minute), (Some(7), None));
        assert_eq!(serde_json::to_value(&owner).expect("serializes"), record);
        let limited = Owner { requests_per_minute: Some(60), ..owner };
        assert_eq!(serde_json::to_value(limited).expect("serializes")["requests_per_minute"], 60);
    }

    #[test]
    fn hashes_are_sha_256_and_round_trip() {
        let hash = Secret::from_caller("abc").hash();
        let text = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hash.to_string(), text);
        assert_eq!(text.parse::<KeyHash>().expect("parses"), hash);
        assert_eq!(serde_json::to_value(hash).expect("serializes"), text);
        assert!("ba78".parse::<KeyHash>().is_err());
        assert!("é".repeat(32).parse::<KeyHash>().is_err());
    }

    #[test]
    fn a_key_without_a_scope_may_do_everything() {
        let record = serde_json::json!({
            "hash": Secret::from_caller("abc").hash(), "owner": "shop", "label": "", "created_at": "2026-01-02T03:04:05Z",
            "revoked_at": null,
        });
        let key: KeyRecord = serde_json::from_value(record.clone()).expect("a record of an earlier release");
        assert!(key.scope == KeyScope::Full && key.scope.may_change());
        assert_eq!(serde_json::to_value(&key).expect("serializes"), record, "and is written as before");
        for scope in KeyScope::ALL {
            assert_eq!(scope.as_str().parse(), Ok(scope));
            let stored = serde_json::to_value(KeyRecord { scope, ..key.clone() }).expect("serializes");
            assert_eq!(serde_json::from_value::<KeyRecord>(stored).expect("is read again").scope, scope);
        }
    }

    #[test]
    fn a_scope_covers_what_its_documentation_says() {
        let rights = KeyScope::ALL.map(|scope| (scope.may_change(), scope.may_upload(), scope.may_review()));
        assert_eq!(rights, [(true, true, true), (false, false, false), (false, false, true), (false, true, true)]);
    }
}
