//! Finding a job by its id.

use anyhow::{Context, anyhow};
use clap::Args;
use cutline_core::usecases::UseCases;
use cutline_core::{Job, JobId, OwnerId};

/// A job by its id.
#[derive(Debug, Args)]
pub(super) struct JobArgs {
    /// The job's id, as `jobs list` shows it.
    id: JobId,

    /// Accept the id only if the job belongs to this owner. [default: any owner]
    #[arg(long)]
    owner: Option<OwnerId>,
}

/// The job, as its owner may see it: neither deleted nor expired.
pub(super) async fn find(use_cases: &UseCases, args: &JobArgs) -> anyhow::Result<Job> {
    let (job, now) = (use_cases.stores.jobs.get(args.id).await, use_cases.env.clock.now());
    let job = job.context("cannot read the job")?;
    let job = job.filter(|job| job.is_visible_to(args.owner.as_ref().unwrap_or(&job.owner), now));
    job.ok_or_else(|| not_found(args.id))
}

/// The error for an unknown id.
pub(super) fn not_found(id: JobId) -> anyhow::Error {
    anyhow!("no job has the id `{id}`; list the ids with `cutline jobs list --owner OWNER`")
}
