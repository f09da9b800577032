//! `GET /api/v1/docs`: the API's documentation as a page. It needs no key.
//!
//! A server may bring an API browser, which reads the OpenAPI document. Elsewhere, a plain page made from the same document
//! is enough: a function stays small, and the document itself is all that a client generator needs.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use bytes::Bytes;

use crate::api::Api;
use crate::api_browser::{ApiBrowser, DocsFile};
use crate::error::ApiError;
use crate::openapi::CACHED;

pub(crate) const PATH: &str = "/api/v1/docs";

/// The page's own files. They are named relative to the page, so that it works under any prefix of the path.
pub(crate) const FILES: &str = "/api/v1/docs/{file}";

/// Scripts, styles and requests of this origin alone, and no inline ones. The browser draws its icons from `data:` URLs.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// The page without a browser, made together with the document.
const PLAIN_PAGE: &str = include_str!("../../../docs/openapi.html");

/// The route of the page.
pub(crate) fn page_route(api: &Api) -> MethodRouter {
    let page = match &api.browser {
        Some(browser) => browser.page(),
        None => DocsFile { content_type: "text/html; charset=utf-8", bytes: Bytes::from_static(PLAIN_PAGE.as_bytes()) },
    };
    get(async move || answer(page.clone()))
}

/// The route of the page's files.
pub(crate) fn files_route(browser: Arc<dyn ApiBrowser>) -> MethodRouter {
    get(file).with_state(browser)
}

async fn file(
    State(browser): State<Arc<dyn ApiBrowser>>,
    name: Result<Path<String>, PathRejection>,
) -> Result<Response, ApiError> {
    let file = name.ok().and_then(|Path(name)| browser.file(&name));
    file.map(answer).ok_or(ApiError::NotFound)
}

fn answer(file: DocsFile) -> Response {
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static(file.content_type)),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (CACHE_CONTROL, CACHED),
    ];
    (headers, file.bytes).into_response()
}
