//! `up`: deploys, serves, and cleans up.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use clap::Args;
use cutline_deployment::{SAMPLE_KEY, Stack, Tools};
use futures::FutureExt as _;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;
use uuid::Uuid;

use crate::environments::Environments;
use crate::state::{Process, State};
use crate::{control, gateway, remote, triggers};

/// Where it listens, and what it may fetch.
#[derive(Debug, Args)]
pub(crate) struct UpArgs {
    /// The address of the API. Port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8788")]
    listen: SocketAddr,
    /// The address of the emulator of AWS, which links lead to. Port 0 takes a free one. Anybody who reaches it can change
    /// its data
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8789")]
    aws: SocketAddr,
    /// Let the intake function fetch from this machine and private networks: a `file_url` of yours, or the links of
    /// `cutline batch s3://…`, which lead to the emulator of AWS
    #[arg(long)]
    allow_private_sources: bool,
}

/// Runs the deployment until a signal or `down`. State and logs go into `folder`.
pub(crate) async fn run(folder: &Path, args: &UpArgs) -> Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    if let Some(state) = State::find(folder)? {
        ensure!(
            !state.is_running().await,
            "already running: {}; end it with `cargo xtask lambda down`",
            state.base_url
        );
        remote::end_the_rest(&state)?;
    }
    let api = TcpListener::bind(args.listen)
        .await
        .with_context(|| format!("cannot listen: {} is in use; choose another address with --listen", args.listen))?;
    let stop = Arc::new(Notify::new());
    let result = tokio::select! {
        result = serve(folder, args, api, stop.clone()) => result,
        result = interrupted() => result,
        () = stop.notified() => Ok(()),
    };
    State::remove(folder)?;
    result
}

/// Deploys and serves, for ever.
async fn serve(folder: &Path, args: &UpArgs, api: TcpListener, stop: Arc<Notify>) -> Result<()> {
    eprintln!("deploying template.yaml …");
    let base_url = format!("http://{}", api.local_addr()?);
    let (address, tools) = (args.aws.to_string(), Tools::from_env()?);
    let stack = Stack::deploy_at(&address, Some(base_url.as_str()), tools, folder).await?;
    stack.table_with_sample_key().await?;
    let environments = Arc::new(Environments::start(&stack, folder, args.allow_private_sources)?);
    let control = TcpListener::bind("127.0.0.1:0").await.context("cannot open a port")?;
    let instance = Uuid::now_v7();
    let mut processes = environments.processes().await;
    processes.extend(Process::running(std::process::id()));
    let state = State {
        base_url,
        control_url: format!("http://{}/{instance}", control.local_addr()?),
        api_key: SAMPLE_KEY.to_owned(),
        report: stack.report().clone(),
        processes,
    };
    state.write(folder)?;
    print(folder, &state);
    let api = axum::serve(api, gateway::router(environments.clone()));
    let control = axum::serve(control, control::router(instance, environments.clone(), stop));
    tokio::select! {
        result = api.into_future() => result.context("the API failed"),
        result = control.into_future() => result.context("the control port failed"),
        result = triggers::run(&stack, &environments) => result,
    }
}

/// Waits for a signal that ends programs.
async fn interrupted() -> Result<()> {
    let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
    let mut signals = kinds.map(signal).into_iter().collect::<Result<Vec<_>, _>>().context("cannot watch signals")?;
    futures::future::select_all(signals.iter_mut().map(|signal| signal.recv().boxed())).await;
    Ok(())
}

fn print(folder: &Path, state: &State) {
    let State { base_url, api_key, report, .. } = state;
    println!(
        "\
The functions of template.yaml run on this machine. Nothing is kept when they end.

  page     {base_url}/#key={api_key}
  API      {base_url}/api/v1
  API key  {api_key}
  AWS      {aws}, region {region}
  logs     {logs}

Cut out a photo, and look at the job:
  curl -H 'X-API-Key: {api_key}' -F file=@examples/coffee.jpg -F mode=background {base_url}/api/v1/upload
  curl -H 'X-API-Key: {api_key}' '{base_url}/api/v1/status?job_id=JOB_ID'

In another terminal:
  cargo xtask lambda invoke events/status-jobs.json
  cargo xtask lambda drop examples/coffee.jpg
  cargo xtask lambda down

For the AWS CLI, `cutline --aws` and `sam local invoke`:
  export AWS_ENDPOINT_URL={aws} AWS_REGION={region}{credentials}
",
        aws = report.endpoint,
        region = report.region,
        logs = folder.display(),
        credentials = report.admin.variables().map(|(name, value)| format!(" {name}={value}")).collect::<String>(),
    );
}
