//! Values and the state machine of a job. Nothing here does I/O.

pub mod asset;
pub mod choice;
pub mod correlation;
pub mod digest;
pub mod drops;
pub mod failure;
pub mod format;
pub mod idempotency;
pub mod identity;
pub mod ids;
pub mod job;
pub mod json;
pub mod keys;
pub mod kind;
pub mod limits;
pub mod message;
pub mod outcome;
pub mod params;
pub mod policy;
pub mod rendering;
pub mod request;
pub mod storage;
pub(crate) mod time;
pub(crate) mod url_text;
pub mod variation;
pub mod work_request;
