//! What [`Jobs`] promises.

use std::time::Duration;

use futures::future::join_all;

use super::samples;
use crate::domain::failure::{Failure, FailureCode, Fault};
use crate::domain::job::{Job, Step, after};
use crate::domain::keys::Owner;
use crate::domain::policy::Policy;
use crate::ports::{CreateError, Jobs, Keys, WriteError};
use crate::ports::{Ids, SystemIds};

/// Checks a store of jobs, and the credits that it debits from the owners in `keys`.
pub async fn jobs(jobs: &dyn Jobs, keys: &dyn Keys) {
    a_job_is_stored_as_it_is(jobs).await;
    every_state_round_trips(jobs).await;
    an_id_is_taken_once(jobs).await;
    a_replacement_needs_the_version_before(jobs).await;
    of_many_claims_one_wins(jobs).await;
    credits_are_debited_and_given_back_once(jobs, keys).await;
    uncounted_credits_stay_uncounted(jobs, keys).await;
    concurrent_jobs_never_overdraw(jobs, keys).await;
    due_jobs_are_found_in_order(jobs).await;
}

async fn stored(jobs: &dyn Jobs, job: &Job) -> Option<Job> {
    jobs.get(job.id).await.expect("get")
}

async fn create(jobs: &dyn Jobs, charged: bool) -> Job {
    let job = samples::job(&samples::owner(), charged);
    jobs.create(&job).await.expect("create");
    job
}

async fn replace(jobs: &dyn Jobs, job: Job) -> Job {
    jobs.replace(&job).await.expect("replace");
    job
}

async fn a_job_is_stored_as_it_is(jobs: &dyn Jobs) {
    let job = samples::job(&samples::owner(), false);
    assert_eq!(stored(jobs, &job).await, None, "a job that was never made");
    jobs.create(&job).await.expect("create");
    assert_eq!(stored(jobs, &job).await, Some(job));
}

async fn every_state_round_trips(jobs: &dyn Jobs) {
    let policy = Policy::default();
    // After all jobs of this test are made: they can be claimed from then on.
    let now = after(samples::now(), Duration::from_secs(10));
    let token = SystemIds.lease();

    let running = create(jobs, false).await.claim(token, now, &policy).expect("claim");
    let running = replace(jobs, running).await;
    assert_eq!(stored(jobs, &running).await.as_ref(), Some(&running));
    let next = running.advance(token, Step::Delivery).expect("advance");
    let next = replace(jobs, next).await;
    let outcome = samples::outcome(next.id, token);
    let done = replace(jobs, next.finish(token, outcome, now, &policy).expect("finish")).await;
    assert_eq!(stored(jobs, &done).await, Some(done));

    let running = create(jobs, false).await.claim(token, now, &policy).expect("claim");
    let running = replace(jobs, running).await;
    let retry = Fault::retry(FailureCode::SourceTimeout, "slow");
    let waiting = replace(jobs, running.give_up(token, retry, now, &policy).expect("give up")).await;
    assert_eq!(stored(jobs, &waiting).await.as_ref(), Some(&waiting));
    let failure = Failure { code: FailureCode::TimedOut, message: "wörds\n\"quoted\"".to_owned(), retryable: true };
    let failed = replace(jobs, waiting.expire(failure, now, &policy).expect("expire")).await;
    assert_eq!(stored(jobs, &failed).await, Some(failed));

    let withdrawn = create(jobs, false).await.withdraw(now, &policy).expect("withdraw");
    let withdrawn = replace(jobs, withdrawn).await;
    assert_eq!(stored(jobs, &withdrawn).await, Some(withdrawn));
}

async fn an_id_is_taken_once(jobs: &dyn Jobs) {
    let first = create(jobs, false).await;
    let mut second = samples::job(&samples::owner(), false);
    second.id = first.id;
    assert!(matches!(jobs.create(&second).await, Err(CreateError::Exists)), "a second job of that id");
    assert_eq!(stored(jobs, &first).await, Some(first));
}

async fn a_replacement_needs_the_version_before(jobs: &dyn Jobs) {
    let policy = Policy::default();
    let job = create(jobs, false).await;
    let next = replace(jobs, job.clone().resend(&policy).expect("resend")).await;
    assert!(matches!(jobs.replace(&next).await, Err(WriteError::Conflict)), "the same change again");
    let other = job.withdraw(samples::now(), &policy).expect("withdraw");
    assert!(matches!(jobs.replace(&other).await, Err(WriteError::Conflict)), "a change of an older version");
    assert_eq!(stored(jobs, &next).await, Some(next.clone()));
    let mut ahead = next;
    ahead.version += 2;
    assert!(matches!(jobs.replace(&ahead).await, Err(WriteError::Conflict)), "a change of a version to come");

    let never_made = samples::job(&samples::owner(), false).resend(&policy).expect("resend");
    assert!(matches!(jobs.replace(&never_made).await, Err(WriteError::Conflict)), "a change of no job");
    assert_eq!(stored(jobs, &never_made).await, None, "a refused change makes no job");
}

async fn of_many_claims_one_wins(jobs: &dyn Jobs) {
    let job = create(jobs, false).await;
    let claims: Vec<_> = (0..8)
        .map(|_| job.clone().claim(SystemIds.lease(), samples::now(), &Policy::default()).expect("claim"))
        .collect();
    let results = join_all(claims.iter().map(|claim| jobs.replace(claim))).await;
    let mut winners = claims.iter().zip(&results).filter(|(_, result)| result.is_ok()).map(|(claim, _)| claim);
    let winner = winners.next().expect("one claim is stored");
    assert_eq!(winners.next(), None, "only one claim is stored");
    assert_eq!(stored(jobs, &job).await.as_ref(), Some(winner));
    for result in results {
        // A fault that may pass is an honest answer of a store under contention; a second winner is not.
        assert!(!matches!(result, Err(WriteError::Port(crate::ports::PortError::Fail(_)))), "{result:?}");
    }
}

