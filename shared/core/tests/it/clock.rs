//! The times of jobs after someone has set the clock.

use std::time::Duration;

use cutline_core::contract::samples;
use cutline_core::domain::audit::Actor;
use cutline_core::domain::decision::DraftRevision;
use cutline_core::domain::failure::{FailureCode, Fault};
use cutline_core::domain::job::JobSpec;
use cutline_core::domain::review::ReviewRule;
use cutline_core::domain::subject::{Holes, SubjectChanges};
use cutline_core::{Ids as _, Job, JobState, Policy, SystemIds};
use jiff::Timestamp;

const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);
const MINUTE: Duration = Duration::from_secs(60);

fn after(time: Timestamp, wait: Duration) -> Timestamp {
    time + wait
}

fn policy() -> Policy {
    Policy::default()
}

/// Jobs in every state, as the rules leave them at `now`.
fn jobs(now: Timestamp) -> Vec<Job> {
    let job = || Job::new(SystemIds.job(), samples::owner(), samples::spec(), now, &policy());
    let (token, fault) = (SystemIds.lease(), Fault::retry(FailureCode::StorageUnavailable, "no answer"));
    let running = job().claim(token, now, &policy()).expect("claims").job;
    let waiting = running.clone().give_up(token, fault, now, &policy()).expect("gives up").job;
    let later = job().look_later(after(now, 30 * MINUTE), &policy()).expect("looks later").job;
    let outcome = samples::outcome(running.id, token);
    let done = running.clone().finish(token, outcome, now, &policy()).expect("finishes").job;
    let failure = Fault::fail(FailureCode::NoSubject, "none").failure().clone();
    let failed = samples::dropped_job(&samples::owner(), false);
    let failed = Job { created_at: now, ..failed }.expire(failure, now, &policy()).expect("expires").job;
    let reviewed = JobSpec { review: ReviewRule::Always, ..samples::spec() };
    let held = Job { spec: reviewed, ..running.clone() };
    let held = held.finish(token, samples::outcome(running.id, token), now, &policy()).expect("is held").job;
    let changes = SubjectChanges { holes: Some(Holes::Open), ..SubjectChanges::default() };
    let recut = held.recut(DraftRevision::FIRST, changes, Actor::System, now, &policy()).expect("is cut again").job;
    vec![job(), running, waiting, later, done, failed, recut]
}

#[test]
fn plausible_times_stay() {
    let now = samples::now();
    for job in jobs(now) {
        let name = job.state.name();
        assert!(job.clone().bring_forward(after(now, MINUTE), &policy()).is_err(), "{name}: {job:?}");
        assert!(job.bring_forward(after(now, YEAR), &policy()).is_err(), "{name}: late, not early");
    }
}

#[test]
fn nothing_waits_for_a_time_that_a_wrong_clock_wrote() {
    let now = samples::now();
    for ahead in [60 * MINUTE, YEAR, 50 * YEAR] {
        for job in jobs(after(now, ahead)) {
            let (name, version) = (job.state.name(), job.version);
            let due_at = job.due_at();
            let job = job.bring_forward(now, &policy()).expect("is brought forward").job;
            assert_eq!(job.version, version + 1);
            assert!(job.created_at <= now, "{name}");
            let latest = after(now, 60 * MINUTE);
            assert!(job.due_at().is_none_or(|at| at <= latest), "{name}: {due_at:?} {job:?}");
            assert_eq!(job.due_at().is_some(), due_at.is_some(), "{name}");
            assert!(job.expires_at.is_none_or(|at| at == after(now, policy().retention)), "{name}: {job:?}");
            if let JobState::Queued { since, ready_at, .. } = job.state {
                assert!(since <= now && ready_at <= after(now, policy().backoff(3)), "{name}: {job:?}");
            }
            if let Some((recut, draft)) = job.recut_in_progress() {
                assert!(recut.at <= now && draft.since <= now, "{recut:?}");
                assert!(draft.deadline <= after(now, policy().retention), "{draft:?}");
            }
            assert!(job.bring_forward(now, &policy()).is_err(), "{name}: once is enough");
        }
    }
}

#[test]
fn after_a_jump_ahead_a_job_has_as_much_time_left_as_before() {
    let now = samples::now();
    for (job, expected) in jobs(now).into_iter().zip(jobs(after(now, YEAR))) {
        let postponed = job.clone().postpone(YEAR, after(now, YEAR), &policy());
        assert!(postponed.effects.is_empty());
        let postponed = postponed.job;
        assert_eq!((postponed.version, postponed.due_at()), (job.version + 1, expected.due_at()));
        assert_eq!((postponed.created_at, postponed.expires_at), (expected.created_at, expected.expires_at));
        // A job that was written after the jump does not move into the future.
        let written_later = expected.clone().postpone(YEAR, after(now, YEAR), &policy()).job;
        assert_eq!(written_later.due_at(), expected.due_at());
        assert_eq!(written_later.expires_at, expected.expires_at);
        // Back at the right time, it is as before.
        let back = postponed.bring_forward(now, &policy()).expect("is brought forward").job;
        assert_eq!((back.created_at, back.expires_at), (job.created_at, job.expires_at));
        assert_eq!(back.due_at(), job.due_at(), "{back:?}");
    }
}
