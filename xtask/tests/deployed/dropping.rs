//! Files that are dropped into the bucket with nothing but S3's own API, and what comes back.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use cutline_core::domain::job::Job;
use cutline_core::ports::Jobs;
use jiff::Timestamp;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::clock::{self, pass};
use crate::picture;
use crate::scenarios::schedule;
use crate::world::World;

/// A person with a client of S3.
struct Site {
    client: Client,
    bucket: String,
}

impl Site {
    fn of(world: &World) -> Self {
        let admin = &world.stack.admin;
        let credentials = Credentials::new(&admin.aws_access_key_id, &admin.aws_secret_access_key, None, None, "test");
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .endpoint_url(&world.stack.endpoint)
            .region(Region::new(world.stack.region.clone()))
            .credentials_provider(credentials)
            .force_path_style(true)
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .build();
        Self { client: Client::from_conf(config), bucket: world.stack.outputs.bucket_name.clone() }
    }

    async fn put(&self, key: &str, bytes: &'static [u8]) -> Result<()> {
        let request = self.client.put_object().bucket(&self.bucket).key(key).body(bytes.to_vec().into());
        request.send().await.map(drop).with_context(|| format!("dropping {key}"))
    }

    async fn get(&self, key: &str) -> Result<Vec<u8>> {
        let answer = self.client.get_object().bucket(&self.bucket).key(key).send().await;
        let answer = answer.with_context(|| format!("getting {key}"))?;
        Ok(answer.body.collect().await?.into_bytes().to_vec())
    }

    async fn manifest(&self, folder: &str) -> Result<Value> {
        Ok(serde_json::from_slice(&self.get(&format!("{folder}/manifest.json")).await?)?)
    }
}

/// Lets the function take what waits, message by message, until nothing does.
async fn worked(world: &World) -> Result<()> {
    for _ in 0..10 {
        let messages = world.jobs.receive().await?;
        if messages.is_empty() {
            return Ok(());
        }
        let reported = world.jobs.deliver(&messages, &world.process).await?;
        ensure!(reported.is_empty(), "{reported:?}");
    }
    anyhow::bail!("the queue does not become empty")
}

async fn job_of(world: &World, manifest: &Value) -> Result<Job> {
    clock::job(&world.table, manifest["job_id"].as_str().context("no job")?).await
}

pub(crate) async fn a_dropped_file_comes_back_beside_its_manifest(world: &World) -> Result<()> {
    let site = Site::of(world);
    site.put("drops/shop/transparent/Schuhe/gr\u{fc}n 1+2.jpg", picture::PHOTO).await?;
    worked(world).await?;
    let folder = "results/shop/transparent/Schuhe/gr\u{fc}n 1+2.jpg";
    let manifest = site.manifest(folder).await?;
    ensure!(manifest["status"] == "done" && manifest["set"]["name"] == "transparent", "{manifest}");
    ensure!(manifest["source"] == "drops/shop/transparent/Schuhe/gr\u{fc}n 1+2.jpg", "{manifest}");
    let variations = manifest["variations"].as_object().context("no variations")?;
    ensure!(!variations.is_empty(), "{manifest}");
    for variation in variations.values() {
        let file = site.get(&format!("{folder}/{}", variation["file"].as_str().context("no name")?)).await?;
        let sum: String = Sha256::digest(&file).iter().map(|byte| format!("{byte:02x}")).collect();
        ensure!(variation["sha256"] == sum && variation["bytes"] == file.len(), "{variation}");
        let made = image::load_from_memory(&file).context("the result is no picture")?;
        ensure!(variation["width"] == made.width() && variation["height"] == made.height(), "{variation}");
    }
    let job = job_of(world, &manifest).await?;
    ensure!(job.owner.as_str() == "shop" && job.owed_manifest().is_none(), "{job:?}");
    Ok(())
}

