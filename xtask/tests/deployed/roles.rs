//! The functions' roles.

use anyhow::{Result, ensure};

use crate::sqs::Queue;
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
    for function in ["UploadFunction", "StatusFunction", "SweepFunction"] {
        ensure!(as_function(jobs, function).receive().await.is_err(), "{function} may receive from the jobs queue");
    }
    let message = world.jobs.receive_one().await?;
    ensure!(message.body.as_deref() == Some("mine"), "{message:?}");
    Ok(())
}
