//! The table of routes.

use axum::Router;
use axum::extract::Request;
use axum::middleware::from_fn;
use axum::routing::MethodRouter;

use crate::api::Api;
use crate::error::ApiError;
use crate::request_body::{Caller, RequestBody};
use crate::{account, cors, files, health, host, jobs, layers, params, status, upload};

/// Builds the router of the API.
pub fn router(api: Api) -> Router {
    let limit = api.max_file_bytes;
    let mut router = Router::new()
        .route("/api/v1/upload", or_405(upload::route(&api), "POST", limit))
        .route("/api/v1/status", or_405(status::route(&api), "GET, HEAD", limit))
        .route(account::PATH, or_405(account::route(&api), "GET, HEAD", limit))
        .route(health::PATH, or_405(health::route(&api), "GET, HEAD", limit))
        .route(jobs::PREFIX, or_405(jobs::list_route(&api), "GET, HEAD", limit))
        .route(&format!("{}/{{id}}", jobs::PREFIX), or_405(jobs::job_route(&api), "GET, HEAD, DELETE", limit))
        .route(&format!("{}/{{id}}/retry", jobs::PREFIX), or_405(jobs::retry_route(&api), "POST", limit))
        .route(params::PREFIX, or_405(params::list_route(&api), "GET, HEAD", limit))
        .route(
            &format!("{}/{{name}}", params::PREFIX),
            or_405(params::set_route(&api), "GET, HEAD, PUT, DELETE", limit),
        )
        .fallback(move |request: Request| refuse(request, ApiError::NotFound, limit));
    if let Some(signed_files) = api.files {
        let path = format!("{}/{{*path}}", files::FILES_PREFIX);
        router = router.route(&path, or_405(files::route(signed_files), "GET, HEAD", limit));
    }
    if api.require_host {
        router = router.layer(from_fn(move |request, next| host::require(request, next, limit)));
    }
    if let Some(cors) = cors::layer(&api.cors_origins) {
        router = router.layer(cors);
    }
    layers::wrap(router)
}

/// Answers 405 to the methods that the route does not have.
fn or_405(route: MethodRouter, allow: &'static str, max_file_bytes: usize) -> MethodRouter {
    route.fallback(move |request: Request| refuse(request, ApiError::MethodNotAllowed { allow }, max_file_bytes))
}

/// Drains the body of a request that no handler reads, then answers with the error.
async fn refuse(request: Request, error: ApiError, max_file_bytes: usize) -> ApiError {
    let (head, body) = request.into_parts();
    RequestBody::new(&head.headers, body).drain(max_file_bytes, Caller::Unknown).await;
    error
}
