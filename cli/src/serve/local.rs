//! `serve --backend local`: the stores in a data folder.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use cutline_core::usecases::{RecordStores, UploadStores};
use cutline_core::{Policy, SystemClock};
use cutline_http::WebPages;
use cutline_local::{
    ClockKeeper, DataDir, Database, DropFolder, LinkSecret, LocalAudit, LocalFiles, LocalIdentities, LocalJobs,
    LocalKeys, LocalLinks, LocalRateCounters, LocalReportQueue, LocalSets, LocalUploadLinks, LocalUploads, LocalUsage,
    LocalWebhooks, Lock, Purge, QueueSettings, Queues,
};
use url::Url;

use super::links::LinkedFiles;
use super::ports::Ports;

/// The open stores of a data folder.
pub(crate) struct LocalStores {
    pub(crate) jobs: Arc<LocalJobs>,
    pub(crate) keys: Arc<LocalKeys>,
    pub(crate) sets: Arc<LocalSets>,
    rates: Arc<LocalRateCounters>,
    usage: Arc<LocalUsage>,
    pub(crate) audit: Arc<LocalAudit>,
    pub(crate) identities: Arc<LocalIdentities>,
    pub(crate) queues: Queues,
    pub(crate) reports: Arc<LocalReportQueue>,
    pub(crate) webhooks: Arc<LocalWebhooks>,
    pub(crate) files: Arc<LocalFiles>,
    pub(crate) purge: Purge,
    pub(crate) clock: Arc<ClockKeeper>,
    /// The folder that is watched for dropped files, if any.
    pub(crate) watched: Option<DropFolder>,
    database: Database,
    folder: DataDir,
    secret: LinkSecret,
    _lock: Lock,
}

impl LocalStores {
    /// Locks the data folder for this process and opens its stores, and the watched folder.
    pub(crate) fn open(path: &Path, watched: Option<&Path>, policy: Policy) -> anyhow::Result<Self> {
        let folder = DataDir::open(path)?;
        let lock = folder.lock()?;
        let files = LocalFiles::open(&folder.files())?;
        let database = Database::open_with_files(&folder.database(), &files)?;
        let watched = watched.map(|folder| DropFolder::open(folder, files.clone())).transpose();
        let watched = watched.context("cannot open the watched folder (--watch or CUTLINE_WATCH)")?;
        let queues = Queues::new(database.clone(), Arc::new(SystemClock), QueueSettings::default());
        let clock = ClockKeeper::new(database.clone(), queues.clone(), Arc::new(SystemClock), policy);
        Ok(Self {
            jobs: Arc::new(LocalJobs::new(database.clone())),
            keys: Arc::new(LocalKeys::new(database.clone())),
            sets: Arc::new(LocalSets::new(database.clone())),
            rates: Arc::new(LocalRateCounters::new(database.clone())),
            usage: Arc::new(LocalUsage::new(database.clone())),
            audit: Arc::new(LocalAudit::new(database.clone())),
            identities: Arc::new(LocalIdentities::new(database.clone())),
            queues,
            reports: Arc::new(LocalReportQueue::new(database.clone(), Arc::new(SystemClock))),
            webhooks: Arc::new(LocalWebhooks::new(database.clone())),
            files: Arc::new(files.clone()),
            purge: Purge::new(database.clone(), files, policy.retention),
            database,
            clock: Arc::new(clock),
            watched,
            secret: LinkSecret::open(&folder)?,
            folder,
            _lock: lock,
        })
    }

    /// The data folder.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The ports. Links begin with `public_url`.
    pub(crate) fn ports(&self, public_url: Url) -> Ports {
        let links = LocalLinks::new(self.secret.clone(), public_url.clone(), Arc::new(SystemClock));
        let upload_links = LocalUploadLinks::new(self.secret.clone(), public_url, Arc::new(SystemClock));
        let uploads = LocalUploads::new(self.database.clone(), self.files.as_ref().clone(), upload_links.clone());
        let records = RecordStores {
            jobs: self.jobs.clone(),
            identities: self.identities.clone(),
            keys: self.keys.clone(),
            sets: self.sets.clone(),
            rates: self.rates.clone(),
            usage: self.usage.clone(),
            audit: self.audit.clone(),
        };
        Ports {
            records,
            drop_files: self.watched.clone().map(|folder| Arc::new(folder) as _),
            blobs: self.files.clone(),
            queue: self.queues.jobs.clone(),
            deliveries: self.queues.jobs.clone(),
            intake_deliveries: self.queues.intake.clone(),
            reports: self.reports.clone(),
            storage_usage: Some(self.jobs.clone()),
            links: Arc::new(links.clone()),
            files: Some(Arc::new(LinkedFiles::new(links, self.files.clone()))),
            uploads: UploadStores { records: Arc::new(uploads.clone()), objects: Arc::new(uploads.clone()) },
            upload_links: Arc::new(upload_links),
            received_uploads: Some(uploads),
            pages: WebPages::default(),
        }
    }
}
