//! The stores of a data folder, opened.

use std::path::Path;
use std::sync::Arc;

use axum::http::HeaderValue;
use cutline_core::ports::Jobs;
use cutline_core::status::Status;
use cutline_core::submit::Submit;
use cutline_core::sweep::Sweep;
use cutline_core::{Policy, SystemClock, SystemIds};
use cutline_http::Api;
use cutline_local::{
    DataDir, Database, LinkSecret, LocalFiles, LocalJobs, LocalKeys, LocalLinks, Lock, Purge, QueueSettings, Queues,
};
use url::Url;

use super::links::LinkedFiles;

/// All that the server keeps.
pub(crate) struct Stores {
    pub(crate) jobs: Arc<LocalJobs>,
    pub(crate) keys: Arc<LocalKeys>,
    pub(crate) queues: Queues,
    pub(crate) files: Arc<LocalFiles>,
    pub(crate) purge: Purge,
    folder: DataDir,
    secret: LinkSecret,
    _lock: Lock,
}

impl Stores {
    /// Takes the folder for this process, and opens what is in it.
    pub(crate) fn open(path: &Path, policy: Policy) -> anyhow::Result<Self> {
        let folder = DataDir::open(path)?;
        let lock = folder.lock()?;
        let database = Database::open(&folder.database())?;
        let files = LocalFiles::open(&folder.files())?;
        Ok(Self {
            jobs: Arc::new(LocalJobs::new(database.clone())),
            keys: Arc::new(LocalKeys::new(database.clone())),
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

    /// What the router serves.
    pub(crate) fn api(&self, public_url: Url, cors_origins: Vec<HeaderValue>, policy: Policy) -> Api {
        let links = LocalLinks::new(self.secret.clone(), public_url, Arc::new(SystemClock));
        let submit = Submit {
            jobs: self.jobs.clone(),
            keys: self.keys.clone(),
            blobs: self.files.clone(),
            queue: self.queues.jobs.clone(),
            clock: Arc::new(SystemClock),
            ids: Arc::new(SystemIds),
            policy,
        };
        let jobs: Arc<dyn Jobs> = self.jobs.clone();
        let status = Status { jobs, links: Arc::new(links.clone()), clock: Arc::new(SystemClock) };
        let mut api = Api::new(self.keys.clone());
        api.submit = Some(submit);
        api.status = Some(status);
        api.files = Some(Arc::new(LinkedFiles::new(links, self.files.clone())));
        api.cors_origins = cors_origins;
        api
    }

    /// The use case of the sweeper.
    pub(crate) fn sweep(&self, policy: Policy) -> Sweep {
        Sweep {
            jobs: self.jobs.clone(),
            queue: self.queues.jobs.clone(),
            parking: self.queues.parking.clone(),
            clock: Arc::new(SystemClock),
            policy,
        }
    }
}
