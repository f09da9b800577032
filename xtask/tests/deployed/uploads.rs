//! Direct uploads: granted by the upload function, sent to S3, copied at intake. What S3 refuses is tested in
//! `cutline-aws`, against a server that checks signatures and checksums.

use anyhow::{Context, Result, ensure};
use cutline_deployment::{Answer, Bucket, accepted, poll, request, sample};
use serde_json::{Value, json};

use crate::checks::{check_done, check_failed};
use crate::photo;
use crate::world::World;

/// The event of a request to this route.
pub(crate) fn event(route: &str, body: &Value) -> Result<Value> {
    let mut event = sample("upload-json.json")?;
    let (path, body) = (format!("/api/v1/{route}"), body.to_string());
    event["pathParameters"]["proxy"] = route.into();
    event["requestContext"]["http"]["path"] = path.clone().into();
    event["headers"]["content-length"] = body.len().to_string().into();
    (event["rawPath"], event["body"]) = (path.into(), body.into());
    Ok(event)
}

/// Uploads a file. Returns its key.
pub(crate) async fn uploaded(world: &World, bytes: &[u8]) -> Result<String> {
    let body = json!({"content_type": "image/jpeg", "size": bytes.len()});
    let Answer { status, body } = request(&world.upload, &event("uploads", &body)?).await?;
    ensure!(status == 201, "{status} {body}");
    let key = body["file_key"].as_str().context("no file_key")?.to_owned();
    let url = body["upload_url"].as_str().context("no upload_url")?;
    ensure!(url.contains(&format!("/uploads/{key}?")) && url.contains("content-length%3Bcontent-type%3Bhost"), "{url}");
    let sent = reqwest::Client::new().put(url).header("content-type", "image/jpeg").body(bytes.to_vec()).send().await?;
    ensure!(sent.status() == 200, "{sent:?}");
    Ok(key)
}

fn job_of(key: &str) -> Result<Value> {
    event("upload", &json!({"file_key": key, "mode": "background", "delivery_mode": "final_url"}))
}

pub(crate) async fn a_directly_uploaded_photo_is_cut_out(world: &World) -> Result<()> {
    let key = uploaded(world, photo::PHOTO).await?;
    let job = accepted(&world.upload, &job_of(&key)?).await?;
    world.fetch_one(&world.intake).await?;
    let message = world.jobs.receive_one().await?;
    let reported = world.jobs.deliver(&[message], &world.process).await?;
    ensure!(reported.is_empty(), "{reported:?}");
    poll(&world.status, &job).await?;
    check_done(world, &job).await
}

pub(crate) async fn a_deleted_upload_fails_its_job(world: &World) -> Result<()> {
    let key = uploaded(world, photo::PHOTO).await?;
    let job = accepted(&world.upload, &job_of(&key)?).await?;
    Bucket::new(&world.stack, &world.stack.admin).delete(&format!("uploads/{key}")).await?;
    world.fetch_one(&world.intake).await?;
    poll(&world.status, &job).await?;
    check_failed(world, &job, "source_changed", false).await
}

pub(crate) async fn an_upload_that_is_no_picture_is_refused(world: &World) -> Result<()> {
    let key = uploaded(world, b"<html><svg/></html>").await?;
    let Answer { status, body } = request(&world.upload, &job_of(&key)?).await?;
    ensure!(status == 422 && body["details"]["file_key"].is_array(), "{status} {body}");
    let unknown = "019cdc54-2673-7c32-b9e5-6e1d36cc9e8a";
    let Answer { status, body } = request(&world.upload, &job_of(unknown)?).await?;
    ensure!(status == 422 && body["details"]["file_key"].is_array(), "{status} {body}");
    Ok(())
}
