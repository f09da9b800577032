//! The one place where use cases are put together. The server and the functions differ only in the ports they pass.

use std::sync::Arc;

use super::account::Account;
use super::audit_log::AuditLog;
use super::delete::Delete;
use super::direct_upload::DirectUpload;
use super::drops::DropIngest;
use super::env::Env;
use super::found_upload::UploadStores;
use super::intake::{DropWait, Intake, IntakePorts};
use super::job_list::JobList;
use super::param_sets::ParamSetLibrary;
use super::process::{Process, Workshop};
use super::rate_limit::RateLimit;
use super::recut::Recut;
use super::resend_webhook::ResendWebhook;
use super::retry::Retry;
use super::review::Review;
use super::status::Status;
use super::submit::Submit;
use super::sweep::Sweep;
use super::webhook_settings::WebhookSettings;
use crate::domain::audit::Actor;
use crate::ports::{
    Audit, Blobs, DropFiles, Identities, JobFiles, Jobs, Keys, Links, OwnerWebhooks, ParamSets, Quarantine, Queue,
    RateCounters, ReportQueue, UploadLinks, Uploads, Usage,
};

/// The stores of records. They share owners and credits, so all of them belong to one backend.
#[derive(Clone)]
pub struct RecordStores {
    /// Jobs.
    pub jobs: Arc<dyn Jobs>,
    /// External identities.
    pub identities: Arc<dyn Identities>,
    /// API keys and owners.
    pub keys: Arc<dyn Keys>,
    /// Parameter sets.
    pub sets: Arc<dyn ParamSets>,
    /// Counters of requests.
    pub rates: Arc<dyn RateCounters>,
    /// Counts of ended jobs.
    pub usage: Arc<dyn Usage>,
    /// The audit log.
    pub audit: Arc<dyn Audit>,
}

impl RecordStores {
    /// The record stores of a backend that keeps all records in one place.
    pub fn in_one<S>(store: Arc<S>) -> Self
    where
        S: Jobs + Identities + Keys + ParamSets + RateCounters + Usage + Audit + 'static,
    {
        Self {
            jobs: store.clone(),
            identities: store.clone(),
            keys: store.clone(),
            sets: store.clone(),
            rates: store.clone(),
            usage: store.clone(),
            audit: store,
        }
    }
}

/// The files that are deleted with a job.
pub struct SweptFiles {
    /// The job's own files.
    pub jobs: Arc<dyn JobFiles>,
    /// The direct uploads that it was made from.
    pub uploads: UploadStores,
}

/// Builds use cases on one backend's record stores.
#[derive(Clone)]
pub struct UseCases {
    /// Time, identifiers and rules.
    pub env: Env,
    /// The records.
    pub stores: RecordStores,
}

impl UseCases {
    /// Parameter sets, built-in and stored.
    pub fn param_sets(&self) -> ParamSetLibrary {
        ParamSetLibrary { store: self.stores.sets.clone(), env: self.env.clone() }
    }

    /// Counting requests.
    pub fn rate_limit(&self) -> RateLimit {
        RateLimit { keys: self.stores.keys.clone(), counters: self.stores.rates.clone(), env: self.env.clone() }
    }

    /// Reading an owner's account.
    pub fn account(&self) -> Account {
        let RecordStores { keys, usage, .. } = self.stores.clone();
        Account { keys, usage, max_stored_bytes: None, env: self.env.clone() }
    }

    /// The audit log.
    pub fn audit_log(&self) -> AuditLog {
        AuditLog { audit: self.stores.audit.clone(), env: self.env.clone() }
    }

    /// Accepting jobs.
    pub fn submit(&self, blobs: Arc<dyn Blobs>, queue: Arc<dyn Queue>) -> Submit {
        Submit {
            jobs: self.stores.jobs.clone(),
            identities: self.stores.identities.clone(),
            keys: self.stores.keys.clone(),
            sets: self.param_sets(),
            blobs,
            uploads: None,
            queue,
            storage_cap: None,
            env: self.env.clone(),
        }
    }

