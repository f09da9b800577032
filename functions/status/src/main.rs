//! The status function: reports and lists jobs, reads accounts and parameter sets, serves the web pages, and answers
//! unknown routes, behind API Gateway's HTTP API.

use std::sync::Arc;

use cutline_aws::config::{self, StatusConfig};
use cutline_aws::{Aws, lambda};
use cutline_core::usecases::{RecordStores, UseCases};
use cutline_http::{Api, Waiting, WebPages, router};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let config: StatusConfig = config::from_env()?;
    lambda::log_as_json(&config.common.log);
    let aws = Aws::from_env().await;
    let table = Arc::new(aws.table(&config.common.table));
    let env = lambda::env(&config.common);
    let pages = WebPages { store: Some(aws.link_origin(&config.bucket).await?) };
    let links = aws.links(config.bucket, config.delivery_role_arn, env.clock.clone());
    let use_cases = UseCases { env, stores: RecordStores::in_one(table.clone()) };
    let api = Api {
        status: Some(use_cases.status(Arc::new(links))),
        jobs: Some(use_cases.job_list()),
        audit: Some(use_cases.audit_log()),
        account: Some(use_cases.account()),
        sets: Some(use_cases.param_sets()),
        pages: Some(pages),
        // One request at a time, so none waits for a place.
        waiting: config.max_wait.map(|longest| Waiting::new(longest, 1, None)),
        ..Api::new(table)
    };
    lambda_http::run(router(api)).await.map_err(anyhow::Error::from_boxed)
}
