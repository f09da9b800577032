//! What this release writes, as the previous one reads it: during an upgrade, and after a roll back. The nightly run has the
//! previous release's own programs do so (`cargo xtask upgrades`).

use std::collections::{BTreeMap, BTreeSet};

use cutline_core::contract::release_0_1_0::{lost, rewritten};
use cutline_core::contract::{PREVIOUS_RELEASE, Recording, samples};
use cutline_core::domain::crop::Crop;
use cutline_core::domain::digest::Digest;
use cutline_core::domain::fidelity::{ColorSpace, Depth};
use cutline_core::domain::job::{JobSpec, JobStage, RecordVersion, ReportId, Source, Step};
use cutline_core::domain::keep_metadata::KeepMetadata;
use cutline_core::domain::lane::Lane;
use cutline_core::domain::mask::{JobMask, MaskContent};
use cutline_core::domain::outcome::Outcome;
use cutline_core::domain::params::{OutputSettings, ParamSet};
use cutline_core::domain::review::ReviewRule;
use cutline_core::domain::subject::{Holes, MaskSource, SubjectSettings};
use cutline_core::domain::webhook::WebhookUrl;
use cutline_core::{
    AssetKind, FailureCode, Fault, Ids, Job, JobState, LeaseToken, Mode, Policy, RequestedFormat, SystemIds,
};
use jiff::Timestamp;
use serde_json::Value;

/// What 0.1.0 loses of a job that uses only its own features, when it writes the record, and why that is harmless.
const MAY_BE_LOST: [(&str, &str); 12] = [
    ("intake_attempts", "attempts at intake are counted again"),
    ("lane", "a bulk job becomes a live one"),
    ("order.external_id", "an addition to the API that clients may use once all servers know it"),
    ("order.metadata", "the same"),
    ("order.output_name", "the same; files have their old names"),
    ("order.source_name", "the same"),
    ("order.warnings", "the same; a warning about names is not shown"),
    ("queue_ms", "a figure of the log"),
    ("retry_of", "shown, and nothing else"),
    ("source_bytes", "counted on SQLite alone, which 0.1.0 does not open after an upgrade"),
    ("state.stage", "0.1.0 fetches and makes pictures in one attempt"),
    ("timings", "shown, and nothing else"),
];

fn write(job: &Job) -> Value {
    serde_json::to_value(job).expect("the job serializes")
}

fn read(record: &Value) -> Job {
    serde_json::from_value(record.clone()).expect("the record is readable")
}

/// A spec with every feature of 0.1.0, and the additions that it ignores.
fn spec(mode: Mode) -> JobSpec {
    let all = samples::spec();
    let used = all.set.clone().filter(|_| mode == Mode::Params);
    let set = used.map(|mut used| {
        used.set = ParamSet {
            id_pattern: None,
            output_name: None,
            roi: None,
            keep: None,
            holes: None,
            mask_source: None,
            crop: None,
            crop_margin: None,
            keep_metadata: None,
            output: OutputSettings { depth: None, color: None, ..used.set.output },
            ..used.set
        };
        used
    });
    let source = if mode == Mode::Background { all.source.clone() } else { Source::Stored };
    JobSpec { mode, set, source, ..all }
}

fn job(mode: Mode) -> Job {
    let job = Job::new(SystemIds.job(), samples::owner(), spec(mode), samples::now(), &Policy::default());
    let job = job.with_charge(true).with_source_bytes(123).with_timings([(Step::Fetch, 3)].into());
    Job { queue_ms: 5, ..job }
}

/// A result with the assets of 0.1.0, of a job that crops and checks nothing and of a cut that is beyond doubt.
fn outcome(job: &Job, lease: LeaseToken) -> Outcome {
    let mut outcome = samples::outcome(job.id, lease);
    outcome.assets.retain(|kind, _| matches!(kind, AssetKind::ClippingPath | AssetKind::Matte));
    Outcome { crop_box: None, attention: Vec::new(), pixel_check: None, ..outcome }
}

fn running(job: Job) -> (Job, LeaseToken, Timestamp, Policy) {
    let (token, now, policy) = (SystemIds.lease(), samples::now(), Policy::default());
    (job.claim(token, now, &policy).expect("claim").job, token, now, policy)
}

fn done(job: Job) -> Job {
    let (running, token, now, policy) = running(job);
    let outcome = outcome(&running, token);
    running.finish(token, outcome, now, &policy).expect("finish").job
}

