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

pub mod clock;
pub mod contract;
pub mod drops;
pub mod failure;
pub mod ids;
pub mod job;
pub mod keys;
pub mod kind;
pub mod message;
pub mod outcome;
pub mod params;
mod persist;
pub mod policy;
pub mod ports;
pub mod process;
pub mod rendering;
pub mod request;
pub mod sets;
pub mod status;
pub mod storage;
pub mod submit;
pub mod sweep;
pub mod testing;

pub use clock::{Clock, Ids, SystemClock, SystemIds};
pub use failure::{Failure, FailureCode, Fault};
pub use ids::{JobId, LeaseToken, OwnerId};
pub use job::{Job, JobState};
pub use outcome::{AssetKind, Confidence, Variation, Warnings};
pub use params::{ParamSet, SetName};
pub use policy::Policy;
pub use rendering::{Channels, Rendering};
pub use request::{DeliveryMode, Mode, OutputFormat, SourceUrl};
pub use storage::StorageKey;
