//! A whole Cutline in memory whose every call to a port can be made to go wrong.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use cutline_core::domain::drops::{DropPath, DroppedObject};
use cutline_core::domain::identity::{IdentifiedJob, Identity, IdentityKey};
use cutline_core::domain::job::{Job, Transition};
use cutline_core::domain::keys::{KeyHash, KeyRecord, Owner};
use cutline_core::domain::message::Message;
use cutline_core::domain::request::SourceUrl;
use cutline_core::domain::work_request::DropNotice;
use cutline_core::ports::{
    Blobs, CreateError, Deliveries, DropContent, DropFiles, EncodedAsset, EncodedPicture, Identities, Jobs, Keys,
    ManifestTag, Pipeline, PipelineInput, PipelineOutput, PortError, Progress, Quarantine, Queue, SourceFetcher, Stage,
    StoredManifest, WriteError,
};
use cutline_core::testing::{
    ManualClock, MemoryBlobs, MemoryDropFiles, MemoryQueue, MemorySets, MemoryStore, SequentialIds,
};
use cutline_core::usecases::{
    Disposition, DropIngest, Env, Process, RecordStores, Submission, Submit, SubmittedSource, Sweep, UseCases, Workshop,
};
use cutline_core::{
    AssetKind, Clock, Confidence, DeliveryMode, Fault, JobId, Mode, OwnerId, Policy, StorageKey, Variation,
};
use jiff::Timestamp;
use tokio::sync::Notify;

/// What goes wrong with the one call that is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// It fails before anything was done.
    FailsBefore,
    /// It is done, and its answer is lost.
    FailsAfter,
    /// It is done, its answer is lost, and a client library makes it once more by itself.
    DoneTwice,
    /// The process is killed before it is done.
    KilledBefore,
    /// The process is killed right after it was done.
    KilledAfter,
}

impl Trouble {
    pub(crate) const ALL: [Self; 5] =
        [Self::FailsBefore, Self::FailsAfter, Self::DoneTwice, Self::KilledBefore, Self::KilledAfter];
}

/// Counts calls to the ports, and lets one of them go wrong.
#[derive(Debug, Default)]
pub(crate) struct FaultInjector {
    calls: AtomicUsize,
    chosen: Option<(usize, Trouble)>,
    /// So many calls after the chosen one fail too.
    after: usize,
    killed: Notify,
    /// The call before which the process stands still until it is told to go on.
    standing: Option<usize>,
    stands: Notify,
    goes_on: Notify,
}

impl FaultInjector {
    pub(crate) fn none() -> Arc<Self> {
        Arc::default()
    }

    pub(crate) fn at_call(number: usize, trouble: Trouble) -> Arc<Self> {
        Arc::new(Self { chosen: Some((number, trouble)), ..Self::default() })
    }

    /// One call goes wrong, and so do some after it, which fail before they take effect.
    pub(crate) fn at_call_and_after(number: usize, trouble: Trouble, after: usize) -> Arc<Self> {
        Arc::new(Self { chosen: Some((number, trouble)), after, ..Self::default() })
    }

    /// The process stands still before one call.
    pub(crate) fn standing_at(number: usize) -> Arc<Self> {
        Arc::new(Self { standing: Some(number), ..Self::default() })
    }

    /// Waits until the process stands still.
    pub(crate) async fn stands(&self) {
        self.stands.notified().await;
    }

