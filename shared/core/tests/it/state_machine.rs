//! Whatever happens to a job in whatever order, its rules hold.

use std::time::Duration;

use cutline_core::contract::samples;
use cutline_core::domain::job::{ClaimRefused, Step};
use cutline_core::testing::ManualClock;
use cutline_core::{
    Clock, Failure, FailureCode, Fault, Ids, Job, JobState, LeaseToken, Mode, Policy, Rendering, SystemIds,
};
use proptest::prelude::*;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Event {
    Claim,
    Renew { stale: bool },
    Advance { stale: bool, to: u8, percent: u8 },
    Finish { stale: bool },
    GiveUp { stale: bool, last: bool },
    Withdraw,
    Resend,
    LookLater,
    Requeue,
    Abandon,
    Expire,
    Report,
    Remind,
    Wait { seconds: u64 },
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        3 => Just(Event::Claim),
        1 => any::<bool>().prop_map(|stale| Event::Renew { stale }),
        2 => (any::<bool>(), 0u8..3, any::<u8>())
            .prop_map(|(stale, to, percent)| Event::Advance { stale, to, percent }),
        1 => any::<bool>().prop_map(|stale| Event::Finish { stale }),
        1 => (any::<bool>(), any::<bool>()).prop_map(|(stale, last)| Event::GiveUp { stale, last }),
        1 => Just(Event::Withdraw),
        1 => Just(Event::Resend),
        1 => Just(Event::LookLater),
        1 => Just(Event::Requeue),
        1 => Just(Event::Abandon),
        1 => Just(Event::Expire),
        1 => Just(Event::Report),
        2 => Just(Event::Remind),
        3 => (0u64..200).prop_map(|seconds| Event::Wait { seconds }),
    ]
}

fn failure() -> Failure {
    Failure { code: FailureCode::TimedOut, message: String::new(), retryable: true }
}

/// The job after the event, or `None` where the event is refused.
fn apply(job: Job, event: Event, lease: &mut LeaseToken, clock: &ManualClock) -> Option<Job> {
    let policy = Policy::default();
    let now = clock.now();
    let token = |stale| if stale { SystemIds.lease() } else { *lease };
    match event {
        Event::Claim => {
            let new = SystemIds.lease();
            let claimed = job.claim(new, now, &policy).ok()?;
            *lease = new;
            Some(claimed)
        }
        Event::Renew { stale } => job.renew(token(stale), now, &policy).ok(),
        Event::Advance { stale, to, percent } => {
            let step = [Step::Background, Step::Clipping, Step::Delivery][usize::from(to)];
            job.progressed(percent).advance(token(stale), step).ok()
        }
        Event::Finish { stale } => {
            let outcome = samples::outcome(job.id, token(stale));
            job.finish(token(stale), outcome, now, &policy).ok()
        }
        Event::GiveUp { stale, last } => {
            let fault = if last { Fault::fail } else { Fault::retry }(FailureCode::Internal, "");
            job.give_up(token(stale), fault, now, &policy).ok()
        }
        Event::Withdraw => job.withdraw(now, &policy).ok(),
        Event::Resend => job.resend(&policy).ok(),
        Event::LookLater => job.look_later(now, &policy).ok(),
        Event::Requeue => job.requeue(now, &policy).ok(),
        Event::Abandon => job.abandon(now, &policy).ok(),
        Event::Expire => job.expire(failure(), now, &policy).ok(),
        Event::Report => job.report().ok(),
        Event::Remind => job.remind(&policy).ok(),
        Event::Wait { seconds } => {
            clock.advance(Duration::from_secs(seconds));
            None
        }
    }
}

fn has_ended(job: &Job) -> bool {
    matches!(job.state, JobState::Done { .. } | JobState::Failed { .. } | JobState::Withdrawn { .. })
}

