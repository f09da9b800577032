//! The contract of [`Jobs`].

use std::time::Duration;

use futures::future::join_all;
use jiff::Timestamp;

use super::recuts::recuts;
use super::samples;
use crate::domain::audit::Actor;
use crate::domain::decision::{DraftRevision, RejectReason, ReviewNote};
use crate::domain::failure::{Failure, FailureCode, Fault};
use crate::domain::ids::LeaseToken;
use crate::domain::job::{Job, ReportId, ReviewDecision, Step, Transition, WebhookResult, WebhookVerdict};
use crate::domain::keys::Owner;
use crate::domain::policy::Policy;
use crate::domain::time::after;
use crate::ports::{CreateError, Ids, Jobs, Keys, PortError, SystemIds, WriteError};

/// Checks a store of jobs, and the credits that it debits from the owners in `keys`.
pub async fn jobs(jobs: &dyn Jobs, keys: &dyn Keys) {
    jobs_round_trip(jobs).await;
    every_state_round_trips(jobs).await;
    unknown_attributes_survive_every_write(jobs).await;
    ids_are_unique(jobs).await;
    replacing_requires_the_previous_version(jobs).await;
    one_of_many_claims_wins(jobs).await;
    credits_are_debited_and_refunded_once(jobs, keys).await;
    ten_writes_after_a_failure_refund_one_credit(jobs, keys).await;
    uncounted_credits_stay_uncounted(jobs, keys).await;
    concurrent_jobs_never_overdraw(jobs, keys).await;
    due_jobs_are_found_in_order(jobs).await;
    owed_reports_are_due(jobs).await;
    webhooks_round_trip(jobs).await;
    deletions_are_due_apart_from_everything_else(jobs).await;
    recuts(jobs).await;
}

async fn stored(jobs: &dyn Jobs, job: &Job) -> Option<Job> {
    jobs.get(job.id).await.expect("get")
}

async fn create(jobs: &dyn Jobs, charged: bool) -> Job {
    let job = samples::job(&samples::owner(), charged);
    jobs.create(&job).await.expect("create");
    job
}

/// Stores a transition, and returns the job after it.
async fn replace(jobs: &dyn Jobs, transition: Transition) -> Job {
    jobs.replace(&transition).await.expect("replace");
    transition.job
}

fn no_subject() -> Failure {
    Failure { code: FailureCode::NoSubject, message: String::new(), retryable: false }
}

async fn jobs_round_trip(jobs: &dyn Jobs) {
    let owner = samples::owner();
    for job in [
        samples::job(&owner, false),
        samples::dropped_job(&owner, false),
        samples::webhook_job(&owner, false),
        samples::reviewed_job(&owner, false),
    ] {
        assert_eq!(stored(jobs, &job).await, None, "a job that was never stored");
        jobs.create(&job).await.expect("create");
        assert_eq!(stored(jobs, &job).await, Some(job));
    }
}

/// A job that is held for review, and the two ends of it.
async fn held_jobs_round_trip(jobs: &dyn Jobs, now: Timestamp, token: LeaseToken) {
    let policy = Policy::default();
    let reject = ReviewDecision::Reject {
        reason: RejectReason::Dust,
        note: ReviewNote::try_from("wörds\n\"quoted\"".to_owned()).ok(),
    };
    for decision in [ReviewDecision::Approve, reject] {
        let job = samples::reviewed_job(&samples::owner(), false);
        jobs.create(&job).await.expect("create");
        let running = replace(jobs, job.claim(token, now, &policy).expect("claim")).await;
        let outcome = samples::outcome(running.id, token);
        let held = replace(jobs, running.finish(token, outcome, now, &policy).expect("finish")).await;
        assert!(held.is_held() && held.report_due_at() < held.repair_due_at(), "{held:?}");
        assert_eq!(stored(jobs, &held).await.as_ref(), Some(&held));
        let (by, id) = (Actor::Key("0a1b2c3d4e5f".to_owned()), held.id);
        let due = jobs.reports_due(after(now, policy.lease), 1_000).await.expect("due reports");
        assert!(due.contains(&id), "the receiver has not heard of it");
        let decided = held.decide(DraftRevision::FIRST, decision, by, now, &policy).expect("decided");
        let decided = replace(jobs, decided).await;
        assert_eq!(stored(jobs, &decided).await, Some(decided));
    }
}