    pub(crate) fn go_on(&self) {
        self.goes_on.notify_one();
    }

    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    /// Runs the work of a process; `None` if the process was killed.
    pub(crate) async fn unless_killed<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.killed.notified() => None,
            result = work => Some(result),
        }
    }

    async fn kill<T>(&self) -> T {
        self.killed.notify_one();
        std::future::pending().await
    }

    /// Makes the call, or lets it go wrong. A killed process never comes back from here: what awaits it is
    /// dropped by [`FaultInjector::unless_killed`].
    async fn meet<T, E: From<PortError>, F>(&self, call: impl Fn() -> F) -> Result<T, E>
    where
        F: Future<Output = Result<T, E>>,
    {
        let number = self.calls.fetch_add(1, Ordering::SeqCst);
        if self.standing == Some(number) {
            self.stands.notify_one();
            self.goes_on.notified().await;
        }
        let trouble = self.chosen.and_then(|(at, trouble)| match number.checked_sub(at) {
            Some(0) => Some(trouble),
            Some(later) if later <= self.after => Some(Trouble::FailsBefore),
            _ => None,
        });
        match trouble {
            None => call().await,
            Some(Trouble::FailsBefore) => Err(PortError::retry("made to fail").into()),
            Some(Trouble::FailsAfter) => {
                let _done = call().await;
                Err(PortError::retry("made to fail, though it was done").into())
            }
            Some(Trouble::DoneTwice) => {
                let _done = call().await;
                call().await
            }
            Some(Trouble::KilledBefore) => self.kill().await,
            Some(Trouble::KilledAfter) => {
                let _done = call().await;
                self.kill().await
            }
        }
    }
}

/// A port whose calls the injector may disturb.
struct Fated<P> {
    port: Arc<P>,
    fate: Arc<FaultInjector>,
}

#[async_trait]
impl Jobs for Fated<MemoryStore> {
    async fn create(&self, job: &Job) -> Result<(), CreateError> {
        self.fate.meet(|| Jobs::create(self.port.as_ref(), job)).await
    }
    async fn get(&self, id: JobId) -> Result<Option<Job>, PortError> {
        self.fate.meet(|| self.port.get(id)).await
    }
    async fn replace(&self, transition: &Transition) -> Result<(), WriteError> {
        self.fate.meet(|| self.port.replace(transition)).await
    }
    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<JobId>, PortError> {
        self.fate.meet(|| self.port.due(now, limit)).await
    }
}

#[async_trait]
impl Keys for Fated<MemoryStore> {
    async fn insert(&self, key: &KeyRecord) -> Result<(), PortError> {
        self.fate.meet(|| self.port.insert(key)).await
    }
    async fn find(&self, hash: &KeyHash) -> Result<Option<KeyRecord>, PortError> {
        self.fate.meet(|| Keys::find(self.port.as_ref(), hash)).await
    }
    async fn revoke(&self, hash: &KeyHash, at: Timestamp) -> Result<bool, PortError> {
        self.fate.meet(|| self.port.revoke(hash, at)).await
    }
    async fn owner(&self, id: &OwnerId) -> Result<Owner, PortError> {
        self.fate.meet(|| self.port.owner(id)).await
    }
    async fn put_owner(&self, owner: &Owner) -> Result<(), PortError> {
        self.fate.meet(|| self.port.put_owner(owner)).await
    }
    async fn is_known(&self, id: &OwnerId) -> Result<bool, PortError> {
        self.fate.meet(|| self.port.is_known(id)).await
    }
}

#[async_trait]
impl Identities for Fated<MemoryStore> {
    async fn find(&self, key: &IdentityKey, now: Timestamp) -> Result<Option<IdentifiedJob>, PortError> {
        self.fate.meet(|| Identities::find(self.port.as_ref(), key, now)).await
    }
    async fn create_job(&self, job: &Job, identity: &Identity) -> Result<(), CreateError> {
        self.fate.meet(|| self.port.create_job(job, identity)).await
    }
}

#[async_trait]
impl DropFiles for Fated<MemoryDropFiles> {
    async fn read(&self, object: &DroppedObject) -> Result<DropContent, PortError> {
        self.fate.meet(|| self.port.read(object)).await
    }
    async fn put_result(&self, path: &DropPath, name: &str, kind: &'static str, b: Bytes) -> Result<(), PortError> {
        self.fate.meet(|| self.port.put_result(path, name, kind, b.clone())).await
    }
    async fn manifest(&self, path: &DropPath) -> Result<Option<StoredManifest>, PortError> {
        self.fate.meet(|| self.port.manifest(path)).await
    }
    async fn put_manifest(&self, path: &DropPath, b: Bytes, before: Option<&ManifestTag>) -> Result<bool, PortError> {
        self.fate.meet(|| self.port.put_manifest(path, b.clone(), before)).await
    }
}

