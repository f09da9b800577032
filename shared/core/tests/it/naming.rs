//! `output_name`: the names of a job's files in links and in the results of drops.

use bytes::Bytes;
use cutline_core::domain::correlation::Metadata;
use cutline_core::domain::drops::DropPath;
use cutline_core::domain::output_name::SourceName;
use cutline_core::domain::params::ParamSet;
use cutline_core::domain::percent::percent_decode;
use cutline_core::ports::{ParamSets as _, Precondition, StoredSet};
use cutline_core::testing::MemoryLinks;
use cutline_core::usecases::{Status, Submission, SubmitError, SubmittedSet, SubmittedSource};
use cutline_core::{Clock as _, Ids as _, Job, JobId, Mode, SystemIds, Variation};
use serde_json::{Value, json};

use crate::world::{FaultInjector, World};

const RED: &[u8] = b"\xFF\xD8\xFF a red shoe";

fn inline(set: Value) -> Option<SubmittedSet> {
    Some(SubmittedSet::Inline(Box::new(ParamSet::read(set).expect("a set"))))
}

async fn done(world: &World, submission: Submission) -> Job {
    let job = world.accepted(submission).await;
    world.work(&FaultInjector::none()).await;
    world.job(job.id).await
}

/// The names in the links of a job's pictures and assets.
pub(crate) async fn linked_names(world: &World, id: JobId) -> Vec<Option<String>> {
    let status: Status = world.status(MemoryLinks::new(world.clock.clone()));
    let view = status.run(&world.owner, id).await.expect("no fault").expect("a job");
    let links = view.links.values().chain(view.assets.values());
    let name = |link: &cutline_core::ports::Link| {
        let query = link.url.query().expect("a query");
        query.split('&').find_map(|pair| percent_decode(pair.strip_prefix("name=")?))
    };
    links.map(name).collect()
}

#[tokio::test]
async fn links_carry_the_names_of_the_request() {
    let world = World::new(None).await;
    let bytes = || SubmittedSource::Bytes(Bytes::from_static(b"photo"));
    let submission = Submission {
        mode: Mode::Clipping,
        external_id: "47/11 ü".parse().ok(),
        output_name: "{external_id}_{source_name}".parse().ok(),
        source_name: SourceName::of_path("C:\\fakepath\\cup.jpg"),
        ..world.submission(bytes())
    };
    let job = done(&world, submission.clone()).await;
    let names = ["_background.png", "_clipping.png", "_clipping_path.svg", "_matte.png"];
    let expected: Vec<_> = names.map(|end| Some(format!("47_11 ü_cup{end}"))).into();
    assert_eq!(linked_names(&world, job.id).await, expected);

    let one = done(&world, Submission { mode: Mode::Background, ..submission.clone() }).await;
    assert_eq!(linked_names(&world, one.id).await[0].as_deref(), Some("47_11 ü_cup.png"), "the only picture");
    let without = done(&world, Submission { output_name: None, ..submission.clone() }).await;
    assert_eq!(linked_names(&world, without.id).await, [const { None }; 4]);
    assert_eq!(without.spec.source_name, None, "the name of a file is stored only where it is needed");

    let url: cutline_core::SourceUrl = "https://example.com/a/red%20shoe.jpg?sig=secret".parse().expect("a URL");
    let fetched = Submission { source: SubmittedSource::Url(url), source_name: None, ..submission };
    let fetched = done(&world, fetched).await;
    assert_eq!(linked_names(&world, fetched.id).await[0].as_deref(), Some("47_11 ü_red shoe_background.png"));

    let again = world.retry(&FaultInjector::none()).run(&world.owner, None, fetched.id, None).await.expect("accepted");
    let again = world.job(again.id).await;
    assert_eq!(again.spec, fetched.spec, "a retry keeps the names");
    world.delete(&FaultInjector::none()).run(&world.owner, fetched.id).await.expect("deleted");
    let tombstone = world.job(fetched.id).await;
    assert_eq!((tombstone.spec.output_name, tombstone.spec.source_name), (None, None));
}

#[tokio::test]
async fn a_field_of_the_request_comes_before_the_set() {
    let world = World::new(None).await;
    let set = json!({"margin": "5%", "variations": ["compose"], "output_name": "of the set {variation}"});
    let submission = Submission {
        mode: Mode::Params,
        set: inline(set),
        ..world.submission(SubmittedSource::Bytes(Bytes::from_static(b"photo")))
    };
    let own = done(&world, Submission { output_name: "cup".parse().ok(), ..submission.clone() }).await;
    assert_eq!(linked_names(&world, own.id).await[0].as_deref(), Some("cup.png"));
    let of_set = done(&world, submission).await;
    assert_eq!(linked_names(&world, of_set.id).await[0].as_deref(), Some("of the set compose.png"));
    for job in [own, of_set] {
        let set = job.spec.set.expect("a set").set;
        assert_eq!(set.output_name, None, "releases without this setting can read the record");
    }
}

