//! The client against real servers on loopback addresses.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use cutline_core::contract::samples;
use cutline_core::domain::audit::Actor;
use cutline_core::domain::decision::DraftRevision;
use cutline_core::domain::job::{Job, ReportId};
use cutline_core::domain::outcome::RECUT;
use cutline_core::domain::subject::{Holes, SubjectChanges};
use cutline_core::domain::webhook::{WebhookEvent, WebhookEventKind, WebhookUrl};
use cutline_core::domain::webhook_secret::WebhookSecret;
use cutline_core::ports::Link;
use cutline_core::{FailureCode, Fault, Ids as _, Policy, SystemIds, Variation};
use futures::FutureExt as _;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// A server that sends `reply` and then keeps the connection open.
struct Server {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn start(reply: &'static str) -> Self {
        let listener = TcpListener::bind((LOOPBACK, 0)).await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let requests = Arc::new(Mutex::new(Vec::new()));
        let noted = requests.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let noted = noted.clone();
                tokio::spawn(async move {
                    let mut request = Vec::new();
                    let mut buffer = [0; 4096];
                    while let Ok(read @ 1..) = stream.read(&mut buffer).await {
                        request.extend_from_slice(&buffer[..read]);
                        if is_complete(&request) {
                            break;
                        }
                    }
                    noted.lock().expect("not poisoned").push(String::from_utf8_lossy(&request).into_owned());
                    let _ = stream.write_all(reply.as_bytes()).await;
                    std::future::pending::<()>().await;
                });
            }
        });
        Self { address, requests }
    }

    fn url(&self) -> String {
        format!("http://{}/hook?token=secret", self.address)
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().expect("not poisoned").clone()
    }
}

fn is_complete(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_ascii_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).and_then(|text| text.parse().ok());
    length.is_some_and(|length: usize| body.len() >= length)
}

fn failed_job() -> Job {
    let fault = Fault::fail(FailureCode::NoSubject, "nothing there");
    let job = samples::job(&samples::owner(), false);
    job.expire(fault.failure().clone(), samples::now(), &Policy::default()).expect("ends").job
}

fn secret() -> WebhookSecret {
    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse().expect("a secret")
}

fn webhook(url: &str) -> OutgoingWebhook {
    let job = failed_job();
    OutgoingWebhook {
        id: ReportId::webhook(job.id),
        url: WebhookUrl::try_from(url.to_owned()).expect("a URL"),
        event: WebhookEvent {
            kind: WebhookEventKind::JobFailed,
            at: "2026-01-02T03:04:05.678Z".parse().expect("a time"),
        },
        job,
        links: BTreeMap::new(),
        assets: BTreeMap::new(),
        secrets: vec![secret(), WebhookSecret::generate().expect("random")],
        sent_at: Timestamp::from_second(1_800_000_000).expect("a time"),
    }
}

fn open_client() -> HttpWebhooks {
    HttpWebhooks::new(WebhookReach::Private).expect("a client")
}

async fn sent(reply: &'static str) -> WebhookResult {
    open_client().send(webhook(&Server::start(reply).await.url())).await
}

#[tokio::test]
async fn sends_the_status_signed_by_every_secret() {
    let server = Server::start("HTTP/1.1 204 No Content\r\n\r\n").await;
    let webhook = webhook(&server.url());
    let (id, job) = (webhook.id.clone(), webhook.job.clone());
    let result = open_client().send(webhook).await;
    assert_eq!(result, WebhookResult { status: Some(204), verdict: WebhookVerdict::Delivered });
    let request = server.requests().remove(0);
    let (head, body) = request.split_once("\r\n\r\n").expect("a head");
    assert!(head.starts_with("POST /hook?token=secret HTTP/1.1\r\n"), "{head}");
    let header = |name: &str| -> String {
        let prefix = format!("{name}: ");
        let found = head.lines().find_map(|line| line.strip_prefix(&prefix));
        found.unwrap_or_else(|| panic!("{name} in {head}")).to_owned()
    };
    assert_eq!(header("webhook-id"), id.to_string());
    assert_eq!((header("webhook-timestamp"), header("content-type")), ("1800000000".into(), "application/json".into()));
    let signatures = header("webhook-signature");
    let at = Timestamp::from_second(1_800_000_000).expect("a time");
    assert_eq!(signatures.split(' ').next(), Some(secret().sign(id.as_str(), at, body.as_bytes()).as_str()));
    assert_eq!(signatures.split(' ').count(), 2);
    let body: Value = serde_json::from_str(body).expect("JSON");
    let status = StatusBody::new(JobView { job, links: BTreeMap::new(), assets: BTreeMap::new() }).expect("a status");
    let expected = serde_json::json!({
        "type": "job.failed", "timestamp": "2026-01-02T03:04:05.678Z",
        "data": serde_json::to_value(status).expect("serializes"),
    });
    assert_eq!(body, expected);
    assert!(!head.contains("authorization") && !head.contains("accept-encoding"), "{head}");
}

