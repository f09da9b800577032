//! Where bytes lie. One type owns path and content type, so no two places can spell them differently.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ids::{JobId, LeaseToken};
use crate::job::Variation;
use crate::request::OutputFormat;

/// The name of a stored object.
///
/// | object | key |
/// |---|---|
/// | a job's source | `sources/<job>` |
/// | an output | `jobs/<job>/<lease>/<variation>.<ext>` |
///
/// Sources and outputs have different first parts, so that the role that signs links can be limited to
/// outputs. The lease in an output's key keeps a late worker from overwriting anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StorageKey {
    /// The bytes as they were uploaded or fetched.
    Source {
        /// Whose source it is.
        job: JobId,
    },
    /// One finished picture.
    Output {
        /// Whose picture it is.
        job: JobId,
        /// The claim under which it was made.
        lease: LeaseToken,
        /// Which picture it is.
        variation: Variation,
        /// Its file format.
        format: OutputFormat,
    },
}

impl StorageKey {
    /// The media type that the object is stored with. A source is not believed to be anything.
    pub const fn content_type(&self) -> &'static str {
        match self {
            Self::Source { .. } => "application/octet-stream",
            Self::Output { format, .. } => format.content_type(),
        }
    }
}

impl fmt::Display for StorageKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Source { job } => write!(f, "sources/{job}"),
            Self::Output { job, lease, variation, format } => {
                write!(f, "jobs/{job}/{lease}/{}.{}", variation.as_str(), format.extension())
            }
        }
    }
}
