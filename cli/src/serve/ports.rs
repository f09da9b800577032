//! The ports that the server works on, whatever is behind them.

use std::sync::Arc;

use axum::http::HeaderValue;
use cutline_core::ports::{
    Blobs, Deliveries, DropFiles, Drops, Jobs, Keys, Links, ParamSets, Pipeline, Queue, SourceFetcher,
};
use cutline_core::usecases::DropIngest;
use cutline_core::usecases::ParamSetLibrary;
use cutline_core::usecases::Process;
use cutline_core::usecases::Status;
use cutline_core::usecases::Submit;
use cutline_core::{Policy, SystemClock, SystemIds};
use cutline_http::{Api, SignedFiles};

use super::limits;

/// What the API and the workers need.
pub(crate) struct Ports {
    pub(crate) jobs: Arc<dyn Jobs>,
    pub(crate) keys: Arc<dyn Keys>,
    pub(crate) sets: Arc<dyn ParamSets>,
    pub(crate) blobs: Arc<dyn Blobs>,
    pub(crate) queue: Arc<dyn Queue>,
    /// The workers' side of `queue`.
    pub(crate) deliveries: Arc<dyn Deliveries>,
    /// Which drops are known, and the place where files are dropped, if there is one.
    pub(crate) drops: Option<(Arc<dyn Drops>, Arc<dyn DropFiles>)>,
    pub(crate) links: Arc<dyn Links>,
    /// What `links` lead to, where that is this server.
    pub(crate) files: Option<Arc<dyn SignedFiles>>,
}

impl Ports {
    /// The owners' parameter sets and the built-in ones.
    fn sets(&self) -> ParamSetLibrary {
        ParamSetLibrary { store: self.sets.clone(), clock: Arc::new(SystemClock), ids: Arc::new(SystemIds) }
    }

    /// What the router serves.
    pub(crate) fn api(&self, cors_origins: Vec<HeaderValue>, policy: Policy) -> Api {
        let sets = self.sets();
        let submit = Submit {
            jobs: self.jobs.clone(),
            keys: self.keys.clone(),
            sets: sets.clone(),
            blobs: self.blobs.clone(),
            queue: self.queue.clone(),
            clock: Arc::new(SystemClock),
            ids: Arc::new(SystemIds),
            policy,
        };
        let status = Status { jobs: self.jobs.clone(), links: self.links.clone(), clock: Arc::new(SystemClock) };
        let mut api = Api::new(self.keys.clone());
        api.submit = Some(submit);
        api.status = Some(status);
        api.sets = Some(sets.clone());
        api.set_changes = Some(sets);
        api.files = self.files.clone();
        api.cors_origins = cors_origins;
        api.budget = Some(limits::budget());
        api
    }

    /// What takes dropped files in and answers them, where files can be dropped.
    pub(crate) fn take_in(&self, policy: Policy) -> Option<DropIngest> {
        let (drops, files) = self.drops.clone()?;
        Some(DropIngest {
            drops,
            files,
            jobs: self.jobs.clone(),
            blobs: self.blobs.clone(),
            queue: self.queue.clone(),
            keys: self.keys.clone(),
            sets: self.sets(),
            clock: Arc::new(SystemClock),
            ids: Arc::new(SystemIds),
            policy,
        })
    }

    /// The use case of the workers.
    pub(crate) fn process(
        &self,
        fetcher: Arc<dyn SourceFetcher>,
        pipeline: Arc<dyn Pipeline>,
        policy: Policy,
    ) -> Process {
        Process {
            jobs: self.jobs.clone(),
            blobs: self.blobs.clone(),
            fetcher,
            pipeline,
            drops: self.take_in(policy),
            clock: Arc::new(SystemClock),
            ids: Arc::new(SystemIds),
            policy,
        }
    }
}
