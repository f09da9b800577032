//! A deployment: its stores, queues, functions and triggers, with the settings of `template.yaml`.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use cutline_core::contract::samples;
use cutline_core::domain::job::{JobStage, Route};
use cutline_core::domain::keys::Owner;
use cutline_core::domain::lane::Lane;
use cutline_core::domain::webhook_secret::{WebhookSecret, WebhookSecrets};
use cutline_core::ports::{Jobs, OwnerWebhooks};
use cutline_core::testing::{
    MemoryBlobs, MemoryDropFiles, MemoryLinks, MemorySets, MemoryStore, MemoryUploads, SequentialIds,
};
use cutline_core::usecases::{
    self, DirectUpload, DropWait, Env, Intake, IntakePorts, Process, RecordStores, ReportSender, Submit, SweptFiles,
    UploadStores, UseCases, Workshop,
};
use cutline_core::{Clock, OwnerId, Policy};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};

use crate::clock::SimClock;
use crate::delays::Delay;
use crate::functions::{IntakeCode, ProcessCode, SweepCode, SweepTotals};
use crate::lambda::{Code, Event, Function, FunctionRules, Trigger};
use crate::ledger::Ledger;
use crate::network::Network;
use crate::outside::{Hosts, Makers, QueueTimes, Receivers};
use crate::ports::{Lanes, Remote};
use crate::random::Random;
use crate::records::Records;
use crate::settings::Settings;
use crate::sqs::{Rules, SimQueue};

/// The credits that each owner begins with.
pub(crate) const CREDITS: u64 = 10_000_000;

/// What the process function does in addition to making the pictures: calls to the stores.
const CALLS: Duration = Duration::from_millis(200);

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The owners: of the dropped files, of the live jobs, and of other bulk jobs.
pub(crate) struct Owners {
    pub(crate) archive: OwnerId,
    pub(crate) shop: OwnerId,
    pub(crate) other: OwnerId,
}

impl Owners {
    pub(crate) fn all(&self) -> [&OwnerId; 3] {
        [&self.archive, &self.shop, &self.other]
    }
}

/// The queues.
pub(crate) struct Queues {
    pub(crate) lanes: Arc<Lanes>,
    pub(crate) reports: Arc<SimQueue>,
    pub(crate) dead_letters: Arc<SimQueue>,
    pub(crate) parking: Arc<SimQueue>,
}

impl Queues {
    pub(crate) fn all(&self) -> Vec<&Arc<SimQueue>> {
        self.lanes.queues.iter().chain([&self.reports, &self.dead_letters, &self.parking]).collect()
    }
}

/// The functions that work on queues.
pub(crate) struct Functions {
    pub(crate) process: Arc<Function>,
    pub(crate) intake: Arc<Function>,
    pub(crate) sweep: Arc<Function>,
}

impl Functions {
    pub(crate) fn all(&self) -> [&Arc<Function>; 3] {
        [&self.process, &self.intake, &self.sweep]
    }
}

/// The deployment.
pub(crate) struct World {
    pub(crate) clock: SimClock,
    pub(crate) owners: Owners,
    pub(crate) network: Arc<Network>,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) drop_files: Arc<MemoryDropFiles>,
    pub(crate) upload_objects: Arc<MemoryUploads>,
    pub(crate) queues: Queues,
    pub(crate) functions: Functions,
    pub(crate) account: Arc<Semaphore>,
    pub(crate) submit: Submit,
    pub(crate) direct_upload: DirectUpload,
    pub(crate) queue_times: Arc<QueueTimes>,
    pub(crate) sweeps: Arc<SweepTotals>,
}

