//! Identifiers. Each has its own type, so they cannot be confused.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The id of a job: a UUIDv7, so ids sort by time of creation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JobId(Uuid);

/// Identifies one claim of a job. It is part of the outputs' keys, so two claims never write the same key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LeaseToken(Uuid);

/// The text is not a UUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a UUID")]
pub struct InvalidId;

macro_rules! uuid_newtype {
    ($name:ident) => {
        impl $name {
            /// Wraps a UUID.
            pub const fn new(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The UUID itself.
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Uuid::try_parse(text).map(Self).map_err(|_| InvalidId)
            }
        }
    };
}

impl JobId {
    /// When the job was created, by the clock of then: a later correction of the clock does not change it.
    pub fn time(self) -> Timestamp {
        // A UUIDv7 begins with 48 bits of milliseconds, which are always a valid time.
        let millis = i64::try_from(self.0.as_u128() >> 80).unwrap_or(i64::MAX);
        Timestamp::from_millisecond(millis).unwrap_or(Timestamp::MAX)
    }

    /// The lowest id of a job that is created at `time` or later. Ids have whole milliseconds.
    pub fn first_at(time: Timestamp) -> Self {
        // The version and the variant of the UUID do not matter for the order.
        let nanos = u128::try_from(time.as_nanosecond()).unwrap_or(0);
        let millis = u64::try_from(nanos.div_ceil(1_000_000)).unwrap_or(u64::MAX);
        Self(Uuid::from_u64_pair(millis << 16, 0))
    }
}

uuid_newtype!(JobId);
uuid_newtype!(LeaseToken);

/// The owner of jobs, keys and credits: 1 to 64 characters of `A-Z a-z 0-9 _ -`, the first a letter or a digit, so it
/// can be part of a path or a storage key.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct OwnerId(String);

/// The text is not a valid owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an owner is 1 to 64 characters of A-Z, a-z, 0-9, _ and -, the first a letter or a digit")]
pub struct InvalidOwner;

impl OwnerId {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for OwnerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for OwnerId {
    type Err = InvalidOwner;

    fn from_str(text: &str) -> Result<Self, InvalidOwner> {
        Self::try_from(text.to_owned())
    }
}

impl TryFrom<String> for OwnerId {
    type Error = InvalidOwner;

    fn try_from(text: String) -> Result<Self, InvalidOwner> {
        let first_ok = text.starts_with(|c: char| c.is_ascii_alphanumeric());
        let rest_ok = text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
        if first_ok && rest_ok && text.len() <= 64 { Ok(Self(text)) } else { Err(InvalidOwner) }
    }
}

impl From<OwnerId> for String {
    fn from(owner: OwnerId) -> Self {
        owner.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_are_safe_in_paths() {
        for good in ["a", "default", "Shop_1", "9-lives", &"x".repeat(64)] {
            assert!(good.parse::<OwnerId>().is_ok(), "{good}");
        }
        for bad in ["", "-a", "_a", "a/b", "..", "a b", "é", &"x".repeat(65)] {
            assert!(bad.parse::<OwnerId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn ids_round_trip_as_text() {
        let id: JobId = "019cdc54-2673-dc32-b9e5-6e1d36cc9e8a".parse().expect("a UUID");
        assert_eq!(id.to_string(), "019cdc54-2673-dc32-b9e5-6e1d36cc9e8a");
        assert!("19cdc54".parse::<JobId>().is_err());
    }

    #[test]
    fn a_job_id_holds_its_time() {
        let time: Timestamp = "2026-11-29T12:00:00.123Z".parse().expect("a time");
        let first = JobId::first_at(time);
        assert_eq!(first.time(), time);
        let before = JobId(Uuid::from_u128(first.0.as_u128() - 1));
        assert!(before < first && before.time() < time);
        let later: Timestamp = "2026-11-29T12:00:00.1230001Z".parse().expect("a time");
        assert!(JobId::first_at(later) > first && JobId::first_at(later).time() > later);
        assert_eq!(JobId::first_at(Timestamp::MIN).0, Uuid::nil());
        assert!(JobId(Uuid::max()).time() > time && JobId(Uuid::now_v7()).time() <= Timestamp::now());
    }
}
