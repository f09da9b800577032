//! Jobs that say which metadata their pictures keep: in requests, sets, drops and repeated jobs.

use bytes::Bytes;
use cutline_core::domain::keep_metadata::KeepMetadata;
use cutline_core::domain::params::ParamSet;
use cutline_core::ports::{ParamSets as _, PipelineInput, Precondition, StoredSet};
use cutline_core::usecases::{Submission, SubmittedSet, SubmittedSource};
use cutline_core::{Clock as _, Ids as _, Mode, Rendering, SystemIds};
use serde_json::json;

use crate::world::{FaultInjector, World};

fn submission(world: &World, keep_metadata: Option<KeepMetadata>) -> Submission {
    let rendering = Rendering { keep_metadata, ..Rendering::default() };
    Submission { rendering, ..world.submission(SubmittedSource::Bytes(Bytes::from_static(b"photo"))) }
}

fn set(keep_metadata: &str) -> ParamSet {
    let set = json!({"background": "#fff", "variations": ["compose"], "keep_metadata": keep_metadata});
    ParamSet::read(set).expect("a set")
}

#[tokio::test]
async fn a_request_comes_before_its_set() {
    let world = World::new(None).await;
    for (asked, expected) in [
        (None, KeepMetadata::None),
        (Some(KeepMetadata::All), KeepMetadata::All),
        (Some(KeepMetadata::Credit), KeepMetadata::Credit),
    ] {
        let inline = Some(SubmittedSet::Inline(Box::new(set("none"))));
        let job = world.accepted(Submission { mode: Mode::Params, set: inline, ..submission(&world, asked) }).await;
        assert_eq!(job.spec.rendering.keep_metadata, Some(expected));
        let used = &job.spec.set.as_ref().expect("a set").set;
        assert_eq!(used.keep_metadata, None, "an earlier release reads the set");
    }
}

#[tokio::test]
async fn a_repeated_job_keeps_the_same() {
    let (world, none) = (World::new(None).await, FaultInjector::none());
    let first = world.accepted(submission(&world, Some(KeepMetadata::All))).await;
    world.work(&none).await;
    let again = world.retry(&none).run(&world.owner, None, first.id, None).await.expect("accepted").id;
    assert_eq!(world.job(again).await.spec.rendering.keep_metadata, Some(KeepMetadata::All));
}

#[tokio::test]
async fn a_drop_keeps_what_its_set_says() {
    let world = World::new(None).await;
    let stored = StoredSet {
        name: "my-set".parse().expect("a name"),
        revision: SystemIds.revision(),
        updated_at: world.clock.now(),
        set: set("all"),
    };
    world.sets.put(&world.owner, &stored, &Precondition::Any).await.expect("put");
    let object = world.drop_file("drops/shop/my-set/shoe.jpg", b"\xFF\xD8\xFF a red shoe");
    world.drop_ingest(&FaultInjector::none()).take(&object).await.expect("taken in");
    let jobs = world.store.all_jobs();
    assert_eq!(jobs.len(), 1);
    assert_eq!(jobs[0].spec.rendering.keep_metadata, Some(KeepMetadata::All));
}

#[test]
fn the_pipeline_follows_the_request_then_the_set_of_mode_params() {
    let input = |mode, asked, of_set: Option<&str>| {
        let rendering = Rendering { keep_metadata: asked, ..Rendering::default() };
        PipelineInput { rendering, set: of_set.map(set), ..PipelineInput::new("", mode) }.keep_metadata()
    };
    assert_eq!(input(Mode::Background, None, None), KeepMetadata::Credit);
    assert_eq!(input(Mode::Params, None, Some("all")), KeepMetadata::All);
    assert_eq!(input(Mode::Params, Some(KeepMetadata::None), Some("all")), KeepMetadata::None);
    assert_eq!(input(Mode::Background, None, Some("all")), KeepMetadata::Credit, "the set does not count");
}

#[test]
fn a_set_with_an_unknown_value_names_the_choices() {
    let faults = ParamSet::read(json!({"keep_metadata": "exif"})).expect_err("is rejected").0;
    let fault = (faults[0].path.as_str(), faults[0].message.as_str());
    assert_eq!(fault, ("keep_metadata", "This value must be one of: credit, all, none."));
}
