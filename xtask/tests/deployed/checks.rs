//! Steps and checks that several scenarios share.

use anyhow::{Context, Result, ensure};
use cutline_core::domain::job::Job;
use cutline_deployment::{accepted, sample, status};
use serde_json::Value;

use crate::clock;
use crate::photo;
use crate::world::World;

/// The event of the schedule.
pub(crate) fn schedule() -> Result<Value> {
    sample("sweep-schedule.json")
}

/// Uploads the sample photo.
pub(crate) async fn uploaded(world: &World) -> Result<String> {
    accepted(&world.upload, &sample("upload-multipart.json")?).await
}

pub(crate) async fn record(world: &World, job: &str) -> Result<Job> {
    clock::job(&world.table, job).await
}

/// Follows a link to a PNG without any credentials, as a browser would.
pub(crate) async fn download(link: &Value) -> Result<(reqwest::StatusCode, Vec<u8>)> {
    download_as("image/png", link).await
}

/// Follows a link to a file of this content type.
pub(crate) async fn download_as(content_type: &str, link: &Value) -> Result<(reqwest::StatusCode, Vec<u8>)> {
    let response = reqwest::get(link.as_str().context("no link")?).await?;
    let status = response.status();
    if status.is_success() {
        assert_eq!(response.headers()["content-type"], content_type);
    }
    Ok((status, response.bytes().await?.to_vec()))
}

/// Checks that a job is done and that its link leads to the expected cut-out.
pub(crate) async fn check_done(world: &World, job: &str) -> Result<()> {
    let body = status(&world.status, job).await?;
    ensure!(body["status"] == "done" && body["progress"] == 100, "{body}");
    let link = if body["final_url"].is_null() { &body["final_urls"]["background"] } else { &body["final_url"] };
    let (status, bytes) = download(link).await?;
    ensure!(status == 200, "link {link}: {status}: {}", String::from_utf8_lossy(&bytes));
    photo::check(&bytes)
}

/// Checks that a job failed with this code, and whether a retry may help.
pub(crate) async fn check_failed(world: &World, job: &str, code: &str, retryable: bool) -> Result<()> {
    let body = status(&world.status, job).await?;
    ensure!(body["status"] == "failed" && body["state"] == "done", "{body}");
    ensure!(body["final_url"].is_null(), "{body}");
    ensure!(body["error"]["code"] == code && body["error"]["retryable"] == retryable, "{body}");
    ensure!(body["error"]["message"].as_str().is_some_and(|message| !message.is_empty()), "{body}");
    Ok(())
}
