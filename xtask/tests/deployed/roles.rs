//! The functions' roles.

use anyhow::{Result, ensure};
use cutline_deployment::{Bucket, Queue};

use crate::world::World;

/// Proves that access control is on. Without it, the other scenarios would pass with any template.
pub(crate) async fn roles_permit_their_own_work_only(world: &World) -> Result<()> {
    let as_function = |url: &str, function: &str| {
        let function = &world.stack.functions[function];
        Queue::new(&world.stack, url, &function.credentials)
    };
    let jobs = &world.stack.outputs.jobs_queue_url;
    as_function(jobs, "UploadFunction").send("mine").await?;
    ensure!(as_function(jobs, "StatusFunction").send("not mine").await.is_err(), "status may send to the jobs queue");
    let quarantine = &world.stack.outputs.parking_queue_url;
    ensure!(
        as_function(quarantine, "ProcessFunction").send("not mine").await.is_err(),
        "process may send to the quarantine queue"
    );
    for function in ["UploadFunction", "StatusFunction", "SweepFunction", "IntakeFunction"] {
        ensure!(as_function(jobs, function).receive().await.is_err(), "{function} may receive from the jobs queue");
    }
    let reports = &world.stack.outputs.reports_queue_url;
    ensure!(as_function(reports, "StatusFunction").send("not mine").await.is_err(), "status may send reports");
    for function in ["UploadFunction", "ProcessFunction", "IntakeFunction"] {
        as_function(reports, function).send("mine").await?;
        ensure!(as_function(reports, function).receive().await.is_err(), "{function} may receive reports");
    }
    let message = world.jobs.receive_one().await?;
    ensure!(message.body.as_deref() == Some("mine"), "{message:?}");
    Ok(())
}

pub(crate) async fn only_the_sweep_deletes_files(world: &World) -> Result<()> {
    let job = "00000000-0000-7000-8000-000000000000";
    let [source, result] = [format!("sources/{job}"), format!("jobs/{job}/any/matte.png")];
    let as_function = |function: &str| Bucket::new(&world.stack, &world.stack.functions[function].credentials);
    for function in ["UploadFunction", "StatusFunction", "ProcessFunction", "IntakeFunction"] {
        for key in [&source, &result] {
            ensure!(as_function(function).delete(key).await.is_err(), "{function} may delete {key}");
        }
    }
    let sweep = as_function("SweepFunction");
    sweep.delete(&source).await?;
    sweep.delete(&result).await?;
    for key in ["drops/shop/ebay/a.jpg", "results/shop/ebay/a.jpg/manifest.json"] {
        ensure!(sweep.delete(key).await.is_err(), "the sweep may delete {key}");
    }
    Ok(())
}
