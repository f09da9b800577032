//! Alarms, dashboard and RUNBOOK.md against the table of metrics: what they name is measured, and each alarm says what to do.
//! Alarms that compare counts ring with any traffic.

use std::collections::BTreeSet;
use std::fs;

use cutline_aws::lambda::cloudwatch_name;
use cutline_core::FailureCode;
use cutline_core::domain::job::{JobStage, Step};
use cutline_core::domain::lane::Lane;
use cutline_core::domain::metrics::{Label, Metric, MetricInfo, SendOutcome, Unit};
use cutline_core::domain::usage::JobEnd;
use serde_json::{Value, json};

use crate::metric_math::Period;
use crate::support::{TEMPLATE, list, of_type, properties, root};

/// The namespace of our own metrics, for a stack named `S`.
const OWN: &str = "Cutline/S";

/// Metrics of AWS's services that the template uses, with their dimensions.
const OF_SERVICES: [(&str, &[&str], &[&str]); 4] = [
    ("AWS/Lambda", &["Errors", "Throttles", "Duration", "ConcurrentExecutions"], &["FunctionName"]),
    (
        "AWS/SQS",
        &["ApproximateAgeOfOldestMessage", "ApproximateNumberOfMessagesVisible", "NumberOfMessagesReceived"],
        &["QueueName"],
    ),
    ("AWS/ApiGateway", &["Count", "4xx", "5xx"], &["ApiId"]),
    ("AWS/DynamoDB", &["ConsumedWriteCapacityUnits", "ConsumedReadCapacityUnits"], &["TableName"]),
];

/// A metric that an alarm or the dashboard names.
#[derive(Debug, PartialEq, Eq)]
struct Named {
    namespace: String,
    name: String,
    /// Names and values.
    dimensions: Vec<(String, String)>,
}

/// A text of the template, with `S` in place of the stack's name and `x` in place of other variables.
fn text(value: &Value) -> String {
    let text = match &value["Fn::Sub"] {
        Value::String(text) => text.clone(),
        _ => return value.as_str().unwrap_or("x").to_owned(),
    };
    let mut parts = text.split("${");
    let mut filled = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (variable, rest) = part.split_once('}').expect("a closed variable");
        filled += if variable == "AWS::StackName" { "S" } else { "x" };
        filled += rest;
    }
    filled
}

fn dimensions(value: &Value) -> Vec<(String, String)> {
    list(value).into_iter().map(|one| (text(&one["Name"]), text(&one["Value"]))).collect()
}

fn metric(value: &Value) -> Named {
    let (namespace, name) = (text(&value["Namespace"]), text(&value["MetricName"]));
    Named { namespace, name, dimensions: dimensions(&value["Dimensions"]) }
}

/// The metrics of an alarm.
fn metrics_of(alarm: &Value) -> Vec<Named> {
    match &alarm["Metrics"] {
        Value::Null => vec![metric(alarm)],
        metrics => {
            let stats = list(metrics).into_iter().filter_map(|one| one.get("MetricStat"));
            stats.map(|stat| metric(&stat["Metric"])).collect()
        }
    }
}

/// The widgets of the dashboard.
fn widgets() -> Vec<Value> {
    let body = text(&properties("Dashboard")["DashboardBody"]);
    let body: Value = serde_json::from_str(&body).unwrap_or_else(|error| panic!("{error}: {body}"));
    body["widgets"].as_array().expect("widgets").clone()
}

/// The metrics of a widget, and its expressions.
fn lines_of(widget: &Value) -> (Vec<Named>, Vec<String>) {
    let (mut metrics, mut expressions) = (Vec::new(), Vec::new());
    for line in list(&widget["properties"]["metrics"]) {
        let parts: Vec<_> = list(line).into_iter().filter_map(Value::as_str).map(str::to_owned).collect();
        match &parts[..] {
            [namespace, name, rest @ ..] => {
                let pairs = rest.chunks(2).map(|pair| (pair[0].clone(), pair[1].clone()));
                let (namespace, name) = (namespace.clone(), name.clone());
                metrics.push(Named { namespace, name, dimensions: pairs.collect() });
            }
            _ => expressions.push(line[0]["expression"].as_str().expect("an expression").to_owned()),
        }
    }
    (metrics, expressions)
}

