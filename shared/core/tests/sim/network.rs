//! Requests to AWS: they take time, and some fail.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cutline_core::ports::PortError;
use tokio::time::sleep;

use crate::random::Random;

/// How often the client library sends a request, as `cutline_aws` sets it.
const ATTEMPTS: u32 = 4;
/// The longest wait before the second attempt; it doubles.
const BACKOFF: Duration = Duration::from_millis(100);
/// Of the requests that fail, this share fails at every attempt, so that the use case learns of it.
const PERSISTENT: f64 = 0.02;

/// The kinds of request, by the time that they take.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Request {
    /// To DynamoDB.
    Record,
    /// The look at an object of S3, or its download.
    Read,
    /// An upload to S3.
    Write,
    /// A copy within S3.
    Copy,
    /// To SQS.
    Message,
    /// To CloudWatch.
    Statistics,
}

impl Request {
    /// The shortest time, and the average of what comes on top.
    const fn latency(self) -> (Duration, Duration) {
        let (least, more) = match self {
            Self::Record => (4, 4),
            Self::Read => (20, 20),
            Self::Write => (30, 30),
            Self::Copy => (80, 40),
            Self::Message => (6, 6),
            Self::Statistics => (30, 20),
        };
        (Duration::from_millis(least), Duration::from_millis(more))
    }
}

/// The connection to AWS.
#[derive(Debug)]
pub(crate) struct Network {
    random: Arc<Random>,
    /// The share of requests that fail.
    faults: f64,
    requests: AtomicU64,
    repeated: AtomicU64,
    failed: AtomicU64,
}

/// What happened on the network.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Traffic {
    pub(crate) requests: u64,
    /// Attempts that failed.
    pub(crate) repeated: u64,
    /// Calls that failed at every attempt.
    pub(crate) failed: u64,
}

impl Network {
    pub(crate) fn new(random: Arc<Random>, faults: f64) -> Self {
        let [requests, repeated, failed] = Default::default();
        Self { random, faults, requests, repeated, failed }
    }

    /// Makes a call, as the client library does: a failed request is sent again, whether or not it took effect.
    pub(crate) async fn call<T, E: From<PortError>, F>(&self, kind: Request, call: impl Fn() -> F) -> Result<T, E>
    where
        F: Future<Output = Result<T, E>>,
    {
        let mut backoff = BACKOFF;
        let mut is_persistent = false;
        for _ in 0..ATTEMPTS {
            self.requests.fetch_add(1, Ordering::Relaxed);
            self.travel(kind).await;
            if !is_persistent && !self.random.chance(self.faults) {
                return call().await;
            }
            is_persistent |= self.random.chance(PERSISTENT);
            if self.random.chance(0.5) {
                // It took effect, and its answer is lost.
                drop(call().await);
            }
            self.repeated.fetch_add(1, Ordering::Relaxed);
            sleep(self.random.below(backoff)).await;
            backoff *= 2;
        }
        self.failed.fetch_add(1, Ordering::Relaxed);
        Err(PortError::retry("simulated: no answer").into())
    }

    /// The time of a request.
    pub(crate) async fn travel(&self, kind: Request) {
        let (least, more) = kind.latency();
        sleep(least + self.random.exponential(more)).await;
    }

    pub(crate) fn traffic(&self) -> Traffic {
        let value = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Traffic { requests: value(&self.requests), repeated: value(&self.repeated), failed: value(&self.failed) }
    }
}
