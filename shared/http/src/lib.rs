//! The HTTP edge: the only place that knows status codes, in both directions.
//!
//! Inwards it is one [`router`] over the use cases of `cutline-core`, run by the Lambda functions and by the
//! local server alike. Outwards it is [`HttpFetcher`], which gets a job's source from the internet without
//! being led into a private network. It holds no rule of a job, and no store.
//!
//! | request | answer |
//! |---|---|
//! | `POST /api/v1/upload`, JSON or multipart | 202 with the job's id |
//! | `GET /api/v1/status?job_id=…` | 200 with how the job stands |
//! | `GET /api/v1/params` | 200 with `{"params": [{"name", "etag", "updated_at", "built_in"}, …]}`; a built-in set has the first and last of these alone |
//! | `GET /api/v1/params/<name>` | 200 with the set's document and its `ETag`, or 304 if that is in `If-None-Match` |
//! | `PUT /api/v1/params/<name>`, a document as JSON of at most 64 KB | 201 (made, with `Location`) or 200 (replaced), with the document as it is stored and its `ETag` |
//! | `DELETE /api/v1/params/<name>` | 204 |
//! | `GET /files/…`, signed, where [`Api::files`] is set | 200 with the file |
//!
//! A PUT or DELETE with `If-Match` (tags, or `*` for any) or `If-None-Match: *` is made on that condition alone. A
//! job of mode params names a set in `params`, or has it there whole, and its status says which one it was made
//! with, if that has a name: `"params": {"name", "revision"}`, where a built-in set has no revision.
//!
//! Every fault has the shape `{"error": "<code>"}`, with `message` or `details` where there is more to say:
//!
//! | status | `error` | cause |
//! |---|---|---|
//! | 400 | `bad_request` | an empty body, malformed JSON or multipart, too many parts, or `If-Match` or `If-None-Match` that cannot be read |
//! | 401 | `unauthorized` | no key, or one that is unknown or revoked |
//! | 402 | `insufficient_credits` | the owner's credits are spent |
//! | 403 | `forbidden` | a file's link that was changed or has expired; a change of a built-in parameter set |
//! | 404 | `not_found` | no such route, job, parameter set or file |
//! | 405 | `method_not_allowed` | the route has other methods; `Allow` names them |
//! | 412 | `precondition_failed` | the stored parameter set is not as `If-Match` or `If-None-Match` says |
//! | 413 | `too_large` | the body, its file, or what is beside the file is over the limit |
//! | 415 | `unsupported_media_type` | neither JSON nor, for an upload, multipart |
//! | 422 | `validation` | faults of fields, all of them, in `details`; those of a parameter set by their paths, as `params.shadow_top.blur` |
//! | 500 | `internal` | a fault of Cutline's own |
//! | 503 | `unavailable` | a store or the queue does not answer, or other uploads have all the memory; `Retry-After` says when to come again |
//!
//! Every answer carries `X-Request-Id`: the caller's own if it sent a sensible one, a new one otherwise.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::HeaderValue;
use axum::middleware::from_fn;
use axum::routing::{MethodRouter, get, post, put};
use cutline_core::ports::Keys;
use cutline_core::usecases::ParamSetLibrary;
use cutline_core::usecases::Status;
use cutline_core::usecases::Submit;

mod auth;
mod bodies;
mod body;
mod budget;
mod cors;
mod edge;
mod error;
mod etag;
mod fetch;
mod fields;
mod files;
mod multipart;
mod params;
mod routes;
mod size;
mod validate;

pub use budget::BodyBudget;
pub use fetch::{FetchConfig, HttpFetcher, SetupError};
pub use files::{FILES_PREFIX, Refused, SignedFile, SignedFiles};

use error::ApiError;

/// The largest picture that is taken, uploaded or fetched, in bytes.
pub const MAX_PICTURE_BYTES: usize = 50_000_000;

