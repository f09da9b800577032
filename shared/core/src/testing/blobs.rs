//! Objects in memory, and links to them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use url::Url;

use super::lock::lock;
use crate::domain::file_name::FileName;
use crate::domain::ids::{JobId, LeaseToken};
use crate::domain::percent::percent_encode;
use crate::domain::storage::StorageKey;
use crate::domain::time::after;
use crate::ports::Clock;
use crate::ports::{Blobs, JobFiles, Link, Links, PortError};

/// [`Blobs`] and [`JobFiles`] in memory.
#[derive(Debug, Default)]
pub struct MemoryBlobs(Mutex<HashMap<StorageKey, Bytes>>);

impl MemoryBlobs {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// The keys of all objects.
    pub fn keys(&self) -> Vec<StorageKey> {
        lock(&self.0).keys().copied().collect()
    }
}

#[async_trait]
impl Blobs for MemoryBlobs {
    async fn put(&self, key: &StorageKey, bytes: Bytes) -> Result<(), PortError> {
        lock(&self.0).insert(*key, bytes);
        Ok(())
    }

    async fn put_new(&self, key: &StorageKey, bytes: Bytes) -> Result<bool, PortError> {
        let mut objects = lock(&self.0);
        let free = !objects.contains_key(key);
        if free {
            objects.insert(*key, bytes);
        }
        Ok(free)
    }

    async fn get(&self, key: &StorageKey) -> Result<Option<Bytes>, PortError> {
        Ok(lock(&self.0).get(key).cloned())
    }

    async fn copy(&self, from: &StorageKey, to: &StorageKey) -> Result<bool, PortError> {
        let mut objects = lock(&self.0);
        let copied = objects.get(from).cloned().map(|bytes| objects.insert(*to, bytes));
        Ok(copied.is_some())
    }
}

#[async_trait]
impl JobFiles for MemoryBlobs {
    async fn delete(&self, job: JobId) -> Result<(), PortError> {
        lock(&self.0).retain(|key, _| key.job() != job);
        Ok(())
    }

    async fn delete_outputs(&self, job: JobId, lease: LeaseToken) -> Result<(), PortError> {
        lock(&self.0).retain(|key, _| key.job() != job || key.lease() != Some(lease));
        Ok(())
    }
}

/// [`Links`] to the reserved host `files.invalid`, which does not exist.
pub struct MemoryLinks {
    clock: Arc<dyn Clock>,
}

impl MemoryLinks {
    /// Links that work for an hour of this clock.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock }
    }
}

#[async_trait]
impl Links for MemoryLinks {
    async fn sign(&self, key: &StorageKey, file_name: Option<&FileName>) -> Result<Link, PortError> {
        let name = file_name.map(|name| format!("name={}&", percent_encode(name.as_str()))).unwrap_or_default();
        let url = format!("https://files.invalid/{key}?{name}signature=none");
        let url = Url::parse(&url).map_err(PortError::fail)?;
        Ok(Link { url, expires_at: after(self.clock.now(), Duration::from_secs(3600)) })
    }
}