async fn every_state_round_trips(jobs: &dyn Jobs) {
    let policy = Policy::default();
    // Later than the creation of every job of this test, however long it takes, so they can be claimed.
    let now = after(samples::now(), Duration::from_secs(60 * 60));
    let token = SystemIds.lease();

    let running = create(jobs, false).await.claim(token, now, &policy).expect("claim");
    let running = replace(jobs, running).await;
    assert_eq!(stored(jobs, &running).await.as_ref(), Some(&running));
    let timings = [(Step::Fetch, 0), (Step::Background, 1_234), (Step::Delivery, u64::from(u32::MAX))].into();
    let running = running.with_timings(timings);
    let next = replace(jobs, running.advance(token, Step::Delivery).expect("advance")).await;
    let outcome = samples::outcome(next.id, token);
    let done = replace(jobs, next.finish(token, outcome, now, &policy).expect("finish")).await;
    assert_eq!(stored(jobs, &done).await, Some(done));

    held_jobs_round_trip(jobs, now, token).await;

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

    let first = samples::dropped_job(&samples::owner(), false);
    let again = samples::job(&first.owner, false).as_retry_of(&first);
    jobs.create(&again).await.expect("create");
    assert_eq!(stored(jobs, &again).await.as_ref(), Some(&again));
    let deleted = replace(jobs, again.delete(now, &policy).expect("delete")).await;
    assert_eq!(stored(jobs, &deleted).await.as_ref(), Some(&deleted));
    let settled = replace(jobs, deleted.files_deleted(Vec::new(), now).expect("delete the files")).await;
    assert_eq!(settled.deletion_due_at(), None);
    assert_eq!(stored(jobs, &settled).await, Some(settled));
}

/// Attributes that only a newer release knows survive the writes of this one.
async fn unknown_attributes_survive_every_write(jobs: &dyn Jobs) {
    let policy = Policy::default();
    let job = samples::job_of_newer_release();
    jobs.create(&job).await.expect("create");
    assert_eq!(stored(jobs, &job).await.as_ref(), Some(&job));
    let (now, token, unknown) =
        (after(samples::now(), Duration::from_secs(10)), SystemIds.lease(), job.unknown.clone());
    let running = replace(jobs, job.claim(token, now, &policy).expect("claim")).await;
    let read = stored(jobs, &running).await.expect("a job");
    let failed = read.give_up(token, Fault::Fail(no_subject()), now, &policy).expect("give up");
    let failed = replace(jobs, failed).await;
    let read = stored(jobs, &failed).await.expect("a job");
    assert_eq!((&read, &read.unknown), (&failed, &unknown));
}

async fn ids_are_unique(jobs: &dyn Jobs) {
    let first = create(jobs, false).await;
    let mut second = samples::job(&samples::owner(), false);
    second.id = first.id;
    assert!(matches!(jobs.create(&second).await, Err(CreateError::Exists)), "a second job of that id");
    assert_eq!(stored(jobs, &first).await, Some(first));
}

async fn replacing_requires_the_previous_version(jobs: &dyn Jobs) {
    let policy = Policy::default();
    let job = create(jobs, false).await;
    let next = job.clone().resend(samples::now(), &policy).expect("resend");
    jobs.replace(&next).await.expect("replace");
    assert!(matches!(jobs.replace(&next).await, Err(WriteError::Conflict)), "the same change again");
    let other = job.withdraw(samples::now(), &policy).expect("withdraw");
    assert!(matches!(jobs.replace(&other).await, Err(WriteError::Conflict)), "a change of an older version");
    assert_eq!(stored(jobs, &next.job).await, Some(next.job.clone()));
    let mut ahead = next;
    ahead.job.version += 2;
    assert!(matches!(jobs.replace(&ahead).await, Err(WriteError::Conflict)), "a change of a later version");

    let missing = samples::job(&samples::owner(), false).resend(samples::now(), &policy).expect("resend");
    assert!(matches!(jobs.replace(&missing).await, Err(WriteError::Conflict)), "a change of a missing job");
    assert_eq!(stored(jobs, &missing.job).await, None, "a refused change stores nothing");
}

