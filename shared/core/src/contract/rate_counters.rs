//! The contract of [`RateCounters`].

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::join_all;
use jiff::Timestamp;

use super::samples;
use crate::domain::ids::OwnerId;
use crate::domain::time::after;
use crate::ports::RateCounters;

/// Checks a store of counters.
pub async fn rate_counters(counters: &dyn RateCounters) {
    let (owner, other) = (samples::owner(), samples::owner());
    let window = samples::now();
    let next = after(window, Duration::from_secs(60));
    let count = async |owner: &OwnerId, window: Timestamp| counters.count(owner, window).await.expect("count");
    assert_eq!(count(&owner, window).await, 1, "the first request");
    assert_eq!(count(&owner, window).await, 2);
    assert_eq!(count(&owner, next).await, 1, "another window");
    assert_eq!(count(&other, window).await, 1, "another owner");
    assert_eq!(count(&owner, window).await, 3, "a window goes on after the next one has begun");

    let counted = join_all((0..40).map(|_| count(&other, next))).await;
    assert_eq!(counted.into_iter().collect::<BTreeSet<_>>(), (1..=40).collect(), "concurrent requests");
}
