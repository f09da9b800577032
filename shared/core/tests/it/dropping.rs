//! Dropped files: their jobs, their results and their manifests.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use cutline_core::contract::samples;
use cutline_core::domain::audit::Actor;
use cutline_core::domain::decision::{DraftRevision, RejectReason};
use cutline_core::domain::drops::{DropPath, DroppedObject, Sequencer};
use cutline_core::domain::job::{JobStage, ReportId, ReportStatus, ReviewDecision, Route};
use cutline_core::domain::keys::Owner;
use cutline_core::domain::kind::ImageKind;
use cutline_core::domain::lane::Lane;
use cutline_core::domain::report_message::ReportMessage;
use cutline_core::domain::work_request::WorkRequest;
use cutline_core::ports::{Blobs, Deliveries as _, Identities};
use cutline_core::testing::{MemoryDropFiles, MemoryQueue};
use cutline_core::usecases::{
    Disposition, DropIngest, Env, Intake, IntakePorts, RecutRequest, ReportSender, manifest_sequencer,
};
use cutline_core::{Clock as _, Job, JobState, Mode, OwnerId, StorageKey, Variation};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::disturb::{Calls, disturb};
use crate::recutting;
use crate::world::{FaultInjector, InjectedFault, World};

const RED: &[u8] = b"\xFF\xD8\xFF a red shoe";
const BLUE: &[u8] = b"\xFF\xD8\xFF a blue shoe";
const FAULT: &[u8] = b"\xFF\xD8\xFF a fault";

const SHOE: &str = "drops/shop/amazon-main/Schuhe/rot ä 1.jpg";

/// Lets a worker handle every message.
async fn work_until_idle(world: &World) {
    for _ in 0..5 {
        world.work(&FaultInjector::none()).await;
    }
}

async fn dropped(world: &World, objects: &[DroppedObject]) {
    world.queue.put_to(&world.drop_body(objects), Route::DROPS, Duration::ZERO);
    work_until_idle(world).await;
}

