//! The routes of the API, in one table: the router is built from it, and the OpenAPI document is compared with it.

use axum::routing::MethodRouter;

use crate::api::Api;
use crate::{
    account, direct_upload, docs, health, job_webhook, jobs, openapi, params, recuts, reviews, status, upload,
};

pub(crate) const UPLOAD: &str = "/api/v1/upload";
pub(crate) const UPLOADS: &str = direct_upload::PATH;
pub(crate) const STATUS: &str = "/api/v1/status";
pub(crate) const ACCOUNT: &str = account::PATH;
pub(crate) const JOBS: &str = jobs::PREFIX;
pub(crate) const JOB: &str = "/api/v1/jobs/{id}";
pub(crate) const JOB_RETRY: &str = "/api/v1/jobs/{id}/retry";
pub(crate) const JOB_APPROVE: &str = "/api/v1/jobs/{id}/approve";
pub(crate) const JOB_REJECT: &str = "/api/v1/jobs/{id}/reject";
pub(crate) const JOB_RECUT: &str = "/api/v1/jobs/{id}/recut";
pub(crate) const JOB_WEBHOOK: &str = "/api/v1/jobs/{id}/webhook";
pub(crate) const PARAMS: &str = params::PREFIX;
pub(crate) const PARAM_SET: &str = "/api/v1/params/{name}";
pub(crate) const DOCUMENT: &str = "/api/v1/openapi.json";

/// A path and what answers there.
pub(crate) struct Route {
    pub(crate) path: &'static str,
    /// Its methods, as in the header `Allow`. A process that does not serve one of them answers 405 to it.
    pub(crate) allow: &'static str,
    pub(crate) handlers: fn(&Api) -> MethodRouter,
}

const fn route(path: &'static str, allow: &'static str, handlers: fn(&Api) -> MethodRouter) -> Route {
    Route { path, allow, handlers }
}

/// Every route, except those that exist only in some processes: the files behind signed links, those of the page with the
/// documentation, and the web pages.
pub(crate) const ALL: [Route; 16] = [
    route(UPLOAD, "POST", upload::route),
    route(UPLOADS, "POST", direct_upload::route),
    route(STATUS, "GET, HEAD", status::route),
    route(ACCOUNT, "GET, HEAD", account::route),
    route(JOBS, "GET, HEAD", jobs::list_route),
    route(JOB, "GET, HEAD, DELETE", jobs::job_route),
    route(JOB_RETRY, "POST", jobs::retry_route),
    route(JOB_APPROVE, "POST", reviews::approve_route),
    route(JOB_REJECT, "POST", reviews::reject_route),
    route(JOB_RECUT, "POST", recuts::route),
    route(JOB_WEBHOOK, "POST", job_webhook::route),
    route(PARAMS, "GET, HEAD", params::list_route),
    route(PARAM_SET, "GET, HEAD, PUT, DELETE", params::set_route),
    route(health::PATH, "GET, HEAD", health::route),
    route(DOCUMENT, "GET, HEAD", |_| openapi::route()),
    route(docs::PATH, "GET, HEAD", docs::page_route),
];
