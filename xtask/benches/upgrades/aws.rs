//! Both releases on one table: an upgrade and a roll back with jobs in flight, and an upgrade again.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use cutline_core::domain::drops::DropPath;
use cutline_core::domain::job::{Job, JobState};
use cutline_core::ports::{Jobs as _, Keys as _};
use cutline_deployment::Lambda;
use serde_json::Value;
use tokio::time::sleep;

use crate::dynamo_json::{plain_members, to_json};
use crate::origin::{Origin, PHOTO};
use crate::releases::{Release, empty_folder};
use crate::server::Server;
use crate::site::{OWNER, Site};
use crate::uploads::studio;

/// The owner's credits at the start. Every job costs one.
const CREDITS: u64 = 1_000;

/// How long jobs may take to end. A lost worker holds its job for 90 seconds, and a lost message is sent again after two
/// minutes.
const PATIENCE: Duration = Duration::from_secs(20 * 60);

/// The jobs of a run, and the deployment that they are in.
struct Run {
    site: Site,
    origin: Origin,
    key: String,
    jobs: Vec<String>,
}

/// Jobs are accepted, and workers killed, before, during and after an upgrade and a roll back.
pub(crate) async fn an_upgrade_and_a_roll_back_lose_nothing() -> Result<()> {
    let (previous, this) = (Release::previous()?, Release::this()?);
    let site = Site::deploy(&empty_folder("aws")?).await?;
    let key = site.create_key(&previous, OWNER, Some(CREDITS)).await?;
    let mut run = Run { site, origin: Origin::start().await?, key, jobs: Vec::new() };
    run.site.forward_drops().await?;

    let (api, worker) = run.start(&previous, "previous").await?;
    api.put_set("studio", &studio()).await?;
    run.accept(&api, &[]).await?;
    run.drop_file("before.jpg").await?;
    ensure!(run.site.forward_drops().await?, "S3 announces no drop");
    run.until_done(2).await?;

    // Both at once. S3 sends the events of drops to the queue of the new template.
    let (new_api, new_worker) = run.start(&this, "this").await?;
    run.accept(&api, &[]).await?;
    run.accept(&new_api, &[]).await?;
    run.drop_file("during.jpg").await?;
    run.kill_at_work(worker, &[&new_worker]).await?;
    api.stop().await?;
    let sweep = run.site.sweep("sweep")?;
    run.drain(&sweep, &[]).await?;
    for name in ["before.jpg", "during.jpg"] {
        run.until_manifest(name, &sweep, &[]).await?;
    }
    println!("upgraded with jobs in flight");

    // A roll back, as RUNBOOK.md describes it: dropped files become jobs first. The queues that only this release has go
    // with their messages, and nobody writes the manifest of a job that has ended.
    run.drop_file("owed.jpg").await?;
    run.until_job("owed.jpg", |job| matches!(job.state, JobState::Done { .. })).await?;
    run.accept(&new_api, &[("lane", "bulk"), ("external_id", "4711")]).await?;
    for _ in 0..3 {
        run.accept(&new_api, &[]).await?;
    }
    let original = new_api.accepted(&[("output_format", "original")], Some(PHOTO)).await?;
    run.jobs.push(original.clone());
    run.drop_file("back.jpg").await?;
    // In the bulk lane, it waits for the others.
    run.until_job("back.jpg", |job| job.state.ended_at().is_none()).await?;
    run.kill_at_work(new_worker, &[]).await?;
    new_api.stop().await?;
    drop(sweep);
    run.remove_new_queues().await?;
    let (api, worker) = run.start(&previous, "previous-again").await?;
    run.accept(&api, &[]).await?;
    let sweep = run.site.previous_sweep(&previous, "previous-sweep")?;
    run.drain(&sweep, &[&original]).await?;
    run.check_statuses(&api, &[&original]).await?;
    run.until_manifest("back.jpg", &sweep, &[&original]).await?;
    ensure!(run.manifest("owed.jpg").await?.is_none(), "the previous release does not know that it is owed");
    let (status, body) = api.answer(&original).await?;
    ensure!(status >= 500, "the previous release cannot read this job: {status} {body}");
    worker.stop().await?;
    api.stop().await?;
    drop(sweep);
    run.site.outlast_receives().await;
    println!("rolled back with jobs in flight");

    // This release again: it does what the previous one could not.
    let (api, _worker) = run.start(&this, "this-again").await?;
    let sweep = run.site.sweep("sweep-again")?;
    run.drain(&sweep, &[]).await?;
    run.check_statuses(&api, &[]).await?;
    run.until_manifest("owed.jpg", &sweep, &[]).await?;
    run.check_credits(["before.jpg", "during.jpg", "owed.jpg", "back.jpg"].len()).await
}

