//! The query of a list of jobs: conditions, `limit` and `cursor`.

use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cutline_core::domain::decision::Verdict;
use cutline_core::domain::digest::Digest;
use cutline_core::domain::job::ListedStatus;
use cutline_core::usecases::JobFilter;
use cutline_core::{Confidence, JobId, Mode, OwnerId};
use jiff::Timestamp;

use crate::field_errors::FieldErrors;
use crate::paging::{INVALID_CURSOR, limit};
use crate::query::{Fault, Query};

/// The values of the condition `state`.
pub(crate) const STATES: [&str; 2] = ["pending", "done"];

/// A requested page of an owner's jobs.
#[derive(Debug, PartialEq)]
pub(crate) struct JobListRequest {
    pub(crate) filter: JobFilter,
    /// Where the page begins: below this id.
    pub(crate) before: Option<JobId>,
    pub(crate) limit: usize,
}

impl JobListRequest {
    /// Reads a query of this owner.
    ///
    /// # Errors
    /// The faults of all fields.
    pub(crate) fn read(owner: &OwnerId, query: &str) -> Result<Self, FieldErrors> {
        let mut query = Query::new(query);
        let filter = JobFilter {
            has_ended: query.value("state", |text| choice(text, STATES).map(|state: String| state == "done")),
            status: query.value("status", |text| choice(text, ListedStatus::ALL.map(ListedStatus::as_str))),
            mode: query.value("mode", |text| choice(text, Mode::ALL.map(Mode::as_str))),
            external_id: query
                .value("external_id", |text| text.parse().map_err(|error| format!("This value {error}.").into())),
            decided: query.value("review", |text| choice(text, Verdict::ALL.map(Verdict::as_str))),
            confidence_below: query.value("confidence_lt", confidence),
            created_after: query.value("created_after", time),
            created_before: query.value("created_before", time),
        };
        let limit = limit(&mut query);
        let before = query.value("cursor", |text| decode(owner, text).ok_or(INVALID_CURSOR.into()));
        query.finish(Self { filter, before, limit })
    }
}

fn choice<T: FromStr, const N: usize>(text: &str, names: [&'static str; N]) -> Result<T, Fault> {
    let known = names.contains(&text).then(|| text.parse().ok()).flatten();
    known.ok_or_else(|| format!("This value must be one of {}.", names.join(", ")).into())
}

fn confidence(text: &str) -> Result<Confidence, Fault> {
    let number = text.parse::<f64>().ok().and_then(|number| Confidence::try_from(number).ok());
    number.ok_or("This value must be a number from 0 to 1.".into())
}

fn time(text: &str) -> Result<Timestamp, Fault> {
    text.parse().map_err(|_| "This value must be a time such as 2026-11-29T12:00:00Z (RFC 3339).".into())
}

/// The cursor of the page that begins below this id. It holds a check of its owner, so that a cursor of another list is an
/// error and not a page somewhere else. It protects nothing: a page shows the owner's own jobs, whatever the cursor.
pub(crate) fn encode(owner: &OwnerId, before: JobId) -> String {
    URL_SAFE_NO_PAD.encode(format!("{before}/{}", check(owner, before)))
}

fn decode(owner: &OwnerId, text: &str) -> Option<JobId> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
    let (id, checked) = text.split_once('/')?;
    let id: JobId = id.parse().ok()?;
    (check(owner, id) == checked).then_some(id)
}

fn check(owner: &OwnerId, id: JobId) -> String {
    let mut digest = Digest::of(format!("cursor of jobs/{owner}/{id}").as_bytes()).to_string();
    digest.truncate(16);
    digest
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn owner() -> OwnerId {
        "shop".parse().expect("an owner")
    }

    fn id() -> JobId {
        "019cdc54-2673-7c32-b9e5-6e1d36cc9e8a".parse().expect("an id")
    }

    #[test]
    fn reads_every_condition() {
        assert_eq!(
            JobListRequest::read(&owner(), "state=&limit=&x=1"),
            Ok(JobListRequest { filter: JobFilter::default(), before: None, limit: 100 })
        );
        let query = "state=done&status=failed&review=rejected&mode=params&external_id=a%20b%2Fc&confidence_lt=0.5\
                     &created_after=2026-11-29T12:00:00Z&created_before=2026-11-29T12:00:00%2B01:00&limit=7";
        let cursor = encode(&owner(), id());
        let read = JobListRequest::read(&owner(), &format!("{query}&cursor={cursor}")).expect("valid");
        let time = |text: &str| text.parse::<Timestamp>().ok();
        let filter = JobFilter {
            has_ended: Some(true),
            status: Some(ListedStatus::Failed),
            mode: Some(Mode::Params),
            external_id: "a b/c".parse().ok(),
            decided: Some(Verdict::Rejected),
            confidence_below: Confidence::try_from(0.5).ok(),
            created_after: time("2026-11-29T12:00:00Z"),
            created_before: time("2026-11-29T11:00:00Z"),
        };
        assert_eq!(read, JobListRequest { filter, before: Some(id()), limit: 7 });
        let pending = JobListRequest::read(&owner(), "state=pending").expect("valid");
        assert_eq!(pending.filter.has_ended, Some(false));
    }

    #[test]
    fn a_fault_names_the_field_and_the_remedy() {
        let faults = |query: &str| -> Value {
            serde_json::to_value(JobListRequest::read(&owner(), query).expect_err(query)).expect("serializes")
        };
        let cases = [
            ("state=queued", "state", "This value must be one of pending, done."),
            ("status=running", "status", "This value must be one of queued, pending_review, done, failed."),
            ("review=held", "review", "This value must be one of approved, rejected, expired."),
            ("mode=cutout", "mode", "This value must be one of background, clipping, params."),
            ("confidence_lt=1.1", "confidence_lt", "This value must be a number from 0 to 1."),
            ("confidence_lt=NaN", "confidence_lt", "This value must be a number from 0 to 1."),
            (
                "created_after=yesterday",
                "created_after",
                "This value must be a time such as 2026-11-29T12:00:00Z (RFC 3339).",
            ),
            ("limit=0", "limit", "This value must be a whole number from 1 to 1000."),
            ("limit=-1", "limit", "This value must be a whole number from 1 to 1000."),
            ("limit=1e9", "limit", "This value must be a whole number from 1 to 1000."),
            ("cursor=abc", "cursor", INVALID_CURSOR),
        ];
        for (query, field, message) in cases {
            assert_eq!(faults(query), json!({ field: [message] }), "{query}");
        }
        let external_id = "This value must be 1 to 128 characters without control characters.";
        assert_eq!(faults("external_id=a%0Ab"), json!({ "external_id": [external_id] }));
    }

    #[test]
    fn a_cursor_belongs_to_its_owner() {
        let cursor = encode(&owner(), id());
        assert_eq!(decode(&owner(), &cursor), Some(id()));
        assert_eq!(decode(&"other".parse().expect("an owner"), &cursor), None);
        let forged = URL_SAFE_NO_PAD.encode(format!("{}/0123456789abcdef", id()));
        assert_eq!(decode(&owner(), &forged), None);
    }
}
