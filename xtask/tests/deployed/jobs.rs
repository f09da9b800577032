//! Jobs from upload to result.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use cutline_core::domain::job::JobState;
use cutline_deployment::{Answer, Function, accepted, poll, request, sample, status, upload_of};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::checks::{check_done, check_failed, download, download_as, record, uploaded};
use crate::job_routes::process_one;
use crate::photo;
use crate::world::World;

pub(crate) async fn an_uploaded_photo_is_cut_out(world: &World) -> Result<()> {
    let job = uploaded(world).await?;
    let before = status(&world.status, &job).await?;
    ensure!(before["status"] == "queued" && before["state"] == "pending", "{before}");

    let work = async {
        let message = world.jobs.receive_one().await?;
        world.jobs.deliver(&[message], &world.process).await
    };
    let (reported, body) = tokio::try_join!(work, poll(&world.status, &job))?;
    ensure!(reported.is_empty(), "{reported:?}");
    ensure!(body["status"] == "done" && body.get("final_urls").is_none(), "{body}");
    check_done(world, &job).await?;
    ensure!(world.jobs.receive().await?.is_empty(), "the message was not deleted");

    let expires: Timestamp = body["expires_at"].as_str().context("no expires_at")?.parse()?;
    let validity = expires.duration_since(Timestamp::now());
    ensure!(
        validity > SignedDuration::from_mins(10) && validity <= SignedDuration::from_hours(1),
        "a link is valid for {validity}"
    );
    // The signature covers the key, so the link cannot be changed into one for the source.
    let link = body["final_url"].as_str().context("no link")?;
    let job_record = record(world, &job).await?;
    let JobState::Done { outcome, .. } = job_record.state else { anyhow::bail!("not done: {job_record:?}") };
    let output = outcome.pictures[&outcome.final_picture].key.to_string();
    let forged = link.replace(&output, &format!("sources/{job}"));
    ensure!(forged != link, "{link} does not name {output}");
    ensure!(download(&forged.into()).await?.0 == 403, "a forged link works");
    Ok(())
}

/// The values of a metric that the process function has logged, as CloudWatch would take them from the log.
fn metrics(world: &World, name: &str) -> Vec<Value> {
    let log = world.process.log();
    let documents = log.lines().filter_map(|line| serde_json::from_str::<Value>(line.get(line.find('{')?..)?).ok());
    documents.filter(|line| line["_aws"]["CloudWatchMetrics"][0]["Metrics"][0]["Name"] == name).collect()
}

pub(crate) async fn a_finished_job_is_a_metric_in_the_log(world: &World) -> Result<()> {
    let before = metrics(world, "JobsFinished").len();
    uploaded(world).await?;
    process_one(world).await?;
    // The function's output passes through the emulator.
    let begun = Instant::now();
    while metrics(world, "JobsFinished").len() <= before && begun.elapsed() < Duration::from_secs(120) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let found = metrics(world, "JobsFinished");
    ensure!(found.len() == before + 1, "{before} lines before, {} after", found.len());
    let line = &found[before];
    ensure!(line["Outcome"] == "done" && line["Code"] == "none" && line["JobsFinished"] == 1.0, "{line}");
    let namespace = world.stack.function(Function::Process)?.environment.get("CUTLINE_METRICS_NAMESPACE");
    let logged = line["_aws"]["CloudWatchMetrics"][0]["Namespace"].as_str();
    ensure!(logged.is_some() && logged == namespace.map(String::as_str), "{line}");
    Ok(())
}

pub(crate) async fn a_photo_behind_a_url_is_cut_out(world: &World) -> Result<()> {
    let before = world.origin.served();
    let job = accepted(&world.upload, &upload_of(&world.origin.url("/photo.jpg"))?).await?;
    world.fetch_one(&world.intake_too).await?;
    let message = world.jobs.receive_one().await?;
    let reported = world.jobs.deliver(&[message], &world.process_too).await?;
    ensure!(reported.is_empty(), "{reported:?}");
    let body = poll(&world.status, &job).await?;
    ensure!(body["final_url"].is_null() && body["final_urls"]["background"].is_string(), "{body}");
    ensure!(world.origin.served() == before + 1, "fetched more than once");
    check_done(world, &job).await
}

