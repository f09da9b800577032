//! Ports in memory whose calls can be made to fail.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use cutline_core::domain::audit::{AuditEntry, AuditId};
use cutline_core::domain::drops::{DropPath, DroppedObject};
use cutline_core::domain::file_name::FileName;
use cutline_core::domain::identity::{IdentifiedJob, Identity, IdentityKey};
use cutline_core::domain::job::{Job, Route, Transition};
use cutline_core::domain::keys::{KeyHash, KeyRecord, Owner, OwnerChange};
use cutline_core::domain::message::Message;
use cutline_core::domain::report_message::ReportMessage;
use cutline_core::domain::webhook::WebhookUrl;
use cutline_core::domain::webhook_secret::WebhookSecrets;
use cutline_core::ports::{
    Audit, Blobs, ChangeOwnerError, CreateError, Destination, DropFiles, DropLook, Identities, JobFiles, JobPage,
    JobQuery, Jobs, Keys, Link, Links, ManifestTag, OwnerWebhooks, PortError, Quarantine, Queue, ReportQueue,
    StoredManifest, WriteError,
};
use cutline_core::testing::{MemoryBlobs, MemoryDropFiles, MemoryLinks, MemoryQueue, MemoryStore};
use cutline_core::{JobId, LeaseToken, OwnerId, StorageKey};
use jiff::Timestamp;
use tokio::sync::Notify;

/// The fault of the chosen call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InjectedFault {
    /// It fails and takes no effect.
    FailsBefore,
    /// It takes effect, but its answer is lost.
    FailsAfter,
    /// It takes effect, its answer is lost, and the client library repeats it.
    DoneTwice,
    /// The process is killed before the call takes effect.
    KilledBefore,
    /// The process is killed right after the call took effect.
    KilledAfter,
}

impl InjectedFault {
    pub(crate) const ALL: [Self; 5] =
        [Self::FailsBefore, Self::FailsAfter, Self::DoneTwice, Self::KilledBefore, Self::KilledAfter];
}

/// Counts calls to the ports, and disturbs one of them.
#[derive(Debug, Default)]
pub(crate) struct FaultInjector {
    calls: AtomicUsize,
    chosen: Option<(usize, InjectedFault)>,
    /// How many calls after the chosen one fail too.
    after: usize,
    killed: Notify,
    /// The call before which the process pauses until it is resumed.
    pause_at: Option<usize>,
    paused: Notify,
    resumed: Notify,
}

impl FaultInjector {
    pub(crate) fn none() -> Arc<Self> {
        Arc::default()
    }

    pub(crate) fn at_call(number: usize, injected: InjectedFault) -> Arc<Self> {
        Arc::new(Self { chosen: Some((number, injected)), ..Self::default() })
    }

    /// Disturbs one call; the `after` calls after it fail without effect.
    pub(crate) fn at_call_and_after(number: usize, injected: InjectedFault, after: usize) -> Arc<Self> {
        Arc::new(Self { chosen: Some((number, injected)), after, ..Self::default() })
    }

    /// Pauses the process before one call.
    pub(crate) fn pausing_at(number: usize) -> Arc<Self> {
        Arc::new(Self { pause_at: Some(number), ..Self::default() })
    }

    /// Pauses the process before one call, and disturbs this call once the process is resumed.
    pub(crate) fn pausing_before(number: usize, injected: InjectedFault) -> Arc<Self> {
        Arc::new(Self { chosen: Some((number, injected)), pause_at: Some(number), ..Self::default() })
    }

    /// Waits until the process pauses.
    pub(crate) async fn paused(&self) {
        self.paused.notified().await;
    }

    pub(crate) fn resume(&self) {
        self.resumed.notify_one();
    }

    /// The fault of the chosen call, if there is one.
    pub(crate) fn injected(&self) -> Option<InjectedFault> {
        self.chosen.map(|(_, injected)| injected)
    }

    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    /// Runs the work of a process; `None` if the process was killed.
    pub(crate) async fn unless_killed<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.killed.notified() => None,
            result = work => Some(result),
        }
    }

    async fn kill<T>(&self) -> T {
        self.killed.notify_one();
        std::future::pending().await
    }

    /// Makes the call, or disturbs it. Never returns to a killed process, whose work
    /// [`FaultInjector::unless_killed`] drops.
    pub(crate) async fn call<T, E: From<PortError>, F>(&self, call: impl Fn() -> F) -> Result<T, E>
    where
        F: Future<Output = Result<T, E>>,
    {
        let number = self.calls.fetch_add(1, Ordering::SeqCst);
        if self.pause_at == Some(number) {
            self.paused.notify_one();
            self.resumed.notified().await;
        }
        let injected = self.chosen.and_then(|(at, injected)| match number.checked_sub(at) {
            Some(0) => Some(injected),
            Some(later) if later <= self.after => Some(InjectedFault::FailsBefore),
            _ => None,
        });
        match injected {
            None => call().await,
            Some(InjectedFault::FailsBefore) => Err(PortError::retry("injected fault").into()),
            Some(InjectedFault::FailsAfter) => {
                let _done = call().await;
                Err(PortError::retry("injected fault after the call").into())
            }
            Some(InjectedFault::DoneTwice) => {
                let _done = call().await;
                call().await
            }
            Some(InjectedFault::KilledBefore) => self.kill().await,
            Some(InjectedFault::KilledAfter) => {
                let _done = call().await;
                self.kill().await
            }
        }
    }
}

