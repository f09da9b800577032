//! A database or a folder of files that disappears under a running server.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use cutline_core::contract::samples;
use cutline_core::domain::message::Message;
use cutline_core::ports::{Blobs as _, CreateError, Jobs as _, PortError, Queue as _, WriteError};
use cutline_core::{Ids as _, Policy, StorageKey, SystemIds};
use cutline_local::{Database, LocalFiles, LocalJobs, Queues};

use crate::world::{World, job};

/// Something that happens to a file.
type Mishap = fn(&Path);

fn is_lost(error: &PortError) -> bool {
    matches!(error, PortError::Retry(_)) && error.to_string().contains("restart the server")
}

fn rename_away(path: &Path) {
    fs::rename(path, path.with_extension("aside")).expect("is renamed");
}

fn remove(path: &Path) {
    fs::remove_file(path).expect("is removed");
}

/// Another database takes the place of this one.
fn replace(path: &Path) {
    let other = path.with_extension("other");
    drop(Database::open(&other).expect("another database"));
    fs::rename(other, path).expect("is replaced");
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    PathBuf::from(format!("{}{ending}", path.display()))
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_acknowledged_once_the_database_is_lost() {
    let mishaps: [(&str, Mishap, &str); 5] = [
        ("removed", remove, ""),
        ("renamed", rename_away, ""),
        ("replaced", replace, ""),
        ("log removed", remove, "-wal"),
        ("shared memory removed", remove, "-shm"),
    ];
    for (name, mishap, ending) in mishaps {
        let world = World::new();
        let (jobs, queues) = (world.jobs(), world.queues(Default::default()));
        let stored = job();
        jobs.create(&stored).await.expect("create");
        let path = world.folder.database();
        mishap(&with_ending(&path, ending));

        let Err(CreateError::Port(error)) = jobs.create(&job()).await else { panic!("{name}: acknowledged") };
        assert!(is_lost(&error), "{name}: {error}");
        let claimed = stored.clone().claim(SystemIds.lease(), stored.created_at, &Policy::default()).expect("claims");
        let Err(WriteError::Port(error)) = jobs.replace(&claimed).await else { panic!("{name}: acknowledged") };
        assert!(is_lost(&error), "{name}: {error}");
        let error = queues
            .jobs
            .send(&Message { job_id: stored.id }, samples::destination(), Duration::ZERO)
            .await
            .expect_err("acknowledged");
        assert!(is_lost(&error), "{name}: {error}");
        let error = jobs.get(stored.id).await.expect_err("read from a lost file");
        assert!(is_lost(&error), "{name}: {error}");
        if matches!(name, "removed" | "renamed") {
            assert!(!path.exists(), "{name}: no empty database takes its place");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_comes_back_is_used_after_a_restart() {
    let world = World::new();
    let (first, second) = (job(), job());
    world.jobs().create(&first).await.expect("create");
    let (path, aside) = (world.folder.database(), world.path().join("aside.db"));
    fs::rename(&path, &aside).expect("is renamed");
    world.jobs().create(&second).await.expect_err("is refused");
    fs::rename(&aside, &path).expect("is renamed back");
    world.jobs().create(&second).await.expect_err("until a restart");

    let again = LocalJobs::new(Database::open(&path).expect("a restart"));
    assert_eq!(again.get(first.id).await.expect("get"), Some(first));
    again.create(&second).await.expect("create");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_object_is_acknowledged_once_a_folder_is_lost() {
    for folder in ["", "sources", "tmp"] {
        let world = World::new();
        let (files, path) = (world.files(), world.folder.files());
        let [stored, new] = [(); 2].map(|()| StorageKey::Source { job: SystemIds.job() });
        files.put(&stored, Bytes::from_static(b"bytes")).await.expect("put");
        let lost = path.join(folder);
        fs::rename(&lost, world.path().join("aside")).expect("is renamed");
        let put = async || files.put(&new, Bytes::from_static(b"bytes")).await;
        assert!(is_lost(&put().await.expect_err("acknowledged")), "{folder}");
        match files.get(&stored).await {
            // It is still there.
            Ok(found) => assert!(folder == "tmp" && found.is_some(), "{folder}: not missing, but elsewhere"),
            Err(error) => assert!(is_lost(&error), "{folder}: {error}"),
        }

        // Nor in a folder that took its place.
        drop(LocalFiles::open(&path).expect("a new folder"));
        assert!(is_lost(&put().await.expect_err("acknowledged")), "{folder}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_job_is_accepted_or_failed_while_its_files_are_elsewhere() {
    let world = World::new();
    let files = world.files();
    let database = Database::open_with_files(&world.folder.database(), &files).expect("a database");
    let (jobs, stored) = (LocalJobs::new(database.clone()), job());
    jobs.create(&stored).await.expect("create");
    let queues = Queues::new(database, std::sync::Arc::new(cutline_core::SystemClock), Default::default());
    fs::rename(world.folder.files(), world.path().join("aside")).expect("is renamed");
    assert!(matches!(jobs.create(&job()).await, Err(CreateError::Port(error)) if is_lost(&error)));
    let expired = stored.withdraw(cutline_core::contract::samples::now(), &Policy::default()).expect("withdraws");
    assert!(matches!(jobs.replace(&expired).await, Err(WriteError::Port(error)) if is_lost(&error)));
    let error = cutline_core::ports::Deliveries::receive(queues.jobs.as_ref(), 1, Duration::ZERO).await;
    assert!(is_lost(&error.expect_err("no worker gets a message")));
}
