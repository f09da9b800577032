//! Listing a bucket, and links to its objects, for programs that send them to an API. Not for the functions: no role of a
//! deployment may do either.

use std::time::Duration;

use aws_sdk_s3::presigning::PresigningConfig;
use cutline_core::ports::PortError;
use url::Url;

use super::S3Bucket;
use crate::error::fault;
use crate::role_session::{SIGN, unsigned};

const LIST: &str = "s3:ListObjectsV2";

/// An object in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedObject {
    /// The object's key.
    pub key: String,
    /// Its size in bytes.
    pub bytes: u64,
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ObjectPage {
    /// The objects, in the order of their keys.
    pub objects: Vec<ListedObject>,
    /// Leads to the next page; `None` on the last one.
    pub next: Option<String>,
}

impl S3Bucket {
    /// A page of the objects whose keys begin with `prefix`, the first one if `from` is `None`.
    ///
    /// # Errors
    /// [`PortError`].
    pub async fn objects(&self, prefix: &str, from: Option<String>) -> Result<ObjectPage, PortError> {
        let request = self.client.list_objects_v2().bucket(&self.bucket).prefix(prefix).set_continuation_token(from);
        let page = request.send().await.map_err(|error| fault(LIST, error))?;
        let next = page.next_continuation_token;
        let objects = page.contents.unwrap_or_default().into_iter();
        let objects = objects.filter_map(|object| {
            let bytes = object.size.and_then(|size| u64::try_from(size).ok()).unwrap_or(0);
            Some(ListedObject { key: object.key?, bytes })
        });
        Ok(ObjectPage { objects: objects.collect(), next })
    }

    /// A link to read an object, signed with the caller's own credentials. It ends with them, at the latest after
    /// `lifetime`.
    ///
    /// # Errors
    /// [`PortError`].
    pub async fn presigned_link(&self, key: &str, lifetime: Duration) -> Result<Url, PortError> {
        let presigning = PresigningConfig::expires_in(lifetime).map_err(|error| unsigned(error.to_string()))?;
        let request = self.client.get_object().bucket(&self.bucket).key(key).presigned(presigning);
        let request = request.await.map_err(|error| fault(SIGN, error))?;
        Url::parse(request.uri()).map_err(|error| unsigned(error.to_string()).into())
    }
}
