//! A job and its state machine.
//!
//! A transition consumes the job and returns a [`Transition`]: the next job, with its version raised by one, and the
//! effects that belong to the change. It never touches a store. [`Jobs::replace`](crate::ports::Jobs::replace) stores
//! both in one transaction, on the condition that the stored version is the one before, so of two transitions from the
//! same state exactly one takes effect.
//!
//! ```text
//!             claim                    finish
//! Queued ───────────────► Running ───────────────► Done
//!   │  ▲                  │  │  │
//!   │  └──────────────────┘  │  └────────────────► Failed
//!   │   give_up, requeue,    └─ renew, advance        ▲
//!   │   abandon, fetched,                             │
//!   │   fetch_again                                   │
//!   ├─ withdraw ──► Withdrawn                         │
//!   └─ expire ────────────────────────────────────────┘
//! ```
//!
//! `finish` holds a job whose request asks for review: it is in `Review`, without a lease, until a person's decision ends
//! it as done or failed, or its deadline passes. `recut` leads from `Review` back to `Queued`, and `finish` or a failure to
//! `Review`.
//!
//! A pending job is at a [`JobStage`]. One that needs something from elsewhere begins at `Intake`; `fetched` leads on to
//! `Make`, and `fetch_again` back, if what was stored is missing. Attempts count per stage.
//!
//! `delete` leads from every state but `Withdrawn` to a tombstone, which is a withdrawn job whose files are deleted.
//!
//! A transition that ends a job for its owner counts it, once: done, failed, or cancelled by a deletion.
//!
//! A refund belongs to the transition that fails or withdraws a job, never to the state after it: further writes of a
//! failed job refund nothing. A job that is done or has failed may owe reports; `report_delivered`, `retry_reports` and the
//! transitions of webhooks change those alone. `bring_forward` and `postpone` change times alone, after someone has set the clock.
//!
//! `stored` documents the record, and how two releases share it.

mod attempt;
mod clock;
mod delete;
mod deletion;
mod file_names;
mod model;
mod record;
mod recut;
mod recut_record;
mod report;
mod reporting;
mod retouch;
mod retouch_record;
mod reviewing;
mod route;
mod spec;
mod stage;
mod stages;
mod state;
mod step;
mod stored;
mod summary;
mod transition;
mod upkeep;
mod webhook;
mod webhooks;

pub use attempt::ClaimRefused;
pub use deletion::{DeletedUpload, Deletion};
pub use file_names::FileNames;
pub use model::Job;
pub use record::{RecordVersion, UnknownAttributes};
pub use recut::RecutRefused;
pub use recut_record::{Recut, ReplacedFiles, WaitingDraft};
pub use report::{Report, ReportId, ReportKind, ReportStatus};
pub use retouch_record::{Retouch, RetouchEnd};
pub use reviewing::{DecisionRefused, ReviewDecision};
pub use route::Route;
pub use spec::{JobParamSet, JobSpec, Source};
pub use stage::JobStage;
pub use state::{JobState, Lease};
pub use step::Step;
pub use summary::{JobSummary, ListedStatus};
pub use transition::{Effect, InvalidTransition, Transition};
pub use webhook::{WebhookAttempt, WebhookDelivery, WebhookNotReady, WebhookResult, WebhookState, WebhookVerdict};
