//! The time and new identifiers, which use cases get from outside.

use jiff::Timestamp;
use uuid::Uuid;

use crate::domain::audit::AuditId;
use crate::domain::ids::{JobId, LeaseToken};
use crate::domain::params::Revision;
use crate::domain::upload::UploadKey;

/// A clock with millisecond precision, so a time survives every store unchanged.
pub trait Clock: Send + Sync {
    /// The current time.
    fn now(&self) -> Timestamp;
}

/// Creates identifiers that never repeat.
pub trait Ids: Send + Sync {
    /// A new job's id, a UUIDv7.
    fn job(&self) -> JobId;
    /// A new claim's token.
    fn lease(&self) -> LeaseToken;
    /// A new upload's key.
    fn upload(&self) -> UploadKey;
    /// A new revision of a parameter set.
    fn revision(&self) -> Revision;
    /// A new entry of the audit log, a UUIDv7.
    fn audit(&self) -> AuditId;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        to_millis(Timestamp::now())
    }
}

/// Identifiers from the machine's clock and random numbers.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemIds;

impl Ids for SystemIds {
    fn job(&self) -> JobId {
        JobId::new(Uuid::now_v7())
    }

    fn lease(&self) -> LeaseToken {
        LeaseToken::new(Uuid::now_v7())
    }

    fn upload(&self) -> UploadKey {
        UploadKey::new(Uuid::now_v7())
    }

    fn revision(&self) -> Revision {
        Revision::new(Uuid::now_v7())
    }

    fn audit(&self) -> AuditId {
        AuditId::new(Uuid::now_v7())
    }
}

/// Rounds a time down to whole milliseconds.
fn to_millis(time: Timestamp) -> Timestamp {
    // The millisecond at or below a valid time is a valid time.
    Timestamp::from_millisecond(time.as_millisecond()).unwrap_or(time)
}
