//! Metrics for CloudWatch, in its embedded metric format: lines of the log from which CloudWatch takes the values.
//!
//! Needs no call, no permission and no time, so a function that is killed loses nothing that it has measured.
//!
//! Written here and not by `metrics_cloudwatch_embedded`, the crate for this: it collects values until a flush at the end
//! of an invocation, so it loses those of an invocation that runs out of time or memory, which are the ones an alarm waits
//! for; and it knows one set of dimensions a metric, while alarms need sums over error codes too.
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use std::io::{Write as _, stdout};
use std::sync::Arc;

use cutline_core::domain::metrics::{Label, Measurement, MetricInfo, Unit};
use cutline_core::ports::Metrics;
use cutline_core::usecases::Env;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::config::CommonConfig;

/// The environment of a function's use cases: the system's clock and ids, the configured rules, and metrics in the log.
pub fn env(config: &CommonConfig) -> Env {
    Env { metrics: metrics_in_log(&config.metrics_namespace), ..Env::system(config.policy()) }
}

/// Metrics as lines of standard output, for any process whose output is stored in CloudWatch Logs.
pub fn metrics_in_log(namespace: &str) -> Arc<dyn Metrics> {
    Arc::new(EmbeddedMetrics { namespace: namespace.to_owned() })
}

/// The name of a metric or dimension in CloudWatch: `jobs_finished` is `JobsFinished` there.
pub fn cloudwatch_name(name: &str) -> String {
    name.split('_')
        .flat_map(|word| word[..1].to_uppercase().chars().chain(word[1..].chars()).collect::<Vec<_>>())
        .collect()
}

/// [`Metrics`] as lines of standard output.
struct EmbeddedMetrics {
    namespace: String,
}

impl Metrics for EmbeddedMetrics {
    fn record(&self, measurement: &Measurement) {
        let line = format!("{}\n", document(&self.namespace, measurement, Timestamp::now()));
        // A log that cannot be written must not end the work that it describes.
        let _ = stdout().lock().write_all(line.as_bytes());
    }
}

/// The line of a measurement.
fn document(namespace: &str, measurement: &Measurement, at: Timestamp) -> Value {
    let MetricInfo { name, unit, labels, totals, .. } = measurement.metric().info();
    let name = cloudwatch_name(name);
    let names = |labels: &[Label]| labels.iter().map(|label| cloudwatch_name(label.as_str())).collect::<Vec<_>>();
    let dimensions: Vec<_> = std::iter::once(labels).chain(totals.iter().copied()).map(names).collect();
    let mut line = Map::new();
    line.insert(
        "_aws".to_owned(),
        json!({
            "Timestamp": at.as_millisecond(),
            "CloudWatchMetrics": [{
                "Namespace": namespace,
                "Dimensions": dimensions,
                "Metrics": [{"Name": name, "Unit": unit_name(unit)}],
            }],
        }),
    );
    line.extend(measurement.labels().map(|(label, value)| (cloudwatch_name(label.as_str()), value.into())));
    line.insert(name, measurement.value().into());
    line.into()
}

/// CloudWatch has no pixels and no shares.
const fn unit_name(unit: Unit) -> &'static str {
    match unit {
        Unit::Count => "Count",
        Unit::Seconds => "Seconds",
        Unit::Pixels | Unit::Share => "None",
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use cutline_core::FailureCode;
    use cutline_core::domain::job::{JobStage, Route};
    use cutline_core::domain::lane::Lane;
    use cutline_core::domain::metrics::Metric;
    use cutline_core::domain::usage::JobEnd;

    use super::*;

    fn at() -> Timestamp {
        Timestamp::from_millisecond(1_780_000_000_123).expect("a time")
    }

    #[test]
    fn a_failed_job_counts_by_code_and_in_total() {
        let failed = Measurement::JobFinished { end: JobEnd::Failed, code: Some(FailureCode::NoSubject) };
        let expected = json!({
            "_aws": {
                "Timestamp": 1_780_000_000_123_u64,
                "CloudWatchMetrics": [{
                    "Namespace": "Cutline/test",
                    "Dimensions": [["Outcome", "Code"], ["Outcome"]],
                    "Metrics": [{"Name": "JobsFinished", "Unit": "Count"}],
                }],
            },
            "Outcome": "failed",
            "Code": "no_subject",
            "JobsFinished": 1.0,
        });
        assert_eq!(document("Cutline/test", &failed, at()), expected);
    }

    #[test]
    fn a_wait_has_its_lane_and_stage() {
        let route = Route { lane: Lane::Bulk, stage: JobStage::Intake };
        let line = document("n", &Measurement::QueueTime { route, time: Duration::from_millis(1_500) }, at());
        let metric = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(metric["Metrics"], json!([{"Name": "QueueTime", "Unit": "Seconds"}]));
        assert_eq!(metric["Dimensions"], json!([["Lane", "Stage"]]));
        assert_eq!(
            (&line["Lane"], &line["Stage"], &line["QueueTime"]),
            (&"bulk".into(), &"intake".into(), &1.5.into())
        );
    }

    #[test]
    fn a_metric_without_labels_has_one_series() {
        let line = document("n", &Measurement::PictureSize { pixels: 12_000_000 }, at());
        assert_eq!(line["_aws"]["CloudWatchMetrics"][0]["Dimensions"], json!([[]]));
        assert_eq!(line["PictureSize"], 12_000_000.0);
    }

    /// The format allows 30 dimensions, each with a value in the same line.
    #[test]
    fn names_are_distinct() {
        let names: std::collections::BTreeSet<_> =
            Metric::ALL.iter().map(|metric| cloudwatch_name(metric.info().name)).collect();
        assert_eq!(names.len(), Metric::ALL.len());
        assert!(names.contains("WebhookSends"), "{names:?}");
    }
}
