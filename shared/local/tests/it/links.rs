//! Signed links.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::time::Duration;

use cutline_core::Variation;
use cutline_core::contract::samples;
use cutline_core::domain::file_name::MAX_FILE_NAME_BYTES;
use cutline_core::ports::Links as _;
use cutline_core::testing::ManualClock;
use cutline_core::{AssetKind, Ids as _, OutputFormat, StorageKey, SystemIds};
use cutline_local::{LinkError, LinkSecret, LinkedFile, LocalLinks, OpenError};

use crate::world::World;

fn links(world: &World, base: &str, clock: &Arc<ManualClock>) -> LocalLinks {
    let secret = LinkSecret::open(&world.folder).expect("a secret");
    LocalLinks::new(secret, base.parse().expect("a URL"), clock.clone())
}

fn output() -> StorageKey {
    let (job, lease) = (SystemIds.job(), SystemIds.lease());
    StorageKey::Output { job, lease, variation: Variation::Background, format: OutputFormat::Jpeg.into() }
}

/// The file behind a link without a name.
fn file(key: StorageKey) -> LinkedFile {
    LinkedFile { key, name: None }
}

/// A link's path and query.
async fn signed(links: &LocalLinks, key: &StorageKey) -> String {
    let url = links.sign(key, None).await.expect("sign").url;
    url[url::Position::BeforePath..].to_owned()
}

#[tokio::test]
async fn a_link_names_its_key_and_any_change_invalidates_it() {
    let world = World::new();
    let clock = Arc::new(ManualClock::new());
    let links = links(&world, "http://127.0.0.1:8787", &clock);
    let (job, lease) = (SystemIds.job(), SystemIds.lease());
    let asset = StorageKey::Asset { job, lease, kind: AssetKind::ClippingPath };
    for key in [output(), asset, StorageKey::Source { job }] {
        let link = signed(&links, &key).await;
        assert_eq!(links.verify(&link), Ok(file(key)), "{link}");
        // Changing any byte invalidates it.
        for (at, byte) in link.bytes().enumerate() {
            let other = if byte == b'0' { '1' } else { '0' };
            let changed = format!("{}{other}{}", &link[..at], &link[at + 1..]);
            assert_eq!(links.verify(&changed), Err(LinkError::Invalid), "{changed}");
        }
        let (path, query) = link.split_once('?').expect("a query");
        let (expires, signature) = query.split_once('&').expect("two parameters");
        for changed in [
            String::new(),
            path.to_owned(),
            format!("{path}?{expires}"),
            format!("{path}?{signature}"),
            format!("{path}?{signature}&{expires}"),
            format!("{link}0"),
            format!("{link}&x=y"),
            format!("{path}/../x?{query}"),
            format!("{path}?{expires}&signature="),
            format!("{path}?{expires}&{}", signature.to_uppercase()),
            link.replace("expires=1", "expires=9"),
            link.replace("expires=", "expires=0"),
        ] {
            assert_eq!(links.verify(&changed), Err(LinkError::Invalid), "{changed}");
        }
    }
}

#[tokio::test]
async fn a_link_carries_the_name_of_its_file() {
    let world = World::new();
    let links = links(&world, "http://127.0.0.1:8787", &Arc::new(ManualClock::new()));
    let (job, key, _) = samples::done_job_with_name();
    let name = job.file_names(MAX_FILE_NAME_BYTES).pictures[&Variation::Background].clone();
    let url = links.sign(&key, Some(&name)).await.expect("sign").url;
    assert!(url.path().ends_with("/background.webp"), "{url}");
    let link = url[url::Position::BeforePath..].to_owned();
    assert_eq!(links.verify(&link), Ok(LinkedFile { key, name: Some(name.to_string()) }));
    let unnamed = signed(&links, &key).await;
    let (path, query) = link.split_once('?').expect("a query");
    let (start, signature) = query.rsplit_once('&').expect("a signature");
    let (expires, _) = start.split_once('&').expect("a name");
    for changed in [
        link.replace("name=gr", "name=br"),
        format!("{path}?{expires}&{signature}"),
        format!("{path}?{expires}&name=&{signature}"),
        format!("{path}?{start}&{start}&{signature}"),
        format!("{path}?{expires}&name=&{}", unnamed.rsplit_once('&').expect("a signature").1),
    ] {
        assert_eq!(links.verify(&changed), Err(LinkError::Invalid), "{changed}");
    }
}

#[tokio::test]
async fn a_signature_is_valid_for_its_own_key_only() {
    let world = World::new();
    let links = links(&world, "http://127.0.0.1:8787", &Arc::new(ManualClock::new()));
    let (mine, theirs) = (signed(&links, &output()).await, signed(&links, &output()).await);
    let (path, _) = theirs.split_once('?').expect("a query");
    let (_, query) = mine.split_once('?').expect("a query");
    assert_eq!(links.verify(&format!("{path}?{query}")), Err(LinkError::Invalid));
}

#[tokio::test]
async fn a_link_expires_after_an_hour() {
    let world = World::new();
    let clock = Arc::new(ManualClock::new());
    let links = links(&world, "http://127.0.0.1:8787", &clock);
    let key = output();
    let link = signed(&links, &key).await;
    clock.advance(Duration::from_secs(3599));
    assert_eq!(links.verify(&link), Ok(file(key)));
    clock.advance(Duration::from_secs(1));
    assert_eq!(links.verify(&link), Err(LinkError::Expired));
}

#[tokio::test]
async fn links_survive_a_restart_but_do_not_work_in_another_folder() {
    let world = World::new();
    let clock = Arc::new(ManualClock::new());
    let key = output();
    let link = signed(&links(&world, "http://127.0.0.1:8787", &clock), &key).await;
    assert_eq!(links(&world, "http://127.0.0.1:8787", &clock).verify(&link), Ok(file(key)));
    let elsewhere = World::new();
    assert_eq!(links(&elsewhere, "http://127.0.0.1:8787", &clock).verify(&link), Err(LinkError::Invalid));
}

#[tokio::test]
async fn keeps_the_path_of_the_public_address() {
    let world = World::new();
    let clock = Arc::new(ManualClock::new());
    let key = output();
    for base in ["https://example.com/cutline", "https://example.com/cutline/"] {
        let url = links(&world, base, &clock).sign(&key, None).await.expect("sign").url.to_string();
        let start = format!("https://example.com/cutline/files/{key}?expires=");
        assert!(url.starts_with(&start), "{url}");
    }
}

#[test]
fn the_secret_is_readable_by_its_owner_only_and_checked() {
    let world = World::new();
    LinkSecret::open(&world.folder).expect("a secret");
    let path = world.folder.link_secret();
    let metadata = fs::metadata(&path).expect("the file");
    assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
    assert_eq!(metadata.len(), 32);
    fs::write(&path, "short").expect("damaged");
    assert!(matches!(LinkSecret::open(&world.folder), Err(OpenError::BadSecret(_))));
}
