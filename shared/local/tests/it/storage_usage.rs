//! The count of an owner's stored bytes: released by the purge, right after a crash and a migration, and cheap.

use std::fs;
use std::time::Duration;

use bytes::Bytes;
use cutline_core::contract::samples;
use cutline_core::domain::ids::OwnerId;
use cutline_core::domain::job::Job;
use cutline_core::ports::{Blobs as _, Jobs as _, StorageUsage as _};
use cutline_core::{Ids as _, Policy, StorageKey, SystemIds};
use cutline_local::{Database, LocalFiles, LocalJobs, Purge};
use jiff::{SignedDuration, Timestamp};

use crate::world::World;

const RETENTION: Duration = Duration::from_secs(24 * 60 * 60);

async fn used(jobs: &LocalJobs, owner: &OwnerId) -> u64 {
    jobs.stored_bytes(owner).await.expect("stored bytes")
}

/// A done job with a source of 1,000 bytes.
async fn done(world: &World, files: &LocalFiles, owner: &OwnerId) -> Job {
    let policy = Policy { retention: RETENTION, ..Policy::default() };
    let job = samples::job(owner, false).with_source_bytes(1_000);
    let (now, token) = (samples::now(), SystemIds.lease());
    files.put(&StorageKey::Source { job: job.id }, Bytes::from(vec![0; 1_000])).await.expect("put");
    world.jobs().create(&job).await.expect("create");
    let running = job.claim(token, now, &policy).expect("claim");
    world.jobs().replace(&running).await.expect("replace");
    let running = running.job;
    let done = running.clone().finish(token, samples::outcome(running.id, token), now, &policy).expect("finish");
    world.jobs().replace(&done).await.expect("replace");
    done.job
}

fn later() -> Timestamp {
    samples::now() + SignedDuration::from_hours(25)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_purge_releases_the_bytes_of_what_it_removed() {
    let (world, owner, other) = (World::new(), samples::owner(), samples::owner());
    let files = world.files();
    let (first, stuck) = (done(&world, &files, &owner).await, done(&world, &files, &owner).await);
    let theirs = done(&world, &files, &other).await;
    let pending = samples::job(&owner, false).with_source_bytes(7);
    world.jobs().create(&pending).await.expect("create");
    assert_eq!(used(&world.jobs(), &owner).await, first.stored_bytes() + stuck.stored_bytes() + 7);

    // A source that cannot be removed: a folder of that name.
    let source = world.folder.files().join(StorageKey::Source { job: stuck.id }.to_string());
    fs::remove_file(&source).expect("is removed");
    fs::create_dir(&source).expect("is made");
    let purge = Purge::new(world.database.clone(), files, RETENTION);
    purge.expired(samples::now()).await.expect("purge");
    assert_eq!(used(&world.jobs(), &other).await, theirs.stored_bytes(), "nothing has expired yet");
    assert_eq!(purge.expired(later()).await.expect("purge").failed, 1);
    assert_eq!(used(&world.jobs(), &owner).await, stuck.stored_bytes() + 7, "files that are still there count");
    assert_eq!(used(&world.jobs(), &other).await, 0);
    fs::remove_dir(&source).expect("is removed");
    purge.expired(later()).await.expect("purge");
    assert_eq!(used(&world.jobs(), &owner).await, 7);
}

/// A copy of the files while the database is open is what a killed process leaves. It is also a backup.
#[tokio::test(flavor = "multi_thread")]
async fn a_crash_leaves_the_count_of_the_records() {
    let (world, owner) = (World::new(), samples::owner());
    let files = world.files();
    let writes = (0..40).map(|_| done(&world, &files, &owner));
    let writing = futures::future::join_all(writes);
    let copying = async {
        let mut copies = Vec::new();
        for number in 0..10 {
            tokio::time::sleep(Duration::from_millis(5)).await;
            let copy = world.path().join(format!("killed-{number}"));
            fs::create_dir(&copy).expect("a folder");
            for file in ["cutline.db-wal", "cutline.db"] {
                let from = world.folder.path().join(file);
                if from.exists() {
                    fs::copy(from, copy.join(file)).expect("a copy");
                }
            }
            copies.push(copy.join("cutline.db"));
        }
        copies
    };
    let (_, copies) = tokio::join!(writing, copying);
    let mut counts = Vec::new();
    for copy in copies.iter().chain([&world.folder.database()]) {
        let database = Database::open(copy).expect("the database opens after a crash");
        let counted = used(&LocalJobs::new(database), &owner).await;
        let connection = rusqlite::Connection::open(copy).expect("the database");
        let documents = connection
            .prepare("SELECT document FROM jobs")
            .expect("a query")
            .query_map([], |row| row.get::<_, String>(0))
            .expect("rows")
            .map(|row| serde_json::from_str::<Job>(&row.expect("a row")).expect("a job"))
            .collect::<Vec<_>>();
        assert_eq!(counted, documents.iter().map(Job::stored_bytes).sum::<u64>());
        counts.push(counted);
    }
    assert!(counts.is_sorted() && counts.last() > Some(&0), "{counts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_up_reads_none_of_a_hundred_thousand_jobs() {
    const JOBS: u64 = 100_000;
    let (world, owner) = (World::new(), samples::owner());
    let connection = rusqlite::Connection::open(world.folder.database()).expect("the database");
    let insert = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
                  INSERT INTO jobs (id, owner, version, state, stored_bytes, document)
                  SELECT 'job-' || i, ?2, 1, 'done', 10, '{}' FROM n";
    connection.execute(insert, (JOBS as i64, owner.as_str())).expect("jobs");
    let jobs = world.jobs();
    assert_eq!(used(&jobs, &owner).await, 10 * JOBS);
    let job = samples::job(&owner, false).with_source_bytes(5);
    jobs.create(&job).await.expect("create");
    assert_eq!(used(&jobs, &owner).await, 10 * JOBS + 5);

    // Neither a look-up nor a write sums over the jobs: that would show these wrong numbers.
    let wrong = "DROP TRIGGER stored_bytes_changed; UPDATE jobs SET stored_bytes = 0";
    connection.execute_batch(wrong).expect("wrong numbers");
    assert_eq!(used(&jobs, &owner).await, 10 * JOBS + 5);
    jobs.create(&samples::job(&owner, false).with_source_bytes(7)).await.expect("create");
    assert_eq!(used(&jobs, &owner).await, 10 * JOBS + 12);
    let plan: Vec<String> = connection
        .prepare("EXPLAIN QUERY PLAN SELECT bytes FROM stored_bytes WHERE owner = 'a'")
        .and_then(|mut query| query.query_map([], |row| row.get(3))?.collect())
        .expect("a plan");
    assert!(plan.len() == 1 && plan[0].contains("PRIMARY KEY"), "{plan:?}");
}
