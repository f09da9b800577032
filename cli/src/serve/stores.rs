//! The stores of a data folder, opened.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use cutline_core::usecases::{Env, RecordStores, Sweep, UseCases};
use cutline_core::{Policy, SystemClock};
use cutline_local::{
    DataDir, Database, DropFolder, LinkSecret, LocalFiles, LocalIdentities, LocalJobs, LocalKeys, LocalLinks,
    LocalSets, Lock, Purge, QueueSettings, Queues,
};
use url::Url;

use super::links::LinkedFiles;
use super::ports::Ports;

/// All that the server keeps.
pub(crate) struct Stores {
    pub(crate) jobs: Arc<LocalJobs>,
    pub(crate) keys: Arc<LocalKeys>,
    pub(crate) sets: Arc<LocalSets>,
    pub(crate) queues: Queues,
    pub(crate) files: Arc<LocalFiles>,
    pub(crate) purge: Purge,
    pub(crate) drops: Arc<LocalIdentities>,
    /// The folder that is watched for dropped files, if one is.
    pub(crate) watched: Option<DropFolder>,
    folder: DataDir,
    secret: LinkSecret,
    _lock: Lock,
}

impl Stores {
    /// Takes the folder for this process, and opens what is in it; and the one that is watched for dropped files.
    pub(crate) fn open(path: &Path, watched: Option<&Path>, policy: Policy) -> anyhow::Result<Self> {
        let folder = DataDir::open(path)?;
        let lock = folder.lock()?;
        let database = Database::open(&folder.database())?;
        let files = LocalFiles::open(&folder.files())?;
        let watched =
            watched.map(DropFolder::open).transpose().context("the watched folder (--watch, or CUTLINE_WATCH)")?;
        Ok(Self {
            drops: Arc::new(LocalIdentities::new(database.clone())),
            watched,
            jobs: Arc::new(LocalJobs::new(database.clone())),
            keys: Arc::new(LocalKeys::new(database.clone())),
            sets: Arc::new(LocalSets::new(database.clone())),
            queues: Queues::new(database.clone(), Arc::new(SystemClock), QueueSettings::default()),
            files: Arc::new(files.clone()),
            purge: Purge::new(database, files, policy.retention),
            secret: LinkSecret::open(&folder)?,
            folder,
            _lock: lock,
        })
    }

    /// The folder they are in.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The ports on them, with links that lead to `public_url`.
    pub(crate) fn ports(&self, public_url: Url) -> Ports {
        let links = LocalLinks::new(self.secret.clone(), public_url, Arc::new(SystemClock));
        let drop_files = self.watched.clone().map(|folder| Arc::new(folder) as _);
        Ports {
            records: self.records(),
            drop_files,
            blobs: self.files.clone(),
            queue: self.queues.jobs.clone(),
            deliveries: self.queues.jobs.clone(),
            links: Arc::new(links.clone()),
            files: Some(Arc::new(LinkedFiles::new(links, self.files.clone()))),
        }
    }

    /// The use case of the sweeper.
    pub(crate) fn sweep(&self, policy: Policy) -> Sweep {
        let use_cases = UseCases { env: Env::system(policy), stores: self.records() };
        use_cases.sweep(self.queues.jobs.clone(), self.queues.quarantine.clone())
    }

    fn records(&self) -> RecordStores {
        RecordStores {
            jobs: self.jobs.clone(),
            identities: self.drops.clone(),
            keys: self.keys.clone(),
            sets: self.sets.clone(),
        }
    }
}