/// The queues, with the settings of the template.
fn queues(settings: &Settings, random: &Arc<Random>, network: &Arc<Network>) -> Queues {
    let rules = |seconds, days: u32, max_receives| Rules {
        visibility: Duration::from_secs(seconds),
        retention: days * DAY,
        max_receives,
        is_fair: settings.has_fair_queues,
        duplicates: settings.duplicates,
    };
    let queue = |name, rules, dead: Option<&Arc<SimQueue>>| SimQueue::new(name, rules, dead.cloned(), random.clone());
    let dead_letters = queue("dead letters", rules(330, 14, u32::MAX), None);
    let dead = Some(&dead_letters);
    let lanes = Route::ALL.map(|Route { lane, stage }| match (stage, lane) {
        (JobStage::Make, Lane::Live) => queue("make-live", rules(720, 10, 20), dead),
        (JobStage::Make, Lane::Bulk) => queue("make-bulk", rules(720, 10, 20), dead),
        (JobStage::Intake, Lane::Live) => queue("intake-live", rules(360, 10, 20), dead),
        (JobStage::Intake, Lane::Bulk) => queue("intake-bulk", rules(360, 10, 1_000), dead),
    });
    Queues {
        lanes: Arc::new(Lanes { queues: lanes, network: network.clone() }),
        reports: queue("reports", rules(330, 4, 1_000), dead),
        parking: queue("parking", rules(30, 14, u32::MAX), None),
        dead_letters,
    }
}

async fn owners(store: &MemoryStore, clock: &SimClock) -> Owners {
    let owner = |name: &str| name.parse::<OwnerId>().expect("a name");
    let owners = Owners { archive: owner("archive"), shop: owner("shop"), other: owner("other") };
    for id in owners.all() {
        samples::put_owner(store, &Owner { credits: Some(CREDITS), ..Owner::unlimited(id.clone()) }).await;
    }
    let secret = WebhookSecret::generate().expect("randomness");
    let secrets = WebhookSecrets::default().rotated(secret, clock.now());
    store.put_webhook_secrets(&owners.shop, &secrets).await.expect("stored");
    let url = String::from("https://hooks.example.com/cutline").try_into().expect("a URL");
    store.set_webhook_url(&owners.shop, Some(&url)).await.expect("stored");
    owners
}

impl World {
    /// Deploys.
    pub(crate) async fn new(settings: &Settings) -> Arc<Self> {
        let clock = SimClock::start();
        let random = Arc::new(Random::new(settings.seed));
        let network = Arc::new(Network::new(random.clone(), settings.faults));
        let ledger = Ledger::new(clock);
        let store = Arc::new(MemoryStore::new());
        let owners = owners(&store, &clock).await;
        let queues = queues(settings, &random, &network);
        let queue_times = Arc::new(QueueTimes::default());
        let env = Env {
            clock: Arc::new(clock),
            ids: Arc::new(SequentialIds::default()),
            policy: Policy::default(),
            metrics: queue_times.clone(),
            undecodable: &[],
        };
        let blobs = Arc::new(MemoryBlobs::new());
        let drop_files = Arc::new(MemoryDropFiles::new(blobs.clone()));
        let upload_objects = Arc::new(MemoryUploads::new(env.clock.clone(), blobs.clone()));
        let account = Arc::new(Semaphore::new(settings.account_concurrency as usize));
        let sweeps = Arc::new(SweepTotals::default());
        let records = Arc::new(Records {
            store: store.clone(),
            network: network.clone(),
            ledger: ledger.clone(),
            lag: settings.index_lag,
            recent: Default::default(),
        });
        let parts = Parts { settings, random: &random, network: &network, env: &env, store: &store, records: &records };
        let stores = Stores { blobs: &blobs, drop_files: &drop_files, uploads: &upload_objects, queues: &queues };
        let functions = parts.functions(stores, &account, &sweeps);
        let uploads = UploadStores { records: parts.remote(&upload_objects), objects: parts.remote(&upload_objects) };
        let use_cases = parts.use_cases();
        let submit = use_cases.submit(parts.remote(&blobs), queues.lanes.clone());
        Arc::new(Self {
            submit: Submit { uploads: Some(uploads), ..submit },
            direct_upload: use_cases.direct_upload(parts.remote(&upload_objects), upload_objects.clone()),
            clock,
            owners,
            network,
            ledger,
            store,
            drop_files,
            upload_objects,
            queues,
            functions,
            account,
            queue_times,
            sweeps,
        })
    }