/// Names the chosen call, for the messages of tests.
impl fmt::Display for FaultInjector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.chosen {
            Some((call, injected)) if self.after > 0 => {
                write!(f, "{injected:?} at call {call}, and {} calls after it fail", self.after)
            }
            Some((call, injected)) => write!(f, "{injected:?} at call {call}"),
            None => f.write_str("no fault"),
        }
    }
}

/// A port whose calls the injector may disturb.
pub(crate) struct Faulty<P> {
    pub(crate) port: Arc<P>,
    pub(crate) faults: Arc<FaultInjector>,
}

#[async_trait]
impl Jobs for Faulty<MemoryStore> {
    async fn create(&self, job: &Job) -> Result<(), CreateError> {
        self.faults.call(|| Jobs::create(self.port.as_ref(), job)).await
    }
    async fn get(&self, id: JobId) -> Result<Option<Job>, PortError> {
        self.faults.call(|| self.port.get(id)).await
    }
    async fn replace(&self, transition: &Transition) -> Result<(), WriteError> {
        self.faults.call(|| self.port.replace(transition)).await
    }
    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<JobId>, PortError> {
        self.faults.call(|| self.port.due(now, limit)).await
    }
    async fn reports_due(&self, now: Timestamp, limit: usize) -> Result<Vec<JobId>, PortError> {
        self.faults.call(|| self.port.reports_due(now, limit)).await
    }
    async fn deletions_due(&self, now: Timestamp, limit: usize) -> Result<Vec<JobId>, PortError> {
        self.faults.call(|| self.port.deletions_due(now, limit)).await
    }
    async fn list(&self, owner: &OwnerId, query: &JobQuery) -> Result<JobPage, PortError> {
        self.faults.call(|| Jobs::list(self.port.as_ref(), owner, query)).await
    }
}

#[async_trait]
impl Keys for Faulty<MemoryStore> {
    async fn insert(&self, key: &KeyRecord) -> Result<(), PortError> {
        self.faults.call(|| self.port.insert(key)).await
    }
    async fn find(&self, hash: &KeyHash) -> Result<Option<KeyRecord>, PortError> {
        self.faults.call(|| Keys::find(self.port.as_ref(), hash)).await
    }
    async fn revoke(&self, hash: &KeyHash, at: Timestamp) -> Result<bool, PortError> {
        self.faults.call(|| self.port.revoke(hash, at)).await
    }
    async fn owner(&self, id: &OwnerId) -> Result<Owner, PortError> {
        self.faults.call(|| self.port.owner(id)).await
    }
    async fn change_owner(&self, id: &OwnerId, change: OwnerChange) -> Result<(), ChangeOwnerError> {
        self.faults.call(|| self.port.change_owner(id, change)).await
    }
    async fn is_known(&self, id: &OwnerId) -> Result<bool, PortError> {
        self.faults.call(|| self.port.is_known(id)).await
    }
}

#[async_trait]
impl Audit for Faulty<MemoryStore> {
    async fn append(&self, entry: &AuditEntry) -> Result<(), PortError> {
        self.faults.call(|| self.port.append(entry)).await
    }
    async fn list(&self, owner: &OwnerId, before: Option<AuditId>, limit: usize) -> Result<Vec<AuditEntry>, PortError> {
        self.faults.call(|| Audit::list(self.port.as_ref(), owner, before, limit)).await
    }
    async fn of_job(&self, job: JobId, limit: usize) -> Result<Vec<AuditEntry>, PortError> {
        self.faults.call(|| self.port.of_job(job, limit)).await
    }
}

#[async_trait]
impl Identities for Faulty<MemoryStore> {
    async fn find(&self, key: &IdentityKey, now: Timestamp) -> Result<Option<IdentifiedJob>, PortError> {
        self.faults.call(|| Identities::find(self.port.as_ref(), key, now)).await
    }
    async fn create_job(&self, job: &Job, identity: &Identity) -> Result<(), CreateError> {
        self.faults.call(|| self.port.create_job(job, identity)).await
    }
}

