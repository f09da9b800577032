//! Removing expired jobs and orphaned files.

use std::time::Duration;

use bytes::Bytes;
use cutline_core::contract::samples;
use cutline_core::domain::audit::{Actor, AuditEntry, AuditEvent};
use cutline_core::domain::digest::Digest;
use cutline_core::domain::job::{Effect, Job};
use cutline_core::domain::mask::{MaskContent, MaskId};
use cutline_core::domain::usage::{EndCounts, Month};
use cutline_core::ports::{Audit as _, Blobs as _, Jobs as _, RateCounters as _, Usage as _};
use cutline_core::{Ids as _, LeaseToken, OutputFormat, Policy, StorageKey, SystemIds, Variation};
use cutline_local::{Purge, PurgeReport};
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
    StorageKey::Output { job: job.id, lease, variation: Variation::Background, format: OutputFormat::Png.into() }
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

fn mask(job: &Job) -> StorageKey {
    let content = MaskContent::Sha256(Digest::of(b"mask"));
    StorageKey::Mask { job: job.id, mask: MaskId::new(&content, samples::now()) }
}

/// A finished job with its source, its output, the output of a lost claim, its backdrop, and its mask.
async fn finished(world: &World) -> (Job, [StorageKey; 5]) {
    let (queued, token, now) = (job(), SystemIds.lease(), samples::now());
    let lost = output(&queued, SystemIds.lease());
    let files = [source(&queued), output(&queued, token), lost, backdrop(&queued), mask(&queued)];
    for key in files {
        put(world, key).await;
    }
    world.jobs().create(&queued).await.expect("create");
    let policy = Policy { retention: RETENTION, ..Policy::default() };
    let running = queued.claim(token, now, &policy).expect("claim");
    world.jobs().replace(&running).await.expect("replace");
    let running = running.job;
    let outcome = samples::outcome(running.id, token);
    let done = running.finish(token, outcome, now, &policy).expect("finish");
    world.jobs().replace(&done).await.expect("replace");
    (done.job, files)
}

