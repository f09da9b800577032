//! Opening data folders and databases.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use bytes::Bytes;
use cutline_core::contract::samples;
use cutline_core::domain::ids::OwnerId;
use cutline_core::domain::job::{JobStage, JobSummary, ReportId, Route};
use cutline_core::domain::lane::Lane;
use cutline_core::domain::params::SetName;
use cutline_core::domain::usage::{EndCounts, Month};
use cutline_core::ports::{
    Blobs as _, Deliveries as _, Identities as _, JobQuery, Jobs as _, Keys as _, ParamSets as _, Precondition,
    Queue as _, StorageUsage as _, StoredSet, Usage as _,
};
use cutline_core::{AssetKind, Ids as _, JobState, Policy, StorageKey, SystemClock, SystemIds};
use cutline_local::{
    DataDir, Database, LinkSecret, LocalIdentities, LocalJobs, LocalKeys, LocalSets, LocalUsage, OpenError,
    QueueSettings, Queues,
};

use crate::world::{World, job};

#[test]
fn a_new_folder_is_accessible_to_its_owner_only() {
    let world = World::new();
    let mode = fs::metadata(world.folder.path()).expect("the folder").permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    let nested = DataDir::open(&world.path().join("a/b/c")).expect("a folder with its parents");
    assert!(nested.path().is_dir());
}

