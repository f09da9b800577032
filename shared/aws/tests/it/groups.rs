//! The message group of a message, by which SQS takes turns between owners.

use std::time::Duration;

use cutline_aws::config::QueueUrls;
use cutline_core::contract::samples;
use cutline_core::domain::job::{ReportId, Route};
use cutline_core::domain::message::Message;
use cutline_core::domain::report_message::ReportMessage;
use cutline_core::ports::{Destination, Quarantine as _, Queue as _, ReportQueue as _};
use serde_json::{Value, json};

use crate::server::Script;

fn url(name: &str) -> String {
    format!("http://localhost/1/{name}")
}

fn urls() -> QueueUrls {
    QueueUrls {
        queue_url: url("jobs"),
        bulk_queue_url: url("bulk"),
        intake_queue_url: url("intake"),
        intake_bulk_queue_url: url("intake-bulk"),
    }
}

fn script() -> Script {
    Script::new([(200, r#"{"MessageId":"1"}"#)])
}

/// The queues and the groups of the messages that were sent.
fn sent(script: &Script) -> Vec<(Value, Value)> {
    let requests = script.requests().into_iter();
    let requests = requests.map(|body| serde_json::from_str::<Value>(&body).expect("a SendMessage request"));
    requests.map(|request| (request["QueueUrl"].clone(), request["MessageGroupId"].clone())).collect()
}

#[tokio::test]
async fn the_group_of_a_job_is_its_owner() {
    let script = script();
    let lanes = script.aws().await.lanes(&urls());
    let job = samples::job(&samples::owner(), false);
    let message = Message { job_id: job.id };
    for route in Route::ALL {
        let to = Destination { route, owner: &job.owner };
        lanes.send(&message, to, Duration::ZERO).await.expect("sends");
    }
    let expected = ["jobs", "bulk", "intake", "intake-bulk"].map(|name| (json!(url(name)), json!(job.owner.as_str())));
    assert_eq!(sent(&script), expected);
}

/// A message without a group is served as if it had one of its own.
#[tokio::test]
async fn messages_without_an_owner_have_no_group() {
    let script = script();
    let aws = script.aws().await;
    aws.lanes(&urls()).send_again("an event of S3").await.expect("sends");
    let job_id = samples::job(&samples::owner(), false).id;
    let report = ReportMessage { job_id, report_id: ReportId::manifest() };
    aws.queue(url("reports")).send_report(&report, Duration::ZERO).await.expect("sends");
    aws.queue(url("quarantine")).park("not a message").await.expect("sends");
    let expected = ["intake-bulk", "reports", "quarantine"].map(|name| (json!(url(name)), Value::Null));
    assert_eq!(sent(&script), expected);
}
