//! A job's rules hold for every sequence of transitions.

use std::time::Duration;

use cutline_core::contract::samples;
use cutline_core::domain::audit::Actor;
use cutline_core::domain::decision::{DraftRevision, RejectReason};
use cutline_core::domain::digest::Digest;
use cutline_core::domain::job::{ClaimRefused, Effect, JobSpec, JobStage, ReportId, ReviewDecision, Step, Transition};
use cutline_core::domain::mask::MaskContent;
use cutline_core::domain::review::ReviewRule;
use cutline_core::domain::subject::{Holes, MaskSource, SubjectChanges};
use cutline_core::domain::usage::JobEnd;
use cutline_core::testing::ManualClock;
use cutline_core::{Clock, Failure, FailureCode, Fault, Ids, Job, JobState, LeaseToken, Mode, Policy, SystemIds};
use proptest::prelude::*;

/// The change of a recut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NewCut {
    Holes,
    /// A mask that is stored already.
    Mask,
    /// A mask that is to be fetched.
    RemoteMask,
}

impl NewCut {
    fn changes(self) -> SubjectChanges {
        let by = |content| SubjectChanges {
            mask_source: Some(MaskSource::File),
            mask: Some(content),
            ..SubjectChanges::default()
        };
        match self {
            Self::Holes => SubjectChanges { holes: Some(Holes::Open), ..SubjectChanges::default() },
            Self::Mask => by(MaskContent::Sha256(Digest::of(b"mask"))),
            Self::RemoteMask => by(MaskContent::Url("https://example.com/m.png".parse().expect("a URL"))),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Event {
    Claim,
    Renew { stale: bool },
    Advance { stale: bool, to: u8, percent: u8 },
    Finish { stale: bool },
    GiveUp { stale: bool, last: bool },
    Fetched { stale: bool },
    FetchAgain { stale: bool },
    Withdraw,
    Resend,
    LookLater,
    Requeue,
    Abandon,
    Expire,
    Decide { stale: bool, approve: bool },
    Recut { stale: bool, cut: NewCut },
    ReviewExpired,
    ReplacedFilesDeleted,
    ReportDelivered,
    RetryReports,
    Delete,
    FilesDeleted,
    Wait { seconds: u64 },
}

impl Event {
    /// Whether the event is allowed only while no worker holds the job.
    fn needs_a_free_job(self) -> bool {
        matches!(self, Self::Claim | Self::Requeue | Self::Expire | Self::Withdraw | Self::Resend)
    }

    /// Whether the event comes from a worker without the lease.
    fn is_stale(self) -> bool {
        matches!(
            self,
            Self::Renew { stale: true }
                | Self::Advance { stale: true, .. }
                | Self::Finish { stale: true }
                | Self::GiveUp { stale: true, .. }
                | Self::Fetched { stale: true }
                | Self::Decide { stale: true, .. }
                | Self::Recut { stale: true, .. }
                | Self::FetchAgain { stale: true }
        )
    }
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        3 => Just(Event::Claim),
        1 => any::<bool>().prop_map(|stale| Event::Renew { stale }),
        2 => (any::<bool>(), 0u8..3, any::<u8>())
            .prop_map(|(stale, to, percent)| Event::Advance { stale, to, percent }),
        1 => any::<bool>().prop_map(|stale| Event::Finish { stale }),
        1 => (any::<bool>(), any::<bool>()).prop_map(|(stale, last)| Event::GiveUp { stale, last }),
        2 => any::<bool>().prop_map(|stale| Event::Fetched { stale }),
        1 => any::<bool>().prop_map(|stale| Event::FetchAgain { stale }),
        1 => Just(Event::Withdraw),
        1 => Just(Event::Resend),
        1 => Just(Event::LookLater),
        1 => Just(Event::Requeue),
        1 => Just(Event::Abandon),
        1 => Just(Event::Expire),
        2 => (any::<bool>(), any::<bool>()).prop_map(|(stale, approve)| Event::Decide { stale, approve }),
        3 => (any::<bool>(), prop::sample::select(vec![NewCut::Holes, NewCut::Mask, NewCut::RemoteMask]))
            .prop_map(|(stale, cut)| Event::Recut { stale, cut }),
        1 => Just(Event::ReviewExpired),
        1 => Just(Event::ReplacedFilesDeleted),
        1 => Just(Event::ReportDelivered),
        2 => Just(Event::RetryReports),
        1 => Just(Event::Delete),
        2 => Just(Event::FilesDeleted),
        3 => (0u64..200).prop_map(|seconds| Event::Wait { seconds }),
    ]
}

fn failure() -> Failure {
    Failure { code: FailureCode::TimedOut, message: String::new(), retryable: true }
}

/// The revision that a job is held with, or another one.
fn revision(job: &Job, stale: bool) -> DraftRevision {
    match job.state {
        JobState::Review { revision, .. } if !stale => revision,
        _ => DraftRevision::new(99),
    }
}

/// The event's transition, or `None` if it is refused.
fn apply(job: Job, event: Event, lease: &mut LeaseToken, clock: &ManualClock) -> Option<Transition> {
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
            job.with_progress(percent).advance(token(stale), step).ok()
        }
        Event::Finish { stale } => {
            let outcome = samples::outcome(job.id, token(stale));
            job.finish(token(stale), outcome, now, &policy).ok()
        }
        Event::GiveUp { stale, last } => {
            let fault = if last { Fault::fail } else { Fault::retry }(FailureCode::Internal, "");
            job.give_up(token(stale), fault, now, &policy).ok()
        }
        Event::Fetched { stale } => job.fetched(token(stale), now, &policy).ok(),
        Event::FetchAgain { stale } => job.fetch_again(token(stale), now, &policy).ok(),
        Event::Withdraw => job.withdraw(now, &policy).ok(),
        Event::Resend => job.resend(now, &policy).ok(),
        Event::LookLater => job.look_later(now, &policy).ok(),
        Event::Requeue => job.requeue(now, &policy).ok(),
        Event::Abandon => job.abandon(now, &policy).ok(),
        Event::Expire => job.expire(failure(), now, &policy).ok(),
        Event::Decide { stale, approve } => {
            let revision = revision(&job, stale);
            let decision = match approve {
                true => ReviewDecision::Approve,
                false => ReviewDecision::Reject { reason: RejectReason::Edge, note: None },
            };
            job.decide(revision, decision, Actor::System, now, &policy).ok()
        }
        Event::Recut { stale, cut } => {
            let revision = revision(&job, stale);
            job.recut(revision, cut.changes(), Actor::System, now, &policy).ok()
        }
        Event::ReplacedFilesDeleted => {
            let at = job.deletion_due_at().filter(|_| job.deletion.is_none())?;
            let leases: Vec<_> = job.replaced_files_due(at).map(|files| files.lease).collect();
            job.replaced_files_deleted(&leases).ok()
        }
        Event::ReviewExpired => {
            let deadline = job.repair_due_at().unwrap_or(now);
            job.review_expired(deadline, &policy).ok()
        }
        Event::ReportDelivered => job.report_delivered(&ReportId::manifest()).ok(),
        Event::RetryReports => {
            let at = job.due_at().unwrap_or(now);
            job.retry_reports(at, &policy).ok()
        }
        Event::Delete => job.delete(now, &policy).ok(),
        Event::FilesDeleted => job.files_deleted(Vec::new(), now).ok(),
        Event::Wait { seconds } => {
            clock.advance(Duration::from_secs(seconds));
            None
        }
    }
}

