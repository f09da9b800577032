//! A client of the API, for commands that talk to a server or a deployment over HTTP alone.
//!
//! It makes one attempt of a call and says what a failure means: whether a later attempt may succeed, whether every call
//! of the account would fail, or whether this request is refused for good. Waiting, repeating and pacing are the caller's.

mod answers;
mod faults;
mod transfer;

#[cfg(test)]
mod tests;

use std::time::Duration;

use bytes::Bytes;
use cutline_core::JobId;
use cutline_core::domain::idempotency::IdempotencyKey;
use cutline_core::domain::params::SetName;

use jiff::Timestamp;
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::{Client, Method, RequestBuilder, redirect};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use url::Url;

pub use answers::{Grant, JobPage, JobReport, JobStatus, ListedJob, ReportedFailure};
pub use faults::{CallError, INVALID_ANSWER};
pub use transfer::Download;

use crate::auth::X_API_KEY;
use crate::fetch::SetupError;
use crate::fetch::client::tls;
use crate::idempotency::IDEMPOTENCY_KEY_HEADER;
use answers::Accepted;
use faults::{malformed, of_client_error, refusal_of_call};

/// The longest time for connecting.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The longest time for a call. An API Gateway waits 30 seconds at most.
const CALL_TIMEOUT: Duration = Duration::from_secs(35);

/// The jobs of a page of a list: the most that the API allows.
const PAGE: usize = 1_000;

/// A client of one server or deployment, with one key.
#[derive(Debug, Clone)]
pub struct ApiClient {
    client: Client,
    base: String,
    key: HeaderValue,
}

/// Why a client cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ApiClientError {
    /// The address has another scheme, or holds a user name, a query or a fragment.
    #[error("invalid address of the API: {0}; give an http or https URL that ends before /api/v1")]
    Address(Url),
    /// The key has characters that no header holds.
    #[error("invalid API key: it has characters other than visible ASCII ones; copy the key again")]
    Key,
    /// The machine's root certificates, or the client's settings.
    #[error(transparent)]
    Setup(#[from] SetupError),
}

impl ApiClient {
    /// A client of the API at `address`, which ends before `/api/v1`. Makes no call.
    ///
    /// # Errors
    /// [`ApiClientError`].
    pub fn new(address: &Url, key: &str) -> Result<Self, ApiClientError> {
        let is_plain = matches!(address.scheme(), "http" | "https")
            && address.has_host()
            && address.username().is_empty()
            && address.password().is_none()
            && address.query().is_none()
            && address.fragment().is_none();
        if !is_plain {
            return Err(ApiClientError::Address(address.clone()));
        }
        let is_visible = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_graphic());
        let mut header = HeaderValue::from_str(key).ok().filter(|_| is_visible).ok_or(ApiClientError::Key)?;
        header.set_sensitive(true);
        let client = Client::builder()
            .tls_backend_preconfigured(tls().map_err(SetupError::from)?)
            // A redirect would turn a POST into a GET.
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .user_agent(concat!("cutline/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(SetupError::from)?;
        Ok(Self { client, base: address.as_str().trim_end_matches('/').to_owned(), key: header })
    }

    /// Checks that the API answers and accepts the key.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn check(&self) -> Result<(), CallError> {
        self.call::<Value>(self.request(Method::GET, "/api/v1/account")).await.map(drop)
    }

    /// The parameter set of this name, the owner's own or a built-in one; `None` if it does not exist.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn find_set(&self, name: &SetName) -> Result<Option<Value>, CallError> {
        match self.call::<Value>(self.request(Method::GET, &format!("/api/v1/params/{name}"))).await {
            Ok(set) => Ok(Some(set)),
            Err(CallError::Refused { code, .. }) if code == "not_found" => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Asks for a direct upload of `size` bytes.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn grant(&self, content_type: &str, size: usize) -> Result<Grant, CallError> {
        let body = json!({ "content_type": content_type, "size": size });
        self.call(self.with_json(self.request(Method::POST, "/api/v1/uploads"), &body)).await
    }

    /// Creates a job, or finds the one that an earlier call with this key created. Returns its id.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn submit(&self, body: &Value, key: &IdempotencyKey) -> Result<JobId, CallError> {
        let request = self.request(Method::POST, "/api/v1/upload").header(IDEMPOTENCY_KEY_HEADER, key.to_string());
        self.call(self.with_json(request, body)).await.map(|Accepted { job_id }| job_id)
    }

    /// A page of the owner's jobs that were created after this time, newest first.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn jobs(&self, created_after: Timestamp, cursor: Option<&str>) -> Result<JobPage, CallError> {
        let mut path = format!("/api/v1/jobs?limit={PAGE}&created_after={created_after}");
        if let Some(cursor) = cursor {
            path.push_str("&cursor=");
            path.extend(url::form_urlencoded::byte_serialize(cursor.as_bytes()));
        }
        self.call(self.request(Method::GET, &path)).await
    }

    /// The status of a job, with fresh links.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn status(&self, job: JobId) -> Result<JobReport, CallError> {
        self.call(self.request(Method::GET, &format!("/api/v1/status?job_id={job}"))).await
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.base));
        request.header(X_API_KEY, self.key.clone()).timeout(CALL_TIMEOUT)
    }

    fn with_json(&self, request: RequestBuilder, body: &Value) -> RequestBuilder {
        request.header(CONTENT_TYPE, "application/json").body(Bytes::from(body.to_string()))
    }

    async fn call<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, CallError> {
        let answer = request.send().await.map_err(of_client_error)?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let body = answer.bytes().await.map_err(of_client_error)?;
        if !status.is_success() {
            return Err(refusal_of_call(status, &headers, &body));
        }
        serde_json::from_slice(&body).map_err(malformed)
    }
}
