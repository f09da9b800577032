//! The HTTP edge: the only crate that knows status codes, inbound and outbound.
//!
//! Inbound, [`router`] puts the use cases of `cutline-core` behind HTTP; the Lambda functions and the local server run
//! the same router. Outbound, [`HttpFetcher`] downloads a job's source from the internet and refuses to connect to
//! private networks; [`HttpWebhooks`] sends webhooks under the same guard; [`ApiClient`] calls this API on other servers. The crate contains no rules of jobs and no store.
//!
//! # Example
//!
//! The router is a `tower` service, so `lambda_http::run` and `axum::serve` both accept it. Here it runs on the
//! in-memory adapters of `cutline-core`:
//!
//! ```
//! use std::sync::Arc;
//!
//! use axum::body::{Body, to_bytes};
//! use axum::http::{Request, StatusCode};
//! use cutline_core::Policy;
//! use cutline_core::testing::{ManualClock, MemoryLinks, MemoryStore};
//! use cutline_core::usecases::{Env, Status};
//! use cutline_http::{Api, router};
//! use tower::ServiceExt;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let clock = Arc::new(ManualClock::new());
//! let store = Arc::new(MemoryStore::new());
//! let links = Arc::new(MemoryLinks::new(clock.clone()));
//! let status = Status { jobs: store.clone(), links, env: Env { clock, ..Env::system(Policy::default()) } };
//! let api = Api { status: Some(status), ..Api::new(store) };
//!
//! let request = Request::get("/api/v1/status?job_id=019cdc54-2673-dc32-b9e5-6e1d36cc9e8a").body(Body::empty())?;
//! let response = router(api).oneshot(request).await?;
//! assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
//! assert!(response.headers().contains_key("x-request-id"));
//! let body = to_bytes(response.into_body(), 1_000).await?;
//! assert_eq!(body, r#"{"error":"unauthorized","message":"API key missing"}"#);
//! # Ok(())
//! # }
//! ```
//!
//! # Routes
//!
//! | request | response |
//! |---|---|
//! | `POST /api/v1/upload`, JSON or multipart | 202 with the job's id, `Location` (its status) and `Retry-After`; if it repeats an earlier request under its `Idempotency-Key`, that one's answer with `Idempotent-Replayed: true` |
//! | `POST /api/v1/uploads`, JSON | 201 with `{"file_key", "method", "upload_url", "headers", "expires_at"}`: a PUT of the file with these headers to `upload_url`, and `file_key` in place of `file` in a later upload |
//! | `GET /api/v1/status?job_id=…` | 200 with the job's status |
//! | `GET /api/v1/jobs?state=…&status=…&mode=…&external_id=…&confidence_lt=…&created_after=…&created_before=…&limit=…&cursor=…` | 200 with `{"jobs": […], "cursor"}`, the newest first. A page may be short or empty; `cursor` leads to the next one and is missing on the last |
//! | `GET /api/v1/jobs/<id>` | 200 with the job's status and `retry_of`, `recut_of`, `created_at`, `ended_at`, `attempts`, `timings_ms`, `audit`, and `webhook` with its delivery |
//! | `POST /api/v1/jobs/<id>/webhook` | 202 with `{"job_id", "webhook"}`: the webhook is sent again, under its id |
//! | `GET /api/v1/account` | 200 with the owner's credits, limits and ended jobs of this month |
//! | `POST /api/v1/jobs/<id>/recut`, JSON | 202 like an upload: with the same id for a job that is held for review, with that of a new job for one that is done |
//! | `POST /api/v1/jobs/<id>/retry` | 202 like an upload, with the id of the new job |
//! | `DELETE /api/v1/jobs/<id>` | 204 |
//! | `GET /api/v1/params?limit=…&cursor=…` | 200 with `{"params": [{"name", "etag", "updated_at", "built_in"}, …], "cursor"}`; a built-in set has only `name` and `built_in`. `cursor` leads to the next page and is missing on the last one |
//! | `GET /api/v1/params/<name>` | 200 with the set's document and its `ETag`, or 304 if `If-None-Match` holds that tag |
//! | `PUT /api/v1/params/<name>`, a JSON document of at most 64 KB | 201 (created, with `Location`) or 200 (replaced), with the stored document and its `ETag` |
//! | `DELETE /api/v1/params/<name>` | 204 |
//! | `GET /api/v1/openapi.json`, without a key | 200 with the OpenAPI document |
//! | `GET /api/v1/docs`, without a key | 200 with a page about the API |
//! | `GET /` and `GET /review`, without a key, where [`Api::pages`] is set | 200 with a web page, whose files are under `/desk/` |
//! | `GET /health`, without a key | 200 with `{"status": "ok"}`, or 503 if the store does not answer within 5 s |
//! | `GET /files/…`, signed, where [`Api::files`] is set | 200 with the file |
//! | `PUT /uploads/…`, signed, where [`Api::signed_uploads`] is set | 200 with the file's `ETag` |
//!
//! PUT and DELETE of a set honor `If-Match` (tags, or `*` for any) and `If-None-Match: *`. A job with `mode=params`
//! names a set in `params` or carries the whole set there. If the set has a name, the job's status shows it:
//! `"params": {"name", "revision"}`. A built-in set has no revision.
//!
//! A POST, PUT or DELETE counts against its owner's rate limit. Every answer to a counted request of an owner with a limit
//! has `RateLimit-Policy` and `RateLimit`.
//!
//! # Errors
//!
//! Every error body has the shape `{"error": "<code>"}`, plus `message` or `details` where there is more to say:
//!
//! | status | `error` | cause |
//! |---|---|---|
//! | 400 | `bad_request` | an empty body or one longer than its `Content-Length`, malformed JSON or multipart, too many parts, a malformed `If-Match` or `If-None-Match`, or, on `serve`, malformed HTTP or a missing or repeated `Host` |
//! | 401 | `unauthorized` | the key is missing, unknown or revoked |
//! | 402 | `insufficient_credits` | the owner's credits are spent |
//! | 403 | `forbidden` | a link to a file, or to upload one, that was changed or has expired; the PUT of a file with other headers than announced; an attempt to delete a built-in parameter set; a change that the scope of the key does not cover |
//! | 404 | `not_found` | unknown route, job, parameter set or file |
//! | 405 | `method_not_allowed` | the route has other methods; `Allow` lists them |
//! | 408 | `request_timeout` | the headers took longer than 30 s (`serve`) |
//! | 409 | `job_pending` | the job to repeat, or whose webhook to send again, has not ended |
//! | 409 | `no_webhook` | the job whose webhook to send again has none |
//! | 409 | `source_expired` | the source of the job to repeat or to correct, or its mask, is no longer stored |
//! | 412 | `precondition_failed` | the stored parameter set does not meet `If-Match` or `If-None-Match` |
//! | 413 | `too_large` | the body, its files together, or its other fields exceed the limit |
//! | 415 | `unsupported_media_type` | neither JSON nor, for an upload or a recut, multipart |
//! | 422 | `validation` | every invalid field, in `details`; a parameter set's faults by their paths, such as `params.shadow_top.blur`; under `name`, that the owner has too many sets to store a new one; under `Idempotency-Key`, that it is invalid or was used for another request |
//! | 429 | `rate_limited` | the owner sent more POST, PUT and DELETE requests in this minute than its limit; nothing was done. `Retry-After` says when the next minute begins |
//! | 429 | `too_many_uploads` | the owner has 100 open uploads; `Retry-After` says when the first one expires |
//! | 431 | `headers_too_large` | the request line and headers exceed 64 KB or 100 headers (`serve`) |
//! | 500 | `internal` | a bug in Cutline |
//! | 503 | `unavailable` | a store or the queue does not respond, or other uploads use all the memory; `Retry-After` says when to retry |
//! | 507 | `storage_full` | the photo, with its mask, does not fit under the cap on the owner's stored bytes; nothing was stored. `Retry-After` says when files are next deleted |
//!
//! Every response carries `X-Request-Id`: the caller's own if it is safe to log, otherwise a new one.

