//! Files that are put into the bucket with S3's own API, and their results.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use aws_sdk_s3::Client;
use cutline_core::domain::job::Job;
use cutline_core::ports::Jobs;
use cutline_deployment::{Bucket, reported};
use jiff::Timestamp;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::checks::schedule;
use crate::clock::{self, pass};
use crate::photo;
use crate::world::World;

/// A user with an S3 client.
struct Dropper {
    client: Client,
    bucket: String,
}

impl Dropper {
    fn new(world: &World) -> Self {
        let Bucket { client, name } = Bucket::new(&world.stack, &world.stack.admin);
        Self { client, bucket: name }
    }

    async fn put(&self, key: &str, bytes: &'static [u8]) -> Result<()> {
        let request = self.client.put_object().bucket(&self.bucket).key(key).body(bytes.to_vec().into());
        request.send().await.map(drop).with_context(|| format!("cannot drop {key}"))
    }

    async fn get(&self, key: &str) -> Result<Vec<u8>> {
        let answer = self.client.get_object().bucket(&self.bucket).key(key).send().await;
        let answer = answer.with_context(|| format!("cannot get {key}"))?;
        Ok(answer.body.collect().await?.into_bytes().to_vec())
    }

    async fn manifest(&self, folder: &str) -> Result<Value> {
        Ok(serde_json::from_slice(&self.get(&format!("{folder}/manifest.json")).await?)?)
    }
}

/// Delivers messages to the intake and the process function until the bulk queues are empty, and then messages about
/// reports to the sweep function.
async fn process_all(world: &World) -> Result<()> {
    for _ in 0..20 {
        let (mut is_idle, stages) = (true, [(&world.intake_bulk, &world.intake), (&world.bulk, &world.process)]);
        for (queue, function) in stages {
            let messages = queue.receive().await?;
            if !messages.is_empty() {
                is_idle = false;
                let reported = queue.deliver(&messages, function).await?;
                ensure!(reported.is_empty(), "{reported:?}");
            }
        }
        if is_idle {
            return report_all(world).await;
        }
    }
    anyhow::bail!("the queues are not empty after twenty rounds")
}

async fn report_all(world: &World) -> Result<()> {
    for _ in 0..10 {
        let messages = world.reports.receive().await?;
        if messages.is_empty() {
            return Ok(());
        }
        world.reports.deliver(&messages, &world.sweep).await?;
    }
    anyhow::bail!("the queue of reports is not empty after ten rounds")
}

async fn job_of(world: &World, manifest: &Value) -> Result<Job> {
    clock::job(&world.table, manifest["job_id"].as_str().context("no job_id")?).await
}

pub(crate) async fn a_dropped_file_comes_back_with_a_manifest(world: &World) -> Result<()> {
    let dropper = Dropper::new(world);
    dropper.put("drops/shop/transparent/Schuhe/gr\u{fc}n 1+2.jpg", photo::PHOTO).await?;
    process_all(world).await?;
    let folder = "results/shop/transparent/Schuhe/gr\u{fc}n 1+2.jpg";
    let manifest = dropper.manifest(folder).await?;
    ensure!(manifest["status"] == "done" && manifest["set"]["name"] == "transparent", "{manifest}");
    ensure!(manifest["source"] == "drops/shop/transparent/Schuhe/gr\u{fc}n 1+2.jpg", "{manifest}");
    let variations = manifest["variations"].as_object().context("no variations")?;
    ensure!(!variations.is_empty(), "{manifest}");
    for variation in variations.values() {
        let file = dropper.get(&format!("{folder}/{}", variation["file"].as_str().context("no file name")?)).await?;
        let sum: String = Sha256::digest(&file).iter().map(|byte| format!("{byte:02x}")).collect();
        ensure!(variation["sha256"] == sum && variation["bytes"] == file.len(), "{variation}");
        let picture = image::load_from_memory(&file).context("the result is not a picture")?;
        ensure!(variation["width"] == picture.width() && variation["height"] == picture.height(), "{variation}");
    }
    let job = job_of(world, &manifest).await?;
    ensure!(job.owner.as_str() == "shop" && job.owed_manifest().is_none(), "{job:?}");
    Ok(())
}

