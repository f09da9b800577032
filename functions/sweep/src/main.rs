//! The sweep function: finds what was lost, every minute, and brings dead letters to an end.

use std::sync::Arc;

use cutline_aws::Aws;
use cutline_aws::config::SweepConfig;
use cutline_aws::lambda::{self, BatchResponse, SweepEvent};
use cutline_core::SystemClock;
use cutline_core::usecases::Sweep;
use lambda_runtime::{Error, LambdaEvent, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let config = SweepConfig::from_env()?;
    lambda::log_as_json(&config.log);
    let aws = Aws::from_env().await;
    let dead_letters = aws.queue(config.dead_letter_queue_url);
    let sweep = Sweep {
        jobs: Arc::new(aws.table(config.table)),
        queue: Arc::new(aws.queue_with_age(config.queue_url, config.queue_name)),
        quarantine: Arc::new(aws.queue(config.parking_queue_url)),
        clock: Arc::new(SystemClock),
        policy: config.policy,
    };
    let handler = async |event: LambdaEvent<SweepEvent>| -> Result<BatchResponse, Error> {
        Ok(lambda::handle_sweep(event.payload, &sweep, &dead_letters).await?)
    };
    lambda_runtime::run(service_fn(handler)).await.map_err(anyhow::Error::from_boxed)
}
