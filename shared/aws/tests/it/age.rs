//! The age of a queue, from CloudWatch. CloudWatch answers in CBOR.

use std::time::Duration;

use cutline_aws::config::QueueUrls;
use cutline_core::domain::job::{JobStage, Route};
use cutline_core::domain::lane::Lane;
use cutline_core::ports::{PortError, Queue};

use crate::server::Script;

/// A GetMetricStatistics answer with these datapoints: `{"Datapoints": [{"Maximum": 1.5}, …]}`.
fn answer(maxima: &[f64]) -> (u16, Vec<u8>) {
    let mut body = Vec::new();
    body.extend(b"\xA1\x6ADatapoints");
    body.push(0x80 + u8::try_from(maxima.len()).expect("a few"));
    for maximum in maxima {
        body.extend(b"\xA1\x67Maximum\xFB");
        body.extend(maximum.to_be_bytes());
    }
    (200, body)
}

async fn age(answer: (u16, Vec<u8>)) -> (Result<Option<Duration>, PortError>, Vec<String>) {
    let script = Script::new([answer]);
    let url = |name: &str| format!("http://localhost/1/{name}-of-the-test");
    let urls = QueueUrls {
        queue_url: url("jobs"),
        bulk_queue_url: url("bulk"),
        intake_queue_url: url("intake"),
        intake_bulk_queue_url: url("intake-bulk"),
    };
    let queue = script.aws().await.lanes(&urls);
    let age = queue.oldest_age(Route { lane: Lane::Bulk, stage: JobStage::Make }).await;
    (age, script.requests())
}

#[tokio::test]
async fn takes_the_maximum_of_the_last_minutes() {
    let (age, requests) = age(answer(&[30.0, 420.5, 0.0])).await;
    assert_eq!(age.expect("an age"), Some(Duration::from_millis(420_500)));
    for expected in ["AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", "bulk-of-the-test", "Maximum"] {
        assert!(requests[0].contains(expected), "{expected}: {}", requests[0]);
    }
}

#[tokio::test]
async fn an_idle_queue_has_no_age() {
    assert_eq!(age(answer(&[])).await.0.expect("an age"), None, "CloudWatch has no datapoints of an idle queue");
    assert_eq!(age(answer(&[0.0, 0.0])).await.0.expect("an age"), None);
}

#[tokio::test]
async fn an_unknown_age_is_a_fault() {
    assert!(matches!(age((503, Vec::new())).await.0, Err(PortError::Retry(_))));
    assert!(matches!(age((403, Vec::new())).await.0, Err(PortError::Fail(_))));
}
