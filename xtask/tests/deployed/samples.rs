//! Sends every file in `events/` to the function that its name begins with.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use cutline_core::Policy;
use cutline_core::ports::Jobs;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::clock;
use crate::gateway::{Answer, request, sample};
use crate::sqs::reported;
use crate::stack::root;
use crate::world::World;

/// The answer to a sample event.
enum Expected {
    /// An HTTP status, and the `error` code of an error.
    Http(u64, Option<&'static str>),
    /// A batch response that reports the messages with these indexes as failed.
    Batch(&'static [usize]),
}

use Expected::{Batch, Http};

const EXPECTED: [(&str, Expected); 22] = [
    // The files do not exist, so there is nothing to do.
    ("intake-drops.json", Batch(&[])),
    ("intake-message.json", Batch(&[])),
    ("intake-s3-test.json", Batch(&[])),
    ("process-batch.json", Batch(&[1])),
    // Forwarded to the intake function.
    ("process-drops.json", Batch(&[])),
    ("process-message.json", Batch(&[])),
    ("process-s3-test.json", Batch(&[])),
    ("status-job.json", Http(404, Some("not_found"))),
    ("status-jobs.json", Http(200, None)),
    ("status-no-id.json", Http(422, Some("validation"))),
    ("status-params.json", Http(200, None)),
    ("status-unknown-route.json", Http(404, Some("not_found"))),
    ("status-wrong-method.json", Http(405, Some("method_not_allowed"))),
    ("sweep-dead-letters.json", Batch(&[])),
    ("sweep-schedule.json", Batch(&[])),
    ("upload-delete-job.json", Http(404, Some("not_found"))),
    ("upload-invalid.json", Http(422, Some("validation"))),
    ("upload-json.json", Http(202, None)),
    ("upload-multipart.json", Http(202, None)),
    ("upload-no-key.json", Http(401, Some("unauthorized"))),
    ("upload-put-params.json", Http(201, None)),
    ("upload-retry-job.json", Http(404, Some("not_found"))),
];

/// Ends a sample's job. A queued job would be due in later scenarios.
async fn withdraw(world: &World, job: &str) -> Result<()> {
    let withdrawn = clock::job(&world.table, job).await?.withdraw(Timestamp::now(), &Policy::default())?;
    world.table.replace(&withdrawn).await.context("cannot withdraw a sample's job")
}

pub(crate) async fn every_sample_event_has_the_expected_answer(world: &World) -> Result<()> {
    let files: BTreeSet<String> = std::fs::read_dir(root().join("events"))?
        .map(|file| Ok(file?.file_name().to_string_lossy().into_owned()))
        .collect::<Result<_>>()?;
    let expected: BTreeSet<String> = EXPECTED.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(files, expected, "the files in events/ and the expected answers");

    for (name, expected) in &EXPECTED {
        let event = sample(name)?;
        let function = match name.split('-').next() {
            Some("upload") => &world.upload,
            Some("status") => &world.status,
            Some("process") => &world.process,
            Some("intake") => &world.intake,
            Some("sweep") => &world.sweep,
            _ => anyhow::bail!("{name} does not begin with a function's name"),
        };
        match expected {
            Http(status, error) => {
                let Answer { status: got, body } = request(function, &event).await.context(*name)?;
                ensure!(got == *status, "{name}: {got} {body}");
                ensure!(body.get("error").and_then(Value::as_str) == *error, "{name}: {body}");
                if let Some(job) = body["job_id"].as_str() {
                    withdraw(world, job).await?;
                }
            }
            Batch(indexes) => {
                let answer = function.invoke(&event).await.context(*name)?;
                let ids = indexes.iter().map(|index| event["Records"][index]["messageId"].as_str().map(str::to_owned));
                let ids: Option<BTreeSet<String>> = ids.collect();
                ensure!(Some(reported(&answer)?) == ids, "{name}: {answer}");
            }
        }
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
