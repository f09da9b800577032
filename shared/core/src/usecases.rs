//! The use cases, one a file, written against the [`ports`](crate::ports).

mod drop_ingest;
mod drop_manifest;
mod param_sets;
mod persist;
mod process;
mod status;
mod submit;
mod sweep;

pub use drop_ingest::{DropIngest, IngestOutcome};
pub use drop_manifest::manifest_sequencer;
pub use param_sets::{ParamSetLibrary, ResolvedSet, SetError, SetListing};
pub use process::{Disposition, Process};
pub use status::{JobView, Status};
pub use submit::{Submission, Submit, SubmitError, SubmittedSet, SubmittedSource};
pub use sweep::{Sweep, SweepReport};