#[tokio::test(flavor = "multi_thread")]
async fn removes_an_expired_job_with_all_its_files() {
    let world = World::new();
    let (done, files) = finished(&world).await;
    let pending = job();
    world.jobs().create(&pending).await.expect("create");
    let kept = put(&world, source(&pending)).await;

    let purge = purge(&world);
    assert_eq!(purge.expired(in_days(6)).await.expect("purge"), PurgeReport::default(), "not yet");
    assert!(is_there(&world, &files[1]).await);

    let purged = purge.expired(in_days(8)).await.expect("purge");
    assert_eq!(purged, PurgeReport { jobs: 1, ..PurgeReport::default() });
    assert_eq!(world.jobs().get(done.id).await.expect("get"), None);
    for key in &files {
        assert!(!is_there(&world, key).await, "{key}");
    }
    for folder in [format!("jobs/{}", done.id), StorageKey::masks(done.id)] {
        assert!(!world.folder.files().join(&folder).exists(), "{folder}: an empty folder is left");
    }
    assert_eq!(world.jobs().get(pending.id).await.expect("get"), Some(pending), "a pending job does not expire");
    assert!(is_there(&world, &kept).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_run_purges_several_batches() {
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
async fn a_file_that_cannot_be_removed_does_not_stop_the_purge() {
    let world = World::new();
    let (stuck, files) = finished(&world).await;
    // Removing a file fails on a folder, even for root.
    let source = world.folder.files().join(files[0].to_string());
    std::fs::remove_file(&source).expect("is removed");
    std::fs::create_dir(&source).expect("is made");
    let (done, _) = finished(&world).await;

    let purged = purge(&world).expired(in_days(8)).await.expect("purge");
    assert_eq!(purged, PurgeReport { jobs: 1, failed: 1, ..PurgeReport::default() });
    assert_eq!(world.jobs().get(done.id).await.expect("get"), None);
    assert!(world.jobs().get(stuck.id).await.expect("get").is_some(), "the next purge tries again");
    std::fs::remove_dir(&source).expect("is removed");
    assert_eq!(purge(&world).expired(in_days(8)).await.expect("purge").jobs, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn removes_orphaned_backdrops_and_masks_like_sources() {
    let world = World::new();
    let (alone, beside, masked, pending) = (job(), job(), job(), job());
    world.jobs().create(&pending).await.expect("create");
    let orphans = [backdrop(&alone), source(&beside), backdrop(&beside), mask(&beside), mask(&masked)];
    for key in orphans {
        put(&world, key).await;
    }
    let kept = [put(&world, backdrop(&pending)).await, put(&world, mask(&pending)).await];
    assert!(world.folder.files().join(format!("sources/{}.backdrop", alone.id)).is_file());

    let purge = purge(&world);
    assert_eq!(purge.orphans(in_days(0)).await.expect("purge"), PurgeReport::default(), "a worker may still need it");
    let purged = purge.orphans(in_days(1)).await.expect("purge");
    assert_eq!(purged, PurgeReport { sources: 3, ..PurgeReport::default() }, "of three jobs");
    for key in &orphans {
        assert!(!is_there(&world, key).await, "{key}");
    }
    for key in &kept {
        assert!(is_there(&world, key).await, "{key} belongs to a job");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn removes_old_files_without_a_job() {
    let world = World::new();
    let (unknown, pending) = (job(), job());
    world.jobs().create(&pending).await.expect("create");
    let orphans = [put(&world, source(&unknown)).await, put(&world, output(&unknown, SystemIds.lease())).await];
    let kept = [put(&world, source(&pending)).await, put(&world, output(&pending, SystemIds.lease())).await];
    let foreign = world.folder.files().join("sources/notes.txt");
    std::fs::write(&foreign, "somebody's own").expect("a file");

    let purge = purge(&world);
    assert_eq!(
        purge.orphans(in_days(0)).await.expect("purge"),
        PurgeReport::default(),
        "its request may be in progress"
    );
    let purged = purge.orphans(in_days(1)).await.expect("purge");
    assert_eq!(purged, PurgeReport { sources: 1, ..PurgeReport::default() });
    assert!(!is_there(&world, &orphans[0]).await);
    assert!(is_there(&world, &orphans[1]).await);
    let purged = purge.orphans(in_days(8)).await.expect("purge");
    assert_eq!(purged, PurgeReport { outputs: 1, ..PurgeReport::default() });
    assert!(!is_there(&world, &orphans[1]).await);
    for key in &kept {
        assert!(is_there(&world, key).await, "{key} belongs to a job");
    }
    assert!(foreign.exists(), "a file of another program");
}

#[tokio::test(flavor = "multi_thread")]
async fn forgets_the_counters_of_old_windows() {
    let world = World::new();
    let (counters, owner) = (world.rate_counters(), samples::owner());
    let (old, now) = (samples::now(), samples::now() + SignedDuration::from_mins(11));
    for window in [old, now] {
        assert_eq!(counters.count(&owner, window).await.expect("count"), 1);
    }
    purge(&world).expired(now).await.expect("purge");
    assert_eq!(counters.count(&owner, now).await.expect("count"), 2);
    assert_eq!(counters.count(&owner, old).await.expect("count"), 1, "forgotten");
}

#[tokio::test(flavor = "multi_thread")]
async fn forgets_counts_and_entries_after_400_days() {
    let world = World::new();
    let (audit, usage, job) = (world.audit(), world.usage(), job());
    world.jobs().create(&job).await.expect("create");
    let mut deleted = job.clone().delete(samples::now(), &Policy::default()).expect("deletes");
    let event = AuditEvent::job_deleted(job.id, "queued");
    let entry = AuditEntry::new(SystemIds.audit(), samples::now(), job.owner.clone(), Actor::System, event);
    deleted.effects.push(Effect::Audit(Box::new(entry.clone())));
    world.jobs().replace(&deleted).await.expect("replace");
    let month = Month::of(samples::now());
    let kept = EndCounts { cancelled: 1, ..EndCounts::default() };
    for (days, counts, entries) in [(398, kept, vec![entry]), (450, EndCounts::default(), vec![])] {
        purge(&world).expired(in_days(days)).await.expect("purge");
        assert_eq!(usage.ended(&job.owner, month).await.expect("ended"), counts, "after {days} days");
        assert_eq!(audit.list(&job.owner, None, 10).await.expect("list"), entries, "after {days} days");
    }
}