#[async_trait]
impl Blobs for Fated<MemoryBlobs> {
    async fn put(&self, key: &StorageKey, bytes: Bytes) -> Result<(), PortError> {
        self.fate.meet(|| self.port.put(key, bytes.clone())).await
    }
    async fn put_new(&self, key: &StorageKey, bytes: Bytes) -> Result<bool, PortError> {
        self.fate.meet(|| self.port.put_new(key, bytes.clone())).await
    }
    async fn get(&self, key: &StorageKey) -> Result<Option<Bytes>, PortError> {
        self.fate.meet(|| self.port.get(key)).await
    }
}

#[async_trait]
impl Queue for Fated<MemoryQueue> {
    async fn send(&self, message: &Message, delay: Duration) -> Result<(), PortError> {
        self.fate.meet(|| self.port.send(message, delay)).await
    }
    async fn send_again(&self, body: &str) -> Result<(), PortError> {
        self.fate.meet(|| self.port.send_again(body)).await
    }
    async fn oldest_age(&self) -> Result<Option<Duration>, PortError> {
        self.fate.meet(|| self.port.oldest_age()).await
    }
}

#[async_trait]
impl Quarantine for Fated<MemoryQueue> {
    async fn park(&self, body: &str) -> Result<(), PortError> {
        self.fate.meet(|| self.port.park(body)).await
    }
}

/// A source whose content is another at each fetch, or a fault.
#[derive(Default)]
pub(crate) struct Source {
    pub(crate) fetches: AtomicU64,
    pub(crate) fault: std::sync::Mutex<Option<Fault>>,
}

#[async_trait]
impl SourceFetcher for Source {
    async fn fetch(&self, _url: &SourceUrl) -> Result<Bytes, Fault> {
        match &*self.fault.lock().expect("not poisoned") {
            Some(fault) => Err(fault.clone()),
            None => Ok(Bytes::from(format!("content {}", self.fetches.fetch_add(1, Ordering::SeqCst)))),
        }
    }
}

/// A pipeline whose every file is what it was given; `panic` as a source makes it do so, and so does one that ends with
/// `fault`. `hair` makes it find no honest path.
pub(crate) struct Echo;

impl Pipeline for Echo {
    fn run(&self, input: &PipelineInput, progress: &Progress<'_>) -> Result<PipelineOutput, Fault> {
        let bytes = &input.source;
        progress(Stage::Background, 0);
        match bytes.as_ref() {
            b"panic" => panic!("as it was told to"),
            fault if fault.ends_with(b"fault") => {
                return Err(Fault::fail(cutline_core::FailureCode::NoSubject, "nothing there"));
            }
            _ => progress(Stage::Background, 100),
        }
        let picture = |variation| {
            let (format, _) = input.file(variation);
            EncodedPicture { variation, format, bytes: bytes.clone(), width: 1, height: 1 }
        };
        let asset = |kind| EncodedAsset { kind, bytes: bytes.clone() };
        let mut made = PipelineOutput {
            pictures: vec![picture(Variation::Background)],
            final_picture: Variation::Background,
            assets: vec![asset(AssetKind::Matte)],
            confidence: Confidence::nearest(0.25),
            warnings: Default::default(),
            ignored: Vec::new(),
        };
        if let Some(set) = &input.set {
            progress(Stage::Compose, 0);
            let wanted = set.wanted();
            made.pictures = wanted.made.iter().map(|variation| picture(*variation)).collect();
            made.final_picture = wanted.final_picture.expect("makes something");
            made.ignored = wanted.ignored;
            made.assets
                .extend(input.backdrop.clone().map(|bytes| EncodedAsset { kind: AssetKind::ClippingPath, bytes }));
        }
        if input.mode == Mode::Clipping {
            progress(Stage::Clipping, 0);
            made.pictures.push(picture(Variation::Clipping));
            made.final_picture = Variation::Clipping;
            match bytes.as_ref() {
                b"hair" => drop(made.warnings.insert("clipping".to_owned(), vec!["hair".to_owned()])),
                _ => made.assets.push(asset(AssetKind::ClippingPath)),
            }
        }
        Ok(made)
    }
    fn version(&self) -> &str {
        "echo"
    }
}