async fn one_of_many_claims_wins(jobs: &dyn Jobs) {
    let job = create(jobs, false).await;
    let claims: Vec<_> = (0..8)
        .map(|_| job.clone().claim(SystemIds.lease(), samples::now(), &Policy::default()).expect("claim"))
        .collect();
    let results = join_all(claims.iter().map(|claim| jobs.replace(claim))).await;
    let mut winners = claims.iter().zip(&results).filter(|(_, result)| result.is_ok()).map(|(claim, _)| claim);
    let winner = winners.next().expect("one claim is stored");
    assert_eq!(winners.next(), None, "only one claim is stored");
    assert_eq!(stored(jobs, &job).await.as_ref(), Some(&winner.job));
    for result in results {
        // Under contention a store may report a temporary fault; a permanent one is wrong.
        assert!(!matches!(result, Err(WriteError::Port(PortError::Fail(_)))), "{result:?}");
    }
}

async fn credits(keys: &dyn Keys, owner: &Owner) -> Option<u64> {
    keys.owner(&owner.id).await.expect("owner").credits
}

async fn owner_with_credits(keys: &dyn Keys, credits: u64) -> Owner {
    let owner = Owner { credits: Some(credits), ..Owner::unlimited(samples::owner()) };
    samples::put_owner(keys, &owner).await;
    owner
}

async fn credits_are_debited_and_refunded_once(jobs: &dyn Jobs, keys: &dyn Keys) {
    let policy = Policy::default();
    let owner = owner_with_credits(keys, 1).await;

    let job = samples::job(&owner.id, true);
    jobs.create(&job).await.expect("create");
    assert_eq!(credits(keys, &owner).await, Some(0));
    assert!(matches!(jobs.create(&job).await, Err(CreateError::Exists | CreateError::InsufficientCredits)));
    let second = samples::job(&owner.id, true);
    assert!(matches!(jobs.create(&second).await, Err(CreateError::InsufficientCredits)));
    assert_eq!(stored(jobs, &second).await, None, "a job without credit is not stored");

    let failed = job.expire(no_subject(), samples::now(), &policy).expect("expire");
    jobs.replace(&failed).await.expect("replace");
    assert_eq!(credits(keys, &owner).await, Some(1), "a failed job is refunded");
    assert!(matches!(jobs.replace(&failed).await, Err(WriteError::Conflict)));
    assert_eq!(credits(keys, &owner).await, Some(1), "a refused change refunds nothing");

    let job = samples::job(&owner.id, true);
    jobs.create(&job).await.expect("create");
    replace(jobs, job.withdraw(samples::now(), &policy).expect("withdraw")).await;
    assert_eq!(credits(keys, &owner).await, Some(1), "a withdrawn job is refunded");

    let token = SystemIds.lease();
    let job = samples::job(&owner.id, true);
    jobs.create(&job).await.expect("create");
    let job = replace(jobs, job.claim(token, samples::now(), &policy).expect("claim")).await;
    let outcome = samples::outcome(job.id, token);
    replace(jobs, job.finish(token, outcome, samples::now(), &policy).expect("finish")).await;
    assert_eq!(credits(keys, &owner).await, Some(0), "a finished job is not refunded");
}

async fn ten_writes_after_a_failure_refund_one_credit(jobs: &dyn Jobs, keys: &dyn Keys) {
    let policy = Policy::default();
    let owner = owner_with_credits(keys, 3).await;
    let job = samples::dropped_job(&owner.id, true);
    jobs.create(&job).await.expect("create");
    assert_eq!(credits(keys, &owner).await, Some(2));
    let mut failed = replace(jobs, job.expire(no_subject(), samples::now(), &policy).expect("expire")).await;
    for _ in 0..9 {
        let due = failed.due_at().expect("a report is due");
        failed = replace(jobs, failed.retry_reports(due, &policy).expect("retry")).await;
    }
    let reported = failed.report_delivered(&ReportId::manifest()).expect("deliver");
    replace(jobs, reported).await;
    assert_eq!(credits(keys, &owner).await, Some(3), "one credit, by the transition that failed the job");
}

