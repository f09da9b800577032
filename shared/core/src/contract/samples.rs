//! Jobs, keys and owners to test with.

use std::collections::BTreeMap;

use jiff::Timestamp;
use uuid::Uuid;

use crate::clock::{Clock, Ids, SystemClock, SystemIds};
use crate::ids::{JobId, LeaseToken, OwnerId};
use crate::job::{Job, Order, Source};
use crate::outcome::{AssetKind, Confidence, Outcome, Output, SOURCE, StoredAsset, Variation};
use crate::policy::Policy;
use crate::rendering::Rendering;
use crate::request::{DeliveryMode, Mode, OutputFormat};
use crate::storage::StorageKey;

/// An owner nobody else has.
pub fn owner() -> OwnerId {
    let name = format!("owner-{}", Uuid::now_v7().simple());
    OwnerId::try_from(name).unwrap_or_else(|_| unreachable!("the name is made of letters and digits"))
}

/// An order for a URL with all that a URL can hold.
pub fn order() -> Order {
    let url = "https://example.com/caf%C3%A9.jpg?size=large&sig=a%2Fb%3D%3D#part".parse();
    Order {
        mode: Mode::Background,
        delivery: DeliveryMode::FinalUrl,
        format: OutputFormat::Webp,
        rendering: rendering(),
        source: url.map(Source::Url).unwrap_or(Source::Stored),
    }
}

/// Everything set that a caller may set about the files, to what is no round number.
fn rendering() -> Rendering {
    let rendering = serde_json::json!({
        "channels": "alpha", "quality": 81, "lossless": true, "dpi": 299,
        "path": {"name": "Pfad „1“ & <2>", "flatness": 0.7, "inset": 0.3},
    });
    serde_json::from_value(rendering).unwrap_or_else(|_| unreachable!("every value is in its range"))
}

/// A new, queued job of `owner`.
pub fn job(owner: &OwnerId, charged: bool) -> Job {
    Job::new(SystemIds.job(), owner.clone(), order(), charged, SystemClock.now(), &Policy::default())
}

/// What a finished job has to show.
pub fn outcome(job: JobId, lease: LeaseToken) -> Outcome {
    let variation = Variation::Background;
    let key = StorageKey::Output { job, lease, variation, format: OutputFormat::Webp };
    Outcome {
        pictures: BTreeMap::from([(variation, Output { key, bytes: 123_456, width: 4000, height: 3000 })]),
        final_picture: variation,
        assets: AssetKind::ALL
            .map(|kind| (kind, StoredAsset { key: StorageKey::Asset { job, lease, kind }, bytes: 4_321 }))
            .into(),
        confidence: Some(Confidence::nearest(0.873)),
        warnings: BTreeMap::from([
            ("background".to_owned(), vec!["„ümlaut“ & <tag>".to_owned(), String::new()]),
            (SOURCE.to_owned(), vec!["the colours were converted from CMYK".to_owned()]),
        ]),
        ignored: vec!["shadow_wall".to_owned()],
        pipeline_version: "1.0.0+models".to_owned(),
    }
}

/// The time now, as a store keeps it.
pub fn now() -> Timestamp {
    SystemClock.now()
}
