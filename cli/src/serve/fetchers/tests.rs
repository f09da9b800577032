use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use cutline_core::domain::job::{JobSpec, JobStage, Source};
use cutline_core::domain::message::Message;
use cutline_core::ports::{Destination, Jobs as _, Queue as _, SourceFetcher};
use cutline_core::testing::{MemoryBlobs, MemorySets, MemoryStore, MemoryUploads};
use cutline_core::usecases::{Env, IntakePorts, RecordStores, UseCases};
use cutline_core::{Clock as _, Fault, Ids as _, Job, Policy, SourceUrl, SystemClock, SystemIds};
use cutline_local::{Database, LocalReportQueue, QueueSettings, Queues};
use tokio::time::{Instant, timeout};

use super::*;

/// Hosts that drip for ever, and others that answer at once.
#[derive(Default)]
struct Hosts {
    dripping: AtomicUsize,
    most_dripping: AtomicUsize,
}

#[async_trait]
impl SourceFetcher for Hosts {
    async fn fetch(&self, url: &SourceUrl) -> Result<Bytes, Fault> {
        if url.to_string().contains("slow") {
            let now = self.dripping.fetch_add(1, Ordering::SeqCst) + 1;
            self.most_dripping.fetch_max(now, Ordering::SeqCst);
            std::future::pending::<()>().await;
        }
        Ok(Bytes::from_static(b"photo"))
    }
}

struct World {
    store: Arc<MemoryStore>,
    queues: Queues,
    hosts: Arc<Hosts>,
    intake: Intake,
    _folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let database = Database::open(&folder.path().join("test.db")).expect("a database");
        let queues = Queues::new(database.clone(), Arc::new(SystemClock), QueueSettings::default());
        let (store, hosts) = (Arc::new(MemoryStore::new()), Arc::<Hosts>::default());
        let stores = RecordStores {
            jobs: store.clone(),
            identities: store.clone(),
            keys: store.clone(),
            sets: Arc::new(MemorySets::new()),
            rates: store.clone(),
            usage: store.clone(),
            audit: store.clone(),
        };
        let use_cases = UseCases { env: Env::system(Policy::default()), stores };
        let blobs = Arc::new(MemoryBlobs::new());
        let intake = use_cases.intake(IntakePorts {
            blobs: blobs.clone(),
            uploads: Arc::new(MemoryUploads::new(Arc::new(SystemClock), blobs)),
            fetcher: hosts.clone(),
            queue: queues.jobs.clone(),
            reports: Arc::new(LocalReportQueue::new(database, Arc::new(SystemClock))),
            drops: None,
        });
        Self { store, queues, hosts, intake, _folder: folder }
    }

    async fn submit(&self, owner: &str, url: &str) -> Job {
        let spec = JobSpec {
            mode: Default::default(),
            delivery: Default::default(),
            format: None,
            rendering: Default::default(),
            set: None,
            source: Source::Url(url.parse().expect("a URL")),
            subject: Default::default(),
            mask: None,
            external_id: None,
            metadata: None,
            review: Default::default(),
            previews: false,
            output_name: None,
            source_name: None,
            warnings: Default::default(),
        };
        let owner = owner.parse().expect("an owner");
        let job = Job::new(SystemIds.job(), owner, spec, SystemClock.now(), &Policy::default()).awaiting_intake();
        self.store.create(&job).await.expect("create");
        let message = Message { job_id: job.id };
        self.queues.jobs.send(&message, Destination::of(&job), Duration::ZERO).await.expect("send");
        job
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_hosts_of_one_owner_delay_no_other_owner() {
    let world = World::new();
    let (request, stop) = StopSignal::manual();
    let fetchers = Fetchers::new(world.queues.intake.clone(), world.intake.clone(), None, Duration::from_secs(25));
    for number in 0..20 {
        world.submit("a", &format!("https://example.com/slow-{number}.jpg")).await;
    }
    let running = tokio::spawn(fetchers.run(stop));
    while world.hosts.dripping.load(Ordering::SeqCst) < 4 {
        sleep(Duration::from_millis(5)).await;
    }
    let begun = Instant::now();
    let job = world.submit("b", "https://example.com/quick.jpg").await;
    while world.store.get(job.id).await.expect("get").expect("a job").stage() != Some(JobStage::Make) {
        // The hosts of a never answer, and fetchers look for messages once a minute.
        assert!(begun.elapsed() < Duration::from_secs(50), "b waits for a's hosts");
        sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(world.hosts.most_dripping.load(Ordering::SeqCst), 4, "an owner has four places");

    // At a stop, running fetches have their grace; nothing new begins.
    request.send(true).expect("is heard");
    sleep(Duration::from_millis(50)).await;
    let late = world.submit("b", "https://example.com/late.jpg").await;
    assert!(timeout(Duration::from_millis(200), running).await.is_err(), "fetches are running");
    let late = world.store.get(late.id).await.expect("get").expect("a job");
    assert_eq!((late.stage(), late.attempts), (Some(JobStage::Intake), 0));
}