pub(crate) async fn a_dropped_file_is_told_of_twice_and_is_one_job(world: &World) -> Result<()> {
    let site = Site::of(world);
    let key = "drops/shop/transparent/twice.jpg";
    site.put(key, picture::PHOTO).await?;
    let message = world.jobs.receive_one().await?;
    let event = crate::sqs::event(std::slice::from_ref(&message));
    let before = world.table.due(Timestamp::MAX, 1000).await?.len();
    let (one, other) = tokio::try_join!(world.process.invoke(&event), world.process_too.invoke(&event))?;
    ensure!(crate::sqs::reported(&one)?.is_empty() && crate::sqs::reported(&other)?.is_empty(), "{one} {other}");
    ensure!(world.table.due(Timestamp::MAX, 1000).await?.len() == before + 1, "not one job");
    world.jobs.delete(&message).await?;
    worked(world).await?;
    let first = site.manifest("results/shop/transparent/twice.jpg").await?;

    // Another file of that name is another drop, and the manifest becomes its own.
    site.put(key, picture::PHOTO).await?;
    let late = world.jobs.receive_one().await?;
    world.jobs.deliver(&[late], &world.process).await?;
    worked(world).await?;
    let second = site.manifest("results/shop/transparent/twice.jpg").await?;
    ensure!(second["status"] == "done" && second["job_id"] != first["job_id"], "{first} {second}");
    // Told of once more, the first changes nothing.
    ensure!(crate::sqs::reported(&world.process.invoke(&event).await?)?.is_empty());
    worked(world).await?;
    ensure!(site.manifest("results/shop/transparent/twice.jpg").await? == second);
    Ok(())
}

pub(crate) async fn a_file_for_nobody_has_a_manifest_that_says_so(world: &World) -> Result<()> {
    let site = Site::of(world);
    let cases: [(&str, &'static [u8], &str); 3] = [
        ("nobody/transparent/a.jpg", picture::PHOTO, "unknown_owner"),
        ("shop/no-such-set/a.jpg", picture::PHOTO, "unknown_set"),
        ("shop/transparent/notes.txt", b"just a text", "unsupported_source"),
    ];
    for (path, bytes, code) in cases {
        site.put(&format!("drops/{path}"), bytes).await?;
        worked(world).await?;
        let manifest = site.manifest(&format!("results/{path}")).await?;
        ensure!(manifest["status"] == "failed" && manifest["error"]["code"] == code, "{manifest}");
        ensure!(manifest["job_id"].is_null(), "{manifest}");
    }
    Ok(())
}

/// A worker ends between the job's end and its report: the sweep has another one report.
pub(crate) async fn what_was_not_reported_is_when_the_sweep_comes(world: &World) -> Result<()> {
    let site = Site::of(world);
    site.put("drops/shop/transparent/late.jpg", picture::PHOTO).await?;
    let told = world.jobs.receive_one().await?;
    world.jobs.deliver(&[told], &world.process).await?;
    let message = world.jobs.receive_one().await?;
    let id = message.body.as_deref().context("no body")?;
    let id = serde_json::from_str::<Value>(id)?["job_id"].as_str().context("no job")?.to_owned();
    let job = clock::job(&world.table, &id).await?;
    let failure = cutline_core::Failure {
        code: cutline_core::FailureCode::Interrupted,
        message: "made to fail".to_owned(),
        retryable: true,
    };
    world.table.replace(&job.expire(failure, Timestamp::now(), &Default::default())?).await?;
    world.jobs.delete(&message).await?;
    ensure!(site.manifest("results/shop/transparent/late.jpg").await.is_err(), "nobody has reported yet");

    pass(&world.table, &id, Duration::from_secs(130)).await?;
    world.sweep.invoke(&schedule()?).await?;
    worked(world).await?;
    let manifest = site.manifest("results/shop/transparent/late.jpg").await?;
    ensure!(manifest["error"]["code"] == "interrupted" && manifest["job_id"] == id.as_str(), "{manifest}");
    ensure!(job_of(world, &manifest).await?.owed_manifest().is_none());
    Ok(())
}