async fn credits(keys: &dyn Keys, owner: &Owner) -> Option<u64> {
    keys.owner(&owner.id).await.expect("owner").credits
}

async fn credits_are_debited_and_given_back_once(jobs: &dyn Jobs, keys: &dyn Keys) {
    let policy = Policy::default();
    let owner = Owner { id: samples::owner(), credits: Some(1) };
    keys.put_owner(&owner).await.expect("put owner");

    let job = samples::job(&owner.id, true);
    jobs.create(&job).await.expect("create");
    assert_eq!(credits(keys, &owner).await, Some(0));
    assert!(matches!(jobs.create(&job).await, Err(CreateError::Exists | CreateError::InsufficientCredits)));
    let second = samples::job(&owner.id, true);
    assert!(matches!(jobs.create(&second).await, Err(CreateError::InsufficientCredits)));
    assert_eq!(stored(jobs, &second).await, None, "a job that could not be paid for is not made");

    let failure = Failure { code: FailureCode::NoSubject, message: String::new(), retryable: false };
    let failed = job.expire(failure, samples::now(), &policy).expect("expire");
    let failed = replace(jobs, failed).await;
    assert_eq!(credits(keys, &owner).await, Some(1), "a failed job gives its credit back");
    assert!(matches!(jobs.replace(&failed).await, Err(WriteError::Conflict)));
    assert_eq!(credits(keys, &owner).await, Some(1), "and gives it back once");

    let job = samples::job(&owner.id, true);
    jobs.create(&job).await.expect("create");
    replace(jobs, job.withdraw(samples::now(), &policy).expect("withdraw")).await;
    assert_eq!(credits(keys, &owner).await, Some(1), "a withdrawn job gives its credit back");

    let token = SystemIds.lease();
    let job = samples::job(&owner.id, true);
    jobs.create(&job).await.expect("create");
    let job = replace(jobs, job.claim(token, samples::now(), &policy).expect("claim")).await;
    let outcome = samples::outcome(job.id, token);
    replace(jobs, job.finish(token, outcome, samples::now(), &policy).expect("finish")).await;
    assert_eq!(credits(keys, &owner).await, Some(0), "a finished job keeps its credit");
}

async fn uncounted_credits_stay_uncounted(jobs: &dyn Jobs, keys: &dyn Keys) {
    let owner = Owner { id: samples::owner(), credits: None };
    let job = samples::job(&owner.id, true);
    assert!(matches!(jobs.create(&job).await, Err(CreateError::InsufficientCredits)), "nothing to debit from");

    keys.put_owner(&Owner { credits: Some(5), ..owner.clone() }).await.expect("put owner");
    jobs.create(&job).await.expect("create");
    keys.put_owner(&owner).await.expect("put owner");
    replace(jobs, job.withdraw(samples::now(), &Policy::default()).expect("withdraw")).await;
    assert_eq!(credits(keys, &owner).await, None, "a refund does not begin to count");
}

async fn concurrent_jobs_never_overdraw(jobs: &dyn Jobs, keys: &dyn Keys) {
    let owner = Owner { id: samples::owner(), credits: Some(3) };
    keys.put_owner(&owner).await.expect("put owner");
    let attempts: Vec<_> = (0..8).map(|_| samples::job(&owner.id, true)).collect();
    let results = join_all(attempts.iter().map(|job| jobs.create(job))).await;
    let mut made = 0;
    for job in &attempts {
        made += u64::from(stored(jobs, job).await.is_some());
    }
    assert!(made <= 3, "{made} jobs for 3 credits");
    assert_eq!(credits(keys, &owner).await, Some(3 - made), "as many credits spent as jobs made: {results:?}");
}

async fn due_jobs_are_found_in_order(jobs: &dyn Jobs) {
    let policy = Policy::default();
    // After all jobs of this test are made: they can be claimed from then on.
    let now = after(samples::now(), Duration::from_secs(10));
    let token = SystemIds.lease();
    let queued = create(jobs, false).await;
    let running = create(jobs, false).await;
    let running = replace(jobs, running.claim(token, now, &policy).expect("claim")).await;
    let ended = create(jobs, false).await;
    let ended = replace(jobs, ended.withdraw(now, &policy).expect("withdraw")).await;

    let find = async |at, jobs_of: &[&Job]| {
        let due = jobs.due(at, 100_000).await.expect("due");
        jobs_of.iter().map(|job| due.iter().position(|id| *id == job.id)).collect::<Vec<_>>()
    };
    let found = find(now, &[&queued, &running, &ended]).await;
    assert_eq!(found, [None, None, None], "nothing is due yet");

    let later = after(now, Duration::from_secs(3600));
    let found = find(later, &[&running, &queued, &ended]).await;
    assert!(found[0].is_some() && found[0] < found[1], "the lease runs out before the message is lost: {found:?}");
    assert_eq!(found[2], None, "what has ended is not due");
    assert_eq!(jobs.due(later, 1).await.expect("due").len(), 1, "no more than asked for");

    let outcome = samples::outcome(running.id, token);
    let done = replace(jobs, running.finish(token, outcome, now, &policy).expect("finish")).await;
    let postponed = replace(jobs, queued.resend(&policy).expect("resend")).await;
    let due_before = after(now, policy.resend_at(0) + Duration::from_secs(60));
    assert_eq!(find(due_before, &[&done, &postponed]).await, [None, None], "the index follows the record");
}