async fn uncounted_credits_stay_uncounted(jobs: &dyn Jobs, keys: &dyn Keys) {
    let owner = Owner::unlimited(samples::owner());
    let job = samples::job(&owner.id, true);
    assert!(matches!(jobs.create(&job).await, Err(CreateError::InsufficientCredits)), "nothing to debit from");

    samples::put_owner(keys, &Owner { credits: Some(5), ..owner.clone() }).await;
    jobs.create(&job).await.expect("create");
    samples::put_owner(keys, &owner).await;
    replace(jobs, job.withdraw(samples::now(), &Policy::default()).expect("withdraw")).await;
    assert_eq!(credits(keys, &owner).await, None, "a refund does not start the counting");
}

async fn concurrent_jobs_never_overdraw(jobs: &dyn Jobs, keys: &dyn Keys) {
    let owner = owner_with_credits(keys, 3).await;
    let attempts: Vec<_> = (0..8).map(|_| samples::job(&owner.id, true)).collect();
    let results = join_all(attempts.iter().map(|job| jobs.create(job))).await;
    let mut created = 0;
    for job in &attempts {
        created += u64::from(stored(jobs, job).await.is_some());
    }
    assert!(created <= 3, "{created} jobs for 3 credits");
    assert_eq!(credits(keys, &owner).await, Some(3 - created), "one credit for each job: {results:?}");
}

async fn due_jobs_are_found_in_order(jobs: &dyn Jobs) {
    let policy = Policy::default();
    let (running, ended) = (create(jobs, false).await, create(jobs, false).await);
    let (now, token) = (samples::now(), SystemIds.lease());
    let running = replace(jobs, running.claim(token, now, &policy).expect("claim")).await;
    let ended = replace(jobs, ended.withdraw(now, &policy).expect("withdraw")).await;
    // The last one, so that its message counts as lost later than the lease expires, however long this takes.
    let queued = create(jobs, false).await;

    let positions = async |at, jobs_of: &[&Job]| {
        let due = jobs.due(at, 100_000).await.expect("due");
        jobs_of.iter().map(|job| due.iter().position(|id| *id == job.id)).collect::<Vec<_>>()
    };
    assert_eq!(positions(now, &[&queued, &running, &ended]).await, [None, None, None], "nothing is due yet");

    let later = after(now, Duration::from_secs(3600));
    let found = positions(later, &[&running, &queued, &ended]).await;
    assert!(found[0].is_some() && found[0] < found[1], "the lease expires before the message is lost: {found:?}");
    assert_eq!(found[2], None, "a job that has ended is not due");
    assert_eq!(jobs.due(later, 1).await.expect("due").len(), 1, "at most `limit` jobs");

    let outcome = samples::outcome(running.id, token);
    let done = replace(jobs, running.finish(token, outcome, now, &policy).expect("finish")).await;
    let postponed = replace(jobs, queued.resend(now, &policy).expect("resend")).await;
    let due_before = after(now, policy.resend_at(0) + Duration::from_secs(60));
    assert_eq!(positions(due_before, &[&done, &postponed]).await, [None, None], "the index follows the record");
}

