//! A job and its state machine.
//!
//! A transition consumes the job and gives the next one, with its version raised by one; it never touches
//! a store. The caller persists the new job on the condition that the stored version is the one before
//! ([`crate::ports::Jobs::replace`]), so of two transitions from the same state exactly one takes effect.
//!
//! ```text
//!             claim                    finish
//! Queued ───────────────► Running ───────────────► Done
//!   │  ▲                  │  │  │
//!   │  └──────────────────┘  │  └────────────────► Failed
//!   │   retry, requeue,      └─ renew, advance        ▲
//!   │   abandon                                       │
//!   ├─ withdraw ──► Withdrawn                         │
//!   └─ expire ────────────────────────────────────────┘
//! ```
//!
//! A dropped job ([`Job::drop`]) is due beyond its end, until what it came to was told where its
//! file came from: `remind` and `report` change that alone.

mod dropped;

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::failure::{Failure, Fault};
use crate::domain::ids::{JobId, LeaseToken, OwnerId};
use crate::domain::outcome::Outcome;
use crate::domain::params::{ParamSet, Revision, SetName};
use crate::domain::policy::Policy;
use crate::domain::rendering::Rendering;
use crate::domain::request::{DeliveryMode, Mode, OutputFormat, SourceUrl};

pub use dropped::JobDrop;

/// Where the photograph comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// It came with the request and is stored under [`crate::StorageKey::Source`].
    Stored,
    /// It is fetched from here once, and then stored under [`crate::StorageKey::Source`].
    Url(SourceUrl),
}

/// What the caller asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobSpec {
    /// What is made.
    pub mode: Mode,
    /// How the status names what was made.
    pub delivery: DeliveryMode,
    /// The file format that was asked for. Without it, it is the set's, or else the default.
    #[serde(default)]
    pub format: Option<OutputFormat>,
    /// How they are written. The default in records of versions that knew no other.
    #[serde(default)]
    pub rendering: Rendering,
    /// The parameter set of mode params, as it was when the job was made.
    #[serde(default)]
    pub set: Option<JobParamSet>,
    /// The photograph.
    pub source: Source,
}

/// A parameter set that a job was made with. What becomes of the stored one later does not concern the job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobParamSet {
    /// Its name, if it was named rather than sent.
    pub name: Option<SetName>,
    /// Which state of the stored set it was; a built-in one has none.
    pub revision: Option<Revision>,
    /// The set.
    pub set: ParamSet,
}

/// The steps of a running job, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Getting the source.
    Fetch,
    /// Decoding, and separating the subject from its background.
    Background,
    /// Cutting the subject along its path. A job of another mode than clipping skips it.
    Clipping,
    /// Making the pictures of a parameter set. A job of another mode than params skips it.
    Compose,
    /// Storing the pictures.
    Delivery,
}

impl Step {
    /// Whether a job of this mode goes through it.
    pub const fn is_of(self, mode: Mode) -> bool {
        match (self, mode) {
            (Self::Clipping, _) => matches!(mode, Mode::Clipping),
            (Self::Compose, _) => matches!(mode, Mode::Params),
            (Self::Fetch | Self::Background | Self::Delivery, _) => true,
        }
    }

    /// How far a job is when it begins the step, in percent.
    pub const fn progress(self) -> u8 {
        match self {
            Self::Fetch => 5,
            Self::Background => 20,
            Self::Clipping | Self::Compose => 60,
            Self::Delivery => 85,
        }
    }

    /// How far a job of this mode is when so much of the step is done: `percent` is at most 100, and more
    /// counts as that. As far as the next step's beginning once all of it is.
    pub const fn progress_at(self, mode: Mode, percent: u8) -> u8 {
        let (from, to) = (self.progress() as u16, self.next(mode) as u16);
        let percent = if percent > 100 { 100 } else { percent as u16 };
        // Both are at most 100, and so is what lies between them.
        (from + (to - from) * percent / 100) as u8
    }

