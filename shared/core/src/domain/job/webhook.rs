//! A webhook that a job owes, and its schedule.
//!
//! A send is claimed by a conditional write, and its result is noted by another. The claim moves the time at which the
//! sweep looks again, so an interrupted sender is replaced, and of two senders one sends. Only noted
//! failures count against the schedule: an interrupted send, or one that had to wait for its turn, costs none.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::domain::digest::Digest;
use crate::domain::ids::LeaseToken;
use crate::domain::webhook::{WebhookEvent, WebhookUrl};

/// How long a sender has for one send, and the wait until the sweep takes over.
pub(super) const CLAIM: Duration = Duration::from_secs(60);

/// The longest wait that a receiver may ask for.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(10 * 60 * 60);

/// The most characters of an error that is kept.
const MAX_ERROR_CHARS: usize = 200;

/// The waits after each failed send. After the last of them one more send follows, about 28 hours after the first one.
const WAITS: [Duration; 7] =
    [seconds(5), minutes(5), minutes(30), minutes(120), minutes(300), minutes(600), minutes(600)];

const fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

const fn minutes(n: u64) -> Duration {
    Duration::from_secs(n * 60)
}

/// How far the delivery of a webhook is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebhookState {
    /// The job has not ended.
    Waiting,
    /// To be sent, or to be sent again.
    Pending,
    /// The receiver has it.
    Delivered,
    /// Not sent any more: every send failed, or the receiver is gone.
    GivenUp,
}

impl WebhookState {
    /// Its name in answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::GivenUp => "given_up",
        }
    }
}

/// A webhook: the receiver, and how far its delivery is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookDelivery {
    /// The receiver.
    pub url: WebhookUrl,
    /// Whether the URL was the owner's when the job was created, and not one of the request's own.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_default: bool,
    /// The reported event. `None` before it happens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<WebhookEvent>,
    /// How many sends were begun.
    #[serde(default)]
    pub attempts: u32,
    /// How many sends failed since the schedule began.
    #[serde(default)]
    pub failures: u32,
    /// The earliest time of the next send; `None` for any time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready_at: Option<Timestamp>,
    /// Identifies the send in progress.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<LeaseToken>,
    /// The last send whose result is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<WebhookAttempt>,
    /// Attributes that a newer release added.
    #[serde(flatten)]
    pub(super) unknown: Map<String, Value>,
}

/// A send whose result is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookAttempt {
    /// When it ended.
    pub at: Timestamp,
    /// The receiver's status code, if it answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Why it failed; `None` if it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// The result of a send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookResult {
    /// The receiver's status code, if it answered.
    pub status: Option<u16>,
    /// Its meaning.
    pub verdict: WebhookVerdict,
}

/// What the result of a send means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WebhookVerdict {
    /// The receiver has the event.
    Delivered,
    /// The receiver wants no more events at this URL.
    Gone,
    /// The receiver does not have the event, or its answer was lost.
    Failed {
        /// The reason, for the owner. It names no address and no URL.
        error: String,
        /// How long the receiver asks to wait.
        retry_after: Option<Duration>,
    },
}

impl WebhookVerdict {
    fn error(&self) -> Option<String> {
        match self {
            Self::Delivered => None,
            Self::Gone => Some("the receiver answered that it is gone".to_owned()),
            Self::Failed { error, .. } => Some(error.chars().take(MAX_ERROR_CHARS).collect()),
        }
    }
}

/// Why a webhook is not sent now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WebhookNotReady {
    /// The job does not owe it: it has not ended, or the webhook was delivered or given up.
    #[error("the job does not owe this webhook")]
    NotOwed,
    /// Another sender has it, or it waits for its next send.
    #[error("the next send is not before {ready_at}")]
    NotYet {
        /// The earliest time of the next send.
        ready_at: Timestamp,
    },
}

impl WebhookDelivery {
    /// A webhook of a new job.
    pub(super) fn new(url: WebhookUrl, is_default: bool) -> Self {
        Self {
            url,
            is_default,
            event: None,
            attempts: 0,
            failures: 0,
            ready_at: None,
            claim: None,
            last: None,
            unknown: Map::new(),
        }
    }

    /// Notes the result of a send.
    pub(super) fn note(&mut self, result: &WebhookResult, now: Timestamp) {
        self.last = Some(WebhookAttempt { at: now, status: result.status, error: result.verdict.error() });
        (self.claim, self.ready_at) = (None, None);
    }

    /// The wait after a failed send, with jitter; `None` after the last one. Several webhooks that fail together come
    /// back apart from each other: the jitter depends on the id, up to a tenth more or less.
    pub(super) fn wait(&self, id: &str, retry_after: Option<Duration>) -> Option<Duration> {
        let index = usize::try_from(self.failures.checked_sub(1)?).ok()?;
        let wait = *WAITS.get(index)?;
        let digest = Digest::of_parts(&["webhook", id, &self.failures.to_string()]).to_string();
        let random = u32::from_str_radix(&digest[..4], 16).unwrap_or(0);
        let jittered = wait.mul_f64(0.9 + 0.2 * f64::from(random) / f64::from(u16::MAX));
        // Stores keep milliseconds.
        let jittered = Duration::from_millis(u64::try_from(jittered.as_millis()).unwrap_or(u64::MAX));
        Some(jittered.max(retry_after.unwrap_or_default().min(MAX_RETRY_AFTER)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivery(failures: u32) -> WebhookDelivery {
        let url = "https://example.com/".to_owned().try_into().expect("a URL");
        WebhookDelivery { failures, ..WebhookDelivery::new(url, false) }
    }

    #[test]
    fn the_waits_are_those_of_the_contract_give_or_take_a_tenth() {
        let mut sum = Duration::ZERO;
        for (failures, wait) in (1..).zip(WAITS) {
            let waits: Vec<_> =
                (0..200).map(|id| delivery(failures).wait(&id.to_string(), None).expect("one")).collect();
            assert!(waits.iter().all(|one| *one >= wait * 9 / 10 && *one <= wait * 11 / 10), "{waits:?}");
            let spread = *waits.iter().max().expect("some") - *waits.iter().min().expect("some");
            assert!(spread >= wait / 8, "failures come back apart: {spread:?} of {wait:?}");
            assert_eq!(delivery(failures).wait("7", None), delivery(failures).wait("7", None), "the same each time");
            sum += wait;
        }
        assert_eq!(sum.as_secs() / 3600, 27, "about 28 hours");
        assert_eq!(delivery(8).wait("7", None), None);
        assert_eq!(delivery(0).wait("7", None), None);
    }

    #[test]
    fn retry_after_delays_and_never_for_long() {
        let wait = |failures, retry_after| delivery(failures).wait("7", Some(seconds(retry_after))).expect("one");
        assert_eq!(wait(1, 120), seconds(120));
        assert_eq!(wait(1, 1), delivery(1).wait("7", None).expect("one"), "not before the schedule");
        assert_eq!(wait(1, u64::MAX), MAX_RETRY_AFTER);
    }
}
