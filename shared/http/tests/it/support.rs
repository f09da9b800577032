//! A router on in-memory ports, and requests to it.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use cutline_core::contract::samples;
use cutline_core::domain::keys::{KeyRecord, KeyScope, Owner, Secret};
use cutline_core::ports::Clock;
use cutline_core::ports::Keys;
use cutline_core::testing::{
    ManualClock, MemoryBlobs, MemoryLinks, MemoryQueue, MemorySets, MemoryStore, MemoryUploads, SequentialIds,
};
use cutline_core::usecases::{Env, RecordStores, Recut, StorageCap, UploadStores, UseCases};
use cutline_core::{OwnerId, Policy};
use cutline_http::{Api, Waiting, router};
use serde_json::Value;
use tower::ServiceExt;

use crate::document;

/// The key of the owner `shop`.
pub(crate) const KEY: &str = "ck_shop";
/// The key of another owner.
pub(crate) const OTHER_KEY: &str = "ck_other";
/// A key of `shop` that may only read.
pub(crate) const READ_KEY: &str = "ck_read";
/// A key of `shop` that may read and review.
pub(crate) const REVIEW_KEY: &str = "ck_review";
/// A key of `shop` for the web pages.
pub(crate) const DESK_KEY: &str = "ck_desk";
/// A revoked key of `shop`.
pub(crate) const REVOKED_KEY: &str = "ck_revoked";

pub(crate) const PNG: &[u8] = b"\x89PNG\r\n\x1A\nnot much of a picture";

pub(crate) fn owner() -> OwnerId {
    "shop".parse().expect("an owner")
}

/// An API and the in-memory ports under it.
pub(crate) struct World {
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) blobs: Arc<MemoryBlobs>,
    pub(crate) uploads: Arc<MemoryUploads>,
    pub(crate) queue: Arc<MemoryQueue>,
    pub(crate) reports: Arc<MemoryQueue>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) api: Api,
}

impl World {
    pub(crate) async fn new() -> Self {
        let clock = Arc::new(ManualClock::new());
        let (store, blobs) = (Arc::new(MemoryStore::new()), Arc::new(MemoryBlobs::new()));
        let queue = Arc::new(MemoryQueue::new(clock.clone(), Duration::from_secs(720), 20, None));
        for (secret, owner, scope, revoked) in [
            (KEY, "shop", KeyScope::Full, false),
            (OTHER_KEY, "other", KeyScope::Full, false),
            (READ_KEY, "shop", KeyScope::Read, false),
            (REVIEW_KEY, "shop", KeyScope::Review, false),
            (DESK_KEY, "shop", KeyScope::Desk, false),
            (REVOKED_KEY, "shop", KeyScope::Full, true),
        ] {
            let key = KeyRecord {
                hash: Secret::from_caller(secret).hash(),
                owner: owner.parse().expect("an owner"),
                label: "test".to_owned(),
                scope,
                created_at: clock.now(),
                revoked_at: revoked.then(|| clock.now()),
            };
            store.insert(&key).await.expect("inserted");
        }
        let env =
            Env { clock: clock.clone(), ids: Arc::new(SequentialIds::default()), ..Env::system(Policy::default()) };
        let stores = RecordStores {
            jobs: store.clone(),
            identities: store.clone(),
            keys: store.clone(),
            sets: Arc::new(MemorySets::new()),
            rates: store.clone(),
            usage: store.clone(),
            audit: store.clone(),
        };
        let use_cases = UseCases { env, stores };
        let sets = use_cases.param_sets();
        let uploads = Arc::new(MemoryUploads::new(clock.clone(), blobs.clone()));
        let upload_stores = UploadStores { records: uploads.clone(), objects: uploads.clone() };
        let mut submit = use_cases.submit(blobs.clone(), queue.clone());
        submit.uploads = Some(upload_stores.clone());
        let status = use_cases.status(Arc::new(MemoryLinks::new(clock.clone())));
        let mut api = Api { submit: Some(submit), status: Some(status), ..Api::new(store.clone()) };
        (api.sets, api.set_changes) = (Some(sets.clone()), Some(sets));
        api.waiting = Some(Waiting::new(Duration::from_secs(20), 2, None));
        (api.jobs, api.delete) = (Some(use_cases.job_list()), Some(use_cases.delete()));
        api.rate_limit = Some(use_cases.rate_limit());
        (api.account, api.audit) = (Some(use_cases.account()), Some(use_cases.audit_log()));
        api.retry = Some(use_cases.retry(blobs.clone(), queue.clone()));
        api.recut = Some(Recut { uploads: Some(upload_stores), ..use_cases.recut(blobs.clone(), queue.clone()) });
        api.uploads = Some(use_cases.direct_upload(uploads.clone(), uploads.clone()));
        let reports = Arc::new(MemoryQueue::new(clock.clone(), Duration::from_secs(60), 20, None));
        api.review = Some(use_cases.review(reports.clone()));
        api.webhook = Some(use_cases.resend_webhook(reports.clone()));
        Self { store, blobs, uploads, queue, reports, clock, api }
    }

