//! The answers of the API, as far as the client reads them. Unknown members are ignored.

use std::collections::BTreeMap;

use cutline_core::JobId;
use jiff::Timestamp;
use serde::Deserialize;
use url::Url;

/// A granted direct upload.
#[derive(Debug, Clone, Deserialize)]
pub struct Grant {
    /// Names the file in a later request.
    pub file_key: String,
    /// Where the file is sent.
    pub upload_url: Url,
    /// The headers to send with it.
    pub headers: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Accepted {
    pub(super) job_id: JobId,
}

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobStatus {
    /// It has not ended.
    Pending,
    /// A person decides about its pictures.
    Held,
    /// It has its pictures.
    Done,
    /// It has none.
    Failed,
}

/// Why a job failed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ReportedFailure {
    /// The stable code.
    pub code: String,
    /// The cause, for people.
    pub message: String,
}

/// A page of a list.
#[derive(Debug, Deserialize)]
pub struct JobPage {
    /// The jobs.
    pub jobs: Vec<ListedJob>,
    /// Leads to the next page; `None` on the last one.
    pub cursor: Option<String>,
}

/// A job in a list.
#[derive(Debug, Deserialize)]
pub struct ListedJob {
    /// The job's id.
    pub job_id: JobId,
    status: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// Why it failed.
    pub error: Option<ReportedFailure>,
}

impl ListedJob {
    /// Where the job stands.
    pub fn status(&self) -> JobStatus {
        status_of(&self.status)
    }
}

/// The status of one job.
#[derive(Debug, Deserialize)]
pub struct JobReport {
    status: String,
    final_url: Option<Url>,
    #[serde(default)]
    final_urls: Option<BTreeMap<String, Url>>,
    /// The template for the names of its files, if it has one.
    pub output_name: Option<String>,
    /// Why it failed.
    pub error: Option<ReportedFailure>,
}

impl JobReport {
    /// Where the job stands.
    pub fn status(&self) -> JobStatus {
        status_of(&self.status)
    }

    /// The links to the pictures: those of `delivery_mode=url` by their variation, the one of `final_url` alone.
    pub fn links(self) -> Vec<(Option<String>, Url)> {
        let several = self.final_urls.unwrap_or_default().into_iter();
        self.final_url.map(|url| (None, url)).into_iter().chain(several.map(|(name, url)| (Some(name), url))).collect()
    }
}

/// Every status but these is a step of a job that has not ended.
fn status_of(status: &str) -> JobStatus {
    match status {
        "done" => JobStatus::Done,
        "failed" => JobStatus::Failed,
        "pending_review" => JobStatus::Held,
        _ => JobStatus::Pending,
    }
}
