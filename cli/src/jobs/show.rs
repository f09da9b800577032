//! `cutline jobs show`: a job's record for a person.

use std::collections::BTreeMap;
use std::path::Path;

use cutline_core::domain::attention::Attention;
use cutline_core::domain::audit::Actor;
use cutline_core::domain::correlation::{ExternalId, Metadata};
use cutline_core::domain::decision::{Decision, DraftRevision};
use cutline_core::domain::fidelity::PixelCheck;
use cutline_core::domain::job::{JobParamSet, JobState, ListedStatus, ReportId, Step};
use cutline_core::domain::lane::Lane;
use cutline_core::domain::outcome::Outcome;
use cutline_core::domain::output_name::OutputName;
use cutline_core::domain::subject::{PixelBox, SubjectSettings};
use cutline_core::{Confidence, Failure, Job, JobId, OwnerId, SetName, StorageKey, Warnings};
use jiff::Timestamp;
use serde::Serialize;

use crate::output::without_controls;

/// A job's record. Members of the API's status have the same names.
#[derive(Debug, Serialize)]
struct JobRecord<'a> {
    job_id: JobId,
    owner: &'a OwnerId,
    status: &'static str,
    state: &'static str,
    mode: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    params: Option<SetRecord<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_id: Option<&'a ExternalId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'a Metadata>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_name: Option<&'a OutputName>,
    progress: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_of: Option<JobId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recut_of: Option<JobId>,
    created_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<Timestamp>,
    /// When the record and the files expire.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
    lane: Lane,
    attempts: u32,
    timings_ms: &'a BTreeMap<Step, u64>,
    /// How the cut is steered.
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'a SubjectSettings>,
    #[serde(skip_serializing_if = "Option::is_none")]
    draft: Option<DraftRecord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recut: Option<RecutRecord<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    review: Option<&'a Decision>,
    #[serde(skip_serializing_if = "Option::is_none")]
    webhook: Option<WebhookRecord<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a Failure>,
    #[serde(flatten)]
    result: Option<ResultRecord<'a>>,
    files: FilesRecord,
}

/// How far a job's webhook is.
#[derive(Debug, Serialize)]
struct WebhookRecord<'a> {
    id: &'a ReportId,
    /// The rest of the URL can hold a secret.
    host: String,
    state: &'static str,
    attempts: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_at: Option<Timestamp>,
}

/// The draft of a job that is held for review, or cut again.
#[derive(Debug, Serialize)]
struct DraftRecord {
    revision: DraftRevision,
    deadline: Timestamp,
}

impl DraftRecord {
    fn new(job: &Job) -> Option<Self> {
        match (&job.state, job.recut_in_progress()) {
            (JobState::Review { revision, deadline, .. }, _) => Some(Self { revision: *revision, deadline: *deadline }),
            (_, Some((recut, draft))) => Some(Self { revision: recut.of, deadline: draft.deadline }),
            (_, None) => None,
        }
    }
}

/// The last recut of a job's draft.
#[derive(Debug, Serialize)]
struct RecutRecord<'a> {
    of: DraftRevision,
    by: &'a Actor,
    at: Timestamp,
}

/// The named parameter set of a job.
#[derive(Debug, Serialize)]
struct SetRecord<'a> {
    name: &'a SetName,
    #[serde(skip_serializing_if = "Option::is_none")]
    revision: Option<String>,
}

/// The result of a done job, without its files.
#[derive(Debug, Serialize)]
struct ResultRecord<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    confidence: Option<Confidence>,
    #[serde(skip_serializing_if = "Option::is_none")]
    crop_box: Option<PixelBox>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    attention: &'a [Attention],
    #[serde(skip_serializing_if = "Option::is_none")]
    pixel_check: Option<PixelCheck>,
    warnings: &'a Warnings,
    ignored_variations: &'a [String],
    pipeline_version: &'a str,
}

/// The storage keys of a job's files.
#[derive(Debug, Default, Serialize)]
struct FilesRecord {
    /// The folder that the keys are relative to, unless they are in a bucket.
    #[serde(skip_serializing_if = "Option::is_none")]
    folder: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mask: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pictures: BTreeMap<&'static str, String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    assets: BTreeMap<&'static str, String>,
}

