//! Jobs, keys and owners to test with.

use std::collections::BTreeMap;

use jiff::Timestamp;
use uuid::Uuid;

use crate::clock::{Clock, Ids, SystemClock, SystemIds};
use crate::ids::{JobId, LeaseToken, OwnerId};
use crate::job::{Job, Order, Outcome, Output, Source, Variation};
use crate::policy::Policy;
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
        source: url.map(Source::Url).unwrap_or(Source::Stored),
    }
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
        warnings: BTreeMap::from([("background".to_owned(), vec!["„ümlaut“ & <tag>".to_owned(), String::new()])]),
        ignored: vec!["shadow_wall".to_owned()],
        pipeline_version: "1.0.0+models".to_owned(),
    }
}

/// The time now, as a store keeps it.
pub fn now() -> Timestamp {
    SystemClock.now()
}
