//! What the previous release stored in a data folder is migrated, read and finished.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use cutline_core::contract::{self, PREVIOUS_RELEASE, Recording, UpgradedBackend};
use cutline_core::testing::ManualClock;
use cutline_core::usecases::RecordStores;
use cutline_core::{Clock, JobState, Policy};
use cutline_local::{
    DataDir, Database, DropFolder, LocalAudit, LocalFiles, LocalIdentities, LocalJobs, LocalKeys, LocalRateCounters,
    LocalReportQueue, LocalSets, LocalUsage, QueueSettings, Queues,
};
use tempfile::TempDir;

/// The recorded folders: the data folder, and the one that is watched.
fn restored(recording: &Recording, folder: &Path) -> DataDir {
    let data = DataDir::open(&folder.join("data")).expect("a data folder");
    let connection = rusqlite::Connection::open(data.database()).expect("a database");
    connection.execute_batch(&recording.database()).expect("the dump");
    for object in &recording.objects {
        let is_result = object.key.starts_with("results/");
        let root = if is_result { folder.join("watched") } else { data.files() };
        let path = root.join(&object.key);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(&path, recording.content(object)).expect("a file");
    }
    data
}

fn backend(folder: &Path, data: &DataDir) -> (UpgradedBackend, Queues) {
    let database = Database::open(&data.database()).expect("the database is migrated");
    let files = LocalFiles::open(&data.files()).expect("the files");
    let clock = Arc::new(ManualClock::new());
    let as_clock: Arc<dyn Clock> = clock.clone();
    let queues = Queues::new(database.clone(), as_clock.clone(), QueueSettings::default());
    let reports = Arc::new(LocalReportQueue::new(database.clone(), as_clock));
    let drop_folder = DropFolder::open(&folder.join("watched"), files.clone()).expect("the watched folder");
    let files = Arc::new(files);
    let stores = RecordStores {
        jobs: Arc::new(LocalJobs::new(database.clone())),
        identities: Arc::new(LocalIdentities::new(database.clone())),
        keys: Arc::new(LocalKeys::new(database.clone())),
        sets: Arc::new(LocalSets::new(database.clone())),
        rates: Arc::new(LocalRateCounters::new(database.clone())),
        usage: Arc::new(LocalUsage::new(database.clone())),
        audit: Arc::new(LocalAudit::new(database)),
    };
    let backend = UpgradedBackend {
        stores,
        blobs: files.clone(),
        job_files: files,
        drop_files: Arc::new(drop_folder),
        queue: queues.jobs.clone(),
        intake: queues.intake.clone(),
        make: queues.jobs.clone(),
        dead_letters: queues.dead_letters.clone(),
        quarantine: queues.quarantine.clone(),
        report_queue: reports.clone(),
        reports,
        clock,
    };
    (backend, queues)
}

#[tokio::test(flavor = "multi_thread")]
async fn finishes_what_the_previous_release_recorded() {
    let recording = Recording::read(PREVIOUS_RELEASE, "local");
    let folder = TempDir::new().expect("a folder");
    let data = restored(&recording, folder.path());
    let (backend, _) = backend(folder.path(), &data);
    contract::previous_release(&recording, &backend).await;
}

/// The first start after an upgrade. The server knows that the worker of a running job is gone, and does not wait for the
/// end of its lease.
#[tokio::test(flavor = "multi_thread")]
async fn begins_the_job_of_a_killed_server_again_at_once() {
    let recording = Recording::read(PREVIOUS_RELEASE, "local");
    let folder = TempDir::new().expect("a folder");
    let data = restored(&recording, folder.path());
    let (backend, queues) = backend(folder.path(), &data);
    let now = recording.recorded_at;
    backend.clock.set(now);
    let mut abandoned = 0;
    for recorded in recording.jobs.iter().filter(|job| job.state == "running") {
        let job = backend.stores.jobs.get(recorded.id).await.expect("get").expect("a job");
        let queued = job.abandon(now, &Policy::default()).expect("abandon");
        backend.stores.jobs.replace(&queued).await.expect("replace");
        assert!(matches!(queued.job.state, JobState::Queued { .. }), "{:?}", queued.job);
        abandoned += 1;
    }
    assert_eq!(abandoned, 1);
    assert!(queues.release_in_flight().await.expect("release") >= 1, "its message was in flight");
}