#[async_trait]
impl DropFiles for Faulty<MemoryDropFiles> {
    async fn look(&self, object: &DroppedObject) -> Result<DropLook, PortError> {
        self.faults.call(|| self.port.look(object)).await
    }
    async fn copy_to(&self, object: &DroppedObject, to: &StorageKey) -> Result<bool, PortError> {
        self.faults.call(|| self.port.copy_to(object, to)).await
    }
    async fn put_result(&self, path: &DropPath, name: &str, kind: &'static str, b: Bytes) -> Result<(), PortError> {
        self.faults.call(|| self.port.put_result(path, name, kind, b.clone())).await
    }
    async fn manifest(&self, path: &DropPath) -> Result<Option<StoredManifest>, PortError> {
        self.faults.call(|| self.port.manifest(path)).await
    }
    async fn put_manifest(&self, path: &DropPath, b: Bytes, before: Option<&ManifestTag>) -> Result<bool, PortError> {
        self.faults.call(|| self.port.put_manifest(path, b.clone(), before)).await
    }
}

#[async_trait]
impl Blobs for Faulty<MemoryBlobs> {
    async fn put(&self, key: &StorageKey, bytes: Bytes) -> Result<(), PortError> {
        self.faults.call(|| self.port.put(key, bytes.clone())).await
    }
    async fn put_new(&self, key: &StorageKey, bytes: Bytes) -> Result<bool, PortError> {
        self.faults.call(|| self.port.put_new(key, bytes.clone())).await
    }
    async fn get(&self, key: &StorageKey) -> Result<Option<Bytes>, PortError> {
        self.faults.call(|| self.port.get(key)).await
    }
    async fn copy(&self, from: &StorageKey, to: &StorageKey) -> Result<bool, PortError> {
        self.faults.call(|| self.port.copy(from, to)).await
    }
}

#[async_trait]
impl JobFiles for Faulty<MemoryBlobs> {
    async fn delete(&self, job: JobId) -> Result<(), PortError> {
        self.faults.call(|| self.port.delete(job)).await
    }
    async fn delete_outputs(&self, job: JobId, lease: LeaseToken) -> Result<(), PortError> {
        self.faults.call(|| self.port.delete_outputs(job, lease)).await
    }
}

#[async_trait]
impl Queue for Faulty<MemoryQueue> {
    async fn send(&self, message: &Message, to: Destination<'_>, delay: Duration) -> Result<(), PortError> {
        self.faults.call(|| self.port.send(message, to, delay)).await
    }
    async fn send_again(&self, body: &str) -> Result<(), PortError> {
        self.faults.call(|| self.port.send_again(body)).await
    }
    async fn oldest_age(&self, route: Route) -> Result<Option<Duration>, PortError> {
        self.faults.call(|| self.port.oldest_age(route)).await
    }
    async fn length(&self, route: Route) -> Result<u64, PortError> {
        self.faults.call(|| self.port.length(route)).await
    }
}

#[async_trait]
impl ReportQueue for Faulty<MemoryQueue> {
    async fn send_report(&self, message: &ReportMessage, delay: Duration) -> Result<(), PortError> {
        self.faults.call(|| self.port.send_report(message, delay)).await
    }
}

#[async_trait]
impl OwnerWebhooks for Faulty<MemoryStore> {
    async fn webhook_secrets(&self, owner: &OwnerId) -> Result<WebhookSecrets, PortError> {
        self.faults.call(|| self.port.webhook_secrets(owner)).await
    }
    async fn put_webhook_secrets(&self, owner: &OwnerId, secrets: &WebhookSecrets) -> Result<(), WriteError> {
        self.faults.call(|| self.port.put_webhook_secrets(owner, secrets)).await
    }
    async fn set_webhook_url(&self, owner: &OwnerId, url: Option<&WebhookUrl>) -> Result<(), PortError> {
        self.faults.call(|| self.port.set_webhook_url(owner, url)).await
    }
}

#[async_trait]
impl Links for Faulty<MemoryLinks> {
    async fn sign(&self, key: &StorageKey, file_name: Option<&FileName>) -> Result<Link, PortError> {
        self.faults.call(|| self.port.sign(key, file_name)).await
    }
}

#[async_trait]
impl Quarantine for Faulty<MemoryQueue> {
    async fn park(&self, body: &str) -> Result<(), PortError> {
        self.faults.call(|| self.port.park(body)).await
    }
}