/// The values that a label of a metric has.
fn values(metric: Metric, label: Label) -> Vec<&'static str> {
    match (metric, label) {
        (Metric::JobsFinished, Label::Outcome) => JobEnd::ALL.map(JobEnd::as_str).into(),
        (_, Label::Code) => FailureCode::ALL.iter().map(|code| code.info().code).chain(["none"]).collect(),
        (_, Label::Lane) => Lane::ALL.map(Lane::as_str).into(),
        (_, Label::Stage) => JobStage::ALL.map(JobStage::as_str).into(),
        (_, Label::Step) => Step::ALL.map(Step::as_str).into(),
        (Metric::WebhookSends, Label::Outcome) => SendOutcome::ALL.map(SendOutcome::as_str).into(),
        (_, Label::Outcome) => vec!["complete", "incomplete"],
    }
}

/// The sets of dimensions under which a metric of ours is stored.
fn series(info: MetricInfo) -> Vec<BTreeSet<String>> {
    let named = |labels: &&[Label]| labels.iter().map(|label| cloudwatch_name(label.as_str())).collect();
    [info.labels].iter().chain(info.totals).map(named).collect()
}

/// Panics unless the metric exists, with these dimensions and values.
fn check(named: &Named, user: &str) {
    let Named { namespace, name, dimensions } = named;
    let keys: BTreeSet<_> = dimensions.iter().map(|(key, _)| key.clone()).collect();
    if namespace != OWN {
        let service = OF_SERVICES.iter().find(|(service, ..)| service == namespace);
        let (_, names, by) = service.unwrap_or_else(|| panic!("{user}: unknown namespace {namespace}"));
        assert!(names.contains(&name.as_str()), "{user}: {namespace} has no {name} in the test's table");
        assert_eq!(keys, by.iter().map(|&key| key.to_owned()).collect(), "{user}: {named:?}");
        return;
    }
    // Taken from a log by a filter, without dimensions.
    if of_type("AWS::Logs::MetricFilter").iter().any(|(filter, _)| filter == name) {
        assert!(keys.is_empty(), "{user}: {named:?}");
        return;
    }
    let found = Metric::ALL.into_iter().find(|metric| cloudwatch_name(metric.info().name) == *name);
    let metric = found.unwrap_or_else(|| panic!("{user}: the code measures no {name}"));
    assert!(series(metric.info()).contains(&keys), "{user}: {named:?} is not stored");
    for (key, value) in dimensions {
        let mut labels = metric.info().labels.iter();
        let label = labels.find(|label| cloudwatch_name(label.as_str()) == *key).expect("a label");
        assert!(values(metric, *label).contains(&value.as_str()), "{user}: {name} has no {key} {value}");
    }
}

#[test]
fn alarms_name_metrics_that_exist() {
    for (name, alarm) in of_type("AWS::CloudWatch::Alarm") {
        let metrics = metrics_of(&Value::from(alarm.clone()));
        assert!(!metrics.is_empty(), "{name}");
        for metric in &metrics {
            check(metric, name);
        }
        // An expression uses what is declared.
        let lines = list(alarm.get("Metrics").unwrap_or(&Value::Null));
        let expression: String = lines.iter().map(|line| text(&line["Expression"])).collect();
        for line in lines.iter().filter(|line| line.get("MetricStat").is_some()) {
            let id = line["Id"].as_str().expect("an id");
            assert!(expression.contains(id), "{name} does not use {id}: {expression}");
        }
    }
}

