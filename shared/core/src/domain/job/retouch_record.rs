//! Retouched files in a job's record.

use serde::{Deserialize, Serialize};

use crate::domain::decision::DraftRevision;
use crate::domain::digest::Digest;
use crate::domain::failure::Failure;

/// A retouched file that cut its job again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retouch {
    /// The digest of the drop's [identity](crate::domain::drops::DropOrigin::identity).
    pub drop: Digest,
    /// How the cut ended. `None` until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<RetouchEnd>,
}

/// How a cut by a retouched file ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetouchEnd {
    /// The job was held with this revision.
    Held(DraftRevision),
    /// The job kept the draft that it had.
    Failed(Failure),
}
