//! Presigned links, against a server that checks signatures and expiry like S3, and acts as STS.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{Method, Response, StatusCode};
use bytes::Bytes;
use cutline_aws::{Aws, S3Bucket, S3Links};
use cutline_core::Variation;
use cutline_core::contract::{self, Download, samples};
use cutline_core::ports::{Blobs, Link, Links, PortError};
use cutline_core::{Clock, Ids, OutputFormat, StorageKey, SystemClock, SystemIds};
use jiff::{SignedDuration, Timestamp};
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};

use crate::common::Browser;
use crate::server::{aws, serve};

pub(crate) const KEY: &str = "AKIAFUNCTION";
pub(crate) const SECRET: &str = "the function's secret";
const SESSION_KEY: &str = "ASIADELIVERY";
const SESSION_SECRET: &str = "the session's secret";
pub(crate) const BUCKET: &str = "cutline-files";
const ROLE: &str = "arn:aws:iam::123456789012:role/delivery";

/// How STS answers a request for a session.
#[derive(Clone, Copy)]
pub(crate) enum Sts {
    /// A session that lasts this many minutes.
    Session(i64),
    /// A refusal, as if the role did not trust the caller.
    Denied,
    /// An internal error.
    Down,
}

pub(crate) struct World {
    pub(crate) aws: Aws,
    links: S3Links,
    pub(crate) bucket: S3Bucket,
    sts_calls: Arc<AtomicU32>,
    _files: tempfile::TempDir,
}

/// A clock that stands still.
pub(crate) struct FixedClock(pub(crate) Timestamp);

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        self.0
    }
}

impl World {
    pub(crate) async fn new(script: &'static [Sts], clock: impl Clock + 'static) -> Self {
        let files = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(files.path().join(BUCKET)).expect("a bucket");
        let mut auth = SimpleAuth::from_single(KEY, SECRET);
        auth.register(SESSION_KEY.to_owned(), SESSION_SECRET.into());
        let mut s3 = S3ServiceBuilder::new(s3s_fs::FileSystem::new(files.path()).expect("a store"));
        s3.set_auth(auth);
        let s3 = s3.build();
        let sts_calls = Arc::new(AtomicU32::new(0));
        let counter = sts_calls.clone();
        let root = files.path().to_owned();
        let handler = move |request: Request| {
            let (s3, counter, root) = (s3.clone(), counter.clone(), root.clone());
            async move {
                if request.method() == Method::POST && request.uri().path() == "/" {
                    let call = counter.fetch_add(1, Ordering::SeqCst) as usize;
                    sts(script[call.min(script.len() - 1)], request).await
                } else {
                    let path = root.join(request.uri().path().trim_start_matches('/'));
                    undo_refused_put(&path, request, |request| forward(s3, request)).await
                }
            }
        };
        let aws = aws(&serve(Router::new().fallback(handler)).await).await;
        let links = aws.links(BUCKET, ROLE, Arc::new(clock));
        Self { links, bucket: aws.bucket(BUCKET), aws, sts_calls, _files: files }
    }

    /// Stores a picture and signs a link to it.
    async fn link(&self) -> (Link, Bytes) {
        let key = output();
        let body = Bytes::from_static(b"a picture");
        self.bucket.put(&key, body.clone()).await.expect("put");
        (self.links.sign(&key, None).await.expect("sign"), body)
    }

    pub(crate) fn sts_calls(&self) -> u32 {
        self.sts_calls.load(Ordering::SeqCst)
    }
}

fn output() -> StorageKey {
    let (job, lease) = (SystemIds.job(), SystemIds.lease());
    StorageKey::Output { job, lease, variation: Variation::Background, format: OutputFormat::Png.into() }
}

/// This store compares the checksum of an object after it has stored it. S3 does so before.
async fn undo_refused_put<F: Future<Output = Response<Body>>>(
    path: &Path,
    request: Request,
    answer: impl FnOnce(Request) -> F,
) -> Response<Body> {
    let is_put = request.method() == Method::PUT;
    let before = std::fs::read(path).ok();
    let response = answer(request).await;
    if is_put && !response.status().is_success() {
        match before {
            Some(bytes) => std::fs::write(path, bytes).expect("restored"),
            None if path.exists() => std::fs::remove_file(path).expect("removed"),
            None => {}
        }
    }
    response
}