#[test]
fn the_dashboard_names_metrics_that_exist() {
    let mut shown = BTreeSet::new();
    let mut codes = 0;
    for widget in widgets().iter().filter(|widget| widget["type"] == "metric") {
        let title = widget["properties"]["title"].as_str().expect("a title");
        let (metrics, expressions) = lines_of(widget);
        for metric in &metrics {
            check(metric, title);
            shown.insert(metric.name.clone());
        }
        for search in expressions.iter().filter(|expression| expression.contains("SEARCH")) {
            // SEARCH('{namespace,dimension,…} MetricName="name" …', …)
            let schema = search.split_once('{').and_then(|(_, rest)| rest.split_once('}')).expect("a schema").0;
            let mut parts = schema.split(',');
            assert_eq!(parts.next(), Some(OWN), "{search}");
            let keys: BTreeSet<_> = parts.map(str::to_owned).collect();
            assert!(series(Metric::JobsFinished.info()).contains(&keys), "{search}");
            assert!(search.contains(r#"MetricName="JobsFinished" Outcome="failed""#), "{search}");
            codes += 1;
        }
    }
    assert_eq!(codes, 1, "failures by code");
    for metric in Metric::ALL.into_iter().filter(|metric| *metric != Metric::Sweeps) {
        let name = cloudwatch_name(metric.info().name);
        assert!(shown.contains(&name), "the dashboard does not show {name}");
    }
    for topic in ["Traffic", "Queue age by lane", "Outcomes", "Time by step", "Estimated cost"] {
        let has = |widget: &Value| widget["properties"]["title"].as_str().is_some_and(|title| title.starts_with(topic));
        assert!(widgets().iter().any(has), "{topic}");
    }
}

/// Widgets that overlap are moved by CloudWatch, and the rows fall apart.
#[test]
fn the_dashboards_widgets_do_not_overlap() {
    let mut taken = BTreeSet::new();
    for widget in widgets() {
        let number = |key: &str| widget[key].as_u64().expect("a number");
        for column in number("x")..number("x") + number("width") {
            for row in number("y")..number("y") + number("height") {
                assert!(column < 24 && taken.insert((column, row)), "{widget}");
            }
        }
    }
}

/// What the issue of an alarm is, how to look, what to do: under a heading of its own.
#[test]
fn every_alarm_links_its_section_of_the_runbook() {
    let runbook = fs::read_to_string(root().join("RUNBOOK.md")).expect("RUNBOOK.md");
    let mut sections = Vec::new();
    for part in runbook.split("\n#").skip(1) {
        let (heading, body) = part.split_once('\n').unwrap_or((part, ""));
        sections.push((anchor(heading.trim_start_matches('#')), body));
    }
    let mut linked = BTreeSet::new();
    for (name, alarm) in of_type("AWS::CloudWatch::Alarm") {
        let description = text(&alarm["AlarmDescription"]);
        let (_, link) = description.split_once(" x#").unwrap_or_else(|| panic!("{name} has no link: {description}"));
        let section = sections.iter().find(|(anchor, _)| anchor == link.trim_end());
        let (_, body) = section.unwrap_or_else(|| panic!("{name}: RUNBOOK.md has no heading #{link}"));
        for part in ["**Meaning.**", "**Look.**", "**Do.**"] {
            assert!(body.contains(part), "{name}: {link} lacks {part}");
        }
        assert!(body.contains(&format!("`{name}`")), "{link} does not name {name}");
        linked.insert(link.trim_end().to_owned());
        assert_eq!(
            alarm["AlarmActions"],
            json!({"Fn::If": ["HasAlarmEmail", [{"Ref": "AlarmTopic"}], {"Ref": "AWS::NoValue"}]})
        );
    }
    for (anchor, body) in &sections {
        assert_eq!(linked.contains(anchor), body.contains("**Meaning.**"), "{anchor}: a section without an alarm");
    }
    assert_eq!(TEMPLATE["Parameters"]["RunbookUrl"]["Default"], "RUNBOOK.md");
}

/// The anchor of a heading, as GitHub makes it.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().to_lowercase();
    kept.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c)).map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[test]
