//! A manual clock, and ids that count.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

use super::lock::lock;
use crate::domain::audit::AuditId;
use crate::domain::ids::{JobId, LeaseToken};
use crate::domain::params::Revision;
use crate::domain::time::after;
use crate::domain::upload::UploadKey;
use crate::ports::{Clock, Ids};

/// A clock that stands still until a test advances or sets it.
#[derive(Debug)]
pub struct ManualClock(Mutex<Timestamp>);

impl ManualClock {
    /// A clock at a fixed time in 2026.
    pub fn new() -> Self {
        Self(Mutex::new(Timestamp::constant(1_780_000_000, 0)))
    }

    /// Advances the clock.
    pub fn advance(&self, by: Duration) {
        let mut now = lock(&self.0);
        *now = after(*now, by);
    }

    /// Sets the clock, also to an earlier time.
    pub fn set(&self, time: Timestamp) {
        *lock(&self.0) = time;
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *lock(&self.0)
    }
}

/// Ids that count from zero, the same in every run.
#[derive(Debug, Default)]
pub struct SequentialIds(AtomicU64);

impl SequentialIds {
    fn next(&self) -> Uuid {
        Uuid::from_u64_pair(0x019c_0000_0000_7000, 0x8000_0000_0000_0000 | self.0.fetch_add(1, Ordering::Relaxed))
    }
}

impl Ids for SequentialIds {
    fn job(&self) -> JobId {
        JobId::new(self.next())
    }

    fn lease(&self) -> LeaseToken {
        LeaseToken::new(self.next())
    }

    fn upload(&self) -> UploadKey {
        UploadKey::new(self.next())
    }

    fn revision(&self) -> Revision {
        Revision::new(self.next())
    }

    fn audit(&self) -> AuditId {
        AuditId::new(self.next())
    }
}