    /// Starts the triggers, the schedule, and CloudWatch.
    pub(crate) fn start(self: &Arc<Self>, settings: &Settings) {
        let Queues { lanes, reports, dead_letters, .. } = &self.queues;
        let Functions { process, intake, sweep } = &self.functions;
        let two = NonZeroU32::new(2).expect("not zero");
        let lane = |lane, stage| lanes.queue(Route { lane, stage });
        let [bulk, live, fetch] = [settings.bulk_concurrency, settings.live_concurrency, settings.intake_concurrency];
        for (queue, function, batch_size, max_concurrency, visibility) in [
            (lane(Lane::Live, JobStage::Make), process, 1, live, 720),
            (lane(Lane::Bulk, JobStage::Make), process, 1, bulk, 720),
            (lane(Lane::Live, JobStage::Intake), intake, 1, fetch, 360),
            (lane(Lane::Bulk, JobStage::Intake), intake, 1, fetch, 360),
            (reports, sweep, 10, two, 330),
            (dead_letters, sweep, 10, two, 330),
        ] {
            let (queue, function, network) = (queue.clone(), function.clone(), self.network.clone());
            let visibility = Duration::from_secs(visibility);
            let trigger = Trigger { queue, function, batch_size, max_concurrency, visibility, network };
            tokio::spawn(Arc::new(trigger).run());
        }
        tokio::spawn(Self::schedule(self.clone()));
    }

    /// Once a minute: the queues' ages go to CloudWatch, and the sweep begins.
    pub(crate) async fn schedule(self: Arc<Self>) {
        loop {
            sleep(MINUTE).await;
            for queue in self.queues.all() {
                queue.sample();
            }
            self.note_sweep_lag().await;
            let sweep = self.functions.sweep.clone();
            tokio::spawn(async move { sweep.invoke(Event::Schedule, Instant::now() + MINUTE).await });
        }
    }

    /// Notes how long the job that is due for the longest time has waited for the sweep.
    async fn note_sweep_lag(&self) {
        let now = self.clock.now();
        let due = self.store.due(now, 1).await.expect("memory has no faults");
        let Some(id) = due.first() else { return };
        let Some(job) = self.store.get(*id).await.expect("memory has no faults") else { return };
        let Some(due_at) = job.repair_due_at() else { return };
        let queue = self.queues.lanes.queue(job.route());
        self.ledger.delayed(Delay {
            job: job.id,
            at: self.clock.elapsed(),
            lag: Duration::try_from(now.duration_since(due_at)).unwrap_or_default(),
            queue: queue.name,
            length: queue.len(),
            oldest: queue.oldest_age(),
            changes: Vec::new(),
            owner: job.owner,
        });
    }
}

/// What every function needs.
struct Parts<'a> {
    settings: &'a Settings,
    random: &'a Arc<Random>,
    network: &'a Arc<Network>,
    env: &'a Env,
    store: &'a Arc<MemoryStore>,
    records: &'a Arc<Records>,
}

/// The stores and the queues.
#[derive(Clone, Copy)]
struct Stores<'a> {
    blobs: &'a Arc<MemoryBlobs>,
    drop_files: &'a Arc<MemoryDropFiles>,
    uploads: &'a Arc<MemoryUploads>,
    queues: &'a Queues,
}

