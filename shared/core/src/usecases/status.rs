//! Telling how a job stands. Links are signed here and now: a link stored in the record would expire there.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use crate::domain::ids::{JobId, OwnerId};
use crate::domain::job::{Job, JobState};
use crate::domain::outcome::{AssetKind, Variation};
use crate::ports::Clock;
use crate::ports::{Jobs, Link, Links, PortError};

/// A job as its owner may see it, with working links if it is done.
#[derive(Debug, Clone)]
pub struct JobView {
    /// The job.
    pub job: Job,
    /// A link for each picture; empty unless the job is done.
    pub links: BTreeMap<Variation, Link>,
    /// A link for each file beside them; empty unless the job is done.
    pub assets: BTreeMap<AssetKind, Link>,
}

impl JobView {
    /// Until when all of the links work; `None` where there are none. What they lead to goes with the job,
    /// so that is at the latest when the job is past its time.
    pub fn links_expire_at(&self) -> Option<Timestamp> {
        let signed_until = self.links.values().chain(self.assets.values()).map(|link| link.expires_at).min()?;
        Some(self.job.expires_at.map_or(signed_until, |gone_at| gone_at.min(signed_until)))
    }
}

/// The use case.
#[derive(Clone)]
pub struct Status {
    /// Where the record is.
    pub jobs: Arc<dyn Jobs>,
    /// What signs the links.
    pub links: Arc<dyn Links>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

impl Status {
    /// The job, or `None` where there is none for this owner: never made, another owner's, withdrawn, or
    /// past its time.
    ///
    /// # Errors
    /// [`PortError`] on a fault of a store.
    pub async fn run(&self, owner: &OwnerId, id: JobId) -> Result<Option<JobView>, PortError> {
        let Some(job) = self.jobs.get(id).await? else { return Ok(None) };
        if job.owner != *owner || job.is_expired(self.clock.now()) {
            return Ok(None);
        }
        let (mut links, mut assets) = (BTreeMap::new(), BTreeMap::new());
        match &job.state {
            JobState::Withdrawn { .. } => return Ok(None),
            JobState::Done { outcome, .. } => {
                for (variation, output) in &outcome.pictures {
                    links.insert(*variation, self.links.sign(&output.key).await?);
                }
                for (kind, asset) in &outcome.assets {
                    assets.insert(*kind, self.links.sign(&asset.key).await?);
                }
            }
            JobState::Queued { .. } | JobState::Running { .. } | JobState::Failed { .. } => {}
        }
        Ok(Some(JobView { job, links, assets }))
    }
}
