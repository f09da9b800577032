//! The recording of a deployment.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::recording::{CREDITS, Recording};
use crate::dynamo_json::{plain_members, to_json};
use crate::origin::{DAMAGED, Origin, PHOTO};
use crate::releases::{Release, empty_folder};
use crate::site::{OWNER, Site};
use crate::uploads::{studio, upload_ending, upload_waiting};

/// How often to try to kill a worker between the end of a dropped job and its manifest.
const TRIES: usize = 20;

/// Records a deployment of the release.
pub(super) async fn record(release: &Release, origin: &Origin) -> Result<Recording> {
    let logs = empty_folder("record-aws")?;
    let site = Site::deploy(&logs).await?;
    let key = site.create_key(release, OWNER, Some(CREDITS)).await?;
    site.create_key(release, "gallery", None).await?;
    let api = site.server(release, 0, &key, "api").await?;
    api.put_set("studio", &studio()).await?;
    // S3 tests the queue when it is connected.
    site.forward_drops().await?;

    // Jobs that end.
    let ending = upload_ending(&api).await?;
    for (path, bytes) in [("studio/done.jpg", PHOTO), ("studio/damaged.jpg", DAMAGED)] {
        site.drop_file(path, bytes).await?;
        ensure!(site.forward_drops().await?, "S3 announces no drop");
    }
    let worker = site.server(release, 1, &key, "worker").await?;
    for job in &ending {
        api.until(job, &["done", "failed"]).await?;
    }
    for path in ["studio/done.jpg", "studio/damaged.jpg"] {
        wait_for_manifest(&site, path).await?;
    }
    worker.stop().await?;
    site.outlast_receives().await;

    // A dropped job that has ended, and is not reported.
    leave_unreported(&site, release, &key).await?;

    // A job whose worker is gone.
    let running = api.accepted(&[("mode", "background")], Some(PHOTO)).await?;
    let worker = site.server(release, 1, &key, "killed").await?;
    api.until(&running, &["pending_background"]).await?;
    worker.kill()?;

    // A job whose message could not be sent, jobs that wait, and a drop that is announced.
    let gone = [("CUTLINE_QUEUE_URL", "https://sqs.eu-central-1.amazonaws.com/123456789012/gone")];
    let without_queue = site.server_with(release, 0, &key, ("without-queue", &gone)).await?;
    let (status, body) = without_queue.upload(&[("mode", "background")], Some(PHOTO)).await?;
    ensure!(status == 503, "a job was accepted without a queue: {status} {body}");
    upload_waiting(&api, origin).await?;
    site.drop_file("transparent/announced.jpg", PHOTO).await?;
    ensure!(site.forward_drops().await?, "S3 announces no drop");
    api.stop().await?;

    read(&site).await
}

async fn wait_for_manifest(site: &Site, path: &str) -> Result<()> {
    let key = format!("results/{OWNER}/{path}/manifest.json");
    let deadline = Instant::now() + Duration::from_secs(180);
    while site.bucket.get(&key).await?.is_none() {
        ensure!(Instant::now() < deadline, "no {key}");
        sleep(Duration::from_millis(50)).await;
    }
    // The record notes the manifest after it is written.
    while !job_of(site, path).await?.is_some_and(|job| job["drop"]["reported"] == true) {
        ensure!(Instant::now() < deadline, "{path} was not reported");
        sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

/// The record of the job of a dropped file.
async fn job_of(site: &Site, path: &str) -> Result<Option<Value>> {
    let path = format!("drops/{OWNER}/{path}");
    for item in site.items().await? {
        let record = plain_members(&to_json(&item)?);
        if record["drop"]["origin"]["path"] == path.as_str() {
            return Ok(Some(record));
        }
    }
    Ok(None)
}

/// Kills workers as soon as a dropped job has ended, until one has not written its manifest yet.
async fn leave_unreported(site: &Site, release: &Release, key: &str) -> Result<()> {
    for number in 0..TRIES {
        let path = format!("studio/unreported-{number}.jpg");
        site.drop_file(&path, PHOTO).await?;
        ensure!(site.forward_drops().await?, "S3 announces no drop");
        let worker = site.server(release, 1, key, "unreported").await?;
        let deadline = Instant::now() + Duration::from_secs(180);
        while !job_of(site, &path).await?.is_some_and(|job| job["state"]["name"] == "done") {
            ensure!(Instant::now() < deadline, "{path} did not end");
        }
        worker.kill()?;
        let job = job_of(site, &path).await?.context("the job has a record")?;
        if job["drop"]["reported"] == false {
            return Ok(());
        }
        site.outlast_receives().await;
    }
    bail!("all of {TRIES} killed workers had reported their drops; record again")
}

/// Reads everything that is stored.
async fn read(site: &Site) -> Result<Recording> {
    let mut recording = Recording::default();
    let mut items = Vec::new();
    for item in site.items().await? {
        let item = to_json(&item)?;
        add(&mut recording, &plain_members(&item))?;
        items.push(item);
    }
    let place = |item: &Value| format!("{} {}", item["pk"]["S"], item["sk"]["S"]);
    items.sort_by_key(place);

    let (queue, mut messages) = (site.jobs(), Vec::new());
    loop {
        let received = queue.receive().await?;
        if received.is_empty() {
            break;
        }
        messages.extend(received.into_iter().filter_map(|message| message.body));
    }
    for body in &messages {
        let event: Value = serde_json::from_str(body).context("a message is JSON")?;
        for record in event["Records"].as_array().into_iter().flatten() {
            let path = record["s3"]["object"]["key"].as_str().context("an event names an object")?.replace('+', " ");
            let path = percent_decode_str(&path).decode_utf8().context("an object's key is UTF-8")?;
            recording.drops.push(json!({ "path": path, "status": "done", "job": null }));
        }
    }
    ensure!(messages.len() >= 4, "only {} messages wait; record again", messages.len());

    let listed = site.bucket.client.list_objects_v2().bucket(&site.bucket.name).send().await;
    for object in listed.context("cannot list the bucket")?.contents() {
        let key = object.key().context("an object has a key")?;
        let mut entry = json!({ "key": key, "bytes": object.size().unwrap_or_default() });
        if key.ends_with("/manifest.json") {
            let text = site.bucket.get(key).await?.context("a listed object is there")?;
            entry["text"] = String::from_utf8(text).context("a manifest is UTF-8")?.into();
        }
        recording.objects.push(entry);
    }
    recording.extra.insert("bucket", site.bucket.name.clone().into());
    recording.extra.insert("items", items.into());
    recording.extra.insert("messages", messages.into());
    Ok(recording)
}

/// Adds what an item is, by its keys.
fn add(recording: &mut Recording, record: &Value) -> Result<()> {
    match record["sk"].as_str().context("an item has a sort key")? {
        "job" => recording.add_job(record)?,
        "owner" => recording.owners.push(json!({ "id": record["id"], "credits": record["credits"] })),
        "key" => recording.keys.push(json!({ "hash": record["hash"], "is_revoked": !record["revoked_at"].is_null() })),
        "drop" => {}
        sort if sort.starts_with("set#") => {
            let owner = record["pk"].as_str().and_then(|key| key.strip_prefix("owner#"));
            recording.sets.push(json!({ "owner": owner, "name": record["name"] }));
        }
        other => bail!("unknown kind of item: {other}; have it recorded"),
    }
    Ok(())
}
