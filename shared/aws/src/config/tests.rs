use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use super::environment::read;
use super::*;

const QUEUES: [&str; 4] = [QUEUE_URL, BULK_QUEUE_URL, INTAKE_QUEUE_URL, INTAKE_BULK_QUEUE_URL];

/// A valid value for every variable.
fn valid() -> HashMap<&'static str, String> {
    let temp = std::env::temp_dir().display().to_string();
    [
        (TABLE, "cutline"),
        (BUCKET, "cutline-files"),
        (QUEUE_URL, "https://sqs.eu-central-1.amazonaws.com/123456789012/jobs"),
        (BULK_QUEUE_URL, "https://sqs.eu-central-1.amazonaws.com/123456789012/bulk"),
        (INTAKE_QUEUE_URL, "https://sqs.eu-central-1.amazonaws.com/123456789012/intake"),
        (INTAKE_BULK_QUEUE_URL, "https://sqs.eu-central-1.amazonaws.com/123456789012/intake-bulk"),
        (DEAD_LETTER_QUEUE_URL, "https://sqs.eu-central-1.amazonaws.com/123456789012/dead"),
        (PARKING_QUEUE_URL, "https://sqs.eu-central-1.amazonaws.com/123456789012/quarantine"),
        (REPORTS_QUEUE_URL, "https://sqs.eu-central-1.amazonaws.com/123456789012/reports"),
        (DELIVERY_ROLE_ARN, "arn:aws:iam::123456789012:role/delivery"),
        (UPLOAD_ROLE_ARN, "arn:aws:iam::123456789012:role/upload"),
        (MODELS_DIR, &temp),
        (RETENTION_DAYS, "30"),
        (ALLOW_PRIVATE_SOURCES, "false"),
        (LOG, "info,cutline_core=debug"),
        (METRICS_NAMESPACE, "Cutline/shop"),
        (MEMORY_MB, "3008"),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .into()
}

/// Reads the settings of every function. Returns those of the process and the intake function, or the first error.
fn read_all(values: &HashMap<&'static str, String>) -> Result<(ProcessConfig, IntakeConfig), ConfigError> {
    let lookup = |name: &str| values.get(name).cloned();
    read::<UploadConfig>(lookup)?;
    read::<StatusConfig>(lookup)?;
    read::<SweepConfig>(lookup)?;
    Ok((read(lookup)?, read(lookup)?))
}

fn with(variable: &'static str, value: &str) -> Result<(ProcessConfig, IntakeConfig), ConfigError> {
    let mut values = valid();
    values.insert(variable, value.to_owned());
    read_all(&values)
}

#[test]
fn declarations_are_consistent() {
    use clap::CommandFactory as _;
    let functions = [UploadConfig::command(), StatusConfig::command(), IntakeConfig::command()];
    for command in functions.into_iter().chain([ProcessConfig::command(), SweepConfig::command()]) {
        command.debug_assert();
    }
}

#[test]
fn each_function_reads_the_variables_it_declares() {
    fn names_read<T: Parser>() -> BTreeSet<String> {
        let (values, names) = (valid(), RefCell::new(BTreeSet::new()));
        let config: Result<T, _> = read(|name| {
            names.borrow_mut().insert(name.to_owned());
            values.get(name).cloned()
        });
        assert!(config.is_ok());
        let mut names = names.into_inner();
        names.retain(|name| !name.starts_with("AWS_"));
        names
    }
    let set = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<BTreeSet<_>>();
    let mut upload = set(&[TABLE, BUCKET, UPLOAD_ROLE_ARN, REPORTS_QUEUE_URL, RETENTION_DAYS, LOG, METRICS_NAMESPACE]);
    upload.extend(set(&QUEUES));
    assert_eq!((names_read::<UploadConfig>(), variables::<UploadConfig>()), (upload.clone(), upload));
    assert_eq!(names_read::<StatusConfig>(), variables::<StatusConfig>());
    assert_eq!(names_read::<ProcessConfig>(), variables::<ProcessConfig>());
    assert_eq!(names_read::<IntakeConfig>(), variables::<IntakeConfig>());
    assert_eq!(names_read::<SweepConfig>(), variables::<SweepConfig>());
}

#[test]
fn an_unset_or_empty_variable_has_its_default_or_is_named() {
    let defaults = [RETENTION_DAYS, ALLOW_PRIVATE_SOURCES, LOG, METRICS_NAMESPACE, MEMORY_MB];
    for variable in valid().into_keys() {
        let mut unset = valid();
        unset.remove(variable);
        for result in [with(variable, ""), read_all(&unset)] {
            if defaults.contains(&variable) {
                assert!(!result.expect("has a default").1.allow_private_sources);
            } else {
                let error = result.expect_err("has no default");
                assert_eq!(error, ConfigError::Missing { variables: vec![variable.to_owned()] });
                assert!(error.to_string().contains(variable), "{error}");
            }
        }
    }
    let (config, _) = with(RETENTION_DAYS, "").expect("default");
    assert_eq!(config.common.policy().retention, Duration::from_secs(7 * 24 * 60 * 60));
    assert_eq!(with(LOG, "").expect("default").0.common.log, "info");
}

