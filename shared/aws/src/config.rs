//! The settings of the Lambda functions: environment variables, checked once when the process starts.
//!
//! Each function has a struct whose fields name their variables. `template.yaml` sets exactly those; a test compares
//! the two. Variables that AWS sets itself, such as the region and the credentials, are not listed here.

mod environment;
mod sam_local;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, Parser};
use cutline_core::Policy;
use tracing_subscriber::EnvFilter;
use url::Url;

pub use environment::{ConfigError, from_env, variables};

const TABLE: &str = "CUTLINE_TABLE";
const BUCKET: &str = "CUTLINE_BUCKET";
const QUEUE_URL: &str = "CUTLINE_QUEUE_URL";
const BULK_QUEUE_URL: &str = "CUTLINE_BULK_QUEUE_URL";
const INTAKE_QUEUE_URL: &str = "CUTLINE_INTAKE_QUEUE_URL";
const INTAKE_BULK_QUEUE_URL: &str = "CUTLINE_INTAKE_BULK_QUEUE_URL";
const DEAD_LETTER_QUEUE_URL: &str = "CUTLINE_DEAD_LETTER_QUEUE_URL";
const PARKING_QUEUE_URL: &str = "CUTLINE_PARKING_QUEUE_URL";
const REPORTS_QUEUE_URL: &str = "CUTLINE_REPORTS_QUEUE_URL";
const DELIVERY_ROLE_ARN: &str = "CUTLINE_DELIVERY_ROLE_ARN";
const UPLOAD_ROLE_ARN: &str = "CUTLINE_UPLOAD_ROLE_ARN";
const MAX_WAIT_SECONDS: &str = "CUTLINE_MAX_WAIT_SECONDS";
const MODELS_DIR: &str = "CUTLINE_MODELS_DIR";
const RETENTION_DAYS: &str = "CUTLINE_RETENTION_DAYS";
const ALLOW_PRIVATE_SOURCES: &str = "CUTLINE_ALLOW_PRIVATE_SOURCES";
const LOG: &str = "CUTLINE_LOG";
const METRICS_NAMESPACE: &str = "CUTLINE_METRICS_NAMESPACE";

/// Set by Lambda itself: the function's memory in MB. Its share of processors follows from it.
const MEMORY_MB: &str = "AWS_LAMBDA_FUNCTION_MEMORY_SIZE";
/// Memory that comes with one processor, in MB.
const MB_PER_PROCESSOR: usize = 1769;
/// The most processors that a function gets.
const MAX_THREADS: usize = 6;

/// Settings that all functions share.
#[derive(Debug, Clone, Args)]
pub struct CommonConfig {
    /// The DynamoDB table with the records.
    #[arg(long, env = TABLE)]
    pub table: String,
    /// The job's rules, with the configured retention.
    #[arg(long, env = RETENTION_DAYS, value_parser = policy)]
    policy: Option<Policy>,
    /// The log filter.
    #[arg(long, env = LOG, default_value = "info", value_parser = log_filter)]
    pub log: String,
    /// The namespace of the metrics in CloudWatch. Each deployment has its own.
    #[arg(long, env = METRICS_NAMESPACE, default_value = "Cutline", value_parser = namespace)]
    pub metrics_namespace: String,
}

/// The queues of jobs, one for each lane and stage.
#[derive(Debug, Clone, Args)]
pub struct QueueUrls {
    /// Live jobs whose pictures are to be made.
    #[arg(long, env = QUEUE_URL, value_parser = http_url)]
    pub queue_url: String,
    /// Bulk jobs whose pictures are to be made.
    #[arg(long, env = BULK_QUEUE_URL, value_parser = http_url)]
    pub bulk_queue_url: String,
    /// Live jobs that need something fetched first.
    #[arg(long, env = INTAKE_QUEUE_URL, value_parser = http_url)]
    pub intake_queue_url: String,
    /// Bulk jobs that need something fetched first, and dropped files.
    #[arg(long, env = INTAKE_BULK_QUEUE_URL, value_parser = http_url)]
    pub intake_bulk_queue_url: String,
}

/// Settings of the upload function.
#[derive(Debug, Clone, Parser)]
pub struct UploadConfig {
    /// Settings that all functions share.
    #[command(flatten)]
    pub common: CommonConfig,
    /// The bucket of sources and outputs.
    #[arg(long, env = BUCKET)]
    pub bucket: String,
    /// The queues of jobs.
    #[command(flatten)]
    pub queues: QueueUrls,
    /// The role that signs links to upload files.
    #[arg(long, env = UPLOAD_ROLE_ARN, value_parser = role_arn)]
    pub upload_role_arn: String,
    /// The queue of reports, for webhooks that are sent again.
    #[arg(long, env = REPORTS_QUEUE_URL, value_parser = http_url)]
    pub reports_queue_url: String,
}

/// Settings of the status function.
#[derive(Debug, Clone, Parser)]
pub struct StatusConfig {
    /// Settings that all functions share.
    #[command(flatten)]
    pub common: CommonConfig,
    /// The bucket of sources and outputs.
    #[arg(long, env = BUCKET)]
    pub bucket: String,
    /// The role that signs links.
    #[arg(long, env = DELIVERY_ROLE_ARN, value_parser = role_arn)]
    pub delivery_role_arn: String,
    /// How long a request may wait for the end of its job, in seconds. None waits by default.
    #[arg(long, env = MAX_WAIT_SECONDS, value_parser = wait)]
    pub max_wait: Option<Duration>,
}