async fn forward(s3: S3Service, request: Request) -> Response<Body> {
    // The store takes only bodies that are buffered or come from the network as they are.
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.expect("a body");
    let answer = s3.call(Request::from_parts(parts, s3s::Body::from(body))).await.expect("an answer");
    answer.map(Body::new)
}

async fn sts(behavior: Sts, request: Request) -> Response<Body> {
    let form = to_bytes(request.into_body(), usize::MAX).await.expect("a body");
    let form = String::from_utf8(form.to_vec()).expect("a form");
    assert!(form.contains("Action=AssumeRole&") && form.contains("DurationSeconds=3600"), "{form}");
    let is_of = |role| form.contains(&format!("RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2F{role}&"));
    assert!(is_of("delivery") || is_of("upload"), "{form}");
    let (status, body) = match behavior {
        Sts::Session(minutes) => {
            let ends = Timestamp::now() + SignedDuration::from_mins(minutes);
            let ends = Timestamp::from_second(ends.as_second()).expect("a time");
            (
                StatusCode::OK,
                format!(
                    "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult>\
                     <Credentials><AccessKeyId>{SESSION_KEY}</AccessKeyId>\
                     <SecretAccessKey>{SESSION_SECRET}</SecretAccessKey><SessionToken>token/+=</SessionToken>\
                     <Expiration>{ends}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"
                ),
            )
        }
        Sts::Denied => (
            StatusCode::FORBIDDEN,
            "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code>\
             <Message>not authorized to perform: sts:AssumeRole</Message></Error></ErrorResponse>"
                .to_owned(),
        ),
        Sts::Down => (StatusCode::SERVICE_UNAVAILABLE, String::new()),
    };
    Response::builder().status(status).body(body.into()).expect("an answer")
}

#[tokio::test]
async fn links_keep_their_contract() {
    let world = World::new(&[Sts::Session(60)], SystemClock).await;
    contract::links(&world.links, &world.bucket, &Browser::new()).await;
    assert_eq!(world.sts_calls(), 1, "one session signs many links");
}

#[tokio::test]
async fn objects_keep_their_contract_where_signatures_are_checked() {
    let world = World::new(&[Sts::Session(60)], SystemClock).await;
    let key = output();
    assert_eq!(world.bucket.get(&key).await.expect("get"), None);
    assert!(world.bucket.put_new(&key, Bytes::from_static(b"first")).await.expect("put new"));
    assert!(!world.bucket.put_new(&key, Bytes::from_static(b"second")).await.expect("put new"));
    assert_eq!(world.bucket.get(&key).await.expect("get"), Some(Bytes::from_static(b"first")));
}

#[tokio::test]
async fn refuses_a_changed_link() {
    let world = World::new(&[Sts::Session(60)], SystemClock).await;
    let (link, body) = world.link().await;
    let (other, _) = world.link().await;
    let browser = Browser::new();
    assert_eq!(browser.get(&link.url).await.body, body, "the unchanged link");

    let mut changed = Vec::new();
    let mut url = link.url.clone();
    url.set_path(other.url.path());
    changed.push(("path", url));
    for (name, value) in link.url.query_pairs() {
        let mut url = link.url.clone();
        let others = link.url.query_pairs().filter(|(other, _)| *other != name);
        let flipped: String = match name.as_ref() {
            "X-Amz-Expires" => "604800".to_owned(),
            // Names the operation for logs; not signed.
            "x-id" => continue,
            _ => value.chars().rev().collect(),
        };
        url.query_pairs_mut().clear().extend_pairs(others).append_pair(&name, &flipped);
        changed.push(("a value", url));
    }
    assert!(changed.len() > 6, "{}", link.url);
    for (what, url) in changed {
        let answer = browser.get(&url).await;
        assert!(answer.status >= 400, "{what}: {} {url}", answer.status);
        assert_ne!(answer.body, body);
    }
}

