//! The contract of [`Jobs`] for jobs that are cut again.

use std::time::Duration;

use futures::future::join_all;

use super::samples;
use crate::domain::audit::Actor;
use crate::domain::decision::DraftRevision;
use crate::domain::digest::Digest;
use crate::domain::failure::{FailureCode, Fault};
use crate::domain::job::{Job, Transition};
use crate::domain::mask::MaskContent;
use crate::domain::policy::Policy;
use crate::domain::subject::{HintsChange, SubjectChanges, SubjectSettings};
use crate::domain::time::after;
use crate::ports::{Ids, Jobs, SystemIds, WriteError};

/// Checks a store of jobs.
pub(super) async fn recuts(jobs: &dyn Jobs) {
    a_recut_round_trips_to_its_end(jobs).await;
    one_of_several_reviewers_wins(jobs).await;
    replaced_files_are_due_for_deletion(jobs).await;
}

/// Stores a transition, and returns the job after it, as the store has it.
async fn replace(jobs: &dyn Jobs, transition: Transition) -> Job {
    jobs.replace(&transition).await.expect("replace");
    assert_eq!(jobs.get(transition.job.id).await.expect("get").as_ref(), Some(&transition.job));
    transition.job
}

/// A held job.
async fn held(jobs: &dyn Jobs) -> Job {
    let (now, token, policy) = (after(samples::now(), Duration::from_secs(10)), SystemIds.lease(), Policy::default());
    let job = samples::reviewed_job(&samples::owner(), false);
    jobs.create(&job).await.expect("create");
    let running = replace(jobs, job.claim(token, now, &policy).expect("claim")).await;
    let outcome = samples::outcome(running.id, token);
    replace(jobs, running.finish(token, outcome, now, &policy).expect("finish")).await
}

fn changes() -> SubjectChanges {
    let subject = samples::reviewed_job(&samples::owner(), false).spec.subject;
    let hints = subject.hints.map_or(HintsChange::Remove, HintsChange::Replace);
    let SubjectSettings { roi, keep, holes, mask_source, .. } = subject;
    let mask = Some(MaskContent::Sha256(Digest::of("„mask“".as_bytes())));
    let path_inset = Some("1.5".parse().expect("an inset"));
    SubjectChanges { roi, keep, hints: Some(hints), holes, mask_source, path_inset, mask }
}

fn recut(job: Job, changes: SubjectChanges, by: &str) -> Transition {
    let (now, by) = (after(samples::now(), Duration::from_secs(20)), Actor::Key(by.to_owned()));
    job.recut(DraftRevision::FIRST, changes, by, now, &Policy::default()).expect("is held")
}

async fn a_recut_round_trips_to_its_end(jobs: &dyn Jobs) {
    let policy = Policy::default();
    // Later than the last recut.
    let later = || after(samples::now(), Duration::from_secs(30));
    let none = SubjectChanges { hints: Some(HintsChange::Remove), ..SubjectChanges::default() };
    for changes in [changes(), none] {
        let waiting = replace(jobs, recut(held(jobs).await, changes, "anna")).await;
        assert!(waiting.is_recutting() && waiting.outcome().is_some(), "{waiting:?}");
        let due_at = waiting.repair_due_at().expect("its message may be lost");
        assert!(jobs.due(due_at, 100_000).await.expect("due").contains(&waiting.id));
        let (now, token) = (later(), SystemIds.lease());
        let running = replace(jobs, waiting.claim(token, now, &policy).expect("claim")).await;
        let fault = Fault::fail(FailureCode::Internal, "„no“");
        let back = running.clone().give_up(token, fault, now, &policy).expect("gives up").job;
        assert!(back.is_held() && back.recut.is_none(), "{back:?}");
        let outcome = samples::outcome(running.id, token);
        let second = replace(jobs, running.finish(token, outcome, now, &policy).expect("finish")).await;
        assert_eq!((second.is_held(), second.replaced.len()), (true, 1), "{second:?}");
    }
    let failed = replace(jobs, recut(held(jobs).await, changes(), "anna")).await;
    let failure = Fault::fail(FailureCode::TimedOut, "„late“").failure().clone();
    let back = replace(jobs, failed.expire(failure, later(), &policy).expect("expires")).await;
    assert!(back.is_held(), "{back:?}");
}

async fn one_of_several_reviewers_wins(jobs: &dyn Jobs) {
    let job = held(jobs).await;
    let recuts: Vec<_> = (0..5).map(|number| recut(job.clone(), changes(), &format!("reviewer {number}"))).collect();
    let stored = join_all(recuts.iter().map(|recut| jobs.replace(recut))).await;
    let won: Vec<_> = stored.iter().map(Result::is_ok).collect();
    assert_eq!(won.iter().filter(|won| **won).count(), 1, "{stored:?}");
    assert!(stored.iter().all(|result| matches!(result, Ok(()) | Err(WriteError::Conflict))), "{stored:?}");
    let winner = won.iter().position(|won| *won).expect("a winner");
    assert_eq!(jobs.get(job.id).await.expect("get").as_ref(), Some(&recuts[winner].job));
}

async fn replaced_files_are_due_for_deletion(jobs: &dyn Jobs) {
    let waiting = replace(jobs, recut(held(jobs).await, changes(), "anna")).await;
    let (now, token, policy) = (after(samples::now(), Duration::from_secs(30)), SystemIds.lease(), Policy::default());
    let running = replace(jobs, waiting.claim(token, now, &policy).expect("claim")).await;
    let outcome = samples::outcome(running.id, token);
    let mut job = replace(jobs, running.finish(token, outcome, now, &policy).expect("finish")).await;
    // Nothing else is due before.
    for report in job.reports.clone() {
        if job.owed_reports().any(|owed| owed.id == report.id) {
            job = replace(jobs, job.report_delivered(&report.id).expect("delivered")).await;
        }
    }
    let due_at = job.deletion_due_at().expect("files to delete");
    let is_due = async |at| jobs.deletions_due(at, 100_000).await.expect("due").contains(&job.id);
    assert!(!is_due(due_at - Duration::from_secs(1)).await && is_due(due_at).await);
    let leases: Vec<_> = job.replaced_files_due(due_at).map(|files| files.lease).collect();
    let later = replace(jobs, job.clone().delete_replaced_files_later(due_at).expect("later")).await;
    assert!(!is_due(due_at).await && later.deletion_due_at() > Some(due_at));
    let settled = replace(jobs, later.replaced_files_deleted(&leases).expect("deleted")).await;
    assert_eq!(settled.deletion_due_at(), None);
    assert!(!is_due(after(due_at, policy.retention)).await);
}