fn has_ended(job: &Job) -> bool {
    matches!(job.state, JobState::Done { .. } | JobState::Failed { .. } | JobState::Withdrawn { .. })
}

fn done_or_held(job: &Job) -> bool {
    matches!(job.state, JobState::Done { .. } | JobState::Review { .. })
}

proptest! {
    #[test]
    fn rules_hold_in_any_order(
        events in prop::collection::vec(event(), 1..60),
        dropped in any::<bool>(),
        at_intake in any::<bool>(),
        reviewed in any::<bool>(),
    ) {
        let policy = Policy::default();
        let clock = ManualClock::new();
        let mut lease = SystemIds.lease();
        let review = if reviewed { ReviewRule::Always } else { ReviewRule::Off };
        let spec = JobSpec { review, ..samples::spec() };
        let mut job = Job::new(SystemIds.job(), samples::owner(), spec, clock.now(), &policy).with_charge(true);
        if let Some(origin) = samples::dropped_job(&job.owner, true).drop.filter(|_| dropped) {
            job = job.for_drop(origin);
        }
        if at_intake {
            job = job.awaiting_intake();
        }
        let (mut refunds, mut was_made) = (0, false);
        for event in events {
            let live = matches!(&job.state, JobState::Running { lease, .. } if lease.until > clock.now());
            let Some(transition) = apply(job.clone(), event, &mut lease, &clock) else { continue };
            refunds += transition.effects.iter().filter(|effect| **effect == Effect::Refund).count();
            let (owes_now, has_no_effects) = (transition.owes_reports(), transition.effects.is_empty());
            let counted = transition.counted().map(|(end, _)| end);
            let next = transition.job;
            if let Some(deletion) = next.deletion.clone() {
                let was_deleted = job.deletion.is_some();
                prop_assert_eq!(event, if was_deleted { Event::FilesDeleted } else { Event::Delete });
                prop_assert_eq!(has_no_effects, was_deleted || has_ended(&job), "{:?}", job.state);
                prop_assert_eq!(counted, (!was_deleted && !has_ended(&job)).then_some(JobEnd::Cancelled));
                prop_assert!(refunds == 0 || !was_made, "pictures that were made are paid for");
                prop_assert!(next.version == job.version + 1 && !owes_now);
                let is_withdrawn = matches!(next.state, JobState::Withdrawn { .. });
                prop_assert!(is_withdrawn && next.owed_manifest().is_none());
                prop_assert_eq!(serde_json::from_value::<Job>(serde_json::to_value(&next)?)?, next.clone());
                prop_assert_eq!((next.due_at(), next.deletion_due_at()), (None, deletion.next_at));
                let is_settled = deletion.next_at.is_none();
                prop_assert!(!is_settled || (was_deleted && clock.now() >= deletion.writes_until));
                prop_assert!(!live || deletion.writes_until >= clock.now() + policy.max_attempt, "a worker holds it");
                prop_assert!(next.expires_at > deletion.next_at);
                job = next;
                continue;
            }
            if event == Event::ReplacedFilesDeleted {
                prop_assert_eq!((&next.state, next.due_at()), (&job.state, job.due_at()));
                prop_assert!(next.replaced.len() < job.replaced.len() && has_no_effects);
                prop_assert_eq!(next.version, job.version + 1);
                job = next;
                continue;
            }
            was_made |= next.outcome().is_some();
            prop_assert_eq!(next.outcome().is_some(), was_made && (done_or_held(&next) || next.is_recutting()));
            let ended_badly = matches!(next.state, JobState::Failed { .. } | JobState::Withdrawn { .. });
            let refunded = ended_badly && next.decision.is_none();
            prop_assert_eq!(refunds, usize::from(refunded), "{:?} refunded {} credits", event, refunds);
            prop_assert_eq!(next.version, job.version + 1, "{:?} is one change", event);
            prop_assert_eq!(serde_json::from_value::<Job>(serde_json::to_value(&next)?)?, next.clone());
            if matches!(event, Event::ReportDelivered | Event::RetryReports) {
                prop_assert!(job.owed_manifest().is_some() && has_ended(&job) && dropped, "{:?} of {:?}", event, job);
                prop_assert_eq!((&next.state, next.expires_at), (&job.state, job.expires_at), "{:?}", event);
                prop_assert_eq!(owes_now, event == Event::RetryReports);
                prop_assert_eq!(next.owed_manifest().is_some(), event == Event::RetryReports);
                prop_assert!(next.due_at().is_none_or(|due| Some(due) > job.due_at() && Some(due) < job.expires_at));
                job = next;
                continue;
            }
            prop_assert!(!has_ended(&job), "{:?} moved a job that had ended", event);
            prop_assert!(next.progress >= job.progress, "progress went back by {:?}", event);
            if matches!(event, Event::Resend | Event::LookLater) {
                let is_over = next.pending_until(&policy) <= clock.now();
                prop_assert!(is_over || next.repair_due_at() > Some(clock.now()), "{:?} is due at once", event);
            }
            let done = matches!(next.state, JobState::Done { .. });
            prop_assert_eq!(next.progress == 100, done, "{:?} to {} percent", event, next.progress);
            prop_assert!(next.attempts <= policy.max_attempts, "{:?} was an attempt too many", event);
            prop_assert!(next.intake_attempts <= policy.max_attempts, "{:?} was an attempt too many", event);
            if let (Some(before), Some(after)) = (job.stage(), next.stage()) {
                let expected = match event {
                    Event::Fetched { .. } => (JobStage::Intake, JobStage::Make),
                    Event::FetchAgain { .. } => (JobStage::Make, JobStage::Intake),
                    _ => (before, before),
                };
                prop_assert_eq!((before, after), expected, "{:?}", event);
            }
            prop_assert!(!done || job.stage() == Some(JobStage::Make) || job.is_held(), "pictures are made at one stage");
            prop_assert_eq!(done && reviewed, done && job.is_held(), "a reviewed job is held before it is done");
            let is_recut = matches!(event, Event::Recut { .. });
            prop_assert_eq!(next.decision.is_some(), job.is_held() && !is_recut, "a held job ends by a decision alone");
            prop_assert!(!job.is_recutting() || !has_ended(&next), "{:?} lost a draft", event);
            if let Event::Recut { cut, .. } = event {
                let stage = if cut == NewCut::RemoteMask { JobStage::Intake } else { JobStage::Make };
                prop_assert_eq!(next.stage(), Some(stage), "only what is not stored is fetched");
            }
            if let (Some((recut, draft)), JobState::Review { revision, .. }) = (job.recut_in_progress(), &next.state) {
                let mask = if *revision == recut.of { &draft.mask } else { &job.spec.mask };
                prop_assert_eq!(&next.spec.mask, mask, "a draft is held with the mask that it was made with");
            }
            prop_assert_eq!(has_ended(&next), next.has_ended());
            let end = match next.state {
                JobState::Done { .. } => Some(JobEnd::Done),
                JobState::Failed { .. } => Some(JobEnd::Failed),
                JobState::Queued { .. }
                | JobState::Running { .. }
                | JobState::Review { .. }
                | JobState::Withdrawn { .. } => None,
            };
            prop_assert_eq!(counted, end, "{:?} is counted once, at its end", event);
            let owes = next.owed_manifest().is_some();
            prop_assert_eq!((owes, owes_now), (owes_now, dropped && (done || matches!(next.state, JobState::Failed { .. }))));
            let waits = !has_ended(&next) || owes;
            prop_assert_eq!(waits, next.due_at().is_some(), "a pending job or report is due some time");
            prop_assert_eq!(has_ended(&next), next.expires_at.is_some(), "a job that has ended is kept for a time");
            prop_assert!(!live || !event.needs_a_free_job(), "{:?} took a job from its worker", event);
            prop_assert!(!event.is_stale(), "{:?} worked without the lease", event);
            job = next;
        }
    }
}

