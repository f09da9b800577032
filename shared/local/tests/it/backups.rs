//! Backups of a folder in use, and their restoration.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use cutline_core::contract::samples;
use cutline_core::domain::audit::Actor;
use cutline_core::domain::decision::DraftRevision;
use cutline_core::domain::digest::Digest;
use cutline_core::domain::job::Source;
use cutline_core::domain::mask::MaskContent;
use cutline_core::domain::message::Message;
use cutline_core::domain::subject::SubjectChanges;
use cutline_core::ports::{Blobs as _, Deliveries as _, Jobs as _, Queue as _};
use cutline_core::{AssetKind, Ids as _, Job, JobState, Policy, StorageKey, SystemClock, SystemIds};
use cutline_local::{
    BackupError, BackupProgress, BackupSummary, DataDir, Database, LinkSecret, LocalFiles, LocalJobs, OpenError,
    Queues, back_up, restore,
};
use serde_json::Value;

use crate::world::{World, job};

fn source(job: &Job) -> StorageKey {
    StorageKey::Source { job: job.id }
}

/// Accepts a job: source, record and message, in that order.
async fn accept(jobs: &LocalJobs, files: &LocalFiles, queues: &Queues) -> Job {
    let mut job = job();
    job.spec.source = Source::Stored;
    files.put(&source(&job), Bytes::from(job.id.to_string())).await.expect("put");
    jobs.create(&job).await.expect("create");
    queues.jobs.send(&Message { job_id: job.id }, samples::destination(), Duration::ZERO).await.expect("send");
    job
}

/// Works on the job to its end.
async fn work_on(jobs: &LocalJobs, files: &LocalFiles, job: Job) -> Job {
    let (token, policy) = (SystemIds.lease(), Policy::default());
    let running = job.claim(token, samples::now(), &policy).expect("claims");
    jobs.replace(&running).await.expect("replace");
    let outcome = samples::outcome(running.job.id, token);
    let assets = outcome.assets.values().map(|asset| asset.key);
    for key in outcome.pictures.values().map(|picture| picture.key).chain(assets) {
        files.put(&key, Bytes::from(key.to_string())).await.expect("put");
    }
    let done = running.job.finish(token, outcome, samples::now(), &policy).expect("finishes");
    jobs.replace(&done).await.expect("replace");
    done.job
}

fn backed_up(world: &World, name: &str) -> (PathBuf, BackupSummary) {
    let target = world.path().join(name);
    let summary = back_up(world.folder.path(), &target, &mut |_| {}).expect("a backup");
    (target, summary)
}

/// The stores of a restored folder.
fn opened(path: &Path) -> (LocalJobs, LocalFiles, Queues) {
    let folder = DataDir::open(path).expect("a data folder");
    let files = LocalFiles::open(&folder.files()).expect("the files");
    let database = Database::open_with_files(&folder.database(), &files).expect("the database");
    let queues = Queues::new(database.clone(), Arc::new(SystemClock), Default::default());
    (LocalJobs::new(database), files, queues)
}

