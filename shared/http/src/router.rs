//! The router: every route of the table, and the answers to every other request.

use std::future::ready;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{from_fn, map_response};
use axum::response::Response;
use axum::routing::MethodRouter;

use crate::api::Api;
use crate::error::ApiError;
use crate::request_body::{Caller, RequestBody};
use crate::{base_path, cors, desk, docs, files, host, layers, routes, signed_uploads};

/// Builds the router of the API.
pub fn router(api: Api) -> Router {
    let limit = api.max_file_bytes;
    let mut router = Router::new().fallback(move |request: Request| refuse(request, ApiError::NotFound, limit));
    for route in &routes::ALL {
        router = router.route(route.path, or_405((route.handlers)(&api), route.allow, limit));
    }
    if let Some(browser) = api.browser {
        router = router.route(docs::FILES, or_405(docs::files_route(browser), "GET, HEAD", limit));
    }
    if let Some(pages) = api.pages {
        for (path, route) in desk::routes(&pages) {
            router = router.route(path, or_405(route, "GET, HEAD", limit));
        }
    }
    if let Some(signed_files) = api.files {
        let path = format!("{}/{{*path}}", files::FILES_PREFIX);
        router = router.route(&path, or_405(files::route(signed_files), "GET, HEAD", limit));
    }
    if let Some(uploads) = api.signed_uploads {
        let path = format!("{}/{{*path}}", signed_uploads::UPLOADS_PREFIX);
        router = router.route(&path, or_405(signed_uploads::route(uploads, limit), "PUT", limit));
    }
    if api.require_host {
        router = router.layer(from_fn(move |request, next| host::require(request, next, limit)));
    }
    let base_path = api.base_path;
    if !base_path.is_empty() {
        let prefix = move |response: Response| ready(base_path::prefix_location(&base_path, response));
        router = router.layer(map_response(prefix));
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
