//! The recording of a data folder.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use tokio::time::sleep;

use super::recording::{CREDITS, Recording};
use crate::origin::{DAMAGED, Origin, PHOTO};
use crate::releases::{Release, empty_folder};
use crate::server::{Place, Server, log};
use crate::site::OWNER;
use crate::sqlite::{self, JobRow};
use crate::uploads::{studio, upload_ending, upload_waiting};

/// Records a data folder of the release, and dumps its database.
pub(super) async fn record(release: &Release, origin: &Origin) -> Result<(Recording, String)> {
    let folder = empty_folder("record-local")?;
    let (data, watched) = (folder.join("data"), folder.join("watched"));
    let key = create_key(release, &data, &["--credits", &CREDITS.to_string()])?;
    revoke(release, &data, &create_key(release, &data, &[])?)?;
    let start = async |workers: u16, name: &str| {
        Server::start(release, workers, &Place::folder(&data, Some(&watched)), &key, &log(&folder, name)).await
    };
    // A dropped job that will end without a manifest: a file takes the place of the folder of its results.
    let server = start(0, "taken-in").await?;
    drop_file(&watched, "transparent/unreported.jpg", PHOTO)?;
    wait_for(&data, "transparent/unreported.jpg", |job| job.state == "queued").await?;
    server.stop().await?;
    let blocked = watched.join("results").join(OWNER).join("transparent");
    fs::create_dir_all(blocked.parent().unwrap_or(&watched))?;
    fs::write(&blocked, "")?;

    // Jobs that end.
    let server = start(1, "ended").await?;
    server.put_set("studio", &studio()).await?;
    let ending = upload_ending(&server).await?;
    for (path, bytes) in [("studio/done.jpg", PHOTO), ("studio/damaged.jpg", DAMAGED)] {
        drop_file(&watched, path, bytes)?;
    }
    for job in &ending {
        server.until(job, &["done", "failed"]).await?;
    }
    for (path, is_reported) in
        [("studio/done.jpg", true), ("studio/damaged.jpg", true), ("transparent/unreported.jpg", false)]
    {
        wait_for(&data, path, |job| job.document["drop"]["reported"] == is_reported && has_ended(job)).await?;
    }
    server.stop().await?;

    // Jobs that wait. The first one is to lose its worker.
    let server = start(0, "waiting").await?;
    let running = server.accepted(&[("mode", "background")], Some(PHOTO)).await?;
    upload_waiting(&server, origin).await?;
    drop_file(&watched, "studio/waiting.jpg", PHOTO)?;
    wait_for(&data, "studio/waiting.jpg", |job| job.state == "queued").await?;
    server.stop().await?;

    let server = start(1, "killed").await?;
    server.until(&running, &["pending_background"]).await?;
    server.kill()?;
    read(&data, &watched)
}

fn create_key(release: &Release, data: &Path, arguments: &[&str]) -> Result<String> {
    let mut command = Command::new(release.program("cutline"));
    command.args(["keys", "create", "--owner", OWNER, "--label", "recorded", "--data"]).arg(data).args(arguments);
    let output = command.output().context("cannot run cutline keys create")?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout).context("the secret is not UTF-8")?.trim().to_owned())
}

fn revoke(release: &Release, data: &Path, secret: &str) -> Result<()> {
    let mut id = String::new();
    for byte in &Sha256::digest(secret)[..8] {
        write!(id, "{byte:02x}")?;
    }
    let mut command = Command::new(release.program("cutline"));
    let output = command.args(["keys", "revoke", &id, "--data"]).arg(data).output();
    let output = output.context("cannot run cutline keys revoke")?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

fn drop_file(watched: &Path, path: &str, bytes: &[u8]) -> Result<()> {
    let file = watched.join("drops").join(OWNER).join(path);
    fs::create_dir_all(file.parent().unwrap_or(watched))?;
    fs::write(&file, bytes).with_context(|| format!("cannot drop {}", file.display()))
}

fn has_ended(job: &JobRow) -> bool {
    matches!(job.state.as_str(), "done" | "failed")
}

/// Waits until the job of a dropped file is so.
async fn wait_for(data: &Path, path: &str, is_so: impl Fn(&JobRow) -> bool) -> Result<()> {
    let key = format!("drops/{OWNER}/{path}");
    let deadline = Instant::now() + Duration::from_secs(180);
    loop {
        let jobs = sqlite::jobs(&sqlite::open(data)?)?;
        if jobs.iter().any(|job| job.document["drop"]["origin"]["path"] == key.as_str() && is_so(job)) {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "{path} did not become what it has to be");
        sleep(Duration::from_millis(100)).await;
    }
}

/// Reads everything that is stored.
fn read(data: &Path, watched: &Path) -> Result<(Recording, String)> {
    let mut recording = Recording::default();
    let connection = sqlite::open(data)?;
    for job in sqlite::jobs(&connection)? {
        ensure!(job.document["state"]["name"] == job.state.as_str(), "the columns of {} are not its record", job.id);
        recording.add_job(&job.document)?;
    }
    for id in sqlite::texts(&connection, "SELECT id FROM owners ORDER BY id")? {
        let credits = sqlite::credits(&connection, &id)?;
        recording.owners.push(json!({ "id": id, "credits": credits }));
    }
    for key in sqlite::texts(&connection, "SELECT hash || ' ' || (revoked_at IS NOT NULL) FROM keys ORDER BY hash")? {
        let (hash, revoked) = key.split_once(' ').context("two columns")?;
        recording.keys.push(json!({ "hash": hash, "is_revoked": revoked == "1" }));
    }
    for set in sqlite::texts(&connection, "SELECT owner || ' ' || name FROM param_sets ORDER BY owner, name")? {
        let (owner, name) = set.split_once(' ').context("two columns")?;
        recording.sets.push(json!({ "owner": owner, "name": name }));
    }
    for (root, folder) in
        [(data.join("files"), "sources"), (data.join("files"), "jobs"), (watched.to_owned(), "results")]
    {
        for (key, path) in files(&root, &root.join(folder))? {
            let mut entry = json!({ "key": key, "bytes": fs::metadata(&path)?.len() });
            if key.ends_with("/manifest.json") {
                entry["text"] = fs::read_to_string(&path)?.into();
            }
            // Not the lock, files that are being written, or the one that blocks manifests.
            let is_result =
                key.strip_prefix("results/").is_none_or(|rest| rest.starts_with(&format!("{OWNER}/studio/")));
            if is_result {
                recording.objects.push(entry);
            }
        }
    }
    Ok((recording, sqlite::dump(&connection)?))
}

/// All files below a folder: their keys, which are paths below `root`, and their paths.
fn files(root: &Path, folder: &Path) -> Result<Vec<(String, PathBuf)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            found.extend(files(root, &entry.path())?);
        } else {
            let key = entry.path().strip_prefix(root)?.to_str().context("a key is UTF-8")?.to_owned();
            found.push((key, entry.path()));
        }
    }
    found.sort();
    Ok(found)
}
