//! This release finishes what the previous one recorded, and loses nothing.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::recording::{RecordedDrop, RecordedJob, Recording};
use super::release_0_1_0;
use super::stand_ins::{Copies, Internet, Nobody};
use crate::domain::ids::JobId;
use crate::domain::job::{Job, JobState};
use crate::domain::policy::Policy;
use crate::domain::time::after;
use crate::ports::{
    Blobs, Deliveries, Delivery, DropFiles, JobFiles, Links, NoMetrics, Quarantine, Queue, Receipt, ReportQueue,
    SystemIds,
};
use crate::testing::{ManualClock, MemoryLinks, MemoryStore, MemoryUploads, ThreadWorkers};
use crate::usecases::{
    Disposition, Env, Intake, IntakePorts, Process, Receivers, RecordStores, ReportSender, Status, Sweep, SweptFiles,
    UploadStores, UseCases, Workshop,
};

/// How long after the recording this release begins: leases have ended, and messages are visible and count as lost.
const LATER: Duration = Duration::from_secs(20 * 60);

/// The most rounds of all workers and the sweep.
const ROUNDS: usize = 30;

/// A backend that holds what the previous release recorded.
pub struct UpgradedBackend {
    /// The records.
    pub stores: RecordStores,
    /// Sources and outputs.
    pub blobs: Arc<dyn Blobs>,
    /// The same, for deletions.
    pub job_files: Arc<dyn JobFiles>,
    /// Dropped files and their results.
    pub drop_files: Arc<dyn DropFiles>,
    /// Where messages about jobs go.
    pub queue: Arc<dyn Queue>,
    /// Messages for fetchers.
    pub intake: Arc<dyn Deliveries>,
    /// Messages for workers, the recorded ones among them.
    pub make: Arc<dyn Deliveries>,
    /// Dead letters.
    pub dead_letters: Arc<dyn Deliveries>,
    /// Where unreadable messages go.
    pub quarantine: Arc<dyn Quarantine>,
    /// Where messages about reports go.
    pub report_queue: Arc<dyn ReportQueue>,
    /// Messages about reports.
    pub reports: Arc<dyn Deliveries>,
    /// The clock of the stores and the use cases.
    pub clock: Arc<ManualClock>,
}

/// Reads every record, has all jobs finished by the use cases, and checks their ends, the drops, and the credits.
pub async fn previous_release(recording: &Recording, backend: &UpgradedBackend) {
    backend.clock.set(after(recording.recorded_at, LATER));
    let upgrade = Upgrade::new(recording, backend);
    let before = upgrade.read_jobs().await;
    upgrade.read_settings().await;
    upgrade.finish().await;
    upgrade.check_ends(&before).await;
    upgrade.check_drops().await;
    upgrade.check_credits(&before).await;
    upgrade.deliver_again().await;
}

struct Upgrade<'a> {
    recording: &'a Recording,
    backend: &'a UpgradedBackend,
    status: Status,
    intake: Intake,
    process: Process,
    sweep: Sweep,
    sender: ReportSender,
}

impl<'a> Upgrade<'a> {
    fn new(recording: &'a Recording, backend: &'a UpgradedBackend) -> Self {
        let clock = backend.clock.clone();
        let env = Env {
            clock: clock.clone(),
            ids: Arc::new(SystemIds),
            policy: Policy::default(),
            metrics: Arc::new(NoMetrics),
            undecodable: &[],
        };
        let UpgradedBackend { blobs, drop_files, queue, report_queue, .. } = backend;
        let use_cases = UseCases { env: env.clone(), stores: backend.stores.clone() };
        // The previous release has no direct uploads and no webhooks.
        let memory = Arc::new(MemoryUploads::new(clock.clone(), Arc::default()));
        let uploads = UploadStores { records: memory.clone(), objects: memory.clone() };
        let links: Arc<dyn Links> = Arc::new(MemoryLinks::new(clock));
        let ingest = use_cases.drop_ingest(drop_files.clone(), blobs.clone(), queue.clone());
        let intake = IntakePorts {
            blobs: blobs.clone(),
            uploads: memory,
            fetcher: Arc::new(Internet),
            queue: queue.clone(),
            reports: report_queue.clone(),
            drops: Some(ingest.clone()),
        };
        let workshop = Workshop {
            blobs: blobs.clone(),
            queue: queue.clone(),
            image_workers: Arc::new(ThreadWorkers::new(Copies)),
            reports: report_queue.clone(),
        };
        let files = SweptFiles { jobs: backend.job_files.clone(), uploads };
        Self {
            status: use_cases.status(links.clone()),
            intake: use_cases.intake(intake),
            process: use_cases.process(workshop),
            sweep: use_cases.sweep(files, queue.clone(), report_queue.clone(), backend.quarantine.clone()),
            sender: ReportSender {
                jobs: backend.stores.jobs.clone(),
                webhooks: Arc::new(MemoryStore::new()),
                links,
                client: Arc::new(Nobody),
                reports: report_queue.clone(),
                drops: Some(ingest),
                receivers: Receivers::new(4),
                env,
            },
            recording,
            backend,
        }
    }

