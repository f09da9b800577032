//! Files: to an upload's link, and from the links of results. Neither call carries the API key.

use std::time::Duration;

use bytes::Bytes;
use cutline_core::domain::percent::percent_decode;
use reqwest::Response;
use reqwest::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use tokio::time::timeout;
use url::Url;

use super::answers::Grant;
use super::faults::{CallError, foreign, no_answer, of_client_error, refusal};
use super::{ApiClient, CALL_TIMEOUT};

/// The slowest connection on which a file is sent, in bytes a second.
const MIN_BYTES_A_SECOND: u64 = 50_000;

/// The longest pause within a download.
const STALL_TIMEOUT: Duration = Duration::from_secs(60);

impl ApiClient {
    /// Sends a file to the link of its upload.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn put(&self, grant: &Grant, file: Bytes) -> Result<(), CallError> {
        let time = CALL_TIMEOUT + Duration::from_secs(file.len() as u64 / MIN_BYTES_A_SECOND);
        let request = self.client.put(grant.upload_url.clone()).timeout(time).body(file);
        let request = grant.headers.iter().fold(request, |request, (name, value)| request.header(name, value));
        checked(request.send().await.map_err(of_client_error)?).await.map(drop)
    }

    /// Begins to download a file.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn download(&self, link: &Url) -> Result<Download, CallError> {
        let answer = timeout(STALL_TIMEOUT, self.client.get(link.clone()).send()).await.map_err(|_| stalled())?;
        let answer = checked(answer.map_err(of_client_error)?).await?;
        // No result is a web page. This one is a login page or the like, of something in between.
        let content_type = answer.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if content_type.to_ascii_lowercase().starts_with("text/html") {
            return Err(foreign("the answer is a web page, not the file".to_owned()));
        }
        Ok(Download { answer })
    }
}

/// The answer, if it is a success. The refusals of a link concern this file alone, whatever their status.
async fn checked(answer: Response) -> Result<Response, CallError> {
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    let headers = answer.headers().clone();
    let body = answer.bytes().await.unwrap_or_default();
    Err(match refusal(status, &headers, &body) {
        CallError::Account { code, message } => CallError::Refused { code, message, fields: Vec::new() },
        other => other,
    })
}

fn stalled() -> CallError {
    no_answer(format!("no bytes for {} s", STALL_TIMEOUT.as_secs()))
}

/// A file that is being downloaded.
#[derive(Debug)]
pub struct Download {
    answer: Response,
}

impl Download {
    /// The next piece, or `None` after the last one. A file that ends early is an error.
    ///
    /// # Errors
    /// [`CallError::Temporary`].
    pub async fn next(&mut self) -> Result<Option<Bytes>, CallError> {
        timeout(STALL_TIMEOUT, self.answer.chunk()).await.map_err(|_| stalled())?.map_err(of_client_error)
    }

    /// The name under which the server asks to save the file (RFC 6266). A foreign text: it may be any path.
    pub fn name(&self) -> Option<String> {
        let header = self.answer.headers().get(CONTENT_DISPOSITION)?.to_str().ok()?;
        let parameters = || header.split(';').skip(1).filter_map(|parameter| parameter.trim().split_once('='));
        let extended = parameters().find(|(name, _)| name.eq_ignore_ascii_case("filename*"));
        let decoded = extended.and_then(|(_, value)| percent_decode(value.strip_prefix("UTF-8''")?));
        let plain = || parameters().find(|(name, _)| name.eq_ignore_ascii_case("filename"));
        decoded.or_else(|| Some(plain()?.1.trim_matches('"').to_owned()))
    }
}
