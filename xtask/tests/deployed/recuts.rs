//! Recuts: a held job as its next revision, and a done one as a new job, by the roles of the template.

use anyhow::{Context, Result, ensure};
use cutline_deployment::{Answer, accepted, request, sample};
use serde_json::{Value, json};

use crate::checks::{record, schedule};
use crate::job_routes::{about, files, process_one, upload_with};
use crate::world::World;

/// A request of a reviewer about a job.
async fn review(world: &World, job: &str, action: &str, body: &Value) -> Result<Answer> {
    let event = about("upload-retry-job.json", job)?.to_string().replace("/retry", &format!("/{action}"));
    let mut event: Value = serde_json::from_str(&event)?;
    let body = body.to_string();
    event["headers"]["content-type"] = "application/json".into();
    event["headers"]["content-length"] = body.len().to_string().into();
    event["body"] = body.into();
    request(&world.upload, &event).await
}

/// The status of a job that is held.
async fn held(world: &World, job: &str) -> Result<Value> {
    let mut event = sample("status-jobs.json")?;
    event["rawPath"] = format!("/api/v1/jobs/{job}").into();
    event["requestContext"]["http"]["path"] = event["rawPath"].clone();
    let Answer { status, body } = request(&world.status, &event).await?;
    ensure!(status == 200 && body["status"] == "pending_review", "{status} {body}");
    Ok(body)
}

pub(crate) async fn a_held_job_is_corrected_and_approved(world: &World) -> Result<()> {
    let job = accepted(&world.upload, &upload_with("review", "always")?).await?;
    process_one(world).await?;
    let first = held(world, &job).await?;
    ensure!(first["draft"]["revision"] == 1 && first["assets"]["regions"].is_string(), "{first}");
    let (_, results) = files(world, &job).await?;

    let upper_half = json!({"revision": 1, "roi": "0 0 100% 50%"});
    let Answer { status, body } = review(world, &job, "recut", &upper_half).await?;
    ensure!(status == 202 && body["job_id"] == job.as_str(), "{status} {body}");
    let Answer { status, body } = review(world, &job, "approve", &json!({"revision": 1})).await?;
    ensure!(status == 409 && body["error"] == "recut_in_progress", "{status} {body}");
    process_one(world).await?;
    let second = held(world, &job).await?;
    ensure!(second["draft"]["revision"] == 2 && second["recut"]["of"] == 1, "{second}");
    ensure!(second["audit"][0]["action"] == "job.recut", "{second}");
    ensure!(second["warnings"].get("recut").is_none(), "{second}");
    ensure!(files(world, &job).await?.1 == 2 * results, "the draft before is kept while its links work");
    world.sweep.invoke(&schedule()?).await?;
    ensure!(record(world, &job).await?.replaced.len() == 1, "and for no longer");

    let Answer { status, body } = review(world, &job, "approve", &json!({"revision": 2})).await?;
    ensure!(status == 200 && body["status"] == "done", "{status} {body}");
    let Answer { status, body } = review(world, &job, "recut", &json!({"holes": "open"})).await?;
    let new = body["job_id"].as_str().with_context(|| format!("{status} {body}"))?.to_owned();
    ensure!(status == 202 && new != job, "{status} {body}");
    ensure!(files(world, &new).await? == (2, 0), "the photo and the evidence are copied");
    process_one(world).await?;
    let shown = held(world, &new).await?;
    ensure!(shown["recut_of"] == job.as_str() && shown["draft"]["revision"] == 1, "{shown}");
    let Answer { status, body } = review(world, &new, "approve", &json!({"revision": 1})).await?;
    ensure!(status == 200, "{status} {body}");
    Ok(())
}