/// Everything that outlives a process.
pub(crate) struct World {
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) sets: Arc<MemorySets>,
    pub(crate) blobs: Arc<MemoryBlobs>,
    pub(crate) drop_files: Arc<MemoryDropFiles>,
    pub(crate) queue: Arc<MemoryQueue>,
    pub(crate) dead_letters: Arc<MemoryQueue>,
    pub(crate) quarantine: Arc<MemoryQueue>,
    pub(crate) source: Arc<Source>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) ids: Arc<SequentialIds>,
    pub(crate) policy: Policy,
    pub(crate) owner: OwnerId,
}

impl World {
    /// A world with an owner who has `credits`.
    pub(crate) async fn new(credits: Option<u64>) -> Self {
        let clock = Arc::new(ManualClock::new());
        let queue = |max, dead| {
            let visibility = Duration::from_secs(720);
            Arc::new(MemoryQueue::new(clock.clone() as Arc<dyn Clock>, visibility, max, dead))
        };
        let dead_letters = queue(u32::MAX, None);
        let owner: OwnerId = "shop".parse().expect("a name");
        let store = Arc::new(MemoryStore::new());
        store.put_owner(&Owner { id: owner.clone(), credits }).await.expect("put owner");
        Self {
            store,
            sets: Arc::new(MemorySets::new()),
            blobs: Arc::new(MemoryBlobs::new()),
            drop_files: Arc::new(MemoryDropFiles::with_versions()),
            queue: queue(20, Some(dead_letters.clone())),
            quarantine: queue(u32::MAX, None),
            dead_letters,
            source: Arc::default(),
            ids: Arc::default(),
            policy: Policy::default(),
            owner,
            clock,
        }
    }

    fn fated<P>(&self, port: &Arc<P>, fate: &Arc<FaultInjector>) -> Arc<Fated<P>> {
        Arc::new(Fated { port: port.clone(), fate: fate.clone() })
    }

    /// The use cases on stores whose calls `fate` may disturb.
    fn use_cases(&self, fate: &Arc<FaultInjector>) -> UseCases {
        let env = Env { clock: self.clock.clone(), ids: self.ids.clone(), policy: self.policy };
        let stores = RecordStores {
            jobs: self.fated(&self.store, fate),
            identities: self.fated(&self.store, fate),
            keys: self.fated(&self.store, fate),
            sets: self.sets.clone(),
        };
        UseCases { env, stores }
    }

    /// An upload process.
    pub(crate) fn submit(&self, fate: &Arc<FaultInjector>) -> Submit {
        self.use_cases(fate).submit(self.fated(&self.blobs, fate), self.fated(&self.queue, fate))
    }

    /// A worker.
    pub(crate) fn process(&self, fate: &Arc<FaultInjector>) -> Process {
        self.use_cases(fate).process(Workshop {
            blobs: self.fated(&self.blobs, fate),
            fetcher: self.source.clone(),
            pipeline: Arc::new(Echo),
            drops: Some(self.drop_ingest(fate)),
        })
    }

    /// A worker with this pipeline.
    pub(crate) fn process_with(&self, pipeline: Arc<dyn Pipeline>) -> Process {
        let process = self.process(&FaultInjector::none());
        Process { workshop: Workshop { pipeline, ..process.workshop }, ..process }
    }

    /// A worker that accepts no drops.
    pub(crate) fn process_without_drops(&self) -> Process {
        let process = self.process(&FaultInjector::none());
        Process { workshop: Workshop { drops: None, ..process.workshop }, ..process }
    }

    /// What takes in dropped files and delivers their results.
    pub(crate) fn drop_ingest(&self, fate: &Arc<FaultInjector>) -> DropIngest {
        let blobs = self.fated(&self.blobs, fate);
        self.use_cases(fate).drop_ingest(self.fated(&self.drop_files, fate), blobs, self.fated(&self.queue, fate))
    }

