//! Jobs as items: a record's own attributes, and those that the table adds for its indexes and for expiry.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use cutline_core::domain::correlation::ExternalId;
use cutline_core::domain::ids::{JobId, OwnerId};
use cutline_core::domain::job::{Job, JobSummary};
use cutline_core::ports::PortError;

use super::item::{Item, PrimaryKey, check_size, decode, encode, number, string};
use crate::error::AwsError;

/// The name of the sweep's index.
pub(super) const DUE_INDEX: &str = "due";

/// The index of an owner's jobs, and its partition key.
const OWNER_INDEX: &str = "by_owner";

/// The index of an owner's jobs with an external id, and its partition key.
const EXTERNAL_ID_INDEX: &str = "by_external_id";

/// What both indexes of lists project.
const SUMMARY: &str = "summary";

/// The attributes that the table adds to a job's record.
const ADDED: [&str; 8] = ["pk", "sk", "due", "due_at", "ttl", OWNER_INDEX, EXTERNAL_ID_INDEX, SUMMARY];

/// Partitions of the sweep's index. Each takes a thousand writes a second.
const DUE_PARTITIONS: u128 = 8;

/// A job as an item, with the attributes for the indexes and for expiry.
pub(super) fn of_job(job: &Job) -> Result<Item, PortError> {
    let key = PrimaryKey::job(job.id);
    let mut item = encode(&key, job)?;
    let repair = job.repair_due_at().map(|at| (DueWork::Repair, at));
    let report = job.report_due_at().map(|at| (DueWork::Report, at));
    let deletion = job.deletion_due_at().map(|at| (DueWork::Deletion, at));
    // A job that is held for review can be due for its report, for the files of a replaced draft and, later, for its deadline,
    // and one that has ended for its report and such files. The first comes first; a sweep that handles it files the item again.
    if let Some((work, due_at)) = [repair, report, deletion].into_iter().flatten().min_by_key(|(_, at)| *at) {
        item.insert("due".to_owned(), work.partition(job.id));
        item.insert("due_at".to_owned(), number(due_at.as_millisecond()));
    }
    if let Some(expires_at) = job.expires_at {
        item.insert("ttl".to_owned(), number(expires_at.as_second()));
    }
    if let Some(summary) = JobSummary::of(job) {
        let by_external_id = summary.external_id.as_ref().map(|id| ListPartition::of(&job.owner, Some(id)));
        for list in [ListPartition::of(&job.owner, None)].into_iter().chain(by_external_id) {
            item.insert(list.index.to_owned(), list.value);
        }
        item.insert(SUMMARY.to_owned(), serde_dynamo::to_attribute_value(&summary).map_err(|error| key.fault(error))?);
    }
    check_size(&key, &item)?;
    Ok(item)
}

/// Reads a job from its item. Removes the attributes that the table adds: the job would keep them as unknown ones.
pub(super) fn job_of(id: JobId, mut item: Item) -> Result<Job, PortError> {
    for name in ADDED {
        item.remove(name);
    }
    decode(&PrimaryKey::job(id), item)
}

/// The work that a job is due for. Each kind has partitions of its own in the sweep's index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DueWork {
    /// To look whether its message or its worker was lost.
    Repair,
    /// To send a message about a report.
    Report,
    /// To delete the files of a deleted job.
    Deletion,
}

impl DueWork {
    /// The partitions.
    pub(super) fn partitions(self) -> impl Iterator<Item = AttributeValue> {
        (0..DUE_PARTITIONS).map(move |number| self.numbered(number))
    }

    /// A job's partition. The low bits of a UUIDv7 are random.
    fn partition(self, id: JobId) -> AttributeValue {
        self.numbered(id.uuid().as_u128() % DUE_PARTITIONS)
    }

    fn numbered(self, number: u128) -> AttributeValue {
        let kind = match self {
            Self::Repair => "due",
            Self::Report => "report",
            Self::Deletion => "deletion",
        };
        string(format!("{kind}#{number}"))
    }
}

/// Reads an entry of the sweep's index: when a job is due, in milliseconds since 1970, and its id.
pub(super) fn due_entry(entry: &Item) -> Result<(i64, JobId), PortError> {
    let id = text(entry, "pk").strip_prefix("job#").and_then(|id| id.parse().ok());
    match (text(entry, "due_at").parse(), id) {
        (Ok(due_at), Some(id)) => Ok((due_at, id)),
        _ => Err(no_entry(entry, "not an entry of the index of due jobs")),
    }
}

/// One partition of an index that lists jobs. Its sort key is the job's id.
#[derive(Debug, Clone)]
pub(super) struct ListPartition {
    /// The name of the index and of its partition key.
    pub(super) index: &'static str,
    /// The partition.
    pub(super) value: AttributeValue,
}

