//! A client behind API Gateway: HTTP API events, made from the samples in `events/`.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use cutline_core::Mode;
use serde_json::{Value, json};

use crate::lambda::Lambda;
use crate::samples::sample;

/// Longer than any job takes, even on a slow and busy machine.
const PATIENCE: Duration = Duration::from_secs(300);

/// A function's answer to a request.
#[derive(Debug)]
pub struct Answer {
    /// The status code.
    pub status: u64,
    /// The body.
    pub body: Value,
}

/// Sends a request through the gateway.
///
/// # Errors
/// If the function fails, or its answer is not JSON with a status code and `x-request-id`.
pub async fn request(function: &Lambda, event: &Value) -> Result<Answer> {
    let answer = function.invoke(event).await?;
    let status = answer["statusCode"].as_u64().with_context(|| format!("no status code: {answer}"))?;
    ensure!(!answer["headers"]["x-request-id"].is_null(), "no x-request-id: {answer}");
    let text = answer["body"].as_str().unwrap_or_default();
    let bytes = match answer["isBase64Encoded"] {
        Value::Bool(true) => STANDARD.decode(text).context("the body is not valid base64")?,
        _ => text.as_bytes().to_owned(),
    };
    let body = serde_json::from_slice(&bytes).with_context(|| format!("not JSON: {answer}"))?;
    Ok(Answer { status, body })
}

/// Uploads in mode `background` and returns the job's id.
///
/// # Errors
/// If the answer is not 202.
pub async fn accepted(function: &Lambda, event: &Value) -> Result<String> {
    accepted_in(Mode::Background, function, event).await
}

/// Like [`accepted`], in any mode.
///
/// # Errors
/// If the answer is not 202.
pub async fn accepted_in(mode: Mode, function: &Lambda, event: &Value) -> Result<String> {
    let Answer { status, body } = request(function, event).await?;
    ensure!(status == 202, "{status} {body}");
    ensure!(body["status"] == "queued" && body["mode"] == mode.as_str(), "{body}");
    Ok(body["job_id"].as_str().context("no job_id")?.to_owned())
}

/// The event of an upload of the photo behind `url`, in mode `background`.
///
/// # Errors
/// If the sample cannot be read.
pub fn upload_of(url: &str) -> Result<Value> {
    upload_in(url, Mode::Background)
}

/// Like [`upload_of`], in any mode.
///
/// # Errors
/// If the sample cannot be read.
pub fn upload_in(url: &str, mode: Mode) -> Result<Value> {
    upload_with(&json!({ "file_url": url, "mode": mode.as_str() }))
}

/// The event of an upload with these fields.
///
/// # Errors
/// If the sample cannot be read.
pub fn upload_with(fields: &Value) -> Result<Value> {
    let mut event = sample("upload-json.json")?;
    let body = fields.to_string();
    event["headers"]["content-length"] = body.len().to_string().into();
    event["body"] = body.into();
    Ok(event)
}

/// The status body of a job.
///
/// # Errors
/// If the answer is not 200.
pub async fn status(function: &Lambda, job: &str) -> Result<Value> {
    let mut event = sample("status-job.json")?;
    event["rawQueryString"] = format!("job_id={job}").into();
    event["queryStringParameters"] = json!({ "job_id": job });
    let Answer { status, body } = request(function, &event).await?;
    ensure!(status == 200, "{status} {body}");
    ensure!(body["job_id"] == job, "{body}");
    Ok(body)
}

/// Polls until `state` is `done`, as the API's published examples do, with a fiftieth of their intervals. Checks that
/// `progress` never decreases.
///
/// # Errors
/// If the job does not end in time, or its progress falls.
pub async fn poll(function: &Lambda, job: &str) -> Result<Value> {
    let (mut wait, mut progress) = (Duration::from_millis(40), 0);
    let begun = Instant::now();
    loop {
        let body = status(function, job).await?;
        let now = body["progress"].as_u64().context("no progress")?;
        ensure!(now >= progress, "progress fell from {progress}: {body}");
        progress = now;
        match body["state"].as_str() {
            Some("done") => return Ok(body),
            Some("pending") => ensure!(body["final_url"].is_null(), "a link before the end: {body}"),
            _ => bail!("unknown state: {body}"),
        }
        ensure!(begun.elapsed() < PATIENCE, "job {job} did not end: {body}");
        tokio::time::sleep(wait).await;
        wait = (wait * 3 / 2).min(Duration::from_millis(100));
    }
}

/// Polls until the job is at `step`. Returns false if it ended, which a slow machine may notice too late.
///
/// # Errors
/// If the job does not reach the step, nor its end.
pub async fn until(function: &Lambda, job: &str, step: &str) -> Result<bool> {
    let begun = Instant::now();
    loop {
        let body = status(function, job).await?;
        if body["status"] == step {
            return Ok(true);
        }
        if body["state"] != "pending" {
            return Ok(false);
        }
        ensure!(begun.elapsed() < PATIENCE, "job {job} did not reach {step}: {body}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