#[tokio::test]
async fn refuses_an_expired_link() {
    let two_hours_ago = samples::now() - SignedDuration::from_hours(2);
    let world = World::new(&[Sts::Session(60)], FixedClock(two_hours_ago)).await;
    let (link, body) = world.link().await;
    let hour_ago = Timestamp::from_second(two_hours_ago.as_second() + 3600).expect("a time");
    assert_eq!(link.expires_at, hour_ago, "an hour at most, however long the session lasts");
    let answer = Browser::new().get(&link.url).await;
    assert_eq!(answer.status, 403);
    assert_ne!(answer.body, body);
}

#[tokio::test]
async fn a_link_expires_with_the_session_that_signed_it() {
    let world = World::new(&[Sts::Session(40)], SystemClock).await;
    let (link, body) = world.link().await;
    let left = link.expires_at.duration_since(samples::now());
    assert!(left > SignedDuration::from_mins(39) && left <= SignedDuration::from_mins(40), "{left:?}");
    assert_eq!(Browser::new().get(&link.url).await.body, body);
    world.link().await;
    assert_eq!(world.sts_calls(), 1, "40 minutes are plenty");
}

#[tokio::test]
async fn a_call_renews_an_old_session() {
    let world = World::new(&[Sts::Session(29), Sts::Session(60)], SystemClock).await;
    let (first, _) = world.link().await;
    let (second, _) = world.link().await;
    assert_eq!(world.sts_calls(), 2);
    assert!(second.expires_at.duration_since(first.expires_at) > SignedDuration::from_mins(25));
    world.link().await;
    assert_eq!(world.sts_calls(), 2, "the new one is kept");
}

#[tokio::test]
async fn keeps_using_the_old_session_if_the_renewal_fails() {
    let world = World::new(&[Sts::Session(20), Sts::Denied], SystemClock).await;
    let (first, _) = world.link().await;
    let (second, body) = world.link().await;
    assert!(world.sts_calls() > 1, "a renewal was attempted");
    assert_eq!(first.expires_at, second.expires_at);
    assert_eq!(Browser::new().get(&second.url).await.body, body);
}

#[tokio::test]
async fn concurrent_calls_share_one_session() {
    let world = World::new(&[Sts::Session(60)], SystemClock).await;
    let keys: Vec<_> = (0..16).map(|_| output()).collect();
    let links = futures::future::join_all(keys.iter().map(|key| world.links.sign(key, None))).await;
    assert!(links.iter().all(Result::is_ok));
    assert_eq!(world.sts_calls(), 1);
}

#[tokio::test]
async fn signing_fails_without_a_session() {
    let refused = World::new(&[Sts::Denied], SystemClock).await;
    let error = refused.links.sign(&output(), None).await.expect_err("refused");
    assert!(matches!(&error, PortError::Fail(_)) && error.to_string().contains("sts:AssumeRole"), "{error}");

    let down = World::new(&[Sts::Down], SystemClock).await;
    assert!(matches!(down.links.sign(&output(), None).await, Err(PortError::Retry(_))));
    assert!(down.sts_calls() > 1, "it was retried");

    let short = World::new(&[Sts::Session(10)], SystemClock).await;
    assert!(matches!(short.links.sign(&output(), None).await, Err(PortError::Retry(_))), "too short for a link");
}

#[tokio::test]
async fn browsers_save_a_file_under_a_unique_name() {
    let world = World::new(&[Sts::Session(60)], SystemClock).await;
    let key = output();
    let StorageKey::Output { job, .. } = key else { unreachable!("an output") };
    world.bucket.put(&key, Bytes::from_static(b"a picture")).await.expect("put");
    let link = world.links.sign(&key, None).await.expect("sign");
    let answer = Browser::new().0.get(link.url).send().await.expect("an answer");
    let disposition = answer.headers()["content-disposition"].to_str().expect("text");
    assert_eq!(disposition, format!("inline; filename=\"{job}-background.png\""));
}
