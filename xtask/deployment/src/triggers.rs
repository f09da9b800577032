//! What invokes functions without a request: queues and the schedule, as template.yaml declares them.

use std::time::Duration;

use anyhow::Result;
use cutline_deployment::{Function, Queue, Stack, sample};
use futures::future::join_all;
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::environments::{Environment, Environments};

/// The wait after a queue was found empty, or failed.
const PAUSE: Duration = Duration::from_millis(300);

/// The template's schedule.
const SWEEP_EVERY: Duration = Duration::from_secs(60);

/// A queue, and the function that handles its messages.
struct Trigger<'e> {
    name: &'static str,
    queue: Queue,
    environment: &'e Environment,
    /// The most messages in one event.
    batch: u8,
}

/// Invokes functions for ever.
pub(crate) async fn run(stack: &Stack, environments: &Environments) -> Result<()> {
    let triggers = triggers(stack, environments)?;
    let event = sample("sweep-schedule.json")?;
    let schedule = async {
        let mut minutes = interval(SWEEP_EVERY);
        minutes.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            minutes.tick().await;
            if let Err(error) = environments.sweep.invoke(&event).await {
                eprintln!("the sweep failed: {error:#}");
            }
        }
    };
    tokio::join!(schedule, join_all(triggers.iter().map(Trigger::poll)));
    Ok(())
}

fn triggers<'e>(stack: &Stack, environments: &'e Environments) -> Result<Vec<Trigger<'e>>> {
    let outputs = &stack.outputs;
    let of = |name, url: &str, function, environment, batch| -> Result<Trigger<'e>> {
        let queue = Queue::new(stack, url, &stack.function(function)?.credentials);
        Ok(Trigger { name, queue, environment, batch })
    };
    Ok(vec![
        of("live jobs", &outputs.jobs_queue_url, Function::Process, &environments.process, 1)?,
        of("bulk jobs", &outputs.bulk_queue_url, Function::Process, &environments.process_bulk, 1)?,
        of("live intake", &outputs.intake_queue_url, Function::Intake, &environments.intake, 1)?,
        of("bulk intake", &outputs.intake_bulk_queue_url, Function::Intake, &environments.intake_bulk, 1)?,
        of("reports", &outputs.reports_queue_url, Function::Sweep, &environments.sweep, 10)?,
        of("dead letters", &outputs.dead_letter_queue_url, Function::Sweep, &environments.sweep, 10)?,
    ])
}

impl Trigger<'_> {
    async fn poll(&self) {
        loop {
            match self.deliver().await {
                Ok(true) => {}
                Ok(false) => sleep(PAUSE).await,
                Err(error) => {
                    // The queue delivers the messages again, as on AWS: after the visibility timeout.
                    eprintln!("{}: {error:#}", self.name);
                    sleep(PAUSE).await;
                }
            }
        }
    }

    /// Returns whether the queue had messages.
    async fn deliver(&self) -> Result<bool> {
        let messages = self.queue.receive_at_most(self.batch).await?;
        if messages.is_empty() {
            return Ok(false);
        }
        let function = self.environment.free().await;
        self.queue.deliver(&messages, &function).await?;
        Ok(true)
    }
}
