//! The upload function: takes jobs in and changes parameter sets, behind API Gateway's HTTP API.

use std::sync::Arc;

use cutline_aws::config::UploadConfig;
use cutline_aws::{Aws, lambda};
use cutline_core::usecases::ParamSetLibrary;
use cutline_core::usecases::Submit;
use cutline_core::{SystemClock, SystemIds};
use cutline_http::{Api, router};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let config = UploadConfig::from_env()?;
    lambda::log_as_json(&config.log);
    let aws = Aws::from_env().await;
    let table = Arc::new(aws.table(config.table));
    let sets = ParamSetLibrary { store: table.clone(), clock: Arc::new(SystemClock), ids: Arc::new(SystemIds) };
    let submit = Submit {
        jobs: table.clone(),
        keys: table.clone(),
        sets: sets.clone(),
        blobs: Arc::new(aws.bucket(config.bucket)),
        queue: Arc::new(aws.queue(config.queue_url)),
        clock: Arc::new(SystemClock),
        ids: Arc::new(SystemIds),
        policy: config.policy,
    };
    let api = Api { submit: Some(submit), set_changes: Some(sets), ..Api::new(table) };
    lambda_http::run(router(api)).await.map_err(anyhow::Error::from_boxed)
}