mod accepted;
mod account;
mod admission;
mod api;
mod api_browser;
mod api_client;
mod auth;
mod base_path;
mod body_buffer;
mod budget;
mod cors;
mod desk;
mod direct_upload;
mod docs;
mod error;
mod etag;
mod fetch;
mod field;
mod field_errors;
mod fields;
mod files;
mod head_refusal;
mod health;
mod host;
mod idempotency;
mod job_bodies;
mod job_query;
mod job_webhook;
mod jobs;
mod json_object;
mod kinds;
mod layers;
mod media_type;
mod multipart;
mod openapi;
mod paging;
mod params;
mod prefer;
mod query;
mod rate_headers;
#[cfg(test)]
mod reads;
mod recuts;
mod request_body;
mod response;
mod responses;
mod retry_after;
mod review_status;
mod reviews;
mod router;
mod routes;
mod signed_uploads;
mod size;
mod status;
mod upload;
mod upload_faults;
mod validate;
mod waiting;
mod webhook_client;
mod webhook_status;
mod webhook_url;

pub use accepted::AcceptedSignal;
pub use api::Api;
pub use api_browser::{ApiBrowser, DocsFile};
pub use api_client::{
    ApiClient, ApiClientError, CallError, Download, Grant, INVALID_ANSWER, JobPage, JobReport, JobStatus, ListedJob,
    ReportedFailure,
};
pub use budget::BodyBudget;
pub use desk::WebPages;
pub use fetch::{FetchConfig, HttpFetcher, SetupError};
pub use files::{FILES_PREFIX, LinkError, SignedFile, SignedFiles};
pub use head_refusal::{HeadFault, MAX_HEAD_BYTES, MAX_HEADER_FIELDS};
pub use job_bodies::JobEntry;
pub use router::router;
pub use signed_uploads::{IncomingFile, SignedUploads, UPLOADS_PREFIX, UploadError};
pub use waiting::Waiting;
pub use webhook_client::HttpWebhooks;
pub use webhook_url::{WebhookReach, WebhookUrlError, read_webhook_url};