    async fn job(&self, id: JobId) -> Job {
        self.backend.stores.jobs.get(id).await.expect("a readable record").unwrap_or_else(|| panic!("{id} is lost"))
    }

    /// The recorded jobs. Their owners can see them.
    async fn read_jobs(&self) -> BTreeMap<JobId, Job> {
        let mut jobs = BTreeMap::new();
        for recorded in &self.recording.jobs {
            let job = self.job(recorded.id).await;
            assert_eq!((job.state.name(), &job.owner), (recorded.state.as_str(), &recorded.owner), "{}", recorded.id);
            self.check_status(recorded, &job).await;
            jobs.insert(job.id, job);
        }
        for state in ["queued", "running", "done", "failed"] {
            assert!(jobs.values().any(|job| job.state.name() == state), "no job is {state}");
        }
        jobs
    }

    async fn check_status(&self, recorded: &RecordedJob, job: &Job) {
        let view = self.status.run(&recorded.owner, recorded.id).await.expect("a status");
        let Some(view) = view else {
            assert!(matches!(job.state, JobState::Withdrawn { .. }), "{} has no status", recorded.id);
            return;
        };
        let pictures = job.outcome().map_or(0, |outcome| outcome.pictures.len());
        assert_eq!((&view.job, view.links.len()), (job, pictures));
    }

    /// Keys, owners and parameter sets.
    async fn read_settings(&self) {
        let Recording { keys, sets, owners, .. } = self.recording;
        assert!(!keys.is_empty() && !sets.is_empty() && !owners.is_empty(), "nothing was recorded");
        let stores = &self.backend.stores;
        for recorded in keys {
            let key = stores.keys.find(&recorded.hash).await.expect("a readable key").expect("a key");
            assert_eq!(key.revoked_at.is_some(), recorded.is_revoked, "{key:?}");
            assert!(stores.keys.is_known(&key.owner).await.expect("an owner"), "{key:?}");
        }
        for recorded in sets {
            let set = stores.sets.get(&recorded.owner, &recorded.name).await.expect("a readable set");
            assert!(set.is_some(), "{} is lost", recorded.name);
            let listed = stores.sets.list(&recorded.owner, None, 100).await.expect("a list");
            assert!(listed.iter().any(|(name, ..)| *name == recorded.name), "{} is not listed", recorded.name);
        }
        for recorded in owners {
            let owner = stores.keys.owner(&recorded.id).await.expect("a readable owner");
            assert_eq!(owner.credits, recorded.credits, "{owner:?}");
        }
    }