impl Run {
    /// Starts a server that accepts jobs, and one that makes pictures.
    async fn start(&self, release: &Release, name: &str) -> Result<(Server, Server)> {
        let api = self.site.server(release, 0, &self.key, &format!("{name}-api")).await?;
        let worker = self.site.server(release, 1, &self.key, &format!("{name}-worker")).await?;
        Ok((api, worker))
    }

    /// Accepts a job of each kind, with these further fields.
    async fn accept(&mut self, api: &Server, fields: &[(&str, &str)]) -> Result<()> {
        let (url, background) = (self.origin.photo(), ("mode", "background"));
        let kinds = [
            (vec![background], Some(PHOTO)),
            (vec![background, ("file_url", url.as_str())], None),
            (vec![("mode", "params"), ("params", "studio")], Some(PHOTO)),
            (vec![("output_format", "psd")], Some(PHOTO)),
        ];
        for (kind, file) in kinds {
            self.jobs.push(api.accepted(&[&kind[..], fields].concat(), file).await?);
        }
        Ok(())
    }

    async fn drop_file(&self, name: &str) -> Result<()> {
        self.site.drop_file(&format!("studio/{name}"), PHOTO).await
    }

    async fn job(&self, id: &str) -> Result<Job> {
        self.site.table.get(id.parse()?).await?.with_context(|| format!("{id} is lost"))
    }

    /// The jobs that this holds for.
    async fn jobs_that(&self, is_so: impl Fn(&Job) -> bool) -> Result<Vec<String>> {
        let mut found = Vec::new();
        for id in &self.jobs {
            if is_so(&self.job(id).await?) {
                found.push(id.clone());
            }
        }
        Ok(found)
    }

    /// Waits until so many jobs are done.
    async fn until_done(&self, wanted: usize) -> Result<()> {
        let begun = Instant::now();
        while self.jobs_that(|job| job.state.ended_at().is_some()).await?.len() < wanted {
            ensure!(begun.elapsed() < PATIENCE, "fewer than {wanted} jobs ended");
            sleep(Duration::from_millis(100)).await;
        }
        Ok(())
    }

    /// The id of the job of a dropped file.
    async fn job_of(&self, name: &str) -> Result<Option<String>> {
        let path = format!("drops/{OWNER}/studio/{name}");
        for item in self.site.items().await? {
            let record = plain_members(&to_json(&item)?);
            if record["drop"]["origin"]["path"] == path.as_str() {
                return Ok(record["id"].as_str().map(str::to_owned));
            }
        }
        Ok(None)
    }