impl<'a> WebhookRecord<'a> {
    fn new(job: &'a Job) -> Option<Self> {
        let (report, delivery) = job.webhook()?;
        let last = delivery.last.as_ref();
        Some(Self {
            id: &report.id,
            host: delivery.url.host(),
            state: job.webhook_state()?.as_str(),
            attempts: delivery.attempts,
            last_status: last.and_then(|last| last.status),
            last_error: last.and_then(|last| last.error.as_deref()),
            next_at: report.next_at().map(|next_at| delivery.ready_at.unwrap_or(next_at)),
        })
    }
}

impl<'a> SetRecord<'a> {
    fn new(set: &'a JobParamSet) -> Option<Self> {
        Some(Self { name: set.name.as_ref()?, revision: set.revision.map(|revision| revision.to_string()) })
    }
}

impl<'a> ResultRecord<'a> {
    fn new(outcome: &'a Outcome) -> Self {
        Self {
            confidence: outcome.confidence,
            crop_box: outcome.crop_box,
            attention: &outcome.attention,
            pixel_check: outcome.pixel_check,
            warnings: &outcome.warnings,
            ignored_variations: &outcome.ignored,
            pipeline_version: &outcome.pipeline_version,
        }
    }
}

impl FilesRecord {
    fn new(job: &Job, outcome: Option<&Outcome>, folder: Option<&Path>) -> Self {
        let (mut pictures, mut assets) = (BTreeMap::new(), BTreeMap::new());
        if let Some(outcome) = outcome {
            pictures.extend(outcome.pictures.iter().map(|(name, picture)| (name.as_str(), picture.key.to_string())));
            assets.extend(outcome.assets.iter().map(|(kind, asset)| (kind.as_str(), asset.key.to_string())));
        }
        let source = job.source_bytes.map(|_| StorageKey::Source { job: job.id }.to_string());
        let mask = job.spec.mask.as_ref().map(|mask| StorageKey::Mask { job: job.id, mask: mask.id }.to_string());
        Self { folder: folder.map(|folder| folder.display().to_string()), source, mask, pictures, assets }
    }
}

impl<'a> JobRecord<'a> {
    fn new(job: &'a Job, folder: Option<&Path>) -> Self {
        let (mut ended_at, mut error, mut outcome) = (None, None, None);
        let (status, state) = match &job.state {
            JobState::Queued { .. } | JobState::Running { .. } => {
                outcome = job.outcome();
                (job.step().map_or("queued", Step::status), "pending")
            }
            JobState::Review { outcome: made, .. } => {
                outcome = Some(made);
                (ListedStatus::PendingReview.as_str(), "pending")
            }
            JobState::Done { at, outcome: made } => {
                (ended_at, outcome) = (Some(*at), Some(made));
                (job.state.name(), "done")
            }
            JobState::Failed { at, failure } => {
                (ended_at, error) = (Some(*at), Some(failure));
                (job.state.name(), "done")
            }
            JobState::Withdrawn { at } => {
                ended_at = Some(*at);
                (job.state.name(), "done")
            }
        };
        Self {
            job_id: job.id,
            owner: &job.owner,
            status,
            state,
            mode: job.spec.mode.as_str(),
            params: job.spec.set.as_ref().and_then(SetRecord::new),
            external_id: job.spec.external_id.as_ref(),
            metadata: job.spec.metadata.as_ref(),
            output_name: job.spec.output_name.as_ref(),
            progress: job.progress,
            retry_of: job.retry_of,
            recut_of: job.recut_of,
            created_at: job.id.time(),
            ended_at,
            expires_at: job.expires_at,
            lane: job.lane,
            attempts: job.attempts,
            timings_ms: &job.timings,
            subject: Some(&job.spec.subject).filter(|subject| !subject.is_empty()),
            draft: DraftRecord::new(job),
            recut: job.recut.as_deref().map(|recut| RecutRecord { of: recut.of, by: &recut.by, at: recut.at }),
            review: job.decision.as_ref(),
            webhook: WebhookRecord::new(job),
            error,
            result: outcome.map(ResultRecord::new),
            files: FilesRecord::new(job, outcome, folder),
        }
    }
}

/// The record as indented JSON. `folder` is the folder of stored files, if they are on this machine.
pub(super) fn render(job: &Job, folder: Option<&Path>) -> serde_json::Result<String> {
    let json = serde_json::to_string_pretty(&JobRecord::new(job, folder))?;
    Ok(without_controls(&json) + "\n")
}