    /// Lets all workers handle messages, and the sweep look at all jobs, until there is nothing to do.
    async fn finish(&self) {
        for _ in 0..ROUNDS {
            let mut handled = 0;
            for delivery in receive(self.backend.make.as_ref()).await {
                let disposition = self.process.handle(&delivery.body, delivery.request).await;
                settle(self.backend.make.as_ref(), &delivery.receipt, disposition).await;
                handled += 1;
            }
            for delivery in receive(self.backend.intake.as_ref()).await {
                let disposition = self.intake.handle(delivery.request).await;
                settle(self.backend.intake.as_ref(), &delivery.receipt, disposition).await;
                handled += 1;
            }
            for delivery in receive(self.backend.reports.as_ref()).await {
                let disposition = self.sender.handle(&delivery.body).await;
                settle(self.backend.reports.as_ref(), &delivery.receipt, disposition).await;
                handled += 1;
            }
            for delivery in receive(self.backend.dead_letters.as_ref()).await {
                let disposition = self.sweep.dead_letter(&delivery.body, delivery.request).await;
                settle(self.backend.dead_letters.as_ref(), &delivery.receipt, disposition).await;
                handled += 1;
            }
            if handled == 0 {
                let report = self.sweep.run().await.expect("a sweep");
                assert_eq!(report.errors, 0, "{report:?}");
                if report == Default::default() {
                    return;
                }
            }
        }
        panic!("the jobs are not finished after {ROUNDS} rounds");
    }

    async fn check_ends(&self, before: &BTreeMap<JobId, Job>) {
        for recorded in &self.recording.jobs {
            let job = self.job(recorded.id).await;
            assert_eq!(job.state.name(), recorded.ends, "{}: {:?}", recorded.id, job.state);
            assert!(job.owed_reports().next().is_none(), "{} owes a report: {:?}", recorded.id, job.reports);
            assert_eq!(job.charged, before[&recorded.id].charged);
            self.check_status(recorded, &job).await;
            // After a roll back, the previous release reads it.
            let record = serde_json::to_value(&job).expect("serializes");
            release_0_1_0::rewritten(&record).unwrap_or_else(|error| panic!("{}: {error}", recorded.id));
        }
    }

    async fn check_drops(&self) {
        assert!(!self.recording.drops.is_empty(), "no file was dropped");
        for drop in &self.recording.drops {
            let manifest = self.backend.drop_files.manifest(&drop.path).await.expect("a manifest");
            let manifest = manifest.unwrap_or_else(|| panic!("{} has no manifest", drop.path));
            let manifest: Value = serde_json::from_slice(&manifest.bytes).expect("JSON");
            assert_eq!(manifest["status"], drop.status.as_str(), "{manifest}");
            if let Some(job) = drop.job {
                assert_eq!(manifest["job_id"], job.to_string(), "{manifest}");
            }
        }
    }

    /// A job costs one credit, and a failed one gives it back.
    async fn check_credits(&self, before: &BTreeMap<JobId, Job>) {
        for recorded in &self.recording.owners {
            let Some(credits) = recorded.credits else { continue };
            let is_own = |drop: &&RecordedDrop| drop.path.owner() == recorded.id.as_str();
            let created = self.recording.drops.iter().filter(is_own).filter(|drop| drop.job.is_none()).count();
            let mut refunded = 0;
            for job in before.values().filter(|job| job.owner == recorded.id && job.charged && !job.has_ended()) {
                refunded += u64::from(self.job(job.id).await.state.name() == "failed");
            }
            let expected = credits + refunded - u64::try_from(created).expect("a small number");
            let owner = self.backend.stores.keys.owner(&recorded.id).await.expect("an owner");
            assert_eq!(owner.credits, Some(expected), "{owner:?}");
        }
    }

    /// Late copies of messages change nothing.
    async fn deliver_again(&self) {
        for recorded in &self.recording.jobs {
            let before = self.job(recorded.id).await;
            let handled = [self.process.handle_job(before.id).await, self.intake.handle_job(before.id).await];
            assert_eq!(handled, [Disposition::Acknowledge; 2], "{}", before.id);
            assert_eq!(self.job(recorded.id).await, before);
        }
    }
}

async fn receive(queue: &dyn Deliveries) -> Vec<Delivery> {
    queue.receive(10, Duration::ZERO).await.expect("receive")
}

async fn settle(queue: &dyn Deliveries, receipt: &Receipt, disposition: Disposition) {
    match disposition {
        Disposition::Acknowledge => queue.delete(receipt).await.expect("delete"),
        Disposition::Defer(wait) => queue.defer(receipt, wait).await.expect("defer"),
    }
}