/// A job that is held for review, and the same one after a recut of it has failed.
fn held_jobs() -> (Job, Job) {
    let queued = samples::reviewed_job(&samples::owner(), false);
    // Not before the job is due.
    let (now, policy) = (samples::now(), Policy::default());
    let claim = |job: Job| {
        let token = SystemIds.lease();
        (job.claim(token, now, &policy).expect("claimed").job, token)
    };
    let (running, token) = claim(queued);
    let outcome = samples::outcome(running.id, token);
    let held = running.finish(token, outcome, now, &policy).expect("held").job;
    let changes = SubjectChanges { holes: Some(Holes::Keep), ..SubjectChanges::default() };
    let recut = held.clone().recut(DraftRevision::FIRST, changes, Actor::CommandLine, now, &policy);
    let (running, token) = claim(recut.expect("accepted").job);
    let fault = Fault::fail(FailureCode::MaskMismatch, "the mask has another size");
    (held, running.give_up(token, fault, now, &policy).expect("held again").job)
}

#[test]
fn a_recut_that_fails_does_not_change_the_payload() {
    let (held, back) = held_jobs();
    assert!(back.outcome().expect("a draft").warnings.contains_key(RECUT), "{back:?}");
    let sent_at = Timestamp::from_second(1_800_000_000).expect("a time");
    let sent = |job: &Job| {
        let (report, delivery) = job.webhook().expect("a webhook");
        let link = Link { url: "https://example.com/a.webp".parse().expect("a URL"), expires_at: sent_at };
        let webhook = OutgoingWebhook {
            id: report.id.clone(),
            url: delivery.url.clone(),
            event: delivery.event.expect("an event"),
            job: job.clone(),
            links: BTreeMap::from([(Variation::Background, link)]),
            assets: BTreeMap::new(),
            secrets: vec![secret()],
            sent_at,
        };
        let (headers, body) = signed(webhook).expect("a status");
        (headers[WEBHOOK_ID].clone(), String::from_utf8(body).expect("text"))
    };
    let (id, body) = sent(&held);
    assert_eq!(sent(&back), (id, body.clone()));
    let body: Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!(body["type"], "job.review");
    assert_eq!(body["data"]["status"], "pending_review");
    assert!(body["data"]["warnings"]["background"].is_array(), "other warnings stay: {body}");
}

#[tokio::test]
async fn an_answer_is_judged_by_its_status_alone() {
    let verdict = |result: &WebhookResult| match &result.verdict {
        WebhookVerdict::Delivered => "delivered".to_owned(),
        WebhookVerdict::Gone => "gone".to_owned(),
        WebhookVerdict::Failed { error, retry_after } => format!("{error} {retry_after:?}"),
    };
    let cases = [
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfalse", 200, "delivered"),
        // The body never ends.
        ("HTTP/1.1 202 Accepted\r\nContent-Length: 500\r\n\r\n", 202, "delivered"),
        ("HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n", 410, "gone"),
        (
            "HTTP/1.1 301 Moved\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
            301,
            "the receiver answered with status 301 Moved Permanently; redirects are not followed None",
        ),
        (
            "HTTP/1.1 503 Busy\r\nRetry-After: 120\r\nContent-Length: 0\r\n\r\n",
            503,
            "the receiver answered with status 503 Service Unavailable Some(120s)",
        ),
        (
            "HTTP/1.1 404 No\r\nRetry-After: soon\r\nContent-Length: 0\r\n\r\n",
            404,
            "the receiver answered with status 404 Not Found None",
        ),
    ];
    for (reply, status, expected) in cases {
        let result = sent(reply).await;
        assert_eq!((result.status, verdict(&result).as_str()), (Some(status), expected), "{reply}");
    }
}

