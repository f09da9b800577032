//! The use cases of the server, wired to the ports of its backend.

use std::sync::Arc;

use axum::http::HeaderValue;
use cutline_core::Policy;
use cutline_core::ports::{Deliveries, ImageWorkers, JobFiles, Quarantine, SourceFetcher};
use cutline_core::usecases::{DropIngest, Env, Intake, Process, Retry, StorageCap, Submit, Sweep, UseCases, Workshop};
use cutline_http::{Api, Waiting};

use super::limits;
use super::ports::Ports;
use super::stop::StopSignal;

/// The use cases of the server.
pub(crate) struct App {
    ports: Ports,
    use_cases: UseCases,
    storage_cap: Option<StorageCap>,
}

impl App {
    /// The use cases on these ports. `max_stored_bytes` caps the bytes of an owner's files, where they are counted.
    pub(crate) fn new(ports: Ports, policy: Policy, max_stored_bytes: Option<u64>) -> Self {
        let use_cases = UseCases { env: Env::system(policy), stores: ports.records.clone() };
        let storage_cap = max_stored_bytes.zip(ports.storage_usage.clone());
        let storage_cap = storage_cap.map(|(max_bytes, usage)| StorageCap::new(max_bytes, usage));
        Self { ports, use_cases, storage_cap }
    }

    /// The receiving end of the makers' queue.
    pub(crate) fn deliveries(&self) -> Arc<dyn Deliveries> {
        self.ports.deliveries.clone()
    }

    /// The receiving end of the intake queue.
    pub(crate) fn intake_deliveries(&self) -> Arc<dyn Deliveries> {
        self.ports.intake_deliveries.clone()
    }

    /// The API for the router.
    pub(crate) fn api(&self, cors_origins: Vec<HeaderValue>, stop: &StopSignal) -> Api {
        let Ports { records, blobs, queue, links, files, .. } = &self.ports;
        let sets = self.use_cases.param_sets();
        let mut api = Api::new(records.keys.clone());
        let submit = self.use_cases.submit(blobs.clone(), queue.clone());
        api.submit = Some(Submit { storage_cap: self.storage_cap.clone(), ..submit });
        api.status = Some(self.use_cases.status(links.clone()));
        api.jobs = Some(self.use_cases.job_list());
        let retry = self.use_cases.retry(blobs.clone(), queue.clone());
        api.retry = Some(Retry { storage_cap: self.storage_cap.clone(), ..retry });
        api.delete = Some(self.use_cases.delete());
        api.sets = Some(sets.clone());
        api.set_changes = Some(sets);
        api.rate_limit = Some(self.use_cases.rate_limit());
        api.files = files.clone();
        api.cors_origins = cors_origins;
        api.budget = Some(limits::body_budget());
        api.require_host = true;
        api.waiting = Some(Waiting::new(limits::MAX_WAIT, limits::MAX_WAITING, Some(stop.receiver())));
        api
    }

    /// Turns dropped files into jobs. `None` if no files can be dropped.
    pub(crate) fn drop_ingest(&self) -> Option<DropIngest> {
        let Ports { blobs, queue, drop_files, .. } = &self.ports;
        let ingest = self.use_cases.drop_ingest(drop_files.clone()?, blobs.clone(), queue.clone());
        Some(DropIngest { storage_cap: self.storage_cap.clone(), ..ingest })
    }

    /// Fetches what jobs need, for the fetchers.
    pub(crate) fn intake(&self, fetcher: Arc<dyn SourceFetcher>) -> Intake {
        let Ports { blobs, queue, .. } = &self.ports;
        Intake { drops: self.drop_ingest(), ..self.use_cases.intake(blobs.clone(), fetcher, queue.clone()) }
    }

    /// Makes pictures, for the workers.
    pub(crate) fn process(&self, image_workers: Arc<dyn ImageWorkers>) -> Process {
        let (Ports { blobs, queue, .. }, drops) = (&self.ports, self.drop_ingest());
        self.use_cases.process(Workshop { blobs: blobs.clone(), queue: queue.clone(), image_workers, drops })
    }

    /// Finds lost work.
    pub(crate) fn sweep(&self, files: Arc<dyn JobFiles>, quarantine: Arc<dyn Quarantine>) -> Sweep {
        self.use_cases.sweep(files, self.ports.queue.clone(), quarantine)
    }
}