fn failed(job: Job, code: FailureCode) -> Job {
    let (running, token, now, policy) = running(job);
    running.give_up(token, Fault::fail(code, "a message"), now, &policy).expect("give up").job
}

/// Jobs in every state that 0.1.0 has.
fn jobs_of_old_features() -> Vec<Job> {
    let mut jobs = Vec::new();
    for mode in [Mode::Background, Mode::Clipping, Mode::Params] {
        let (now, policy) = (samples::now(), Policy::default());
        jobs.push(job(mode));
        for step in [Step::Fetch, Step::Background, Step::Clipping, Step::Compose, Step::Delivery] {
            let (running, token, ..) = running(job(mode));
            jobs.push(running.advance(token, step).expect("advance").job);
        }
        let (running, token, ..) = running(job(mode));
        let fault = Fault::retry(FailureCode::StorageUnavailable, "try again");
        jobs.push(running.give_up(token, fault, now, &policy).expect("give up").job);
        jobs.push(done(job(mode)));
        jobs.push(done(job(mode).as_retry_of(&job(mode)).in_lane(Lane::Bulk)));
        jobs.push(job(mode).withdraw(now, &policy).expect("withdraw").job);
    }
    // A job that was at intake, and one that is.
    let (at_intake, token, now, policy) = running(job(Mode::Background).awaiting_intake());
    jobs.push(at_intake.clone());
    jobs.push(at_intake.fetched(token, now, &policy).expect("fetched").job);
    let old_codes = FailureCode::ALL.into_iter().filter(|code| needs(&failed(job(Mode::Clipping), *code)) == 1);
    jobs.extend(old_codes.map(|code| failed(job(Mode::Clipping), code)));
    let origin = samples::dropped_job(&samples::owner(), true).drop.expect("a drop");
    let dropped = || job(Mode::Params).for_drop(origin.clone());
    jobs.extend([dropped(), done(dropped()), failed(dropped(), FailureCode::NoSubject)]);
    jobs.push(done(dropped()).report_delivered(&ReportId::manifest()).expect("delivered").job);
    jobs
}

fn needs(job: &Job) -> u64 {
    write(job).get("needs").map_or(1, |needs| needs.as_u64().expect("a number"))
}

#[test]
fn the_previous_release_reads_jobs_of_its_own_features_and_keeps_what_it_knows() {
    let jobs = jobs_of_old_features();
    let mut unused: BTreeSet<_> = MAY_BE_LOST.iter().map(|(path, _)| *path).collect();
    for job in &jobs {
        assert_eq!(job.needs, RecordVersion::FIRST, "{job:?}");
        let record = write(job);
        let after = rewritten(&record).unwrap_or_else(|error| panic!("{error}: {record:#}"));
        for path in lost(&record, &after) {
            let known = MAY_BE_LOST.iter().find(|(known, _)| *known == path);
            let (known, _) = known.unwrap_or_else(|| panic!("0.1.0 loses {path}: {record:#}"));
            unused.remove(known);
        }
        // It goes on from there, and this release takes over again.
        let again = read(&after);
        assert_eq!(again.state.name(), job.state.name());
        assert_eq!((again.version, again.charged, &again.drop), (job.version, job.charged, &job.drop));
        assert_eq!(again.reports, job.reports, "the manifest is owed as before");
        let is_pending = matches!(job.state, JobState::Queued { .. } | JobState::Running { .. });
        assert_eq!(again.stage(), is_pending.then_some(JobStage::Make));
        assert_eq!(lost(&write(&again), &after), Vec::<String>::new(), "this release adds nothing by itself");
    }
    assert!(unused.is_empty(), "no job has {unused:?}: remove them from the table");
    let states: BTreeSet<_> = jobs.iter().map(|job| job.state.name()).collect();
    assert_eq!(states, ["done", "failed", "queued", "running", "withdrawn"].into());
}

/// What 0.1.0 does with a job of a newer feature.
#[derive(Debug, PartialEq, Eq)]
enum Fate {
    /// It cannot read the record: it leaves the job alone, and answers 500 to its status.
    Refused,
    /// It handles the job as if it had not the feature, and loses these attributes.
    Ignored(Vec<String>),
}

fn fate(job: &Job) -> Fate {
    let record = write(job);
    match rewritten(&record) {
        Err(_) => Fate::Refused,
        Ok(after) => {
            let mut paths = lost(&record, &after);
            paths.retain(|path| !MAY_BE_LOST.iter().any(|(known, _)| known == path));
            paths.sort();
            Fate::Ignored(paths)
        }
    }
}

