//! Objects in S3, with the region and the credentials that every AWS tool uses.

use std::time::Duration;

use anyhow::Context;
use cutline_aws::{Aws, S3Bucket};
use jiff::Timestamp;

use super::ObjectLink;

pub(in crate::batch) use cutline_aws::{ListedObject, ObjectPage};

/// How long a link to an object holds. A job is fetched soon after it was accepted: few are open at a time.
const LINK_LIFETIME: Duration = Duration::from_secs(12 * 60 * 60);

/// A bucket.
pub(in crate::batch) struct Bucket {
    bucket: S3Bucket,
    name: String,
}

impl Bucket {
    pub(in crate::batch) async fn open(name: &str) -> anyhow::Result<Self> {
        Ok(Self { bucket: Aws::from_env().await.bucket(name), name: name.to_owned() })
    }

    pub(in crate::batch) async fn objects(&self, prefix: &str, from: Option<String>) -> anyhow::Result<ObjectPage> {
        let page = self.bucket.objects(prefix, from).await;
        page.with_context(|| {
            format!("cannot list s3://{}/{prefix}; check the bucket's name, region and credentials", self.name)
        })
    }

    pub(in crate::batch) async fn link(&self, key: &str) -> anyhow::Result<ObjectLink> {
        let ends = Timestamp::now() + LINK_LIFETIME;
        let link = self.bucket.presigned_link(key, LINK_LIFETIME).await;
        let url =
            link.with_context(|| format!("cannot sign a link to s3://{}/{key}; check the credentials", self.name))?;
        Ok(ObjectLink { url, ends })
    }
}