fn manifest(backup: &Path) -> Value {
    let text = fs::read(backup.join("manifest.json")).expect("a manifest");
    serde_json::from_slice(&text).expect("JSON")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_folder_has_every_record_and_file() {
    let world = World::new();
    let (jobs, files, queues) = (world.jobs(), world.files(), world.queues(Default::default()));
    LinkSecret::open(&world.folder).expect("a secret");
    let secret = fs::read(world.folder.link_secret()).expect("the secret");
    let [waiting, in_flight, done] = [
        accept(&jobs, &files, &queues).await,
        accept(&jobs, &files, &queues).await,
        accept(&jobs, &files, &queues).await,
    ];
    let done = work_on(&jobs, &files, done).await;
    assert_eq!(queues.jobs.receive(2, Duration::ZERO).await.expect("receive").len(), 2);
    // An upload that was never accepted is left out.
    files.put(&source(&job()), Bytes::from_static(b"orphan")).await.expect("put");
    let (backup, summary) = backed_up(&world, "backup");
    // Database, secret, three sources, a picture and its assets.
    let count = 2 + 3 + 1 + AssetKind::ALL.len();
    assert_eq!((summary.jobs, summary.files, summary.missing), (3, count, 0));
    assert_eq!(manifest(&backup)["jobs"], 3);

    // What follows is not in the backup, and does not change it.
    accept(&jobs, &files, &queues).await;
    fs::write(world.folder.files().join("sources").join(waiting.id.to_string()), "changed").expect("a file");

    let target = world.path().join("a/new place");
    let mut reports = Vec::new();
    let restored = restore(&backup, &target, &mut |progress| reports.push(progress)).expect("is restored");
    assert_eq!((restored.jobs, restored.files, restored.bytes), (3, summary.files, summary.bytes));
    assert_eq!(reports.last(), Some(&BackupProgress::Files { done: count as u64, total: count as u64 }));
    assert_eq!(fs::read(target.join("link-secret")).expect("the secret"), secret, "links stay valid");
    let (jobs, files, queues) = opened(&target);
    for job in [&waiting, &in_flight, &done] {
        assert_eq!(jobs.get(job.id).await.expect("get").as_ref(), Some(job));
        let bytes = files.get(&source(job)).await.expect("get").expect("its source");
        assert_eq!(bytes, job.id.to_string().into_bytes());
    }
    let JobState::Done { outcome, .. } = &done.state else { panic!("{done:?}") };
    let picture = outcome.pictures[&outcome.final_picture].key;
    assert_eq!(files.get(&picture).await.expect("get"), Some(Bytes::from(picture.to_string())));
    assert_eq!(jobs.due(jiff::Timestamp::MAX, 10).await.expect("due").len(), 2, "and no later job");
    // Messages in flight are delivered again, as after a restart.
    assert_eq!(queues.release_in_flight().await.expect("release"), 2);
    assert_eq!(queues.jobs.receive(10, Duration::ZERO).await.expect("receive").len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_owner_can_read_a_backup_and_what_is_restored() {
    let world = World::new();
    accept(&world.jobs(), &world.files(), &world.queues(Default::default())).await;
    let (backup, _) = backed_up(&world, "backup");
    let target = world.path().join("restored");
    restore(&backup, &target, &mut |_| {}).expect("is restored");
    for root in [backup, target] {
        let mut count = 0;
        let mut paths = vec![root];
        while let Some(path) = paths.pop() {
            let metadata = fs::metadata(&path).expect("metadata");
            let expected = if metadata.is_dir() { 0o700 } else { 0o600 };
            assert_eq!(metadata.permissions().mode() & 0o777, expected, "{}", path.display());
            assert!(metadata.is_dir() || metadata.nlink() == 1, "a hard link is no backup: {}", path.display());
            if metadata.is_dir() {
                paths.extend(fs::read_dir(&path).expect("a folder").map(|entry| entry.expect("an entry").path()));
            }
            count += 1;
        }
        assert!(count >= 5, "{count} files and folders");
    }
}

/// Clients that post while a backup is taken.
const CLIENTS: usize = 4;

/// Clients post and workers work while the backup is taken. Every job of the snapshot is complete, and writers are not
/// blocked.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_backup_under_load_is_consistent() {
    let world = World::new();
    let (jobs, files, queues) = (world.jobs(), world.files(), world.queues(Default::default()));
    for _ in 0..200 {
        accept(&jobs, &files, &queues).await;
    }
    let (stop, accepted) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let (jobs, files, queues) = (jobs.clone(), files.clone(), queues.clone());
            let (stop, accepted) = (Arc::clone(&stop), Arc::clone(&accepted));
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    let job = accept(&jobs, &files, &queues).await;
                    if accepted.fetch_add(1, Ordering::Relaxed).is_multiple_of(2) {
                        work_on(&jobs, &files, job).await;
                    }
                }
            })
        })
        .collect();
    let (data, target) = (world.folder.path().to_owned(), world.path().join("backup"));
    let backup = target.clone();
    let steps = Arc::new(AtomicUsize::new(0));
    let taken = tokio::task::spawn_blocking({
        let steps = Arc::clone(&steps);
        move || {
            back_up(&data, &backup, &mut |progress| {
                if matches!(progress, BackupProgress::Database { .. }) {
                    steps.fetch_add(1, Ordering::Relaxed);
                    wait_for_a_write(&accepted);
                }
            })
        }
    });
    let summary = taken.await.expect("a task").expect("a backup");
    stop.store(true, Ordering::Relaxed);
    for client in clients {
        client.await.expect("a client");
    }
    assert!(steps.load(Ordering::Relaxed) > 0, "no job was accepted meanwhile");
    assert_eq!(summary.missing, 0);
    assert!(summary.jobs >= 200, "{summary:?}");

    let restored = world.path().join("restored");
    restore(&target, &restored, &mut |_| {}).expect("is restored");
    let (jobs, files, queues) = opened(&restored);
    let connection = rusqlite::Connection::open(restored.join("cutline.db")).expect("the database");
    let mut query = connection.prepare("SELECT id FROM jobs").expect("a query");
    let ids: Vec<String> = query.query_map([], |row| row.get(0)).expect("rows").collect::<Result<_, _>>().expect("ids");
    assert_eq!(ids.len() as u64, summary.jobs);
    queues.release_in_flight().await.expect("release");
    let mut messages = BTreeMap::new();
    loop {
        let got = queues.jobs.receive(100, Duration::ZERO).await.expect("receive");
        if got.is_empty() {
            break;
        }
        messages.extend(got.into_iter().map(|delivery| (delivery.body, delivery.receive_count)));
    }
    for id in ids {
        let job = jobs.get(id.parse().expect("an id")).await.expect("get").expect("the job");
        assert_eq!(files.get(&source(&job)).await.expect("get"), Some(Bytes::from(id)));
        if let JobState::Done { outcome, .. } = &job.state {
            for picture in outcome.pictures.values() {
                assert!(files.get(&picture.key).await.expect("get").is_some(), "a result is missing");
            }
        }
        // Its message is there, or the sweep finds that it is not.
        let body = Message { job_id: job.id }.body();
        assert!(messages.contains_key(&body) || job.has_ended() || job.due_at().is_some());
    }
}

