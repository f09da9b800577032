//! The OpenAPI document and the page about the API.

use std::sync::Arc;

use axum::http::Request;
use bytes::Bytes;
use cutline_http::{ApiBrowser, DocsFile};
use serde_json::json;

use crate::support::{World, get};

struct Browser;

impl ApiBrowser for Browser {
    fn page(&self) -> DocsFile {
        DocsFile { content_type: "text/html; charset=utf-8", bytes: Bytes::from_static(b"<!doctype html>a browser") }
    }

    fn file(&self, name: &str) -> Option<DocsFile> {
        let bytes = Bytes::from_static(b"start()");
        (name == "start.js").then_some(DocsFile { content_type: "text/javascript", bytes })
    }
}

const PATHS: [&str; 2] = ["/api/v1/openapi.json", "/api/v1/docs"];

#[tokio::test]
async fn the_document_needs_no_key_and_may_be_cached() {
    let world = World::new().await;
    let answer = world.ask(get("/api/v1/openapi.json")).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("cache-control"), "public, max-age=300");
    let document = answer.json();
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    assert!(document["paths"]["/api/v1/upload"]["post"].is_object());
    // It names no address, since it is the same behind every one.
    assert_eq!(document["servers"][0]["url"], "../..");
}

#[tokio::test]
async fn a_server_without_a_browser_has_a_plain_page() {
    let world = World::new().await;
    let page = world.ask(get("/api/v1/docs")).await;
    assert_eq!((page.status.as_u16(), page.header("content-type")), (200, "text/html; charset=utf-8"));
    assert!(page.body.contains("POST /api/v1/upload") && page.body.contains("href=\"openapi.json\""), "{}", page.body);
    for forbidden in ["<script", "<style", "style=", "http:", "https:"] {
        assert!(!page.body.contains(forbidden), "its policy forbids {forbidden}");
    }
    world.ask(get("/api/v1/docs/start.js")).await.is(404, r#"{"error":"not_found"}"#);
}

#[tokio::test]
async fn a_browser_gets_its_own_page_and_files() {
    let world = World::new().await.with(|api| api.browser = Some(Arc::new(Browser)));
    let page = world.ask(get("/api/v1/docs")).await;
    page.is(200, "<!doctype html>a browser");
    let file = world.ask(get("/api/v1/docs/start.js")).await;
    file.is(200, "start()");
    assert_eq!(file.header("content-type"), "text/javascript");
    for answer in [&page, &file] {
        let policy = answer.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; script-src 'self'") && !policy.contains("unsafe"), "{policy}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
    }
    for name in ["", "index.html", "..%2Fstart.js", "start.js/", "%FF"] {
        let answer = world.ask(get(&format!("/api/v1/docs/{name}"))).await;
        assert_eq!((answer.status.as_u16(), answer.json()), (404, json!({ "error": "not_found" })), "{name}");
    }
}

#[tokio::test]
async fn head_has_no_body_and_other_methods_are_refused() {
    let world = World::new().await;
    for path in PATHS {
        let head = world.ask(Request::head(path)).await;
        assert_eq!((head.status.as_u16(), head.body.as_str()), (200, ""), "{path}");
        let refused = world.ask(Request::post(path)).await;
        assert_eq!((refused.status.as_u16(), refused.header("allow")), (405, "GET, HEAD"), "{path}");
    }
}
