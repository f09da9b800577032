//! The ports in memory, behind a network: each call takes time and may fail.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use cutline_core::domain::drops::{DropPath, DroppedObject};
use cutline_core::domain::file_name::FileName;
use cutline_core::domain::job::Route;
use cutline_core::domain::keys::{KeyHash, KeyRecord, Owner, OwnerChange};
use cutline_core::domain::message::Message;
use cutline_core::domain::params::{Revision, SetName};
use cutline_core::domain::report_message::ReportMessage;
use cutline_core::domain::upload::{ETag, Upload, UploadKey, UploadUse};
use cutline_core::domain::webhook::WebhookUrl;
use cutline_core::domain::webhook_secret::WebhookSecrets;
use cutline_core::ports::{
    Blobs, ChangeOwnerError, Destination, DropFiles, DropLook, JobFiles, Keys, Link, Links, ManifestTag,
    OpenUploadError, OwnerWebhooks, ParamSets, PortError, Precondition, PutSetError, Quarantine, Queue, ReportQueue,
    StoredManifest, StoredSet, UploadCopy, UploadObjects, UploadedObject, Uploads, WriteError,
};
use cutline_core::testing::{MemoryBlobs, MemoryDropFiles, MemoryLinks, MemorySets, MemoryStore, MemoryUploads};
use cutline_core::{JobId, LeaseToken, OwnerId, StorageKey};
use jiff::Timestamp;

use crate::network::{Network, Request};
use crate::sqs::{Body, SimQueue};

/// A port at the other end of the network.
pub(crate) struct Remote<P> {
    pub(crate) port: Arc<P>,
    pub(crate) network: Arc<Network>,
}

#[async_trait]
impl Keys for Remote<MemoryStore> {
    async fn insert(&self, key: &KeyRecord) -> Result<(), PortError> {
        self.network.call(Request::Record, || self.port.insert(key)).await
    }
    async fn find(&self, hash: &KeyHash) -> Result<Option<KeyRecord>, PortError> {
        self.network.call(Request::Record, || Keys::find(self.port.as_ref(), hash)).await
    }
    async fn revoke(&self, hash: &KeyHash, at: Timestamp) -> Result<bool, PortError> {
        self.network.call(Request::Record, || self.port.revoke(hash, at)).await
    }
    async fn owner(&self, id: &OwnerId) -> Result<Owner, PortError> {
        self.network.call(Request::Record, || self.port.owner(id)).await
    }
    async fn change_owner(&self, id: &OwnerId, change: OwnerChange) -> Result<(), ChangeOwnerError> {
        self.network.call(Request::Record, || self.port.change_owner(id, change)).await
    }
    async fn is_known(&self, id: &OwnerId) -> Result<bool, PortError> {
        self.network.call(Request::Record, || self.port.is_known(id)).await
    }
}

#[async_trait]
impl OwnerWebhooks for Remote<MemoryStore> {
    async fn webhook_secrets(&self, owner: &OwnerId) -> Result<WebhookSecrets, PortError> {
        self.network.call(Request::Record, || self.port.webhook_secrets(owner)).await
    }
    async fn put_webhook_secrets(&self, owner: &OwnerId, secrets: &WebhookSecrets) -> Result<(), WriteError> {
        self.network.call(Request::Record, || self.port.put_webhook_secrets(owner, secrets)).await
    }
    async fn set_webhook_url(&self, owner: &OwnerId, url: Option<&WebhookUrl>) -> Result<(), PortError> {
        self.network.call(Request::Record, || self.port.set_webhook_url(owner, url)).await
    }
}

#[async_trait]
impl ParamSets for Remote<MemorySets> {
    async fn get(&self, owner: &OwnerId, name: &SetName) -> Result<Option<StoredSet>, PortError> {
        self.network.call(Request::Record, || self.port.get(owner, name)).await
    }
    async fn list(
        &self,
        owner: &OwnerId,
        from: Option<&SetName>,
        limit: usize,
    ) -> Result<Vec<(SetName, Revision, Timestamp)>, PortError> {
        self.network.call(Request::Record, || self.port.list(owner, from, limit)).await
    }
    async fn put(&self, owner: &OwnerId, set: &StoredSet, condition: &Precondition) -> Result<bool, PutSetError> {
        self.network.call(Request::Record, || self.port.put(owner, set, condition)).await
    }
    async fn delete(&self, owner: &OwnerId, name: &SetName, condition: &Precondition) -> Result<bool, WriteError> {
        self.network.call(Request::Record, || self.port.delete(owner, name, condition)).await
    }
}

#[async_trait]
impl Blobs for Remote<MemoryBlobs> {
    async fn put(&self, key: &StorageKey, bytes: Bytes) -> Result<(), PortError> {
        self.network.call(Request::Write, || self.port.put(key, bytes.clone())).await
    }
    async fn put_new(&self, key: &StorageKey, bytes: Bytes) -> Result<bool, PortError> {
        self.network.call(Request::Write, || self.port.put_new(key, bytes.clone())).await
    }
    async fn get(&self, key: &StorageKey) -> Result<Option<Bytes>, PortError> {
        self.network.call(Request::Read, || self.port.get(key)).await
    }
    async fn copy(&self, from: &StorageKey, to: &StorageKey) -> Result<bool, PortError> {
        self.network.call(Request::Copy, || self.port.copy(from, to)).await
    }
}

