//! Lists of jobs: the requests to DynamoDB, and how its answers are read.

use cutline_core::contract::samples;
use cutline_core::domain::job::{Job, JobSummary};
use cutline_core::ports::{JobPage, JobQuery, Jobs, PortError};
use serde_json::{Value, json};

use crate::server::Script;

const ALL: JobQuery = JobQuery { before: None, external_id: None, limit: 100 };

/// Some jobs of an owner, the highest id first.
fn jobs(count: usize) -> Vec<Job> {
    let owner = samples::owner();
    let mut jobs: Vec<_> = (0..count).map(|_| samples::job(&owner, false)).collect();
    jobs.reverse();
    jobs
}

fn entry(job: &Job) -> Value {
    let summary = JobSummary::of(job).expect("a listed job");
    let metadata = summary.metadata.as_ref().map(|metadata| serde_json::to_value(metadata).expect("an object"));
    let metadata = metadata.as_ref().and_then(Value::as_object).into_iter().flatten();
    let metadata: Value =
        metadata.map(|(name, text)| (name.clone(), json!({ "S": text }))).collect::<serde_json::Map<_, _>>().into();
    json!({ "id": {"S": job.id}, "summary": {"M": {
        "id": {"S": job.id}, "status": {"S": "queued"}, "mode": {"S": summary.mode},
        "created_at": {"S": summary.created_at}, "set": {"S": summary.set}, "external_id": {"S": summary.external_id},
        "metadata": {"M": metadata}, "output_name": {"S": summary.output_name}, "lane": {"S": "an attribute of a newer release"},
    }}})
}

fn key(job: &Job) -> Value {
    json!({ "pk": {"S": format!("job#{}", job.id)}, "sk": {"S": "job"}, "id": {"S": job.id} })
}

fn answer(body: Value) -> (u16, String) {
    (200, body.to_string())
}

fn requests(script: &Script) -> Vec<Value> {
    script.requests().iter().map(|body| serde_json::from_str(body).expect("JSON")).collect()
}

fn page(jobs: &[Job], next: Option<&Job>) -> JobPage {
    JobPage { jobs: jobs.iter().filter_map(JobSummary::of).collect(), next: next.map(|job| job.id) }
}

#[tokio::test]
async fn reads_on_until_the_index_ends_or_enough_jobs_were_looked_at() {
    let jobs = jobs(3);
    let owner = &jobs[0].owner;
    let short = || answer(json!({ "Items": [entry(&jobs[0]), entry(&jobs[1])], "LastEvaluatedKey": key(&jobs[1]) }));
    let script = Script::new([short(), answer(json!({ "Items": [entry(&jobs[2])] }))]);
    assert_eq!(script.aws().await.table("t").list(owner, &ALL).await.expect("a list"), page(&jobs, None));
    let sent = requests(&script);
    assert_eq!(sent.len(), 2);
    for (request, limit) in sent.iter().zip([100, 98]) {
        assert_eq!((&request["IndexName"], &request["Limit"]), (&json!("by_owner"), &json!(limit)));
        assert_eq!(request["KeyConditionExpression"], "by_owner = :partition");
        assert_eq!(request["ExpressionAttributeValues"], json!({ ":partition": {"S": format!("jobs#{owner}")} }));
        assert_eq!(request["ScanIndexForward"], false);
        assert_eq!(request["ProjectionExpression"], "id, summary");
        assert_ne!(request["ConsistentRead"], true, "DynamoDB refuses it for such an index");
    }
    assert_eq!((&sent[0]["ExclusiveStartKey"], &sent[1]["ExclusiveStartKey"]), (&Value::Null, &key(&jobs[1])));

    let script = Script::new([short()]);
    let query = JobQuery { limit: 2, ..ALL };
    let listed = script.aws().await.table("t").list(owner, &query).await.expect("a list");
    assert_eq!(listed, page(&jobs[..2], Some(&jobs[1])));
    assert_eq!(requests(&script).len(), 1);
}

#[tokio::test]
async fn an_external_id_selects_the_other_index() {
    let jobs = jobs(1);
    let (owner, external_id) = (&jobs[0].owner, jobs[0].spec.external_id.clone());
    let script = Script::new([answer(json!({ "Items": [entry(&jobs[0])] }))]);
    let text = external_id.as_ref().expect("an external id").to_string();
    let query = JobQuery { before: Some(jobs[0].id), external_id, limit: 1 };
    let listed = script.aws().await.table("t").list(owner, &query).await.expect("a list");
    assert_eq!(listed, page(&jobs, None), "DynamoDB returned no key to continue from");
    let request = &requests(&script)[0];
    assert_eq!(request["IndexName"], "by_external_id");
    assert_eq!(request["KeyConditionExpression"], "by_external_id = :partition AND id < :before");
    let values = json!({ ":partition": {"S": format!("external#{owner}#{text}")}, ":before": {"S": jobs[0].id} });
    assert_eq!(request["ExpressionAttributeValues"], values);
}

#[tokio::test]
async fn an_unreadable_summary_is_skipped_and_counted() {
    let jobs = jobs(2);
    let mut unreadable = entry(&jobs[1]);
    unreadable["summary"]["M"]["status"] = json!({ "S": "paused" });
    let items = json!([entry(&jobs[0]), unreadable]);
    let script = Script::new([answer(json!({ "Items": items, "LastEvaluatedKey": key(&jobs[1]) }))]);
    let query = JobQuery { limit: 2, ..ALL };
    let listed = script.aws().await.table("t").list(&jobs[0].owner, &query).await.expect("a list");
    assert_eq!(listed, page(&jobs[..1], Some(&jobs[1])));
}

#[tokio::test]
async fn a_missing_index_is_a_permanent_fault() {
    let kind = "com.amazonaws.dynamodb.v20120810#ValidationException";
    let body = json!({ "__type": kind, "message": "The table does not have the specified index: by_external_id" });
    let table = Script::new([(400, body.to_string())]).aws().await.table("t");
    let listed = table.list(&samples::owner(), &ALL).await;
    assert!(matches!(listed, Err(PortError::Fail(_))), "{listed:?}");
}
