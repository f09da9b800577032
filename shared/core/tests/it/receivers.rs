//! Receivers of webhooks in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use cutline_core::domain::job::{WebhookResult, WebhookVerdict};
use cutline_core::ports::{Clock, OutgoingWebhook, WebhookClient};
use cutline_core::testing::ManualClock;
use jiff::Timestamp;
use tokio::sync::Semaphore;

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
