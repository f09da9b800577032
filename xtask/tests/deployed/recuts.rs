//! Recuts: a held job as its next revision, and a done one as a new job, by the roles of the template.

use std::io::Cursor;

use anyhow::{Context, Result, ensure};
use cutline_deployment::{Answer, Bucket, accepted, reported, request, sample};
use image::{GrayImage, ImageFormat};
use serde_json::{Value, json};

use crate::checks::{download, record, schedule};
use crate::job_routes::{about, delete, files, process_one, upload_with};
use crate::photo;
use crate::uploads::{event, uploaded};
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

/// A mask of the photo's size that keeps its left half, or its right one.
fn half_mask(is_left: bool) -> Result<Vec<u8>> {
    let (width, height) = image::load_from_memory(photo::PHOTO)?.to_rgb8().dimensions();
    let mask =
        GrayImage::from_fn(width, height, |x, _| image::Luma([if (x < width / 2) == is_left { 255 } else { 0 }]));
    let mut bytes = Cursor::new(Vec::new());
    mask.write_to(&mut bytes, ImageFormat::Png)?;
    Ok(bytes.into_inner())
}

/// Checks that the draft is cut by [`half_mask`].
async fn check_half(status: &Value, is_left: bool) -> Result<()> {
    let (code, bytes) = download(&status["draft"]["final_urls"]["background"]).await?;
    ensure!(code.is_success(), "{code}: {status}");
    let cutout = image::load_from_memory(&bytes)?.to_rgba8();
    let mask = image::load_from_memory(&half_mask(is_left)?)?.to_luma8();
    ensure!(cutout.dimensions() == mask.dimensions(), "{:?}", cutout.dimensions());
    let is_cut = cutout.pixels().zip(mask.pixels()).all(|(cutout, mask)| cutout.0[3] == mask.0[0]);
    ensure!(is_cut, "the alpha is not the mask's: {status}");
    Ok(())
}

pub(crate) async fn a_job_is_cut_by_uploaded_masks_and_deleted_with_them(world: &World) -> Result<()> {
    let [left, right] = [half_mask(true)?, half_mask(false)?];
    let photo_key = uploaded(world, photo::PHOTO).await?;
    let (left, right) = (uploaded(world, &left).await?, uploaded(world, &right).await?);
    let body = json!({"file_key": photo_key, "mask_key": left, "mode": "background", "review": "always"});
    let job = accepted(&world.upload, &event("upload", &body)?).await?;
    ensure!(files(world, &job).await? == (1, 0), "the request copies the mask, and not the photo");
    world.fetch_one(&world.intake).await?;
    process_one(world).await?;
    check_half(&held(world, &job).await?, true).await?;

    let Answer { status, body } = review(world, &job, "recut", &json!({"revision": 1, "mask_key": right})).await?;
    ensure!(status == 202 && body["job_id"] == job.as_str(), "{status} {body}");
    ensure!(files(world, &job).await?.0 == 3, "the mask of the draft stays until it is replaced");
    process_one(world).await?;
    let second = held(world, &job).await?;
    ensure!(second["draft"]["revision"] == 2 && second["warnings"].get("recut").is_none(), "{second}");
    check_half(&second, false).await?;

    delete(world, &job).await?;
    world.sweep.invoke(&schedule()?).await?;
    ensure!(files(world, &job).await? == (0, 0), "the sweep left files");
    Ok(())
}

pub(crate) async fn a_retouched_file_is_the_mask_of_the_next_revision(world: &World) -> Result<()> {
    let photo_key = uploaded(world, photo::PHOTO).await?;
    let body = json!({"file_key": photo_key, "mode": "background", "review": "always"});
    let job = accepted(&world.upload, &event("upload", &body)?).await?;
    world.fetch_one(&world.intake).await?;
    process_one(world).await?;
    let owner = record(world, &job).await?.owner;
    let bucket = Bucket::new(&world.stack, &world.stack.admin);
    let name = format!("M\u{e4}rz 1/cup-{job}_v2.png");
    bucket.put(&format!("retouch/{owner}/{name}"), half_mask(false)?).await?;
    let message = world.intake_bulk.receive_one().await?;
    let notice = world.intake_bulk.event(std::slice::from_ref(&message));
    let waiting = reported(&world.intake.invoke(&notice).await?)?;
    ensure!(waiting.len() == 1, "the message waits for the cut: {waiting:?}");
    process_one(world).await?;
    let second = held(world, &job).await?;
    ensure!(second["draft"]["revision"] == 2 && second["audit"][0]["action"] == "job.recut", "{second}");
    check_half(&second, false).await?;

    // The second time, the file is known by its manifest.
    for delivery in ["after the cut", "once more"] {
        let failed = reported(&world.intake.invoke(&notice).await?)?;
        ensure!(failed.is_empty(), "{delivery}: {failed:?}");
        let manifest = bucket.get(&format!("results/{owner}/_retouch/{name}/manifest.json")).await?;
        let manifest: Value = serde_json::from_slice(&manifest.context("no manifest")?)?;
        let is_done = manifest["status"] == "done" && manifest["draft_revision"] == 2;
        ensure!(is_done && manifest["job_id"] == job.as_str(), "{delivery}: {manifest}");
    }
    world.intake_bulk.delete(&message).await?;
    ensure!(record(world, &job).await?.recuts == 1, "the file cut more than once");
    delete(world, &job).await
}