    /// Where the step after this one begins, in percent.
    const fn next(self, mode: Mode) -> u8 {
        match (self, mode) {
            (Self::Fetch, _) => Self::Background.progress(),
            (Self::Background, Mode::Clipping) => Self::Clipping.progress(),
            (Self::Background, Mode::Params) => Self::Compose.progress(),
            (Self::Background | Self::Clipping | Self::Compose, _) => Self::Delivery.progress(),
            (Self::Delivery, _) => 100,
        }
    }

    /// The step as it stands in a status.
    pub const fn status(self) -> &'static str {
        match self {
            Self::Fetch => "pending_fetch",
            Self::Background => "pending_background",
            Self::Clipping => "pending_clipping",
            Self::Compose => "pending_compose",
            Self::Delivery => "pending_delivery",
        }
    }
}

/// The right to work on a job until a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// Which claim it is.
    pub token: LeaseToken,
    /// When it runs out unless it is renewed.
    pub until: Timestamp,
}

/// Where a job stands, with what is only known there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "snake_case")]
pub enum JobState {
    /// Waiting for a worker.
    Queued {
        /// Since when; the time of the last retry, if there was one.
        since: Timestamp,
        /// Not to be claimed before this time.
        ready_at: Timestamp,
        /// When its message is taken for lost.
        resend_at: Timestamp,
        /// How often its message was sent again.
        resends: u32,
    },
    /// A worker has it.
    Running {
        /// What the worker does.
        step: Step,
        /// The worker's claim.
        lease: Lease,
    },
    /// Ended well.
    Done {
        /// When.
        at: Timestamp,
        /// What was made.
        outcome: Outcome,
    },
    /// Ended badly.
    Failed {
        /// When.
        at: Timestamp,
        /// Why.
        failure: Failure,
    },
    /// Never accepted: its message could not be sent, and its caller was told so.
    Withdrawn {
        /// When.
        at: Timestamp,
    },
}

/// One job. See the module's documentation for how it moves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// Whose it is.
    pub owner: OwnerId,
    /// What was asked for.
    #[serde(rename = "order")]
    pub spec: JobSpec,
    /// When it was made.
    pub created_at: Timestamp,
    /// Whether a credit was debited for it.
    pub charged: bool,
    /// Raised by one with every stored change.
    pub version: u64,
    /// How many times it was claimed.
    pub attempts: u32,
    /// 0 to 100; never goes back.
    pub progress: u8,
    /// Where it stands.
    pub state: JobState,
    /// When its record may be forgotten. Only set once it has ended.
    pub expires_at: Option<Timestamp>,
    /// The drop that it was made for. `None` for one that a caller asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drop: Option<JobDrop>,
}

/// The transition does not exist from the state the job is in, or the lease is another worker's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a job that is {state} cannot {transition}")]
pub struct InvalidTransition {
    /// The state the job is in.
    pub state: &'static str,
    /// What was tried.
    pub transition: &'static str,
}

/// Why a job cannot be claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ClaimRefused {
    /// It has ended, so there is nothing to do.
    #[error("the job has ended")]
    Ended,
    /// Another worker has it.
    #[error("another worker has the job until {until}")]
    Leased {
        /// When that worker's lease runs out.
        until: Timestamp,
    },
    /// It is waiting for its next attempt.
    #[error("the job is not to be tried before {ready_at}")]
    NotYet {
        /// When it may be claimed.
        ready_at: Timestamp,
    },
    /// It was claimed as often as a job may be, and no worker has it any more.
    #[error("the attempts are spent")]
    Spent,
}

impl Job {
    /// A new job, queued.
    pub fn new(id: JobId, owner: OwnerId, spec: JobSpec, charged: bool, now: Timestamp, policy: &Policy) -> Self {
        Self {
            id,
            owner,
            spec,
            created_at: now,
            charged,
            version: 1,
            attempts: 0,
            progress: 0,
            state: queued(now, now, policy),
            expires_at: None,
            drop: None,
        }
    }

