//! `GET /api/v1/openapi.json`: the OpenAPI document of the API, and how it is made.
//!
//! The document is checked in at `docs/openapi.json`, and the programs embed that file, so they need no code for it. The
//! modules here make it, in tests only: answers from the types that serve them, requests from tables that other tests
//! compare with the parser, routes from the router's table. `tests::the_document_is_up_to_date` compares the file with
//! it, and writes it with `CUTLINE_UPDATE=1`.

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};

#[cfg(test)]
mod account;
#[cfg(test)]
mod direct_uploads;
#[cfg(test)]
mod document;
#[cfg(test)]
mod errors;
#[cfg(test)]
mod examples;
#[cfg(test)]
mod fields;
#[cfg(test)]
mod headers;
#[cfg(test)]
mod operation;
#[cfg(test)]
mod operations;
#[cfg(test)]
mod page;
#[cfg(test)]
mod parameters;
#[cfg(test)]
mod parser_tests;
#[cfg(test)]
mod recuts;
#[cfg(test)]
mod reviews;
#[cfg(test)]
mod schemas;
#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) mod values;
#[cfg(test)]
mod webhooks;

/// The document.
pub(crate) const DOCUMENT: &str = include_str!("../../../../docs/openapi.json");

/// The document changes with the program only.
pub(crate) const CACHED: HeaderValue = HeaderValue::from_static("public, max-age=300");

/// The route of the document. It needs no key.
pub(crate) fn route() -> MethodRouter {
    get(document)
}

async fn document() -> Response {
    let headers = [(CONTENT_TYPE, HeaderValue::from_static("application/json")), (CACHE_CONTROL, CACHED)];
    (StatusCode::OK, headers, DOCUMENT).into_response()
}
