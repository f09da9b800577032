//! Signed links: what is refused, and that they outlive a restart.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::time::Duration;

use cutline_core::Variation;
use cutline_core::ports::Links as _;
use cutline_core::testing::ManualClock;
use cutline_core::{AssetKind, Ids as _, OutputFormat, StorageKey, SystemIds};
use cutline_local::{LinkRefused, LinkSecret, LocalLinks, OpenError};

use crate::world::World;

fn links(world: &World, base: &str, clock: &Arc<ManualClock>) -> LocalLinks {
    let secret = LinkSecret::open(&world.folder).expect("a secret");
    LocalLinks::new(secret, base.parse().expect("a URL"), clock.clone())
}

fn output() -> StorageKey {
    let (job, lease) = (SystemIds.job(), SystemIds.lease());
    StorageKey::Output { job, lease, variation: Variation::Background, format: OutputFormat::Jpeg }
}

/// A link's path and query, as a server sees it.
async fn signed(links: &LocalLinks, key: &StorageKey) -> String {
    let url = links.sign(key).await.expect("sign").url;
    url[url::Position::BeforePath..].to_owned()
}

#[tokio::test]
async fn a_link_names_its_key_and_every_change_is_refused() {
    let world = World::new();
    let clock = Arc::new(ManualClock::new());
    let links = links(&world, "http://127.0.0.1:8787", &clock);
    let (job, lease) = (SystemIds.job(), SystemIds.lease());
    let asset = StorageKey::Asset { job, lease, kind: AssetKind::ClippingPath };
    for key in [output(), asset, StorageKey::Source { job }] {
        let link = signed(&links, &key).await;
        assert_eq!(links.verify(&link), Ok(key), "{link}");
        // Every single byte counts.
        for (at, byte) in link.bytes().enumerate() {
            let other = if byte == b'0' { '1' } else { '0' };
            let changed = format!("{}{other}{}", &link[..at], &link[at + 1..]);
            assert_eq!(links.verify(&changed), Err(LinkRefused::Invalid), "{changed}");
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
            assert_eq!(links.verify(&changed), Err(LinkRefused::Invalid), "{changed}");
        }
    }
}

#[tokio::test]
async fn a_signature_is_good_for_its_own_key_only() {
    let world = World::new();
    let links = links(&world, "http://127.0.0.1:8787", &Arc::new(ManualClock::new()));
    let (mine, theirs) = (signed(&links, &output()).await, signed(&links, &output()).await);
    let (path, _) = theirs.split_once('?').expect("a query");
    let (_, query) = mine.split_once('?').expect("a query");
    assert_eq!(links.verify(&format!("{path}?{query}")), Err(LinkRefused::Invalid));
}

#[tokio::test]
async fn a_link_works_for_an_hour() {
    let world = World::new();
    let clock = Arc::new(ManualClock::new());
    let links = links(&world, "http://127.0.0.1:8787", &clock);
    let key = output();
    let link = signed(&links, &key).await;
    clock.advance(Duration::from_secs(3599));
    assert_eq!(links.verify(&link), Ok(key));
    clock.advance(Duration::from_secs(1));
    assert_eq!(links.verify(&link), Err(LinkRefused::Expired));
}

#[tokio::test]
async fn a_link_survives_a_restart_and_another_folder_signs_others() {
    let world = World::new();
    let clock = Arc::new(ManualClock::new());
    let key = output();
    let link = signed(&links(&world, "http://127.0.0.1:8787", &clock), &key).await;
    assert_eq!(links(&world, "http://127.0.0.1:8787", &clock).verify(&link), Ok(key));
    let elsewhere = World::new();
    assert_eq!(links(&elsewhere, "http://127.0.0.1:8787", &clock).verify(&link), Err(LinkRefused::Invalid));
}

#[tokio::test]
async fn a_path_of_the_public_address_is_kept() {
    let world = World::new();
    let clock = Arc::new(ManualClock::new());
    let key = output();
    for base in ["https://example.com/cutline", "https://example.com/cutline/"] {
        let url = links(&world, base, &clock).sign(&key).await.expect("sign").url.to_string();
        let start = format!("https://example.com/cutline/files/{key}?expires=");
        assert!(url.starts_with(&start), "{url}");
    }
}

#[test]
fn the_secret_is_its_owners_alone_and_a_damaged_one_is_reported() {
    let world = World::new();
    LinkSecret::open(&world.folder).expect("a secret");
    let path = world.folder.link_secret();
    let metadata = fs::metadata(&path).expect("the file");
    assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
    assert_eq!(metadata.len(), 32);
    fs::write(&path, "short").expect("damaged");
    assert!(matches!(LinkSecret::open(&world.folder), Err(OpenError::BadSecret(_))));
}
