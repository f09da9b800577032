//! `cutline serve`: the API, its workers and its upkeep in one process.
//!
//! Runs the same use cases as the functions on AWS, on the adapters of `cutline-local` or `cutline-aws`. Only one server
//! works in a data folder at a time. The process may be killed at any moment: accepted jobs are on disk, and the next
//! start resumes them.

mod app;
mod args;
#[cfg(feature = "aws")]
mod aws;
mod backend;
mod browser;
mod clock;
mod delivery;
mod fetchers;
mod limits;
mod links;
mod local;
mod metrics;
mod ports;
mod senders;
mod server;
mod settle;
mod startup;
mod startup_message;
mod tasks;
mod upkeep;
mod uploads;
mod workers;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use cutline_core::Policy;
use cutline_core::usecases::{Env, Intake, Process};
use cutline_http::{Api, FetchConfig, HttpFetcher, HttpWebhooks, WebhookReach};
use tokio::net::TcpListener;
use url::Url;

use crate::image_workers::{self, WorkerSettings};
use crate::machine;
use app::App;
use backend::Backend;
use metrics::PrometheusMetrics;
use server::ServerLimits;
use startup_message::StartupMessage;
use tasks::BackgroundTasks;

pub(crate) use args::ServeArgs;

/// Runs the server until it is asked to stop.
pub(crate) fn run(args: ServeArgs, log: String) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let result = runtime.block_on(serve(args, log));
    // Does not wait for a photo in progress, whose worker ends with this process: its job resumes at the next start.
    runtime.shutdown_background();
    result
}

async fn serve(args: ServeArgs, log: String) -> anyhow::Result<()> {
    let policy = Policy::with_retention_days(args.retention_days);
    let backend = Backend::open(&args, policy).await?;
    // Before the models are fetched, so that a port in use is reported at once.
    let listener = listen(args.listen).await?;
    let address = listener.local_addr()?;
    let metrics_listener = metrics::listen(args.metrics_address).await?;
    let metrics = PrometheusMetrics::new();
    let public_url = public_url(&args, address, &backend)?;
    let page = page(&public_url);
    let base_path = public_url.path().trim_end_matches('/').to_owned();
    let ports = backend.ports(public_url);
    // On AWS, the process function makes pictures too.
    let undecodable = backend.local().map_or(&[] as &[_], |_| image_workers::UNDECODABLE);
    let env = Env { metrics: backend.metrics(metrics.clone()), undecodable, ..Env::system(policy) };
    let app = App::new(ports, env, args.max_stored_bytes_per_owner);
    let reach = WebhookReach::allowing_private(args.allow_private_sources);
    let app = app.with_webhook_reach(reach);
    let workers = args.workers.map_or_else(|| default_workers(&backend), usize::from);
    let threads = args.threads.map_or_else(machine::threads, NonZeroUsize::from);
    let makers = match NonZeroUsize::new(workers) {
        Some(workers) => Some((start_workers(&args, &app, workers, (threads, log)).await?, intake(&args, &app)?)),
        None => None,
    };
    if let Some(stores) = backend.local()
        && let Err(error) = startup::requeue_interrupted_jobs(stores, policy).await
    {
        tracing::error!(%error, "cannot requeue interrupted jobs; they resume once their leases expire");
    }

    // From here on a signal stops the server in order. Before, it ends the process.
    let stop = crate::stop::on_signals()?;
    let mut tasks = BackgroundTasks::new(stop.clone(), Duration::from_secs(args.stop_grace_seconds.into()));
    if let Some((process, intake)) = makers {
        tasks.start_workers(workers, &app, process, backend.local());
        tasks.start_fetchers(&app, intake, backend.local());
    }
    if let Some(listener) = metrics_listener {
        tasks.start_metrics(listener, metrics);
    }
    let mut first_keys = None;
    if let Some(stores) = backend.local() {
        tasks.start_local(stores, &app, Arc::new(HttpWebhooks::new(reach)?));
        first_keys = startup::create_first_keys(stores).await?;
    }
    let api = Api { base_path, ..app.api(args.cors_origins.clone(), &stop) };
    let router = limits::with_time_limits(cutline_http::router(api));
    warn_about_private_sources(&args);
    let page_needs_cors = backend.local().is_none();
    let (backend, new_key_command) = (backend.description(), backend.new_key_command(&args));
    let first_keys = first_keys.as_ref();
    StartupMessage {
        address,
        page: &page,
        page_needs_cors,
        backend: &backend,
        new_key_command: &new_key_command,
        workers,
        threads,
        first_keys,
    }
    .print();

    let limits = ServerLimits::of_system(args.max_connections_per_address.map(usize::from));
    server::run(listener, router, limits, stop).await;
    tasks.join().await?;
    tracing::info!("server stopped");
    Ok(())
}

async fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}; choose another address with --listen or CUTLINE_LISTEN"))
}

/// Starts the image workers. They share the memory that is free.
async fn start_workers(
    args: &ServeArgs,
    app: &App,
    workers: NonZeroUsize,
    (threads, log): (NonZeroUsize, String),
) -> anyhow::Result<Process> {
    let models = args.models.folder()?;
    let settings = WorkerSettings { models, workers, threads, log, reserved_memory: limits::BODY_BYTES };
    Ok(app.process(Arc::new(image_workers::start(settings).await?)))
}

/// Fetches what jobs need.
fn intake(args: &ServeArgs, app: &App) -> anyhow::Result<Intake> {
    let fetch = FetchConfig { allow_private: args.allow_private_sources, ..FetchConfig::default() };
    Ok(app.intake(Arc::new(HttpFetcher::new(fetch)?)))
}

/// One worker with all processors is fastest for a single photo. A second one pays off with many photos.
fn default_workers(backend: &Backend) -> usize {
    match backend.local() {
        None => 0,
        Some(_) if machine::processors() >= 4 => 2,
        Some(_) => 1,
    }
}

/// The base of links: the configured URL, or the address of the server as a client on this machine reaches it.
fn public_url(args: &ServeArgs, address: SocketAddr, backend: &Backend) -> anyhow::Result<Url> {
    if let Some(url) = &args.public_url {
        return Ok(url.clone());
    }
    let mut ip = address.ip();
    if ip.is_unspecified() {
        ip = IpAddr::V4(Ipv4Addr::LOCALHOST);
        if backend.local().is_some() {
            tracing::warn!(
                "links to results work on this machine only; set the server's address for clients with --public-url or \
                 CUTLINE_PUBLIC_URL"
            );
        }
    }
    let url = format!("http://{}", SocketAddr::new(ip, address.port()));
    url.parse().with_context(|| format!("not a valid URL: {url}"))
}

/// The web page below this base, which may have a path.
fn page(base: &Url) -> Url {
    let mut page = base.clone();
    if !page.path().ends_with('/') {
        page.set_path(&format!("{}/", base.path()));
    }
    page
}

fn warn_about_private_sources(args: &ServeArgs) {
    if args.allow_private_sources {
        tracing::warn!(
            "private sources are allowed: anyone with a key can make this server read from your network and post to it \
             (--allow-private-sources or CUTLINE_ALLOW_PRIVATE_SOURCES)"
        );
    }
}
