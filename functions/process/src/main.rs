//! The process function: works on the jobs whose messages the queue hands it, and makes jobs of the files that S3 says
//! were dropped. The models are loaded once, when it starts.

use std::sync::Arc;

use cutline_aws::Aws;
use cutline_aws::config::ProcessConfig;
use cutline_aws::lambda::{self, BatchResponse, SqsEvent};
use cutline_core::usecases::DropIngest;
use cutline_core::usecases::ParamSetLibrary;
use cutline_core::usecases::Process;
use cutline_core::{SystemClock, SystemIds};
use cutline_http::{FetchConfig, HttpFetcher};
use cutline_imaging::Imaging;
use lambda_runtime::{Error, LambdaEvent, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let config = ProcessConfig::from_env()?;
    lambda::log_as_json(&config.log);
    let aws = Aws::from_env().await;
    let queue = aws.queue(config.queue_url);
    let fetch = FetchConfig { allow_private: config.allow_private_sources, ..FetchConfig::default() };
    let (table, bucket) = (Arc::new(aws.table(config.table)), Arc::new(aws.bucket(config.bucket)));
    let drops = DropIngest {
        drops: table.clone(),
        files: bucket.clone(),
        jobs: table.clone(),
        blobs: bucket.clone(),
        queue: Arc::new(queue.clone()),
        keys: table.clone(),
        sets: ParamSetLibrary { store: table.clone(), clock: Arc::new(SystemClock), ids: Arc::new(SystemIds) },
        clock: Arc::new(SystemClock),
        ids: Arc::new(SystemIds),
        policy: config.policy,
    };
    let process = Process {
        jobs: table,
        blobs: bucket,
        fetcher: Arc::new(HttpFetcher::new(fetch)?),
        pipeline: Arc::new(Imaging::load(&config.models_dir, config.threads)?),
        drops: Some(drops),
        clock: Arc::new(SystemClock),
        ids: Arc::new(SystemIds),
        policy: config.policy,
    };
    let handler = async |event: LambdaEvent<SqsEvent>| -> Result<BatchResponse, Error> {
        Ok(lambda::handle_batch(event.payload, &queue, async |body: &str| process.handle(body).await).await)
    };
    lambda_runtime::run(service_fn(handler)).await.map_err(anyhow::Error::from_boxed)
}
