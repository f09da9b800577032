//! The contract of [`Usage`].

use jiff::Timestamp;

use super::samples;
use crate::domain::failure::{Failure, FailureCode, Fault};
use crate::domain::ids::OwnerId;
use crate::domain::job::{Job, Transition};
use crate::domain::policy::Policy;
use crate::domain::usage::{EndCounts, Month};
use crate::ports::{Ids as _, Jobs, SystemIds, Usage, WriteError};

/// Checks the counts of the ended jobs in `jobs`.
pub async fn usage(jobs: &dyn Jobs, usage: &dyn Usage) {
    let policy = Policy::default();
    let (owner, other) = (samples::owner(), samples::owner());
    let month: Timestamp = "2026-11-15T12:00:00Z".parse().expect("a time");
    let next_month: Timestamp = "2026-12-01T00:00:00Z".parse().expect("a time");
    let counts = async |owner: &OwnerId, at| usage.ended(owner, Month::of(at)).await.expect("ended");
    let store = async |transition: &Transition| jobs.replace(transition).await.expect("replace");
    assert_eq!(counts(&owner, month).await, EndCounts::default(), "no jobs");

    let created = async |owner: &OwnerId| {
        let job = Job { created_at: month, ..samples::job(owner, false) };
        jobs.create(&job).await.expect("create");
        job
    };
    let claimed = async |owner: &OwnerId| {
        let (job, lease) = (created(owner).await, SystemIds.lease());
        let claimed = job.claim(lease, samples::now(), &policy).expect("claims");
        store(&claimed).await;
        (claimed.job, lease)
    };
    let done = async |owner: &OwnerId, at| {
        let (job, lease) = claimed(owner).await;
        let outcome = samples::outcome(job.id, lease);
        job.finish(lease, outcome, at, &policy).expect("finishes")
    };

    for finished in [done(&owner, month).await, done(&owner, next_month).await, done(&other, month).await] {
        store(&finished).await;
        let repeated = jobs.replace(&finished).await;
        assert!(matches!(repeated, Err(WriteError::Conflict)), "{repeated:?}");
        // Deleting it is not another end.
        store(&finished.job.delete(month, &policy).expect("deletes")).await;
    }
    let (job, lease) = claimed(&owner).await;
    let fault = Fault::fail(FailureCode::NoSubject, "nothing there");
    store(&job.give_up(lease, fault, month, &policy).expect("fails")).await;
    let failure = Failure { code: FailureCode::TimedOut, message: "late".to_owned(), retryable: true };
    let retry = Fault::Retry(failure.clone());
    let (job, lease) = claimed(&owner).await;
    let waiting = job.give_up(lease, retry, month, &policy).expect("waits");
    store(&waiting).await;
    assert_eq!(counts(&owner, month).await.failed, 1, "a job that waits for its next attempt has not ended");
    store(&waiting.job.expire(failure, month, &policy).expect("fails")).await;
    store(&created(&owner).await.delete(month, &policy).expect("deletes")).await;
    store(&claimed(&owner).await.0.delete(month, &policy).expect("deletes")).await;
    // It was never accepted.
    store(&created(&owner).await.withdraw(month, &policy).expect("withdraws")).await;

    assert_eq!(counts(&owner, month).await, EndCounts { done: 1, failed: 2, cancelled: 2 });
    assert_eq!(counts(&owner, next_month).await, EndCounts { done: 1, ..EndCounts::default() });
    assert_eq!(counts(&other, month).await, EndCounts { done: 1, ..EndCounts::default() });
}
