//! The two things a use case may not make up by itself: the time, and identifiers.

use jiff::Timestamp;
use uuid::Uuid;

use crate::domain::ids::{JobId, LeaseToken};
use crate::domain::params::Revision;

/// Tells the time. Millisecond precision, so that a time survives every store unchanged.
pub trait Clock: Send + Sync {
    /// The time now.
    fn now(&self) -> Timestamp;
}

/// Makes identifiers that never repeat.
pub trait Ids: Send + Sync {
    /// A new job's id, a UUIDv7.
    fn job(&self) -> JobId;
    /// A new claim's token.
    fn lease(&self) -> LeaseToken;
    /// Names a new state of a parameter set.
    fn revision(&self) -> Revision;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        to_millis(Timestamp::now())
    }
}

/// Identifiers from the machine's clock and its random numbers.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemIds;

impl Ids for SystemIds {
    fn job(&self) -> JobId {
        JobId::new(Uuid::now_v7())
    }

    fn lease(&self) -> LeaseToken {
        LeaseToken::new(Uuid::now_v7())
    }

    fn revision(&self) -> Revision {
        Revision::new(Uuid::now_v7())
    }
}

/// Cuts a time down to whole milliseconds.
pub fn to_millis(time: Timestamp) -> Timestamp {
    // Every time that has a nanosecond value has the millisecond value below it.
    Timestamp::from_millisecond(time.as_millisecond()).unwrap_or(time)
}
