//! Every response of the API, whole: status, headers and body, in `snapshots/`. Ids, times, versions and the lists that
//! derive from the tables of `cutline-core` are redacted.
//!
//! A difference fails the test and changes no file. Rerun the tests with `INSTA_UPDATE=always` to accept it.

use std::fmt::Write;
use std::sync::Arc;

use axum::body::Body;
use axum::http::header::CONTENT_LENGTH;
use axum::http::{Method, Request};
use cutline_core::contract::samples;
use cutline_core::domain::job::Step;
use cutline_core::domain::keys::Owner;
use cutline_core::ports::Ids;
use cutline_core::testing::SequentialIds;
use cutline_core::{DeliveryMode, Mode, Warnings};
use cutline_http::{LinkError, SignedFile, SignedFiles};
use insta::{Settings, assert_snapshot};
use serde_json::json;

use crate::failing_ports::{Broken, Panicking};
use crate::jobs::{History, done, done_by_an_older_version, failed, queued, running, simply_done, store_job, with_set};
use crate::support::{Answer, Form, KEY, PNG, World, get, owner, params, put, upload};

/// The meaning of each redaction.
const REDACTIONS: [(&str, &str); 7] = [
    ("[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", "[id]"),
    ("[0-9a-f]{32}", "[revision]"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z", "[time]"),
    (r"built-in-\d+\.\d+\.\d+", "built-in-[version]"),
    (r#"(?:,\{"name":"[a-z-]+","built_in":true\})+"#, ",[built-in sets]"),
    (r"parameter set has this name\. Available: [^.]*", "parameter set has this name. Available: [names]"),
    (r"in this version: png[^.]*", "in this version: [formats]"),
];

/// Titled responses, one below the other.
#[derive(Default)]
struct Transcript(String);

impl Transcript {
    fn add(&mut self, title: &str, answer: &Answer) {
        // The length follows from the body, before redaction.
        let mut headers: Vec<_> = answer.headers.keys().filter(|name| **name != CONTENT_LENGTH).collect();
        headers.sort_by_key(|name| name.as_str());
        let gap = if self.0.is_empty() { "" } else { "\n" };
        writeln!(self.0, "{gap}=== {title}\n{}", answer.status).expect("written");
        for name in headers {
            writeln!(self.0, "{name}: {}", answer.header(name.as_str())).expect("written");
        }
        writeln!(self.0, "{}", answer.body).expect("written");
    }

    async fn add_status(&mut self, title: &str, history: History) {
        let world = World::new().await;
        let id = store_job(&world, history).await;
        self.add(title, &world.status(&format!("?job_id={id}")).await);
    }

    #[track_caller]
    fn assert_matches(self, name: &str) {
        let mut settings = Settings::clone_current();
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        for (pattern, replacement) in REDACTIONS {
            settings.add_filter(pattern, replacement);
        }
        settings.bind(|| assert_snapshot!(name, self.0));
    }
}

const DELIVERY_MODES: [(DeliveryMode, &str); 2] =
    [(DeliveryMode::Url, "delivery_mode=url"), (DeliveryMode::FinalUrl, "delivery_mode=final_url")];

#[tokio::test]
async fn accepted_uploads() {
    let mut transcript = Transcript::default();
    for mode in Mode::ALL.map(Mode::as_str) {
        let body = json!({ "file_url": "https://example.com/cup.jpg", "mode": mode, "params": "wall" });
        transcript.add(&format!("mode={mode}"), &World::new().await.upload_json(&body).await);
    }
    transcript.assert_matches("accepted_uploads");
}

#[tokio::test]
async fn status_of_a_pending_job() {
    let mut transcript = Transcript::default();
    for (delivery, label) in DELIVERY_MODES {
        transcript.add_status(&format!("queued, {label}"), queued(Mode::Background, delivery)).await;
        for step in [Step::Fetch, Step::Background, Step::Clipping, Step::Compose, Step::Delivery] {
            let title = format!("{}, {label}", step.status());
            transcript.add_status(&title, running(Mode::Background, delivery, step)).await;
        }
    }
    transcript.assert_matches("status_of_a_pending_job");
}

#[tokio::test]
async fn status_of_a_done_job() {
    let mut transcript = Transcript::default();
    for (delivery, label) in DELIVERY_MODES {
        let clipping = done(Mode::Clipping, delivery, Warnings::new(), Vec::new());
        let warnings = Warnings::from([("shadow_wall".to_owned(), vec!["params not provided".to_owned()])]);
        let with_warnings = done(Mode::Background, delivery, warnings, vec!["shadow_wall".to_owned()]);
        transcript.add_status(&format!("background, {label}"), simply_done(delivery)).await;
        transcript.add_status(&format!("clipping, {label}"), clipping).await;
        transcript.add_status(&format!("with a warning, {label}"), with_warnings).await;
        transcript.add_status(&format!("by an older version, {label}"), done_by_an_older_version(delivery)).await;
    }
    transcript.assert_matches("status_of_a_done_job");
}

#[tokio::test]
async fn status_of_a_failed_job() {
    let mut transcript = Transcript::default();
    for (delivery, label) in DELIVERY_MODES {
        transcript.add_status(label, failed(delivery)).await;
    }
    transcript.assert_matches("status_of_a_failed_job");
}

#[tokio::test]
async fn status_of_a_job_with_a_parameter_set() {
    let mut transcript = Transcript::default();
    let job = || queued(Mode::Params, DeliveryMode::Url);
    let revision = Some(SequentialIds::default().revision());
    transcript.add_status("stored set", with_set(job(), Some("Test-Api"), revision)).await;
    transcript.add_status("built-in set", with_set(job(), Some("wall"), None)).await;
    transcript.add_status("inline set", with_set(job(), None, None)).await;
    transcript.assert_matches("status_of_a_job_with_a_parameter_set");
}

#[tokio::test]
async fn jobs() {
    let mut transcript = Transcript::default();
    for (title, history) in [
        ("queued", queued(Mode::Clipping, DeliveryMode::Url)),
        ("done", simply_done(DeliveryMode::FinalUrl)),
        ("failed", with_set(failed(DeliveryMode::Url), Some("wall"), None)),
    ] {
        let world = World::new().await;
        let id = store_job(&world, history).await;
        let ask = async |path: &str| world.ask(get(path).header("x-api-key", KEY)).await;
        transcript.add(&format!("list, {title}"), &ask("/api/v1/jobs").await);
        transcript.add(title, &ask(&format!("/api/v1/jobs/{id}")).await);
    }
    transcript.assert_matches("jobs");
}

#[tokio::test]
async fn parameter_sets() {
    let mut transcript = Transcript::default();
    let world = World::new().await;
    transcript.add("created", &world.ask_with(put("Test-Api"), r#"{"margin":"10%"}"#).await);
    transcript.add("replaced", &world.ask_with(put("Test-Api"), r#"{"margin":"8%"}"#).await);
    transcript.add("read", &world.ask(params(Method::GET, "Test-Api")).await);
    for name in ["Test-Api", "wall"] {
        let if_none_match = params(Method::GET, name).header("if-none-match", "*");
        transcript.add(&format!("{name}, not modified"), &world.ask(if_none_match).await);
    }
    transcript.add("listed", &world.ask(get("/api/v1/params").header("x-api-key", KEY)).await);
    transcript.add("a page", &world.ask(get("/api/v1/params?limit=1").header("x-api-key", KEY)).await);
    transcript.add("deleted", &world.ask(params(Method::DELETE, "Test-Api")).await);
    transcript.assert_matches("parameter_sets");
}

#[tokio::test]
async fn errors_of_the_body() {
    let mut transcript = Transcript::default();
    let world = World::new().await.with(|api| api.max_file_bytes = 1_000);
    let long = "x".repeat(300_000);
    let too_many = (0..=100).fold(Form::new(), |form, n| form.text(&n.to_string(), ""));
    let many_fields = (0..6).fold(Form::new(), |form, n| form.text(&n.to_string(), &long[..60_000]));
    let large_file = Form::new().file("cup.png", &[PNG, &[0; 1_000]].concat());
    let json = "application/json";
    transcript.add("empty", &world.upload(json, "").await);
    transcript.add("malformed JSON", &world.upload(json, "{").await);
    transcript.add("not an object", &world.upload(json, "[]").await);
    transcript.add("malformed multipart", &world.upload(Form::CONTENT_TYPE, "--XX").await);
    transcript.add("no boundary", &world.upload("multipart/form-data", "--XX").await);
    transcript.add("too many parts", &world.upload_form(&too_many).await);
    transcript.add("JSON too large", &world.upload_json(&json!({ "params": long })).await);
    transcript.add("file too large", &world.upload_form(&large_file).await);
    transcript.add("fields too large", &World::new().await.upload_form(&many_fields).await);
    transcript.add("set too large", &world.ask_with(put("a"), long.clone()).await);
    transcript.add("upload of another type", &world.upload("text/plain", "{}").await);
    let set_as_text = params(Method::PUT, "a").header("content-type", "text/plain");
    transcript.add("set of another type", &world.ask_with(set_as_text, "{}").await);
    transcript.assert_matches("errors_of_the_body");
}

#[tokio::test]
async fn validation_errors() {
    let mut transcript = Transcript::default();
    let world = World::new().await;
    transcript.add("job_id", &world.status("?job_id=7").await);
    let choices = json!({
        "mode": "cutout", "delivery_mode": "post", "output_format": "bmp", "channels": "cmyk", "params": 7,
        "quality": 0, "lossless": "yes", "dpi": 0, "path_name": "\n", "path_flatness": 0, "path_inset": 3,
        "crop": "tight", "crop_margin": -1, "keep_metadata": "exif", "depth": 12, "color": "cmyk",
    });
    transcript.add("every field", &world.upload_json(&choices).await);
    let set = json!({ "shadow_top": {"blur": "thick"} });
    let inline = json!({ "file_url": "ftp://example.com/", "mode": "params", "params": set });
    transcript.add("inline set", &world.upload_json(&inline).await);
    let unknown = json!({ "file_url": "https://example.com/cup.jpg", "mode": "params", "params": "none" });
    transcript.add("unknown set", &world.upload_json(&unknown).await);
    transcript.add("file", &world.upload_form(&Form::new().file("cup.png", b"a text")).await);
    transcript.add("stored set", &world.ask_with(put("-a"), set.to_string()).await);
    transcript.add("page", &world.ask(get("/api/v1/params?limit=0&cursor=a").header("x-api-key", KEY)).await);
    transcript.assert_matches("validation_errors");
}

struct FilesWithoutAccess;

#[async_trait::async_trait]
impl SignedFiles for FilesWithoutAccess {
    async fn open(&self, _: &str) -> Result<SignedFile, LinkError> {
        Err(LinkError::Forbidden)
    }
}

#[tokio::test]
async fn other_errors() {
    let mut transcript = Transcript::default();
    let world = World::new().await.with(|api| api.files = Some(Arc::new(FilesWithoutAccess)));
    let body = json!({ "file_url": "https://example.com/cup.jpg" });
    let keyless = upload("application/json").body(Body::from("{}")).expect("a request");
    transcript.add("key missing", &world.send(keyless).await);
    transcript.add("key invalid", &world.ask(get("/api/v1/status").header("x-api-key", "ck_nobody")).await);
    samples::put_owner(world.store.as_ref(), &Owner { credits: Some(0), ..Owner::unlimited(owner()) }).await;
    transcript.add("credits spent", &world.upload_json(&body).await);
    let capped = World::new().await.with_storage_cap(10);
    transcript.add("storage full", &capped.upload_form(&Form::new().file("cup.png", PNG)).await);
    let limited = World::new().await.with_rate_limit(1).await;
    assert_eq!(limited.upload_json(&body).await.status, 202);
    transcript.add("rate limited", &limited.upload_json(&body).await);
    transcript.add("link refused", &world.ask(get("/files/a")).await);
    transcript.add("set built in", &world.ask(params(Method::DELETE, "wall")).await);
    transcript.add("not found", &world.ask(get("/nowhere")).await);
    transcript.add("method not allowed", &world.ask(Request::delete("/api/v1/status")).await);
    let malformed = params(Method::PUT, "a").header("if-match", "a");
    transcript.add("malformed precondition", &world.ask(malformed).await);
    transcript.add("set changed", &world.ask_with(put("a").header("if-match", "\"a\""), "{}").await);
    assert_eq!(world.ask_with(put("a"), "{}").await.status, 201);
    transcript.add("set exists", &world.ask_with(put("a").header("if-none-match", "*"), "{}").await);
    let panicking = World::new().await.with(|api| api.keys = Arc::new(Panicking));
    transcript.add("internal", &panicking.status("").await);
    let broken = World::new().await.with(|api| api.keys = Arc::new(Broken));
    transcript.add("unavailable", &broken.status("").await);
    transcript.assert_matches("other_errors");
}
