//! Collecting an ended job: its status, and its results into the output folder.

use std::path::{Path, PathBuf};

use cutline_http::{JobReport, JobStatus, ReportedFailure};
use url::Url;

use super::calls::Fault;
use super::claims::folded;
use super::code::Code;
use super::context::Context;
use super::entry::{EntryId, bytes_of, printable};
use super::events::{Failed, SavedPath, Step};
use super::output::Output;
use super::save::{self, SaveError};
use super::state::OpenJob;

/// How often links are asked for: they may expire while their files wait.
const MAX_ROUNDS: u32 = 3;

/// How an ended job was collected.
pub(super) enum CollectEnd {
    Done {
        bytes: u64,
    },
    /// With this code.
    Failed(String),
    /// It has not ended after all.
    Pending(OpenJob),
    /// A person decides about its pictures.
    Held,
    /// The API did not answer in time. The next start goes on from here.
    Unanswered(String),
    Stopped,
    /// The run cannot go on.
    Fatal(anyhow::Error),
}

/// The end of a job, as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    Done,
    Failed(ReportedFailure),
    /// The list does not say: its status does.
    Unknown,
}

/// Collects a job.
pub(super) async fn collect(context: &Context, open: OpenJob, verdict: Verdict) -> CollectEnd {
    let failure = match (verdict, &context.output) {
        (Verdict::Failed(failure), _) => failure,
        // Nothing but the links is missing.
        (Verdict::Done, None) => return done(context, &open, 0).await,
        (Verdict::Done | Verdict::Unknown, _) => match collect_status(context, &open).await {
            Ok(end) => return end,
            Err(failure) => failure,
        },
    };
    failed(context, &open, failure).await
}

async fn done(context: &Context, open: &OpenJob, bytes: u64) -> CollectEnd {
    match context.note(open.entry, Step::Done { bytes }).await {
        Ok(()) => CollectEnd::Done { bytes },
        Err(error) => CollectEnd::Fatal(error.into()),
    }
}

async fn failed(context: &Context, open: &OpenJob, failure: ReportedFailure) -> CollectEnd {
    let ReportedFailure { code, message } = failure;
    let OpenJob { entry, attempt, label, job } = open.clone();
    let failed = Failed { attempt, label, job: Some(job), code: code.clone(), message };
    match context.note(entry, Step::Failed(failed)).await {
        Ok(()) => CollectEnd::Failed(code),
        Err(error) => CollectEnd::Fatal(error.into()),
    }
}

fn failure(code: Code, message: impl Into<String>) -> ReportedFailure {
    ReportedFailure { code: code.into(), message: message.into() }
}

/// Asks for the status until its links served.
///
/// # Errors
/// Why the job counts as failed.
async fn collect_status(context: &Context, open: &OpenJob) -> Result<CollectEnd, ReportedFailure> {
    let mut refusal = None;
    for _ in 0..MAX_ROUNDS {
        let report = match context.calls.api(async || context.client.status(open.job).await).await {
            Ok(report) => report,
            Err(Fault::Refused { code, .. }) if code == "not_found" => {
                return Err(failure(
                    Code::Deleted,
                    "the job was deleted or has expired before its results were collected",
                ));
            }
            Err(fault) => return of_fault(fault),
        };
        match report.status() {
            JobStatus::Pending => return Ok(CollectEnd::Pending(open.clone())),
            JobStatus::Held => return Ok(CollectEnd::Held),
            JobStatus::Failed => {
                return Err(report.error.unwrap_or_else(|| failure(Code::Unknown, "no reason was given")));
            }
            JobStatus::Done => {}
        }
        let Some(output) = &context.output else { return Ok(done(context, open, 0).await) };
        match save_results(context, open, report, output).await {
            Ok(bytes) => return Ok(done(context, open, bytes).await),
            Err(SaveError::Entry { code, message }) => return Err(failure(code, message)),
            Err(SaveError::Fatal(error)) => return Ok(CollectEnd::Fatal(error)),
            Err(SaveError::Call(Fault::Refused { message, .. })) => refusal = Some(message),
            Err(SaveError::Call(fault)) => return of_fault(fault),
        }
    }
    Err(failure(Code::DownloadRefused, refusal.unwrap_or_default()))
}