    /// Waits until a dropped file is a job for which this holds, and adds it to the others.
    async fn until_job(&mut self, name: &str, is_so: impl Fn(&Job) -> bool) -> Result<()> {
        let begun = Instant::now();
        loop {
            if let Some(id) = self.job_of(name).await?
                && is_so(&self.job(&id).await?)
            {
                self.jobs.push(id);
                return Ok(());
            }
            ensure!(begun.elapsed() < PATIENCE, "{name} did not become such a job");
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// Kills a worker while it has a job. Each worker has one at a time.
    async fn kill_at_work(&self, worker: Server, others: &[&Server]) -> Result<()> {
        for _ in 0..1_000 {
            // Reading the records takes a while, in which nothing may change.
            worker.freeze()?;
            others.iter().try_for_each(|other| other.freeze())?;
            // A job at intake is not a worker's.
            let is_made = |job: &Job| matches!(job.state, JobState::Running { .. }) && job.progress >= 20;
            let made = self.jobs_that(is_made).await?.len();
            others.iter().try_for_each(|other| other.thaw())?;
            if made > others.len() {
                return worker.kill();
            }
            worker.thaw()?;
            sleep(Duration::from_millis(100)).await;
        }
        bail!("the worker never had a job")
    }

    /// Sweeps until all jobs but these, which the release cannot read, have ended.
    async fn drain(&self, sweep: &Lambda, but: &[&String]) -> Result<()> {
        let begun = Instant::now();
        loop {
            self.sweep(sweep, but).await?;
            let pending = self.jobs_that(|job| job.state.ended_at().is_none()).await?;
            if pending.iter().all(|id| but.contains(&id)) {
                break;
            }
            ensure!(begun.elapsed() < PATIENCE, "{} jobs are pending, such as {}", pending.len(), pending[0]);
            sleep(Duration::from_secs(3)).await;
        }
        let failed = self.jobs_that(|job| !matches!(job.state, JobState::Done { .. }) && job.has_ended()).await?;
        ensure!(failed.is_empty(), "jobs are not done: {failed:?}");
        Ok(())
    }

    /// Sweeps, and delivers messages about reports, of which the previous release sends none. A sweep that finds one of
    /// these jobs, which it cannot read, handles the others and then fails.
    async fn sweep(&self, sweep: &Lambda, unreadable: &[&String]) -> Result<()> {
        let swept = self.site.run(sweep).await;
        if unreadable.is_empty() {
            swept?;
        }
        let reports = self.site.queue(&self.site.stack.outputs.reports_queue_url);
        let messages = reports.receive().await?;
        if !messages.is_empty() {
            reports.deliver(&messages, sweep).await?;
        }
        Ok(())
    }

    /// Empties the queues that the previous template does not have: a roll back deletes them.
    async fn remove_new_queues(&self) -> Result<()> {
        let outputs = &self.site.stack.outputs;
        for url in [
            &outputs.bulk_queue_url,
            &outputs.intake_queue_url,
            &outputs.intake_bulk_queue_url,
            &outputs.reports_queue_url,
        ] {
            self.site.queue(url).purge().await?;
        }
        Ok(())
    }

    /// Every job but these has the status `done`.
    async fn check_statuses(&self, api: &Server, but: &[&String]) -> Result<()> {
        for id in self.jobs.iter().filter(|id| !but.contains(id)) {
            let body = api.status(id).await?;
            let has_links = body["final_urls"].as_object().is_some_and(|links| !links.is_empty());
            ensure!(body["status"] == "done" && has_links, "{body}");
        }
        Ok(())
    }

    async fn manifest(&self, name: &str) -> Result<Option<Value>> {
        let path = DropPath::try_from(format!("drops/{OWNER}/studio/{name}"))?;
        let manifest = self.site.bucket.get(&path.result("manifest.json")).await?;
        Ok(manifest.map(|bytes| serde_json::from_slice(&bytes)).transpose()?)
    }

    /// Sweeps until a dropped file has its results. `but` is as for [`Run::drain`].
    async fn until_manifest(&self, name: &str, sweep: &Lambda, but: &[&String]) -> Result<()> {
        let begun = Instant::now();
        loop {
            if let Some(manifest) = self.manifest(name).await? {
                ensure!(manifest["status"] == "done", "{manifest}");
                return Ok(());
            }
            ensure!(begun.elapsed() < PATIENCE, "{name} has no manifest");
            self.sweep(sweep, but).await?;
            sleep(Duration::from_secs(3)).await;
        }
    }

    /// Every upload and every dropped file cost one credit.
    async fn check_credits(&self, drops: usize) -> Result<()> {
        let uploaded = self.jobs_that(|job| job.drop.is_none()).await?.len();
        let credits = self.site.table.owner(&OWNER.parse()?).await?.credits;
        let spent = u64::try_from(uploaded + drops)?;
        ensure!(
            credits == Some(CREDITS - spent),
            "{spent} jobs are done, and {credits:?} of {CREDITS} credits are left"
        );
        let repeated = self.jobs_that(|job| job.attempts > 1).await?.len();
        ensure!(repeated > 0, "the killed workers had no jobs");
        println!("{spent} jobs are done, {repeated} of them after their worker was killed");
        Ok(())
    }
}