impl Parts<'_> {
    fn remote<P>(&self, port: &Arc<P>) -> Arc<Remote<P>> {
        Arc::new(Remote { port: port.clone(), network: self.network.clone() })
    }

    fn use_cases(&self) -> UseCases {
        let (records, store) = (self.records.clone(), self.store.clone());
        let stores = RecordStores {
            jobs: records.clone(),
            identities: records,
            keys: self.remote(self.store),
            sets: self.remote(&Arc::new(MemorySets::new())),
            rates: store.clone(),
            usage: store.clone(),
            audit: store,
        };
        UseCases { env: self.env.clone(), stores }
    }

    fn functions(&self, stores: Stores<'_>, account: &Arc<Semaphore>, sweeps: &Arc<SweepTotals>) -> Functions {
        let kills = self.settings.kills;
        let rules = |name, timeout, start, usual| FunctionRules {
            name,
            timeout: Duration::from_secs(timeout),
            start: Duration::from_millis(start),
            usual,
            kills,
        };
        let function = |rules: FunctionRules, code: Box<dyn Fn() -> Arc<dyn Code> + Send + Sync>| {
            Function::new(rules, account, self.random, code)
        };
        let soon = Duration::from_millis(500);
        Functions {
            process: function(rules("process", 120, 2_500, self.settings.per_picture()), self.process(stores)),
            intake: function(rules("intake", 60, 300, soon), self.intake(stores)),
            sweep: function(rules("sweep", 55, 300, soon), self.sweep(stores, sweeps)),
        }
    }

    fn process(&self, Stores { blobs, queues, .. }: Stores<'_>) -> Box<dyn Fn() -> Arc<dyn Code> + Send + Sync> {
        let mean = self.settings.per_picture().saturating_sub(CALLS);
        let process: Process = self.use_cases().process(Workshop {
            blobs: self.remote(blobs),
            queue: queues.lanes.clone(),
            image_workers: Arc::new(Makers { random: self.random.clone(), mean }),
            reports: self.remote(&queues.reports),
        });
        let network = self.network.clone();
        Box::new(move || Arc::new(ProcessCode { process: process.clone(), network: network.clone() }))
    }

    fn intake(&self, stores: Stores<'_>) -> Box<dyn Fn() -> Arc<dyn Code> + Send + Sync> {
        let Stores { blobs, drop_files, uploads, queues } = stores;
        let use_cases = self.use_cases();
        let intake: Intake = use_cases.intake(IntakePorts {
            blobs: self.remote(blobs),
            uploads: self.remote(uploads),
            fetcher: Arc::new(Hosts { random: self.random.clone() }),
            queue: queues.lanes.clone(),
            reports: self.remote(&queues.reports),
            drops: Some(use_cases.drop_ingest(self.remote(drop_files), self.remote(blobs), queues.lanes.clone())),
        });
        let network = self.network.clone();
        Box::new(move || {
            // Each process makes its own estimates.
            let intake = Intake { drop_wait: DropWait::default(), ..intake.clone() };
            Arc::new(IntakeCode { intake, network: network.clone() })
        })
    }

    fn sweep(&self, stores: Stores<'_>, totals: &Arc<SweepTotals>) -> Box<dyn Fn() -> Arc<dyn Code> + Send + Sync> {
        let Stores { blobs, drop_files, uploads, queues } = stores;
        let use_cases = self.use_cases();
        let uploads = UploadStores { records: self.remote(uploads), objects: self.remote(uploads) };
        let files = SweptFiles { jobs: self.remote(blobs), uploads };
        let (lanes, reports) = (queues.lanes.clone(), self.remote(&queues.reports));
        let sweep = use_cases.sweep(files, lanes.clone(), reports.clone(), self.remote(&queues.parking));
        let sender = ReportSender {
            jobs: use_cases.stores.jobs.clone(),
            webhooks: self.remote(self.store),
            links: self.remote(&Arc::new(MemoryLinks::new(self.env.clock.clone()))),
            client: Arc::new(Receivers { random: self.random.clone() }),
            reports,
            drops: Some(use_cases.drop_ingest(self.remote(drop_files), self.remote(blobs), lanes)),
            receivers: usecases::Receivers::in_batches(2),
            env: self.env.clone(),
        };
        let (queue, totals, network) = (queues.reports.clone(), totals.clone(), self.network.clone());
        Box::new(move || {
            // Each process counts its own sends.
            let sender = ReportSender { receivers: usecases::Receivers::in_batches(2), ..sender.clone() };
            let (sweep, reports, totals, network) = (sweep.clone(), queue.clone(), totals.clone(), network.clone());
            Arc::new(SweepCode { sweep, sender, reports, totals, network })
        })
    }
}
