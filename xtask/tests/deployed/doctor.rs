//! `cutline doctor` against the emulator. It creates neither the layer nor triggers nor alarms from the template, so these facts
//! are tested in `cutline-aws`, against a server that answers like AWS.

use std::process::{Command, Output};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::types::AttributeValue;
use cutline_core::domain::keys::{KeyRecord, Secret};
use cutline_core::ports::Keys as _;
use cutline_deployment::{Queue, program};
use jiff::Timestamp;

use crate::world::World;

fn doctor(world: &World, stack: &str, options: &[&str]) -> Result<Output> {
    Command::new(program("cutline")?)
        .args(["doctor", "--aws", stack])
        .args(options)
        .env_clear()
        .env("AWS_REGION", &world.stack.region)
        .env("AWS_ENDPOINT_URL", &world.stack.endpoint)
        .envs(world.stack.admin.variables())
        .output()
        .context("cannot run cutline doctor")
}

/// Deletes an owner's item. Its keys stay, as those of an earlier release had none.
async fn forget_owner(world: &World, owner: &str) -> Result<()> {
    let admin = &world.stack.admin;
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(&world.stack.endpoint)
        .region(Region::new(world.stack.region.clone()))
        .credentials_provider(Credentials::new(
            &admin.aws_access_key_id,
            &admin.aws_secret_access_key,
            None,
            None,
            "test",
        ))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let request = aws_sdk_dynamodb::Client::from_conf(config).delete_item().table_name(&world.stack.outputs.table_name);
    let request = request.key("pk", text(&format!("owner#{owner}"))).key("sk", text("owner"));
    request.send().await.map(drop).context("cannot delete the owner")
}

pub(crate) async fn the_doctor_finds_what_is_wrong_with_a_stack(world: &World) -> Result<()> {
    let key = KeyRecord {
        hash: Secret::generate().context("no random numbers")?.hash(),
        owner: "forgotten".parse()?,
        label: String::new(),
        scope: Default::default(),
        created_at: Timestamp::now(),
        revoked_at: None,
    };
    world.table.insert(&key).await?;
    forget_owner(world, "forgotten").await?;
    world.jobs_queue_age(Duration::from_secs(3600)).await?;
    Queue::new(&world.stack, &world.stack.outputs.parking_queue_url, &world.stack.admin).send("unreadable").await?;
    let output = doctor(world, "cutline", &[])?;
    let found = String::from_utf8(output.stdout)?;
    ensure!(output.status.code() == Some(1), "{:?}: {found}", output.status);
    ensure!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    for expected in [
        "missing trigger: ProcessFunctionBulk, so no function takes the messages of BulkQueue; deploy with ",
        "missing trigger: SweepFunctionReports, so no function takes the messages of ReportsQueue; ",
        "missing models: the stack has no layer; prepare the models and deploy again",
        "old messages: the oldest in JobsQueue has waited for 1:00 h",
        "messages that nothing handled: 1 in ParkingQueue",
        "keys without an owner: forgotten; ",
    ] {
        ensure!(found.contains(expected), "{expected}: {found}");
    }
    ensure!(found.lines().filter(|line| line.starts_with("missing trigger: ")).count() == 6, "{found}");
    ensure!(found.lines().count() == 4 + 6, "{found}");
    // Workers outside Lambda do the work of four triggers.
    let output = doctor(world, "cutline", &["--workers"])?;
    let found = String::from_utf8(output.stdout)?;
    ensure!(output.status.code() == Some(1) && found.lines().count() == 4 + 2, "{:?}: {found}", output.status);
    // A revoked key needs no owner.
    world.table.revoke(&key.hash, Timestamp::now()).await?;

    let unknown = doctor(world, "elsewhere", &[])?;
    let error = String::from_utf8(unknown.stderr)?;
    ensure!(unknown.status.code() == Some(1) && error.contains("elsewhere does not exist"), "{error}");
    Ok(())
}