    /// Takes the job for a worker, for the policy's lease.
    ///
    /// # Errors
    /// [`ClaimRefused`] says what to do with the message instead.
    pub fn claim(self, token: LeaseToken, now: Timestamp, policy: &Policy) -> Result<Self, ClaimRefused> {
        match self.state {
            JobState::Queued { ready_at, .. } if ready_at > now => return Err(ClaimRefused::NotYet { ready_at }),
            JobState::Running { lease, .. } if lease.until > now => {
                return Err(ClaimRefused::Leased { until: lease.until });
            }
            JobState::Queued { .. } | JobState::Running { .. } if self.attempts >= policy.max_attempts => {
                return Err(ClaimRefused::Spent);
            }
            JobState::Queued { .. } | JobState::Running { .. } => {}
            JobState::Done { .. } | JobState::Failed { .. } | JobState::Withdrawn { .. } => {
                return Err(ClaimRefused::Ended);
            }
        }
        let lease = Lease { token, until: after(now, policy.lease) };
        let attempts = self.attempts + 1;
        Ok(Self { attempts, ..self.at_step(Step::Fetch, lease) })
    }

    /// Makes the worker's lease hold anew from `now`.
    ///
    /// # Errors
    /// [`InvalidTransition`] unless the job runs under `token`.
    pub fn renew(self, token: LeaseToken, now: Timestamp, policy: &Policy) -> Result<Self, InvalidTransition> {
        let step = self.step_under(token, "renew its lease")?;
        Ok(self.at_step(step, Lease { token, until: after(now, policy.lease) }))
    }

    /// The same job with its progress raised to `percent`, of which 99 is the most before the end. No change
    /// by itself: what is done to the job next carries it along.
    #[must_use]
    pub fn progressed(self, percent: u8) -> Self {
        Self { progress: self.progress.max(percent.min(99)), ..self }
    }

    /// Goes on to `step`. The lease stays as it is, so that a step costs no change of what the sweep looks
    /// at.
    ///
    /// # Errors
    /// [`InvalidTransition`] unless the job runs under `token`.
    pub fn advance(self, token: LeaseToken, step: Step) -> Result<Self, InvalidTransition> {
        match self.state {
            JobState::Running { lease, .. } if lease.token == token => Ok(self.at_step(step, lease)),
            JobState::Running { .. }
            | JobState::Queued { .. }
            | JobState::Done { .. }
            | JobState::Failed { .. }
            | JobState::Withdrawn { .. } => Err(self.invalid("advance")),
        }
    }

    /// Ends the job well.
    ///
    /// # Errors
    /// [`InvalidTransition`] unless the job runs under `token`.
    pub fn finish(
        self,
        token: LeaseToken,
        outcome: Outcome,
        now: Timestamp,
        policy: &Policy,
    ) -> Result<Self, InvalidTransition> {
        self.step_under(token, "finish")?;
        Ok(Self { progress: 100, ..self.ended(JobState::Done { at: now, outcome }, now, policy) })
    }

    /// Ends the worker's attempt with a fault: the job waits for its next attempt, or fails where the
    /// fault is final or the attempts are spent.
    ///
    /// # Errors
    /// [`InvalidTransition`] unless the job runs under `token`.
    pub fn give_up(
        self,
        token: LeaseToken,
        fault: Fault,
        now: Timestamp,
        policy: &Policy,
    ) -> Result<Self, InvalidTransition> {
        self.step_under(token, "end its attempt")?;
        match fault {
            Fault::Retry(_) if self.attempts < policy.max_attempts => {
                let ready_at = after(now, policy.backoff(self.attempts));
                Ok(self.moved(queued(now, ready_at, policy)))
            }
            Fault::Retry(failure) | Fault::Fail(failure) => {
                Ok(self.ended(JobState::Failed { at: now, failure }, now, policy))
            }
        }
    }

