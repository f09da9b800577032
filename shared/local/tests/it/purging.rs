//! What is forgotten, and what is not.

use std::time::Duration;

use bytes::Bytes;
use cutline_core::contract::samples;
use cutline_core::domain::job::Job;
use cutline_core::ports::{Blobs as _, Jobs as _};
use cutline_core::{Ids as _, LeaseToken, OutputFormat, Policy, StorageKey, SystemIds, Variation};
use cutline_local::{Purge, Purged};
use jiff::{SignedDuration, Timestamp};

use crate::world::{World, job};

const RETENTION: Duration = Duration::from_secs(7 * 24 * 60 * 60);

fn in_days(days: i64) -> Timestamp {
    samples::now() + SignedDuration::from_hours(24 * days) + SignedDuration::from_mins(1)
}

fn purge(world: &World) -> Purge {
    Purge::new(world.database.clone(), world.files(), RETENTION)
}

fn source(job: &Job) -> StorageKey {
    StorageKey::Source { job: job.id }
}

fn output(job: &Job, lease: LeaseToken) -> StorageKey {
    StorageKey::Output { job: job.id, lease, variation: Variation::Background, format: OutputFormat::Png }
}

async fn put(world: &World, key: StorageKey) -> StorageKey {
    world.files().put(&key, Bytes::from_static(b"bytes")).await.expect("put");
    key
}

async fn is_there(world: &World, key: &StorageKey) -> bool {
    world.files().get(key).await.expect("get").is_some()
}

fn backdrop(job: &Job) -> StorageKey {
    StorageKey::Backdrop { job: job.id }
}

/// A finished job with its source, its output, the output of a claim that lost, and its backdrop.
async fn finished(world: &World) -> (Job, [StorageKey; 4]) {
    let (queued, token, now) = (job(), SystemIds.lease(), samples::now());
    let files = [source(&queued), output(&queued, token), output(&queued, SystemIds.lease()), backdrop(&queued)];
    for key in files {
        put(world, key).await;
    }
    world.jobs().create(&queued).await.expect("create");
    let policy = Policy { retention: RETENTION, ..Policy::default() };
    let running = queued.claim(token, now, &policy).expect("claim");
    world.jobs().replace(&running).await.expect("replace");
    let outcome = samples::outcome(running.id, token);
    let done = running.finish(token, outcome, now, &policy).expect("finish");
    world.jobs().replace(&done).await.expect("replace");
    (done, files)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_job_goes_with_all_its_files() {
    let world = World::new();
    let (done, files) = finished(&world).await;
    let pending = job();
    world.jobs().create(&pending).await.expect("create");
    let kept = put(&world, source(&pending)).await;

    let purge = purge(&world);
    assert_eq!(purge.expired(in_days(6)).await.expect("purge"), Purged::default(), "not yet");
    assert!(is_there(&world, &files[1]).await);

    let purged = purge.expired(in_days(8)).await.expect("purge");
    assert_eq!(purged, Purged { jobs: 1, ..Purged::default() });
    assert_eq!(world.jobs().get(done.id).await.expect("get"), None);
    for key in &files {
        assert!(!is_there(&world, key).await, "{key}");
    }
    let outputs = world.folder.files().join("jobs").join(done.id.to_string());
    assert!(!outputs.exists(), "nor are there empty folders");
    assert_eq!(world.jobs().get(pending.id).await.expect("get"), Some(pending), "a pending job does not expire");
    assert!(is_there(&world, &kept).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_one_step_is_purged_in_one_go() {
    let world = World::new();
    for _ in 0..101 {
        let withdrawn = job();
        world.jobs().create(&withdrawn).await.expect("create");
        let withdrawn = withdrawn.withdraw(samples::now(), &Policy::default()).expect("withdraw");
        world.jobs().replace(&withdrawn).await.expect("replace");
    }
    assert_eq!(purge(&world).expired(in_days(8)).await.expect("purge").jobs, 101);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_removed_is_in_the_way_of_nothing_else() {
    let world = World::new();
    let (stuck, files) = finished(&world).await;
    // A folder in place of the source: removing a file fails there, for root too.
    let source = world.folder.files().join(files[0].to_string());
    std::fs::remove_file(&source).expect("is removed");
    std::fs::create_dir(&source).expect("is made");
    let (done, _) = finished(&world).await;

    let purged = purge(&world).expired(in_days(8)).await.expect("purge");
    assert_eq!(purged, Purged { jobs: 1, failed: 1, ..Purged::default() });
    assert_eq!(world.jobs().get(done.id).await.expect("get"), None);
    assert!(world.jobs().get(stuck.id).await.expect("get").is_some(), "it is tried again");
    std::fs::remove_dir(&source).expect("is removed");
    assert_eq!(purge(&world).expired(in_days(8)).await.expect("purge").jobs, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backdrop_lies_beside_the_source_and_goes_without_a_job_too() {
    let world = World::new();
    let (alone, beside, pending) = (job(), job(), job());
    world.jobs().create(&pending).await.expect("create");
    let orphans =
        [put(&world, backdrop(&alone)).await, put(&world, source(&beside)).await, put(&world, backdrop(&beside)).await];
    let kept = put(&world, backdrop(&pending)).await;
    assert!(world.folder.files().join(format!("sources/{}.backdrop", alone.id)).is_file());

    let purge = purge(&world);
    assert_eq!(purge.orphans(in_days(0)).await.expect("purge"), Purged::default(), "a worker may be at it");
    let purged = purge.orphans(in_days(1)).await.expect("purge");
    assert_eq!(purged, Purged { sources: 2, ..Purged::default() }, "of two jobs");
    for key in &orphans {
        assert!(!is_there(&world, key).await, "{key}");
    }
    assert!(is_there(&world, &kept).await, "{kept} belongs to a job");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_without_a_job_go_when_they_are_old() {
    let world = World::new();
    let (unknown, pending) = (job(), job());
    world.jobs().create(&pending).await.expect("create");
    let orphans = [put(&world, source(&unknown)).await, put(&world, output(&unknown, SystemIds.lease())).await];
    let kept = [put(&world, source(&pending)).await, put(&world, output(&pending, SystemIds.lease())).await];
    let foreign = world.folder.files().join("sources/notes.txt");
    std::fs::write(&foreign, "somebody's own").expect("a file");

    let purge = purge(&world);
    assert_eq!(purge.orphans(in_days(0)).await.expect("purge"), Purged::default(), "its request may be under way");
    let purged = purge.orphans(in_days(1)).await.expect("purge");
    assert_eq!(purged, Purged { sources: 1, ..Purged::default() });
    assert!(!is_there(&world, &orphans[0]).await);
    assert!(is_there(&world, &orphans[1]).await);
    let purged = purge.orphans(in_days(8)).await.expect("purge");
    assert_eq!(purged, Purged { outputs: 1, ..Purged::default() });
    assert!(!is_there(&world, &orphans[1]).await);
    for key in &kept {
        assert!(is_there(&world, key).await, "{key} belongs to a job");
    }
    assert!(foreign.exists(), "what is not ours is left alone");
}
