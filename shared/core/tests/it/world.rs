//! A complete Cutline in memory. Any call to a port can be made to fail.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use cutline_core::contract::samples;
use cutline_core::domain::attention::{Attention, AttentionReason};
use cutline_core::domain::audit::Actor;
use cutline_core::domain::drops::{DropPath, DroppedObject};
use cutline_core::domain::fidelity::PixelCheck;
use cutline_core::domain::job::{Job, JobSpec, JobStage, Source as JobSource};
use cutline_core::domain::keys::Owner;
use cutline_core::domain::request::SourceUrl;
use cutline_core::domain::subject::{Holes, PixelBox};
use cutline_core::domain::usage::{EndCounts, JobEnd, Month};
use cutline_core::domain::work_request::DropNotice;
use cutline_core::ports::{
    Audit, Deliveries, EncodedAsset, EncodedPicture, EvidenceUse, Jobs, Keys, Pipeline, PipelineInput, PipelineOutput,
    Progress, Receipt, SourceFetcher, Stage, Usage as _,
};
use cutline_core::testing::{
    self, ManualClock, MemoryBlobs, MemoryDropFiles, MemoryLinks, MemoryMetrics, MemoryQueue, MemorySets, MemoryStore,
    MemoryUploads, SequentialIds, ThreadWorkers,
};
use cutline_core::usecases::{
    self, Delete, Disposition, DropIngest, Env, Intake, IntakePorts, JobList, Process, RecordStores, Recut,
    ReportSender, ResendWebhook, Retry, Review, Status, Submission, Submit, SubmittedSource, Sweep, SweptFiles,
    UseCases, Workshop,
};
use cutline_core::{AssetKind, Clock, Confidence, DeliveryMode, Fault, JobId, Mode, OwnerId, Policy, Variation};

pub(crate) use crate::faulty::{FaultInjector, Faulty, InjectedFault};
use crate::receivers::Receivers;

/// A source with different content at each fetch, or a fault.
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

/// A pipeline that returns the source as every file, followed by the settings that steer its cut, and by its mask, if there are
/// some. The source `panic` makes it panic, a source that ends with `fault` makes it fail, and `hair` has an outline that cannot be
/// traced. It fails to keep holes. Its evidence has a number of its own for each look of the networks.
pub(crate) struct Echo;

/// How many times the networks looked.
static LOOKS: AtomicU64 = AtomicU64::new(0);

/// Where a person should look at a photograph without a subject.
fn nothing() -> Attention {
    let place = PixelBox { left: 0, top: 0, width: 1, height: 1 };
    Attention { reason: AttentionReason::NoSubject, message: "No subject was found.".to_owned(), place }
}

/// The evidence and the regions of a run, if they are kept.
fn evidence(input: &PipelineInput) -> Vec<EncodedAsset> {
    let bytes = match &input.evidence {
        EvidenceUse::Drop => return Vec::new(),
        EvidenceUse::Keep => Bytes::from(format!("look {}", LOOKS.fetch_add(1, Ordering::SeqCst))),
        EvidenceUse::Reuse(bytes) => bytes.clone(),
    };
    [AssetKind::Regions, AssetKind::Evidence].map(|kind| EncodedAsset { kind, bytes: bytes.clone() }).into()
}