#[test]
fn a_refused_claim_says_why() {
    let policy = Policy::default();
    let clock = ManualClock::new();
    let token = SystemIds.lease();
    let claim = |job: &Job, clock: &ManualClock| {
        job.clone().claim(SystemIds.lease(), clock.now(), &policy).map(|transition| transition.job)
    };
    let job = Job::new(SystemIds.job(), samples::owner(), samples::spec(), clock.now(), &policy);

    let running = job.clone().claim(token, clock.now(), &policy).expect("claims").job;
    let until = clock.now() + policy.lease;
    assert_eq!(claim(&running, &clock), Err(ClaimRefused::Leased { until }));

    let waiting = running.clone().give_up(token, Fault::retry(FailureCode::SourceTimeout, ""), clock.now(), &policy);
    let ready_at = clock.now() + policy.backoff(1);
    assert_eq!(claim(&waiting.expect("waits").job, &clock), Err(ClaimRefused::NotYet { ready_at }));

    let mut job = running;
    for _ in 1..policy.max_attempts {
        clock.advance(policy.lease);
        job = claim(&job, &clock).expect("the lease has expired");
    }
    clock.advance(policy.lease);
    assert_eq!(claim(&job, &clock), Err(ClaimRefused::Spent));
    let failed = job.expire(failure(), clock.now(), &policy).expect("fails").job;
    assert_eq!(claim(&failed, &clock), Err(ClaimRefused::Ended));
}

#[test]
fn progress_grows_within_steps_and_from_step_to_step() {
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
