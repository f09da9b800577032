//! Jobs in every state, for tests of the status.

use std::collections::BTreeMap;

use cutline_core::domain::attention::{Attention, AttentionReason};
use cutline_core::domain::fidelity::PixelCheck;
use cutline_core::domain::job::{Job, JobParamSet, JobSpec, Source, Step, Transition};
use cutline_core::domain::outcome::{Outcome, StoredAsset, StoredPicture};
use cutline_core::domain::params::{ParamSet, Revision};
use cutline_core::domain::review::ReviewRule;
use cutline_core::domain::subject::PixelBox;
use cutline_core::ports::{Clock, Ids, Jobs};
use cutline_core::testing::SequentialIds;
use cutline_core::{
    AssetKind, Confidence, DeliveryMode, FailureCode, Fault, JobId, JobState, LeaseToken, Mode, OutputFormat, Policy,
    StorageKey, Variation, Warnings,
};

use crate::support::{World, owner};

pub(crate) const POLICY: Policy = Policy::with_retention_days(7);

/// The id of every job here.
pub(crate) const ID: &str = "019c0000-0000-7000-8000-000000000000";

/// How a job reaches its state: every version of its record, oldest first.
pub(crate) type History = Box<dyn Fn(&World) -> Vec<Job>>;

/// Stores every version of a job, and returns its id.
pub(crate) async fn store_job(world: &World, history: History) -> JobId {
    let versions = history(world);
    let id = versions[0].id;
    world.store.create(&versions[0]).await.expect("created");
    for version in &versions[1..] {
        world.store.replace(&Transition::without_effects(version.clone())).await.expect("replaced");
    }
    id
}

pub(crate) fn queued(mode: Mode, delivery: DeliveryMode) -> History {
    Box::new(move |world| {
        let (format, rendering) = (Some(OutputFormat::Webp.into()), Default::default());
        let spec = JobSpec {
            mode,
            delivery,
            format,
            rendering,
            set: None,
            review: ReviewRule::Off,
            previews: false,
            source: Source::Stored,
            subject: Default::default(),
            mask: None,
            external_id: None,
            metadata: None,
            output_name: None,
            source_name: None,
            warnings: Default::default(),
        };
        vec![Job::new(SequentialIds::default().job(), owner(), spec, world.clock.now(), &POLICY)]
    })
}

fn lease() -> LeaseToken {
    SequentialIds::default().lease()
}

/// Adds a version to a history.
pub(crate) fn then(history: History, next: impl Fn(Job, &World) -> Job + 'static) -> History {
    Box::new(move |world| {
        let mut versions = history(world);
        let last = versions[versions.len() - 1].clone();
        versions.push(next(last, world));
        versions
    })
}

pub(crate) fn running(mode: Mode, delivery: DeliveryMode, step: Step) -> History {
    let claimed =
        then(queued(mode, delivery), |job, world| job.claim(lease(), world.clock.now(), &POLICY).expect("claimed").job);
    then(claimed, move |job, _| job.advance(lease(), step).expect("advanced").job)
}

/// A done job. In mode clipping it has a path, unless there are warnings.
pub(crate) fn done(mode: Mode, delivery: DeliveryMode, warnings: Warnings, ignored: Vec<String>) -> History {
    then(running(mode, delivery, Step::Delivery), move |job, world| {
        let (id, lease, format) = (job.id, lease(), OutputFormat::Webp.into());
        let picture = |variation| {
            let key = StorageKey::Output { job: id, lease, variation, format };
            (variation, StoredPicture { key, bytes: 1, width: 1, height: 1 })
        };
        let asset = |kind| (kind, StoredAsset { key: StorageKey::Asset { job: id, lease, kind }, bytes: 1 });
        let mut outcome = Outcome {
            pictures: BTreeMap::from([picture(Variation::Background)]),
            final_picture: Variation::Background,
            assets: BTreeMap::from([asset(AssetKind::Matte)]),
            confidence: Some(Confidence::nearest(0.9)),
            crop_box: None,
            attention: Vec::new(),
            pixel_check: None,
            warnings: warnings.clone(),
            ignored: ignored.clone(),
            pipeline_version: "1+isnet-b6e8497b".to_owned(),
        };
        if mode == Mode::Clipping {
            outcome.pictures.extend([picture(Variation::Clipping)]);
            outcome.final_picture = Variation::Clipping;
            if warnings.is_empty() {
                outcome.assets.extend([asset(AssetKind::ClippingPath)]);
            }
        }
        job.finish(lease, outcome, world.clock.now(), &POLICY).expect("finished").job
    })
}

