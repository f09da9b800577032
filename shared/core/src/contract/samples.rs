//! Jobs, keys and owners to test with.

use std::collections::BTreeMap;

use jiff::Timestamp;
use uuid::Uuid;

use crate::domain::drops::{DropId, DropOrigin, DropPath, Sequencer};
use crate::domain::ids::{JobId, LeaseToken, OwnerId};
use crate::domain::job::{Job, JobParamSet, JobSpec, Source};
use crate::domain::outcome::{AssetKind, Confidence, Outcome, SOURCE, StoredAsset, StoredPicture, Variation};
use crate::domain::params::{Background, ParamSet};
use crate::domain::policy::Policy;
use crate::domain::rendering::Rendering;
use crate::domain::request::{DeliveryMode, Mode, OutputFormat};
use crate::domain::storage::StorageKey;
use crate::ports::{Clock, Ids, SystemClock, SystemIds};

/// An owner nobody else has.
pub fn owner() -> OwnerId {
    let name = format!("owner-{}", Uuid::now_v7().simple());
    OwnerId::try_from(name).unwrap_or_else(|_| unreachable!("the name is made of letters and digits"))
}

/// A spec for a URL with all that a URL can hold.
pub fn spec() -> JobSpec {
    let url = "https://example.com/caf%C3%A9.jpg?size=large&sig=a%2Fb%3D%3D#part".parse();
    JobSpec {
        mode: Mode::Background,
        delivery: DeliveryMode::FinalUrl,
        format: Some(OutputFormat::Webp),
        rendering: rendering(),
        set: Some(JobParamSet { name: "Test-Api".parse().ok(), revision: Some(SystemIds.revision()), set: set() }),
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

/// A parameter set in which everything is set, to what is no round number.
pub fn set() -> ParamSet {
    let set = serde_json::json!({
        "canvas": {"width": 1999, "height": 2001},
        "background": {"image_url": "https://example.com/caf%C3%A9.jpg?a=%2F#b", "fit": "tile", "color": "#0a1b2c"},
        "margin": "7.55%", "fill": "84.9%",
        "align": {"x": "left", "y": "bottom", "by": "mass"},
        "enlargement": 1.75,
        "shadow_top": {"opacity": 0.351, "blur": "33px", "spread": "0.5%", "color": "#102030"},
        "shadow_wall": {
            "opacity": 0.29, "blur": "4.1%", "spread": "1px", "dx": "-3%", "dy": "2.5%", "fade": 0.1, "color": "#000001",
        },
        "shadow_ground": {"opacity": 0.45, "blur": "61px", "color": "#221100"},
        "preserve_shadow": true,
        "variations": ["shadow_wall", "shadowTop", "clipping"],
        "final": "shadowTop",
        "output": {
            "format": "webp", "quality": 83, "lossless": true, "dpi": 299,
            "per_variation": {"clipping": {"format": "psd"}, "shadowTop": {"format": "jpg", "quality": 71, "dpi": 72}},
        },
        "promise": {"background": true, "fill": {"min": "75%", "max": "90.5%"}, "max_bytes": 9_999_999},
    });
    ParamSet::read(set).unwrap_or_else(|faults| unreachable!("the set is valid: {faults}"))
}

/// The longest set there can be, nearly.
pub fn long_set() -> ParamSet {
    let mut set = set();
    if let Some(Background::Picture(picture)) = &mut set.background {
        let url = format!("https://example.com/{}", "x".repeat(crate::domain::limits::MAX_URL_BYTES - 20));
        picture.image_url = url.parse().unwrap_or_else(|_| unreachable!("the URL is valid"));
    }
    set
}

/// A new, queued job of `owner`.
pub fn job(owner: &OwnerId, charged: bool) -> Job {
    Job::new(SystemIds.job(), owner.clone(), spec(), charged, SystemClock.now(), &Policy::default())
}

/// A new, queued job of `owner` for a drop that nobody else has.
pub fn dropped_job(owner: &OwnerId, charged: bool) -> Job {
    let path = DropPath::try_from(format!("drops/{owner}/amazon-main/Schuhe/größe {}.jpg", Uuid::now_v7().simple()));
    let origin = DropOrigin {
        path: path.unwrap_or_else(|_| unreachable!("every part has letters")),
        bucket: "files".to_owned(),
        version: Some("v-1".to_owned()),
        sequencer: Sequencer::of_number(0x55AE_D6DC),
    };
    job(owner, charged).dropped(origin)
}

/// The identity of a job's drop.
pub fn drop_id(job: &Job) -> DropId {
    match &job.drop {
        Some(drop) => drop.origin.id(),
        None => unreachable!("the job was not dropped"),
    }
}

/// What a finished job has to show.
pub fn outcome(job: JobId, lease: LeaseToken) -> Outcome {
    let variation = Variation::Background;
    let key = StorageKey::Output { job, lease, variation, format: OutputFormat::Webp };
    Outcome {
        pictures: BTreeMap::from([(variation, StoredPicture { key, bytes: 123_456, width: 4000, height: 3000 })]),
        final_picture: variation,
        assets: AssetKind::ALL
            .map(|kind| (kind, StoredAsset { key: StorageKey::Asset { job, lease, kind }, bytes: 4_321 }))
            .into(),
        confidence: Some(Confidence::nearest(0.873)),
        warnings: BTreeMap::from([
            ("background".to_owned(), vec!["„ümlaut“ & <tag>".to_owned(), String::new()]),
            (SOURCE.to_owned(), vec!["the colors were converted from CMYK".to_owned()]),
        ]),
        ignored: vec!["shadow_wall".to_owned()],
        pipeline_version: "1.0.0+models".to_owned(),
    }
}

/// The time now, as a store keeps it.
pub fn now() -> Timestamp {
    SystemClock.now()
}
