//! The API in memory, with faults.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{Response, StatusCode};
use cutline_core::{Ids as _, JobId, SystemIds};
use serde_json::{Value, json};
use url::Url;

/// A server that makes each job at once; its result is the photo itself.
pub(super) struct FakeApi {
    pub(super) url: Url,
    records: Arc<Mutex<Records>>,
}

#[derive(Default)]
struct Records {
    base: String,
    /// Files by the key of their upload.
    uploads: BTreeMap<String, Option<Vec<u8>>>,
    /// Jobs by their idempotency key, with the request.
    jobs: BTreeMap<String, (JobId, Value)>,
    random: u64,
    /// One of this many calls fails; 0 for none.
    one_of: u64,
    calls: usize,
    faults: usize,
    /// The faults that were pages.
    pages: usize,
    /// The status of every call, if not 200.
    refusal: Option<u16>,
}

/// A request: method, path with query, idempotency key, body.
type Call<'a> = (&'a str, &'a str, Option<&'a str>, Vec<u8>);

type Answer = (u16, Vec<u8>);

impl FakeApi {
    pub(super) async fn start(seed: u64, one_of: u64) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let base = format!("http://{}", listener.local_addr().expect("an address"));
        let random = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let records = Records { base: base.clone(), random, one_of, ..Records::default() };
        let records = Arc::new(Mutex::new(records));
        let shared = Arc::clone(&records);
        let handler = move |request: Request| {
            let shared = Arc::clone(&shared);
            async move {
                let (head, body) = request.into_parts();
                let body = to_bytes(body, usize::MAX).await.unwrap_or_default().to_vec();
                let key = head.headers.get("idempotency-key").and_then(|key| key.to_str().ok());
                let mut records = shared.lock().expect("not poisoned");
                // A query is one more part of the path here.
                let path = head.uri.to_string().replace('?', "/");
                let (status, body) = records.answer((head.method.as_str(), &path, key, body));
                let status = StatusCode::from_u16(status).expect("a status");
                Response::builder().status(status).body(Body::from(body)).expect("an answer")
            }
        };
        tokio::spawn(async move { axum::serve(listener, Router::new().fallback(handler)).await });
        Self { url: base.parse().expect("a URL"), records }
    }

    fn records(&self) -> std::sync::MutexGuard<'_, Records> {
        self.records.lock().expect("not poisoned")
    }

    pub(super) fn jobs(&self) -> usize {
        self.records().jobs.len()
    }

    pub(super) fn calls(&self) -> usize {
        self.records().calls
    }

    pub(super) fn faults(&self) -> usize {
        self.records().faults
    }

    pub(super) fn pages(&self) -> usize {
        self.records().pages
    }

    /// Answers every call with this status from now on: 404 with the page of a proxy, any other as the API does.
    pub(super) fn refuse_all(&self, status: u16) {
        self.records().refusal = Some(status).filter(|status| *status != 200);
    }
}

impl Records {
    /// Answers a call. A fault comes before or after its effect, and may be a page of something between client and API.
    fn answer(&mut self, call: Call<'_>) -> Answer {
        self.calls += 1;
        match self.refusal {
            Some(402) => return error(402, "insufficient_credits"),
            Some(404) => return page(404),
            Some(status) => return error(status, "unavailable"),
            None => {}
        }
        // An xorshift generator.
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        let is_faulty = self.one_of > 0 && (self.random >> 8).is_multiple_of(self.one_of);
        self.faults += usize::from(is_faulty);
        match (is_faulty, self.random >> 32 & 3) {
            (true, 0) => error(503, "unavailable"),
            (true, 1) => error(429, "rate_limited"),
            (true, 2) if call.1.starts_with("/api/") => {
                self.pages += 1;
                let is_before = self.random >> 34 & 1 == 0;
                if !is_before {
                    self.effect(call);
                }
                page(if self.pages.is_multiple_of(2) { 200 } else { 404 })
            }
            (true, _) => {
                self.effect(call);
                error(502, "the answer was lost")
            }
            (false, _) => self.effect(call),
        }
    }

    fn effect(&mut self, (method, path, key, body): Call<'_>) -> Answer {
        let found = |job: &str| self.jobs.values().find(|(id, _)| id.to_string() == job);
        match (method, path.trim_start_matches('/').split('/').collect::<Vec<_>>().as_slice()) {
            ("POST", ["api", "v1", "uploads"]) => {
                let file_key = format!("upload-{}", self.uploads.len());
                let upload_url = format!("{}/put/{file_key}", self.base);
                self.uploads.insert(file_key.clone(), None);
                answer(201, &json!({"file_key": file_key, "upload_url": upload_url, "headers": {}}))
            }
            ("PUT", ["put", file_key]) => {
                self.uploads.insert((*file_key).to_owned(), Some(body));
                (200, Vec::new())
            }
            ("POST", ["api", "v1", "upload"]) => self.submit(key.expect("an idempotency key"), &body),
            ("GET", ["api", "v1", "jobs", _]) => {
                let jobs = self
                    .jobs
                    .values()
                    .map(|(job, _)| json!({"job_id": job, "status": "done", "created_at": job.time()}));
                answer(200, &json!({"jobs": jobs.collect::<Vec<_>>()}))
            }
            ("GET", ["api", "v1", "status", query]) => {
                let job = query.trim_start_matches("job_id=");
                let final_url = format!("{}/result/{job}/background.png", self.base);
                answer(200, &json!({"status": "done", "final_url": final_url}))
            }
            ("GET", ["result", job, _]) => {
                let file = found(job).and_then(|(_, body)| self.uploads[body["file_key"].as_str()?].clone());
                (200, file.expect("a file"))
            }
            _ => error(404, "not_found"),
        }
    }

    /// As the API does it: the first answer again for the same request, and a refusal for another one under its key.
    fn submit(&mut self, key: &str, body: &[u8]) -> Answer {
        let body: Value = serde_json::from_slice(body).expect("JSON");
        let file = body["file_key"].as_str().and_then(|key| self.uploads.get(key)).cloned().flatten();
        assert!(file.is_some(), "a request without its file: {body}");
        let (job, known) = self.jobs.entry(key.to_owned()).or_insert_with(|| (SystemIds.job(), body.clone()));
        if *known != body {
            return answer(422, &json!({"error": "validation", "details": {"Idempotency-Key": ["Used."]}}));
        }
        answer(202, &json!({"job_id": job, "status": "queued", "mode": "background"}))
    }
}

fn answer(status: u16, body: &Value) -> Answer {
    (status, body.to_string().into_bytes())
}

/// The answer of a proxy or a login page.
fn page(status: u16) -> Answer {
    (status, b"<html>This is not the API</html>".to_vec())
}

fn error(status: u16, code: &str) -> Answer {
    answer(status, &json!({"error": code, "message": code}))
}