async fn deletions_are_due_apart_from_everything_else(jobs: &dyn Jobs) {
    let policy = Policy::default();
    let (running, queued) = (create(jobs, false).await, create(jobs, false).await);
    let now = samples::now();
    let running = replace(jobs, running.claim(SystemIds.lease(), now, &policy).expect("claim")).await;
    let deleted = replace(jobs, running.delete(now, &policy).expect("delete")).await;
    let is_due = async |at| {
        let (due, deletions) = (jobs.due(at, 100_000).await, jobs.deletions_due(at, 100_000).await);
        let (due, deletions) = (due.expect("due"), deletions.expect("due"));
        assert!(!due.contains(&deleted.id) && !deletions.contains(&queued.id), "each in its own list");
        deletions.contains(&deleted.id)
    };
    let second = deleted.deletion.as_ref().expect("a deletion").writes_until;
    assert!(!is_due(now - Duration::from_secs(1)).await && is_due(now).await);
    assert_eq!(jobs.deletions_due(now, 1).await.expect("due").len(), 1, "at most `limit` jobs");
    let once = replace(jobs, deleted.clone().files_deleted(Vec::new(), now).expect("delete the files")).await;
    assert!(!is_due(now).await && is_due(second).await, "again once no worker can write any more");
    replace(jobs, once.files_deleted(Vec::new(), second).expect("delete the files")).await;
    assert!(!is_due(second + Duration::from_secs(3600)).await);
}

async fn owed_reports_are_due(jobs: &dyn Jobs) {
    let policy = Policy::default();
    let job = samples::dropped_job(&samples::owner(), false);
    jobs.create(&job).await.expect("create");
    let is_due = async |at, job: &Job| {
        let repairs = jobs.due(at, 100_000).await.expect("due");
        assert!(!repairs.contains(&job.id), "in a list of their own");
        jobs.reports_due(at, 100_000).await.expect("due").contains(&job.id)
    };
    assert!(
        !jobs
            .reports_due(after(samples::now(), Duration::from_secs(86_400)), 100_000)
            .await
            .expect("due")
            .contains(&job.id)
    );
    let failed = replace(jobs, job.expire(no_subject(), samples::now(), &policy).expect("expire")).await;
    assert_eq!(stored(jobs, &failed).await.as_ref(), Some(&failed));
    let first = failed.due_at().expect("a report is due");
    assert!(is_due(first, &failed).await, "an undelivered report is due");
    let retried = replace(jobs, failed.retry_reports(first, &policy).expect("retry")).await;
    let second = retried.due_at().expect("a report is due");
    assert!(!is_due(first, &retried).await && is_due(second, &retried).await, "and is due again later");
    let reported = replace(jobs, retried.report_delivered(&ReportId::manifest()).expect("deliver")).await;
    assert_eq!(stored(jobs, &reported).await.as_ref(), Some(&reported));
    assert!(!is_due(second, &reported).await, "until it is delivered");
}

async fn webhooks_round_trip(jobs: &dyn Jobs) {
    let (policy, now, token) = (Policy::default(), samples::now(), SystemIds.lease());
    let job = samples::webhook_job(&samples::owner(), false);
    jobs.create(&job).await.expect("create");
    let id = ReportId::webhook(job.id);
    let failed = replace(jobs, job.expire(no_subject(), now, &policy).expect("expire")).await;
    let held = replace(jobs, failed.hold_webhook(&id, after(now, Duration::from_secs(1)), now).expect("hold")).await;
    assert_eq!(stored(jobs, &held).await.as_ref(), Some(&held));
    let now = after(now, Duration::from_secs(1));
    let claimed = replace(jobs, held.claim_webhook(&id, token, now).expect("claim")).await;
    assert_eq!(stored(jobs, &claimed).await.as_ref(), Some(&claimed));
    let verdict = WebhookVerdict::Failed { error: "ä".repeat(500), retry_after: Some(Duration::from_secs(60)) };
    let result = WebhookResult { status: Some(503), verdict };
    let waiting = replace(jobs, claimed.webhook_sent(&id, token, &result, now).expect("note")).await;
    assert_eq!(stored(jobs, &waiting).await.as_ref(), Some(&waiting));
    let again = replace(jobs, waiting.resend_webhook(now).expect("resend")).await;
    let claimed = replace(jobs, again.claim_webhook(&id, token, now).expect("claim")).await;
    let result = WebhookResult { status: Some(204), verdict: WebhookVerdict::Delivered };
    let delivered = replace(jobs, claimed.webhook_sent(&id, token, &result, now).expect("note")).await;
    assert_eq!(stored(jobs, &delivered).await.as_ref(), Some(&delivered));
    assert_eq!(delivered.due_at(), None);
}