/// CHANGELOG.md tells which features must not be used before all programs run this release.
#[test]
fn newer_features_are_refused_or_ignored_as_the_changelog_says() {
    let with = |change: &dyn Fn(&mut JobSpec)| {
        let mut spec = spec(Mode::Clipping);
        change(&mut spec);
        Job::new(SystemIds.job(), samples::owner(), spec, samples::now(), &Policy::default())
    };
    let ignored = |paths: &[&str]| Fate::Ignored(paths.iter().map(|&path| path.to_owned()).collect());
    let direct = || Source::Upload { key: SystemIds.upload(), etag: "\"0123456789abcdef\"".parse().expect("an ETag") };
    let previews = |job: Job| {
        let mut job = done(job);
        let JobState::Done { outcome, .. } = &mut job.state else { panic!("{job:?}") };
        outcome.assets = samples::outcome(job.id, SystemIds.lease()).assets;
        job
    };
    let holes = SubjectSettings { holes: Some(Holes::Keep), ..SubjectSettings::default() };
    let cut_by = |source| SubjectSettings { mask_source: Some(source), ..SubjectSettings::default() };
    let cropping = || Crop::Subject { margin: "5%".parse().expect("a margin") };
    let with_mask = with(&|spec| {
        spec.subject = cut_by(MaskSource::File);
        spec.mask = Some(JobMask::new(MaskContent::Sha256(Digest::of(b"mask")), samples::now()));
    });
    let url: WebhookUrl = "https://example.com/hook".to_owned().try_into().expect("a URL");
    let held = with(&|spec| spec.review = ReviewRule::Always);
    let cases: BTreeMap<&str, (Job, Fate)> = BTreeMap::from([
        ("output_format=original", (with(&|spec| spec.format = Some(RequestedFormat::Original)), Fate::Refused)),
        ("file_key", (with(&|spec| spec.source = direct()), Fate::Refused)),
        ("previews that were made", (previews(job(Mode::Background)), Fate::Refused)),
        ("held for review", (done(held.clone()), Fate::Refused)),
        ("review", (held, ignored(&["needs", "order.review"]))),
        ("previews", (with(&|spec| spec.previews = true), ignored(&["needs", "order.previews"]))),
        ("holes", (with(&|spec| spec.subject = holes.clone()), ignored(&["needs", "order.subject"]))),
        ("mask_source", (with(&|spec| spec.subject = cut_by(MaskSource::Path)), ignored(&["needs", "order.subject"]))),
        ("mask", (with_mask, ignored(&["needs", "order.mask", "order.subject"]))),
        ("crop", (with(&|spec| spec.rendering.crop = Some(cropping())), ignored(&["needs", "order.rendering.crop"]))),
        (
            "keep_metadata",
            (
                with(&|spec| spec.rendering.keep_metadata = Some(KeepMetadata::None)),
                ignored(&["needs", "order.rendering.keep_metadata"]),
            ),
        ),
        (
            "depth",
            (with(&|spec| spec.rendering.depth = Some(Depth::Sixteen)), ignored(&["needs", "order.rendering.depth"])),
        ),
        (
            "color",
            (with(&|spec| spec.rendering.color = Some(ColorSpace::Keep)), ignored(&["needs", "order.rendering.color"])),
        ),
        ("webhook_url", (with(&|_| {}).with_webhook(url, false), ignored(&["needs", "reports"]))),
    ]);
    for (feature, (job, expected)) in &cases {
        assert_eq!(fate(job), *expected, "{feature}");
    }
    for code in FailureCode::ALL {
        let job = failed(job(Mode::Background), code);
        let expected = if needs(&job) == 1 { ignored(&[]) } else { Fate::Refused };
        assert_eq!(fate(&job), expected, "{code}: a code that 0.1.0 does not know needs a newer release");
    }
}

/// The types in `contract::release_0_1_0` are those of the release: they keep every record that it wrote.
#[test]
fn the_recorded_jobs_are_kept_by_both_releases() {
    let records = Recording::read(PREVIOUS_RELEASE, "aws").records();
    assert!(records.len() >= 10, "{} records", records.len());
    for record in records {
        let after = rewritten(&record).unwrap_or_else(|error| panic!("{error}: {record:#}"));
        assert_eq!(lost(&record, &after), Vec::<String>::new(), "{record:#}");
        let job = read(&record);
        let written = write(&job);
        assert_eq!(lost(&record, &written), Vec::<String>::new(), "this release keeps it: {record:#}");
        assert_eq!(read(&written), job);
    }
}
