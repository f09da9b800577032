//! A store in a temporary folder.

use std::path::Path;
use std::sync::Arc;

use cutline_core::contract::samples;
use cutline_core::{Clock, Job, SystemClock};
use cutline_local::{
    DataDir, Database, LocalAudit, LocalFiles, LocalIdentities, LocalJobs, LocalKeys, LocalRateCounters, LocalSets,
    LocalUsage, QueueSettings, Queues,
};
use tempfile::TempDir;

/// An open store. Dropping it removes the folder.
pub(crate) struct World {
    pub(crate) database: Database,
    pub(crate) folder: DataDir,
    temporary: TempDir,
}

impl World {
    pub(crate) fn new() -> Self {
        let temporary = TempDir::new().expect("a folder");
        let folder = DataDir::open(&temporary.path().join("data")).expect("a data folder");
        let database = Database::open(&folder.database()).expect("a database");
        Self { database, folder, temporary }
    }

    /// An existing store at `path`.
    pub(crate) fn at(path: &Path) -> Self {
        let temporary = TempDir::new().expect("a folder");
        let folder = DataDir::open(path).expect("a data folder");
        let database = Database::open(&folder.database()).expect("a database");
        Self { database, folder, temporary }
    }

    pub(crate) fn path(&self) -> &Path {
        self.temporary.path()
    }

    pub(crate) fn jobs(&self) -> LocalJobs {
        LocalJobs::new(self.database.clone())
    }

    pub(crate) fn keys(&self) -> LocalKeys {
        LocalKeys::new(self.database.clone())
    }

    pub(crate) fn rate_counters(&self) -> LocalRateCounters {
        LocalRateCounters::new(self.database.clone())
    }

    pub(crate) fn usage(&self) -> LocalUsage {
        LocalUsage::new(self.database.clone())
    }

    pub(crate) fn audit(&self) -> LocalAudit {
        LocalAudit::new(self.database.clone())
    }

    pub(crate) fn sets(&self) -> LocalSets {
        LocalSets::new(self.database.clone())
    }

    pub(crate) fn identities(&self) -> LocalIdentities {
        LocalIdentities::new(self.database.clone())
    }

    pub(crate) fn files(&self) -> LocalFiles {
        LocalFiles::open(&self.folder.files()).expect("the files")
    }

    pub(crate) fn queues(&self, settings: QueueSettings) -> Queues {
        self.queues_at(Arc::new(SystemClock), settings)
    }

    pub(crate) fn queues_at(&self, clock: Arc<dyn Clock>, settings: QueueSettings) -> Queues {
        Queues::new(self.database.clone(), clock, settings)
    }
}

/// A new job.
pub(crate) fn job() -> Job {
    samples::job(&samples::owner(), false)
}
