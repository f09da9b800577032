//! The domain of Cutline: what a job is, how it moves, and the use cases that move it.
//!
//! This crate knows nothing of HTTP, AWS, SQLite or pixels. It owns the *ports* ([`ports`]), small
//! traits with their meaning written down, and the use cases that are written against them:
//!
//! | use case | run by | does |
//! |---|---|---|
//! | [`submit`] | the upload function, `serve` | writes the job's record, then sends its message |
//! | [`sets`] | the upload and status functions, `serve` | keeps parameter sets for their owners |
//! | [`status`] | the status function, `serve` | reads the record, signs the links |
//! | [`process`] | the process function, the workers of `serve` | claims the job, makes the pictures, finishes it |
//! | [`drops`] | the process function, the workers of `serve` | makes jobs of dropped files, and answers those |
//! | [`sweep`] | the sweep function, the sweeper of `serve` | finds what was lost and brings it to an end |
//!
//! Time and identifiers are injected ([`clock`]), so every rule is tested without waiting. The module
//! [`contract`] is the suite that every adapter of the ports has to pass, and [`testing`] holds adapters
//! in memory that pass it too.

pub mod contract;
pub mod domain;
pub mod ports;
pub mod testing;
pub mod usecases;

pub use domain::failure::{Failure, FailureCode, Fault};
pub use domain::ids::{JobId, LeaseToken, OwnerId};
pub use domain::job::{Job, JobState};
pub use domain::outcome::{AssetKind, Confidence, Variation, Warnings};
pub use domain::params::{ParamSet, SetName};
pub use domain::policy::Policy;
pub use domain::rendering::{Channels, Rendering};
pub use domain::request::{DeliveryMode, Mode, OutputFormat, SourceUrl};
pub use domain::storage::StorageKey;
pub use ports::{Clock, Ids, SystemClock, SystemIds};
