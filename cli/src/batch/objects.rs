//! Objects in S3, in a build with the feature `aws`.

#[cfg(feature = "aws")]
mod aws;
#[cfg(not(feature = "aws"))]
#[path = "objects/without_aws.rs"]
mod aws;

use jiff::Timestamp;
use url::Url;

/// A signed link to an object.
pub(super) struct ObjectLink {
    pub(super) url: Url,
    /// Until when it holds.
    pub(super) ends: Timestamp,
}

pub(super) use aws::{Bucket, ListedObject, ObjectPage};
