//! The sweep function: every minute it repairs jobs whose message or worker was lost, and deletes the files of
//! deleted jobs; it also handles dead letters.

use std::sync::Arc;

use cutline_aws::Aws;
use cutline_aws::config::{self, SweepConfig};
use cutline_aws::lambda::{self, BatchResponse, SweepEvent};
use cutline_core::usecases::{Env, RecordStores, UseCases};
use lambda_runtime::{Error, LambdaEvent, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let config: SweepConfig = config::from_env()?;
    lambda::log_as_json(&config.common.log);
    let aws = Aws::from_env().await;
    let dead_letters = aws.queue(config.dead_letter_queue_url);
    let stores = RecordStores::in_one(Arc::new(aws.table(&config.common.table)));
    let use_cases = UseCases { env: Env::system(config.common.policy()), stores };
    let queue = Arc::new(aws.lanes(&config.queues));
    let bucket = Arc::new(aws.bucket(config.bucket));
    let sweep = use_cases.sweep(bucket, queue, Arc::new(aws.queue(config.parking_queue_url)));
    let handler = async |event: LambdaEvent<SweepEvent>| -> Result<BatchResponse, Error> {
        Ok(lambda::handle_sweep(event.payload, &sweep, &dead_letters).await?)
    };
    lambda_runtime::run(service_fn(handler)).await.map_err(anyhow::Error::from_boxed)
}
