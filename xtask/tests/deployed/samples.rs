//! Sends every file in `events/` to the function that its name begins with.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use cutline_core::Policy;
use cutline_core::ports::Jobs;
use cutline_deployment::{Answer, EXPECTED, Expected, Function, Lambda, reported, request, sample};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::clock;
use crate::world::World;

/// Ends a sample's job. A queued job would be due in later scenarios.
async fn withdraw(world: &World, job: &str) -> Result<()> {
    let withdrawn = clock::job(&world.table, job).await?.withdraw(Timestamp::now(), &Policy::default())?;
    world.table.replace(&withdrawn).await.context("cannot withdraw a sample's job")
}

/// Sends a sample event to a function and checks its answer.
pub(crate) async fn check_answer(world: &World, function: &Lambda, name: &str, expected: Expected) -> Result<()> {
    let event = sample(name)?;
    match expected {
        Expected::Http(status, error) => {
            let Answer { status: got, body } = request(function, &event).await.context(name.to_owned())?;
            ensure!(got == status, "{name}: {got} {body}");
            ensure!(body.get("error").and_then(Value::as_str) == error, "{name}: {body}");
            if let Some(job) = body["job_id"].as_str() {
                withdraw(world, job).await?;
            }
        }
        Expected::Batch(indexes) => {
            let answer = function.invoke(&event).await.context(name.to_owned())?;
            let ids = indexes.iter().map(|index| event["Records"][index]["messageId"].as_str().map(str::to_owned));
            let ids: Option<BTreeSet<String>> = ids.collect();
            ensure!(Some(reported(&answer)?) == ids, "{name}: {answer}");
        }
    }
    Ok(())
}

pub(crate) async fn every_sample_event_has_the_expected_answer(world: &World) -> Result<()> {
    for (name, expected) in EXPECTED {
        check_answer(world, world.function(Function::of_event(name)?), name, expected).await?;
    }

    let quarantined = world.quarantine.receive_one().await.context("the unreadable dead letter")?;
    ensure!(quarantined.body.as_deref() == Some("not a job message"), "{quarantined:?}");
    // The status function lists the set that the upload function stored.
    let Answer { body, .. } = request(&world.status, &sample("status-params.json")?).await?;
    ensure!(body["params"][0]["name"] == "Test-Api" && body["params"][0]["built_in"] == false, "{body}");
    // The answer lists all invalid fields.
    let Answer { body, .. } = request(&world.upload, &sample("upload-invalid.json")?).await?;
    let fields: BTreeSet<_> = body["details"].as_object().context("no details")?.keys().cloned().collect();
    assert_eq!(json!(fields), json!(["file", "mode", "output_format"]));
    Ok(())
}
