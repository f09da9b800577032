//! What the previous release stored and sent on AWS is read and finished.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use cutline_core::contract::{self, PREVIOUS_RELEASE, Recording, UpgradedBackend};
use cutline_core::domain::job::{JobStage, Route};
use cutline_core::ports::Quarantine as _;
use cutline_core::testing::ManualClock;
use cutline_core::usecases::RecordStores;
use serde_json::Value;

use crate::account::Account;

/// Longer than the test.
const VISIBILITY: Duration = Duration::from_secs(600);

#[tokio::test(flavor = "multi_thread")]
async fn finishes_what_the_previous_release_recorded() {
    let recording = Recording::read(PREVIOUS_RELEASE, "aws");
    assert!(recording.messages.len() >= 4 && !recording.items.is_empty(), "nothing was recorded");
    let account = Account::new().await;
    let table = Arc::new(account.table().await);
    let dynamo = aws_sdk_dynamodb::Client::new(&account.sdk().await);
    for item in &recording.items {
        let item = item.iter().map(|(name, value)| (name.clone(), attribute(value))).collect();
        dynamo.put_item().table_name(&account.name).set_item(Some(item)).send().await.expect("put item");
    }
    // Records and events name the bucket.
    let site = Account { name: recording.bucket.clone(), ..Account::new().await };
    let bucket = Arc::new(site.bucket().await);
    let config = aws_sdk_s3::config::Builder::from(&site.sdk().await).force_path_style(true);
    let s3 = aws_sdk_s3::Client::from_conf(config.build());
    for object in &recording.objects {
        let request = s3.put_object().bucket(&site.name).key(&object.key).body(recording.content(object).into());
        request.send().await.expect("put object");
    }
    let (lanes, dead_letters) = account.lanes(VISIBILITY, 20).await;
    let jobs = lanes.queue(Route::ALL[0]);
    for body in &recording.messages {
        jobs.park(body).await.expect("send");
    }
    // A message that no worker could handle: SQS moves it unchanged.
    dead_letters.park(&recording.messages[0]).await.expect("send");
    let (reports, quarantine) = Account::new().await.queues(VISIBILITY, 20).await;
    let backend = UpgradedBackend {
        stores: RecordStores::in_one(table),
        blobs: bucket.clone(),
        job_files: bucket.clone(),
        drop_files: bucket,
        intake: Arc::new(lanes.deliveries(JobStage::Intake)),
        make: Arc::new(lanes.deliveries(JobStage::Make)),
        queue: Arc::new(lanes),
        dead_letters: Arc::new(dead_letters),
        quarantine: Arc::new(quarantine),
        report_queue: Arc::new(reports.clone()),
        reports: Arc::new(reports),
        clock: Arc::new(ManualClock::new()),
    };
    contract::previous_release(&recording, &backend).await;

    // After a roll back, the previous release knows which files were dropped.
    let items = dynamo.scan().table_name(&account.name).consistent_read(true).send().await.expect("scan").items;
    let items = items.unwrap_or_default();
    let drops: Vec<_> = items.iter().filter(|item| has(item, "sk", "drop")).collect();
    assert_eq!(drops.len(), recording.drops.len());
    assert!(drops.iter().all(|item| matches!(item.get("job_id"), Some(AttributeValue::S(_)))), "{drops:?}");
}

fn has(item: &HashMap<String, AttributeValue>, name: &str, text: &str) -> bool {
    matches!(item.get(name), Some(AttributeValue::S(value)) if value == text)
}

/// A value in the JSON of AWS's command line.
fn attribute(typed: &Value) -> AttributeValue {
    let (kind, value) = typed.as_object().and_then(|one| one.iter().next()).expect("a value names its type");
    match (kind.as_str(), value) {
        ("S", Value::String(text)) => AttributeValue::S(text.clone()),
        ("N", Value::String(number)) => AttributeValue::N(number.clone()),
        ("BOOL", Value::Bool(flag)) => AttributeValue::Bool(*flag),
        ("NULL", _) => AttributeValue::Null(true),
        ("L", Value::Array(values)) => AttributeValue::L(values.iter().map(attribute).collect()),
        ("M", Value::Object(members)) => {
            AttributeValue::M(members.iter().map(|(name, value)| (name.clone(), attribute(value))).collect())
        }
        (kind, value) => panic!("unknown value: {kind} {value}"),
    }
}