fn the_alarms_cover_lanes_letters_functions_and_silence() {
    let alarms: Vec<_> = of_type("AWS::CloudWatch::Alarm");
    let watched = |metric: &str| -> BTreeSet<String> {
        let uses = |alarm: &Value| metrics_of(alarm).iter().any(|named| named.name == metric);
        alarms
            .iter()
            .filter(|(_, alarm)| uses(&Value::from((*alarm).clone())))
            .map(|(_, alarm)| Value::from((*alarm).clone()).to_string())
            .collect()
    };
    let ages = watched("ApproximateAgeOfOldestMessage");
    for queue in ["JobsQueue", "BulkQueue", "IntakeQueue", "IntakeBulkQueue", "ReportsQueue"] {
        let name = format!(r#"["{queue}","QueueName"]"#);
        assert!(ages.iter().any(|alarm| alarm.contains(&name)), "nobody watches the age of {queue}");
    }
    let throttled = watched("Throttles");
    for (function, _) in of_type("AWS::Lambda::Function") {
        assert!(throttled.iter().any(|alarm| alarm.contains(function)), "throttles of {function}");
    }
    // Every other alarm is silent while nothing happens. This one reports that nothing happens.
    for (name, alarm) in alarms {
        let expected = if name == "SweepMissingAlarm" { "breaching" } else { "notBreaching" };
        assert_eq!(alarm["TreatMissingData"], expected, "{name}");
    }
}

/// Whether an alarm rings if its metrics, by id, have these sums in its period. One with the sum 0 has no data.
fn rings(alarm: &str, sums: &[(&str, u32)]) -> bool {
    let alarm = properties(alarm);
    let metrics = list(&alarm["Metrics"]);
    for (id, _) in sums {
        assert!(metrics.iter().any(|metric| metric["Id"] == **id), "{id} is not a metric of {alarm}");
    }
    let expressions = metrics.iter().filter(|metric| metric.get("Expression").is_some());
    let period = Period {
        expressions: expressions.map(|metric| (text(&metric["Id"]), text(&metric["Expression"]))).collect(),
        sums: sums.iter().filter(|(_, sum)| *sum > 0).map(|(id, sum)| (*id, f64::from(*sum))).collect(),
    };
    let (result, threshold) = (period.value("result").expect("a result"), alarm["Threshold"].as_f64());
    let threshold = threshold.expect("a threshold");
    match alarm["ComparisonOperator"].as_str() {
        Some("GreaterThanThreshold") => result > threshold,
        Some("GreaterThanOrEqualToThreshold") => result >= threshold,
        other => panic!("{other:?}"),
    }
}

/// The periods of an alarm's metrics, in seconds.
fn periods(alarm: &str) -> BTreeSet<u64> {
    let stats = list(&properties(alarm)["Metrics"]).into_iter().filter_map(|metric| metric.get("MetricStat"));
    stats.map(|stat| stat["Period"].as_u64().expect("a period")).collect()
}

const SIX_HOURS: u64 = 6 * 60 * 60;

/// A few jobs that all fail are found, in a quarter of an hour or in six hours. Single ones are not, nor is what
/// reviewers decide.
#[test]
fn failing_jobs_ring_with_any_traffic() {
    for (alarm, period) in [("FailedJobsAlarm", 15 * 60), ("FailedJobsSixHoursAlarm", SIX_HOURS)] {
        assert_eq!(periods(alarm), BTreeSet::from([period]), "{alarm}");
        for (failed, rejected, expired, done, expected) in [
            (0, 0, 0, 0, false),
            (4, 0, 0, 0, false),
            (5, 0, 0, 0, true),
            (5, 0, 0, 1, false),
            (18, 0, 0, 1, false),
            (4, 0, 0, 16, false),
            (5, 0, 0, 15, true),
            (20, 0, 0, 80, false),
            (21, 0, 0, 79, true),
            (20, 15, 5, 0, false),
            (24, 15, 5, 0, false),
            (25, 15, 5, 0, true),
            (24, 15, 5, 16, false),
            (25, 15, 5, 15, true),
        ] {
            let sums = [("failed", failed), ("rejected", rejected), ("expired", expired), ("done", done)];
            assert_eq!(rings(alarm, &sums), expected, "{alarm}: {sums:?}");
        }
        let metrics = list(&properties(alarm)["Metrics"]);
        for (id, code) in [("rejected", FailureCode::Rejected), ("expired", FailureCode::ReviewExpired)] {
            let metric = metrics.iter().find(|metric| metric["Id"] == id).expect(id);
            let expected = [("Outcome", JobEnd::Failed.as_str()), ("Code", code.as_str())];
            let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
            assert_eq!(dimensions(&metric["MetricStat"]["Metric"]["Dimensions"]), expected, "{alarm}: {id}");
        }
    }
}

/// A receiver that is down is one of several, unless nothing is delivered for long.
#[test]
fn failing_webhooks_ring_with_any_traffic() {
    assert_eq!(periods("WebhooksAlarm"), BTreeSet::from([15 * 60]));
    assert_eq!(periods("WebhooksSixHoursAlarm"), BTreeSet::from([SIX_HOURS]));
    for (delivered, failed, lost, soon, later) in [
        (0, 0, 0, false, false),
        (0, 3, 1, false, false),
        (0, 4, 1, false, true),
        (1, 18, 0, false, false),
        (0, 20, 0, true, true),
        (10, 10, 0, false, false),
        (9, 10, 1, true, false),
    ] {
        let sums = [("delivered", delivered), ("failed", failed), ("lost", lost)];
        assert_eq!(rings("WebhooksAlarm", &sums), soon, "{sums:?}");
        assert_eq!(rings("WebhooksSixHoursAlarm", &sums), later, "{sums:?}");
    }
}

/// Uploads that all fail are found among the health checks of six hours, and some failures among many requests are not.
#[test]
fn server_errors_ring_with_any_traffic() {
    assert_eq!(periods("ServerErrorsSixHoursAlarm"), BTreeSet::from([SIX_HOURS]));
    for (errors, requests, expected) in [
        (0, 0, false),
        (0, 360, false),
        (4, 4, false),
        (5, 5, true),
        (5, 365, true),
        (5, 500, false),
        (600, 60_000, false),
        (601, 60_000, true),
    ] {
        let sums = [("errors", errors), ("requests", requests)];
        assert_eq!(rings("ServerErrorsSixHoursAlarm", &sums), expected, "{sums:?}");
    }
}

/// The filter takes the peak memory from the line with which Lambda ends an invocation, also after a cold start.
#[test]
fn the_memory_filter_matches_lambdas_report() {
    let filter = properties("ProcessMemoryUsed");
    let pattern = filter["FilterPattern"].as_str().expect("a pattern");
    let fields: Vec<_> = pattern.trim_matches(['[', ']']).split(',').map(str::trim).collect();
    let (used, rest) = (fields.iter().position(|field| *field == "used").expect("used"), fields.last());
    assert_eq!((fields[0], rest), (r#"report="REPORT""#, Some(&"...")), "further fields are allowed");
    assert_eq!(filter["MetricTransformations"][0]["MetricValue"], "$used");
    for line in [
        "REPORT RequestId: 3604209a-e9a3-11e6-939a-754dd98c7be3\tDuration: 2912.34 ms\tBilled Duration: 2913 ms\tMemory \
         Size: 3008 MB\tMax Memory Used: 1234 MB\t",
        "REPORT RequestId: 3604209a-e9a3-11e6-939a-754dd98c7be3\tDuration: 2912.34 ms\tBilled Duration: 3105 ms\tMemory \
         Size: 3008 MB\tMax Memory Used: 1234 MB\tInit Duration: 191.07 ms\t",
    ] {
        assert_eq!(line.split_whitespace().nth(used), Some("1234"), "{line}");
    }
}

/// The table of metrics in RUNBOOK.md, in the names of both systems.
#[test]
fn the_runbook_lists_every_metric() {
    let runbook = fs::read_to_string(root().join("RUNBOOK.md")).expect("RUNBOOK.md");
    for metric in Metric::ALL {
        let MetricInfo { name, unit, labels, help, .. } = metric.info();
        let suffix = match unit {
            Unit::Count => "_total",
            Unit::Seconds => "_seconds",
            Unit::Pixels => "_pixels",
            Unit::Share => "",
        };
        let labels: Vec<_> = labels.iter().map(|label| format!("`{}`", label.as_str())).collect();
        let labels = if labels.is_empty() { "none".to_owned() } else { labels.join(", ") };
        let help = help.trim_end_matches('.');
        let row = format!("| `{}` | `cutline_{name}{suffix}` | {labels} | {help} |", cloudwatch_name(name));
        assert!(runbook.contains(&row), "RUNBOOK.md lacks this row:\n{row}");
    }
}