    /// Granting direct uploads.
    pub fn direct_upload(&self, records: Arc<dyn Uploads>, links: Arc<dyn UploadLinks>) -> DirectUpload {
        DirectUpload { records, links, storage_cap: None, env: self.env.clone() }
    }

    /// Repeating jobs, for [`Actor::System`].
    pub fn retry(&self, blobs: Arc<dyn Blobs>, queue: Arc<dyn Queue>) -> Retry {
        let RecordStores { jobs, identities, keys, audit, .. } = self.stores.clone();
        let (actor, env) = (Actor::System, self.env.clone());
        Retry { jobs, identities, keys, blobs, queue, audit, actor, storage_cap: None, env }
    }

    /// Cutting photographs again, for [`Actor::System`].
    pub fn recut(&self, blobs: Arc<dyn Blobs>, queue: Arc<dyn Queue>) -> Recut {
        let (jobs, env, actor) = (self.stores.jobs.clone(), self.env.clone(), Actor::System);
        Recut { jobs, queue: queue.clone(), retry: self.retry(blobs, queue), uploads: None, actor, env }
    }

    /// Deleting jobs, for [`Actor::System`].
    pub fn delete(&self) -> Delete {
        Delete { jobs: self.stores.jobs.clone(), actor: Actor::System, env: self.env.clone() }
    }

    /// Listing jobs.
    pub fn job_list(&self) -> JobList {
        JobList { jobs: self.stores.jobs.clone(), env: self.env.clone() }
    }

    /// Reading a job's status.
    pub fn status(&self, links: Arc<dyn Links>) -> Status {
        Status { jobs: self.stores.jobs.clone(), links, env: self.env.clone() }
    }

    /// Taking in dropped files, and delivering their results.
    pub fn drop_ingest(&self, files: Arc<dyn DropFiles>, blobs: Arc<dyn Blobs>, queue: Arc<dyn Queue>) -> DropIngest {
        DropIngest {
            identities: self.stores.identities.clone(),
            files,
            jobs: self.stores.jobs.clone(),
            blobs,
            queue,
            keys: self.stores.keys.clone(),
            sets: self.param_sets(),
            audit: self.stores.audit.clone(),
            storage_cap: None,
            env: self.env.clone(),
        }
    }

    /// Storing what jobs need. No dropped files; set [`IntakePorts::drops`] where messages announce them.
    pub fn intake(&self, ports: IntakePorts) -> Intake {
        let (jobs, env) = (self.stores.jobs.clone(), self.env.clone());
        Intake { jobs, ports, env, deadline: None, drop_wait: DropWait::default() }
    }

    /// Making the pictures of jobs.
    pub fn process(&self, workshop: Workshop) -> Process {
        Process { jobs: self.stores.jobs.clone(), workshop, env: self.env.clone(), deadline: None }
    }

    /// Finding lost work.
    pub fn sweep(
        &self,
        files: SweptFiles,
        queue: Arc<dyn Queue>,
        reports: Arc<dyn ReportQueue>,
        quarantine: Arc<dyn Quarantine>,
    ) -> Sweep {
        let SweptFiles { jobs: files, uploads } = files;
        Sweep { jobs: self.stores.jobs.clone(), files, uploads, queue, reports, quarantine, env: self.env.clone() }
    }

    /// Sending a job's webhook again.
    pub fn resend_webhook(&self, reports: Arc<dyn ReportQueue>) -> ResendWebhook {
        ResendWebhook { jobs: self.stores.jobs.clone(), reports, env: self.env.clone() }
    }

    /// Deciding about jobs that are held for review.
    pub fn review(&self, reports: Arc<dyn ReportQueue>) -> Review {
        Review { jobs: self.stores.jobs.clone(), reports, env: self.env.clone() }
    }

    /// Setting owners' webhook URLs and secrets.
    pub fn webhook_settings(&self, store: Arc<dyn OwnerWebhooks>) -> WebhookSettings {
        WebhookSettings { store, env: self.env.clone() }
    }
}