#[async_trait]
impl JobFiles for Remote<MemoryBlobs> {
    async fn delete(&self, job: JobId) -> Result<(), PortError> {
        self.network.call(Request::Write, || self.port.delete(job)).await
    }
    async fn delete_outputs(&self, job: JobId, lease: LeaseToken) -> Result<(), PortError> {
        self.network.call(Request::Write, || self.port.delete_outputs(job, lease)).await
    }
}

#[async_trait]
impl Links for Remote<MemoryLinks> {
    /// Signed without a request.
    async fn sign(&self, key: &StorageKey, file_name: Option<&FileName>) -> Result<Link, PortError> {
        self.port.sign(key, file_name).await
    }
}

#[async_trait]
impl DropFiles for Remote<MemoryDropFiles> {
    async fn look(&self, object: &DroppedObject) -> Result<DropLook, PortError> {
        self.network.call(Request::Read, || self.port.look(object)).await
    }
    async fn copy_to(&self, object: &DroppedObject, to: &StorageKey) -> Result<bool, PortError> {
        self.network.call(Request::Copy, || self.port.copy_to(object, to)).await
    }
    async fn put_result(&self, path: &DropPath, name: &str, kind: &'static str, b: Bytes) -> Result<(), PortError> {
        self.network.call(Request::Write, || self.port.put_result(path, name, kind, b.clone())).await
    }
    async fn manifest(&self, path: &DropPath) -> Result<Option<StoredManifest>, PortError> {
        self.network.call(Request::Read, || self.port.manifest(path)).await
    }
    async fn put_manifest(&self, path: &DropPath, b: Bytes, before: Option<&ManifestTag>) -> Result<bool, PortError> {
        self.network.call(Request::Write, || self.port.put_manifest(path, b.clone(), before)).await
    }
}

#[async_trait]
impl Uploads for Remote<MemoryUploads> {
    async fn open(&self, upload: &Upload) -> Result<(), OpenUploadError> {
        self.network.call(Request::Record, || self.port.open(upload)).await
    }
    async fn find(&self, owner: &OwnerId, key: UploadKey) -> Result<Option<Upload>, PortError> {
        self.network.call(Request::Record, || self.port.find(owner, key)).await
    }
    async fn note_job(&self, upload: &Upload, etag: &ETag, job: JobId) -> Result<bool, PortError> {
        self.network.call(Request::Record, || self.port.note_job(upload, etag, job)).await
    }
    async fn uses(&self, owner: &OwnerId, key: UploadKey) -> Result<Option<UploadUse>, PortError> {
        self.network.call(Request::Record, || self.port.uses(owner, key)).await
    }
    async fn close(&self, upload: &Upload, etag: &ETag) -> Result<(), PortError> {
        self.network.call(Request::Record, || self.port.close(upload, etag)).await
    }
}

#[async_trait]
impl UploadObjects for Remote<MemoryUploads> {
    async fn head(&self, key: UploadKey) -> Result<Option<UploadedObject>, PortError> {
        self.network.call(Request::Read, || self.port.head(key)).await
    }
    async fn copy(&self, key: UploadKey, etag: &ETag, to: &StorageKey) -> Result<UploadCopy, PortError> {
        self.network.call(Request::Copy, || UploadObjects::copy(self.port.as_ref(), key, etag, to)).await
    }
    async fn delete(&self, key: UploadKey, etag: &ETag) -> Result<(), PortError> {
        self.network.call(Request::Write, || self.port.delete(key, etag)).await
    }
}

/// The queues of jobs, in the order of [`Route::ALL`].
pub(crate) struct Lanes {
    pub(crate) queues: [Arc<SimQueue>; Route::ALL.len()],
    pub(crate) network: Arc<Network>,
}

impl Lanes {
    pub(crate) fn queue(&self, route: Route) -> &Arc<SimQueue> {
        let index = Route::ALL.iter().position(|one| *one == route);
        &self.queues[index.expect("every route is listed")]
    }

    async fn send_body(
        &self,
        route: Route,
        body: Body,
        group: Option<&OwnerId>,
        delay: Duration,
    ) -> Result<(), PortError> {
        let queue = self.queue(route);
        self.network
            .call(Request::Message, || async {
                queue.send(body.clone(), group, delay);
                Ok(())
            })
            .await
    }
}

#[async_trait]
impl Queue for Lanes {
    async fn send(&self, message: &Message, to: Destination<'_>, delay: Duration) -> Result<(), PortError> {
        self.send_body(to.route, Body::new(message.body()), Some(to.owner), delay).await
    }
    async fn send_again(&self, body: &str) -> Result<(), PortError> {
        self.send_body(Route::DROPS, Body::new(body), None, Duration::ZERO).await
    }
    async fn oldest_age(&self, route: Route) -> Result<Option<Duration>, PortError> {
        self.network.call(Request::Statistics, || async { Ok(self.queue(route).reported_age()) }).await
    }
    async fn length(&self, route: Route) -> Result<u64, PortError> {
        self.network.call(Request::Message, || async { Ok(self.queue(route).reported_length()) }).await
    }
}

#[async_trait]
impl ReportQueue for Remote<SimQueue> {
    async fn send_report(&self, message: &ReportMessage, delay: Duration) -> Result<(), PortError> {
        let body = Body::new(message.body());
        self.network
            .call(Request::Message, || async {
                self.port.send(body.clone(), None, delay);
                Ok(())
            })
            .await
    }
}

#[async_trait]
impl Quarantine for Remote<SimQueue> {
    async fn park(&self, text: &str) -> Result<(), PortError> {
        let body = Body::new(text);
        self.network
            .call(Request::Message, || async {
                self.port.send(body.clone(), None, Duration::ZERO);
                Ok(())
            })
            .await
    }
}
