//! Stored objects: what lies in the folder, and what does not.

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
async fn an_object_lies_where_its_key_says_and_nothing_else_is_left() {
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
async fn a_write_that_fails_leaves_nothing_behind() {
    let world = World::new();
    let files = world.files();
    let root = world.folder.files();
    let key = source();
    // A folder in the object's place: the rename fails, after everything was written.
    let place = root.join(key.to_string());
    fs::create_dir(&place).expect("a folder");
    fs::write(place.join("in the way"), "").expect("a file");
    let error = files.put(&key, Bytes::from_static(b"one")).await.expect_err("put");
    assert!(error.to_string().contains(&key.to_string()), "{error}");
    assert_eq!(entries(&root.join("tmp")), 0, "the temporary file is gone");
    assert_eq!(entries(&place), 1, "what was there is as it was");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_process_was_writing_is_removed_at_the_next_start() {
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
async fn a_folder_that_went_away_is_a_fault_and_not_a_missing_object() {
    let world = World::new();
    let files = world.files();
    fs::remove_dir_all(world.folder.files()).expect("removed");
    let error = files.put(&source(), Bytes::from_static(b"one")).await.expect_err("put");
    assert!(matches!(error, PortError::Fail(_)), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_is_read_in_small_frames_and_to_its_end_though_it_is_removed() {
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
