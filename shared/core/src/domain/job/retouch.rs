//! Retouched files that were dropped for a held job: each cuts the job again, once, and its manifest reports how that
//! ended.

use super::model::Job;
use super::retouch_record::{Retouch, RetouchEnd};
use crate::domain::digest::Digest;
use crate::domain::mask::MaskContent;
use crate::domain::subject::SubjectChanges;

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
