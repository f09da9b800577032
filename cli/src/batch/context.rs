//! What every step of a run uses.

use std::cell::RefCell;

use cutline_core::domain::id_pattern::IdPattern;
use cutline_core::domain::idempotency::IdempotencyKey;
use cutline_core::domain::output_name::OutputName;
use cutline_core::domain::params::SetName;
use cutline_core::{Mode, OutputFormat};
use cutline_http::ApiClient;

use super::calls::Calls;
use super::claims::Claims;
use super::entry::EntryId;
use super::events::{Event, Step};
use super::journal::{Journal, JournalError};
use super::output::Output;

/// The client, the state and the options of a run.
pub(super) struct Context {
    pub(super) client: ApiClient,
    pub(super) calls: Calls,
    pub(super) journal: Journal,
    /// The names of results. Borrowed for the length of a check only.
    pub(super) claims: RefCell<Claims>,
    /// The run's id.
    pub(super) run: String,
    pub(super) job: JobOptions,
    /// The folder for the results; `None` leaves them where they are.
    pub(super) output: Option<Output>,
}

/// What the jobs of a run have in common.
#[derive(Debug, Clone)]
pub(super) struct JobOptions {
    pub(super) pictures: Pictures,
    pub(super) format: Option<OutputFormat>,
    /// For entries without one of their own.
    pub(super) output_name: Option<OutputName>,
    /// What reads ids from the names of the pictures.
    pub(super) id_pattern: Option<IdPattern>,
}

/// Which pictures are made.
#[derive(Debug, Clone)]
pub(super) enum Pictures {
    /// Those of a parameter set.
    Set(SetName),
    /// The one of a mode.
    Mode(Mode),
}

impl Context {
    /// Notes a step of an entry. Returns once it is on disk.
    pub(super) async fn note(&self, entry: EntryId, step: Step) -> Result<(), JournalError> {
        self.journal.append(&Event { entry, step }).await
    }

    /// The key of an attempt's request: equal in every start of the run, and in no other run.
    pub(super) fn idempotency_key(&self, entry: EntryId, attempt: u32) -> anyhow::Result<IdempotencyKey> {
        Ok(format!("batch/{}/{entry}/{attempt}", self.run).parse()?)
    }
}