impl Pipeline for Echo {
    fn run(&self, input: &PipelineInput, progress: &Progress<'_>) -> Result<PipelineOutput, Fault> {
        let bytes = &match input.subject.is_empty() {
            true => input.source.clone(),
            false => {
                let subject = serde_json::to_vec(&input.subject).expect("serializes");
                [&input.source[..], &subject, input.mask.as_deref().unwrap_or_default()].concat().into()
            }
        };
        progress(Stage::Background, 0);
        if input.mask.as_deref().is_some_and(|mask| mask.ends_with(b"of another size")) {
            return Err(Fault::fail(cutline_core::FailureCode::MaskMismatch, "mask of another size"));
        }
        match input.source.as_ref() {
            _ if input.subject.holes == Some(Holes::Keep) => {
                return Err(Fault::fail(cutline_core::FailureCode::NoSubject, "no holes."));
            }
            b"panic" => panic!("as requested"),
            fault if fault.ends_with(b"fault") => {
                return Err(Fault::fail(cutline_core::FailureCode::NoSubject, "nothing there"));
            }
            _ => progress(Stage::Background, 100),
        }
        let is_empty = input.source == "empty";
        if is_empty && !input.keeps_empty {
            return Err(Fault::fail(cutline_core::FailureCode::NoSubject, "nothing stands out"));
        }
        let picture = |variation| {
            let format = input.file(variation).0.encoded().expect("a new file").into();
            EncodedPicture { variation, format, bytes: bytes.clone(), width: 1, height: 1 }
        };
        let asset = |kind| EncodedAsset { kind, bytes: bytes.clone() };
        let mut made = PipelineOutput {
            pictures: vec![picture(Variation::Background)],
            final_picture: Variation::Background,
            assets: vec![asset(AssetKind::Matte)],
            // A click helps.
            confidence: Confidence::nearest(if input.subject.hints.is_some() { 0.75 } else { 0.25 }),
            // As if the subject filled ten pixels, whatever the margin.
            crop_box: input.crop().margin().and_then(|_| PixelBox::try_from([0, 0, 10, 10]).ok()),
            attention: Vec::new(),
            pixel_check: input.fidelity().map(|_| PixelCheck { pixels: 100, largest_difference: 0 }),
            warnings: Default::default(),
            ignored: Vec::new(),
        };
        if is_empty {
            made.confidence = Confidence::NONE;
            made.attention = vec![nothing()];
        }
        made.assets.extend(evidence(input));
        if input.previews.holds(Some(made.confidence)) {
            made.assets.extend([AssetKind::Preview, AssetKind::SourcePreview, AssetKind::Thumb].map(asset));
        }
        if let Some(set) = &input.set {
            progress(Stage::Compose, 0);
            let wanted = set.planned();
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
    fn memory_needed(&self, _: &PipelineInput) -> u64 {
        0
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
    pub(crate) uploads: Arc<MemoryUploads>,
    pub(crate) queue: Arc<MemoryQueue>,
    pub(crate) dead_letters: Arc<MemoryQueue>,
    pub(crate) quarantine: Arc<MemoryQueue>,
    pub(crate) reports: Arc<MemoryQueue>,
    pub(crate) receivers: Arc<Receivers>,
    pub(crate) turns: usecases::Receivers,
    pub(crate) source: Arc<Source>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) ids: Arc<SequentialIds>,
    pub(crate) metrics: Arc<MemoryMetrics>,
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
        samples::put_owner(store.as_ref(), &Owner { credits, ..Owner::unlimited(owner.clone()) }).await;
        let blobs = Arc::new(MemoryBlobs::new());
        Self {
            store,
            sets: Arc::new(MemorySets::new()),
            uploads: Arc::new(MemoryUploads::new(clock.clone(), blobs.clone())),
            drop_files: Arc::new(MemoryDropFiles::with_versions(blobs.clone())),
            blobs,
            queue: queue(20, Some(dead_letters.clone())),
            quarantine: queue(u32::MAX, None),
            reports: queue(u32::MAX, None),
            receivers: Arc::new(Receivers::new(clock.clone())),
            turns: usecases::Receivers::new(4),
            dead_letters,
            source: Arc::default(),
            ids: Arc::default(),
            metrics: Arc::default(),
            policy: Policy::default(),
            owner,
            clock,
        }
    }

    pub(crate) fn faulty<P>(&self, port: &Arc<P>, faults: &Arc<FaultInjector>) -> Arc<Faulty<P>> {
        Arc::new(Faulty { port: port.clone(), faults: faults.clone() })
    }

    /// The use cases on stores whose calls `faults` may disturb.
    pub(crate) fn use_cases(&self, faults: &Arc<FaultInjector>) -> UseCases {
        let env = self.env();
        let stores = RecordStores {
            jobs: self.faulty(&self.store, faults),
            identities: self.faulty(&self.store, faults),
            keys: self.faulty(&self.store, faults),
            sets: self.sets.clone(),
            rates: self.store.clone(),
            usage: self.store.clone(),
            audit: self.faulty(&self.store, faults),
        };
        UseCases { env, stores }
    }

    /// The environment of all use cases.
    pub(crate) fn env(&self) -> Env {
        let (clock, ids, metrics) = (self.clock.clone(), self.ids.clone(), self.metrics.clone());
        Env { clock, ids, policy: self.policy, metrics, undecodable: &[] }
    }

    /// An upload process.
    pub(crate) fn submit(&self, faults: &Arc<FaultInjector>) -> Submit {
        let submit = self.use_cases(faults).submit(self.faulty(&self.blobs, faults), self.faulty(&self.queue, faults));
        Submit { uploads: Some(self.upload_stores(faults)), ..submit }
    }

    /// The use case that repeats jobs.
    pub(crate) fn retry(&self, faults: &Arc<FaultInjector>) -> Retry {
        self.use_cases(faults).retry(self.faulty(&self.blobs, faults), self.faulty(&self.queue, faults))
    }

    /// The use case that cuts photographs again, for this reviewer.
    pub(crate) fn recut(&self, by: &str, faults: &Arc<FaultInjector>) -> Recut {
        let blobs = self.faulty(&self.blobs, faults);
        let recut = self.use_cases(faults).recut(blobs, self.faulty(&self.queue, faults));
        Recut { actor: Actor::Key(by.to_owned()), uploads: Some(self.upload_stores(faults)), ..recut }
    }

    /// The use case that deletes jobs.
    pub(crate) fn delete(&self, faults: &Arc<FaultInjector>) -> Delete {
        self.use_cases(faults).delete()
    }

    /// The use case that reports a job, with these links.
    pub(crate) fn status(&self, links: MemoryLinks) -> Status {
        self.use_cases(&FaultInjector::none()).status(Arc::new(links))
    }

    /// The use case that lists jobs.
    pub(crate) fn job_list(&self) -> JobList {
        self.use_cases(&FaultInjector::none()).job_list()
    }

    /// A worker.
    pub(crate) fn process(&self, faults: &Arc<FaultInjector>) -> Process {
        self.use_cases(faults).process(Workshop {
            blobs: self.faulty(&self.blobs, faults),
            queue: self.faulty(&self.queue, faults),
            image_workers: Arc::new(ThreadWorkers::new(Echo)),
            reports: self.faulty(&self.reports, faults),
        })
    }

    /// A worker with this pipeline.
    pub(crate) fn process_with(&self, pipeline: impl Pipeline + 'static) -> Process {
        let process = self.process(&FaultInjector::none());
        let image_workers = Arc::new(ThreadWorkers::new(pipeline));
        Process { workshop: Workshop { image_workers, ..process.workshop }, ..process }
    }

    /// A fetcher, which takes in drops too.
    pub(crate) fn intake(&self, faults: &Arc<FaultInjector>) -> Intake {
        self.use_cases(faults).intake(IntakePorts {
            blobs: self.faulty(&self.blobs, faults),
            uploads: self.faulty(&self.uploads, faults),
            fetcher: self.source.clone(),
            queue: self.faulty(&self.queue, faults),
            reports: self.faulty(&self.reports, faults),
            drops: Some(self.drop_ingest(faults)),
        })
    }

    /// The use case that takes in dropped files and delivers their results.
    pub(crate) fn drop_ingest(&self, faults: &Arc<FaultInjector>) -> DropIngest {
        let blobs = self.faulty(&self.blobs, faults);
        self.use_cases(faults).drop_ingest(
            self.faulty(&self.drop_files, faults),
            blobs,
            self.faulty(&self.queue, faults),
        )
    }

    /// Drops a file, and returns its announcement.
    pub(crate) fn drop_file(&self, key: &str, bytes: &'static [u8]) -> DroppedObject {
        let path = DropPath::try_from(key.to_owned()).expect("a path");
        self.drop_files.put(path, Bytes::from_static(bytes))
    }

    /// The message about these files.
    pub(crate) fn drop_body(&self, objects: &[DroppedObject]) -> String {
        MemoryQueue::drop_body(&DropNotice { at: self.clock.now(), objects: objects.to_vec() })
    }

    /// A drop's manifest.
    pub(crate) fn manifest(&self, key: &str) -> Option<serde_json::Value> {
        let path = DropPath::try_from(key.to_owned()).expect("a path");
        let bytes = self.drop_files.get(&path.result("manifest.json"))?;
        Some(serde_json::from_slice(&bytes).expect("JSON"))
    }

    /// A sweeper.
    pub(crate) fn sweep(&self, faults: &Arc<FaultInjector>) -> Sweep {
        let uploads = self.upload_stores(faults);
        self.use_cases(faults).sweep(
            SweptFiles { jobs: self.faulty(&self.blobs, faults), uploads },
            self.faulty(&self.queue, faults),
            self.faulty(&self.reports, faults),
            self.faulty(&self.quarantine, faults),
        )
    }

    /// A sender of reports.
    pub(crate) fn sender(&self, faults: &Arc<FaultInjector>) -> ReportSender {
        let UseCases { env, stores } = self.use_cases(faults);
        ReportSender {
            jobs: stores.jobs,
            webhooks: self.faulty(&self.store, faults),
            links: self.faulty(&Arc::new(MemoryLinks::new(self.clock.clone())), faults),
            client: self.receivers.clone(),
            reports: self.faulty(&self.reports, faults),
            drops: Some(self.drop_ingest(faults)),
            receivers: self.turns.clone(),
            env,
        }
    }

    /// The use case of reviewers.
    pub(crate) fn review(&self, faults: &Arc<FaultInjector>) -> Review {
        self.use_cases(faults).review(self.faulty(&self.reports, faults))
    }

    /// The use case that sends webhooks again.
    pub(crate) fn resend_webhook(&self, faults: &Arc<FaultInjector>) -> ResendWebhook {
        self.use_cases(faults).resend_webhook(self.faulty(&self.reports, faults))
    }

    pub(crate) fn submission(&self, source: SubmittedSource) -> Submission {
        testing::submission(&self.owner, source)
    }

    /// The request of a job whose source is stored.
    pub(crate) fn submitted_spec(&self) -> JobSpec {
        JobSpec {
            mode: Mode::Background,
            delivery: DeliveryMode::Url,
            format: None,
            rendering: Default::default(),
            set: None,
            source: JobSource::Stored,
            subject: Default::default(),
            mask: None,
            external_id: None,
            metadata: None,
            review: Default::default(),
            previews: false,
            output_name: None,
            source_name: None,
            warnings: Default::default(),
        }
    }

    /// Submits a job of mode clipping with these bytes.
    pub(crate) async fn submitted_clipping(&self, source: &'static [u8]) -> Job {
        let submission = self.submission(SubmittedSource::Bytes(Bytes::from_static(source)));
        let submission = Submission { mode: Mode::Clipping, ..submission };
        self.accepted(submission).await
    }

    /// Submits a job.
    pub(crate) async fn accepted(&self, submission: Submission) -> Job {
        let accepted = self.submit(&FaultInjector::none()).run(submission).await.expect("submits");
        self.job(accepted.id).await
    }

    /// Submits a job with these bytes.
    pub(crate) async fn submitted(&self, source: &'static [u8]) -> Job {
        let source = SubmittedSource::Bytes(Bytes::from_static(source));
        self.accepted(self.submission(source)).await
    }

    /// Submits a job with a URL.
    pub(crate) async fn submitted_url(&self) -> Job {
        let url = SubmittedSource::Url("https://example.com/a.jpg".parse().expect("a URL"));
        self.accepted(self.submission(url)).await
    }

    pub(crate) async fn job(&self, id: JobId) -> Job {
        self.store.get(id).await.expect("get").expect("a job")
    }

    /// The ends of the owner's jobs that were counted, in all months of the stored jobs.
    pub(crate) async fn ended(&self) -> EndCounts {
        let months = self.store.all_jobs().into_iter().filter_map(|job| job.state.ended_at().map(Month::of));
        let mut sum = EndCounts::default();
        for month in months.collect::<BTreeSet<_>>() {
            let mut counts = self.store.ended(&self.owner, month).await.expect("ended");
            for end in JobEnd::ALL {
                *sum.of(end) += *counts.of(end);
            }
        }
        sum
    }

    /// The entries of the owner's audit log, newest first, as action and job.
    pub(crate) async fn audited(&self) -> Vec<(String, Option<JobId>)> {
        let entries = Audit::list(self.store.as_ref(), &self.owner, None, 100).await.expect("list");
        entries.into_iter().map(|entry| (String::from(entry.action), entry.job)).collect()
    }

    pub(crate) async fn credits(&self) -> Option<u64> {
        self.store.owner(&self.owner).await.expect("owner").credits
    }

    /// Lets a fetcher and then a worker handle the queue's messages one after another, as on Lambda: acknowledged messages
    /// are deleted, deferred ones have their visibility changed, and those of a killed process reappear by themselves. Then
    /// a sender delivers reports.
    pub(crate) async fn work(&self, faults: &Arc<FaultInjector>) {
        self.work_on_jobs(faults).await;
        self.report(faults).await;
    }

    /// The part of [`World::work`] that concerns jobs.
    pub(crate) async fn work_on_jobs(&self, faults: &Arc<FaultInjector>) {
        self.fetch(faults).await;
        self.make(faults).await;
    }

    /// Lets a fetcher handle the messages at intake.
    pub(crate) async fn fetch(&self, faults: &Arc<FaultInjector>) {
        let intake = self.intake(faults);
        for delivery in self.queue.at(JobStage::Intake).receive(10, Duration::ZERO).await.expect("receive") {
            let handled = faults.unless_killed(intake.handle(delivery.request)).await;
            self.settle(&delivery.receipt, handled).await;
        }
    }

    /// Lets a worker handle the messages of the makers.
    pub(crate) async fn make(&self, faults: &Arc<FaultInjector>) {
        let process = self.process(faults);
        for delivery in self.queue.at(JobStage::Make).receive(10, Duration::ZERO).await.expect("receive") {
            let handled = faults.unless_killed(process.handle(&delivery.body, delivery.request)).await;
            self.settle(&delivery.receipt, handled).await;
        }
    }

    async fn settle(&self, receipt: &Receipt, handled: Option<Disposition>) {
        match handled {
            Some(Disposition::Acknowledge) => self.queue.delete(receipt).await.expect("delete"),
            Some(Disposition::Defer(wait)) => self.queue.defer(receipt, wait).await.expect("defer"),
            None => {}
        }
    }

    /// Lets a sender handle the reports queue's messages, like [`World::work`]. Returns their number.
    pub(crate) async fn report(&self, faults: &Arc<FaultInjector>) -> usize {
        let sender = self.sender(faults);
        let received = self.reports.receive(10, Duration::ZERO).await.expect("receive");
        for delivery in &received {
            match faults.unless_killed(sender.handle(&delivery.body)).await {
                Some(Disposition::Acknowledge) => self.reports.delete(&delivery.receipt).await.expect("delete"),
                Some(Disposition::Defer(wait)) => self.reports.defer(&delivery.receipt, wait).await.expect("defer"),
                None => {}
            }
        }
        received.len()
    }

    /// Runs the sweep once, and lets it handle the dead letters.
    pub(crate) async fn swept(&self, faults: &Arc<FaultInjector>) {
        let sweep = self.sweep(faults);
        let _report = faults.unless_killed(sweep.run()).await;
        for delivery in self.dead_letters.receive(10, Duration::ZERO).await.expect("receive") {
            match faults.unless_killed(sweep.dead_letter(&delivery.body, delivery.request)).await {
                Some(Disposition::Acknowledge) => self.dead_letters.delete(&delivery.receipt).await.expect("delete"),
                Some(Disposition::Defer(wait)) => {
                    self.dead_letters.defer(&delivery.receipt, wait).await.expect("defer");
                }
                None => {}
            }
        }
    }
}