/// What the router serves, and by what.
///
/// A process that serves only a part leaves the rest `None`. The routes of that part then know their
/// methods but serve none of them, so that whichever function a gateway sends a stray request to, the
/// answer is the same.
#[derive(Clone)]
pub struct Api {
    /// Says whose a request is.
    pub keys: Arc<dyn Keys>,
    /// Serves `POST /api/v1/upload`.
    pub submit: Option<Submit>,
    /// Serves `GET /api/v1/status`.
    pub status: Option<Status>,
    /// Serves `GET /api/v1/params` and `GET /api/v1/params/<name>`.
    pub sets: Option<ParamSetLibrary>,
    /// Serves `PUT` and `DELETE /api/v1/params/<name>`.
    pub set_changes: Option<ParamSetLibrary>,
    /// Serves the signed links under [`FILES_PREFIX`]. Where an object store serves them there is none.
    pub files: Option<Arc<dyn SignedFiles>>,
    /// The web origins whose pages may call the API, `*` for any. Empty where a gateway sees to it, or
    /// where no page may.
    pub cors_origins: Vec<HeaderValue>,
    /// What the bodies of uploads and of parameter sets may take of the memory. `None` where a process has one request at a time.
    pub budget: Option<BodyBudget>,
    /// The largest uploaded file, in bytes.
    pub max_file_bytes: usize,
}

impl Api {
    /// An API that knows its callers and serves nothing yet, with the documented limit, without CORS
    /// and without a budget.
    pub fn new(keys: Arc<dyn Keys>) -> Self {
        Self {
            keys,
            submit: None,
            status: None,
            sets: None,
            set_changes: None,
            files: None,
            cors_origins: Vec::new(),
            budget: None,
            max_file_bytes: MAX_PICTURE_BYTES,
        }
    }
}

/// The router of the API. It is a `tower` service, so `lambda_http::run` and `axum::serve` both take it.
pub fn router(api: Api) -> Router {
    let cors = cors::layer(&api.cors_origins);
    let Api { keys, submit, status, sets, set_changes, files, budget, max_file_bytes, .. } = api;
    let upload = match submit {
        Some(submit) => post(routes::upload).with_state(routes::Upload {
            keys: keys.clone(),
            submit,
            budget: budget.clone(),
            max_file_bytes,
        }),
        None => MethodRouter::new(),
    };
    let status = match status {
        Some(status) => get(routes::status).with_state(routes::StatusOf { keys: keys.clone(), status }),
        None => MethodRouter::new(),
    };
    let (list, one) = match sets {
        Some(sets) => {
            let reading = params::Reading { keys: keys.clone(), sets };
            (get(params::list).with_state(reading.clone()), get(params::get).with_state(reading))
        }
        None => (MethodRouter::new(), MethodRouter::new()),
    };
    let changes = match set_changes {
        Some(sets) => {
            let changing = params::Changing { keys, sets, budget, max_file_bytes };
            put(params::put).delete(params::delete).with_state(changing)
        }
        None => MethodRouter::new(),
    };
    let other_method = move |allow: &'static str| {
        move |request: Request| routes::refuse(request, ApiError::MethodNotAllowed { allow }, max_file_bytes)
    };
    let mut router = Router::new()
        .route("/api/v1/upload", upload.fallback(other_method("POST")))
        .route("/api/v1/status", status.fallback(other_method("GET, HEAD")))
        .route(params::PREFIX, list.fallback(other_method("GET, HEAD")))
        .route(
            &format!("{}/{{name}}", params::PREFIX),
            one.merge(changes).fallback(other_method("GET, HEAD, PUT, DELETE")),
        )
        .fallback(move |request: Request| routes::refuse(request, ApiError::NotFound, max_file_bytes));
    if let Some(files) = files {
        let path = format!("{FILES_PREFIX}/{{*path}}");
        router = router.route(&path, files::route(files).fallback(other_method("GET, HEAD")));
    }
    if let Some(cors) = cors {
        router = router.layer(cors);
    }
    router.layer(from_fn(edge::edge))
}
