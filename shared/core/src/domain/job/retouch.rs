//! Retouched files that were dropped for a held job: each cuts the job again, once, and its manifest reports how that
//! ended.

use serde::{Deserialize, Serialize};

use super::model::Job;
use crate::domain::decision::DraftRevision;
use crate::domain::digest::Digest;
use crate::domain::failure::Failure;
use crate::domain::mask::MaskContent;
use crate::domain::subject::SubjectChanges;

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

impl Job {
    /// What became of a retouched file; `None` if it has not cut this job.
    pub fn retouch(&self, drop: &Digest) -> Option<&Retouch> {
        self.retouches.iter().find(|retouch| retouch.drop == *drop)
    }

    /// The retouched files of the job, with the one that a recut brings.
    pub(super) fn retouches_with(&self, changes: &SubjectChanges) -> Vec<Retouch> {
        let brought = match &changes.mask {
            Some(MaskContent::Drop(drop)) => Some(Retouch { drop: *drop, end: None }),
            Some(MaskContent::Sha256(_) | MaskContent::Url(_) | MaskContent::Upload { .. }) | None => None,
        };
        self.retouches.iter().cloned().chain(brought).collect()
    }

    /// Notes how the recut in progress ended, if a retouched file brought it.
    pub(super) fn end_retouch(&mut self, end: RetouchEnd) {
        if let Some(retouch) = self.retouches.iter_mut().find(|retouch| retouch.end.is_none()) {
            retouch.end = Some(end);
        }
    }
}
