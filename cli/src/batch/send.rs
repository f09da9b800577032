//! Sending one entry: its file to a direct upload, then the request for its job.
//!
//! The request is noted before it is sent, with its file's key. After an interruption it is sent again as noted, under the
//! same idempotency key, and the API answers with the same job. Sending the file again would make another request.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use cutline_core::JobId;
use cutline_core::domain::foreign_kind::ForeignKind;
use cutline_core::domain::kind::ImageKind;
use cutline_core::domain::limits::{MAX_SOURCE_BYTES, thousands};
use jiff::Timestamp;
use serde_json::Value;

use super::calls::Fault;
use super::code::Code;
use super::context::Context;
use super::entry::{Entry, EntryId, ObjectPath, Place};
use super::events::{Failed, Sending, Step};
use super::ids;
use super::journal::JournalError;
use super::objects::{Bucket, ObjectLink};
use super::request::{self, Located};
use super::state::OpenJob;

/// How long a noted request can be sent again: the API remembers it, and keeps its file's key, for 24 hours.
const REPEATABLE: Duration = Duration::from_secs(23 * 60 * 60);

/// The field of a direct upload's key.
const FILE_KEY: &str = "file_key";

/// How an attempt to send an entry ended.
pub(super) enum SendEnd {
    Accepted(OpenJob),
    /// With this code.
    Failed(String),
    /// The API did not answer in time. The next start goes on from here.
    Unanswered(String),
    Stopped,
    /// The run cannot go on.
    Fatal(anyhow::Error),
}

/// Why an entry was not sent.
enum SendError {
    /// Nothing else is affected.
    Entry {
        code: String,
        message: String,
    },
    Call(Fault),
    Fatal(anyhow::Error),
}

impl From<Fault> for SendError {
    fn from(fault: Fault) -> Self {
        match fault {
            // These fields are the same for every entry.
            Fault::Refused { message, fields, .. } if fields.iter().any(|field| request::is_common(field)) => {
                Self::Fatal(anyhow::anyhow!("the API refuses the run's options: {message}"))
            }
            Fault::Refused { code, message, .. } => Self::Entry { code, message },
            other => Self::Call(other),
        }
    }
}

impl From<JournalError> for SendError {
    fn from(error: JournalError) -> Self {
        Self::Fatal(error.into())
    }
}

fn entry_fault(code: Code, message: impl Into<String>) -> SendError {
    SendError::Entry { code: code.into(), message: message.into() }
}

/// Sends an entry for the first time in this attempt.
pub(super) async fn send(context: &Context, entry: Entry, attempt: u32) -> SendEnd {
    // A name that does not match was reported before.
    let (entry, _) = ids::filled(&context.job, entry);
    let (id, label) = (entry.id, entry.label.clone());
    let sent = async {
        let (located, link_ends) = locate(context, &entry.place).await?;
        let body =
            request::body(&context.job, &entry, located).map_err(|error| entry_fault(Code::OutputName, error))?;
        let sending = Sending { attempt, at: Timestamp::now(), label: label.clone(), body, link_ends };
        context.note(id, Step::Sending(sending.clone())).await?;
        submit(context, id, &sending).await
    };
    ended(context, id, attempt, (label.clone(), sent.await)).await
}

/// Sends a request again that an earlier start noted.
pub(super) async fn send_again(context: &Context, id: EntryId, sending: Sending) -> SendEnd {
    let sent = if is_repeatable(&sending, Timestamp::now()) {
        submit(context, id, &sending).await
    } else {
        Err(unknown_outcome())
    };
    let sent = sent.map_err(|error| match error {
        SendError::Entry { message, .. } if message.contains(FILE_KEY) => unknown_outcome(),
        other => other,
    });
    ended(context, id, sending.attempt, (sending.label, sent)).await
}

/// Whether a noted request still means the same. Its age is not negative, whatever the clock was set to.
fn is_repeatable(sending: &Sending, now: Timestamp) -> bool {
    let age = Duration::try_from(now.duration_since(sending.at)).unwrap_or_default();
    age < REPEATABLE && sending.link_ends.is_none_or(|ends| now < ends)
}

/// Whether there is a job cannot be found out any more, and a second one must not be made unasked.
fn unknown_outcome() -> SendError {
    entry_fault(
        Code::UnknownOutcome,
        "the run was interrupted while this was sent, and resumed too late to send it again, so it may have a job; look for \
         it with GET /api/v1/jobs, and use --retry if it has none",
    )
}

async fn submit(context: &Context, id: EntryId, sending: &Sending) -> Result<JobId, SendError> {
    let key = context.idempotency_key(id, sending.attempt).map_err(SendError::Fatal)?;
    let job = context.calls.api(async || context.client.submit(&sending.body, &key).await).await?;
    context.note(id, Step::Accepted { job }).await?;
    Ok(job)
}

async fn ended(
    context: &Context,
    entry: EntryId,
    attempt: u32,
    (label, sent): (super::entry::Label, Result<JobId, SendError>),
) -> SendEnd {
    match sent {
        Ok(job) => SendEnd::Accepted(OpenJob { entry, attempt, label, job }),
        Err(SendError::Fatal(error)) => SendEnd::Fatal(error),
        Err(SendError::Call(Fault::Stopped)) => SendEnd::Stopped,
        Err(SendError::Call(Fault::Fatal(message))) => SendEnd::Fatal(anyhow::anyhow!(message)),
        Err(SendError::Call(Fault::Unanswered(message))) => SendEnd::Unanswered(message),
        Err(SendError::Call(Fault::Refused { code, message, .. }) | SendError::Entry { code, message }) => {
            let failed = Failed { attempt, label, job: None, code: code.clone(), message };
            match context.note(entry, Step::Failed(failed)).await {
                Ok(()) => SendEnd::Failed(code),
                Err(error) => SendEnd::Fatal(error.into()),
            }
        }
    }
}