#[cfg(test)]
mod tests {
    use cutline_core::domain::outcome::{StoredAsset, StoredPicture};
    use cutline_core::domain::webhook::{WebhookUrl, WebhookUrlRule};
    use cutline_core::{AssetKind, FailureCode, Fault, Mode, OutputFormat, Policy, Variation};
    use serde_json::{Value, json};

    use super::*;
    use crate::jobs::tests::spec;

    const PAGE: &str = include_str!("../../../docs/command-line.md");

    fn job() -> Job {
        let id = "019cdc54-2673-dc32-b9e5-6e1d36cc9e8a".parse().expect("an id");
        let mut spec = spec(Mode::Background);
        spec.external_id = "4711".parse().ok();
        let owner = "default".parse().expect("an owner");
        Job::new(id, owner, spec, Timestamp::UNIX_EPOCH, &Policy::default()).with_source_bytes(48_213)
    }

    /// The job of the documentation's example.
    fn done() -> Job {
        let job = job();
        let lease = "019cdc54-2a10-7b55-a1c9-77c6c2f3b1d0".parse().expect("a lease");
        let picture = StoredPicture {
            key: StorageKey::Output {
                job: job.id,
                lease,
                variation: Variation::Background,
                format: OutputFormat::Png.into(),
            },
            bytes: 1,
            width: 1,
            height: 1,
        };
        let matte = StoredAsset { key: StorageKey::Asset { job: job.id, lease, kind: AssetKind::Matte }, bytes: 1 };
        let outcome = Outcome {
            pictures: [(Variation::Background, picture)].into(),
            final_picture: Variation::Background,
            assets: [(AssetKind::Matte, matte)].into(),
            confidence: Confidence::try_from(0.93).ok(),
            crop_box: None,
            attention: Vec::new(),
            pixel_check: None,
            warnings: Warnings::new(),
            ignored: Vec::new(),
            pipeline_version: "0.2.0+b6e8497b.309c8469".to_owned(),
        };
        let time = |text: &str| text.parse::<Timestamp>().expect("a time");
        Job {
            attempts: 1,
            progress: 100,
            expires_at: Some(time("2026-03-18T09:57:11.024Z")),
            timings: [(Step::Fetch, 3), (Step::Background, 2_190), (Step::Delivery, 48)].into(),
            state: JobState::Done { at: time("2026-03-11T09:57:11.024Z"), outcome },
            ..job
        }
    }

    #[test]
    fn the_documentation_shows_a_record() {
        let record = render(&done(), Some(Path::new("/srv/cutline/files"))).expect("serializes");
        assert!(PAGE.contains(&record), "docs/command-line.md must show this record:\n{record}");
    }

    #[test]
    fn a_record_has_the_members_of_its_state() {
        let read =
            |job: &Job| -> Value { serde_json::from_str(&render(job, None).expect("serializes")).expect("JSON") };
        let job = job();
        let queued = read(&job);
        assert_eq!((&queued["status"], &queued["state"]), (&json!("queued"), &json!("pending")), "{queued}");
        assert_eq!(queued["files"], json!({ "source": format!("sources/{}", job.id) }), "no folder on AWS");
        assert!(["ended_at", "error", "warnings"].iter().all(|name| queued.get(name).is_none()), "{queued}");

        let url = WebhookUrl::read("https://example.com/hook?token=secret", WebhookUrlRule::Https).expect("a URL");
        let waiting = read(&job.clone().with_webhook(url, false));
        let webhook = json!({
            "id": ReportId::webhook(job.id), "host": "example.com", "state": "waiting", "attempts": 0,
        });
        assert_eq!((waiting.get("webhook"), queued.get("webhook")), (Some(&webhook), None), "{waiting}");

        let fault = Fault::fail(FailureCode::NoSubject, "nothing stands out");
        let state = JobState::Failed { at: Timestamp::UNIX_EPOCH, failure: fault.failure().clone() };
        let failed = read(&Job { state, ..job });
        assert_eq!((&failed["status"], &failed["state"]), (&json!("failed"), &json!("done")), "{failed}");
        assert_eq!(failed["error"]["code"], "no_subject");
    }
}