    /// Takes back a job whose message could not be sent.
    ///
    /// # Errors
    /// [`InvalidTransition`] if the job was claimed: then its message did go through.
    pub fn withdraw(self, now: Timestamp, policy: &Policy) -> Result<Self, InvalidTransition> {
        match self.state {
            JobState::Queued { .. } if self.attempts == 0 => {
                Ok(self.ended(JobState::Withdrawn { at: now }, now, policy))
            }
            JobState::Queued { .. }
            | JobState::Running { .. }
            | JobState::Done { .. }
            | JobState::Failed { .. }
            | JobState::Withdrawn { .. } => Err(self.invalid("be withdrawn")),
        }
    }

    /// Notes that the message of a queued job is being sent again.
    ///
    /// # Errors
    /// [`InvalidTransition`] unless the job is queued.
    pub fn resend(self, policy: &Policy) -> Result<Self, InvalidTransition> {
        match self.state {
            JobState::Queued { since, ready_at, resends, .. } => {
                let resends = resends + 1;
                let resend_at = self.within_its_time(after(ready_at, policy.resend_at(resends)), policy);
                Ok(self.moved(JobState::Queued { since, ready_at, resend_at, resends }))
            }
            JobState::Running { .. } | JobState::Done { .. } | JobState::Failed { .. } | JobState::Withdrawn { .. } => {
                Err(self.invalid("have its message sent again"))
            }
        }
    }

    /// Looks at a queued job again later, because the queue has a backlog. The wait doubles each time, so
    /// a backlog of days costs a job a dozen writes and not one a minute.
    ///
    /// # Errors
    /// [`InvalidTransition`] unless the job is queued.
    pub fn look_later(self, now: Timestamp, policy: &Policy) -> Result<Self, InvalidTransition> {
        match self.state {
            JobState::Queued { since, ready_at, resends, .. } => {
                let waited = Duration::try_from(now.duration_since(since)).unwrap_or_default();
                let resend_at = self.within_its_time(after(now, waited.max(policy.resend_after[0])), policy);
                Ok(self.moved(JobState::Queued { since, ready_at, resend_at, resends }))
            }
            JobState::Running { .. } | JobState::Done { .. } | JobState::Failed { .. } | JobState::Withdrawn { .. } => {
                Err(self.invalid("be looked at later"))
            }
        }
    }

    /// Queues a job whose worker is gone, or whose message was dead-lettered while it waited.
    ///
    /// # Errors
    /// [`InvalidTransition`] if the job has ended, or its lease is live.
    pub fn requeue(self, now: Timestamp, policy: &Policy) -> Result<Self, InvalidTransition> {
        match self.state {
            JobState::Queued { ready_at, .. } => Ok(self.moved(queued(now, ready_at.max(now), policy))),
            JobState::Running { lease, .. } if lease.until <= now => Ok(self.moved(queued(now, now, policy))),
            JobState::Running { .. } | JobState::Done { .. } | JobState::Failed { .. } | JobState::Withdrawn { .. } => {
                Err(self.invalid("be queued again"))
            }
        }
    }

    /// Queues a job whose worker is known to be gone, whatever its lease says. Only for who alone works on the
    /// store, such as the one server of a data folder when it starts.
    ///
    /// # Errors
    /// [`InvalidTransition`] unless a worker has the job.
    pub fn abandon(self, now: Timestamp, policy: &Policy) -> Result<Self, InvalidTransition> {
        match self.state {
            JobState::Running { .. } => Ok(self.moved(queued(now, now, policy))),
            JobState::Queued { .. } | JobState::Done { .. } | JobState::Failed { .. } | JobState::Withdrawn { .. } => {
                Err(self.invalid("be abandoned"))
            }
        }
    }

    /// Fails a job that no worker has.
    ///
    /// # Errors
    /// [`InvalidTransition`] if the job has ended, or its lease is live.
    pub fn expire(self, failure: Failure, now: Timestamp, policy: &Policy) -> Result<Self, InvalidTransition> {
        match self.state {
            JobState::Queued { .. } => Ok(self.ended(JobState::Failed { at: now, failure }, now, policy)),
            JobState::Running { lease, .. } if lease.until <= now => {
                Ok(self.ended(JobState::Failed { at: now, failure }, now, policy))
            }
            JobState::Running { .. } | JobState::Done { .. } | JobState::Failed { .. } | JobState::Withdrawn { .. } => {
                Err(self.invalid("expire"))
            }
        }
    }