pub(crate) async fn the_default_mode_cuts_along_a_path(world: &World) -> Result<()> {
    let mut event = upload_of(&world.origin.url("/photo.jpg"))?;
    event["body"] = json!({ "file_url": world.origin.url("/photo.jpg") }).to_string().into();
    let Answer { status, body } = request(&world.upload, &event).await?;
    ensure!(status == 202 && body["mode"] == "clipping", "{status} {body}");
    let job = body["job_id"].as_str().context("no job_id")?;
    world.fetch_one(&world.intake_too).await?;
    let message = world.jobs.receive_one().await?;
    let reported = world.jobs.deliver(&[message], &world.process_too).await?;
    ensure!(reported.is_empty(), "{reported:?}");

    let body = poll(&world.status, job).await?;
    ensure!(body["status"] == "done" && body["mode"] == "clipping", "{body}");
    ensure!(body["confidence"].as_f64().is_some_and(|confidence| (0.0..=1.0).contains(&confidence)), "{body}");
    let (status, bytes) = download(&body["final_urls"]["background"]).await?;
    ensure!(status == 200, "{status}");
    photo::check(&bytes)?;
    for link in [&body["final_urls"]["clipping"], &body["assets"]["matte"]] {
        ensure!(download(link).await?.0 == 200, "{body}");
    }
    let (status, path) = download_as("image/svg+xml", &body["assets"]["clipping_path"]).await?;
    ensure!(status == 200 && String::from_utf8_lossy(&path).contains("<path"), "{status} {body}");
    Ok(())
}

/// An event for a parameter set, made from the sample that stores one.
pub(crate) fn set_event(method: &str, name: &str, body: &Value) -> Result<Value> {
    let mut event = sample("upload-put-params.json")?;
    let (route, path) = (format!("{method} /api/v1/{{proxy+}}"), format!("/api/v1/params/{name}"));
    event["pathParameters"]["proxy"] = format!("params/{name}").into();
    event["requestContext"]["routeKey"] = route.clone().into();
    event["requestContext"]["http"]["method"] = method.into();
    event["requestContext"]["http"]["path"] = path.clone().into();
    (event["routeKey"], event["rawPath"]) = (route.into(), path.into());
    let body = body.to_string();
    event["headers"]["content-length"] = body.len().to_string().into();
    if let Some(headers) = event["headers"].as_object_mut() {
        headers.remove("if-none-match");
    }
    event["body"] = body.into();
    Ok(event)
}

pub(crate) async fn upload_changes_parameter_sets_and_status_reads_them(world: &World) -> Result<()> {
    let put = set_event("PUT", "Scenario-Set", &json!({ "margin": "7%" }))?;
    let Answer { status, body } = request(&world.upload, &put).await?;
    ensure!(status == 201 && body["margin"] == "7%", "{status} {body}");
    let mut get = sample("status-params.json")?;
    get["rawPath"] = "/api/v1/params/Scenario-Set".into();
    get["requestContext"]["http"]["path"] = get["rawPath"].clone();
    let Answer { status, body } = request(&world.status, &get).await?;
    ensure!(status == 200 && body["margin"] == "7%", "{status} {body}");

    // The answer to an unknown name lists the existing ones.
    let mut upload = sample("upload-json.json")?;
    let body = json!({ "file_url": "https://example.com/photo.jpg", "mode": "params", "params": "no-such-set" });
    let body = body.to_string();
    upload["headers"]["content-length"] = body.len().to_string().into();
    upload["body"] = body.into();
    let Answer { status, body } = request(&world.upload, &upload).await?;
    let message = body["details"]["params"][0].as_str().context("no error for params")?;
    ensure!(status == 422 && message.contains("Scenario-Set") && message.contains("amazon-main"), "{status} {body}");

    let delete = set_event("DELETE", "Scenario-Set", &Value::Null)?;
    let answer = world.upload.invoke(&delete).await?;
    ensure!(answer["statusCode"] == 204, "{answer}");
    let Answer { status, .. } = request(&world.status, &get).await?;
    ensure!(status == 404, "{status}");
    Ok(())
}

pub(crate) async fn a_private_address_is_refused(world: &World) -> Result<()> {
    let before = world.origin.served();
    let job = accepted(&world.upload, &upload_of(&world.origin.url("/photo.jpg"))?).await?;
    world.fetch_one(&world.intake).await?;
    ensure!(world.origin.served() == before, "fetched from loopback");
    check_failed(world, &job, "source_forbidden", false).await
}

pub(crate) async fn a_source_that_answers_404_fails_the_job_at_once(world: &World) -> Result<()> {
    let job = accepted(&world.upload, &upload_of(&world.origin.url("/gone.jpg"))?).await?;
    world.fetch_one(&world.intake_too).await?;
    ensure!(record(world, &job).await?.attempts == 1);
    check_failed(world, &job, "source_unreachable", false).await
}
