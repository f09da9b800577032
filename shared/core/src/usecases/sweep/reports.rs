//! Finding reports whose message was lost, or whose next send is due.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::timeout;

use super::{Action, LIMIT, Sweep, SweepReport, count};
use crate::domain::ids::JobId;
use crate::domain::job::{Job, Report, ReportKind};
use crate::ports::{PortError, WriteError};
use crate::usecases::announce::announce;
use crate::usecases::persist;

/// How long it looks at reports. The rest stays due.
const TIME: Duration = Duration::from_secs(10);

impl Sweep {
    /// Sends messages about due reports, and gives late ones up, until none is due or the time is over.
    pub(super) async fn sweep_reports(&self, report: &mut SweepReport) {
        match timeout(TIME, self.due_reports(report)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::error!(%error, "due reports cannot be listed");
                report.errors += 1;
            }
            Err(_) => tracing::warn!("due reports are left to the next sweep"),
        }
    }

    async fn due_reports(&self, report: &mut SweepReport) -> Result<(), PortError> {
        loop {
            let due = self.jobs.reports_due(self.env.clock.now(), LIMIT).await?;
            let is_last = due.len() < LIMIT;
            let before = *report;
            count(report, due.into_iter().map(async |id| (id, self.look_at_reports(id).await))).await;
            // A store that cannot be written, or an index that is out of date.
            let has_stalled = (report.reminded, report.given_up) == (before.reminded, before.given_up);
            if is_last || has_stalled {
                return Ok(());
            }
        }
    }

    async fn look_at_reports(&self, id: JobId) -> Result<Action, PortError> {
        let now = self.env.clock.now();
        match self.jobs.get(id).await? {
            Some(job) if job.report_due_at().is_some_and(|due| due <= now) => self.retry_reports(job, now).await,
            Some(_) | None => Ok(Action::Nothing),
        }
    }

    /// Has the due reports of an ended job delivered, or gives them up. Giving up is logged once, since the record says
    /// so from then on.
    pub(super) async fn retry_reports(&self, job: Job, now: Timestamp) -> Result<Action, PortError> {
        let (path, expires_at) = (job.drop.as_ref().map(|origin| origin.path.clone()), job.expires_at);
        let given_up = |job: &Job| {
            let manifests = job.reports.iter().filter(|report| report.kind == ReportKind::Manifest);
            manifests.filter(|report| report.is_given_up()).count()
        };
        let before = given_up(&job);
        let Ok(next) = job.retry_reports(now, &self.env.policy) else { return Ok(Action::Nothing) };
        match persist::replace(self.jobs.as_ref(), &next).await {
            Ok(()) => {}
            Err(WriteError::Conflict) => return Ok(Action::Nothing),
            Err(WriteError::Port(error)) => return Err(error),
        }
        announce(self.reports.as_ref(), &next.job, next.owed()).await?;
        if given_up(&next.job) == before {
            tracing::debug!(job_id = %next.job.id, reports = next.owed().map(Report::is_pending).count(), "reports due");
            return Ok(Action::Reminded);
        }
        if let Some(path) = path {
            tracing::error!(
                job_id = %next.job.id,
                %path,
                available_until = expires_at.map(tracing::field::display),
                "results of a drop given up: they could not be written; make its folder of results writable and drop \
                 the file again, or get them by the API"
            );
        }
        Ok(Action::GaveUp)
    }

    /// Handles a message that the reports queue gave up on. The job's record says when the report is tried again.
    pub(super) fn dead_report(&self, job: JobId) {
        tracing::warn!(job_id = %job, "message about a report failed too often; the job's record schedules the report");
    }
}