/// The modes of everything below a folder, by path.
fn modes(folder: &Path) -> BTreeMap<String, u32> {
    let mut modes = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).expect("a folder") {
            let (path, metadata) = {
                let entry = entry.expect("an entry");
                (entry.path(), entry.metadata().expect("metadata"))
            };
            let name = path.strip_prefix(folder).expect("is below").display().to_string();
            modes.insert(name, metadata.permissions().mode() & 0o777);
            if metadata.is_dir() {
                folders.push(path);
            }
        }
    }
    modes
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_in_the_folder_is_accessible_to_its_owner_only() {
    let world = World::new();
    let _lock = world.folder.lock().expect("the lock");
    LinkSecret::open(&world.folder).expect("a secret");
    let (files, job) = (world.files(), job());
    world.jobs().create(&job).await.expect("create");
    let output = StorageKey::Asset { job: job.id, lease: SystemIds.lease(), kind: AssetKind::Matte };
    for key in [StorageKey::Source { job: job.id }, output] {
        files.put(&key, Bytes::from_static(b"bytes")).await.expect("put");
    }
    let modes = modes(world.folder.path());
    for name in ["cutline.db", "cutline.db-wal", "cutline.db-shm", "link-secret", "lock"] {
        assert_eq!(modes.get(name), Some(&0o600), "{name}: {modes:?}");
    }
    assert!(modes.len() >= 5 + 4 + 2 + 2, "{modes:?}");
    for (name, mode) in &modes {
        let is_folder = world.folder.path().join(name).is_dir();
        assert_eq!(*mode, if is_folder { 0o700 } else { 0o600 }, "{name}: {mode:o}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_others_can_enter_is_tightened() {
    let world = World::new();
    let path = world.folder.path().to_owned();
    drop(world.files());
    LinkSecret::open(&world.folder).expect("a secret");
    for name in ["", "cutline.db", "cutline.db-wal", "link-secret", "files", "files/sources"] {
        let open = fs::Permissions::from_mode(if path.join(name).is_dir() { 0o755 } else { 0o664 });
        fs::set_permissions(path.join(name), open).expect("a mode");
    }
    let folder = DataDir::open(&path).expect("is tightened");
    drop(Database::open(&folder.database()).expect("the database"));
    assert_eq!(fs::metadata(&path).expect("the folder").permissions().mode() & 0o777, 0o700);
    let modes = modes(&path);
    assert!(modes.values().all(|mode| mode & 0o077 == 0), "{modes:?}");
}

#[test]
fn a_shared_folder_with_other_files_is_refused_and_left_alone() {
    let world = World::new();
    let path = world.folder.path();
    fs::write(path.join("notes.txt"), "mine").expect("a file");
    DataDir::open(path).expect("nobody else can enter it");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("a mode");
    let error = DataDir::open(path).expect_err("is refused");
    assert!(matches!(&error, OpenError::SharedFolder { entry, .. } if entry == "notes.txt"), "{error}");
    assert!(error.to_string().contains("chmod go= "), "{error}");
    assert_eq!(fs::metadata(path).expect("the folder").permissions().mode() & 0o777, 0o755);
}

#[test]
fn a_folder_has_one_server_at_a_time() {
    let world = World::new();
    let lock = world.folder.lock().expect("the lock");
    let error = world.folder.lock().expect_err("a second server");
    assert!(matches!(&error, OpenError::InUse(_)), "{error}");
    assert!(error.to_string().contains("another cutline server"), "{error}");
    drop(lock);
    world.folder.lock().expect("the lock is free again");
}

#[test]
fn refuses_files_of_other_programs_and_leaves_them_unchanged() {
    let world = World::new();
    let text = world.path().join("text");
    fs::write(&text, "not a database, and long enough to look at: ".repeat(100)).expect("a file");
    let before = fs::read(&text).expect("the file");
    assert!(matches!(Database::open(&text), Err(OpenError::Database { .. })));
    assert_eq!(fs::read(&text).expect("the file"), before);

    let other = world.path().join("other.db");
    rusqlite::Connection::open(&other).expect("a database").execute_batch("CREATE TABLE t (x)").expect("a table");
    assert!(matches!(Database::open(&other), Err(OpenError::NotOurs(_))));
}

#[test]
fn refuses_a_database_of_a_newer_version() {
    let world = World::new();
    let path = world.folder.database();
    let connection = rusqlite::Connection::open(&path).expect("the database");
    connection.pragma_update(None, "user_version", 99).expect("a version");
    let error = Database::open(&path).err().expect("an error").to_string();
    assert!(error.contains("newer version") && error.contains("99"), "{error}");
}

/// A database from before parameter sets and drops.
#[tokio::test(flavor = "multi_thread")]
async fn migrates_an_old_database_and_keeps_its_records() {
    let world = World::new();
    let (path, job) = (world.folder.database(), job());
    world.jobs().create(&job).await.expect("create");
    let connection = rusqlite::Connection::open(&path).expect("the database");
    let older = "DROP TABLE uploads; DROP TABLE upload_jobs; DROP TABLE param_sets; DROP TABLE identities; DROP INDEX keys_by_owner;
                 DROP TRIGGER stored_bytes_added; DROP TRIGGER stored_bytes_changed; DROP TRIGGER stored_bytes_removed;
                 DROP TABLE stored_bytes; ALTER TABLE jobs DROP COLUMN stored_bytes;
                 DROP INDEX jobs_by_owner; DROP INDEX jobs_by_external_id; DROP INDEX jobs_deletion_due;
                 ALTER TABLE jobs DROP COLUMN deletion_due_at; ALTER TABLE keys DROP COLUMN scope;
                 DROP TRIGGER turns_message_added; DROP TRIGGER turns_message_removed; DROP TABLE turns;
                 DROP TABLE deliveries; DROP TABLE rate_counters; ALTER TABLE owners DROP COLUMN requests_per_minute;
                 DROP INDEX jobs_report_due; ALTER TABLE jobs DROP COLUMN report_due_at; DROP TABLE report_messages;
                 ALTER TABLE owners DROP COLUMN webhook_url; ALTER TABLE owners DROP COLUMN webhook_secret_at;
                 ALTER TABLE owners DROP COLUMN review;
                 DROP TABLE webhook_secrets; DROP TABLE ended_jobs; DROP TABLE audit_entries;
                 ALTER TABLE jobs DROP COLUMN summary; ALTER TABLE jobs DROP COLUMN external_id; PRAGMA user_version = 1";
    connection.execute_batch(older).expect("an older database");
    for _ in 0..2 {
        let opened = Database::open(&path).expect("the database");
        let jobs = LocalJobs::new(opened.clone());
        assert_eq!(jobs.get(job.id).await.expect("get"), Some(job.clone()));
        let all = JobQuery { before: None, external_id: None, limit: 10 };
        let listed = jobs.list(&job.owner, &all).await.expect("list").jobs;
        assert_eq!(listed, Vec::from_iter(JobSummary::of(&job)), "read from its document");
        assert_eq!(LocalSets::new(opened).list(&job.owner, None, 10).await.expect("list"), []);
    }
}

/// A dump of a database that release 0.1.0 wrote.
#[tokio::test(flavor = "multi_thread")]
async fn migrates_a_database_of_the_previous_release_without_loss() {
    let temporary = tempfile::TempDir::new().expect("a folder");
    let path = temporary.path().join("cutline.db");
    let connection = rusqlite::Connection::open(&path).expect("a database");
    connection.execute_batch(include_str!("release_0_1_0.sql")).expect("the dump");
    let count = |connection: &rusqlite::Connection, table: &str| -> i64 {
        connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).expect("a count")
    };
    let tables = ["jobs", "owners", "keys", "messages", "parked", "param_sets"];
    let before = tables.map(|table| count(&connection, table));
    assert!(before.iter().all(|rows| *rows > 0), "{before:?}");
    let drops = count(&connection, "drops");
    drop(connection);

    let database = Database::open(&path).expect("the database opens");
    let connection = rusqlite::Connection::open(&path).expect("the database");
    assert_eq!(tables.map(|table| count(&connection, table)), before);
    assert_eq!(count(&connection, "identities"), drops);

    let (jobs, keys) = (LocalJobs::new(database.clone()), LocalKeys::new(database.clone()));
    let owner: OwnerId = "shop".parse().expect("a name");
    let dropped = "019cdc54-2673-7c32-b9e5-6e1d36cc9e8a".parse().expect("an id");
    let failed = jobs.get(dropped).await.expect("get").expect("the dropped job");
    assert!(matches!(failed.state, JobState::Failed { .. }) && failed.owed_manifest().is_some(), "{failed:?}");
    let identity = failed.drop.as_ref().expect("a drop").identity();
    let identities = LocalIdentities::new(database.clone());
    let known = identities.find(&identity, failed.created_at).await.expect("find").expect("a known drop");
    assert_eq!((known.job, known.fingerprint), (failed.id, None));

    let reported = failed.report_delivered(&ReportId::manifest()).expect("deliver");
    jobs.replace(&reported).await.expect("replace");
    assert_eq!(keys.owner(&owner).await.expect("owner").credits, Some(7), "a later write refunds nothing");
    let queued = "019cdc54-2673-7c32-b9e5-6e1d36cc9e8b".parse().expect("an id");
    let queued = jobs.get(queued).await.expect("get").expect("the queued job");
    let withdrawn = queued.withdraw(samples::now(), &Policy::default()).expect("withdraw");
    jobs.replace(&withdrawn).await.expect("replace");
    assert_eq!(keys.owner(&owner).await.expect("owner").credits, Some(8), "refunded");
    assert_eq!(keys.list().await.expect("list").len(), 1);
    let sets = LocalSets::new(database).list(&owner, None, 10).await.expect("list");
    assert_eq!(sets.len(), 1);
}

/// Messages of earlier releases have no lane and no owner.
#[tokio::test(flavor = "multi_thread")]
async fn messages_of_an_earlier_release_keep_working() {
    let temporary = tempfile::TempDir::new().expect("a folder");
    let path = temporary.path().join("cutline.db");
    let connection = rusqlite::Connection::open(&path).expect("a database");
    connection.execute_batch(include_str!("release_0_1_0.sql")).expect("the dump");
    connection.execute("DELETE FROM messages", []).expect("no messages");
    let of_shop = r#"{"job_id":"019cdc54-2673-7c32-b9e5-6e1d36cc9e8b"}"#;
    let rows = [
        ("jobs", of_shop, 5, 1),
        ("jobs", r#"{"job_id":"019cdc54-2673-7c32-b9e5-000000000000"}"#, 6, 0),
        ("jobs", "poison", 7, 0),
        ("dead_letters", of_shop, 8, 0),
    ];
    for (queue, body, at, in_flight) in rows {
        let sql = "INSERT INTO messages (queue, body, sent_at, visible_at, receive_count, in_flight) VALUES (?, ?, ?, ?, 2, ?)";
        connection.execute(sql, (queue, body, at, at, in_flight)).expect("a row");
    }
    drop(connection);

    let database = Database::open(&path).expect("the database opens");
    let connection = rusqlite::Connection::open(&path).expect("the database");
    let owners = |queue: &str| -> Vec<(String, i64)> {
        let mut query =
            connection.prepare("SELECT owner, messages FROM turns WHERE queue = ? ORDER BY owner").expect("sql");
        let rows = query.query_map([queue], |row| Ok((row.get(0)?, row.get(1)?))).expect("rows");
        rows.collect::<Result<_, _>>().expect("rows")
    };
    assert_eq!(owners("jobs"), [(String::new(), 2), ("shop".to_owned(), 1)]);
    let queues = Queues::new(database, std::sync::Arc::new(SystemClock), QueueSettings::default());
    assert_eq!(queues.release_in_flight().await.expect("released"), 1);
    let live = Route { lane: Lane::Live, stage: JobStage::Make };
    assert_eq!(queues.jobs.length(live).await.expect("length"), 3);
    let mut bodies = Vec::new();
    for delivery in queues.jobs.receive(10, std::time::Duration::ZERO).await.expect("receive") {
        assert_eq!(delivery.receive_count, 3, "counted on");
        queues.jobs.delete(&delivery.receipt).await.expect("delete");
        bodies.push(delivery.body);
    }
    bodies.sort();
    assert_eq!(bodies, ["poison", rows[1].1, of_shop]);
    assert_eq!(queues.jobs.length(live).await.expect("length"), 0);
    let dead = queues.dead_letters.receive(10, std::time::Duration::ZERO).await.expect("receive");
    assert_eq!(dead[0].body, of_shop);
}

/// Records of release 0.1.0 list the sizes of the results, and not of the source.
#[tokio::test(flavor = "multi_thread")]
async fn a_migration_counts_the_results_of_earlier_jobs() {
    let temporary = tempfile::TempDir::new().expect("a folder");
    let path = temporary.path().join("cutline.db");
    let connection = rusqlite::Connection::open(&path).expect("a database");
    connection.execute_batch(include_str!("release_0_1_0.sql")).expect("the dump");
    let owner = samples::owner();
    let job = samples::job(&owner, false);
    let (now, token, policy) = (samples::now(), SystemIds.lease(), Policy::default());
    let running = job.claim(token, now, &policy).expect("claim").job;
    let outcome = samples::outcome(running.id, token);
    let done = running.finish(token, outcome.clone(), now, &policy).expect("finish").job;
    let document = serde_json::to_string(&done).expect("JSON");
    assert!(!document.contains("source_bytes"), "{document}");
    let insert = "INSERT INTO jobs (id, owner, version, state, document) VALUES (?, ?, 3, 'done', ?)";
    for (id, document) in [("one", &*document), ("two", &document), ("damaged", "{}"), ("worse", "not JSON")] {
        connection.execute(insert, (id, owner.as_str(), document)).expect("a row");
    }
    drop(connection);

    let database = Database::open(&path).expect("the database opens");
    let usage = LocalUsage::new(database.clone());
    let ended = usage.ended(&owner, Month::of(now)).await.expect("ended");
    assert_eq!(ended, EndCounts { done: 2, ..EndCounts::default() }, "the readable ones");
    let jobs = LocalJobs::new(database);
    assert!(outcome.bytes() > 0);
    assert_eq!(jobs.stored_bytes(&owner).await.expect("stored bytes"), 2 * outcome.bytes());
    let shop: OwnerId = "shop".parse().expect("a name");
    assert_eq!(jobs.stored_bytes(&shop).await.expect("stored bytes"), 0, "a queued and a failed job");
    let uploaded = samples::job(&owner, false).with_source_bytes(5);
    jobs.create(&uploaded).await.expect("create");
    assert_eq!(jobs.stored_bytes(&owner).await.expect("stored bytes"), 2 * outcome.bytes() + 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_can_open_the_database() {
    let world = World::new();
    let beside = LocalJobs::new(Database::open(&world.folder.database()).expect("a second opening"));
    let (mine, theirs) = (job(), job());
    world.jobs().create(&mine).await.expect("create");
    beside.create(&theirs).await.expect("create");
    assert_eq!(beside.get(mine.id).await.expect("get"), Some(mine));
    assert_eq!(world.jobs().get(theirs.id).await.expect("get"), Some(theirs));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreadable_record_is_a_permanent_fault() {
    let world = World::new();
    let job = job();
    world.jobs().create(&job).await.expect("create");
    let connection = rusqlite::Connection::open(world.folder.database()).expect("the database");
    connection.execute("UPDATE jobs SET document = '{}'", []).expect("damage");
    let error = world.jobs().get(job.id).await.expect_err("an error");
    assert!(matches!(error, cutline_core::ports::PortError::Fail(_)), "{error}");

    let (owner, set) = (samples::owner(), samples::set());
    let name: SetName = "shop".parse().expect("a name");
    let stored = StoredSet { name: name.clone(), revision: SystemIds.revision(), updated_at: samples::now(), set };
    world.sets().put(&owner, &stored, &Precondition::Any).await.expect("put");
    connection.execute(r#"UPDATE param_sets SET document = '{"version":1,"color":1}'"#, []).expect("damage");
    let error = world.sets().get(&owner, &name).await.expect_err("an error");
    assert!(matches!(error, cutline_core::ports::PortError::Fail(_)), "{error}");
    assert_eq!(world.sets().list(&owner, None, 10).await.expect("list").len(), 1, "it can still be replaced");
    assert!(world.sets().put(&owner, &stored, &Precondition::Present).await.expect("put"));
}
