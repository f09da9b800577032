//! The configuration of the router: which use cases it serves, and with which limits.

use std::sync::Arc;

use axum::http::HeaderValue;
use cutline_core::domain::limits::MAX_SOURCE_BYTES;
use cutline_core::ports::Keys;
use cutline_core::usecases::{
    Account, AuditLog, Delete, DirectUpload, JobList, ParamSetLibrary, RateLimit, Recut, ResendWebhook, Retry, Review,
    Status, Submit,
};

use crate::api_browser::ApiBrowser;
use crate::budget::BodyBudget;
use crate::desk::WebPages;
use crate::files::SignedFiles;
use crate::signed_uploads::SignedUploads;
use crate::waiting::Waiting;
use crate::webhook_url::WebhookReach;

/// The use cases that the router serves, and its limits.
///
/// A process that serves only some routes leaves the other use cases `None`. Those routes still answer 405 to
/// every request, so a stray request gets the same answer from every function.
#[derive(Clone)]
pub struct Api {
    /// Authenticates requests.
    pub keys: Arc<dyn Keys>,
    /// Serves `POST /api/v1/upload`.
    pub submit: Option<Submit>,
    /// Serves `POST /api/v1/uploads`.
    pub uploads: Option<DirectUpload>,
    /// Serves `GET /api/v1/status`.
    pub status: Option<Status>,
    /// Serves `GET /api/v1/jobs`. Together with [`Api::status`] also `GET /api/v1/jobs/<id>`.
    pub jobs: Option<JobList>,
    /// Adds the audit log to `GET /api/v1/jobs/<id>`.
    pub audit: Option<AuditLog>,
    /// Serves `GET /api/v1/account`.
    pub account: Option<Account>,
    /// Serves `POST /api/v1/jobs/<id>/retry`.
    pub retry: Option<Retry>,
    /// Serves `POST /api/v1/jobs/<id>/approve` and `…/reject`.
    pub review: Option<Review>,
    /// Serves `POST /api/v1/jobs/<id>/recut`.
    pub recut: Option<Recut>,
    /// Serves `POST /api/v1/jobs/<id>/webhook`.
    pub webhook: Option<ResendWebhook>,
    /// Which `webhook_url` an upload may have.
    pub webhook_reach: WebhookReach,
    /// Serves `DELETE /api/v1/jobs/<id>`.
    pub delete: Option<Delete>,
    /// Serves `GET /api/v1/params` and `GET /api/v1/params/<name>`.
    pub sets: Option<ParamSetLibrary>,
    /// Serves `PUT` and `DELETE /api/v1/params/<name>`.
    pub set_changes: Option<ParamSetLibrary>,
    /// Counts POST, PUT and DELETE against the limits of their owners. `None` for no limits.
    pub rate_limit: Option<RateLimit>,
    /// Serves the signed links under [`FILES_PREFIX`](crate::FILES_PREFIX). `None` where an object store serves
    /// them.
    pub files: Option<Arc<dyn SignedFiles>>,
    /// Receives files under [`UPLOADS_PREFIX`](crate::UPLOADS_PREFIX). `None` where an object store does.
    pub signed_uploads: Option<Arc<dyn SignedUploads>>,
    /// Shows the OpenAPI document at `GET /api/v1/docs`. `None` for a plain page.
    pub browser: Option<Arc<dyn ApiBrowser>>,
    /// Serves the web pages at `/` and `/review`.
    pub pages: Option<WebPages>,
    /// The web origins whose pages may call the API, `*` for any. Empty where a gateway handles CORS, or where
    /// no page may call.
    pub cors_origins: Vec<HeaderValue>,
    /// The path of the public address, without a slash at its end, with which every `Location` begins. A reverse proxy removes
    /// it from requests. Empty where the API is at the root of its host.
    pub base_path: String,
    /// The memory that request bodies share. `None` where a process serves one request at a time.
    pub budget: Option<BodyBudget>,
    /// Whether to enforce the rules of HTTP/1.1 for the `Host` header. Set where this process itself speaks HTTP, and not
    /// where a gateway does.
    pub require_host: bool,
    /// The largest uploaded file, in bytes.
    pub max_file_bytes: usize,
    /// How requests may wait for the end of their job. `None` where none may.
    pub waiting: Option<Waiting>,
}

impl Api {
    /// An API that authenticates callers and serves no route yet, with the documented file limit, without rate limits,
    /// CORS and a memory budget, and for a gateway that checks `Host`.
    pub fn new(keys: Arc<dyn Keys>) -> Self {
        Self {
            keys,
            submit: None,
            uploads: None,
            status: None,
            jobs: None,
            audit: None,
            account: None,
            retry: None,
            review: None,
            recut: None,
            webhook: None,
            webhook_reach: WebhookReach::Public,
            delete: None,
            sets: None,
            set_changes: None,
            rate_limit: None,
            files: None,
            signed_uploads: None,
            browser: None,
            pages: None,
            cors_origins: Vec::new(),
            base_path: String::new(),
            budget: None,
            require_host: false,
            max_file_bytes: MAX_SOURCE_BYTES as usize,
            waiting: None,
        }
    }
}