    /// Whether there is nothing more to do for it but to report it.
    pub fn has_ended(&self) -> bool {
        match self.state {
            JobState::Queued { .. } | JobState::Running { .. } => false,
            JobState::Done { .. } | JobState::Failed { .. } | JobState::Withdrawn { .. } => true,
        }
    }

    /// When the sweep has to look at the job: its message may be lost, or its worker gone, or what it came to was not
    /// reported. `None` once it has ended and there is nothing to report, or no time left for it.
    pub fn due_at(&self) -> Option<Timestamp> {
        match &self.state {
            JobState::Queued { resend_at, .. } => Some(*resend_at),
            JobState::Running { lease, .. } => Some(lease.until),
            JobState::Done { .. } | JobState::Failed { .. } => self.drop.as_ref().and_then(|drop| drop.remind_at),
            JobState::Withdrawn { .. } => None,
        }
    }

    /// Whether the job's credit goes back with the change that brought it into this state. What becomes of a job
    /// after its end gives back nothing more.
    pub fn refunds(&self) -> bool {
        let just_ended = self.drop.as_ref().is_none_or(|drop| !drop.reported && drop.reminders == 0);
        match self.state {
            JobState::Failed { .. } | JobState::Withdrawn { .. } => self.charged && just_ended,
            JobState::Queued { .. } | JobState::Running { .. } | JobState::Done { .. } => false,
        }
    }

    /// Whether the record is past its time and counts as gone, though its store may still hold it.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }

    /// `time`, but at the latest when the job has waited as long as a job may: the sweep then has to end it.
    fn within_its_time(&self, time: Timestamp, policy: &Policy) -> Timestamp {
        time.min(after(self.created_at, policy.max_pending))
    }

    fn step_under(&self, token: LeaseToken, transition: &'static str) -> Result<Step, InvalidTransition> {
        match self.state {
            JobState::Running { step, lease } if lease.token == token => Ok(step),
            JobState::Running { .. }
            | JobState::Queued { .. }
            | JobState::Done { .. }
            | JobState::Failed { .. }
            | JobState::Withdrawn { .. } => Err(self.invalid(transition)),
        }
    }

    fn at_step(self, step: Step, lease: Lease) -> Self {
        let progress = self.progress.max(step.progress());
        Self { progress, ..self.moved(JobState::Running { step, lease }) }
    }

    fn ended(mut self, state: JobState, now: Timestamp, policy: &Policy) -> Self {
        if let Some(drop) = &mut self.drop {
            drop.remind_at = Some(after(now, policy.resend_at(0)));
        }
        Self { expires_at: Some(after(now, policy.retention)), ..self.moved(state) }
    }

    fn moved(self, state: JobState) -> Self {
        Self { version: self.version + 1, state, ..self }
    }

    fn invalid(&self, transition: &'static str) -> InvalidTransition {
        InvalidTransition { state: self.state.name(), transition }
    }
}

impl JobState {
    /// The state's name, as stores index it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Queued { .. } => "queued",
            Self::Running { .. } => "running",
            Self::Done { .. } => "done",
            Self::Failed { .. } => "failed",
            Self::Withdrawn { .. } => "withdrawn",
        }
    }
}

impl fmt::Display for JobState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

fn queued(since: Timestamp, ready_at: Timestamp, policy: &Policy) -> JobState {
    JobState::Queued { since, ready_at, resend_at: after(ready_at, policy.resend_at(0)), resends: 0 }
}

/// `time + wait`, at the latest the last time there is.
pub(crate) fn after(time: Timestamp, wait: Duration) -> Timestamp {
    time.checked_add(wait).unwrap_or(Timestamp::MAX)
}
