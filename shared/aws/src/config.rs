//! What the environment of a function says: its own variables, checked once, when the process starts.
//!
//! Each function has a struct with what it needs and a list of the variables it reads. `template.yaml` sets
//! exactly those, which a test holds it to. A variable that is empty counts as one that is not set. What AWS
//! sets by itself, such as the region and the credentials, is not in the lists.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use cutline_core::Policy;
use tracing_subscriber::EnvFilter;
use url::Url;

const TABLE: &str = "CUTLINE_TABLE";
const BUCKET: &str = "CUTLINE_BUCKET";
const QUEUE_URL: &str = "CUTLINE_QUEUE_URL";
const QUEUE_NAME: &str = "CUTLINE_QUEUE_NAME";
const DEAD_LETTER_QUEUE_URL: &str = "CUTLINE_DEAD_LETTER_QUEUE_URL";
const PARKING_QUEUE_URL: &str = "CUTLINE_PARKING_QUEUE_URL";
const DELIVERY_ROLE_ARN: &str = "CUTLINE_DELIVERY_ROLE_ARN";
const MODELS_DIR: &str = "CUTLINE_MODELS_DIR";
const RETENTION_DAYS: &str = "CUTLINE_RETENTION_DAYS";
const ALLOW_PRIVATE_SOURCES: &str = "CUTLINE_ALLOW_PRIVATE_SOURCES";
const LOG: &str = "CUTLINE_LOG";

/// The variables of the upload function.
pub const UPLOAD_VARIABLES: &[&str] = &[TABLE, BUCKET, QUEUE_URL, RETENTION_DAYS, LOG];
/// The variables of the status function.
pub const STATUS_VARIABLES: &[&str] = &[TABLE, BUCKET, DELIVERY_ROLE_ARN, RETENTION_DAYS, LOG];
/// The variables of the process function.
pub const PROCESS_VARIABLES: &[&str] =
    &[TABLE, BUCKET, QUEUE_URL, MODELS_DIR, RETENTION_DAYS, ALLOW_PRIVATE_SOURCES, LOG];
/// The variables of the sweep function.
pub const SWEEP_VARIABLES: &[&str] =
    &[TABLE, QUEUE_URL, QUEUE_NAME, DEAD_LETTER_QUEUE_URL, PARKING_QUEUE_URL, RETENTION_DAYS, LOG];

/// Lambda's own: the function's memory in MB, which its share of processors goes by.
const MEMORY_MB: &str = "AWS_LAMBDA_FUNCTION_MEMORY_SIZE";
/// One processor's worth of memory, in MB.
const MB_PER_PROCESSOR: usize = 1769;
/// The most processors that Lambda gives.
const MAX_THREADS: usize = 6;

/// A variable that is missing, or says what it cannot.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// It is not set, or empty, and has no default.
    #[error("the environment variable {variable} is not set")]
    Missing {
        /// Its name.
        variable: &'static str,
    },
    /// Its value is none that it can have.
    #[error("the environment variable {variable} is {value:?}, but must be {expected}")]
    Invalid {
        /// Its name.
        variable: &'static str,
        /// What it says.
        value: String,
        /// What it may say.
        expected: &'static str,
    },
}

/// What the upload function is told.
#[derive(Debug, Clone)]
pub struct UploadConfig {
    /// The table of jobs and keys.
    pub table: String,
    /// The bucket of sources and outputs.
    pub bucket: String,
    /// The queue of jobs.
    pub queue_url: String,
    /// The job's rules, with the retention that is configured.
    pub policy: Policy,
    /// What is logged.
    pub log: String,
}

/// What the status function is told.
#[derive(Debug, Clone)]
pub struct StatusConfig {
    /// The table of jobs and keys.
    pub table: String,
    /// The bucket of sources and outputs.
    pub bucket: String,
    /// The role that links are signed as.
    pub delivery_role_arn: String,
    /// What is logged.
    pub log: String,
}

/// What the process function is told.
#[derive(Debug, Clone)]
pub struct ProcessConfig {
    /// The table of jobs and keys.
    pub table: String,
    /// The bucket of sources and outputs.
    pub bucket: String,
    /// The queue of jobs, to defer its messages and to send those of dropped files.
    pub queue_url: String,
    /// The folder of the models.
    pub models_dir: PathBuf,
    /// Whether a source may be fetched from a private address.
    pub allow_private_sources: bool,
    /// How many threads the pipeline has: as many as the function's memory brings processors, 1 to 6.
    pub threads: NonZeroUsize,
    /// The job's rules, with the retention that is configured.
    pub policy: Policy,
    /// What is logged.
    pub log: String,
}

/// What the sweep function is told.
#[derive(Debug, Clone)]
pub struct SweepConfig {
    /// The table of jobs and keys.
    pub table: String,
    /// The queue of jobs.
    pub queue_url: String,
    /// The name of that queue, which its metrics go by.
    pub queue_name: String,
    /// The queue of dead letters, to defer its messages.
    pub dead_letter_queue_url: String,
    /// The queue of messages that nobody can read.
    pub parking_queue_url: String,
    /// The job's rules, with the retention that is configured.
    pub policy: Policy,
    /// What is logged.
    pub log: String,
}

