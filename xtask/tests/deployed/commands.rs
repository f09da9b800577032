//! `cutline jobs`, `owners` and `keys` on the table of a deployment.

use std::process::{Command, Output};

use anyhow::{Context, Result, ensure};
use cutline_core::domain::keys::{KeyRecord, Secret};
use cutline_core::ports::Keys as _;
use cutline_deployment::{SAMPLE_OWNER, program};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::checks::{check_done, schedule, uploaded};
use crate::job_routes::{files, process_one};
use crate::world::World;

/// An owner that no other scenario knows.
const OWNER: &str = "till";

fn run(world: &World, arguments: &[&str]) -> Result<Output> {
    Command::new(program("cutline")?)
        .args(arguments)
        .args(["--aws", &world.stack.outputs.table_name])
        .env_clear()
        .env("AWS_REGION", &world.stack.region)
        .env("AWS_ENDPOINT_URL", &world.stack.endpoint)
        .envs(world.stack.admin.variables())
        .output()
        .with_context(|| format!("cannot run cutline {arguments:?}"))
}

/// Runs a command that must succeed. Returns what it printed.
fn succeed(world: &World, arguments: &[&str]) -> Result<String> {
    let output = run(world, arguments)?;
    ensure!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}

fn json(world: &World, arguments: &[&str]) -> Result<Value> {
    let printed = succeed(world, arguments)?;
    serde_json::from_str(&printed).with_context(|| format!("{arguments:?}: {printed}"))
}

pub(crate) async fn jobs_are_listed_shown_repeated_and_deleted(world: &World) -> Result<()> {
    let job = uploaded(world).await?;
    process_one(world).await?;
    let newest = json(world, &["jobs", "list", "--owner", SAMPLE_OWNER, "--json", "--limit", "1"])?;
    ensure!(newest["job_id"] == job.as_str() && newest["status"] == "done", "{newest}");
    let none = run(world, &["jobs", "list", "--owner", "nobody"])?;
    ensure!(none.status.success() && none.stdout.is_empty(), "{none:?}");
    let shown = json(world, &["jobs", "show", &job])?;
    ensure!(shown["job_id"] == job.as_str() && shown["owner"] == SAMPLE_OWNER && shown["state"] == "done", "{shown}");
    ensure!(shown["files"]["source"] == format!("sources/{job}"), "{shown}");

    let outputs = &world.stack.outputs;
    let queues = [
        ("--queue-url", &outputs.jobs_queue_url),
        ("--bulk-queue-url", &outputs.bulk_queue_url),
        ("--intake-queue-url", &outputs.intake_queue_url),
        ("--intake-bulk-queue-url", &outputs.intake_bulk_queue_url),
    ];
    let mut retry = vec!["jobs", "retry", job.as_str(), "--bucket", &outputs.bucket_name];
    retry.extend(queues.into_iter().flat_map(|(option, url)| [option, url.as_str()]));
    let printed = succeed(world, &retry)?;
    let again = printed.trim();
    process_one(world).await?;
    check_done(world, again).await?;
    let shown = json(world, &["jobs", "show", again])?;
    ensure!(shown["retry_of"] == job.as_str(), "{shown}");

    for id in [job.as_str(), again] {
        succeed(world, &["jobs", "delete", id])?;
        let gone = run(world, &["jobs", "show", id])?;
        let error = String::from_utf8_lossy(&gone.stderr);
        ensure!(!gone.status.success() && error.contains("no job has the id"), "{error}");
    }
    world.sweep.invoke(&schedule()?).await?;
    ensure!(files(world, &job).await? == (0, 0) && files(world, again).await? == (0, 0), "the sweep left files");
    Ok(())
}

pub(crate) async fn owners_and_keys_are_changed(world: &World) -> Result<()> {
    let key = KeyRecord {
        hash: Secret::generate().context("no random numbers")?.hash(),
        owner: OWNER.parse()?,
        label: "by the door".to_owned(),
        scope: Default::default(),
        created_at: Timestamp::now(),
        revoked_at: None,
    };
    world.table.insert(&key).await?;

    succeed(world, &["owners", "set", OWNER, "--credits", "3"])?;
    let url = "https://hooks.example.com/till";
    let first = succeed(world, &["owners", "set", OWNER, "--credits", "+5", "--webhook-url", url])?;
    let second = succeed(world, &["owners", "set", OWNER, "--rotate-secret"])?;
    ensure!(!first.trim().is_empty() && !second.trim().is_empty() && first != second, "no new secret was printed");
    let shown = json(world, &["owners", "show", OWNER])?;
    ensure!(shown["credits"] == 8 && shown["webhook_url"] == url, "{shown}");
    let secrets = shown["webhook_secrets"].as_array().context("no secrets")?;
    ensure!(secrets.len() == 2, "{shown}");
    ensure!(secrets[0]["expires_at"].is_null() && secrets[1]["expires_at"].is_string(), "{shown}");
    let unknown = run(world, &["owners", "show", "nobody"])?;
    ensure!(!unknown.status.success(), "{unknown:?}");
    let listed = succeed(world, &["owners", "list"])?;
    let mut rows = listed.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let row = rows.find(|row| row.first() == Some(&OWNER)).context("the owner is not listed")?;
    // Requests per minute are unlimited, and there is one key.
    ensure!(row == [OWNER, "8", "unlimited", "1"], "{listed}");

    let id = key.hash.id();
    let line = |listed: &str| listed.lines().find(|line| line.starts_with(&id)).map(str::to_owned);
    let listed = line(&succeed(world, &["keys", "list"])?).context("the key is not listed")?;
    ensure!(listed.contains(OWNER) && listed.ends_with("by the door"), "{listed}");
    succeed(world, &["keys", "revoke", &id])?;
    let revoked = world.table.find(&key.hash).await?.context("the key is gone")?;
    ensure!(revoked.revoked_at.is_some(), "{revoked:?}");
    let listed_again = line(&succeed(world, &["keys", "list"])?).context("the key is not listed")?;
    ensure!(listed_again != listed, "{listed_again}");

    let log = succeed(world, &["owners", "audit", OWNER, "--json"])?;
    let entries = log.lines().map(serde_json::from_str::<Value>).collect::<Result<Vec<_>, _>>()?;
    let noted = entries.iter().map(|entry| json!([entry["action"], entry["key"], entry["detail"]]));
    // The newest first.
    let expected = [
        json!(["key.revoked", id, null]),
        json!(["owner.changed", null, {"webhook_secret": "rotated"}]),
        json!(["owner.changed", null, {"credits": "+5"}]),
        json!(["owner.changed", null, {"webhook_secret": "created", "webhook_url": "hooks.example.com"}]),
        json!(["owner.changed", null, {"credits": "3"}]),
    ];
    ensure!(noted.eq(expected), "{log}");
    ensure!(entries.iter().all(|entry| entry["actor"] == "command-line"), "{log}");
    Ok(())
}