#[test]
fn all_missing_variables_are_named_at_once() {
    let error = read::<UploadConfig>(|_| None).expect_err("nothing is set");
    assert_eq!(
        error,
        ConfigError::Missing {
            variables: [TABLE, BUCKET]
                .into_iter()
                .chain(QUEUES)
                .chain([UPLOAD_ROLE_ARN, REPORTS_QUEUE_URL])
                .map(str::to_owned)
                .collect()
        }
    );
}

#[test]
fn an_invalid_value_is_named_with_its_variable() {
    let cases = [
        (QUEUE_URL, "jobs"),
        (PARKING_QUEUE_URL, "ftp://example.com"),
        (DELIVERY_ROLE_ARN, "delivery"),
        (MODELS_DIR, "/nowhere/at/all"),
        (RETENTION_DAYS, "0"),
        (RETENTION_DAYS, "-1"),
        (RETENTION_DAYS, "a week"),
        (ALLOW_PRIVATE_SOURCES, "yes"),
        (LOG, "cutline=loud"),
        (METRICS_NAMESPACE, "AWS/Lambda"),
        (METRICS_NAMESPACE, "two words"),
        (MEMORY_MB, "much"),
    ];
    for (variable, value) in cases {
        let error = with(variable, value).expect_err(value);
        let named = matches!(&error, ConfigError::Invalid { variable: name, value: bad, expected }
            if name == variable && bad == value && !expected.is_empty());
        assert!(named, "{error}");
    }
    let error = with(QUEUE_URL, "jobs").expect_err("no URL").to_string();
    assert_eq!(error, r#"invalid setting: CUTLINE_QUEUE_URL is "jobs"; set it to an http or https URL"#);
}

/// The environment of SAM's local commands, with the given endpoint.
fn in_sam_local(endpoint: &str) -> HashMap<&'static str, String> {
    let mut values = valid();
    let sams = [
        ("AWS_SAM_LOCAL", "true"),
        ("AWS_REGION", "eu-central-1"),
        ("AWS_ACCOUNT_ID", "123456789012"),
        ("AWS_ENDPOINT_URL", endpoint),
        (TABLE, "Table"),
        (QUEUE_URL, "JobsQueue"),
        (REPORTS_QUEUE_URL, "ReportsQueue"),
        (UPLOAD_ROLE_ARN, "arn:aws:lambda:us-east-1:123456789012:function:DirectUploadRole"),
    ];
    values.extend(sams.map(|(name, value)| (name, value.to_owned())));
    values
}

#[test]
fn what_sam_resolves_locally_is_accepted() {
    let read = |endpoint| {
        let values = in_sam_local(endpoint);
        read::<UploadConfig>(|name| values.get(name).cloned()).expect("SAM's values are accepted")
    };
    let config = read("http://host.docker.internal:8789");
    assert_eq!(config.common.table, "Table");
    assert_eq!(config.queues.queue_url, "http://host.docker.internal:8789/123456789012/JobsQueue");
    assert_eq!(config.reports_queue_url, "http://host.docker.internal:8789/123456789012/ReportsQueue");
    assert_eq!(config.queues.bulk_queue_url, valid()[BULK_QUEUE_URL], "a URL stays as it is");
    assert_eq!(config.upload_role_arn, "arn:aws:iam::123456789012:role/DirectUploadRole");
    // Without an emulator, names are those of real queues.
    assert_eq!(read("").queues.queue_url, "https://sqs.eu-central-1.amazonaws.com/123456789012/JobsQueue");
}

/// On Lambda, such values are mistakes.
#[test]
fn what_sam_resolves_locally_is_refused_elsewhere() {
    for variable in [QUEUE_URL, UPLOAD_ROLE_ARN] {
        let mut values = valid();
        values.insert(variable, in_sam_local("")[variable].clone());
        let error = read::<UploadConfig>(|name| values.get(name).cloned()).expect_err(variable);
        assert!(error.to_string().contains(variable), "{error}");
    }
}

#[test]
fn threads_follow_the_memory() {
    for (memory, threads) in [("128", 1), ("1769", 1), ("1770", 2), ("3008", 2), ("5308", 4), ("10240", 6)] {
        assert_eq!(with(MEMORY_MB, memory).expect("reads").0.threads().get(), threads, "{memory} MB");
    }
    assert_eq!(with(MEMORY_MB, "").expect("default").0.threads().get(), 1);
    let memory = |text| with(MEMORY_MB, text).expect("reads").0.memory();
    assert_eq!((memory("3008"), memory("")), (Some(3008 << 20), None));
}

#[test]
fn retention_is_configured_in_days() {
    let (config, _) = with(RETENTION_DAYS, "30").expect("reads");
    assert_eq!(config.common.policy().retention, Duration::from_secs(30 * 24 * 60 * 60));
}
