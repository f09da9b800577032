//! The upload function: accepts, repeats, corrects and deletes jobs, grants direct uploads, and changes parameter sets, behind API Gateway's HTTP API.

use std::sync::Arc;

use cutline_aws::config::{self, UploadConfig};
use cutline_aws::{Aws, lambda};
use cutline_core::usecases::{RecordStores, Recut, Submit, UploadStores, UseCases};
use cutline_http::{Api, router};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let config: UploadConfig = config::from_env()?;
    lambda::log_as_json(&config.common.log);
    let aws = Aws::from_env().await;
    let table = Arc::new(aws.table(&config.common.table));
    let use_cases = UseCases { env: lambda::env(&config.common), stores: RecordStores::in_one(table.clone()) };
    let (bucket, queue) = (Arc::new(aws.bucket(&config.bucket)), Arc::new(aws.lanes(&config.queues)));
    let links = aws.upload_links(config.bucket, config.upload_role_arn, use_cases.env.clock.clone());
    let reports = Arc::new(aws.queue(config.reports_queue_url));
    let uploads = Some(UploadStores { records: table.clone(), objects: bucket.clone() });
    let api = Api {
        submit: Some(Submit { uploads: uploads.clone(), ..use_cases.submit(bucket.clone(), queue.clone()) }),
        uploads: Some(use_cases.direct_upload(table.clone(), Arc::new(links))),
        retry: Some(use_cases.retry(bucket.clone(), queue.clone())),
        recut: Some(Recut { uploads, ..use_cases.recut(bucket, queue) }),
        review: Some(use_cases.review(reports.clone())),
        webhook: Some(use_cases.resend_webhook(reports)),
        delete: Some(use_cases.delete()),
        set_changes: Some(use_cases.param_sets()),
        rate_limit: Some(use_cases.rate_limit()),
        ..Api::new(table)
    };
    lambda_http::run(router(api)).await.map_err(anyhow::Error::from_boxed)
}
