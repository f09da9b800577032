//! The jobs of an owner: listed, repeated and deleted.

use anyhow::{Context, Result, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use cutline_deployment::{Answer, Bucket, accepted, request, sample};
use serde_json::{Value, json};

use crate::checks::{check_done, record, schedule, uploaded};
use crate::world::World;

/// The job in the sample events.
const SAMPLE_JOB: &str = "019ab3a4-5c00-7d41-9f0e-6e1d36cc9e8a";

/// A sample event about this job.
pub(crate) fn about(sample_name: &str, job: &str) -> Result<Value> {
    let event = sample(sample_name)?.to_string();
    ensure!(event.contains(SAMPLE_JOB), "{sample_name} is about no job");
    Ok(serde_json::from_str(&event.replace(SAMPLE_JOB, job))?)
}

/// The upload of the sample photo with another field.
pub(crate) fn upload_with(name: &str, value: &str) -> Result<Value> {
    let mut event = sample("upload-multipart.json")?;
    let content_type = event["headers"]["content-type"].as_str().context("no content type")?;
    let (_, boundary) = content_type.split_once("boundary=").context("no boundary")?;
    let field = format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    let body = [field.as_bytes(), &STANDARD.decode(event["body"].as_str().context("no body")?)?].concat();
    event["headers"]["content-length"] = body.len().to_string().into();
    event["body"] = STANDARD.encode(body).into();
    Ok(event)
}

/// The entries of the list of jobs with this external id.
async fn listed(world: &World, external_id: &str) -> Result<Vec<Value>> {
    let mut event = sample("status-jobs.json")?;
    event["rawQueryString"] = format!("external_id={external_id}").into();
    event["queryStringParameters"] = json!({ "external_id": external_id });
    let Answer { status, body } = request(&world.status, &event).await?;
    ensure!(status == 200 && body["cursor"].is_null(), "{status} {body}");
    body["jobs"].as_array().cloned().with_context(|| format!("no jobs: {body}"))
}

/// Checks which jobs with this external id are listed, and with which status.
async fn check_listed(world: &World, external_id: &str, expected: &[(&str, &str)]) -> Result<()> {
    let jobs = listed(world, external_id).await?;
    let found: Vec<_> = jobs.iter().map(|job| (job["job_id"].as_str(), job["status"].as_str())).collect();
    let expected: Vec<_> = expected.iter().map(|(id, status)| (Some(*id), Some(*status))).collect();
    ensure!(found == expected, "{jobs:?}");
    Ok(())
}

/// Repeats a job. Returns the new one's id.
async fn repeated(world: &World, job: &str) -> Result<String> {
    let Answer { status, body } = request(&world.upload, &about("upload-retry-job.json", job)?).await?;
    ensure!(status == 202, "{status} {body}");
    Ok(body["job_id"].as_str().context("no job_id")?.to_owned())
}

pub(crate) async fn delete(world: &World, job: &str) -> Result<()> {
    let answer = world.upload.invoke(&about("upload-delete-job.json", job)?).await?;
    ensure!(answer["statusCode"] == 204, "{answer}");
    Ok(())
}

pub(crate) async fn process_one(world: &World) -> Result<()> {
    let message = world.jobs.receive_one().await?;
    let reported = world.jobs.deliver(&[message], &world.process).await?;
    ensure!(reported.is_empty(), "{reported:?}");
    Ok(())
}

/// The numbers of a job's sources and results in the bucket.
pub(crate) async fn files(world: &World, job: &str) -> Result<(usize, usize)> {
    let bucket = Bucket::new(&world.stack, &world.stack.admin);
    Ok((bucket.count(&format!("sources/{job}")).await?, bucket.count(&format!("jobs/{job}/")).await?))
}

pub(crate) async fn a_job_is_listed_repeated_and_deleted(world: &World) -> Result<()> {
    let external_id = "order-4711";
    let first = accepted(&world.upload, &upload_with("external_id", external_id)?).await?;
    check_listed(world, external_id, &[(&first, "queued")]).await?;
    process_one(world).await?;
    check_listed(world, external_id, &[(&first, "done")]).await?;
    let Answer { status, body } = request(&world.status, &sample("status-jobs.json")?).await?;
    ensure!(
        status == 200 && body["jobs"][0]["job_id"] == first.as_str(),
        "not the newest of all jobs: {status} {body}"
    );

    let second = repeated(world, &first).await?;
    check_listed(world, external_id, &[(&second, "queued"), (&first, "done")]).await?;
    process_one(world).await?;
    check_done(world, &second).await?;
    let mut get = sample("status-jobs.json")?;
    get["rawPath"] = format!("/api/v1/jobs/{second}").into();
    get["requestContext"]["http"]["path"] = get["rawPath"].clone();
    let Answer { status, body } = request(&world.status, &get).await?;
    ensure!(
        status == 200 && body["job_id"] == second.as_str() && body["retry_of"] == first.as_str(),
        "{status} {body}"
    );

    delete(world, &first).await?;
    check_listed(world, external_id, &[(&second, "done")]).await?;
    for (function, name) in [(&world.status, "status-job.json"), (&world.upload, "upload-delete-job.json")] {
        let Answer { status, body } = request(function, &about(name, &first)?).await?;
        ensure!(status == 404, "{name}: {status} {body}");
    }
    let (sources, results) = files(world, &first).await?;
    ensure!(sources == 1 && results > 0, "files are deleted by the sweep: {sources} {results}");
    world.sweep.invoke(&schedule()?).await?;
    ensure!(files(world, &first).await? == (0, 0), "the sweep left files");
    ensure!(record(world, &first).await?.due_at().is_none(), "the files are deleted again");
    check_done(world, &second).await
}

pub(crate) async fn a_deleted_job_is_not_processed(world: &World) -> Result<()> {
    let job = uploaded(world).await?;
    delete(world, &job).await?;
    process_one(world).await?;
    let deleted = record(world, &job).await?;
    ensure!(deleted.attempts == 0 && deleted.deletion.is_some(), "{deleted:?}");
    world.sweep.invoke(&schedule()?).await?;
    ensure!(files(world, &job).await? == (0, 0), "the sweep left files");
    Ok(())
}
