//! Opening a data folder: a new one, one in use, and what is not ours.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use cutline_core::contract::samples;
use cutline_core::domain::params::SetName;
use cutline_core::ports::{Jobs as _, ParamSets as _, Precondition, StoredSet};
use cutline_core::{Ids as _, SystemIds};
use cutline_local::{DataDir, Database, LocalJobs, LocalSets, OpenError};

use crate::world::{World, job};

#[test]
fn a_new_folder_is_its_owners_alone() {
    let world = World::new();
    let mode = fs::metadata(world.folder.path()).expect("the folder").permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    let nested = DataDir::open(&world.path().join("a/b/c")).expect("a folder with its parents");
    assert!(nested.path().is_dir());
}

#[test]
fn a_folder_has_one_server() {
    let world = World::new();
    let lock = world.folder.lock().expect("the lock");
    let error = world.folder.lock().expect_err("a second server");
    assert!(matches!(&error, OpenError::InUse(_)), "{error}");
    assert!(error.to_string().contains("another cutline server"), "{error}");
    drop(lock);
    world.folder.lock().expect("the lock is free again");
}

#[test]
fn a_file_that_is_no_database_of_ours_is_left_alone() {
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
fn a_database_of_a_newer_version_is_refused() {
    let world = World::new();
    let path = world.folder.database();
    let connection = rusqlite::Connection::open(&path).expect("the database");
    connection.pragma_update(None, "user_version", 99).expect("a version");
    let error = Database::open(&path).err().expect("an error").to_string();
    assert!(error.contains("newer version") && error.contains("99"), "{error}");
}

/// What a version that knew neither parameter sets nor drops left behind.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_an_older_version_is_brought_up_to_date_and_keeps_its_records() {
    let world = World::new();
    let (path, job) = (world.folder.database(), job());
    world.jobs().create(&job).await.expect("create");
    let connection = rusqlite::Connection::open(&path).expect("the database");
    let undone = "DROP TABLE param_sets; DROP TABLE drops; DROP INDEX keys_by_owner; PRAGMA user_version = 1";
    connection.execute_batch(undone).expect("an older database");
    for _ in 0..2 {
        let opened = Database::open(&path).expect("the database");
        assert_eq!(LocalJobs::new(opened.clone()).get(job.id).await.expect("get"), Some(job.clone()));
        assert_eq!(LocalSets::new(opened).list(&job.owner).await.expect("list"), []);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_can_have_the_database_open() {
    let world = World::new();
    let beside = LocalJobs::new(Database::open(&world.folder.database()).expect("a second opening"));
    let (mine, theirs) = (job(), job());
    world.jobs().create(&mine).await.expect("create");
    beside.create(&theirs).await.expect("create");
    assert_eq!(beside.get(mine.id).await.expect("get"), Some(mine));
    assert_eq!(world.jobs().get(theirs.id).await.expect("get"), Some(theirs));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_cannot_be_read_is_a_fault_that_stays() {
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
    assert_eq!(world.sets().list(&owner).await.expect("list").len(), 1, "it can still be replaced");
    assert!(world.sets().put(&owner, &stored, &Precondition::Present).await.expect("put"));
}