impl UploadConfig {
    /// Reads the process's environment.
    ///
    /// # Errors
    /// [`ConfigError`] for the first variable that is wrong.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::read(&process_environment)
    }

    fn read(env: Environment<'_>) -> Result<Self, ConfigError> {
        Ok(Self {
            table: required(env, TABLE)?,
            bucket: required(env, BUCKET)?,
            queue_url: url(env, QUEUE_URL)?,
            policy: policy(env)?,
            log: log(env)?,
        })
    }
}

impl StatusConfig {
    /// Reads the process's environment.
    ///
    /// # Errors
    /// [`ConfigError`] for the first variable that is wrong.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::read(&process_environment)
    }

    fn read(env: Environment<'_>) -> Result<Self, ConfigError> {
        // Nothing is kept for longer or shorter here, but a mistake in what all functions share should show
        // in each of them.
        policy(env)?;
        Ok(Self {
            table: required(env, TABLE)?,
            bucket: required(env, BUCKET)?,
            delivery_role_arn: role_arn(env)?,
            log: log(env)?,
        })
    }
}

impl ProcessConfig {
    /// Reads the process's environment.
    ///
    /// # Errors
    /// [`ConfigError`] for the first variable that is wrong.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::read(&process_environment)
    }

    fn read(env: Environment<'_>) -> Result<Self, ConfigError> {
        Ok(Self {
            table: required(env, TABLE)?,
            bucket: required(env, BUCKET)?,
            queue_url: url(env, QUEUE_URL)?,
            models_dir: folder(env, MODELS_DIR)?,
            allow_private_sources: flag(env, ALLOW_PRIVATE_SOURCES)?,
            threads: threads(env)?,
            policy: policy(env)?,
            log: log(env)?,
        })
    }
}

impl SweepConfig {
    /// Reads the process's environment.
    ///
    /// # Errors
    /// [`ConfigError`] for the first variable that is wrong.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::read(&process_environment)
    }

    fn read(env: Environment<'_>) -> Result<Self, ConfigError> {
        Ok(Self {
            table: required(env, TABLE)?,
            queue_url: url(env, QUEUE_URL)?,
            queue_name: required(env, QUEUE_NAME)?,
            dead_letter_queue_url: url(env, DEAD_LETTER_QUEUE_URL)?,
            parking_queue_url: url(env, PARKING_QUEUE_URL)?,
            policy: policy(env)?,
            log: log(env)?,
        })
    }
}

/// Gives the value of a variable.
type Environment<'a> = &'a dyn Fn(&'static str) -> Option<String>;

fn process_environment(variable: &'static str) -> Option<String> {
    std::env::var(variable).ok()
}

fn optional(env: Environment<'_>, variable: &'static str) -> Option<String> {
    env(variable).filter(|value| !value.is_empty())
}

fn required(env: Environment<'_>, variable: &'static str) -> Result<String, ConfigError> {
    optional(env, variable).ok_or(ConfigError::Missing { variable })
}

fn invalid(variable: &'static str, value: &str, expected: &'static str) -> ConfigError {
    ConfigError::Invalid { variable, value: value.to_owned(), expected }
}

fn url(env: Environment<'_>, variable: &'static str) -> Result<String, ConfigError> {
    let value = required(env, variable)?;
    match Url::parse(&value) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(value),
        Ok(_) | Err(_) => Err(invalid(variable, &value, "an http or https URL")),
    }
}

fn role_arn(env: Environment<'_>) -> Result<String, ConfigError> {
    let value = required(env, DELIVERY_ROLE_ARN)?;
    if value.starts_with("arn:") && value.contains(":role/") {
        Ok(value)
    } else {
        Err(invalid(DELIVERY_ROLE_ARN, &value, "the ARN of a role"))
    }
}

fn folder(env: Environment<'_>, variable: &'static str) -> Result<PathBuf, ConfigError> {
    let value = required(env, variable)?;
    let path = PathBuf::from(&value);
    if path.is_dir() { Ok(path) } else { Err(invalid(variable, &value, "an existing folder")) }
}

fn flag(env: Environment<'_>, variable: &'static str) -> Result<bool, ConfigError> {
    match optional(env, variable).as_deref() {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(value) => Err(invalid(variable, value, "\"true\" or \"false\"")),
    }
}

fn policy(env: Environment<'_>) -> Result<Policy, ConfigError> {
    let Some(value) = optional(env, RETENTION_DAYS) else { return Ok(Policy::default()) };
    match value.parse() {
        Ok(days @ 1..=3650) => Ok(Policy::with_retention_days(days)),
        Ok(_) | Err(_) => Err(invalid(RETENTION_DAYS, &value, "a whole number of days, 1 to 3650")),
    }
}

fn threads(env: Environment<'_>) -> Result<NonZeroUsize, ConfigError> {
    let Some(value) = optional(env, MEMORY_MB) else { return Ok(NonZeroUsize::MIN) };
    let megabytes: usize = value.parse().map_err(|_| invalid(MEMORY_MB, &value, "a whole number of MB"))?;
    let threads = megabytes.div_ceil(MB_PER_PROCESSOR).min(MAX_THREADS);
    Ok(NonZeroUsize::new(threads).unwrap_or(NonZeroUsize::MIN))
}