#[tokio::test]
async fn a_drops_files_have_the_names_of_its_set() {
    let world = World::new(None).await;
    let variations = json!({"margin": "5%", "shadow_top": {}, "variations": ["compose", "shadowTop"]});
    let path = "drops/shop/my-set/shoes/rot ä 1.jpg";
    let result = |name: &str| {
        let path = DropPath::try_from(path.to_owned()).expect("a path");
        world.drop_files.get(&path.result(name)).is_some()
    };
    for (index, output_name) in ["{source_name}", "{job_id} {variation}"].into_iter().enumerate() {
        let mut document = variations.clone();
        document["output_name"] = json!(output_name);
        let (name, set) = ("my-set".parse().expect("a name"), ParamSet::read(document).expect("a set"));
        let stored = StoredSet { name, revision: SystemIds.revision(), updated_at: world.clock.now(), set };
        world.sets.put(&world.owner, &stored, &Precondition::Any).await.expect("put");
        let object = world.drop_file(path, RED);
        world.drop_ingest(&FaultInjector::none()).take(&object).await.expect("taken in");
        for _ in 0..3 {
            world.work(&FaultInjector::none()).await;
        }
        let manifest = world.manifest(path).expect("a manifest");
        assert_eq!(manifest["output_name"], output_name);
        let id = manifest["job_id"].as_str().expect("an id");
        let expected = match index {
            0 => ["rot ä 1_compose.png".to_owned(), "rot ä 1_shadowTop.png".to_owned()],
            _ => [format!("{id} compose.png"), format!("{id} shadowTop.png")],
        };
        for (variation, file) in [Variation::Compose, Variation::ShadowTop].iter().zip(&expected) {
            assert_eq!(manifest["variations"][variation.as_str()]["file"], *file, "{manifest}");
            assert!(result(file), "{file}");
        }
    }
    assert!(!result("compose.png"), "and no others");
}

/// S3 accepts keys of 1,024 bytes at most.
#[tokio::test]
async fn the_longest_path_of_a_drop_has_short_names() {
    let world = World::new(None).await;
    let document =
        json!({"shadow_wall": {}, "variations": ["shadow_wall", "background"], "output_name": "{source_name}"});
    let (name, set) = ("my-set".parse().expect("a name"), ParamSet::read(document).expect("a set"));
    let stored = StoredSet { name, revision: SystemIds.revision(), updated_at: world.clock.now(), set };
    world.sets.put(&world.owner, &stored, &Precondition::Absent).await.expect("put");
    let start = "drops/shop/my-set/";
    let path = format!("{start}{}", "x".repeat(DropPath::MAX_BYTES - start.len()));
    let object = world.drop_file(&path, RED);
    world.drop_ingest(&FaultInjector::none()).take(&object).await.expect("taken in");
    world.work(&FaultInjector::none()).await;
    let manifest = world.manifest(&path).expect("a manifest");
    let drop = DropPath::try_from(path).expect("a path");
    for (variation, end) in [("shadow_wall", "_shadow_wall.png"), ("background", "_background.png")] {
        let file = manifest["variations"][variation]["file"].as_str().expect("a file");
        assert!(file.starts_with('x') && file.ends_with(end), "{manifest}");
        assert!(drop.result(file).len() <= 1024 && world.drop_files.get(&drop.result(file)).is_some(), "{file}");
    }
}

const BOTH: &str = "(?<sku>[0-9]+)_(?<shot>.+)";

fn named(path: &str) -> Option<SourceName> {
    SourceName::of_path(path)
}

/// The names of a job, and its warnings about them.
fn ids(job: &Job) -> (Option<&str>, Option<&str>, &[String]) {
    let spec = &job.spec;
    let warnings = job.outcome().and_then(|outcome| outcome.warnings.get("names")).map_or(&[][..], Vec::as_slice);
    (spec.external_id.as_ref().map(|id| id.as_str()), spec.metadata.as_ref().and_then(|own| own.get("shot")), warnings)
}

#[tokio::test]
async fn a_sets_pattern_reads_ids_from_the_name_of_the_file() {
    let world = World::new(None).await;
    let submission = Submission {
        mode: Mode::Params,
        set: inline(json!({"variations": ["background"], "id_pattern": BOTH,
                           "output_name": "{external_id}-{metadata.shot}-v{revision}"})),
        source_name: named("4711_front.jpg"),
        ..world.submission(SubmittedSource::Bytes(Bytes::from_static(b"photo")))
    };
    let job = done(&world, submission.clone()).await;
    assert_eq!(ids(&job), (Some("4711"), Some("front"), &[][..]));
    assert_eq!(linked_names(&world, job.id).await[0].as_deref(), Some("4711-front-v1.png"));
    let set = job.spec.set.expect("a set").set;
    assert_eq!((set.id_pattern, job.spec.source_name), (None, None), "what it read is stored, and not how");

    let own = Metadata::read(json!({"shot": "back"})).expect("valid");
    let explicit = Submission { external_id: "own".parse().ok(), metadata: own, ..submission.clone() };
    assert_eq!(ids(&done(&world, explicit).await), (Some("own"), Some("back"), &[][..]));

    let unmatched =
        Submission { source_name: named("IMG 1.jpg"), output_name: "cup".parse().ok(), ..submission.clone() };
    let job = done(&world, unmatched).await;
    assert_eq!(ids(&job), (None, None, &["The file name \"IMG 1\" does not match id_pattern.".to_owned()][..]));
    let again = world.retry(&FaultInjector::none()).run(&world.owner, None, job.id, None).await.expect("accepted");
    world.work(&FaultInjector::none()).await;
    assert_eq!(ids(&world.job(again.id).await), ids(&job), "a retry keeps the warning");
    world.delete(&FaultInjector::none()).run(&world.owner, job.id).await.expect("deleted");
    assert!(world.job(job.id).await.spec.warnings.is_empty(), "which names the caller's file");

    let url = "https://example.com/shoes/7_side.jpg".parse().expect("a URL");
    let fetched = Submission { source: SubmittedSource::Url(url), source_name: None, ..submission };
    assert_eq!(ids(&done(&world, fetched).await), (Some("7"), Some("side"), &[][..]));
}

