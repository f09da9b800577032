//! The ports that the server runs on, whatever is behind them.

use std::sync::Arc;

use axum::http::HeaderValue;
use cutline_core::Policy;
use cutline_core::ports::{Blobs, Deliveries, DropFiles, Links, Pipeline, Queue, SourceFetcher};
use cutline_core::usecases::{DropIngest, Env, Process, RecordStores, UseCases, Workshop};
use cutline_http::{Api, SignedFiles};

use super::limits;

/// The ports of the API and the workers.
pub(crate) struct Ports {
    pub(crate) stores: RecordStores,
    pub(crate) blobs: Arc<dyn Blobs>,
    pub(crate) queue: Arc<dyn Queue>,
    /// The workers' side of `queue`.
    pub(crate) deliveries: Arc<dyn Deliveries>,
    /// Where files can be dropped, if they can.
    pub(crate) drops: Option<Arc<dyn DropFiles>>,
    pub(crate) links: Arc<dyn Links>,
    /// The files behind `links`, if this server serves them.
    pub(crate) files: Option<Arc<dyn SignedFiles>>,
}

impl Ports {
    fn use_cases(&self, policy: Policy) -> UseCases {
        UseCases { env: Env::system(policy), stores: self.stores.clone() }
    }

    /// The use cases behind the router.
    pub(crate) fn api(&self, cors_origins: Vec<HeaderValue>, policy: Policy) -> Api {
        let cases = self.use_cases(policy);
        let mut api = Api::new(self.stores.keys.clone());
        api.submit = Some(cases.submit(self.blobs.clone(), self.queue.clone()));
        api.status = Some(cases.status(self.links.clone()));
        api.sets = Some(cases.param_sets());
        api.set_changes = Some(cases.param_sets());
        api.files = self.files.clone();
        api.cors_origins = cors_origins;
        api.budget = Some(limits::budget());
        api
    }

    /// Takes in dropped files and delivers their results; `None` where no files can be dropped.
    pub(crate) fn take_in(&self, policy: Policy) -> Option<DropIngest> {
        let files = self.drops.clone()?;
        Some(self.use_cases(policy).drop_ingest(files, self.blobs.clone(), self.queue.clone()))
    }

    /// The workers' use case.
    pub(crate) fn process(
        &self,
        fetcher: Arc<dyn SourceFetcher>,
        pipeline: Arc<dyn Pipeline>,
        policy: Policy,
    ) -> Process {
        let (blobs, drops) = (self.blobs.clone(), self.take_in(policy));
        self.use_cases(policy).process(Workshop { blobs, fetcher, pipeline, drops })
    }
}
