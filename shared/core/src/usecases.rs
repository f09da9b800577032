//! The use cases, written against the [`ports`](crate::ports). [`UseCases`] puts them together.

mod accept;
mod delete;
mod digest;
mod drops;
mod env;
mod fingerprint;
mod intake;
mod job_list;
mod param_sets;
mod persist;
mod process;
mod rate_limit;
mod retry;
mod status;
mod storage_cap;
mod submission;
mod submit;
mod sweep;
mod wiring;
mod work;

pub use delete::Delete;
pub use drops::{DropIngest, IngestOutcome, manifest_sequencer};
pub use env::Env;
pub use intake::Intake;
pub use job_list::{JobFilter, JobList, JobListing};
pub use param_sets::{ParamSetLibrary, ResolvedSet, SetCursor, SetError, SetListing, SetPage};
pub use process::{Process, Workshop};
pub use rate_limit::{CountedRequest, RateLimit, RateUsage};
pub use retry::{Retry, RetryError};
pub use status::{JobView, Status};
pub use storage_cap::{StorageCap, StorageFull};
pub use submission::{Submission, SubmittedSet, SubmittedSource};
pub use submit::{AcceptedJob, Submit, SubmitError};
pub use sweep::{Sweep, SweepReport};
pub use wiring::{RecordStores, UseCases};
pub use work::Disposition;
