//! The use cases of the server, wired to the ports of its backend.

use std::sync::Arc;

use axum::http::HeaderValue;
use cutline_core::ports::{
    Deliveries, ImageWorkers, JobFiles, OwnerWebhooks, Quarantine, SourceFetcher, WebhookClient,
};
use cutline_core::usecases::{
    Account, DirectUpload, DropIngest, Env, Intake, IntakePorts, Process, Receivers, Recut, ReportSender, Retry,
    StorageCap, Submit, Sweep, SweptFiles, UseCases, Workshop,
};
use cutline_http::{Api, Waiting, WebhookReach};

use super::browser::SwaggerUi;
use super::limits;
use super::ports::Ports;
use super::uploads::ReceivedUploads;
use crate::stop::StopSignal;

/// The use cases of the server.
pub(crate) struct App {
    ports: Ports,
    use_cases: UseCases,
    storage_cap: Option<StorageCap>,
    webhook_reach: WebhookReach,
}

impl App {
    /// The use cases on these ports. `max_stored_bytes` caps the bytes of an owner's files, where they are counted.
    pub(crate) fn new(ports: Ports, env: Env, max_stored_bytes: Option<u64>) -> Self {
        let use_cases = UseCases { env, stores: ports.records.clone() };
        let storage_cap = max_stored_bytes.zip(ports.storage_usage.clone());
        let storage_cap = storage_cap.map(|(max_bytes, usage)| StorageCap::new(max_bytes, usage));
        Self { ports, use_cases, storage_cap, webhook_reach: WebhookReach::Public }
    }

    /// The same use cases, whose webhooks may reach as far as this.
    #[must_use]
    pub(crate) fn with_webhook_reach(self, webhook_reach: WebhookReach) -> Self {
        Self { webhook_reach, ..self }
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
        let Ports { records, blobs, queue, reports, links, files, .. } = &self.ports;
        let sets = self.use_cases.param_sets();
        let mut api = Api::new(records.keys.clone());
        let submit = self.use_cases.submit(blobs.clone(), queue.clone());
        let upload_stores = Some(self.ports.uploads.clone());
        let uploads = upload_stores.clone();
        api.submit = Some(Submit { storage_cap: self.storage_cap.clone(), uploads, ..submit });
        let uploads = self.use_cases.direct_upload(self.ports.uploads.records.clone(), self.ports.upload_links.clone());
        api.uploads = Some(DirectUpload { storage_cap: self.storage_cap.clone(), ..uploads });
        api.status = Some(self.use_cases.status(links.clone()));
        api.jobs = Some(self.use_cases.job_list());
        api.audit = Some(self.use_cases.audit_log());
        let max_stored_bytes = self.storage_cap.as_ref().map(StorageCap::max_bytes);
        api.account = Some(Account { max_stored_bytes, ..self.use_cases.account() });
        let retry = self.use_cases.retry(blobs.clone(), queue.clone());
        let retry = Retry { storage_cap: self.storage_cap.clone(), ..retry };
        let recut = self.use_cases.recut(blobs.clone(), queue.clone());
        api.recut = Some(Recut { retry: retry.clone(), uploads: upload_stores, ..recut });
        api.retry = Some(retry);
        api.review = Some(self.use_cases.review(reports.clone()));
        api.webhook = Some(self.use_cases.resend_webhook(reports.clone()));
        api.webhook_reach = self.webhook_reach;
        api.delete = Some(self.use_cases.delete());
        api.sets = Some(sets.clone());
        api.set_changes = Some(sets);
        api.rate_limit = Some(self.use_cases.rate_limit());
        api.files = files.clone();
        let received = self.ports.received_uploads.clone();
        api.signed_uploads =
            received.map(|uploads| Arc::new(ReceivedUploads::new(uploads, self.storage_cap.clone())) as _);
        api.browser = Some(Arc::new(SwaggerUi::default()));
        api.pages = Some(self.ports.pages.clone());
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

    /// Gets what jobs need, for the fetchers.
    pub(crate) fn intake(&self, fetcher: Arc<dyn SourceFetcher>) -> Intake {
        let Ports { blobs, uploads, queue, reports, .. } = &self.ports;
        let (blobs, uploads, drops) = (blobs.clone(), uploads.objects.clone(), self.drop_ingest());
        let (queue, reports) = (queue.clone(), reports.clone());
        self.use_cases.intake(IntakePorts { blobs, uploads, fetcher, queue, reports, drops })
    }

    /// Makes pictures, for the workers.
    pub(crate) fn process(&self, image_workers: Arc<dyn ImageWorkers>) -> Process {
        let Ports { blobs, queue, reports, .. } = &self.ports;
        let (blobs, queue, reports) = (blobs.clone(), queue.clone(), reports.clone());
        self.use_cases.process(Workshop { blobs, image_workers, queue, reports })
    }

    /// Finds lost work.
    pub(crate) fn sweep(&self, files: Arc<dyn JobFiles>, quarantine: Arc<dyn Quarantine>) -> Sweep {
        let files = SweptFiles { jobs: files, uploads: self.ports.uploads.clone() };
        self.use_cases.sweep(files, self.ports.queue.clone(), self.ports.reports.clone(), quarantine)
    }

    /// Delivers reports, with four sends to each receiver at once.
    pub(crate) fn report_sender(
        &self,
        webhooks: Arc<dyn OwnerWebhooks>,
        client: Arc<dyn WebhookClient>,
    ) -> ReportSender {
        ReportSender {
            jobs: self.ports.records.jobs.clone(),
            webhooks,
            links: self.ports.links.clone(),
            client,
            reports: self.ports.reports.clone(),
            drops: self.drop_ingest(),
            receivers: Receivers::new(limits::SENDS_PER_RECEIVER),
            env: self.use_cases.env.clone(),
        }
    }
}