    /// The same ports, with a cap on the stored bytes of each owner.
    pub(crate) fn with_storage_cap(self, max_bytes: u64) -> Self {
        let cap = StorageCap::new(max_bytes, self.store.clone());
        self.with(|api| {
            if let Some(submit) = &mut api.submit {
                submit.storage_cap = Some(cap.clone());
            }
            if let Some(uploads) = &mut api.uploads {
                uploads.storage_cap = Some(cap);
            }
        })
    }

    /// The same ports, with a rate limit for the owner `shop`.
    pub(crate) async fn with_rate_limit(self, requests_per_minute: u32) -> Self {
        let owner = Owner { requests_per_minute: Some(requests_per_minute), ..Owner::unlimited(owner()) };
        samples::put_owner(self.store.as_ref(), &owner).await;
        self
    }

    /// The same ports with a changed API.
    pub(crate) fn with(self, change: impl FnOnce(&mut Api)) -> Self {
        let mut world = self;
        change(&mut world.api);
        world
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        send(router(self.api.clone()), request).await
    }

    /// POST /api/v1/upload with a key.
    pub(crate) async fn upload(&self, content_type: &str, body: impl Into<Body>) -> Answer {
        self.send(upload(content_type).header("x-api-key", KEY).body(body.into()).expect("a request")).await
    }

    pub(crate) async fn upload_json(&self, body: &Value) -> Answer {
        self.upload("application/json", body.to_string()).await
    }

    pub(crate) async fn upload_form(&self, form: &Form) -> Answer {
        self.upload(Form::CONTENT_TYPE, form.body()).await
    }

    /// Sends a request without a body.
    pub(crate) async fn ask(&self, request: axum::http::request::Builder) -> Answer {
        self.send(request.body(Body::empty()).expect("a request")).await
    }

    /// Sends a request with this body.
    pub(crate) async fn ask_with(&self, request: axum::http::request::Builder, body: impl Into<Body>) -> Answer {
        self.send(request.body(body.into()).expect("a request")).await
    }

    /// GET /api/v1/status with a key and this query.
    pub(crate) async fn status(&self, query: &str) -> Answer {
        self.send(
            get(&format!("/api/v1/status{query}")).header("x-api-key", KEY).body(Body::empty()).expect("a request"),
        )
        .await
    }
}

/// A request for the parameter set with this name, with a key.
pub(crate) fn params(method: Method, name: &str) -> axum::http::request::Builder {
    Request::builder().method(method).uri(format!("/api/v1/params/{name}")).header("x-api-key", KEY)
}

/// PUT of the parameter set with this name, as JSON and with a key.
pub(crate) fn put(name: &str) -> axum::http::request::Builder {
    params(Method::PUT, name).header("content-type", "application/json")
}

pub(crate) fn upload(content_type: &str) -> axum::http::request::Builder {
    Request::builder().method(Method::POST).uri("/api/v1/upload").header("content-type", content_type)
}

pub(crate) fn get(uri: &str) -> axum::http::request::Builder {
    Request::builder().uri(uri)
}

/// A response, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("a JSON body: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("{name} in {self:?}")).to_str().expect("text")
    }

    /// Asserts the status and the whole body, byte by byte.
    #[track_caller]
    pub(crate) fn is(&self, status: u16, body: &str) {
        assert_eq!((self.status.as_u16(), self.body.as_str()), (status, body));
    }

    /// Asserts a 422 with these details and nothing else.
    #[track_caller]
    pub(crate) fn is_invalid(&self, details: Value) {
        assert_eq!(self.status, StatusCode::UNPROCESSABLE_ENTITY, "{self:?}");
        assert_eq!(self.json(), serde_json::json!({ "error": "validation", "details": details }));
    }
}

/// Sends a request, and checks the invariants of every response.
pub(crate) async fn send(router: Router, request: Request<Body>) -> Answer {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let response = router.oneshot(request).await.expect("infallible");
    let (head, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.expect("a body");
    let body = String::from_utf8(body.to_vec()).expect("text");
    let answer = Answer { status: head.status, headers: head.headers, body };
    assert!(!answer.header("x-request-id").is_empty());
    if method != Method::HEAD && !answer.body.is_empty() && answer.header("content-type") == "application/json" {
        assert!(answer.json().is_object());
    }
    document::assert_describes(&method, &path, &answer);
    answer
}

/// A multipart body.
#[derive(Clone, Default)]
pub(crate) struct Form(Vec<u8>);

impl Form {
    pub(crate) const CONTENT_TYPE: &'static str = "multipart/form-data; boundary=XX";

    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn part(mut self, disposition: &str, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(format!("--XX\r\nContent-Disposition: form-data{disposition}\r\n\r\n").as_bytes());
        self.0.extend_from_slice(bytes);
        self.0.extend_from_slice(b"\r\n");
        self
    }

    pub(crate) fn text(self, name: &str, text: &str) -> Self {
        self.part(&format!("; name=\"{name}\""), text.as_bytes())
    }

    pub(crate) fn file(self, file_name: &str, bytes: &[u8]) -> Self {
        self.part(&format!("; name=\"file\"; filename=\"{file_name}\""), bytes)
    }

    pub(crate) fn mask(self, bytes: &[u8]) -> Self {
        self.part("; name=\"mask\"; filename=\"mask.png\"", bytes)
    }

    pub(crate) fn body(&self) -> Vec<u8> {
        [&self.0[..], b"--XX--\r\n"].concat()
    }
}