/// The error of a send that got no answer.
async fn error(client: &HttpWebhooks, url: &str) -> String {
    let result = client.send(webhook(url)).await;
    assert_eq!(result.status, None, "{url}");
    match result.verdict {
        WebhookVerdict::Failed { error, retry_after: None } => {
            assert!(!error.contains("127.0.0") && !error.contains("secret"), "{error}");
            error
        }
        verdict => panic!("{url}: {verdict:?}"),
    }
}

#[tokio::test]
async fn connects_to_public_addresses_only() {
    let server = Server::start("HTTP/1.1 204 No Content\r\n\r\n").await;
    let closed = HttpWebhooks::new(WebhookReach::Public).expect("a client");
    let https = server.url().replace("http:", "https:");
    assert_eq!(error(&closed, &https).await, FORBIDDEN);
    assert_eq!(error(&closed, "https://169.254.169.254/").await, FORBIDDEN);
    assert_eq!(error(&open_client(), "http://169.254.169.254/").await, FORBIDDEN, "not even for trials");
    assert_eq!(error(&closed, &server.url()).await, "the URL is not https");
    assert!(server.requests().is_empty());

    // The name's addresses, as they are at the time of the send.
    let addresses = Arc::new(Mutex::new(vec![IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254))]));
    let answers = addresses.clone();
    let lookup: Lookup = Arc::new(move |_| {
        let found = answers.lock().expect("not poisoned").clone();
        async move { Ok(found) }.boxed()
    });
    let policy = AddressPolicy::new(|address| address == LOOPBACK);
    let client = HttpWebhooks::with(WebhookReach::Private, policy, lookup).expect("a client");
    let named = format!("http://rebinding.example:{}/", server.address.port());
    assert_eq!(error(&client, &named).await, FORBIDDEN);
    *addresses.lock().expect("not poisoned") = vec![LOOPBACK];
    assert_eq!(client.send(webhook(&named)).await.verdict, WebhookVerdict::Delivered);
}

#[tokio::test]
async fn a_receiver_that_does_not_answer_is_given_up_in_time() {
    let server = Server::start("").await;
    let client = HttpWebhooks { timeout: Duration::from_millis(300), ..open_client() };
    assert_eq!(error(&client, &server.url()).await, "the receiver did not answer within 0.3 s");
    let trickle = Server::start("HTTP/1.1 200 OK\r\nX-Slow: ").await;
    assert_eq!(error(&client, &trickle.url()).await, "the receiver did not answer within 0.3 s");
    assert_eq!(TIMEOUT, Duration::from_secs(15));
    let client = open_client();
    assert_eq!(error(&client, "http://127.0.0.1:1/").await, "the receiver could not be found or connected to");
    let no_http = Server::start("HELLO\r\n\r\n").await;
    assert_eq!(error(&client, &no_http.url()).await, "the receiver closed the connection or did not speak HTTP");
}

/// The body ends after the time for an answer, if at all.
#[tokio::test]
async fn an_answer_in_time_counts_whatever_its_body_takes() {
    let client = HttpWebhooks { timeout: MAX_DRAIN - Duration::from_millis(100), ..open_client() };
    for (reply, status, expected) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n", 200, WebhookVerdict::Delivered),
        ("HTTP/1.1 410 Gone\r\nContent-Length: 500\r\n\r\n", 410, WebhookVerdict::Gone),
    ] {
        let result = client.send(webhook(&Server::start(reply).await.url())).await;
        assert_eq!(result, WebhookResult { status: Some(status), verdict: expected }, "{reply}");
    }
}

#[test]
fn retry_after_is_seconds_or_a_date() {
    let now: Timestamp = "2026-11-29T12:00:00Z".parse().expect("a time");
    let wait = |text: &'static str| wait_of(&HeaderValue::from_static(text), now);
    assert_eq!(wait("120"), Some(Duration::from_secs(120)));
    assert_eq!(wait("Sun, 29 Nov 2026 12:01:00 GMT"), Some(Duration::from_secs(60)));
    for text in ["Sun, 29 Nov 2026 11:00:00 GMT", "soon", "-1", "", "1.5"] {
        assert_eq!(wait(text), None, "{text}");
    }
}
