//! Jobs that crop their pictures: in requests, sets, records, corrections and manifests.

use std::time::Duration;

use bytes::Bytes;
use cutline_core::domain::crop::Crop;
use cutline_core::domain::job::RecordVersion;
use cutline_core::domain::params::ParamSet;
use cutline_core::domain::review::ReviewRule;
use cutline_core::domain::subject::PixelBox;
use cutline_core::ports::{ParamSets as _, Precondition, StoredSet};
use cutline_core::usecases::{RecutRequest, Submission, SubmittedSet, SubmittedSource};
use cutline_core::{Clock as _, Ids as _, Job, Mode, Rendering, SystemIds};
use serde_json::json;

use crate::recutting;
use crate::world::{FaultInjector, World};

fn subject(margin: &str) -> Option<Crop> {
    Some(Crop::Subject { margin: margin.parse().expect("a margin") })
}

/// A request of mode background with this crop.
fn submission(world: &World, crop: Option<Crop>) -> Submission {
    let rendering = Rendering { crop, ..Rendering::default() };
    Submission { rendering, ..world.submission(SubmittedSource::Bytes(Bytes::from_static(b"photo"))) }
}

fn crop_box(job: &Job) -> Option<PixelBox> {
    job.outcome().expect("an outcome").crop_box
}

#[tokio::test]
async fn a_job_keeps_its_crop_and_the_box_of_its_pictures() {
    let world = World::new(None).await;
    for (crop, needs) in
        [(None, RecordVersion::FIRST), (Some(Crop::Whole), RecordVersion::FIRST), (subject("5%"), RecordVersion::CROP)]
    {
        let job = world.accepted(submission(&world, crop)).await;
        assert_eq!((job.needs, job.spec.rendering.crop), (needs, crop));
        world.work(&FaultInjector::none()).await;
        let done = world.job(job.id).await;
        assert_eq!(crop_box(&done).is_some(), needs == RecordVersion::CROP, "{done:?}");
        let record = serde_json::to_value(&done).expect("serializes");
        assert_eq!(serde_json::from_value::<Job>(record).expect("is read again"), done);
    }
}

/// Only a job that may have been cut again can have a worker that its attempts do not show.
#[tokio::test]
async fn a_deleted_job_waits_for_late_workers_only_if_it_may_have_some() {
    let world = World::new(None).await;
    for (review, wait) in [(ReviewRule::Off, Duration::ZERO), (ReviewRule::Always, world.policy.max_attempt)] {
        let job = world.accepted(Submission { review: Some(review), ..submission(&world, subject("5%")) }).await;
        assert!(job.needs >= RecordVersion::RECUT, "{job:?}");
        let deleted = job.delete(world.clock.now(), &world.policy).expect("deletes").job;
        let deletion = deleted.deletion.expect("a deletion");
        assert_eq!(deletion.writes_until, world.clock.now() + wait, "{review:?}");
    }
}

#[tokio::test]
async fn a_repeated_and_a_corrected_job_crop_their_own_pictures() {
    let (world, none) = (World::new(None).await, FaultInjector::none());
    let first = world.accepted(submission(&world, subject("5% 12px"))).await;
    world.work(&none).await;
    let again = world.retry(&none).run(&world.owner, None, first.id, None).await.expect("accepted").id;
    let request = RecutRequest { revision: None, changes: recutting::click(), mask: None };
    let recut =
        world.recut("anna", &none).run(&world.owner, None, first.id, &request, None).await.expect("accepted").id;
    world.work(&none).await;
    for id in [again, recut] {
        let job = world.job(id).await;
        assert_eq!(job.spec.rendering, first.spec.rendering);
        assert!(crop_box(&job).is_some() && job.needs >= RecordVersion::CROP, "{job:?}");
    }
    world.delete(&none).run(&world.owner, first.id).await.expect("deleted");
    assert_eq!(world.job(first.id).await.spec.rendering, Rendering::default());
}

#[tokio::test]
async fn a_request_comes_before_its_set() {
    let world = World::new(None).await;
    let set = json!({"background": "#fff", "crop": "subject", "crop_margin": "8%", "variations": ["compose"]});
    let set = ParamSet::read(set).expect("a set");
    for (asked, expected) in
        [(None, subject("8%")), (subject("3px"), subject("3px")), (Some(Crop::Whole), Some(Crop::Whole))]
    {
        let inline = Some(SubmittedSet::Inline(Box::new(set.clone())));
        let job = world.accepted(Submission { mode: Mode::Params, set: inline, ..submission(&world, asked) }).await;
        assert_eq!(job.spec.rendering.crop, expected);
        let used = &job.spec.set.as_ref().expect("a set").set;
        assert_eq!((used.crop, used.crop_margin), (None, None), "an earlier release reads the set");
        world.work(&FaultInjector::none()).await;
        assert_eq!(crop_box(&world.job(job.id).await).is_some(), expected != Some(Crop::Whole));
    }
}

#[tokio::test]
async fn a_drop_is_cropped_by_its_set_and_its_manifest_has_the_box() {
    let world = World::new(None).await;
    let path = "drops/shop/my-set/shoe.jpg";
    for (document, expected) in [
        (json!({"variations": ["background"], "crop": "subject", "crop_margin": "10px"}), Some(json!([0, 0, 10, 10]))),
        (json!({"variations": ["background"]}), None),
    ] {
        let (name, set) = ("my-set".parse().expect("a name"), ParamSet::read(document).expect("a set"));
        let stored = StoredSet { name, revision: SystemIds.revision(), updated_at: world.clock.now(), set };
        world.sets.put(&world.owner, &stored, &Precondition::Any).await.expect("put");
        let object = world.drop_file(path, b"\xFF\xD8\xFF a red shoe");
        world.drop_ingest(&FaultInjector::none()).take(&object).await.expect("taken in");
        for _ in 0..3 {
            world.work(&FaultInjector::none()).await;
        }
        let manifest = world.manifest(path).expect("a manifest");
        assert_eq!((&manifest["status"], manifest.get("crop_box")), (&json!("done"), expected.as_ref()), "{manifest}");
    }
}
