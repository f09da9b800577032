//! Receivers of webhooks in memory, and jobs that report to them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use cutline_core::domain::job::{Job, ReportStatus, WebhookResult, WebhookVerdict};
use cutline_core::domain::webhook::WebhookUrl;
use cutline_core::ports::{Clock, OutgoingWebhook, WebhookClient};
use cutline_core::testing::ManualClock;
use cutline_core::usecases::{Submission, SubmittedSource, WebhookSettings};
use jiff::Timestamp;
use tokio::sync::Semaphore;

use crate::world::{FaultInjector, World};

/// How a receiver answers a send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    Accepts,
    Fails,
    RetryAfter(Duration),
    Gone,
    /// Never, until the test lets it: the send then fails.
    Hangs,
}

/// A webhook as a receiver got it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Received {
    pub(crate) id: String,
    pub(crate) host: String,
    pub(crate) at: Timestamp,
    /// All that has to be equal at every send.
    pub(crate) payload: String,
    pub(crate) signatures: usize,
    pub(crate) accepted: bool,
}

/// All receivers, by the first label of their host: `down.example` fails, unless a test says otherwise.
pub(crate) struct Receivers {
    clock: Arc<ManualClock>,
    answers: Mutex<BTreeMap<String, Answer>>,
    received: Mutex<Vec<Received>>,
    in_progress: Mutex<BTreeMap<String, (usize, usize)>>,
    /// Lets hanging sends end.
    pub(crate) release: Semaphore,
}

impl Receivers {
    pub(crate) fn new(clock: Arc<ManualClock>) -> Self {
        Self {
            clock,
            answers: Mutex::default(),
            received: Mutex::default(),
            in_progress: Mutex::default(),
            release: Semaphore::new(0),
        }
    }

    pub(crate) fn answer(&self, host: &str, answer: Answer) {
        self.answers.lock().expect("not poisoned").insert(host.to_owned(), answer);
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.received.lock().expect("not poisoned").clone()
    }

    /// The ids that this host accepted.
    pub(crate) fn accepted(&self, host: &str) -> BTreeSet<String> {
        self.received().into_iter().filter(|one| one.accepted && one.host == host).map(|one| one.id).collect()
    }

    /// The most sends that this host had in progress at once.
    pub(crate) fn most_at_once(&self, host: &str) -> usize {
        self.in_progress.lock().expect("not poisoned").get(host).map_or(0, |(_, most)| *most)
    }

    fn answer_of(&self, host: &str) -> Answer {
        self.answers.lock().expect("not poisoned").get(host).cloned().unwrap_or(Answer::Accepts)
    }
}

#[async_trait]
impl WebhookClient for Receivers {
    async fn send(&self, webhook: OutgoingWebhook) -> WebhookResult {
        let (host, at) = (webhook.url.host(), self.clock.now());
        let answer = self.answer_of(&host);
        {
            let mut hosts = self.in_progress.lock().expect("not poisoned");
            let (now, most) = hosts.entry(host.clone()).or_default();
            *now += 1;
            *most = (*most).max(*now);
        }
        let payload = format!("{:?} {:?} {}", webhook.event, webhook.job.state, webhook.job.id);
        let accepted = answer == Answer::Accepts;
        let (id, signatures) = (webhook.id.to_string(), webhook.secrets.len());
        self.received.lock().expect("not poisoned").push(Received {
            id,
            host: host.clone(),
            at,
            payload,
            signatures,
            accepted,
        });
        tokio::task::yield_now().await;
        let result = match answer {
            Answer::Accepts => WebhookResult { status: Some(204), verdict: WebhookVerdict::Delivered },
            Answer::Gone => WebhookResult { status: Some(410), verdict: WebhookVerdict::Gone },
            Answer::Fails => failed(Some(500), None),
            Answer::RetryAfter(wait) => failed(Some(503), Some(wait)),
            Answer::Hangs => {
                self.release.acquire().await.expect("open").forget();
                failed(None, None)
            }
        };
        self.in_progress.lock().expect("not poisoned").entry(host).or_default().0 -= 1;
        result
    }
}

fn failed(status: Option<u16>, retry_after: Option<Duration>) -> WebhookResult {
    WebhookResult { status, verdict: WebhookVerdict::Failed { error: "no".to_owned(), retry_after } }
}

// ---- jobs that report to them

pub(crate) const MINUTE: Duration = Duration::from_secs(60);
pub(crate) const HOUR: Duration = Duration::from_secs(3600);
pub(crate) const GOOD: &str = "good.example";
pub(crate) const DOWN: &str = "down.example";
pub(crate) const SLOW: &str = "slow.example";

pub(crate) fn url(host: &str) -> WebhookUrl {
    format!("https://{host}/hook?token=a").try_into().expect("a URL")
}

pub(crate) fn settings(world: &World) -> WebhookSettings {
    let env = world.env();
    WebhookSettings { store: world.store.clone(), env }
}

/// A world whose owner has a secret.
pub(crate) async fn world() -> World {
    let world = World::new(None).await;
    settings(&world).rotate(&world.owner).await.expect("rotates");
    world
}

/// Submits a job with a webhook to this host.
pub(crate) async fn submitted(world: &World, host: &str) -> Job {
    let submission = world.submission(SubmittedSource::Bytes(Bytes::from_static(b"photo")));
    world.accepted(Submission { webhook_url: Some(url(host)), ..submission }).await
}

/// Submits a job, lets a worker end it, and its sender handle the first message.
pub(crate) async fn ended(world: &World, host: &str) -> Job {
    let job = submitted(world, host).await;
    world.work(&FaultInjector::none()).await;
    world.job(job.id).await
}

/// Lets time pass, with senders every second at first and a sweep every minute.
pub(crate) async fn pass(world: &World, time: Duration) {
    let end = world.clock.now() + time;
    let begun = world.clock.now();
    let mut swept_at = begun;
    while world.clock.now() < end {
        while world.report(&FaultInjector::none()).await == 10 {}
        if world.clock.now() >= swept_at + MINUTE {
            world.swept(&FaultInjector::none()).await;
            swept_at = world.clock.now();
        }
        let is_early = world.clock.now() < begun + 10 * MINUTE;
        world.clock.advance(Duration::from_secs(if is_early { 1 } else { 20 }));
    }
}

pub(crate) fn status(job: &Job) -> ReportStatus {
    job.webhook().expect("a webhook").0.status
}

/// Asserts that every id has one payload.
pub(crate) fn payloads_are_equal(received: &[Received]) {
    let mut payloads = BTreeMap::new();
    for one in received {
        let first = payloads.entry(&one.id).or_insert(&one.payload);
        assert_eq!(*first, &one.payload);
    }
}
