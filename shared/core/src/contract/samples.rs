//! Sample owners, jobs and parameter sets.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::json;
use uuid::Uuid;

use crate::domain::asset::AssetKind;
use crate::domain::attention::{Attention, AttentionReason};
use crate::domain::correlation::Metadata;
use crate::domain::crop::Crop;
use crate::domain::drops::{DropOrigin, DropPath, Sequencer};
use crate::domain::fidelity::{ColorSpace, Depth, PixelCheck};
use crate::domain::format::OutputFormat;
use crate::domain::identity::Identity;
use crate::domain::ids::{JobId, LeaseToken, OwnerId};
use crate::domain::job::{Job, JobParamSet, JobSpec, JobState, RecordVersion, Route, Source};
use crate::domain::keys::{Owner, OwnerChange};
use crate::domain::mask::{JobMask, MaskContent};
use crate::domain::outcome::{Confidence, NAMES, Outcome, SOURCE, StoredAsset, StoredPicture, Warnings};
use crate::domain::output_name::SourceName;
use crate::domain::params::{Background, ParamSet};
use crate::domain::policy::Policy;
use crate::domain::rendering::{KeepMetadata, Rendering};
use crate::domain::request::{DeliveryMode, Mode};
use crate::domain::review::ReviewRule;
use crate::domain::storage::StorageKey;
use crate::domain::subject::{PixelBox, SubjectSettings};
use crate::domain::variation::Variation;
use crate::ports::{Clock, Destination, Ids, Keys, SystemClock, SystemIds};

/// An owner that no other test uses.
pub fn owner() -> OwnerId {
    let name = format!("owner-{}", Uuid::now_v7().simple());
    OwnerId::try_from(name).unwrap_or_else(|_| unreachable!("the name is made of letters and digits"))
}

/// Gives an owner exactly these settings.
pub async fn put_owner(keys: &dyn Keys, owner: &Owner) {
    keys.change_owner(&owner.id, OwnerChange::to(owner))
        .await
        .unwrap_or_else(|error| unreachable!("every setting can be set: {error}"));
}

/// The live queue of the makers, for an owner who does not matter.
pub fn destination() -> Destination<'static> {
    static OWNER: LazyLock<OwnerId> = LazyLock::new(owner);
    Destination { route: Route::ALL[0], owner: &OWNER }
}

/// A spec with a URL of every part that a URL can have.
pub fn spec() -> JobSpec {
    let url = "https://example.com/caf%C3%A9.jpg?size=large&sig=a%2Fb%3D%3D#part".parse();
    JobSpec {
        mode: Mode::Background,
        delivery: DeliveryMode::FinalUrl,
        format: Some(OutputFormat::Webp.into()),
        rendering: rendering(),
        set: Some(JobParamSet { name: "Test-Api".parse().ok(), revision: Some(SystemIds.revision()), set: set() }),
        review: ReviewRule::Off,
        previews: false,
        source: url.map(Source::Url).unwrap_or(Source::Stored),
        subject: SubjectSettings::default(),
        mask: None,
        external_id: "Bestellung 4711/ü".parse().ok(),
        metadata: Metadata::read(json!({"größe": "42", "# ": "\"\n", "empty": ""})).ok().flatten(),
        output_name: "{external_id} „größe“ {variation}".parse().ok(),
        source_name: SourceName::of_path("Schuhe/größe 42.jpg"),
        warnings: Warnings::from([(NAMES.to_owned(), vec!["The file name \"größe 42\" does not match.".to_owned()])]),
    }
}

/// A rendering with every setting, at unusual values.
fn rendering() -> Rendering {
    let rendering = json!({
        "channels": "alpha", "quality": 81, "lossless": true, "dpi": 299,
        "path": {"name": "Pfad „1“ & <2>", "flatness": 0.7, "inset": 0.3},
    });
    serde_json::from_value(rendering).unwrap_or_else(|_| unreachable!("every value is in its range"))
}

/// The same, with a crop, all metadata, a depth and a color space.
fn cropping() -> Rendering {
    let margin = "7.5% 12px 0 3.25%".parse().unwrap_or_else(|_| unreachable!("every length is in its range"));
    Rendering {
        crop: Some(Crop::Subject { margin }),
        keep_metadata: Some(KeepMetadata::All),
        depth: Some(Depth::Sixteen),
        color: Some(ColorSpace::Keep),
        ..rendering()
    }
}

/// Settings of every kind for the cut, at unusual values.
fn subject() -> SubjectSettings {
    let settings = json!({
        "roi": "0.5 10% 1999 99.5%",
        "keep": [[12.25, "50%"], ["1%", 7]],
        "hints": [
            {"kind": "remove", "points": [[1, 2], ["3.5%", 4]], "radius": "2%"},
            {"kind": "keep", "points": [[0, 65535]]},
        ],
        "holes": "open",
        "mask_source": "path",
    });
    serde_json::from_value(settings).unwrap_or_else(|_| unreachable!("every value is in its range"))
}

/// A mask with a URL of every part that a URL can have.
fn mask() -> Option<JobMask> {
    let url = "https://example.com/caf%C3%A9.png?sig=a%2Fb%3D%3D#part".parse().ok()?;
    Some(JobMask::new(MaskContent::Url(url), now()))
}