    /// Drops a file under a key, and says what is told of it.
    pub(crate) fn drop_file(&self, key: &str, bytes: &'static [u8]) -> DroppedObject {
        let path = DropPath::try_from(key.to_owned()).expect("a path");
        self.drop_files.put(path, Bytes::from_static(bytes))
    }

    /// The message about these files.
    pub(crate) fn drop_body(&self, objects: &[DroppedObject]) -> String {
        MemoryQueue::drop_body(&DropNotice { at: self.clock.now(), objects: objects.to_vec() })
    }

    /// The manifest beside a drop's results.
    pub(crate) fn manifest(&self, key: &str) -> Option<serde_json::Value> {
        let path = DropPath::try_from(key.to_owned()).expect("a path");
        let bytes = self.drop_files.get(&path.result("manifest.json"))?;
        Some(serde_json::from_slice(&bytes).expect("is JSON"))
    }

    /// A sweeper.
    pub(crate) fn sweep(&self, fate: &Arc<FaultInjector>) -> Sweep {
        self.use_cases(fate).sweep(self.fated(&self.queue, fate), self.fated(&self.quarantine, fate))
    }

    pub(crate) fn submission(&self, source: SubmittedSource) -> Submission {
        Submission {
            owner: self.owner.clone(),
            mode: Mode::Background,
            delivery: DeliveryMode::Url,
            format: None,
            rendering: Default::default(),
            set: None,
            source,
        }
    }

    /// Takes in a job of mode clipping with these bytes, with no trouble.
    pub(crate) async fn submitted_clipping(&self, source: &'static [u8]) -> Job {
        let submission = self.submission(SubmittedSource::Bytes(Bytes::from_static(source)));
        let submission = Submission { mode: Mode::Clipping, ..submission };
        self.submit(&FaultInjector::none()).run(submission).await.expect("submits")
    }

    /// Takes in a job with these bytes, with no trouble.
    pub(crate) async fn submitted(&self, source: &'static [u8]) -> Job {
        let source = SubmittedSource::Bytes(Bytes::from_static(source));
        self.submit(&FaultInjector::none()).run(self.submission(source)).await.expect("submits")
    }

    /// Takes in a job with a URL, with no trouble.
    pub(crate) async fn submitted_url(&self) -> Job {
        let url = SubmittedSource::Url("https://example.com/a.jpg".parse().expect("a URL"));
        self.submit(&FaultInjector::none()).run(self.submission(url)).await.expect("submits")
    }

    pub(crate) async fn job(&self, id: JobId) -> Job {
        self.store.get(id).await.expect("get").expect("the job is there")
    }

    pub(crate) async fn credits(&self) -> Option<u64> {
        self.store.owner(&self.owner).await.expect("owner").credits
    }

    /// Lets a worker take what is in the queue, one message after another, as Lambda would: what is
    /// acknowledged is deleted, what is deferred has its visibility changed, and what a killed worker had
    /// comes again by itself.
    pub(crate) async fn work(&self, fate: &Arc<FaultInjector>) {
        let process = self.process(fate);
        for delivery in self.queue.receive(10, Duration::ZERO).await.expect("receive") {
            match fate.unless_killed(process.handle(delivery.request)).await {
                Some(Disposition::Acknowledge) => self.queue.delete(&delivery.receipt).await.expect("delete"),
                Some(Disposition::Defer(wait)) => self.queue.defer(&delivery.receipt, wait).await.expect("defer"),
                None => {}
            }
        }
    }

    /// Lets the sweep look at the jobs and the dead letters, once.
    pub(crate) async fn swept(&self, fate: &Arc<FaultInjector>) {
        let sweep = self.sweep(fate);
        let _report = fate.unless_killed(sweep.run()).await;
        for delivery in self.dead_letters.receive(10, Duration::ZERO).await.expect("receive") {
            match fate.unless_killed(sweep.dead_letter(&delivery.body, delivery.request)).await {
                Some(Disposition::Acknowledge) => self.dead_letters.delete(&delivery.receipt).await.expect("delete"),
                Some(Disposition::Defer(wait)) => {
                    self.dead_letters.defer(&delivery.receipt, wait).await.expect("defer");
                }
                None => {}
            }
        }
    }
}
