//! The ports' contract suite.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cutline_core::SystemClock;
use cutline_core::contract::{self, Download, Downloaded, QueueUnderTest, SetLimit};
use cutline_core::domain::file_name::content_disposition;
use cutline_core::ports::Blobs as _;
use cutline_local::{LinkSecret, LinkedFile, LocalFiles, LocalLinks, LocalReportQueue, LocalWebhooks, QueueSettings};
use url::Url;

use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn jobs() {
    let world = World::new();
    contract::jobs(&world.jobs(), &world.keys()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn job_lists() {
    let world = World::new();
    contract::job_lists(&world.jobs()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn job_files() {
    let world = World::new();
    let files = world.files();
    contract::job_files(&files, &files).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys() {
    let world = World::new();
    contract::keys(&world.keys()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn owner_webhooks() {
    let world = World::new();
    contract::owner_webhooks(&LocalWebhooks::new(world.database.clone()), &world.keys()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn report_queue() {
    let world = World::new();
    let visibility = Duration::from_secs(1);
    let queue = LocalReportQueue::new(world.database.clone(), Arc::new(SystemClock)).with_visibility(visibility);
    contract::report_queue(&queue, &queue, visibility).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rate_counters() {
    contract::rate_counters(&World::new().rate_counters()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn usage() {
    let world = World::new();
    contract::usage(&world.jobs(), &world.usage()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn audit() {
    let world = World::new();
    contract::audit(&world.audit(), &world.jobs(), &world.keys()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sets() {
    contract::sets(&World::new().sets(), SetLimit::Exact).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn identities() {
    let world = World::new();
    contract::identities(&world.identities(), &world.jobs(), &world.keys()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn equal_requests() {
    let world = World::new();
    let (identities, jobs, keys) = (world.identities(), world.jobs(), world.keys());
    contract::equal_requests(Arc::new(identities), Arc::new(jobs), Arc::new(keys)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn storage_usage() {
    let world = World::new();
    contract::storage_usage(&world.jobs(), &world.jobs(), &world.identities()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn queue() {
    let world = World::new();
    let settings = QueueSettings { visibility: Duration::from_secs(1), max_receives: 3, ..QueueSettings::default() };
    let queues = world.queues(settings);
    let under_test = QueueUnderTest {
        queue: &*queues.jobs,
        deliveries: &*queues.jobs,
        intake: &*queues.intake,
        dead_letters: &*queues.dead_letters,
        visibility: settings.visibility,
        max_receives: settings.max_receives,
        exclusive: true,
    };
    contract::queue(under_test).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn blobs() {
    let world = World::new();
    contract::blobs(&world.files()).await;
}

/// Follows links without an HTTP server. The end-to-end tests follow them over HTTP.
struct InProcess {
    links: LocalLinks,
    files: LocalFiles,
}

#[async_trait]
impl Download for InProcess {
    async fn get(&self, url: &Url) -> Downloaded {
        let path_and_query = &url[url::Position::BeforePath..];
        let failed =
            |status| Downloaded { status, content_type: None, content_disposition: None, body: Default::default() };
        let Ok(LinkedFile { key, name }) = self.links.verify(path_and_query) else { return failed(403) };
        let content_disposition = name.as_deref().map(content_disposition);
        match self.files.get(&key).await.expect("the store answers") {
            Some(body) => {
                let content_type = Some(key.content_type().to_owned());
                Downloaded { status: 200, content_type, content_disposition, body }
            }
            None => failed(404),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn links() {
    let world = World::new();
    let secret = LinkSecret::open(&world.folder).expect("a secret");
    let base = "http://127.0.0.1:8787".parse().expect("a URL");
    let links = LocalLinks::new(secret, base, Arc::new(SystemClock));
    let client = InProcess { links: links.clone(), files: world.files() };
    contract::links(&links, &world.files(), &client).await;
}