/// A parameter set with every setting, at unusual values.
pub fn set() -> ParamSet {
    let set = json!({
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
            "depth": "keep", "color": "keep",
        },
        "id_pattern": "(?<sku>[^_]+)_(?<shot>.*)",
        "output_name": "{source_name}_{variation}",
        "roi": "1 2 99.5% 100%", "keep": "main", "holes": "keep", "mask_source": "alpha",
        "crop": "subject", "crop_margin": "2.5% 12", "keep_metadata": "none",
        "promise": {"background": true, "fill": {"min": "75%", "max": "90.5%"}, "max_bytes": 9_999_999},
    });
    ParamSet::read(set).unwrap_or_else(|faults| unreachable!("the set is valid: {faults}"))
}

/// A parameter set of nearly the largest size.
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
    Job::new(SystemIds.job(), owner.clone(), spec(), SystemClock.now(), &Policy::default()).with_charge(charged)
}

/// A new, queued job of `owner` for a drop of its own.
pub fn dropped_job(owner: &OwnerId, charged: bool) -> Job {
    let path = DropPath::try_from(format!("drops/{owner}/amazon-main/Schuhe/größe {}.jpg", Uuid::now_v7().simple()));
    let origin = DropOrigin {
        path: path.unwrap_or_else(|_| unreachable!("every part has letters")),
        bucket: "files".to_owned(),
        version: Some("v-1".to_owned()),
        sequencer: Sequencer::of_number(0x55AE_D6DC),
    };
    job(owner, charged).for_drop(origin)
}

/// A new, queued job of `owner` with a webhook of its own.
pub fn webhook_job(owner: &OwnerId, charged: bool) -> Job {
    let url = "https://example.com/hooks/caf%C3%A9?token=a%2Fb".to_owned().try_into();
    job(owner, charged).with_webhook(url.unwrap_or_else(|_| unreachable!("the URL is valid")), false)
}

/// A new, queued job of `owner` that steers its cut, has a mask and a webhook, crops its pictures and keeps all metadata in
/// them, and is held once they are made.
pub fn reviewed_job(owner: &OwnerId, charged: bool) -> Job {
    let review = Confidence::try_from(1.0).map_or(ReviewRule::Always, ReviewRule::Below);
    let job = webhook_job(owner, charged);
    let spec = JobSpec { review, subject: subject(), mask: mask(), rendering: cropping(), ..job.spec };
    Job { spec, needs: RecordVersion::FIDELITY, ..job }
}

/// The identity of a job's drop.
pub fn identity(job: &Job) -> Identity {
    match &job.drop {
        Some(origin) => Identity::new(origin.identity(), None, job.created_at),
        None => unreachable!("the job was not dropped"),
    }
}

/// A new, queued job as a newer release might write it: with attributes and a report that this release does not know.
pub fn job_of_newer_release() -> Job {
    let job = dropped_job(&owner(), false);
    let mut record = serde_json::to_value(job).unwrap_or_else(|_| unreachable!("a job serializes"));
    record["lane"] = json!("bulk");
    record["labels"] = json!({"größe": ["42", "43"], "nested": {"count": 7, "share": 0.5, "flag": true}});
    record["order"]["priority_code"] = json!("order 4711");
    record["drop"]["priority"] = json!(3);
    record["reports"] = json!([{"kind": "pigeon", "id": "msg_1", "url": "https://example.com/hook?a=%2F"}]);
    record["needs"] = json!(2);
    serde_json::from_value(record).unwrap_or_else(|error| unreachable!("the record is readable: {error}"))
}

/// A done job whose files have names beyond ASCII, the key of its picture, and the picture's content.
pub fn done_job_with_name() -> (Job, StorageKey, Bytes) {
    let mut job = job(&owner(), false);
    job.spec.output_name = "größe {variation} „42“ & 100%".parse().ok();
    let outcome = outcome(job.id, SystemIds.lease());
    let key = outcome.pictures[&Variation::Background].key;
    job.state = JobState::Done { at: now(), outcome };
    (job, key, Bytes::from_static(b"a picture with a name"))
}

/// The result of a finished job.
pub fn outcome(job: JobId, lease: LeaseToken) -> Outcome {
    let variation = Variation::Background;
    let key = StorageKey::Output { job, lease, variation, format: OutputFormat::Webp.into() };
    Outcome {
        pictures: BTreeMap::from([(variation, StoredPicture { key, bytes: 123_456, width: 4000, height: 3000 })]),
        final_picture: variation,
        assets: AssetKind::ALL
            .map(|kind| (kind, StoredAsset { key: StorageKey::Asset { job, lease, kind }, bytes: 4_321 }))
            .into(),
        confidence: Some(Confidence::nearest(0.873)),
        crop_box: PixelBox::try_from([7, 0, 3999, 2987]).ok(),
        attention: vec![Attention {
            reason: AttentionReason::LowContrast,
            message: "Low contrast along 18 % of the outline.".to_owned(),
            place: PixelBox { left: 7, top: 40, width: 200, height: 90 },
        }],
        pixel_check: Some(PixelCheck { pixels: 7_654_321, largest_difference: 1 }),
        warnings: BTreeMap::from([
            ("background".to_owned(), vec!["„ümlaut“ & <tag>".to_owned(), String::new()]),
            (SOURCE.to_owned(), vec!["the colors were converted from CMYK".to_owned()]),
        ]),
        ignored: vec!["shadow_wall".to_owned()],
        pipeline_version: "1.0.0+models".to_owned(),
    }
}

/// The current time, as stores keep it.
pub fn now() -> Timestamp {
    SystemClock.now()
}