fn log(env: Environment<'_>) -> Result<String, ConfigError> {
    let value = optional(env, LOG).unwrap_or_else(|| "info".to_owned());
    match EnvFilter::try_new(&value) {
        Ok(_) => Ok(value),
        Err(_) => Err(invalid(LOG, &value, "a filter such as \"info\" or \"info,cutline_core=debug\"")),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::{BTreeSet, HashMap};
    use std::time::Duration;

    use super::*;

    /// Values that are all right.
    fn good() -> HashMap<&'static str, String> {
        let temp = std::env::temp_dir().display().to_string();
        [
            (TABLE, "cutline"),
            (BUCKET, "cutline-files"),
            (QUEUE_URL, "https://sqs.eu-central-1.amazonaws.com/123456789012/jobs"),
            (QUEUE_NAME, "jobs"),
            (DEAD_LETTER_QUEUE_URL, "https://sqs.eu-central-1.amazonaws.com/123456789012/dead"),
            (PARKING_QUEUE_URL, "https://sqs.eu-central-1.amazonaws.com/123456789012/quarantine"),
            (DELIVERY_ROLE_ARN, "arn:aws:iam::123456789012:role/delivery"),
            (MODELS_DIR, &temp),
            (RETENTION_DAYS, "30"),
            (ALLOW_PRIVATE_SOURCES, "false"),
            (LOG, "info,cutline_core=debug"),
            (MEMORY_MB, "3008"),
        ]
        .map(|(name, value)| (name, value.to_owned()))
        .into()
    }

    /// Reads every config, and says what it read or the first thing wrong.
    fn read_all(env: Environment<'_>) -> Result<ProcessConfig, ConfigError> {
        UploadConfig::read(env)?;
        StatusConfig::read(env)?;
        SweepConfig::read(env)?;
        ProcessConfig::read(env)
    }

    fn with(variable: &'static str, value: &str) -> Result<ProcessConfig, ConfigError> {
        let mut values = good();
        values.insert(variable, value.to_owned());
        read_all(&|name| values.get(name).cloned())
    }

    #[test]
    fn each_function_reads_the_variables_of_its_list() {
        fn names_read<T>(read: impl Fn(Environment<'_>) -> Result<T, ConfigError>) -> BTreeSet<&'static str> {
            let (values, names) = (good(), RefCell::new(BTreeSet::new()));
            let outcome = read(&|name| {
                names.borrow_mut().insert(name);
                values.get(name).cloned()
            });
            assert!(outcome.is_ok());
            let mut names = names.into_inner();
            names.remove(MEMORY_MB);
            names
        }
        let set = |names: &[&'static str]| names.iter().copied().collect::<BTreeSet<_>>();
        assert_eq!(names_read(UploadConfig::read), set(UPLOAD_VARIABLES));
        assert_eq!(names_read(StatusConfig::read), set(STATUS_VARIABLES));
        assert_eq!(names_read(ProcessConfig::read), set(PROCESS_VARIABLES));
        assert_eq!(names_read(SweepConfig::read), set(SWEEP_VARIABLES));
    }

    #[test]
    fn what_is_not_set_has_its_default_or_is_named() {
        let defaults = [RETENTION_DAYS, ALLOW_PRIVATE_SOURCES, LOG, MEMORY_MB];
        for variable in good().into_keys() {
            let result = with(variable, "");
            if defaults.contains(&variable) {
                let config = result.expect("has a default");
                assert!(!config.allow_private_sources);
            } else {
                assert_eq!(result.expect_err("has none"), ConfigError::Missing { variable });
            }
        }
        let config = with(RETENTION_DAYS, "").expect("default");
        assert_eq!(config.policy.retention, Duration::from_secs(7 * 24 * 60 * 60));
        assert_eq!(with(LOG, "").expect("default").log, "info");
    }

    #[test]
    fn a_value_that_cannot_be_is_named_with_its_variable() {
        let cases = [
            (QUEUE_URL, "jobs"),
            (PARKING_QUEUE_URL, "ftp://example.com"),
            (DELIVERY_ROLE_ARN, "delivery"),
            (MODELS_DIR, "/nowhere/at/all"),
            (RETENTION_DAYS, "0"),
            (RETENTION_DAYS, "a week"),
            (ALLOW_PRIVATE_SOURCES, "yes"),
            (LOG, "cutline=loud"),
            (MEMORY_MB, "much"),
        ];
        for (variable, value) in cases {
            let error = with(variable, value).expect_err(value);
            assert!(error.to_string().contains(variable) && error.to_string().contains(value), "{error}");
        }
    }

    #[test]
    fn threads_follow_the_memory() {
        for (memory, threads) in [("128", 1), ("1769", 1), ("1770", 2), ("3008", 2), ("5308", 4), ("10240", 6)] {
            assert_eq!(with(MEMORY_MB, memory).expect("reads").threads.get(), threads, "{memory} MB");
        }
    }
}
