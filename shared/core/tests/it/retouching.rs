//! Retouched files that are dropped: each is the mask of the next revision of its job, once.

use std::sync::Arc;
use std::time::Duration;

use cutline_core::contract::samples;
use cutline_core::domain::drops::DroppedObject;
use cutline_core::domain::job::{RecordVersion, RetouchEnd, Route};
use cutline_core::domain::keys::Owner;
use cutline_core::domain::mask::MaskContent;
use cutline_core::domain::outcome::RECUT;
use cutline_core::domain::subject::MaskSource;
use cutline_core::domain::usage::EndCounts;
use cutline_core::ports::Blobs as _;
use cutline_core::usecases::{DropIngest, IngestOutcome, StorageCap};
use cutline_core::{Job, JobId, JobState, Variation};
use serde_json::{Value, json};

use crate::disturb::{Calls, disturb};
use crate::recutting::{FIRST, click, held, none, recut, revision};
use crate::world::{FaultInjector, World};

const MASK: &[u8] = b"8BPS\x00\x01 with a better mask";
const OTHER: &[u8] = b"8BPS\x00\x01 with another mask";
const MISMATCH: &[u8] = b"8BPS\x00\x01 of another size";

fn key(job: JobId) -> String {
    format!("retouch/shop/march/cup-{job}_v2.psd")
}

/// Announces files.
fn announce(world: &World, objects: &[DroppedObject]) {
    world.queue.put_to(&world.drop_body(objects), Route::DROPS, Duration::ZERO);
}

/// Works and sweeps for some minutes.
async fn settle(world: &World, minutes: u32) {
    for _ in 0..minutes {
        world.work(&none()).await;
        world.clock.advance(Duration::from_secs(60));
        world.swept(&none()).await;
    }
}

/// Drops a file for a job, and waits for what becomes of it.
async fn retouched(world: &World, job: JobId, bytes: &'static [u8]) -> (DroppedObject, Value) {
    let object = world.drop_file(&key(job), bytes);
    announce(world, std::slice::from_ref(&object));
    settle(world, 5).await;
    assert!(world.queue.bodies().is_empty());
    (object, world.manifest(&key(job)).expect("a manifest"))
}

/// A job that is done, and was not held.
async fn done(world: &World) -> Job {
    let job = world.submitted(b"photo").await;
    world.work(&none()).await;
    let job = world.job(job.id).await;
    assert!(matches!(job.state, JobState::Done { .. }), "{job:?}");
    job
}