impl ListPartition {
    /// The owner's jobs, or only those with this external id.
    pub(super) fn of(owner: &OwnerId, external_id: Option<&ExternalId>) -> Self {
        // An owner has no `#`, so no two partitions have the same name.
        match external_id {
            None => Self { index: OWNER_INDEX, value: string(format!("jobs#{owner}")) },
            Some(id) => Self { index: EXTERNAL_ID_INDEX, value: string(format!("external#{owner}#{id}")) },
        }
    }
}

/// The attributes that [`list_entry`] reads.
pub(super) const LIST_ENTRY: &str = "id, summary";

/// Reads an entry of a list: a job's id and summary. A summary that this release cannot read is logged and missing.
pub(super) fn list_entry(mut entry: Item) -> Result<(JobId, Option<JobSummary>), PortError> {
    let Ok(id) = text(&entry, "id").parse() else { return Err(no_entry(&entry, "not an entry of a list of jobs")) };
    // A missing summary reads like an empty one.
    let summary = entry.remove(SUMMARY).unwrap_or_else(|| AttributeValue::M(HashMap::new()));
    let summary = serde_dynamo::from_attribute_value(summary);
    let summary =
        summary.inspect_err(|error| tracing::warn!(job_id = %id, %error, "unreadable job left out of a list"));
    Ok((id, summary.ok()))
}

/// A string or number; empty for a missing attribute.
fn text<'a>(entry: &'a Item, name: &str) -> &'a str {
    match entry.get(name) {
        Some(AttributeValue::S(text) | AttributeValue::N(text)) => text,
        _ => "",
    }
}

fn no_entry(entry: &Item, detail: &str) -> PortError {
    let key = ["pk", "id"].map(|name| text(entry, name)).concat();
    AwsError::Record { key, detail: detail.to_owned() }.into()
}

#[cfg(test)]
mod tests {
    use cutline_core::contract::samples;
    use cutline_core::domain::job::{JobSpec, ReportId};
    use cutline_core::{FailureCode, Fault, Ids, Policy, SystemIds};

    use super::*;

    const LISTED: [&str; 3] = [OWNER_INDEX, EXTERNAL_ID_INDEX, SUMMARY];

    fn failed(job: Job) -> Job {
        let fault = Fault::fail(FailureCode::NoSubject, "none");
        job.expire(fault.failure().clone(), samples::now(), &Policy::default()).expect("expires").job
    }

    fn has(item: &Item, names: &[&str]) -> bool {
        names.iter().all(|name| item.contains_key(*name))
    }

    fn lacks(item: &Item, names: &[&str]) -> bool {
        !names.iter().any(|name| item.contains_key(*name))
    }

    #[test]
    fn stores_a_job_as_attributes_and_indexes_it_until_it_ends() {
        let job = samples::job(&samples::owner(), false);
        let item = of_job(&job).expect("encodes");
        assert_eq!(text(&item, "pk"), format!("job#{}", job.id));
        assert_eq!(text(&item, "sk"), "job");
        assert_eq!(text(&item, "version"), "1");
        assert_eq!(text(&item, "owner"), job.owner.as_str());
        assert!(DueWork::Repair.partitions().any(|partition| Some(&partition) == item.get("due")));
        assert!(lacks(&item, &["ttl", "expires_at"]), "{item:?}");
        let due_at = job.due_at().expect("due").as_millisecond();
        assert_eq!(due_entry(&item).expect("an entry"), (due_at, job.id));

        let failed = failed(job);
        let item = of_job(&failed).expect("encodes");
        assert!(lacks(&item, &["due", "due_at"]), "{item:?}");
        assert_eq!(text(&item, "ttl"), failed.expires_at.expect("expires").as_second().to_string());
        assert_eq!(job_of(failed.id, item).expect("decodes"), failed);
    }

    #[test]
    fn lists_a_job_until_it_is_withdrawn_or_deleted() {
        let job = samples::job(&samples::owner(), false);
        // Not before the job was made, which cannot be claimed earlier.
        let (now, policy) = (samples::now(), Policy::default());
        let external_id = job.spec.external_id.clone().expect("an external id");
        let token = SystemIds.lease();
        let running = job.clone().claim(token, now, &policy).expect("claim").job;
        let outcome = samples::outcome(job.id, token);
        let done = running.clone().finish(token, outcome, now, &policy).expect("finish").job;
        for job in [&job, &running, &done, &failed(job.clone())] {
            let item = of_job(job).expect("encodes");
            assert_eq!(text(&item, "id"), job.id.to_string());
            assert_eq!(text(&item, OWNER_INDEX), format!("jobs#{}", job.owner));
            assert_eq!(text(&item, EXTERNAL_ID_INDEX), format!("external#{}#{external_id}", job.owner));
            assert_eq!(list_entry(item.clone()).expect("an entry"), (job.id, JobSummary::of(job)));
            assert_eq!(job_of(job.id, item).expect("decodes"), *job);
        }
        let entries = [&job, &running].map(|job| of_job(job).expect("encodes"));
        assert!(
            LISTED.iter().all(|name| entries[0][*name] == entries[1][*name]),
            "a step does not write to the indexes"
        );

        let gone = [job.withdraw(now, &policy), running.delete(now, &policy), done.delete(now, &policy)];
        for job in gone.map(|transition| transition.expect("a transition").job) {
            let item = of_job(&job).expect("encodes");
            assert!(lacks(&item, &LISTED), "{item:?}");
            assert_eq!(item.contains_key("due"), job.deletion.is_some(), "the files of a deleted job are due");
            assert_eq!(job_of(job.id, item).expect("decodes"), job);
        }
    }

