//! In place of `aws` in a build without that feature: no bucket can be opened.

use std::convert::Infallible;

use super::ObjectLink;

/// An object in a list.
pub(in crate::batch) struct ListedObject {
    pub(in crate::batch) key: String,
    pub(in crate::batch) bytes: u64,
}

/// A page of a list.
pub(in crate::batch) struct ObjectPage {
    pub(in crate::batch) objects: Vec<ListedObject>,
    pub(in crate::batch) next: Option<String>,
}

/// A bucket. No value of this type exists.
pub(in crate::batch) struct Bucket(Infallible);

impl Bucket {
    pub(in crate::batch) async fn open(_name: &str) -> anyhow::Result<Self> {
        Err(anyhow::anyhow!("this program was built without AWS; build it with `--features aws` to read from s3://"))
    }

    pub(in crate::batch) async fn objects(&self, _prefix: &str, _from: Option<String>) -> anyhow::Result<ObjectPage> {
        match self.0 {}
    }

    pub(in crate::batch) async fn link(&self, _key: &str) -> anyhow::Result<ObjectLink> {
        match self.0 {}
    }
}