/// Makes the picture reachable for the API, by a signed link until the returned time.
async fn locate(context: &Context, place: &Place) -> Result<(Located, Option<Timestamp>), SendError> {
    match place {
        Place::File(path) => Ok((Located::FileKey(upload(context, read(path).await?).await?), None)),
        Place::Url(url) => Ok((Located::Url(Value::from(url.as_url().as_str())), None)),
        Place::Object(ObjectPath { bucket, key }) => {
            // The API fetches objects by signed links, of the deployment's own bucket too. A copy into `drops/` would
            // answer with no job id and take no external_id, and rights on that bucket.
            let bucket = Bucket::open(bucket).await.map_err(SendError::Fatal)?;
            let ObjectLink { url, ends } = bucket.link(key).await.map_err(SendError::Fatal)?;
            Ok((Located::Url(Value::from(url.as_str())), Some(ends)))
        }
    }
}

/// Reads a picture. One that the API would refuse is refused here: an upload without a job would stay open for a day, and
/// an owner has few of them.
async fn read(path: &Path) -> Result<Bytes, SendError> {
    let unreadable = |error: std::io::Error| entry_fault(Code::Unreadable, format!("cannot read the file: {error}"));
    let metadata = tokio::fs::metadata(path).await.map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(entry_fault(Code::Unreadable, "not a file"));
    }
    if metadata.len() > MAX_SOURCE_BYTES {
        let (size, most) = (thousands(metadata.len()), MAX_SOURCE_BYTES / 1_000_000);
        return Err(entry_fault(Code::TooLarge, format!("the file has {size} bytes; at most {most} MB are accepted")));
    }
    let bytes = tokio::fs::read(path).await.map_err(unreadable)?;
    if ImageKind::sniff(&bytes).is_none() {
        return Err(entry_fault(Code::UnsupportedFile, unsupported(&bytes)));
    }
    Ok(bytes.into())
}

fn unsupported(bytes: &[u8]) -> String {
    match ForeignKind::sniff(bytes) {
        Some(kind) => kind.refusal(),
        None if bytes.is_empty() => "the file is empty".to_owned(),
        None => format!("not a picture of a known kind; supported are {}", ImageKind::listed("and")),
    }
}

async fn upload(context: &Context, file: Bytes) -> Result<String, SendError> {
    // The content decides what a file is.
    let content_type = "application/octet-stream";
    let grant = context.calls.api(async || context.client.grant(content_type, file.len()).await).await?;
    context.calls.file(async || context.client.put(&grant, file.clone()).await).await?;
    Ok(grant.file_key)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_request_is_repeated_while_the_api_and_the_link_remember_it() {
        let label = super::super::entry::Label { name: "a".to_owned(), external_id: None, target: "a".into() };
        let at: Timestamp = "2026-03-11T10:00:00Z".parse().expect("a time");
        let is_repeatable = |link_hours: Option<i64>, minutes: i64| {
            let link_ends = link_hours.map(|hours| at + jiff::SignedDuration::from_hours(hours));
            let sending = Sending { attempt: 1, at, label: label.clone(), body: Value::Null, link_ends };
            is_repeatable(&sending, at + jiff::SignedDuration::from_mins(minutes))
        };
        assert!(is_repeatable(None, 0) && is_repeatable(None, 23 * 60 - 1) && !is_repeatable(None, 23 * 60));
        assert!(is_repeatable(Some(12), 12 * 60 - 1) && !is_repeatable(Some(12), 12 * 60));
        assert!(is_repeatable(Some(48), 0) && !is_repeatable(Some(48), 23 * 60), "a link does not prolong it");
        assert!(is_repeatable(None, -30 * 60) && is_repeatable(Some(12), -30 * 60), "the clock was set back");
    }

    #[tokio::test]
    async fn refuses_what_the_api_would_refuse() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        fs::write(path("empty.jpg"), "").expect("is written");
        fs::write(path("text.jpg"), "<script>alert(1)</script>").expect("is written");
        fs::write(path("raw.jpg"), b"%PDF-1.7").expect("is written");
        let large = fs::File::create(path("large.jpg")).expect("is created");
        large.set_len(MAX_SOURCE_BYTES + 1).expect("is sparse");
        fs::create_dir(path("folder.jpg")).expect("is created");
        for (name, code, part) in [
            ("empty.jpg", "unsupported_file", "the file is empty"),
            ("text.jpg", "unsupported_file", "supported are JPEG"),
            ("raw.jpg", "unsupported_file", "PDF; export"),
            ("large.jpg", "too_large", "50,000,001 bytes; at most 50 MB"),
            ("folder.jpg", "unreadable", "not a file"),
            ("missing.jpg", "unreadable", "No such file"),
        ] {
            let Err(SendError::Entry { code: found, message }) = read(&path(name)).await else { panic!("{name}") };
            assert!(found == code && message.contains(part), "{name}: {found}: {message}");
        }
        fs::write(path("photo.jpg"), [0xFF, 0xD8, 0xFF, 0xE0]).expect("is written");
        assert!(read(&path("photo.jpg")).await.is_ok());
    }
}
