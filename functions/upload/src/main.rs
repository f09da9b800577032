//! The upload function: accepts, repeats and deletes jobs, and changes parameter sets, behind API Gateway's HTTP API.

use std::sync::Arc;

use cutline_aws::config::{self, UploadConfig};
use cutline_aws::{Aws, lambda};
use cutline_core::usecases::{Env, RecordStores, UseCases};
use cutline_http::{Api, router};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let config: UploadConfig = config::from_env()?;
    lambda::log_as_json(&config.common.log);
    let aws = Aws::from_env().await;
    let table = Arc::new(aws.table(&config.common.table));
    let use_cases = UseCases { env: Env::system(config.common.policy()), stores: RecordStores::in_one(table.clone()) };
    let (bucket, queue) = (Arc::new(aws.bucket(config.bucket)), Arc::new(aws.lanes(&config.queues)));
    let api = Api {
        submit: Some(use_cases.submit(bucket.clone(), queue.clone())),
        retry: Some(use_cases.retry(bucket, queue)),
        delete: Some(use_cases.delete()),
        set_changes: Some(use_cases.param_sets()),
        rate_limit: Some(use_cases.rate_limit()),
        ..Api::new(table)
    };
    lambda_http::run(router(api)).await.map_err(anyhow::Error::from_boxed)
}