    #[test]
    fn only_jobs_with_an_external_id_are_listed_by_it() {
        let owner = samples::owner();
        let with = |external_id: Option<&str>| {
            let job = samples::job(&owner, false);
            let external_id = external_id.map(|id| id.parse().expect("an external id"));
            Job { spec: JobSpec { external_id, ..job.spec.clone() }, ..job }
        };
        let item = of_job(&with(None)).expect("encodes");
        assert!(has(&item, &[OWNER_INDEX, SUMMARY]) && lacks(&item, &[EXTERNAL_ID_INDEX]), "{item:?}");
        let longest = "\u{10FFFF}".repeat(128);
        let item = of_job(&with(Some(&longest))).expect("encodes");
        assert!(text(&item, EXTERNAL_ID_INDEX).len() <= 2048, "DynamoDB's limit");
        for id in ["4711", "4711#1", "#"] {
            let item = of_job(&with(Some(id))).expect("encodes");
            assert_eq!(text(&item, EXTERNAL_ID_INDEX), format!("external#{owner}#{id}"));
        }
    }

    #[test]
    fn a_summary_of_a_newer_release_does_not_end_the_list() {
        let job = samples::job(&samples::owner(), false);
        let mut entry = of_job(&job).expect("encodes");
        let Some(AttributeValue::M(summary)) = entry.get_mut(SUMMARY) else { panic!("no summary: {entry:?}") };
        summary.insert("lane".to_owned(), string("bulk"));
        let readable = (job.id, JobSummary::of(&job));
        assert_eq!(list_entry(entry.clone()).expect("an entry"), readable, "an unknown member is ignored");
        for summary in [Some(string("?")), None] {
            entry.remove(SUMMARY);
            entry.extend(summary.map(|summary| (SUMMARY.to_owned(), summary)));
            assert_eq!(list_entry(entry.clone()).expect("an entry"), (job.id, None));
        }
        entry.insert("id".to_owned(), string("?"));
        assert!(matches!(list_entry(entry), Err(PortError::Fail(_))));
    }

    #[test]
    fn keeps_exactly_the_attributes_of_a_newer_release() {
        let job = samples::job_of_newer_release();
        assert_eq!(job_of(job.id, of_job(&job).expect("encodes")).expect("decodes"), job);
    }

    #[test]
    fn a_dropped_job_stays_due_until_it_is_reported() {
        let failed = failed(samples::dropped_job(&samples::owner(), false));
        let item = of_job(&failed).expect("encodes");
        assert!(has(&item, &["due", "due_at", "ttl"]), "{item:?}");
        assert_eq!(job_of(failed.id, item).expect("decodes"), failed);
        let reported = failed.report_delivered(&ReportId::manifest()).expect("delivers").job;
        let item = of_job(&reported).expect("encodes");
        assert!(lacks(&item, &["due", "due_at"]) && item.contains_key("ttl"), "{item:?}");
    }

    #[test]
    fn jobs_spread_over_every_partition() {
        let jobs = (0..400).map(|_| samples::job(&samples::owner(), false));
        let used: std::collections::HashSet<_> =
            jobs.map(|job| text(&of_job(&job).expect("encodes"), "due").to_owned()).collect();
        assert_eq!(used.len(), DueWork::Repair.partitions().count());
    }

    /// The failure's message is stored twice: in the record and in the summary.
    #[test]
    fn rejects_a_job_that_is_too_large_with_its_summary() {
        let mut job = samples::job(&samples::owner(), false);
        let failure = Fault::fail(FailureCode::Internal, "x".repeat(300 * 1024)).failure().clone();
        job = job.expire(failure, samples::now(), &Policy::default()).expect("expires").job;
        assert!(encode(&PrimaryKey::job(job.id), &job).is_ok());
        assert!(matches!(of_job(&job), Err(PortError::Fail(_))));
    }

    #[test]
    fn an_unreadable_item_is_a_permanent_fault() {
        let job = samples::job(&samples::owner(), false);
        let mut item = of_job(&job).expect("encodes");
        item.insert("state".to_owned(), string("asleep"));
        let error = job_of(job.id, item).expect_err("no such state");
        assert!(matches!(&error, PortError::Fail(_)) && error.to_string().contains(&job.id.to_string()), "{error}");
        assert!(due_entry(&PrimaryKey::owner(&job.owner).attributes()).is_err());
    }
}
