//! A data folder of the previous release, migrated with jobs in flight. The previous release refuses it afterwards, and
//! works on the copy that was made before.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use tokio::time::sleep;

use crate::origin::{Origin, PHOTO};
use crate::releases::{Release, empty_folder};
use crate::server::{Place, Server, command, log};
use crate::site::OWNER;
use crate::sqlite;

/// The owner's credits at the start. Every job costs one.
const CREDITS: u64 = 100;

/// How long a server may take to refuse a folder.
const REFUSAL: Duration = Duration::from_secs(60);

/// Accepts jobs, kills the previous release at work, migrates, goes back to the copy.
pub(crate) async fn a_data_folder_is_migrated_and_refused_by_the_previous_release() -> Result<()> {
    let (previous, this) = (Release::previous()?, Release::this()?);
    let (folder, origin) = (empty_folder("local")?, Origin::start().await?);
    let (data, copy) = (folder.join("data"), folder.join("copy"));
    let key = create_key(&previous, &data)?;
    let start = async |release: &Release, data: &Path, name: &str| {
        Server::start(release, 1, &Place::folder(data, None), &key, &log(&folder, name)).await
    };

    let server = start(&previous, &data, "previous").await?;
    let mut jobs = vec![server.accepted(&[("mode", "background")], Some(PHOTO)).await?];
    server.until(&jobs[0], &["done"]).await?;
    for _ in 0..2 {
        jobs.push(server.accepted(&[("mode", "background")], Some(PHOTO)).await?);
        jobs.push(server.accepted(&[("output_format", "psd")], Some(PHOTO)).await?);
        let url = origin.photo();
        jobs.push(server.accepted(&[("mode", "background"), ("file_url", url.as_str())], None).await?);
    }
    server.until(&jobs[1], &["pending_background"]).await?;
    server.kill()?;
    let copied = Command::new("cp").arg("-a").args([&data, &copy]).status().context("cannot run cp")?;
    ensure!(copied.success(), "cannot copy the data folder");

    let server = start(&this, &data, "this").await?;
    let mut later = jobs.clone();
    later.push(server.accepted(&[("mode", "background"), ("external_id", "4711")], Some(PHOTO)).await?);
    check_done(&server, &later, &data).await?;
    server.stop().await?;
    refuse(&previous, &data, &log(&folder, "refused")).await?;
    // It changed nothing.
    let server = start(&this, &data, "this-again").await?;
    check_done(&server, &later, &data).await?;
    server.stop().await?;

    let server = start(&previous, &copy, "copy").await?;
    check_done(&server, &jobs, &copy).await?;
    server.stop().await
}

fn create_key(release: &Release, data: &Path) -> Result<String> {
    let mut command = Command::new(release.program("cutline"));
    command.args(["keys", "create", "--owner", OWNER, "--credits", &CREDITS.to_string(), "--data"]).arg(data);
    let output = command.output().context("cannot run cutline keys create")?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout).context("the secret is not UTF-8")?.trim().to_owned())
}

/// Waits until all jobs are done, and checks that each cost one credit.
async fn check_done(server: &Server, jobs: &[String], data: &Path) -> Result<()> {
    for job in jobs {
        server.until(job, &["done"]).await.with_context(|| format!("{job} is lost"))?;
    }
    let connection = sqlite::open(data)?;
    let credits = sqlite::credits(&connection, OWNER)?;
    let spent = u64::try_from(jobs.len())?;
    ensure!(credits == Some(CREDITS - spent), "{spent} jobs are done, and {credits:?} of {CREDITS} credits are left");
    ensure!(sqlite::jobs(&connection)?.len() == jobs.len(), "there are not {} jobs", jobs.len());
    Ok(())
}

/// The release does not start on a newer database, and says why.
async fn refuse(release: &Release, data: &Path, log: &Path) -> Result<()> {
    let mut process = command(release, 0, &Place::folder(data, None))
        .args(["--listen", "127.0.0.1:0"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(fs::File::create(log)?)
        .spawn()
        .context("cannot start cutline serve")?;
    let deadline = Instant::now() + REFUSAL;
    while Instant::now() < deadline {
        if let Some(status) = process.try_wait()? {
            let text = fs::read_to_string(log)?;
            ensure!(!status.success(), "the previous release opened a newer database: {text}");
            ensure!(text.contains("newer version of Cutline"), "the refusal does not say why: {text}");
            return Ok(());
        }
        sleep(Duration::from_millis(50)).await;
    }
    process.kill()?;
    process.wait()?;
    bail!("the previous release works on a newer database")
}
