//! The sweep function: every minute it repairs jobs whose message or worker was lost, and deletes the files of
//! deleted jobs; it handles dead letters; and it delivers reports: webhooks, and the manifests of drops.

use std::sync::Arc;

use cutline_aws::Aws;
use cutline_aws::config::{self, SweepConfig};
use cutline_aws::lambda::{self, BatchResponse, SweepEvent, SweepQueues};
use cutline_core::SystemClock;
use cutline_core::usecases::{Receivers, RecordStores, ReportSender, SweptFiles, UploadStores, UseCases};
use cutline_http::{HttpWebhooks, WebhookReach};
use lambda_runtime::{Error, LambdaEvent, service_fn};

/// Sends to one receiver at once. The template lets two instances of the function handle reports, which makes four.
const PER_RECEIVER: u32 = 2;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let config: SweepConfig = config::from_env()?;
    lambda::log_as_json(&config.common.log);
    let aws = Aws::from_env().await;
    let (dead_letters, reports_url) = (aws.queue(config.dead_letter_queue_url), config.reports_queue_url);
    let table = Arc::new(aws.table(&config.common.table));
    let env = lambda::env(&config.common);
    let use_cases = UseCases { env: env.clone(), stores: RecordStores::in_one(table.clone()) };
    let lanes = Arc::new(aws.lanes(&config.queues));
    let reports = Arc::new(aws.queue(&reports_url));
    let bucket = Arc::new(aws.bucket(&config.bucket));
    let parking = Arc::new(aws.queue(config.parking_queue_url));
    let uploads = UploadStores { records: table.clone(), objects: bucket.clone() };
    let files = SweptFiles { jobs: bucket.clone(), uploads };
    let sweep = use_cases.sweep(files, lanes.clone(), reports.clone(), parking);
    let sender = ReportSender {
        jobs: table.clone(),
        webhooks: table,
        links: Arc::new(aws.links(config.bucket, config.delivery_role_arn, Arc::new(SystemClock))),
        client: Arc::new(HttpWebhooks::new(WebhookReach::Public)?),
        reports: reports.clone(),
        drops: Some(use_cases.drop_ingest(bucket.clone(), bucket, lanes)),
        receivers: Receivers::in_batches(PER_RECEIVER),
        env,
    };
    let queues = SweepQueues { reports_url: &reports_url, reports: reports.as_ref(), dead_letters: &dead_letters };
    let handler = async |event: LambdaEvent<SweepEvent>| -> Result<BatchResponse, Error> {
        let handled = lambda::handle_sweep(event.payload, &sweep, &sender, queues);
        Ok(lambda::in_invocation(&event.context.request_id, handled).await?)
    };
    lambda_runtime::run(service_fn(handler)).await.map_err(anyhow::Error::from_boxed)
}
