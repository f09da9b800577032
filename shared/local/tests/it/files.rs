//! Stored objects in the file system.

use std::fs;
use std::path::Path;

use bytes::Bytes;
use cutline_core::ports::{Blobs as _, PortError};
use cutline_core::{Ids as _, StorageKey, SystemIds};

use crate::world::World;

fn source() -> StorageKey {
    StorageKey::Source { job: SystemIds.job() }
}

fn entries(folder: &Path) -> usize {
    fs::read_dir(folder).expect("the folder").count()
}

#[tokio::test(flavor = "multi_thread")]
async fn stores_an_object_under_its_key_and_leaves_no_other_file() {
    let world = World::new();
    let files = world.files();
    let root = world.folder.files();
    let key = source();
    files.put(&key, Bytes::from_static(b"one")).await.expect("put");
    files.put(&key, Bytes::from_static(b"two")).await.expect("put");
    assert!(!files.put_new(&key, Bytes::from_static(b"three")).await.expect("put new"));
    assert_eq!(fs::read(root.join(key.to_string())).expect("the file"), b"two");
    assert_eq!(entries(&root.join("tmp")), 0);
    assert_eq!(entries(&root.join("sources")), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_write_leaves_nothing_behind() {
    let world = World::new();
    let files = world.files();
    let root = world.folder.files();
    let key = source();
    // A folder in place of the object makes the rename fail after the write.
    let obstacle = root.join(key.to_string());
    fs::create_dir(&obstacle).expect("a folder");
    fs::write(obstacle.join("in the way"), "").expect("a file");
    let error = files.put(&key, Bytes::from_static(b"one")).await.expect_err("put");
    assert!(error.to_string().contains(&key.to_string()), "{error}");
    assert_eq!(entries(&root.join("tmp")), 0, "the temporary file is gone");
    assert_eq!(entries(&obstacle), 1, "the folder is unchanged");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_removes_temporary_files_of_a_killed_process() {
    let world = World::new();
    let key = source();
    world.files().put(&key, Bytes::from_static(b"kept")).await.expect("put");
    let temporary = world.folder.files().join("tmp");
    fs::write(temporary.join("half"), "half a pict").expect("a file");
    let files = world.files();
    assert_eq!(entries(&temporary), 0);
    assert_eq!(files.get(&key).await.expect("get"), Some(Bytes::from_static(b"kept")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_folder_is_a_fault() {
    let world = World::new();
    let files = world.files();
    fs::remove_dir_all(world.folder.files()).expect("removed");
    let error = files.put(&source(), Bytes::from_static(b"one")).await.expect_err("put");
    assert!(matches!(error, PortError::Retry(_)) && error.to_string().contains("restart the server"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_an_object_in_frames_even_if_it_is_removed_meanwhile() {
    let world = World::new();
    let files = world.files();
    let key = source();
    let bytes: Vec<u8> = (0..300_000_u32).map(|n| n.to_le_bytes()[0]).collect();
    files.put(&key, bytes.clone().into()).await.expect("put");
    let mut stored = files.stored(&key).await.expect("opened").expect("there");
    assert_eq!(stored.size(), 300_000);
    fs::remove_file(world.folder.files().join(key.to_string())).expect("removed");
    let mut read = Vec::new();
    while let Some(frame) = stored.next_frame().await.expect("read") {
        assert!(!frame.is_empty() && frame.len() <= 65_536, "{}", frame.len());
        read.extend_from_slice(&frame);
    }
    assert_eq!(read, bytes);
    assert!(files.stored(&key).await.expect("asked").is_none());
}
