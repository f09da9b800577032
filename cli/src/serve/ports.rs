//! The ports that the server works on, whatever backend is behind them.

use std::sync::Arc;

use axum::http::HeaderValue;
use cutline_core::Policy;
use cutline_core::ports::{Blobs, Deliveries, DropFiles, Links, Pipeline, Queue, SourceFetcher};
use cutline_core::usecases::{DropIngest, Env, Process, RecordStores, UseCases, Workshop};
use cutline_http::{Api, SignedFiles};

use super::limits;

/// What the API and the workers need.
pub(crate) struct Ports {
    pub(crate) records: RecordStores,
    pub(crate) blobs: Arc<dyn Blobs>,
    pub(crate) queue: Arc<dyn Queue>,
    /// The workers' side of `queue`.
    pub(crate) deliveries: Arc<dyn Deliveries>,
    /// Where files are dropped, if anywhere.
    pub(crate) drop_files: Option<Arc<dyn DropFiles>>,
    pub(crate) links: Arc<dyn Links>,
    /// The files that `links` lead to, if this server serves them.
    pub(crate) files: Option<Arc<dyn SignedFiles>>,
}

impl Ports {
    fn use_cases(&self, policy: Policy) -> UseCases {
        UseCases { env: Env::system(policy), stores: self.records.clone() }
    }

    /// The API that the router serves.
    pub(crate) fn api(&self, cors_origins: Vec<HeaderValue>, policy: Policy) -> Api {
        let use_cases = self.use_cases(policy);
        let sets = use_cases.param_sets();
        let mut api = Api::new(self.records.keys.clone());
        api.submit = Some(use_cases.submit(self.blobs.clone(), self.queue.clone()));
        api.status = Some(use_cases.status(self.links.clone()));
        api.sets = Some(sets.clone());
        api.set_changes = Some(sets);
        api.files = self.files.clone();
        api.cors_origins = cors_origins;
        api.budget = Some(limits::budget());
        api
    }

    /// What takes in dropped files, if files can be dropped.
    pub(crate) fn drop_ingest(&self, policy: Policy) -> Option<DropIngest> {
        let files = self.drop_files.clone()?;
        Some(self.use_cases(policy).drop_ingest(files, self.blobs.clone(), self.queue.clone()))
    }

    /// What the workers do.
    pub(crate) fn process(
        &self,
        fetcher: Arc<dyn SourceFetcher>,
        pipeline: Arc<dyn Pipeline>,
        policy: Policy,
    ) -> Process {
        let drops = self.drop_ingest(policy);
        self.use_cases(policy).process(Workshop { blobs: self.blobs.clone(), fetcher, pipeline, drops })
    }
}
