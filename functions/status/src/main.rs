//! The status function: tells how jobs stand, reads parameter sets, and answers every route that there is not,
//! behind API Gateway's HTTP API.

use std::sync::Arc;

use cutline_aws::config::StatusConfig;
use cutline_aws::{Aws, lambda};
use cutline_core::usecases::ParamSetLibrary;
use cutline_core::usecases::Status;
use cutline_core::{SystemClock, SystemIds};
use cutline_http::{Api, router};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let config = StatusConfig::from_env()?;
    lambda::log_as_json(&config.log);
    let aws = Aws::from_env().await;
    let table = Arc::new(aws.table(config.table));
    let links = aws.links(config.bucket, config.delivery_role_arn, Arc::new(SystemClock));
    let status = Status { jobs: table.clone(), links: Arc::new(links), clock: Arc::new(SystemClock) };
    let sets = ParamSetLibrary { store: table.clone(), clock: Arc::new(SystemClock), ids: Arc::new(SystemIds) };
    let api = Api { status: Some(status), sets: Some(sets), ..Api::new(table) };
    lambda_http::run(router(api)).await.map_err(anyhow::Error::from_boxed)
}
