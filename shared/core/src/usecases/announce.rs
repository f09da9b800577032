//! Messages about the reports of a job that has ended.

use std::time::Duration;

use crate::domain::job::{Job, Report};
use crate::domain::report_message::ReportMessage;
use crate::ports::{PortError, ReportQueue};

/// Sends a message about each of the reports. A message that cannot be sent is left to the sweep.
pub(super) async fn announce<'a>(
    queue: &dyn ReportQueue,
    job: &Job,
    reports: impl IntoIterator<Item = &'a Report>,
) -> Result<(), PortError> {
    for report in reports {
        let message = ReportMessage { job_id: job.id, report_id: report.id.clone() };
        queue.send_report(&message, Duration::ZERO).await?;
    }
    Ok(())
}