fn result(world: &World, key: &str, name: &str) -> Option<Vec<u8>> {
    let path = DropPath::try_from(key.to_owned()).expect("a path");
    world.drop_files.get(&path.result(name)).map(|bytes| bytes.to_vec())
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

#[test]
fn the_following_sequencer_is_newer() {
    let sequencer = |text: &str| Sequencer::try_from(text.to_owned()).expect("a sequencer");
    let (long, longest) = ("F".repeat(127), "F".repeat(128));
    for text in ["0", "9", "af", "0055AED6DCD90281E5", "00000000000000FF", "FFFFFFFFFFFFFFFF", &long] {
        let following = sequencer(text).following();
        assert!(following.is_newer_than(&sequencer(text)), "{text}");
        assert!(following.following().is_newer_than(&following), "{text}");
    }
    assert_eq!(Sequencer::of_number(255).following(), Sequencer::of_number(256));
    assert_eq!(Sequencer::of_number(0x19F).following(), Sequencer::of_number(0x1A0));
    assert_eq!(sequencer(&longest).following(), sequencer(&longest), "the newest one");
    assert_eq!(manifest_sequencer(br#"{"status": "done", "sequencer": "0A"}"#), Some(sequencer("0A")));
    assert_eq!(manifest_sequencer(b"a text"), None);
}

#[tokio::test]
async fn a_drop_yields_pictures_and_a_manifest() {
    let world = World::new(Some(5)).await;
    let object = world.drop_file(SHOE, RED);
    dropped(&world, std::slice::from_ref(&object)).await;
    let jobs = world.store.all_jobs();
    let [job] = &jobs[..] else { panic!("{jobs:?}") };
    assert_eq!((job.owner.as_str(), job.spec.mode, job.spec.format), ("shop", Mode::Params, None));
    let set = job.spec.set.as_ref().expect("has a set");
    assert_eq!(set.name.as_ref().map(|name| name.as_str()), Some("amazon-main"));
    assert!(job.owed_manifest().is_none() && job.due_at().is_none(), "{job:?}");
    assert_eq!(job.lane, Lane::Bulk);
    let JobState::Done { at, outcome } = &job.state else { panic!("{:?}", job.state) };
    let format = outcome.pictures[&Variation::Compose].key.file_name();
    assert_eq!(result(&world, SHOE, &format).as_deref(), Some(RED));
    let expected = json!({
        "status": "done",
        "source": SHOE,
        "sequencer": object.origin.sequencer,
        "job_id": job.id,
        "set": {"name": "amazon-main", "revision": null},
        "finished_at": at,
        "variations": {"compose": {
            "file": "compose.jpg", "content_type": "image/jpeg", "width": 1, "height": 1, "bytes": RED.len(),
            "sha256": sha256(RED),
        }},
        "final": "compose",
        "confidence": 0.25,
        "warnings": {},
        "ignored_variations": [],
        "pipeline_version": "echo",
    });
    assert_eq!(world.manifest(SHOE), Some(expected));
    assert_eq!(world.credits().await, Some(4));

    dropped(&world, &[object]).await;
    assert_eq!(world.store.all_jobs(), jobs, "announced again, it is known");
    assert!(world.queue.bodies().is_empty());
}

#[tokio::test]
async fn a_correction_replaces_the_results_of_a_drop_once_it_is_approved() {
    let world = World::new(Some(5)).await;
    dropped(&world, &[world.drop_file(SHOE, RED)]).await;
    let first = world.manifest(SHOE).expect("a manifest");
    let Job { id, owner, .. } = world.store.all_jobs().remove(0);
    let decided = async |decision: ReviewDecision| {
        let request = RecutRequest { revision: None, changes: recutting::click(), mask: None };
        let recut = world.recut("anna", &FaultInjector::none());
        let new = recut.run(&owner, None, id, &request, None).await.expect("accepted").id;
        work_until_idle(&world).await;
        let (review, by) = (world.review(&FaultInjector::none()), Actor::Key("anna".to_owned()));
        review.decide(&owner, new, DraftRevision::FIRST, decision, by).await.expect("is decided");
        work_until_idle(&world).await;
        world.swept(&FaultInjector::none()).await;
        let job = world.job(new).await;
        assert!(job.has_ended() && job.owed_manifest().is_none(), "{job:?}");
        new
    };

    decided(ReviewDecision::Reject { reason: RejectReason::Subject, note: None }).await;
    assert_eq!(world.manifest(SHOE), Some(first.clone()), "rejected");
    let new = decided(ReviewDecision::Approve).await;
    let manifest = world.manifest(SHOE).expect("a manifest");
    assert_eq!((&manifest["job_id"], &manifest["status"]), (&json!(new), &json!("done")));
    assert_ne!(manifest["variations"], first["variations"]);
}

#[tokio::test]
async fn a_refused_drop_has_a_manifest_with_the_reason() {
    let world = World::new(Some(0)).await;
    let poor: OwnerId = "poor".parse().expect("a name");
    samples::put_owner(world.store.as_ref(), &Owner::unlimited(poor)).await;
    let large = vec![0xFF; 50_000_001];
    let cases: [(&str, &[u8], &str, &str); 7] = [
        ("drops/nobody/ebay/a.jpg", RED, "unknown_owner", "unknown owner \"nobody\""),
        ("drops/Büro 1/ebay/a.jpg", RED, "unknown_owner", "unknown owner \"Büro 1\""),
        ("drops/poor/ebuy/a.jpg", RED, "unknown_set", "use one of amazon-main, auction, ebay"),
        ("drops/poor/ebay/a.txt", b"just a text", "unsupported_source", "use JPEG"),
        ("drops/poor/ebay/b.jpg", b"", "unsupported_source", "is empty"),
        ("drops/poor/ebay/large.tif", large.leak(), "source_too_large", "50000001 bytes"),
        ("drops/shop/ebay/a.jpg", RED, "insufficient_credits", "no credit left"),
    ];
    for (key, bytes, code, message) in cases {
        let object = world.drop_file(key, bytes);
        dropped(&world, std::slice::from_ref(&object)).await;
        let manifest = world.manifest(key).unwrap_or_else(|| panic!("{key} has no manifest"));
        assert_eq!((&manifest["status"], &manifest["job_id"]), (&json!("failed"), &Value::Null), "{manifest}");
        assert_eq!((&manifest["error"]["code"], &manifest["source"]), (&json!(code), &json!(key)), "{manifest}");
        assert_eq!(manifest["sequencer"], json!(object.origin.sequencer));
        assert!(manifest["error"]["message"].as_str().is_some_and(|text| text.contains(message)), "{manifest}");
        let choices = manifest["error"]["choices"].as_array().map_or(0, Vec::len);
        assert_eq!(choices, if code == "unknown_set" { 7 } else { 0 }, "{manifest}");
    }
    assert!(world.store.all_jobs().is_empty() && world.queue.bodies().is_empty());

    let failing = "drops/poor/ebay/fault.jpg";
    let object = world.drop_file(failing, FAULT);
    dropped(&world, &[object]).await;
    let manifest = world.manifest(failing).expect("a manifest");
    assert_eq!(manifest["error"], json!({"code": "no_subject", "message": "nothing there", "retryable": false}));
    assert_eq!(manifest["job_id"], json!(world.store.all_jobs()[0].id));
}

#[tokio::test]
async fn a_kind_without_a_decoder_is_refused_where_that_is_known() {
    let world = World::new(None).await;
    let object = world.drop_file("drops/shop/ebay/a.heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic");
    let mut intake = world.intake(&FaultInjector::none());
    let env = Env { undecodable: &[ImageKind::Heic], ..world.env() };
    intake.ports.drops = Some(DropIngest { env, ..world.drop_ingest(&FaultInjector::none()) });
    let body = world.drop_body(&[object]);
    assert_eq!(intake.handle(MemoryQueue::parse(&body)).await, Disposition::Acknowledge);
    let manifest = world.manifest("drops/shop/ebay/a.heic").expect("a manifest");
    let message = ImageKind::Heic.undecodable();
    assert_eq!(
        (&manifest["error"]["code"], &manifest["error"]["message"]),
        (&json!("unsupported_source"), &json!(message))
    );
    assert!(world.store.all_jobs().is_empty());
}

#[tokio::test]
async fn deleted_and_replaced_files_are_skipped() {
    let world = World::new(None).await;
    let drop_files = Arc::new(MemoryDropFiles::new(world.blobs.clone()));
    let world = World { drop_files, ..world };
    let gone = world.drop_file("drops/shop/ebay/gone.jpg", RED);
    world.drop_files.remove("drops/shop/ebay/gone.jpg");
    let over = world.drop_file(SHOE, RED);
    let newer = world.drop_file(SHOE, BLUE);
    dropped(&world, &[gone, over, newer]).await;
    assert_eq!(world.store.all_jobs().len(), 1);
    assert_eq!(world.manifest("drops/shop/ebay/gone.jpg"), None);
    assert_eq!(result(&world, SHOE, "compose.jpg").as_deref(), Some(BLUE));
    assert!(world.queue.bodies().is_empty());
}

#[tokio::test]
async fn an_older_drop_announced_late_changes_nothing() {
    let world = World::new(None).await;
    let (old, refused) = (world.drop_file(SHOE, RED), world.drop_file(SHOE, b"no picture"));
    let new = world.drop_file(SHOE, BLUE);
    dropped(&world, &[new]).await;
    let manifest = world.manifest(SHOE);
    dropped(&world, &[old, refused]).await;
    assert_eq!(world.manifest(SHOE), manifest);
    assert_eq!(result(&world, SHOE, "compose.jpg").as_deref(), Some(BLUE));
    assert_eq!(world.store.all_jobs().len(), 2);
    assert!(
        world.store.all_jobs().iter().all(|job| job.owed_manifest().is_none()),
        "the older one owes nothing either"
    );
}

#[tokio::test]
async fn each_drop_of_a_message_is_taken_once_though_one_fails() {
    let world = World::new(None).await;
    let objects: Vec<_> = ["a", "b", "c"].map(|name| world.drop_file(&format!("drops/shop/ebay/{name}"), RED)).into();
    let body = world.drop_body(&objects);
    // A call for the second file.
    let disposition =
        world.intake(&FaultInjector::at_call(9, InjectedFault::FailsBefore)).handle(MemoryQueue::parse(&body)).await;
    assert_eq!(disposition, Disposition::Defer(world.policy.defer));
    assert_eq!(world.store.all_jobs().len(), 2, "the third one was taken nevertheless");
    assert_eq!(world.intake(&FaultInjector::none()).handle(MemoryQueue::parse(&body)).await, Disposition::Acknowledge);
    assert_eq!(world.store.all_jobs().len(), 3);
}

#[tokio::test]
async fn test_messages_are_acknowledged_and_a_fetcher_without_drops_defers_them() {
    let world = World::new(None).await;
    let (intake, process) = (world.intake(&FaultInjector::none()), world.process(&FaultInjector::none()));
    assert_eq!(process.handle("", WorkRequest::Nothing).await, Disposition::Acknowledge);
    assert_eq!(intake.handle(WorkRequest::Nothing).await, Disposition::Acknowledge);
    let ports = IntakePorts { drops: None, ..intake.ports };
    let none = Intake { ports, ..world.intake(&FaultInjector::none()) };
    let body = world.drop_body(&[world.drop_file(SHOE, RED)]);
    assert_eq!(none.handle(MemoryQueue::parse(&body)).await, Disposition::Defer(world.policy.defer));
}

/// S3 sends announcements to the makers' queue until the bucket's notification is changed.
#[tokio::test]
async fn an_announcement_in_the_queue_of_the_makers_is_forwarded() {
    let world = World::new(None).await;
    let body = world.drop_body(&[world.drop_file(SHOE, RED)]);
    world.queue.put(&body, Duration::ZERO);
    world.make(&FaultInjector::at_call(0, InjectedFault::FailsBefore)).await;
    assert_eq!(world.queue.routes(), [Route::ALL[0]], "kept until it was forwarded");
    world.clock.advance(world.policy.defer);
    world.make(&FaultInjector::none()).await;
    assert_eq!((world.queue.bodies(), world.queue.routes()), (vec![body], vec![Route::DROPS]), "unchanged");
    work_until_idle(&world).await;
    assert_eq!(world.manifest(SHOE).expect("a manifest")["status"], "done");
}

#[tokio::test]
async fn drops_wait_while_the_bulk_lane_is_full() {
    let world = World::new(None).await;
    let bulk = Route { lane: Lane::Bulk, stage: JobStage::Make };
    for _ in 0..2_000 {
        world.queue.put_to("full", bulk, Duration::ZERO);
    }
    let body = world.drop_body(&[world.drop_file(SHOE, RED)]);
    let intake = world.intake(&FaultInjector::none());
    let wait = Disposition::Defer(Duration::from_secs(30));
    assert_eq!(intake.handle(MemoryQueue::parse(&body)).await, wait);
    assert!(world.store.all_jobs().is_empty() && world.blobs.keys().is_empty());
    // A file that has waited for too long is taken in all the same.
    world.clock.advance(world.policy.max_drop_wait - Duration::from_secs(1));
    assert!(matches!(intake.handle(MemoryQueue::parse(&body)).await, Disposition::Defer(_)));
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(intake.handle(MemoryQueue::parse(&body)).await, Disposition::Acknowledge);
    assert_eq!(world.store.all_jobs().len(), 1);

    let another = world.drop_body(&[world.drop_file("drops/shop/ebay/another.jpg", RED)]);
    assert!(matches!(intake.handle(MemoryQueue::parse(&another)).await, Disposition::Defer(_)));
    let one = world.queue.at(JobStage::Make).receive(2, Duration::ZERO).await.expect("receive");
    for delivery in one {
        world.queue.delete(&delivery.receipt).await.expect("delete");
    }
    assert_eq!(intake.handle(MemoryQueue::parse(&another)).await, Disposition::Acknowledge, "there is room again");
}

/// A file is looked at again before the lane is empty, and more rarely the more files wait.
#[tokio::test]
async fn a_drop_waits_for_as_long_as_the_full_lane_needs() {
    let world = World::new(None).await;
    for _ in 0..2_000 {
        world.queue.put_to("full", Route { lane: Lane::Bulk, stage: JobStage::Make }, Duration::ZERO);
    }
    let body = world.drop_body(&[world.drop_file(SHOE, RED)]);
    let wait = async |intake: &Intake| match intake.handle(MemoryQueue::parse(&body)).await {
        Disposition::Defer(wait) => wait.as_secs(),
        Disposition::Acknowledge => 0,
    };
    // Waits differ by up to a half, so that not all files are looked at together.
    let is_about = |wait: u64, mean: u64| (mean / 2..=mean * 3 / 2).contains(&wait);
    // The oldest job in the lane has waited for twenty minutes.
    world.clock.advance(Duration::from_secs(1_200));
    let intake = world.intake(&FaultInjector::none());
    assert!(is_about(wait(&intake).await, 60));
    for _ in 0..10_000 {
        world.queue.put_to("another", Route::DROPS, Duration::ZERO);
    }
    assert!(is_about(wait(&intake).await, 60), "measured once a minute");
    world.clock.advance(Duration::from_secs(60));
    assert!(is_about(wait(&intake).await, 1_575));
    let unmeasured = world.intake(&FaultInjector::at_call(1, InjectedFault::FailsBefore));
    assert!(is_about(wait(&unmeasured).await, 600));
}

/// The set of a drop may name a picture for the background, which has to be fetched.
#[tokio::test]
async fn a_drop_whose_set_has_a_backdrop_passes_intake() {
    let world = World::new(None).await;
    let set = json!({"background": {"image_url": "https://example.com/marble.jpg"}, "variations": ["compose"]});
    let set = cutline_core::ParamSet::read(set).expect("a set");
    let name = "marble".parse().expect("a name");
    let sets = world.submit(&FaultInjector::none()).sets;
    sets.put(&world.owner, name, set, &cutline_core::ports::Precondition::Any).await.expect("put");
    let key = "drops/shop/marble/a.jpg";
    world.queue.put_to(&world.drop_body(&[world.drop_file(key, RED)]), Route::DROPS, Duration::ZERO);
    world.fetch(&FaultInjector::none()).await;
    let job = world.store.all_jobs().remove(0);
    assert_eq!(job.route(), Route::DROPS);
    work_until_idle(&world).await;
    assert_eq!(world.manifest(key).expect("a manifest")["status"], "done");
    let backdrop = world.blobs.get(&StorageKey::Backdrop { job: job.id }).await.expect("get");
    assert_eq!(backdrop.as_deref(), Some(&b"content 0"[..]));

    // A job that fails at intake owes its manifest too.
    let fault = cutline_core::Fault::fail(cutline_core::FailureCode::SourceForbidden, "private");
    *world.source.fault.lock().expect("lock") = Some(fault);
    world.queue.put_to(&world.drop_body(&[world.drop_file(key, BLUE)]), Route::DROPS, Duration::ZERO);
    work_until_idle(&world).await;
    let manifest = world.manifest(key).expect("a manifest");
    assert_eq!(manifest["error"]["code"], "source_forbidden", "{manifest}");
    assert!(world.queue.bodies().is_empty());
}

#[tokio::test]
async fn a_dead_letter_about_drops_is_retried_then_quarantined() {
    let world = World::new(None).await;
    let body = world.drop_body(&[world.drop_file(SHOE, RED)]);
    let sweep = world.sweep(&FaultInjector::none());
    world.clock.advance(Duration::from_secs(3600));
    assert_eq!(sweep.dead_letter(&body, MemoryQueue::parse(&body)).await, Disposition::Acknowledge);
    assert_eq!(world.queue.bodies(), [body.as_str()]);
    world.clock.advance(world.policy.max_drop_wait);
    assert_eq!(sweep.dead_letter(&body, MemoryQueue::parse(&body)).await, Disposition::Acknowledge);
    assert_eq!((world.quarantine.bodies(), world.queue.bodies().len()), (vec![body], 1));
}

#[tokio::test]
async fn an_undelivered_report_is_retried_at_growing_intervals_and_finally_given_up() {
    let world = World::new(None).await;
    let body = world.drop_body(&[world.drop_file(SHOE, RED)]);
    world.intake(&FaultInjector::none()).handle(MemoryQueue::parse(&body)).await;
    let job = world.store.all_jobs().remove(0);
    world.work_on_jobs(&FaultInjector::none()).await;
    let silent = ReportSender { drops: None, ..world.sender(&FaultInjector::none()) };
    let (mut sent, mut given_up) = (Vec::new(), Vec::new());
    for minute in 0..8 * 24 * 60 {
        for delivery in world.reports.receive(10, Duration::ZERO).await.expect("receive") {
            sent.push(minute);
            assert_eq!(silent.handle(&delivery.body).await, Disposition::Acknowledge);
            world.reports.delete(&delivery.receipt).await.expect("delete");
        }
        world.clock.advance(Duration::from_secs(60));
        if world.sweep(&FaultInjector::none()).run().await.expect("a sweep").given_up > 0 {
            given_up.push(minute + 1);
        }
    }
    assert_eq!(sent[..7], [0, 2, 10, 60, 120, 240, 480], "{sent:?}");
    // Half of the retention of seven days.
    assert!(sent.last().is_some_and(|last| *last < 84 * 60) && sent.len() < 15, "{sent:?}");
    assert_eq!(given_up, [84 * 60], "once");
    let job = world.job(job.id).await;
    assert_eq!(job.reports[0].status, ReportStatus::GivenUp);
    assert!(matches!(job.state, JobState::Done { .. }), "its results stay available: {job:?}");
    assert!(job.owed_manifest().is_none() && job.due_at().is_none(), "{job:?}");
    // A late message changes nothing.
    let body = ReportMessage { job_id: job.id, report_id: ReportId::manifest() }.body();
    let late = world.sender(&FaultInjector::none()).handle(&body).await;
    assert_eq!((late, world.job(job.id).await), (Disposition::Acknowledge, job));
    assert_eq!(world.manifest(SHOE), None);
}

// ---- under faults

const CREDITS: u64 = 9;
const FAILING: &str = "drops/shop/ebay/fault.jpg";
const LOST: &str = "drops/shop/no-such-set/a.jpg";

/// Two files of one path announced in the wrong order, a file whose job fails, and a file that is refused.
async fn world_of_drops() -> (World, Vec<DroppedObject>) {
    let world = World::new(Some(CREDITS)).await;
    let keys: [(&str, &[u8]); 4] = [(SHOE, RED), (SHOE, BLUE), (FAILING, FAULT), (LOST, RED)];
    let objects: Vec<_> = keys.into_iter().map(|(key, bytes)| world.drop_file(key, bytes)).collect();
    world.queue.put_to(&world.drop_body(&objects[1..3]), Route::DROPS, Duration::ZERO);
    world.queue.put_to(&world.drop_body(&[objects[0].clone(), objects[3].clone()]), Route::DROPS, Duration::ZERO);
    (world, objects)
}

async fn check(world: &World, objects: &[DroppedObject], what: &str) {
    let jobs: Vec<Job> = world.store.all_jobs();
    let drops: HashSet<_> = jobs.iter().map(|job| job.drop.as_ref().expect("a drop").identity()).collect();
    for job in &jobs {
        let identity = job.drop.as_ref().expect("a drop").identity();
        let known = Identities::find(world.store.as_ref(), &identity, world.clock.now()).await.expect("find");
        assert_eq!(known.map(|known| known.job), Some(job.id), "{what}: an identity names one job");
    }
    assert_eq!((jobs.len(), drops.len()), (3, 3), "{what}: one job for each drop");
    let by_id: HashMap<_, _> = jobs.iter().map(|job| (job.id.to_string(), job)).collect();
    let mut done = 0;
    for job in &jobs {
        assert!(job.has_ended() && job.owed_manifest().is_none(), "{what}: {job:?}");
        let failing = job.drop.as_ref().is_some_and(|drop| drop.path.as_str() == FAILING);
        assert_eq!(matches!(job.state, JobState::Failed { .. }), failing, "{what}: {job:?}");
        done += u64::from(!failing);
    }
    assert_eq!(world.credits().await, Some(CREDITS - done), "{what}: one credit for each finished job");
    for object in &objects[1..] {
        let key = object.origin.path.as_str();
        let manifest = world.manifest(key).unwrap_or_else(|| panic!("{what}: {key} has no manifest"));
        assert_eq!(manifest["sequencer"], json!(object.origin.sequencer), "{what}: the newest drop's manifest");
        let Some(job) = manifest["job_id"].as_str().map(|id| by_id[id]) else {
            assert_eq!((key, &manifest["error"]["code"]), (LOST, &json!("unknown_set")), "{what}");
            continue;
        };
        assert_eq!(job.drop.as_ref(), Some(&object.origin), "{what}");
        let source = world.blobs.get(&StorageKey::Source { job: job.id }).await.expect("get").expect("a source");
        for variation in manifest["variations"].as_object().into_iter().flatten().map(|(_, of)| of) {
            let file = result(world, key, variation["file"].as_str().expect("a name")).expect("a file");
            assert_eq!(variation["sha256"], json!(sha256(&file)), "{what}: the manifest's files");
            assert_eq!(file, source, "{what}");
        }
        assert_eq!(manifest["status"] == "done", key == SHOE, "{what}: {manifest}");
    }
    assert!(world.queue.bodies().is_empty(), "{what}: {:?}", world.queue.bodies());
    assert!(world.dead_letters.bodies().is_empty() && world.quarantine.bodies().is_empty(), "{what}");
    let due = cutline_core::ports::Jobs::due(world.store.as_ref(), jiff::Timestamp::MAX, 10).await.expect("due");
    assert!(due.is_empty(), "{what}: {due:?}");
    let due =
        cutline_core::ports::Jobs::reports_due(world.store.as_ref(), jiff::Timestamp::MAX, 10).await.expect("due");
    assert!(due.is_empty() && world.reports.bodies().is_empty(), "{what}: {due:?}");
}

/// Runs everything with a fault at one call.
async fn run(process: &str, faults: &Arc<FaultInjector>) {
    let (world, objects) = world_of_drops().await;
    let faults_of = |name: &str| if name == process { faults.clone() } else { FaultInjector::none() };
    let (worker, sweeper) = (faults_of("work"), faults_of("sweep"));
    if process == "sweep" {
        // Leave work for the sweep: one worker was killed at work, and one before it delivered its report.
        world.work(&FaultInjector::none()).await;
        world.work(&FaultInjector::at_call(3, InjectedFault::KilledAfter)).await;
        world.clock.advance(Duration::from_secs(100));
    }
    for minute in 0..7 * 24 * 60 {
        if minute < 240 || minute % 60 == 0 {
            world.work(&worker).await;
            world.swept(&sweeper).await;
        }
        world.clock.advance(Duration::from_secs(60));
    }
    check(&world, &objects, &format!("{process}, {faults}")).await;
}

async fn every_call_of(process: &str, at_least: usize, after: usize) {
    disturb(Calls { at_least, at_most: 80, after }, async |faults| run(process, &faults).await).await;
}

#[tokio::test]
async fn a_fault_at_any_call_of_a_worker_is_harmless() {
    every_call_of("work", 60, 0).await;
}

#[tokio::test]
async fn a_fault_at_any_call_of_a_worker_and_some_after_it_is_harmless() {
    every_call_of("work", 60, 4).await;
}

#[tokio::test]
async fn a_fault_at_any_call_of_the_sweep_is_harmless() {
    every_call_of("sweep", 5, 0).await;
}

/// Two senders deliver the results of two files of one path. One pauses at each of its calls in turn while the other one finishes.
#[tokio::test]
async fn the_newer_of_two_concurrent_drops_wins() {
    for first in [0, 1] {
        let mut call = 0;
        while overtaken(first, call).await {
            call += 1;
        }
        assert!(call >= 6, "only {call} calls were reached");
    }
}

/// Pauses the sender of the results of file `first` at one call. Returns whether the call was reached.
async fn overtaken(first: usize, call: usize) -> bool {
    let (world, objects) = world_of_drops().await;
    let ingest = world.drop_ingest(&FaultInjector::none());
    for object in &objects {
        ingest.take(object).await.expect("take");
    }
    for _ in 0..3 {
        world.work_on_jobs(&FaultInjector::none()).await;
    }
    let message = |index: usize| {
        let id = objects[index].origin.identity();
        let job =
            world.store.all_jobs().into_iter().find(|job| job.drop.as_ref().is_some_and(|drop| drop.identity() == id));
        ReportMessage { job_id: job.expect("a job").id, report_id: ReportId::manifest() }.body()
    };
    let (faults, [slow, fast]) = (FaultInjector::pausing_at(call), [message(first), message(1 - first)]);
    let (slow_sender, fast_sender) = (world.sender(&faults), world.sender(&FaultInjector::none()));
    let overtaking = async {
        faults.paused().await;
        assert_eq!(fast_sender.handle(&fast).await, Disposition::Acknowledge);
        faults.resume();
        std::future::pending::<()>().await;
    };
    tokio::select! {
        disposition = slow_sender.handle(&slow) => {
            assert_eq!(disposition, Disposition::Acknowledge, "call {call}");
        }
        () = overtaking => {}
    }
    for _ in 0..60 {
        work_until_idle(&world).await;
        world.clock.advance(Duration::from_secs(60));
        world.swept(&FaultInjector::none()).await;
    }
    check(&world, &objects, &format!("file {first} paused at call {call}")).await;
    faults.calls() > call
}