proptest! {
    #[test]
    fn rules_hold_in_any_order(events in prop::collection::vec(event(), 1..60), dropped in any::<bool>()) {
        let policy = Policy::default();
        let clock = ManualClock::new();
        let mut lease = SystemIds.lease();
        let mut job = Job::new(SystemIds.job(), samples::owner(), samples::spec(), true, clock.now(), &policy);
        job.drop = samples::dropped_job(&job.owner, true).drop.filter(|_| dropped);
        for event in events {
            let live = matches!(&job.state, JobState::Running { lease, .. } if lease.until > clock.now());
            let Some(next) = apply(job.clone(), event, &mut lease, &clock) else { continue };
            prop_assert_eq!(next.version, job.version + 1, "{:?} is one change", event);
            if matches!(event, Event::Report | Event::Remind) {
                prop_assert!(job.unreported().is_some() && has_ended(&job) && dropped, "{:?} of {:?}", event, job);
                prop_assert_eq!((&next.state, next.expires_at), (&job.state, job.expires_at), "{:?}", event);
                prop_assert!(!next.refunds(), "{:?} gave a credit back", event);
                prop_assert_eq!(next.unreported().is_some(), event == Event::Remind);
                prop_assert!(next.due_at().is_none_or(|due| Some(due) > job.due_at() && Some(due) < job.expires_at));
                job = next;
                continue;
            }
            prop_assert!(!has_ended(&job), "{:?} moved a job that had ended", event);
            prop_assert!(next.progress >= job.progress, "progress went back by {:?}", event);
            let done = matches!(next.state, JobState::Done { .. });
            prop_assert_eq!(next.progress == 100, done, "{:?} to {} percent", event, next.progress);
            prop_assert!(next.attempts <= policy.max_attempts, "{:?} was an attempt too many", event);
            prop_assert_eq!(has_ended(&next), next.has_ended());
            let waits = !has_ended(&next) || next.unreported().is_some();
            prop_assert_eq!(waits, next.due_at().is_some(), "what has not ended or not been reported is due some time");
            prop_assert_eq!(has_ended(&next), next.expires_at.is_some(), "what has ended is kept for a time");
            let refunds = matches!(next.state, JobState::Failed { .. } | JobState::Withdrawn { .. });
            prop_assert_eq!(next.refunds(), refunds);
            if matches!(event, Event::Claim | Event::Requeue | Event::Expire | Event::Withdraw | Event::Resend) {
                prop_assert!(!live, "{:?} took a job from its worker", event);
            }
            if matches!(
                event,
                Event::Renew { stale: true }
                    | Event::Advance { stale: true, .. }
                    | Event::Finish { stale: true }
                    | Event::GiveUp { stale: true, .. }
            ) {
                prop_assert!(false, "{:?} worked without the lease", event);
            }
            prop_assert_eq!(serde_json::from_value::<Job>(serde_json::to_value(&next)?)?, next.clone());
            job = next;
        }
    }
}

#[test]
fn a_claim_says_why_it_is_refused() {
    let policy = Policy::default();
    let clock = ManualClock::new();
    let token = SystemIds.lease();
    let claim = |job: &Job, clock: &ManualClock| job.clone().claim(SystemIds.lease(), clock.now(), &policy);
    let job = Job::new(SystemIds.job(), samples::owner(), samples::spec(), false, clock.now(), &policy);

    let running = job.clone().claim(token, clock.now(), &policy).expect("claims");
    let until = clock.now() + policy.lease;
    assert_eq!(claim(&running, &clock), Err(ClaimRefused::Leased { until }));

    let waiting = running.clone().give_up(token, Fault::retry(FailureCode::SourceTimeout, ""), clock.now(), &policy);
    let ready_at = clock.now() + policy.backoff(1);
    assert_eq!(claim(&waiting.expect("waits"), &clock), Err(ClaimRefused::NotYet { ready_at }));

    let mut job = running;
    for _ in 1..policy.max_attempts {
        clock.advance(policy.lease);
        job = claim(&job, &clock).expect("the lease has run out");
    }
    clock.advance(policy.lease);
    assert_eq!(claim(&job, &clock), Err(ClaimRefused::Spent));
    let failed = job.expire(failure(), clock.now(), &policy).expect("fails");
    assert_eq!(claim(&failed, &clock), Err(ClaimRefused::Ended));
}

#[test]
fn progress_grows_from_step_to_step_and_within_each() {
    let all = [Step::Fetch, Step::Background, Step::Clipping, Step::Delivery];
    for (mode, steps) in [(Mode::Clipping, &all[..]), (Mode::Background, &[all[0], all[1], all[3]][..])] {
        let mut last = 0;
        for step in steps {
            assert_eq!(step.progress_at(mode, 0), step.progress());
            for percent in 0..=u8::MAX {
                let progress = step.progress_at(mode, percent);
                assert!(progress >= last && progress <= 100, "{mode:?} {step:?} {percent}: {progress} after {last}");
                last = progress;
            }
        }
        assert_eq!(last, 100, "{mode:?}");
    }
}

/// A record that an earlier version wrote, and that may wait in a store while this one is deployed.
#[test]
fn a_record_without_what_is_new_is_read() {
    let now = ManualClock::new().now();
    let policy = Policy::default();
    let token = SystemIds.lease();
    let job = Job::new(SystemIds.job(), samples::owner(), samples::spec(), false, now, &policy);
    let done = job.claim(token, now, &policy).expect("claims");
    let outcome = samples::outcome(done.id, token);
    let done = done.finish(token, outcome, now, &policy).expect("finishes");

    let mut stored = serde_json::to_value(&done).expect("serialises");
    let order = stored["order"].as_object_mut().expect("an order");
    assert!(order.remove("rendering").is_some(), "{order:?}");
    let outcome = stored["state"]["outcome"].as_object_mut().expect("an outcome");
    assert!(outcome.remove("confidence").is_some() && outcome.remove("assets").is_some(), "{outcome:?}");

    let mut expected = done;
    expected.spec.rendering = Rendering::default();
    let JobState::Done { outcome, .. } = &mut expected.state else { panic!("{expected:?}") };
    (outcome.confidence, outcome.assets) = (None, Default::default());
    assert_eq!(serde_json::from_value::<Job>(stored).expect("is read"), expected);
}
