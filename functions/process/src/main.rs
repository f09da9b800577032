//! The process function: makes the pictures of jobs. It starts an image worker, which loads the models once, and hands it
//! the pictures.

use std::process::ExitCode;
use std::sync::Arc;

use cutline_aws::Aws;
use cutline_aws::config::{self, ProcessConfig};
use cutline_aws::lambda::{self, BatchResponse, SqsEvent};
use cutline_core::domain::job::JobStage;
use cutline_core::usecases::{Process, RecordStores, UseCases, Workshop};
use cutline_imaging::Imaging;
use cutline_worker::{ChildArgs, PoolSettings, RunLimits, WorkerPool, child};
use lambda_runtime::{Error, LambdaEvent, service_fn};

fn main() -> anyhow::Result<ExitCode> {
    match ChildArgs::of_this_process() {
        Some(args) => Ok(child::run(&args, |args| {
            Imaging::load(&args.models, args.threads).map_err(anyhow::Error::from).and_then(with_decoders)
        })),
        None => run().map(|()| ExitCode::SUCCESS),
    }
}

/// Adds the decoders that the features bring.
#[cfg(feature = "heic")]
fn with_decoders(imaging: Imaging) -> anyhow::Result<Imaging> {
    Ok(imaging.with_heic(Arc::new(cutline_heic::Libheif::start()?)))
}

/// No feature brings a decoder.
#[cfg(not(feature = "heic"))]
fn with_decoders(imaging: Imaging) -> anyhow::Result<Imaging> {
    Ok(imaging)
}

#[tokio::main(flavor = "current_thread")]
async fn run() -> anyhow::Result<()> {
    let config: ProcessConfig = config::from_env()?;
    lambda::log_as_json(&config.common.log);
    let aws = Aws::from_env().await;
    let table = Arc::new(aws.table(&config.common.table));
    let lanes = Arc::new(aws.lanes(&config.queues));
    let use_cases = UseCases { env: lambda::env(&config.common), stores: RecordStores::in_one(table) };
    let (models, threads, log) = (config.models_dir.clone(), config.threads(), config.common.log.clone());
    let limits = RunLimits { machine_memory: config.memory().unwrap_or(u64::MAX), ..RunLimits::default() };
    let worker = PoolSettings { limits, ..PoolSettings::for_one(&ChildArgs { models, threads, log })? };
    let process = use_cases.process(Workshop {
        blobs: Arc::new(aws.bucket(&config.bucket)),
        image_workers: Arc::new(WorkerPool::start(worker).await?),
        queue: lanes.clone(),
        reports: Arc::new(aws.queue(&config.reports_queue_url)),
    });
    let handler = async |event: LambdaEvent<SqsEvent>| -> Result<BatchResponse, Error> {
        let process = Process { deadline: Some(lambda::deadline(event.context.deadline)), ..process.clone() };
        let handle = async |body: &str, request| process.handle(body, request).await;
        let queue = lanes.source(event.payload.queue_name(), JobStage::Make);
        let handled = lambda::handle_batch(event.payload, queue, handle);
        Ok(lambda::in_invocation(&event.context.request_id, handled).await)
    };
    lambda_runtime::run(service_fn(handler)).await.map_err(anyhow::Error::from_boxed)
}