/// Waits until a client has begun to post and was answered: each may have begun earlier with one job.
fn wait_for_a_write(accepted: &AtomicUsize) {
    let (begun, before) = (Instant::now(), accepted.load(Ordering::Relaxed));
    while accepted.load(Ordering::Relaxed) <= before + CLIENTS {
        assert!(begun.elapsed() < Duration::from_secs(120), "the snapshot blocks writers");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_expire_meanwhile_are_reported() {
    let world = World::new();
    let (jobs, files, queues) = (world.jobs(), world.files(), world.queues(Default::default()));
    let [kept, expired] = [accept(&jobs, &files, &queues).await, accept(&jobs, &files, &queues).await];
    let (data, target) = (world.folder.path().to_owned(), world.path().join("backup"));
    let purged = data.join("files/sources").join(expired.id.to_string());
    let summary = back_up(&data, &target, &mut |progress| {
        if matches!(progress, BackupProgress::Database { .. }) {
            let _ = fs::remove_file(&purged);
        }
    });
    assert_eq!(summary.expect("a backup").missing, 1);
    assert_eq!(manifest(&target)["missing"], serde_json::json!([source(&expired)]));
    let restored = world.path().join("restored");
    assert_eq!(restore(&target, &restored, &mut |_| {}).expect("is restored").missing, 1);
    let (_, files, _) = opened(&restored);
    assert!(files.get(&source(&kept)).await.expect("get").is_some());
}

/// A mask that was fetched for a draft is not fetched again, so it counts as one that was uploaded.
#[tokio::test(flavor = "multi_thread")]
async fn lost_masks_are_reported() {
    let world = World::new();
    let (jobs, files) = (world.jobs(), world.files());
    let mut job = samples::reviewed_job(&samples::owner(), false);
    job.spec.source = Source::Stored;
    files.put(&source(&job), Bytes::from_static(b"photo")).await.expect("put");
    jobs.create(&job).await.expect("create");
    let (waiting, _) = backed_up(&world, "waiting");
    assert_eq!(manifest(&waiting)["missing"], serde_json::json!([]), "it is still to be fetched");
    let held = work_on(&jobs, &files, job).await;
    let fetched = held.spec.mask.clone().expect("a mask");
    assert!(held.is_held() && fetched.url().is_some());
    let key = |mask| StorageKey::Mask { job: held.id, mask };
    let (lost, _) = backed_up(&world, "held");
    assert_eq!(manifest(&lost)["missing"], serde_json::json!([key(fetched.id)]));

    let content = MaskContent::Sha256(Digest::of(b"another mask"));
    let (now, changes) = (samples::now(), SubjectChanges { mask: Some(content), ..SubjectChanges::default() });
    let recut = held.clone().recut(DraftRevision::new(1), changes, Actor::System, now, &Policy::default());
    let recut = recut.expect("is held");
    jobs.replace(&recut).await.expect("replace");
    let brought = recut.job.spec.mask.as_ref().expect("a mask").id;
    let (lost, _) = backed_up(&world, "recut");
    assert_eq!(manifest(&lost)["missing"], serde_json::json!([key(brought), key(fetched.id)]));
    files.put(&key(fetched.id), Bytes::from_static(b"mask")).await.expect("put");
    let (lost, _) = backed_up(&world, "draft");
    assert_eq!(manifest(&lost)["missing"], serde_json::json!([key(brought)]));
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_what_would_overwrite_something() {
    let world = World::new();
    accept(&world.jobs(), &world.files(), &world.queues(Default::default())).await;
    let back_up = |target: &Path| back_up(world.folder.path(), target, &mut |_| {});
    let restore = |source: &Path, target: &Path| restore(source, target, &mut |_| {});
    let (backup, _) = backed_up(&world, "backup");
    let before = fs::read(backup.join("manifest.json")).expect("a manifest");
    assert!(matches!(back_up(&backup), Err(BackupError::TargetNotEmpty(_))));
    assert_eq!(fs::read(backup.join("manifest.json")).expect("a manifest"), before);
    let inside = world.folder.path().join("backup");
    assert!(matches!(back_up(&inside), Err(BackupError::TargetInside(_))));
    assert!(!inside.exists());
    let nowhere = cutline_local::back_up(&world.path().join("nowhere"), &world.path().join("b"), &mut |_| {});
    assert!(matches!(nowhere, Err(BackupError::NoData(_))));

    let lock = world.folder.lock().expect("the lock");
    let error = restore(&backup, world.folder.path()).expect_err("in use");
    assert!(matches!(&error, BackupError::Open(OpenError::InUse(_))), "{error}");
    drop(lock);
    assert!(matches!(restore(&backup, world.folder.path()), Err(BackupError::DataNotEmpty(_))));
    let occupied = world.path().join("occupied");
    fs::create_dir(&occupied).expect("a folder");
    restore(&backup, &occupied).expect("an empty folder is fine");
    assert!(matches!(restore(&backup, &occupied), Err(BackupError::DataNotEmpty(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_incomplete_and_damaged_backups_and_leaves_nothing_behind() {
    let world = World::new();
    let job = accept(&world.jobs(), &world.files(), &world.queues(Default::default())).await;
    let (backup, _) = backed_up(&world, "backup");
    let target = world.path().join("restored");
    let error = || {
        let error = restore(&backup, &target, &mut |_| {}).expect_err("is refused");
        assert!(!target.exists(), "{error}");
        let left = fs::read_dir(world.path()).expect("a folder").map(|entry| entry.expect("an entry").file_name());
        assert!(left.into_iter().all(|name| !name.to_string_lossy().starts_with(".cutline-restore-")), "{error}");
        error
    };
    let source = backup.join("files/sources").join(job.id.to_string());
    let bytes = fs::read(&source).expect("the source");
    for damage in [Some("another"), Some(""), None] {
        match damage {
            Some(text) => fs::write(&source, text).expect("is damaged"),
            None => fs::remove_file(&source).expect("is removed"),
        }
        assert!(matches!(error(), BackupError::Damaged(path) if path == source), "{damage:?}");
    }
    fs::write(&source, bytes).expect("is repaired");
    // An interrupted backup has everything but its manifest.
    let manifest = backup.join("manifest.json");
    let text = fs::read(&manifest).expect("a manifest");
    fs::remove_file(&manifest).expect("is removed");
    let incomplete = error();
    assert!(matches!(incomplete, BackupError::Incomplete(_)), "{incomplete}");
    assert!(incomplete.to_string().contains("interrupted"), "{incomplete}");
    fs::write(&manifest, text).expect("is repaired");
    restore(&backup, &target, &mut |_| {}).expect("is restored");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_backup_is_incomplete() {
    let world = World::new();
    accept(&world.jobs(), &world.files(), &world.queues(Default::default())).await;
    let (data, target) = (world.folder.path().to_owned(), world.path().join("backup"));
    let interrupted = std::panic::catch_unwind(|| {
        back_up(&data, &target, &mut |progress| {
            assert!(matches!(progress, BackupProgress::Database { .. }), "interrupted at the first job's files");
        })
    });
    assert!(interrupted.is_err());
    assert!(target.join("cutline.db").exists());
    let error = restore(&target, &world.path().join("restored"), &mut |_| {}).expect_err("incomplete");
    assert!(matches!(error, BackupError::Incomplete(_)), "{error}");
    assert!(matches!(back_up(&data, &target, &mut |_| {}), Err(BackupError::TargetNotEmpty(_))));
}
