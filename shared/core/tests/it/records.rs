//! Records shared by releases: during a deployment an older and a newer one read and write the same jobs.

use std::time::Duration;

use cutline_core::contract::samples;
use cutline_core::domain::digest::Digest;
use cutline_core::domain::job::{
    JobSpec, RecordVersion, Report, ReportId, ReportKind, ReportStatus, Step, UnknownAttributes,
};
use cutline_core::domain::keep_metadata::KeepMetadata;
use cutline_core::domain::lane::Lane;
use cutline_core::domain::mask::{JobMask, MaskContent};
use cutline_core::testing::ManualClock;
use cutline_core::{
    Clock, FailureCode, Fault, Ids, Job, JobState, OutputFormat, Policy, Rendering, RequestedFormat, SystemIds,
};
use jiff::Timestamp;
use serde_json::{Value, json};

fn read(record: &Value) -> Job {
    serde_json::from_value(record.clone()).expect("the record is readable")
}

fn write(job: &Job) -> Value {
    serde_json::to_value(job).expect("the job serializes")
}

fn time(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

/// A drop's job as release 0.1.0 wrote it.
fn record_of_0_1_0(state: Value, drop: Value) -> Value {
    json!({
        "id": "019cdc54-2673-dc32-b9e5-6e1d36cc9e8a", "owner": "shop",
        "order": {
            "mode": "background", "delivery": "url", "format": null, "rendering": Rendering::default(), "set": null,
            "source": "stored",
        },
        "created_at": "2026-01-02T03:04:05.678Z", "charged": true, "version": 5, "attempts": 1, "progress": 60,
        "state": state, "expires_at": "2026-01-09T03:04:05.678Z",
        "drop": drop,
    })
}

fn failed_state() -> Value {
    let failure = json!({"code": "no_subject", "message": "nothing there", "retryable": false});
    json!({"name": "failed", "at": "2026-01-02T03:05:00Z", "failure": failure})
}

fn drop_of_0_1_0(reported: bool, reminders: u32, remind_at: Value) -> Value {
    let origin = json!({"path": "drops/shop/ebay/a.jpg", "bucket": "files", "version": "v1", "sequencer": "0A"});
    json!({"origin": origin, "reported": reported, "reminders": reminders, "remind_at": remind_at})
}

#[test]
fn a_manifest_of_the_previous_release_is_read_and_written_back_unchanged() {
    let next_at = time("2026-01-02T03:07:00Z");
    let cases = [
        (drop_of_0_1_0(false, 0, json!(next_at)), 0, ReportStatus::Pending { next_at: Some(next_at) }),
        (drop_of_0_1_0(false, 3, json!(next_at)), 3, ReportStatus::Pending { next_at: Some(next_at) }),
        (drop_of_0_1_0(false, 9, Value::Null), 9, ReportStatus::Pending { next_at: None }),
        (drop_of_0_1_0(true, 1, Value::Null), 1, ReportStatus::Delivered),
    ];
    for (drop, retries, status) in cases {
        let record = record_of_0_1_0(failed_state(), drop);
        let job = read(&record);
        let [Report { kind, id, .. }] = &job.reports[..] else { panic!("{:?}", job.reports) };
        assert_eq!((kind, id), (&ReportKind::Manifest, &ReportId::manifest()));
        assert_eq!((job.reports[0].retries, job.reports[0].status), (retries, status));
        assert_eq!(job.owed_manifest().is_some(), status != ReportStatus::Delivered);
        assert_eq!(job.due_at(), job.reports[0].next_at());
        assert_eq!(write(&job), record, "the previous release reads what this one writes");
    }
}

#[test]
fn a_manifest_that_was_given_up_counts_as_reported_for_the_previous_release() {
    let mut drop = drop_of_0_1_0(true, 9, Value::Null);
    drop["given_up"] = json!(true);
    let record = record_of_0_1_0(failed_state(), drop);
    let job = read(&record);
    assert_eq!(job.reports[0].status, ReportStatus::GivenUp);
    assert!(job.owed_manifest().is_none() && job.due_at().is_none(), "{job:?}");
    assert_eq!(write(&job), record);
}

#[test]
fn the_first_drops_lacked_the_reminders() {
    let mut record = record_of_0_1_0(failed_state(), drop_of_0_1_0(false, 0, Value::Null));
    let drop = record["drop"].as_object_mut().expect("an object");
    assert!(drop.remove("reminders").is_some() && drop.remove("remind_at").is_some());
    assert_eq!(read(&record).reports[0].status, ReportStatus::Pending { next_at: None });
}

/// The record of a drop's job, as this release writes it, has only attributes that 0.1.0 knows.
#[test]
fn nothing_new_is_written_before_the_previous_release_could_read_it() {
    // 0.1.0 loses `lane`, and then treats a drop's job as a live one.
    let known = [
        "id",
        "owner",
        "order",
        "lane",
        "created_at",
        "charged",
        "version",
        "attempts",
        "progress",
        "state",
        "expires_at",
        "drop",
    ];
    let job = samples::dropped_job(&samples::owner(), true);
    let failed = job.clone().expire(no_subject(), samples::now(), &Policy::default()).expect("expires").job;
    for record in [write(&job), write(&failed)] {
        let mut names: Vec<_> = record.as_object().expect("an object").keys().map(String::as_str).collect();
        names.retain(|name| !known.contains(name));
        assert!(names.is_empty(), "{names:?}");
        let drop: Vec<_> = record["drop"].as_object().expect("an object").keys().collect();
        assert_eq!(drop, ["origin", "remind_at", "reminders", "reported"]);
    }
}

/// Exceptions: 0.1.0 loses these, and what is left is a record that it reads.
#[test]
fn what_a_backend_adds_to_a_job_needs_no_newer_release() {
    let (now, policy) = (samples::now(), Policy::default());
    let first = samples::job(&samples::owner(), true);
    let again = samples::job(&first.owner, true).as_retry_of(&first.clone().in_lane(Lane::Bulk));
    assert_eq!(write(&again)["lane"], "bulk");
    let again = again.with_timings([(Step::Fetch, 3)].into());
    let deleted = again.clone().delete(now, &policy).expect("deletes").job;
    for job in [&again, &deleted] {
        let mut record = write(job);
        assert_eq!(record.get("needs"), None);
        let record_of_0_1_0 = record.as_object_mut().expect("an object");
        for name in ["timings", "retry_of", "deletion", "lane"] {
            record_of_0_1_0.remove(name);
        }
        let order = record["order"].as_object_mut().expect("an object");
        order.remove("external_id");
        order.remove("metadata");
        let left = read(&record);
        assert_eq!((&left.state, left.version, left.due_at()), (&job.state, job.version, job.due_at()));
        assert_eq!(left.unknown, UnknownAttributes::default());
    }
    assert_eq!(write(&deleted)["state"]["name"], "withdrawn");
}

/// Another exception: 0.1.0 loses the number, which is used only where one release works at a time.
#[test]
fn the_size_of_the_source_is_one_plain_attribute() {
    let job = samples::dropped_job(&samples::owner(), true).with_source_bytes(u64::from(u32::MAX) + 1);
    let mut record = write(&job);
    assert_eq!((&record["source_bytes"], record.get("needs")), (&json!(4_294_967_296_u64), None));
    assert_eq!(read(&record), job);
    record.as_object_mut().expect("an object").remove("source_bytes");
    assert_eq!(read(&record), Job { source_bytes: None, ..job });
}

#[test]
fn a_record_that_lacks_later_attributes_is_read() {
    let (now, policy, token) = (ManualClock::new().now(), Policy::default(), SystemIds.lease());
    let job = Job::new(SystemIds.job(), samples::owner(), samples::spec(), now, &policy);
    let running = job.claim(token, now, &policy).expect("claims").job;
    let outcome = samples::outcome(running.id, token);
    let done = running.finish(token, outcome, now, &policy).expect("finishes").job;

    let mut record = write(&done);
    let order = record["order"].as_object_mut().expect("an order");
    assert!(order.remove("rendering").is_some(), "{order:?}");
    let outcome = record["state"]["outcome"].as_object_mut().expect("an outcome");
    assert!(outcome.remove("confidence").is_some() && outcome.remove("assets").is_some(), "{outcome:?}");

    let mut expected = done;
    expected.spec.rendering = Rendering::default();
    let JobState::Done { outcome, .. } = &mut expected.state else { panic!("{expected:?}") };
    (outcome.confidence, outcome.assets) = (None, Default::default());
    assert_eq!(read(&record), expected);
}

#[test]
fn a_record_that_needs_a_newer_release_is_refused_before_anything_else_is_read() {
    let mut record = write(&samples::job(&samples::owner(), false));
    record["needs"] = json!(18);
    record["state"] = json!({"name": "paused", "since": 1});
    let error = serde_json::from_value::<Job>(record.clone()).expect_err("is refused").to_string();
    assert_eq!(error, "unsupported job record: it needs version 18, this release reads up to 17; upgrade this release");
    record["needs"] = json!("new");
    assert!(serde_json::from_value::<Job>(record).is_err());
}

#[test]
fn needs_is_raised_only_by_something_newer() {
    let job = samples::dropped_job(&samples::owner(), false);
    assert_eq!(write(&job).get("needs"), None);
    let mut record = write(&job);
    record["needs"] = json!(2);
    assert_eq!(read(&record).needs, RecordVersion::REPORTS);
    assert_eq!(write(&read(&record))["needs"], json!(2), "it is never lowered");
    assert_eq!(write(&samples::job_of_newer_release())["needs"], json!(2), "a report that 0.1.0 would lose");
}

#[test]
fn a_job_for_the_original_is_refused_by_releases_that_do_not_know_it() {
    let sample = samples::job(&"shop".parse().expect("an owner"), false);
    let needs = |format| {
        let spec = JobSpec { format, ..sample.spec.clone() };
        let job = Job::new(sample.id, sample.owner.clone(), spec, sample.created_at, &Policy::default());
        assert_eq!(read(&write(&job)), job);
        job.needs
    };
    assert_eq!(needs(Some(RequestedFormat::Original)), RecordVersion::ORIGINALS);
    assert_eq!(needs(Some(OutputFormat::Psd.into())), RecordVersion::FIRST);
}

#[test]
fn a_job_that_brings_its_mask_is_refused_by_releases_that_would_ignore_it() {
    let sample = samples::job(&samples::owner(), false);
    let needs = |settings: Value| {
        let subject = serde_json::from_value(settings).expect("settings");
        let spec = JobSpec { subject, ..sample.spec.clone() };
        let job = Job::new(sample.id, sample.owner.clone(), spec, sample.created_at, &Policy::default());
        assert_eq!(read(&write(&job)), job);
        job.needs
    };
    for source in ["alpha", "path", "file"] {
        assert_eq!(needs(json!({ "mask_source": source })), RecordVersion::MASK, "{source}");
    }
    assert_eq!(needs(json!({"mask_source": "auto", "holes": "open"})), RecordVersion::SUBJECT);
    assert_eq!(needs(json!({"mask_source": "auto"})), RecordVersion::FIRST, "the same without it");
}

#[test]
fn a_job_with_a_retouched_mask_is_refused_by_releases_that_cannot_read_it() {
    let sample = samples::job(&samples::owner(), false);
    let needs = |content: MaskContent| {
        let spec = JobSpec { mask: Some(JobMask::new(content, sample.created_at)), ..sample.spec.clone() };
        let job = Job::new(sample.id, sample.owner.clone(), spec, sample.created_at, &Policy::default());
        assert_eq!(read(&write(&job)), job);
        job.needs
    };
    assert_eq!(needs(MaskContent::Drop(Digest::of(b"drop"))), RecordVersion::RETOUCH);
    assert_eq!(needs(MaskContent::Sha256(Digest::of(b"mask"))), RecordVersion::FIRST);
}

#[test]
fn a_job_with_an_added_placeholder_is_refused_by_releases_that_cannot_read_it() {
    let sample = samples::job(&samples::owner(), false);
    let needs = |template: &str| {
        let spec = JobSpec { output_name: template.parse().ok(), ..sample.spec.clone() };
        let job = Job::new(sample.id, sample.owner.clone(), spec, sample.created_at, &Policy::default());
        assert_eq!(read(&write(&job)), job);
        job.needs
    };
    for template in ["v{revision}", "{metadata.größe}"] {
        assert_eq!(needs(template), RecordVersion::NAMES, "{template}");
    }
    assert_eq!(needs("{external_id}_{variation}_{source_name}_{job_id}"), RecordVersion::FIRST);
}

#[test]
fn a_job_that_says_which_metadata_it_keeps_is_refused_by_releases_that_would_ignore_it() {
    let sample = samples::job(&samples::owner(), false);
    let needs = |keep_metadata| {
        let rendering = Rendering { keep_metadata, ..sample.spec.rendering.clone() };
        let spec = JobSpec { rendering, ..sample.spec.clone() };
        let job = Job::new(sample.id, sample.owner.clone(), spec, sample.created_at, &Policy::default());
        assert_eq!(read(&write(&job)), job);
        job.needs
    };
    for kept in [KeepMetadata::All, KeepMetadata::None] {
        assert_eq!(needs(Some(kept)), RecordVersion::FIDELITY, "{kept:?}");
    }
    for kept in [Some(KeepMetadata::Credit), None] {
        assert_eq!(needs(kept), RecordVersion::FIRST, "{kept:?}: the same as without it");
    }
}

#[test]
fn a_manifest_among_the_reports_is_read() {
    let mut record = record_of_0_1_0(failed_state(), drop_of_0_1_0(false, 0, Value::Null));
    record["reports"] = json!([{"kind": "manifest", "id": "manifest", "retries": 2, "delivered": true}]);
    let job = read(&record);
    assert_eq!((job.reports.len(), job.reports[0].status), (1, ReportStatus::Delivered));
    assert_eq!(write(&job)["drop"]["reported"], json!(true));
}

fn no_subject() -> cutline_core::Failure {
    Fault::fail(FailureCode::NoSubject, "nothing there").failure().clone()
}

/// The change that the newer release makes between two writes of this one: to attributes that only it
/// knows.
fn written_by_newer(job: &Job, round: u64) -> Value {
    let mut record = write(job);
    record["version"] = json!(job.version + 1);
    record["metadata"]["round"] = json!(round);
    record["order"]["external_id"] = json!(format!("order {round}"));
    record["reports"][0]["sent"] = json!(round);
    record
}

#[test]
fn an_old_and_a_new_writer_in_turns_lose_nothing() {
    let (policy, clock, token) = (Policy::default(), ManualClock::new(), SystemIds.lease());
    let mut record = write(&samples::job_of_newer_release());
    clock.advance(Duration::from_secs(365 * 24 * 3600));
    let now = clock.now();
    type Write<'a> = Box<dyn Fn(Job) -> Job + 'a>;
    let writes: [Write<'_>; 6] = [
        Box::new(|job| job.resend(now, &policy).expect("resends").job),
        Box::new(|job| job.claim(token, now, &policy).expect("claims").job),
        Box::new(|job| job.renew(token, now, &policy).expect("renews").job),
        Box::new(|job| job.give_up(token, Fault::Fail(no_subject()), now, &policy).expect("gives up").job),
        Box::new(|job| {
            let due = job.due_at().expect("a report is due");
            job.retry_reports(due, &policy).expect("retries").job
        }),
        Box::new(|job| job.report_delivered(&ReportId::manifest()).expect("is delivered").job),
    ];
    for (round, old_writer) in writes.iter().enumerate() {
        let round = round as u64;
        record = written_by_newer(&read(&record), round);
        let before = record.clone();
        record = write(&old_writer(read(&record)));
        assert_eq!(record["version"], json!(before["version"].as_u64().expect("a number") + 1));
        for attribute in ["lane", "metadata", "needs"] {
            assert_eq!(record[attribute], before[attribute], "{attribute} in round {round}");
        }
        assert_eq!(record["order"]["external_id"], json!(format!("order {round}")));
        assert_eq!((&record["drop"]["priority"], &record["drop"]["origin"]), (&json!(3), &before["drop"]["origin"]));
        let report = &record["reports"][0];
        assert_eq!(
            (&report["kind"], &report["id"], &report["sent"]),
            (&json!("pigeon"), &json!("msg_1"), &json!(round))
        );
        assert_eq!(report["url"], before["reports"][0]["url"]);
    }
    let job = read(&record);
    assert!(job.owed_manifest().is_none(), "the manifest was delivered");
    let owed: Vec<_> = job.owed_reports().collect();
    assert_eq!(owed.len(), 1, "the newer release's report is still owed");
    assert_eq!((owed[0].retries, job.due_at().is_some()), (1, true), "and scheduled");
}
