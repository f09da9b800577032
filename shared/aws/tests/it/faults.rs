//! How the adapters classify the error answers that the services document.

use std::time::Duration;

use axum::Router;
use cutline_aws::config::QueueUrls;
use cutline_core::contract::samples;
use cutline_core::domain::job::Transition;
use cutline_core::domain::message::Message;
use cutline_core::ports::{Blobs, CreateError, Deliveries, Jobs, Keys, PortError, Queue, Receipt, WriteError};
use cutline_core::{Job, Policy, StorageKey};

use crate::server::{Script, aws, serve};

/// An error answer of DynamoDB or SQS.
fn error(status: u16, code: &str) -> (u16, String) {
    (status, format!(r#"{{"__type":"com.amazonaws.dynamodb.v20120810#{code}","message":"no reason given"}}"#))
}

/// A transaction cancelled for these reasons.
fn cancelled(reasons: [&str; 2]) -> (u16, String) {
    let [job, owner] = reasons.map(|code| format!(r#"{{"Code":"{code}"}}"#));
    let kind = "com.amazonaws.dynamodb.v20120810#TransactionCanceledException";
    (400, format!(r#"{{"__type":"{kind}","Message":"cancelled","CancellationReasons":[{job},{owner}]}}"#))
}

/// An error answer of S3.
fn s3_error(status: u16, code: &str) -> (u16, String) {
    (status, format!("<Error><Code>{code}</Code><Message>no reason given</Message></Error>"))
}

fn done() -> (u16, String) {
    (200, "{}".to_owned())
}

fn job() -> Job {
    samples::job(&samples::owner(), true)
}

fn withdrawn() -> Transition {
    job().withdraw(samples::now(), &Policy::default()).expect("withdraw")
}

fn source() -> StorageKey {
    StorageKey::Source { job: job().id }
}

#[tokio::test]
async fn retries_transient_errors_of_dynamodb() {
    for transient in [
        error(500, "InternalServerError"),
        error(503, "ServiceUnavailable"),
        error(400, "ThrottlingException"),
        error(400, "ProvisionedThroughputExceededException"),
        error(400, "RequestLimitExceeded"),
    ] {
        let script = Script::new([transient.clone(), done()]);
        let found = script.aws().await.table("t").get(job().id).await;
        assert!(matches!(found, Ok(None)), "{transient:?}: {found:?}");
        assert_eq!(script.requests().len(), 2);

        let script = Script::new([transient.clone()]);
        let found = script.aws().await.table("t").get(job().id).await;
        assert!(matches!(found, Err(PortError::Retry(_))), "{transient:?}: {found:?}");
    }
}

#[tokio::test]
async fn does_not_retry_permanent_errors() {
    for permanent in [
        error(400, "AccessDeniedException"),
        error(400, "ResourceNotFoundException"),
        error(400, "ValidationException"),
        error(400, "UnrecognizedClientException"),
    ] {
        let script = Script::new([permanent.clone()]);
        let table = script.aws().await.table("t");
        let fault = table.get(job().id).await.expect_err("a fault");
        assert!(matches!(fault, PortError::Fail(_)), "{permanent:?}: {fault:?}");
        let text = fault.to_string();
        assert!(text.contains("dynamodb:GetItem") && text.contains("no reason given"), "{text}");
        assert!(matches!(table.insert(&key()).await, Err(PortError::Fail(_))));
        assert!(matches!(table.create(&job()).await, Err(CreateError::Port(PortError::Fail(_)))));
        assert_eq!(script.requests().len(), 3);
    }
}

fn key() -> cutline_core::domain::keys::KeyRecord {
    let hash = cutline_core::domain::keys::Secret::from_caller("x").hash();
    let (owner, label) = (samples::owner(), String::new());
    cutline_core::domain::keys::KeyRecord {
        hash,
        owner,
        label,
        scope: Default::default(),
        created_at: samples::now(),
        revoked_at: None,
    }
}

#[tokio::test]
async fn expired_credentials_are_a_transient_fault() {
    let script = Script::new([error(400, "ExpiredTokenException")]);
    assert!(matches!(script.aws().await.table("t").get(job().id).await, Err(PortError::Retry(_))));
}

#[tokio::test]
async fn a_cancelled_transaction_tells_which_condition_failed() {
    const NO: &str = "ConditionalCheckFailed";
    const OK: &str = "None";

    let create = async |reasons| Script::new([cancelled(reasons)]).aws().await.table("t").create(&job()).await;
    assert!(matches!(create([OK, NO]).await, Err(CreateError::InsufficientCredits)));
    assert!(matches!(create([NO, OK]).await, Err(CreateError::Exists)));
    assert!(matches!(create([NO, NO]).await, Err(CreateError::Exists)), "it may be this very job");
    assert!(matches!(create([NO, "TransactionConflict"]).await, Err(CreateError::Exists)));
    assert!(matches!(create([OK, "TransactionConflict"]).await, Err(CreateError::Port(PortError::Retry(_)))));
    // The conflict may be with an earlier attempt of this transaction, which spent the credit.
    assert!(matches!(create(["TransactionConflict", NO]).await, Err(CreateError::Port(PortError::Retry(_)))));
    assert!(matches!(create([OK, "ThrottlingError"]).await, Err(CreateError::Port(PortError::Retry(_)))));
    assert!(matches!(create([OK, "ValidationError"]).await, Err(CreateError::Port(PortError::Fail(_)))));

    let replace = async |reasons| Script::new([cancelled(reasons)]).aws().await.table("t").replace(&withdrawn()).await;
    assert!(matches!(replace([NO, OK]).await, Err(WriteError::Conflict)));
    assert!(matches!(replace([NO, NO]).await, Err(WriteError::Conflict)));
    assert!(matches!(replace([OK, "TransactionConflict"]).await, Err(WriteError::Port(PortError::Retry(_)))));
}

#[tokio::test]
async fn retries_a_conflicting_transaction_with_the_same_token() {
    let script = Script::new([cancelled(["None", "TransactionConflict"]), done()]);
    script.aws().await.table("t").create(&job()).await.expect("created");
    let requests = script.requests();
    assert_eq!(requests.len(), 2);
    assert!(requests[0].contains("ClientRequestToken"));
    assert_eq!(requests[0], requests[1], "DynamoDB recognises the retry by its token");
}

#[tokio::test]
async fn an_owner_without_counted_credits_gets_a_plain_write() {
    let script = Script::new([cancelled(["None", "ConditionalCheckFailed"]), done()]);
    script.aws().await.table("t").replace(&withdrawn()).await.expect("replaced");
    let requests = script.requests();
    assert!(requests[0].contains("TransactItems") && !requests[1].contains("TransactItems"), "{requests:?}");
    assert!(requests[1].contains("version = :version"), "on the same condition: {}", requests[1]);
}

#[tokio::test]
async fn an_unreadable_item_is_a_permanent_fault() {
    let item = r#"{"Item":{"pk":{"S":"job#x"},"sk":{"S":"job"},"state":{"S":"?"}}}"#;
    let found = Script::new([(200, item.to_owned())]).aws().await.table("t").get(job().id).await;
    assert!(matches!(found, Err(PortError::Fail(_))), "{found:?}");
}

#[tokio::test]
async fn retries_a_conflicting_conditional_put() {
    let script = Script::new([s3_error(409, "ConditionalRequestConflict"), s3_error(412, "PreconditionFailed")]);
    let stored = script.aws().await.bucket("b").put_new(&source(), "x".into()).await;
    assert!(matches!(stored, Ok(false)), "{stored:?}");

    let script = Script::new([s3_error(409, "ConditionalRequestConflict"), (200, String::new())]);
    assert!(matches!(script.aws().await.bucket("b").put_new(&source(), "x".into()).await, Ok(true)));

    let script = Script::new([s3_error(409, "ConditionalRequestConflict")]);
    let stored = script.aws().await.bucket("b").put_new(&source(), "x".into()).await;
    assert!(matches!(stored, Err(PortError::Retry(_))), "{stored:?}");
}

#[tokio::test]
async fn classifies_the_errors_of_s3() {
    let get = async |answer| Script::new([answer]).aws().await.bucket("b").get(&source()).await;
    assert!(matches!(get(s3_error(404, "NoSuchKey")).await, Ok(None)));
    assert!(matches!(get(s3_error(404, "NoSuchBucket")).await, Err(PortError::Fail(_))));
    assert!(matches!(get(s3_error(403, "AccessDenied")).await, Err(PortError::Fail(_))));
    assert!(matches!(get(s3_error(503, "SlowDown")).await, Err(PortError::Retry(_))));
}

#[tokio::test]
async fn recognises_all_three_errors_for_a_deleted_message() {
    let with =
        |code: &str, message: &str| (400, format!(r#"{{"__type":"com.amazonaws.sqs#{code}","message":"{message}"}}"#));
    let receipt = Receipt("r".to_owned());
    let reason = "Value r for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not \
                  available for visibility timeout change.";
    for gone in [
        with("ReceiptHandleIsInvalid", "The input receipt handle is invalid."),
        with("MessageNotInflight", "The message is not in flight."),
        with("InvalidParameterValue", reason),
    ] {
        let queue = Script::new([gone.clone()]).aws().await.queue("http://localhost/1/q");
        assert!(queue.defer(&receipt, Duration::from_secs(1)).await.is_ok(), "{gone:?}");
        assert!(queue.delete(&receipt).await.is_ok(), "{gone:?}");
    }
    let beyond = "Total VisibilityTimeout for the message is beyond the limit [43200 seconds]";
    for (answer, permanent) in [
        (with("InvalidParameterValue", beyond), true),
        (with("QueueDoesNotExist", "The specified queue does not exist."), true),
        (with("AccessDeniedException", "no"), true),
        (with("RequestThrottled", "slowly"), false),
        ((500, String::new()), false),
    ] {
        let queue = Script::new([answer.clone()]).aws().await.queue("http://localhost/1/q");
        let result = queue.defer(&receipt, Duration::from_secs(1)).await;
        assert_eq!(matches!(result, Err(PortError::Fail(_))), permanent, "{answer:?}: {result:?}");
        assert_eq!(matches!(result, Err(PortError::Retry(_))), !permanent, "{answer:?}: {result:?}");
    }
}

#[tokio::test]
async fn a_refused_connection_is_a_transient_fault() {
    let unreachable = aws("http://127.0.0.1:9").await;
    assert!(matches!(unreachable.table("t").get(job().id).await, Err(PortError::Retry(_))));
    let url = "http://127.0.0.1:9/1/q".to_owned();
    let (bulk_queue_url, intake_queue_url, intake_bulk_queue_url) = (url.clone(), url.clone(), url.clone());
    let urls = QueueUrls { queue_url: url, bulk_queue_url, intake_queue_url, intake_bulk_queue_url };
    let sent =
        unreachable.lanes(&urls).send(&Message { job_id: job().id }, samples::destination(), Duration::ZERO).await;
    assert!(matches!(sent, Err(PortError::Retry(_))));
}

/// A server that answers every request after a delay.
async fn slow_server(delay: Duration) -> cutline_aws::Aws {
    let answer = move || async move {
        tokio::time::sleep(delay).await;
        "{}"
    };
    aws(&serve(Router::new().fallback(answer)).await).await
}

#[tokio::test]
async fn gives_up_on_a_server_that_does_not_answer() {
    let table = slow_server(Duration::from_secs(3600)).await.table("t");
    assert!(matches!(table.get(job().id).await, Err(PortError::Retry(_))));
}

#[tokio::test]
async fn a_receive_may_take_as_long_as_its_wait() {
    let queue = slow_server(Duration::from_secs(5)).await.queue("http://localhost/1/q");
    let got = queue.receive(1, Duration::from_secs(5)).await.expect("a late answer");
    assert!(got.is_empty());
}