/// Settings of the process function.
#[derive(Debug, Clone, Parser)]
pub struct ProcessConfig {
    /// Settings that all functions share.
    #[command(flatten)]
    pub common: CommonConfig,
    /// The bucket of sources and outputs.
    #[arg(long, env = BUCKET)]
    pub bucket: String,
    /// The queues of jobs: messages are deferred there, and jobs sent back to intake.
    #[command(flatten)]
    pub queues: QueueUrls,
    /// The queue of reports.
    #[arg(long, env = REPORTS_QUEUE_URL, value_parser = http_url)]
    pub reports_queue_url: String,
    /// The folder with the models.
    #[arg(long, env = MODELS_DIR, value_parser = existing_folder)]
    pub models_dir: PathBuf,
    #[arg(long, env = MEMORY_MB, value_parser = megabytes)]
    memory_mb: Option<usize>,
}

/// Settings of the intake function.
#[derive(Debug, Clone, Parser)]
pub struct IntakeConfig {
    /// Settings that all functions share.
    #[command(flatten)]
    pub common: CommonConfig,
    /// The bucket of sources, direct uploads and dropped files.
    #[arg(long, env = BUCKET)]
    pub bucket: String,
    /// The queues of jobs: messages are deferred there, and jobs sent on to be made.
    #[command(flatten)]
    pub queues: QueueUrls,
    /// The queue of reports.
    #[arg(long, env = REPORTS_QUEUE_URL, value_parser = http_url)]
    pub reports_queue_url: String,
    /// Whether a source may be fetched from a private address. Off by default.
    #[arg(long, env = ALLOW_PRIVATE_SOURCES, action = ArgAction::Set, default_value = "false", value_parser = flag)]
    pub allow_private_sources: bool,
}

/// Settings of the sweep function.
#[derive(Debug, Clone, Parser)]
pub struct SweepConfig {
    /// Settings that all functions share.
    #[command(flatten)]
    pub common: CommonConfig,
    /// The bucket of sources and outputs.
    #[arg(long, env = BUCKET)]
    pub bucket: String,
    /// The queues of jobs.
    #[command(flatten)]
    pub queues: QueueUrls,
    /// The dead-letter queue.
    #[arg(long, env = DEAD_LETTER_QUEUE_URL, value_parser = http_url)]
    pub dead_letter_queue_url: String,
    /// The queue that keeps unreadable messages for a person.
    #[arg(long, env = PARKING_QUEUE_URL, value_parser = http_url)]
    pub parking_queue_url: String,
    /// The queue of reports.
    #[arg(long, env = REPORTS_QUEUE_URL, value_parser = http_url)]
    pub reports_queue_url: String,
    /// The role that signs the links in webhooks.
    #[arg(long, env = DELIVERY_ROLE_ARN, value_parser = role_arn)]
    pub delivery_role_arn: String,
}

impl CommonConfig {
    /// The job's rules, with the configured retention.
    pub fn policy(&self) -> Policy {
        self.policy.unwrap_or_default()
    }
}

impl ProcessConfig {
    /// Threads for the pipeline: one per processor that the function's memory brings, 1 to 6.
    pub fn threads(&self) -> NonZeroUsize {
        let processors = self.memory_mb.unwrap_or_default().div_ceil(MB_PER_PROCESSOR).min(MAX_THREADS);
        NonZeroUsize::new(processors).unwrap_or(NonZeroUsize::MIN)
    }

    /// The function's memory in bytes, if it is known.
    pub fn memory(&self) -> Option<u64> {
        self.memory_mb.map(|megabytes| (megabytes as u64).saturating_mul(1 << 20))
    }
}

// The parsers of values. Each error says what the value has to be.

fn http_url(value: &str) -> Result<String, &'static str> {
    match Url::parse(value) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(value.to_owned()),
        Ok(_) | Err(_) => Err("an http or https URL"),
    }
}

fn role_arn(value: &str) -> Result<String, &'static str> {
    let is_role = value.starts_with("arn:") && value.contains(":role/");
    if is_role { Ok(value.to_owned()) } else { Err("the ARN of a role") }
}

fn existing_folder(value: &str) -> Result<PathBuf, &'static str> {
    let path = PathBuf::from(value);
    if path.is_dir() { Ok(path) } else { Err("an existing folder") }
}

fn flag(value: &str) -> Result<bool, &'static str> {
    value.parse().map_err(|_| r#""true" or "false""#)
}

fn policy(value: &str) -> Result<Policy, &'static str> {
    match value.parse() {
        Ok(days @ 1..=3650) => Ok(Policy::with_retention_days(days)),
        Ok(_) | Err(_) => Err("a whole number of days, 1 to 3650"),
    }
}

fn wait(value: &str) -> Result<Duration, &'static str> {
    match value.parse() {
        Ok(seconds @ 0..=20) => Ok(Duration::from_secs(seconds)),
        Ok(_) | Err(_) => Err("a whole number of seconds, 0 to 20"),
    }
}

fn megabytes(value: &str) -> Result<usize, &'static str> {
    value.parse().map_err(|_| "a whole number of MB")
}

fn namespace(value: &str) -> Result<String, &'static str> {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-_/#:".contains(&byte);
    let is_valid = (1..=255).contains(&value.len()) && value.bytes().all(is_allowed) && !value.starts_with("AWS/");
    if is_valid {
        Ok(value.to_owned())
    } else {
        Err("letters, digits and .-_/#:, at most 255, not beginning with AWS/")
    }
}

fn log_filter(value: &str) -> Result<String, &'static str> {
    match EnvFilter::try_new(value) {
        Ok(_) => Ok(value.to_owned()),
        Err(_) => Err(r#"a filter such as "info" or "info,cutline_core=debug""#),
    }
}

#[cfg(test)]
mod tests;