fn of_fault(fault: Fault) -> Result<CollectEnd, ReportedFailure> {
    Ok(match fault {
        Fault::Refused { code, message, .. } => return Err(ReportedFailure { code, message }),
        Fault::Unanswered(message) => CollectEnd::Unanswered(message),
        Fault::Fatal(message) => CollectEnd::Fatal(anyhow::anyhow!(message)),
        Fault::Stopped => CollectEnd::Stopped,
    })
}

/// Downloads all results of a job, then gives them their names. Returns their size.
async fn save_results(context: &Context, open: &OpenJob, report: JobReport, output: &Output) -> Result<u64, SaveError> {
    let mut results = Vec::new();
    let is_named = report.output_name.is_some();
    for (variation, link) in report.links() {
        let downloaded = save::download(context, output, &link).await?;
        let path = match is_named {
            true => open.label.target.with_file_name(downloaded.given_name()?),
            false => own_path(&open.label.target, variation.as_deref(), &link)?,
        };
        results.push((path, downloaded));
    }
    if results.is_empty() {
        return Err(SaveError::Entry { code: Code::NoResults, message: "the job is done and has no links".to_owned() });
    }
    let paths: Vec<PathBuf> = results.iter().map(|(path, _)| path.clone()).collect();
    let owned = claim(context, open.entry, &paths)?;
    let files = paths.into_iter().map(SavedPath).collect();
    context.note(open.entry, Step::Saving { files }).await.map_err(|error| SaveError::Fatal(error.into()))?;
    let mut bytes = 0;
    for ((path, downloaded), was_saved) in results.into_iter().zip(owned) {
        bytes += downloaded.bytes;
        save::persist(output, &path, downloaded, was_saved)?;
    }
    Ok(bytes)
}

/// The path of a result without an `output_name`: the picture's own, or in a folder of that name if the job may have
/// several.
fn own_path(target: &Path, variation: Option<&str>, link: &Url) -> Result<PathBuf, SaveError> {
    let file = link.path_segments().and_then(|mut parts| parts.next_back()).unwrap_or_default();
    let extension = file.rsplit_once('.').map_or("", |(_, extension)| extension);
    let is_safe =
        |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if !is_safe(extension) || !variation.is_none_or(is_safe) {
        let message = format!("the link ends in `{}`, which names no result", printable(file.as_bytes()));
        return Err(SaveError::Entry { code: Code::InvalidName, message });
    }
    if let Some(variation) = variation {
        return Ok(target.join(format!("{variation}.{extension}")));
    }
    let mut name = target.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{extension}"));
    Ok(target.with_file_name(name))
}

/// Takes the names of the results. Returns which of them the entry had in an earlier start.
fn claim(context: &Context, entry: EntryId, paths: &[PathBuf]) -> Result<Vec<bool>, SaveError> {
    let mut claims = context.claims.borrow_mut();
    for (index, path) in paths.iter().enumerate() {
        let is_repeated = paths[..index].iter().any(|other| folded(other) == folded(path));
        if claims.is_foreign(entry, path) || is_repeated {
            let message = format!(
                "another result of this run is named {}; give the entry another output_name",
                printable(bytes_of(path))
            );
            return Err(SaveError::Entry { code: Code::NameTaken, message });
        }
    }
    Ok(paths
        .iter()
        .map(|path| {
            let was_own = claims.is_own(entry, path);
            claims.take(entry, path);
            was_own
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_named_after_their_picture() {
        let path = |target: &str, variation, link: &str| {
            let link = format!("https://example.com/{link}?signature=1").parse().expect("a URL");
            own_path(Path::new(target), variation, &link).map(|path| path.display().to_string())
        };
        assert_eq!(path("x/a.b", None, "jobs/1/clipping.webp").ok().as_deref(), Some("x/a.b.webp"));
        assert_eq!(path("x/a", Some("shadowTop"), "jobs/1/shadowTop.jpg").ok().as_deref(), Some("x/a/shadowTop.jpg"));
        for (variation, link) in [(None, "jobs/1/"), (None, "a.p%2Fng"), (Some("../a"), "a.png"), (Some(""), "a.png")] {
            assert!(path("x/a", variation, link).is_err(), "{variation:?} {link}");
        }
    }
}
