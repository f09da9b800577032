//! The domain of Cutline: jobs, their state machine, and the use cases that change them.
//!
//! This crate knows nothing of HTTP, AWS, SQLite or pixels. [`domain`] holds values and the state machine, [`ports`]
//! the traits that the outside implements, and [`usecases`] everything that is done with both:
//!
//! | use case | run by | does |
//! |---|---|---|
//! | [`Submit`](usecases::Submit) | the upload function, `serve` | stores a job's record, then sends its message |
//! | [`DirectUpload`](usecases::DirectUpload) | the upload function, `serve` | grants links to upload files |
//! | [`ParamSetLibrary`](usecases::ParamSetLibrary) | the upload and status functions, `serve` | manages parameter sets |
//! | [`Status`](usecases::Status) | the status function, `serve` | reads a job's record, signs links |
//! | [`Intake`](usecases::Intake) | the intake function, the fetchers of `serve` | stores what a job needs from elsewhere |
//! | [`Process`](usecases::Process) | the process function, the workers of `serve` | claims a job, makes its pictures, finishes it |
//! | [`DropIngest`](usecases::DropIngest) | the intake function, `serve --watch` | turns dropped files into jobs, delivers their results |
//! | [`ReportSender`](usecases::ReportSender) | the sweep function, `serve` | sends webhooks, has results of drops delivered |
//! | [`Sweep`](usecases::Sweep) | the sweep function, `serve` | finds lost work and brings it to an end |
//!
//! [`UseCases`](usecases::UseCases) wires them. Time and identifiers are injected ([`Env`](usecases::Env)), so tests
//! never wait. With the feature `testing`, the module `contract` holds the test suite that every adapter of the ports
//! has to pass, and `testing` holds adapters in memory.
//!
//! # Example
//!
//! A transition consumes a job and returns the next one together with its effects:
//!
//! ```
//! use cutline_core::domain::job::{Effect, JobSpec, Source};
//! use cutline_core::domain::usage::JobEnd;
//! use cutline_core::{Clock, DeliveryMode, FailureCode, Fault, Ids, Job, JobState, Mode, Policy, SystemClock, SystemIds};
//!
//! let (now, policy) = (SystemClock.now(), Policy::default());
//! let spec = JobSpec {
//!     mode: Mode::Clipping,
//!     delivery: DeliveryMode::Url,
//!     format: None,
//!     rendering: Default::default(),
//!     set: None,
//!     source: Source::Stored,
//!     subject: Default::default(),
//!     mask: None,
//!     external_id: None,
//!     metadata: None,
//!     review: Default::default(),
//!     previews: false,
//!     output_name: None,
//!     source_name: None,
//!     warnings: Default::default(),
//! };
//! let job = Job::new(SystemIds.job(), "shop".parse()?, spec, now, &policy).with_charge(true);
//!
//! // A worker claims the job; `Jobs::replace` would store this.
//! let token = SystemIds.lease();
//! let running = job.claim(token, now, &policy)?.job;
//!
//! // The picture is damaged: the job fails, and its credit goes back. It counts as failed.
//! let fault = Fault::fail(FailureCode::InvalidImage, "the file is truncated");
//! let failed = running.give_up(token, fault, now, &policy)?;
//! assert!(matches!(failed.job.state, JobState::Failed { .. }));
//! assert_eq!(failed.effects, [Effect::Refund, Effect::Count(JobEnd::Failed)]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#[cfg(feature = "testing")]
pub mod contract;
pub mod domain;
pub mod ports;
#[cfg(feature = "testing")]
pub mod testing;
pub mod usecases;

pub use domain::asset::AssetKind;
pub use domain::failure::{Failure, FailureCode, Fault};
pub use domain::file_format::FileFormat;
pub use domain::format::OutputFormat;
pub use domain::ids::{JobId, LeaseToken, OwnerId};
pub use domain::job::{Job, JobState};
pub use domain::outcome::{Confidence, Warnings};
pub use domain::params::{ParamSet, SetName};
pub use domain::policy::Policy;
pub use domain::rendering::{Channels, Rendering};
pub use domain::request::{DeliveryMode, Mode, SourceUrl};
pub use domain::requested_format::RequestedFormat;
pub use domain::storage::StorageKey;
pub use domain::variation::Variation;
pub use ports::{Clock, Ids, SystemClock, SystemIds};