/// Checks that the job's draft was cut by this mask, and that nobody steered it otherwise.
async fn check_cut_by(world: &World, job: &Job, mask: &[u8], what: &str) {
    check_cut_with(world, job, r#"{"mask_source":"file"}"#, mask, what).await;
}

/// Checks that the job's draft was cut by this mask, with these settings.
async fn check_cut_with(world: &World, job: &Job, settings: &str, mask: &[u8], what: &str) {
    let picture = job.outcome().expect("a draft").pictures[&Variation::Background].key;
    let picture = world.blobs.get(&picture).await.expect("get").expect("a picture");
    assert_eq!(&picture[..], [&b"photo"[..], settings.as_bytes(), mask].concat(), "{what}");
}

#[tokio::test]
async fn a_retouched_file_is_the_mask_of_the_next_revision() {
    let world = World::new(Some(1)).await;
    let first = held(&world).await;
    let (object, manifest) = retouched(&world, first.id, MASK).await;
    let second = world.job(first.id).await;
    assert_eq!((revision(&second), second.recuts, second.needs), (FIRST.next(), 1, RecordVersion::RETOUCH));
    assert_eq!(second.spec.subject.mask_source, Some(MaskSource::File));
    let digest = object.origin.identity().digest;
    assert_eq!(second.spec.mask.as_ref().map(|mask| &mask.content), Some(&MaskContent::Drop(digest)));
    assert_eq!(second.mask_bytes, MASK.len() as u64);
    check_cut_by(&world, &second, MASK, "the next revision").await;
    let expected = json!({
        "status": "done", "source": key(first.id), "sequencer": object.origin.sequencer, "job_id": first.id,
        "set": null, "finished_at": manifest["finished_at"], "draft_revision": 2, "version": object.origin.version,
    });
    assert_eq!(manifest, expected);
    assert_eq!((world.credits().await, world.ended().await), (Some(0), EndCounts::default()), "it costs nothing");
    assert_eq!(world.audited().await, [("job.recut".to_owned(), Some(first.id))]);

    // Announced again, also once its manifest is lost.
    announce(&world, std::slice::from_ref(&object));
    settle(&world, 2).await;
    assert_eq!(world.manifest(&key(first.id)), Some(expected));
    world.drop_files.remove(&object.origin.path.result("manifest.json"));
    announce(&world, std::slice::from_ref(&object));
    settle(&world, 2).await;
    assert_eq!(world.manifest(&key(first.id)).expect("again")["draft_revision"], 2);
    assert_eq!(world.job(first.id).await.recuts, 1);

    // Another file of the same name.
    let (_, manifest) = retouched(&world, first.id, OTHER).await;
    assert_eq!(manifest["draft_revision"], 3);
    check_cut_by(&world, &world.job(first.id).await, OTHER, "the file that was dropped last").await;
    // The first one, late: what it did is not undone.
    world.drop_files.remove(&object.origin.path.result("manifest.json"));
    announce(&world, &[object]);
    settle(&world, 2).await;
    assert_eq!(revision(&world.job(first.id).await).get(), 3);
}

#[tokio::test]
async fn a_done_job_is_cut_as_a_new_one() {
    let world = World::new(Some(1)).await;
    let job = done(&world).await;
    let (object, manifest) = retouched(&world, job.id, MASK).await;
    let find = || world.store.all_jobs().into_iter().filter(|new| new.recut_of == Some(job.id)).collect::<Vec<_>>();
    let new = find();
    let [new] = &new[..] else { panic!("{new:?}") };
    assert_eq!((revision(new), new.needs), (FIRST, RecordVersion::RETOUCH));
    check_cut_by(&world, new, MASK, "the new job").await;
    assert_eq!((&manifest["job_id"], &manifest["draft_revision"]), (&json!(new.id), &json!(1)));
    assert_eq!(world.job(job.id).await, job, "a done job is not changed");
    assert_eq!(world.credits().await, Some(0), "only the first one costs");

    world.drop_files.remove(&object.origin.path.result("manifest.json"));
    announce(&world, &[object]);
    settle(&world, 2).await;
    assert_eq!(find().len(), 1, "announced again");
    assert_eq!(world.manifest(&key(job.id)).expect("again")["job_id"], json!(new.id));
}

#[tokio::test]
async fn files_wait_for_their_job_and_for_each_other() {
    let world = World::new(Some(1)).await;
    let job = held(&world).await;
    recut(&world, job.id, FIRST, click(), "anna").await.expect("accepted");
    let ingest = world.drop_ingest(&none());
    let object = world.drop_file(&key(job.id), MASK);
    assert_eq!(ingest.take(&object).await.expect("no fault"), IngestOutcome::Waiting, "the job is being cut");
    assert_eq!(world.manifest(&key(job.id)), None);
    let other = format!("retouch/shop/{}.psd", job.id);
    announce(&world, &[object, world.drop_file(&other, OTHER)]);
    settle(&world, 10).await;
    let job = world.job(job.id).await;
    assert_eq!((revision(&job).get(), job.recuts), (4, 3));
    let revisions = [key(job.id), other].map(|key| world.manifest(&key).expect("a manifest")["draft_revision"].clone());
    assert_eq!(revisions, [json!(3), json!(4)]);
    // The click stays, without an effect on a mask.
    let settings = r#"{"hints":[{"kind":"remove","points":[[3.0,4.0]]}],"mask_source":"file"}"#;
    check_cut_with(&world, &job, settings, OTHER, "one after the other").await;

    let world = World::new(Some(1)).await;
    let queued = world.submitted(b"photo").await;
    let object = world.drop_file(&key(queued.id), MASK);
    let taken = world.drop_ingest(&none()).take(&object).await;
    assert_eq!(taken.expect("no fault"), IngestOutcome::Waiting, "the job has no cut yet");
}

#[tokio::test]
async fn a_file_that_does_not_fit_is_reported_and_not_tried_again() {
    let world = World::new(Some(1)).await;
    let first = held(&world).await;
    let (object, manifest) = retouched(&world, first.id, MISMATCH).await;
    assert_eq!((&manifest["status"], &manifest["job_id"]), (&json!("failed"), &json!(first.id)), "{manifest}");
    assert_eq!(manifest["error"]["code"], "mask_mismatch", "{manifest}");
    announce(&world, std::slice::from_ref(&object));
    settle(&world, 2).await;
    let job = world.job(first.id).await;
    assert_eq!((revision(&job), job.recuts, job.spec.mask.clone()), (FIRST, 1, None), "its draft stays");
    assert!(job.outcome().expect("a draft").warnings.contains_key(RECUT));
    let end = job.retouch(&object.origin.identity().digest).and_then(|retouch| retouch.end.clone());
    assert!(matches!(end, Some(RetouchEnd::Failed(_))), "{end:?}");

    let world = World::new(None).await;
    let job = done(&world).await;
    let (_, manifest) = retouched(&world, job.id, MISMATCH).await;
    assert_eq!(manifest["error"]["code"], "mask_mismatch", "{manifest}");
    assert_ne!(manifest["job_id"], json!(job.id), "a new job has failed");
}

#[tokio::test]
async fn a_refused_file_has_a_manifest_with_the_reason() {
    let world = World::new(None).await;
    samples::put_owner(world.store.as_ref(), &Owner::unlimited("other".parse().expect("a name"))).await;
    let (job, failed) = (held(&world).await.id, world.submitted(b"fault").await.id);
    world.work(&none()).await;
    let deleted = done(&world).await.id;
    world.delete(&none()).run(&world.owner, deleted).await.expect("is deleted");
    let nobody = "019cdc54-2673-7c32-b9e5-6e1d36cc9e8a";
    let mut large = MASK.to_vec();
    large.resize(300_000_001, 0);
    let cases: [(String, &'static [u8], &str, &str); 10] = [
        (format!("retouch/nobody/{job}.psd"), MASK, "unknown_owner", "unknown owner \"nobody\""),
        ("retouch/shop/cup.psd".to_owned(), MASK, "unknown_job", "no job in the file's name"),
        (format!("retouch/shop/{nobody}.psd"), MASK, "unknown_job", nobody),
        (format!("retouch/other/{job}.psd"), MASK, "unknown_job", "another owner's"),
        (format!("retouch/shop/{deleted}.psd"), MASK, "unknown_job", "deleted"),
        (format!("retouch/shop/{failed}.psd"), MASK, "job_failed", "has failed"),
        (format!("retouch/shop/text-{job}.psd"), b"just a text", "unsupported_source", "use JPEG"),
        (
            format!("retouch/shop/{job}.svg"),
            b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>",
            "unsupported_source",
            "drawing",
        ),
        (format!("retouch/shop/empty-{job}.psd"), b"", "unsupported_source", "is empty"),
        (format!("retouch/shop/large-{job}.psd"), large.leak(), "source_too_large", "at most 300000000"),
    ];
    let before = world.job(job).await;
    for (key, bytes, code, message) in cases {
        announce(&world, &[world.drop_file(&key, bytes)]);
        world.work(&none()).await;
        let manifest = world.manifest(&key).unwrap_or_else(|| panic!("{key} has no manifest"));
        assert_eq!((&manifest["status"], &manifest["job_id"]), (&json!("failed"), &Value::Null), "{manifest}");
        assert_eq!((&manifest["error"]["code"], &manifest["source"]), (&json!(code), &json!(key)), "{manifest}");
        assert!(manifest["error"]["message"].as_str().is_some_and(|text| text.contains(message)), "{manifest}");
        assert!(world.queue.bodies().is_empty(), "{key} is not tried again");
    }
    assert_eq!(world.job(job).await, before);
    let gone = world.drop_file(&format!("retouch/shop/gone-{job}.psd"), MASK);
    let unversioned = DroppedObject { origin: gone.origin.clone(), etag: Some("of another file".to_owned()) };
    let taken = world.drop_ingest(&none()).take(&unversioned).await;
    assert_eq!(taken.expect("no fault"), IngestOutcome::Gone);

    let cap = Some(StorageCap::new(before.stored_bytes() + 1, world.store.clone()));
    let ingest = DropIngest { storage_cap: cap, ..world.drop_ingest(&none()) };
    assert_eq!(ingest.take(&gone).await.expect("no fault"), IngestOutcome::Refused);
    let manifest = world.manifest(gone.origin.path.as_str()).expect("a manifest");
    assert_eq!((&manifest["error"]["code"], &manifest["error"]["retryable"]), (&json!("storage_full"), &json!(true)));
    assert_eq!(world.drop_ingest(&none()).take(&gone).await.expect("no fault"), IngestOutcome::Waiting, "it fits now");
}

/// Whatever call of taking the file in or of its report fails or is the last one.
#[tokio::test]
async fn a_held_job_is_cut_once_whatever_fails() {
    disturb(Calls::at_least(14), async |faults| {
        let world = World::new(Some(1)).await;
        let job = held(&world).await;
        announce(&world, &[world.drop_file(&key(job.id), MASK)]);
        disturbed(&world, &faults).await;
        let (what, job) = (faults.to_string(), world.job(job.id).await);
        assert_eq!((revision(&job), job.recuts, job.retouches.len()), (FIRST.next(), 1, 1), "{what}");
        check_cut_by(&world, &job, MASK, &what).await;
        check_end(&world, job.id, job.id, &what).await;
    })
    .await;
}

#[tokio::test]
async fn a_done_job_is_cut_once_whatever_fails() {
    disturb(Calls::at_least(18), async |faults| {
        let world = World::new(Some(1)).await;
        let job = done(&world).await;
        announce(&world, &[world.drop_file(&key(job.id), MASK)]);
        disturbed(&world, &faults).await;
        let what = faults.to_string();
        let all = world.store.all_jobs();
        let new: Vec<_> = all.iter().filter(|new| new.recut_of == Some(job.id)).collect();
        let [new] = &new[..] else { panic!("{what}: {new:?}") };
        check_cut_by(&world, new, MASK, &what).await;
        check_end(&world, job.id, new.id, &what).await;
    })
    .await;
}

/// Takes a file in under faults, lets its job be cut, and reports that under faults. Then everything works for an hour.
async fn disturbed(world: &World, faults: &Arc<FaultInjector>) {
    world.fetch(faults).await;
    world.make(&none()).await;
    world.clock.advance(Duration::from_secs(60));
    world.fetch(faults).await;
    settle(world, 60).await;
}

/// The file is reported, nobody paid for it, and nothing is left to do.
async fn check_end(world: &World, named: JobId, job: JobId, what: &str) {
    let manifest = world.manifest(&key(named)).unwrap_or_else(|| panic!("{what}: no manifest"));
    assert_eq!((&manifest["status"], &manifest["job_id"]), (&json!("done"), &json!(job)), "{what}: {manifest}");
    assert_eq!(world.credits().await, Some(0), "{what}");
    assert!(world.queue.bodies().is_empty(), "{what}");
}
