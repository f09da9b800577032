//! What is more of a job that was dropped: it is done only once what it came to was told where its file came from.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{InvalidTransition, Job, JobState, after};
use crate::domain::drops::DropOrigin;
use crate::domain::policy::Policy;

/// What a job that was dropped has beside all others: where its file came from, and whether that was answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobDrop {
    /// Where its file came from.
    pub origin: DropOrigin,
    /// Whether its results and its manifest lie where they belong, or those of a newer drop do.
    pub reported: bool,
    /// How often it was reminded of, once it had ended.
    #[serde(default)]
    pub reminders: u32,
    /// When it is reminded of next: once it has ended, and while there is time left for it.
    #[serde(default)]
    pub remind_at: Option<Timestamp>,
}

impl Job {
    /// The same new job, made for a drop.
    #[must_use]
    pub fn dropped(self, origin: DropOrigin) -> Self {
        Self { drop: Some(JobDrop { origin, reported: false, reminders: 0, remind_at: None }), ..self }
    }

    /// Notes that a dropped job was answered where its file came from.
    ///
    /// # Errors
    /// [`InvalidTransition`] unless it [has to be](Self::unreported).
    pub fn report(self) -> Result<Self, InvalidTransition> {
        match self.unreported() {
            Some(_) => {
                let drop = self.drop.map(|drop| JobDrop { reported: true, remind_at: None, ..drop });
                Ok(Self { version: self.version + 1, drop, ..self })
            }
            None => Err(self.invalid("be reported")),
        }
    }

    /// Notes that the message of a job that was not reported yet is being sent again. The time until the next one grows
    /// as it does for queued jobs, and there is none after the job's record is past its time.
    ///
    /// # Errors
    /// [`InvalidTransition`] unless it [has to be](Self::unreported) reported.
    pub fn remind(self, policy: &Policy) -> Result<Self, InvalidTransition> {
        let ended_at = match self.state {
            JobState::Done { at, .. } | JobState::Failed { at, .. } => at,
            JobState::Queued { .. } | JobState::Running { .. } | JobState::Withdrawn { .. } => self.created_at,
        };
        match &self.drop {
            Some(drop) if self.unreported().is_some() => {
                let reminders = drop.reminders.saturating_add(1);
                let remind_at = Some(after(ended_at, policy.resend_at(reminders)));
                let remind_at = remind_at.filter(|at| self.expires_at.is_none_or(|end| *at < end));
                let drop = Some(JobDrop { reminders, remind_at, ..drop.clone() });
                Ok(Self { version: self.version + 1, drop, ..self })
            }
            Some(_) | None => Err(self.invalid("be reminded of")),
        }
    }

    /// Where the job's end still has to be told: of a dropped job that has ended and was not reported.
    pub fn unreported(&self) -> Option<&DropOrigin> {
        let ended = matches!(self.state, JobState::Done { .. } | JobState::Failed { .. });
        self.drop.as_ref().filter(|drop| ended && !drop.reported).map(|drop| &drop.origin)
    }
}
