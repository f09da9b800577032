//! Jobs with a depth and a color space: in requests, sets, records, corrections and manifests.

use bytes::Bytes;
use cutline_core::domain::fidelity::{ColorSpace, Depth, Fidelity};
use cutline_core::domain::job::RecordVersion;
use cutline_core::domain::params::ParamSet;
use cutline_core::ports::{ParamSets as _, PipelineInput, Precondition, StoredSet};
use cutline_core::usecases::{RecutRequest, Submission, SubmittedSet, SubmittedSource};
use cutline_core::{Clock as _, Ids as _, Job, Mode, Rendering, SystemIds};
use serde_json::json;

use crate::recutting;
use crate::world::{FaultInjector, World};

/// A request of mode background with this depth and color space.
fn submission(world: &World, depth: Option<Depth>, color: Option<ColorSpace>) -> Submission {
    let rendering = Rendering { depth, color, ..Rendering::default() };
    Submission { rendering, ..world.submission(SubmittedSource::Bytes(Bytes::from_static(b"photo"))) }
}

fn is_checked(job: &Job) -> bool {
    job.outcome().expect("an outcome").pixel_check.is_some()
}

#[tokio::test]
async fn a_job_keeps_its_fidelity_and_the_check_of_its_pixels() {
    let world = World::new(None).await;
    for (depth, color, needs) in [
        (None, None, RecordVersion::FIRST),
        (Some(Depth::Eight), None, RecordVersion::FIDELITY),
        (None, Some(ColorSpace::Srgb), RecordVersion::FIDELITY),
        (Some(Depth::Keep), Some(ColorSpace::Keep), RecordVersion::FIDELITY),
    ] {
        let job = world.accepted(submission(&world, depth, color)).await;
        assert_eq!((job.needs, job.spec.rendering.depth, job.spec.rendering.color), (needs, depth, color));
        world.work(&FaultInjector::none()).await;
        let done = world.job(job.id).await;
        assert_eq!(is_checked(&done), needs == RecordVersion::FIDELITY, "{done:?}");
        let record = serde_json::to_value(&done).expect("serializes");
        assert_eq!(serde_json::from_value::<Job>(record).expect("is read again"), done);
    }
}

#[tokio::test]
async fn a_repeated_and_a_corrected_job_write_the_same_files() {
    let (world, none) = (World::new(None).await, FaultInjector::none());
    let first = world.accepted(submission(&world, Some(Depth::Sixteen), Some(ColorSpace::Keep))).await;
    world.work(&none).await;
    let again = world.retry(&none).run(&world.owner, None, first.id, None).await.expect("accepted").id;
    let request = RecutRequest { revision: None, changes: recutting::click(), mask: None };
    let recut =
        world.recut("anna", &none).run(&world.owner, None, first.id, &request, None).await.expect("accepted").id;
    world.work(&none).await;
    for id in [again, recut] {
        let job = world.job(id).await;
        assert_eq!(job.spec.rendering, first.spec.rendering);
        assert!(is_checked(&job) && job.needs >= RecordVersion::FIDELITY, "{job:?}");
    }
}

#[tokio::test]
async fn a_request_comes_before_its_set() {
    let world = World::new(None).await;
    let output = json!({"format": "tiff", "depth": 16, "color": "keep"});
    let set = ParamSet::read(json!({"variations": ["background"], "output": output})).expect("a set");
    for (asked, expected) in [(None, Depth::Sixteen), (Some(Depth::Keep), Depth::Keep)] {
        let inline = Some(SubmittedSet::Inline(Box::new(set.clone())));
        let job =
            world.accepted(Submission { mode: Mode::Params, set: inline, ..submission(&world, asked, None) }).await;
        assert_eq!(job.spec.rendering.depth, Some(expected));
        assert_eq!(job.spec.rendering.color, Some(ColorSpace::Keep));
        let used = &job.spec.set.as_ref().expect("a set").set.output;
        assert_eq!((used.depth, used.color), (None, None), "an earlier release reads the set");
    }
    let input = PipelineInput { set: Some(set), ..PipelineInput::new("photo", Mode::Params) };
    let fidelity = Fidelity { depth: Depth::Sixteen, color: ColorSpace::Keep };
    assert_eq!(input.fidelity(), Some(fidelity));
    assert_eq!(PipelineInput { mode: Mode::Background, ..input }.fidelity(), None);
}

#[tokio::test]
async fn a_drop_follows_its_set_and_its_manifest_has_the_check() {
    let world = World::new(None).await;
    let path = "drops/shop/my-set/shoe.jpg";
    for (output, expected) in [
        (json!({"depth": "keep"}), Some(json!({"pixels": 100, "largest_difference": 0}))),
        (json!({"format": "png"}), None),
    ] {
        let document = json!({"variations": ["background"], "output": output});
        let (name, set) = ("my-set".parse().expect("a name"), ParamSet::read(document).expect("a set"));
        let stored = StoredSet { name, revision: SystemIds.revision(), updated_at: world.clock.now(), set };
        world.sets.put(&world.owner, &stored, &Precondition::Any).await.expect("put");
        let object = world.drop_file(path, b"\xFF\xD8\xFF a red shoe");
        world.drop_ingest(&FaultInjector::none()).take(&object).await.expect("taken in");
        for _ in 0..3 {
            world.work(&FaultInjector::none()).await;
        }
        let manifest = world.manifest(path).expect("a manifest");
        assert_eq!(
            (&manifest["status"], manifest.get("pixel_check")),
            (&json!("done"), expected.as_ref()),
            "{manifest}"
        );
    }
}
