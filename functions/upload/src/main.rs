//! The upload function: accepts jobs and changes parameter sets, behind API Gateway's HTTP API.

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
    let submit = use_cases.submit(Arc::new(aws.bucket(config.bucket)), Arc::new(aws.queue(config.queue_url)));
    let sets = use_cases.param_sets();
    let api = Api { submit: Some(submit), set_changes: Some(sets), ..Api::new(table) };
    lambda_http::run(router(api)).await.map_err(anyhow::Error::from_boxed)
}
