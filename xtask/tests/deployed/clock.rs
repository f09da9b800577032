//! Moves a job's times into the past, as if time had passed.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use cutline_aws::DynamoTable;
use cutline_core::domain::ids::JobId;
use cutline_core::domain::job::{Job, JobState, Lease, ReportStatus, Transition};
use cutline_core::ports::{Jobs, WriteError};
use jiff::Timestamp;

/// Reads a job.
pub(crate) async fn job(table: &DynamoTable, id: &str) -> Result<Job> {
    let id: JobId = id.parse().context("invalid job id")?;
    table.get(id).await?.context("the job has no record")
}

/// Lets `by` pass for a job that has not ended, or still owes a report.
pub(crate) async fn pass(table: &DynamoTable, id: &str, by: Duration) -> Result<()> {
    for _ in 0..20 {
        let mut job = job(table, id).await?;
        let earlier = |time: Timestamp| time - by;
        let unreported = job.owed_manifest().is_some();
        let state = match job.state {
            JobState::Queued { stage, since, ready_at, resend_at, resends } => JobState::Queued {
                stage,
                since: earlier(since),
                ready_at: earlier(ready_at),
                resend_at: earlier(resend_at),
                resends,
            },
            JobState::Running { stage, step, lease } => {
                JobState::Running { stage, step, lease: Lease { until: earlier(lease.until), ..lease } }
            }
            ended @ (JobState::Done { .. } | JobState::Failed { .. }) if unreported => ended,
            ended => bail!("the job has ended: {ended}"),
        };
        for report in &mut job.reports {
            if let ReportStatus::Pending { next_at: Some(next_at) } = &mut report.status {
                *next_at = earlier(*next_at);
            }
        }
        let aged = Job { created_at: earlier(job.created_at), version: job.version + 1, state, ..job };
        match table.replace(&Transition::without_effects(aged)).await {
            Ok(()) => return Ok(()),
            // A worker wrote in the meantime.
            Err(WriteError::Conflict) => {}
            Err(error) => return Err(error).context("cannot move a job's times"),
        }
    }
    bail!("the job changed during each of 20 attempts")
}