/// A done job of mode background without warnings.
pub(crate) fn simply_done(delivery: DeliveryMode) -> History {
    done(Mode::Background, delivery, Warnings::new(), Vec::new())
}

/// A job that an older version finished, before there were confidences and assets.
pub(crate) fn done_by_an_older_version(delivery: DeliveryMode) -> History {
    then(simply_done(delivery), |job, _| {
        let mut job = Job { version: job.version + 1, ..job };
        if let JobState::Done { outcome, .. } = &mut job.state {
            (outcome.confidence, outcome.assets) = (None, BTreeMap::new());
        }
        job
    })
}

/// The same job, if its pixels are checked.
pub(crate) fn checked(history: History) -> History {
    then(history, |job, _| {
        let mut job = Job { version: job.version + 1, ..job };
        if let JobState::Done { outcome, .. } | JobState::Review { outcome, .. } = &mut job.state {
            outcome.pixel_check = Some(PixelCheck { pixels: 5_000_000_000, largest_difference: 0 });
        }
        job
    })
}

/// The same job, if its pictures are cropped.
pub(crate) fn cropped(history: History) -> History {
    then(history, |job, _| {
        let mut job = Job { version: job.version + 1, ..job };
        if let JobState::Done { outcome, .. } | JobState::Review { outcome, .. } = &mut job.state {
            outcome.crop_box = PixelBox::try_from([12, 0, 340, 299]).ok();
        }
        job
    })
}

/// The same job, if a person should look at a place of its cut.
pub(crate) fn doubtful(history: History, reason: AttentionReason) -> History {
    then(history, move |job, _| {
        let mut job = Job { version: job.version + 1, ..job };
        if let JobState::Done { outcome, .. } | JobState::Review { outcome, .. } = &mut job.state {
            let place = PixelBox { left: 12, top: 0, width: 40, height: 30 };
            outcome.attention = vec![Attention { reason, message: "Look here.".to_owned(), place }];
        }
        job
    })
}

/// The same job, if it asks for review.
pub(crate) fn reviewed(history: History) -> History {
    Box::new(move |world| {
        let mut versions = history(world);
        for job in &mut versions {
            job.spec.review = ReviewRule::Always;
        }
        versions
    })
}

/// A job of mode background that is held for review.
pub(crate) fn held(delivery: DeliveryMode) -> History {
    then(reviewed(running(Mode::Background, delivery, Step::Delivery)), |job, world| {
        let done = simply_done(DeliveryMode::Url)(world).pop().expect("a done job");
        let outcome = done.outcome().cloned().expect("an outcome");
        job.finish(lease(), outcome, world.clock.now(), &POLICY).expect("held").job
    })
}

pub(crate) fn failed(delivery: DeliveryMode) -> History {
    then(running(Mode::Background, delivery, Step::Background), |job, world| {
        let fault = Fault::fail(FailureCode::SourceUnreachable, "the source answered with status 404 Not Found");
        job.give_up(lease(), fault, world.clock.now(), &POLICY).expect("failed").job
    })
}

/// The same job, made with this parameter set.
pub(crate) fn with_set(history: History, name: Option<&'static str>, revision: Option<Revision>) -> History {
    Box::new(move |world| {
        let mut versions = history(world);
        let name = name.map(|name| name.parse().expect("a name"));
        for job in &mut versions {
            job.spec.set = Some(JobParamSet { name: name.clone(), revision, set: ParamSet::empty() });
        }
        versions
    })
}
