//! The queues of a deployment on AWS.

use anyhow::Context;
use clap::Args;
use clap::builder::NonEmptyStringValueParser;

/// The queues of jobs, one for each lane and stage.
#[derive(Debug, Args)]
pub(crate) struct QueueArgs {
    /// With --aws: the deployment's live queue, `JobsQueueUrl` of the stack's outputs.
    #[arg(long, env = "CUTLINE_QUEUE_URL", hide_env_values = true, value_name = "URL",
          value_parser = NonEmptyStringValueParser::new())]
    queue_url: Option<String>,

    /// With --aws: its bulk queue, `BulkQueueUrl` of the outputs.
    #[arg(long, env = "CUTLINE_BULK_QUEUE_URL", hide_env_values = true, value_name = "URL",
          value_parser = NonEmptyStringValueParser::new())]
    bulk_queue_url: Option<String>,

    /// With --aws: its live intake queue, `IntakeQueueUrl` of the outputs.
    #[arg(long, env = "CUTLINE_INTAKE_QUEUE_URL", hide_env_values = true, value_name = "URL",
          value_parser = NonEmptyStringValueParser::new())]
    intake_queue_url: Option<String>,

    /// With --aws: its bulk intake queue, `IntakeBulkQueueUrl` of the outputs.
    #[arg(long, env = "CUTLINE_INTAKE_BULK_QUEUE_URL", hide_env_values = true, value_name = "URL",
          value_parser = NonEmptyStringValueParser::new())]
    intake_bulk_queue_url: Option<String>,
}

/// The URLs of all queues.
#[cfg_attr(not(feature = "aws"), expect(dead_code, reason = "only the AWS backend has queues with URLs"))]
pub(crate) struct QueueUrls<'a> {
    pub(crate) live: &'a str,
    pub(crate) bulk: &'a str,
    pub(crate) intake_live: &'a str,
    pub(crate) intake_bulk: &'a str,
}

impl QueueArgs {
    /// All queues.
    ///
    /// # Errors
    /// Names the first option that is missing.
    pub(crate) fn all(&self) -> anyhow::Result<QueueUrls<'_>> {
        Ok(QueueUrls {
            live: required(self.queue_url.as_deref(), "--queue-url", "JobsQueueUrl")?,
            bulk: required(self.bulk_queue_url.as_deref(), "--bulk-queue-url", "BulkQueueUrl")?,
            intake_live: required(self.intake_queue_url.as_deref(), "--intake-queue-url", "IntakeQueueUrl")?,
            intake_bulk: required(
                self.intake_bulk_queue_url.as_deref(),
                "--intake-bulk-queue-url",
                "IntakeBulkQueueUrl",
            )?,
        })
    }
}

/// The value of an option that `--aws` requires.
pub(super) fn required<'a>(value: Option<&'a str>, flag: &str, output: &str) -> anyhow::Result<&'a str> {
    value.with_context(|| format!("missing option: {flag}; with --aws, set it to {output} of the stack's outputs"))
}
