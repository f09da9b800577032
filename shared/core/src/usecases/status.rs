//! Reading a job's status. Links are signed on each request, since a stored link would expire.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{Instant, sleep_until};

use super::env::Env;
use crate::domain::asset::AssetKind;
use crate::domain::file_name::MAX_FILE_NAME_BYTES;
use crate::domain::ids::{JobId, OwnerId};
use crate::domain::job::Job;
use crate::domain::variation::Variation;
use crate::ports::{Jobs, Link, Links, PortError};

/// A job as its owner may see it, with working links if it is done or held for review.
#[derive(Debug, Clone)]
pub struct JobView {
    /// The job.
    pub job: Job,
    /// A link to each picture; empty unless the job is done or held for review.
    pub links: BTreeMap<Variation, Link>,
    /// A link to each asset; empty unless the job is done or held for review.
    pub assets: BTreeMap<AssetKind, Link>,
}

impl JobView {
    /// The job with links to its pictures and assets.
    pub(super) async fn signed(job: Job, signer: &dyn Links) -> Result<Self, PortError> {
        let (mut links, mut assets) = (BTreeMap::new(), BTreeMap::new());
        let names = job.file_names(MAX_FILE_NAME_BYTES);
        if let Some(outcome) = job.outcome() {
            for (variation, picture) in &outcome.pictures {
                links.insert(*variation, signer.sign(&picture.key, names.pictures.get(variation)).await?);
            }
            for (kind, asset) in outcome.assets.iter().filter(|(kind, _)| kind.info().is_listed) {
                assets.insert(*kind, signer.sign(&asset.key, names.assets.get(kind)).await?);
            }
        }
        Ok(Self { job, links, assets })
    }

    /// The time until which all links work; `None` without links. Never later than the job's own expiry, since its
    /// files are deleted with it.
    pub fn links_expire_at(&self) -> Option<Timestamp> {
        let signed_until = self.links.values().chain(self.assets.values()).map(|link| link.expires_at).min()?;
        Some(self.job.expires_at.map_or(signed_until, |gone_at| gone_at.min(signed_until)))
    }
}

/// The use case.
#[derive(Clone)]
pub struct Status {
    /// The records.
    pub jobs: Arc<dyn Jobs>,
    /// Signs the links.
    pub links: Arc<dyn Links>,
    /// Time, identifiers and rules.
    pub env: Env,
}

/// How often to look at a job while waiting for its end: after another tenth of the time that passed, within these limits. So
/// the wait is a tenth longer than the job at most, or the shortest interval.
const LOOK_INTERVALS: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(500));

impl Status {
    /// The job as [`Status::run`] returns it, once it has ended or comes to be held for review, or after `limit` as it is
    /// then.
    ///
    /// # Errors
    /// [`PortError`] on a fault of a store.
    pub async fn wait(&self, owner: &OwnerId, id: JobId, limit: Duration) -> Result<Option<JobView>, PortError> {
        let begun = Instant::now();
        let end = begun + limit;
        let (shortest, longest) = LOOK_INTERVALS;
        let mut was_in_progress = false;
        loop {
            let view = self.run(owner, id).await?;
            let job = view.as_ref().map(|view| &view.job);
            let is_held = job.is_some_and(Job::is_held);
            // A client may ask for a held job all the time, and its wait is its pause.
            let is_worth_waiting = job.is_some_and(|job| !job.has_ended()) && !(is_held && was_in_progress);
            was_in_progress |= !is_held;
            if !is_worth_waiting || Instant::now() >= end {
                return Ok(view);
            }
            let interval = (begun.elapsed() / 10).clamp(shortest, longest);
            sleep_until(end.min(Instant::now() + interval)).await;
        }
    }

    /// The job, or `None` if this owner has no such job: it was never created, belongs to another owner, was withdrawn
    /// or deleted, or has expired.
    ///
    /// # Errors
    /// [`PortError`] on a fault of a store.
    pub async fn run(&self, owner: &OwnerId, id: JobId) -> Result<Option<JobView>, PortError> {
        let now = self.env.clock.now();
        let Some(job) = self.jobs.get(id).await?.filter(|job| job.is_visible_to(owner, now)) else { return Ok(None) };
        JobView::signed(job, self.links.as_ref()).await.map(Some)
    }
}