pub(crate) async fn a_drop_event_delivered_twice_is_one_job(world: &World) -> Result<()> {
    let dropper = Dropper::new(world);
    let key = "drops/shop/transparent/twice.jpg";
    dropper.put(key, photo::PHOTO).await?;
    let message = world.intake_bulk.receive_one().await?;
    let event = world.intake_bulk.event(std::slice::from_ref(&message));
    let before = world.table.due(Timestamp::MAX, 1000).await?.len();
    let (one, other) = tokio::try_join!(world.intake.invoke(&event), world.intake_too.invoke(&event))?;
    ensure!(reported(&one)?.is_empty() && reported(&other)?.is_empty(), "{one} {other}");
    ensure!(world.table.due(Timestamp::MAX, 1000).await?.len() == before + 1, "the drop is not exactly one job");
    world.intake_bulk.delete(&message).await?;
    process_all(world).await?;
    let first = dropper.manifest("results/shop/transparent/twice.jpg").await?;

    // Another file under the same key is another drop, and replaces the manifest.
    dropper.put(key, photo::PHOTO).await?;
    let late = world.intake_bulk.receive_one().await?;
    world.intake_bulk.deliver(&[late], &world.intake).await?;
    process_all(world).await?;
    let second = dropper.manifest("results/shop/transparent/twice.jpg").await?;
    ensure!(second["status"] == "done" && second["job_id"] != first["job_id"], "{first} {second}");
    // A late copy of the first event changes nothing.
    ensure!(reported(&world.intake.invoke(&event).await?)?.is_empty());
    process_all(world).await?;
    ensure!(dropper.manifest("results/shop/transparent/twice.jpg").await? == second);
    Ok(())
}

pub(crate) async fn a_refused_drop_has_a_manifest_with_the_reason(world: &World) -> Result<()> {
    let dropper = Dropper::new(world);
    let cases: [(&str, &'static [u8], &str); 3] = [
        ("nobody/transparent/a.jpg", photo::PHOTO, "unknown_owner"),
        ("shop/no-such-set/a.jpg", photo::PHOTO, "unknown_set"),
        ("shop/transparent/notes.txt", b"just a text", "unsupported_source"),
    ];
    for (path, bytes, code) in cases {
        dropper.put(&format!("drops/{path}"), bytes).await?;
        process_all(world).await?;
        let manifest = dropper.manifest(&format!("results/{path}")).await?;
        ensure!(manifest["status"] == "failed" && manifest["error"]["code"] == code, "{manifest}");
        ensure!(manifest["job_id"].is_null(), "{manifest}");
    }
    Ok(())
}

/// A worker dies between a job's end and its report: the sweep sends another worker a message.
pub(crate) async fn the_sweep_has_a_missing_report_written(world: &World) -> Result<()> {
    let dropper = Dropper::new(world);
    dropper.put("drops/shop/transparent/late.jpg", photo::PHOTO).await?;
    let event = world.intake_bulk.receive_one().await?;
    world.intake_bulk.deliver(&[event], &world.intake).await?;
    let message = world.bulk.receive_one().await?;
    let id = message.body.as_deref().context("no body")?;
    let id = serde_json::from_str::<Value>(id)?["job_id"].as_str().context("no job_id")?.to_owned();
    let job = clock::job(&world.table, &id).await?;
    let failure = cutline_core::Failure {
        code: cutline_core::FailureCode::Interrupted,
        message: "failed by the test".to_owned(),
        retryable: true,
    };
    world.table.replace(&job.expire(failure, Timestamp::now(), &Default::default())?).await?;
    world.bulk.delete(&message).await?;
    ensure!(dropper.manifest("results/shop/transparent/late.jpg").await.is_err(), "the manifest was written too early");

    pass(&world.table, &id, Duration::from_secs(130)).await?;
    world.sweep.invoke(&schedule()?).await?;
    process_all(world).await?;
    let manifest = dropper.manifest("results/shop/transparent/late.jpg").await?;
    ensure!(manifest["error"]["code"] == "interrupted" && manifest["job_id"] == id.as_str(), "{manifest}");
    ensure!(job_of(world, &manifest).await?.owed_manifest().is_none());
    Ok(())
}
