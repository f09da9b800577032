//! The use cases, written against the [`ports`](crate::ports). [`UseCases`] puts them together.

mod drops;
mod env;
mod param_sets;
mod persist;
mod process;
mod status;
mod storage_cap;
mod submit;
mod sweep;
mod wiring;

pub use drops::{DropIngest, IngestOutcome, manifest_sequencer};
pub use env::Env;
pub use param_sets::{ParamSetLibrary, ResolvedSet, SetCursor, SetError, SetListing, SetPage};
pub use process::{Disposition, Process, Workshop};
pub use status::{JobView, Status};
pub use storage_cap::{StorageCap, StorageFull};
pub use submit::{Submission, Submit, SubmitError, SubmittedSet, SubmittedSource};
pub use sweep::{Sweep, SweepReport};
pub use wiring::{RecordStores, UseCases};