#[tokio::test]
async fn a_request_without_a_member_that_its_name_needs_is_refused() {
    let world = World::new(None).await;
    let submission = || Submission {
        output_name: "{metadata.sku}-{metadata.size}".parse().ok(),
        metadata: Metadata::read(json!({"sku": "4711"})).expect("valid"),
        ..world.submission(SubmittedSource::Bytes(Bytes::from_static(b"photo")))
    };
    let refused = world.submit(&FaultInjector::none()).run(submission()).await;
    assert!(
        matches!(&refused, Err(SubmitError::MissingMetadata { key, is_of_set: false }) if key == "size"),
        "{refused:?}"
    );
    let of_set = Submission {
        mode: Mode::Params,
        set: inline(json!({"variations": ["background"], "output_name": "{metadata.size}"})),
        output_name: None,
        ..submission()
    };
    let refused = world.submit(&FaultInjector::none()).run(of_set).await;
    assert!(matches!(&refused, Err(SubmitError::MissingMetadata { is_of_set: true, .. })), "{refused:?}");
    assert_eq!(world.blobs.keys().len(), 0, "nothing was stored");
    let complete =
        Submission { metadata: Metadata::read(json!({"sku": "47/11", "size": ""})).expect("valid"), ..submission() };
    let job = done(&world, complete).await;
    assert_eq!(linked_names(&world, job.id).await[0].as_deref(), Some("47_11-.png"));
}

async fn store_set(world: &World, document: Value) {
    let (name, set) = ("my-set".parse().expect("a name"), ParamSet::read(document).expect("a set"));
    let stored = StoredSet { name, revision: SystemIds.revision(), updated_at: world.clock.now(), set };
    world.sets.put(&world.owner, &stored, &Precondition::Any).await.expect("put");
}

async fn dropped(world: &World, path: &str) -> Value {
    let object = world.drop_file(path, RED);
    world.drop_ingest(&FaultInjector::none()).take(&object).await.expect("taken in");
    for _ in 0..3 {
        world.work(&FaultInjector::none()).await;
    }
    world.manifest(path).expect("a manifest")
}

#[tokio::test]
async fn a_drop_has_the_ids_in_its_name() {
    let world = World::new(None).await;
    store_set(
        &world,
        json!({"variations": ["background"], "id_pattern": BOTH, "output_name": "{external_id}_{metadata.shot}"}),
    )
    .await;
    let manifest = dropped(&world, "drops/shop/my-set/shoes/4711_front.jpg").await;
    assert_eq!((&manifest["external_id"], &manifest["metadata"]), (&json!("4711"), &json!({"shot": "front"})));
    assert_eq!(manifest["variations"]["background"]["file"], "4711_front.png");

    let manifest = dropped(&world, "drops/shop/my-set/shoes/IMG 1.jpg").await;
    let id = manifest["job_id"].as_str().expect("an id");
    assert_eq!(manifest["variations"]["background"]["file"], format!("{id}_{id}.png"), "{manifest}");
    assert_eq!((&manifest["status"], &manifest["external_id"]), (&json!("done"), &Value::Null));
    let warnings = json!([
        "The file name \"IMG 1\" does not match id_pattern.",
        "There is no metadata.shot for output_name: the job's id stands in its place.",
    ]);
    assert_eq!(manifest["warnings"]["names"], warnings);
}

/// A result lies in a folder of its drop, so drops that name their results alike never meet.
#[tokio::test]
async fn two_drops_never_have_one_result() {
    let world = World::new(None).await;
    store_set(&world, json!({"variations": ["background"], "id_pattern": BOTH, "output_name": "{external_id}"})).await;
    let paths = ["4711_front.jpg", "4711_back.jpg", "x/4711_front.jpg"].map(|name| format!("drops/shop/my-set/{name}"));
    for path in &paths {
        assert_eq!(dropped(&world, path).await["variations"]["background"]["file"], "4711.png");
    }
    for path in paths {
        let drop = DropPath::try_from(path).expect("a path");
        assert!(world.drop_files.get(&drop.result("4711.png")).is_some(), "{drop}");
    }
}
