//! Copying and deleting a job's files: the requests to S3, and how its answers are read.

use cutline_aws::S3Bucket;
use cutline_core::ports::{Blobs, JobFiles, PortError};
use cutline_core::{Ids, StorageKey, SystemIds};

use crate::server::Script;

/// An error answer of S3.
fn error(status: u16, code: &str) -> (u16, String) {
    (status, format!("<Error><Code>{code}</Code><Message>no reason given</Message></Error>"))
}

/// A page of a list of objects, with the token of the next one.
fn listed(keys: &[String], next: Option<&str>) -> (u16, String) {
    let keys: String = keys.iter().map(|key| format!("<Contents><Key>{key}</Key></Contents>")).collect();
    let next = next.map(|token| format!("<NextContinuationToken>{token}</NextContinuationToken>"));
    let (is_truncated, next) = (next.is_some(), next.unwrap_or_default());
    (200, format!("<ListBucketResult><IsTruncated>{is_truncated}</IsTruncated>{next}{keys}</ListBucketResult>"))
}

/// The answer to a deletion of which these keys failed.
fn deleted(errors: &[(&str, &str)]) -> (u16, String) {
    let error = |(key, code): &(&str, &str)| {
        format!("<Error><Key>{key}</Key><Code>{code}</Code><Message>no reason given</Message></Error>")
    };
    (200, format!("<DeleteResult>{}</DeleteResult>", errors.iter().map(error).collect::<String>()))
}

async fn bucket(script: &Script) -> S3Bucket {
    script.aws().await.bucket("b")
}

#[tokio::test]
async fn classifies_the_errors_of_a_copy() {
    let copy = async |answer| {
        let [from, to] = [SystemIds.job(), SystemIds.job()].map(|job| StorageKey::Source { job });
        bucket(&Script::new([answer])).await.copy(&from, &to).await
    };
    let done = (200, "<CopyObjectResult><ETag>\"x\"</ETag></CopyObjectResult>".to_owned());
    assert!(matches!(copy(done).await, Ok(true)));
    assert!(matches!(copy(error(404, "NoSuchKey")).await, Ok(false)));
    for (status, code, transient) in [
        (404, "NoSuchBucket", false),
        (403, "AccessDenied", false),
        (503, "SlowDown", true),
        // S3 may notice an error after it has begun its answer.
        (200, "InternalError", true),
        (200, "ServiceUnavailable", true),
        (200, "AccessDenied", false),
    ] {
        let fault = copy(error(status, code)).await.expect_err(code);
        assert_eq!(matches!(fault, PortError::Retry(_)), transient, "{fault:?}");
        assert!(fault.to_string().contains("s3:CopyObject"), "{fault}");
    }
}

#[tokio::test]
async fn deletes_the_sources_and_every_listed_result() {
    let job = SystemIds.job();
    let results = |range: std::ops::Range<usize>| range.map(|n| format!("jobs/{job}/{n}")).collect::<Vec<_>>();
    let masks = ["a", "b"].map(|name| format!("{}{name}", StorageKey::masks(job)));
    let script = Script::new([
        listed(&results(0..1_000), Some("next")),
        listed(&results(1_000..1_001), None),
        listed(&masks, None),
        deleted(&[]),
        deleted(&[]),
    ]);
    bucket(&script).await.delete(job).await.expect("delete");
    let requests = script.requests();
    let counts: Vec<_> = requests.iter().map(|body| body.matches("<Key>").count()).collect();
    let keys = StorageKey::inputs(job).map(|key| key.to_string());
    assert_eq!(counts, [0, 0, 0, 1_000, keys.len() + 1 + masks.len()], "three lists and two deletions");
    for key in keys.iter().chain(&masks).chain(&results(0..1_001)) {
        assert!(requests[3..].iter().any(|body| body.contains(&format!("<Key>{key}</Key>"))), "{key}");
    }
}

#[tokio::test]
async fn an_object_that_was_not_deleted_is_a_fault() {
    let delete = async |answer| {
        let script = Script::new([listed(&[], None), listed(&[], None), answer]);
        bucket(&script).await.delete(SystemIds.job()).await.expect_err("a fault")
    };
    for (errors, transient) in [
        (&[("sources/a", "AccessDenied")][..], false),
        (&[("sources/a", "InternalError"), ("sources/b", "SlowDown")], true),
        (&[("sources/a", "InternalError"), ("sources/b", "AccessDenied")], false),
    ] {
        let fault = delete(deleted(errors)).await;
        assert_eq!(matches!(fault, PortError::Retry(_)), transient, "{fault:?}");
        let text = fault.to_string();
        assert!(text.contains("s3:DeleteObjects") && text.contains("sources/a"), "{text}");
    }
    assert!(matches!(delete(error(503, "SlowDown")).await, PortError::Retry(_)));
    assert!(matches!(delete(error(403, "AccessDenied")).await, PortError::Fail(_)));
    let script = Script::new([error(403, "AccessDenied")]);
    assert!(matches!(bucket(&script).await.delete(SystemIds.job()).await, Err(PortError::Fail(_))));
    assert_eq!(script.requests().len(), 1, "nothing is deleted before the list is complete");
}
