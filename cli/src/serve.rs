//! `cutline serve`: the API, its workers and its upkeep in one process.
//!
//! The same use cases as on AWS, on the adapters of `cutline-local`, or on AWS's own. One server works in a
//! data folder at a time. It may be killed at any instant: what it accepted is on disk, and the next start goes on with it.

#[cfg(feature = "aws")]
mod aws;
mod backend;
mod limits;
mod links;
mod ports;
mod server;
mod stop;
mod stores;
mod upkeep;
mod welcome;
mod workers;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::{NonZeroU16, NonZeroUsize};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::http::HeaderValue;
use clap::Args;
use cutline_core::ports::{Jobs as _, PortError, WriteError};
use cutline_core::usecases::Process;
use cutline_core::{Clock as _, Policy, SystemClock};
use cutline_http::{FetchConfig, HttpFetcher};
use cutline_local::DropWatcher;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::timeout;
use url::Url;

use crate::data::DataArgs;
use crate::machine;
use crate::memory_budget::MemoryBudget;
use crate::models::FolderArgs;
use crate::pipeline::BudgetedPipeline;
use backend::{Backend, BackendArg};
use ports::Ports;
use stores::Stores;
use workers::Worker;

/// How long the parts of the server may take to end once it has served its last request. More than what a
/// worker gives a running job.
const FAREWELL: Duration = Duration::from_secs(40);

/// Arguments of `serve`.
#[derive(Debug, Args)]
#[command(after_help = "\
At its first start in a data folder the server prints an API key, and at every start lines to try
it with. It stops at Ctrl-C or SIGTERM: it takes no more requests, lets running jobs end for a
while, and leaves what is not done in the queue for the next start.

Examples:
  cutline serve
  cutline serve --data /srv/cutline --retention-days 30 --workers 2

Behind a reverse proxy that does TLS:
  cutline serve --public-url https://cut.example.com")]
pub(crate) struct ServeArgs {
    /// Address to listen on; port 0 takes any free one.
    #[arg(
        long,
        env = "CUTLINE_LISTEN",
        hide_env_values = true,
        default_value = "127.0.0.1:8787",
        value_name = "ADDRESS:PORT"
    )]
    listen: SocketAddr,

    /// Where jobs, keys and files are kept.
    #[arg(long, env = "CUTLINE_BACKEND", hide_env_values = true, default_value = "local", value_name = "BACKEND")]
    backend: BackendArg,

    #[command(flatten)]
    data: DataArgs,

    /// Folder to watch: a file put into FOLDER/drops/OWNER/SET/ becomes a job of that owner with that parameter
    /// set, and its results and a manifest.json are put into FOLDER/results/OWNER/SET/.
    #[arg(long, env = "CUTLINE_WATCH", hide_env_values = true, value_name = "FOLDER")]
    watch: Option<PathBuf>,

    /// Photos processed at the same time; 0 accepts jobs and processes none.
    /// Photos that do not fit into the free memory together wait for each other.
    /// [default: 1, or 2 on four processors or more; 0 on AWS, where functions do it]
    #[arg(long, env = "CUTLINE_WORKERS", hide_env_values = true, value_name = "N", value_parser = clap::value_parser!(u16).range(..=64))]
    workers: Option<u16>,

    /// Threads that the networks run on; the workers share them. [default: one for each processor]
    #[arg(long, env = "CUTLINE_THREADS", hide_env_values = true, value_name = "N", value_parser = threads)]
    threads: Option<NonZeroU16>,

    /// The address that clients reach the server by: links to results begin with it.
    /// [default: http:// and the address listened on]
    #[arg(long, env = "CUTLINE_PUBLIC_URL", hide_env_values = true, value_name = "URL", value_parser = public_url)]
    public_url: Option<Url>,

    /// Let `file_url` lead to private and local addresses. For trials on this machine only: whoever has a
    /// key can then make the server read from your network.
    // A misspelt "false" in the variable must not be taken for a yes.
    #[arg(long, env = "CUTLINE_ALLOW_PRIVATE_SOURCES", hide_env_values = true,
          value_parser = clap::builder::BoolishValueParser::new())]
    allow_private_sources: bool,

    /// How many days photos, results and records of finished jobs are kept.
    #[arg(long, env = "CUTLINE_RETENTION_DAYS", hide_env_values = true, default_value_t = 7, value_name = "DAYS",
          value_parser = clap::value_parser!(u32).range(1..=3650))]
    retention_days: u32,

    /// Web origin whose pages may call the API, for example `https://shop.example.com`, or `*` for any.
    /// Can be given more than once; the variable holds a list with commas.
    #[arg(long = "cors-origin", env = "CUTLINE_CORS_ORIGINS", hide_env_values = true, value_delimiter = ',', value_name = "ORIGIN",
          value_parser = origin)]
    cors_origins: Vec<HeaderValue>,

    #[command(flatten)]
    models: FolderArgs,
}

/// Checks the number of threads.
fn threads(text: &str) -> Result<NonZeroU16, String> {
    match text.parse::<NonZeroU16>() {
        Ok(threads) if threads.get() <= 256 => Ok(threads),
        _ => Err("must be a number from 1 to 256".to_owned()),
    }
}

/// Checks the base of links.
fn public_url(text: &str) -> Result<Url, String> {
    let url: Url = text.parse().map_err(|error| format!("{error}"))?;
    let plain = matches!(url.scheme(), "http" | "https")
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    if plain { Ok(url) } else { Err("must be an http or https URL without user, query or fragment".to_owned()) }
}

/// Checks an origin: `*`, or scheme and host as a browser sends them.
fn origin(text: &str) -> Result<HeaderValue, String> {
    let text = text.trim();
    let is_origin = text == "*" || text.parse::<Url>().is_ok_and(|url| url.origin().ascii_serialization() == text);
    match HeaderValue::from_str(text) {
        Ok(value) if is_origin => Ok(value),
        _ => Err("must be `*` or an origin such as https://shop.example.com, without a path".to_owned()),
    }
}

/// Runs the server until it is told to stop.
pub(crate) fn run(args: ServeArgs) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let result = runtime.block_on(serve(args));
    // A photo that is still being worked on does not hold the process up: its job goes on at the next start.
    runtime.shutdown_background();
    result
}

async fn serve(args: ServeArgs) -> anyhow::Result<()> {
    let policy = Policy::with_retention_days(args.retention_days);
    let backend = Backend::open(&args, policy).await?;
    // Before the networks are fetched: that a port is taken is better known at once.
    let listener = TcpListener::bind(args.listen)
        .await
        .with_context(|| format!("{} cannot be listened on (--listen, or CUTLINE_LISTEN)", args.listen))?;
    let address = listener.local_addr()?;
    let ports = backend.ports(match &args.public_url {
        Some(url) => url.clone(),
        None => reachable_url(address, backend.local().is_some())?,
    });
    let workers = args.workers.map_or_else(|| default_workers(&backend), usize::from);
    let threads = args.threads.map_or_else(machine::threads, NonZeroUsize::from);
    let process = match workers {
        0 => None,
        _ => Some(process(&args, &ports, policy, threads).await?),
    };
    if let Some(stores) = backend.local()
        && let Err(error) = take_over(stores, policy).await
    {
        tracing::error!(%error, "what the last process was working on comes back later");
    }

    // From here on there is something to stop; until here a signal simply ends the process.
    let stop = stop::on_signals()?;
    let mut tasks = JoinSet::new();
    for process in std::iter::repeat_n(process, workers).flatten() {
        tasks.spawn(Worker::new(ports.deliveries.clone(), process).run(stop.clone()));
    }
    let mut first_key = None;
    if let Some(stores) = backend.local() {
        upkeep::start(&mut tasks, stores, policy, &stop);
        if let (Some(folder), Some(take_in)) = (stores.watched.clone(), ports.drop_ingest(policy)) {
            tracing::info!(folder = %folder.path().display(), "watching for dropped files");
            let watch = DropWatcher::new(folder, take_in, stores.drops.as_ref().clone());
            let stop = stop.clone();
            tasks.spawn(async move {
                stop.or(watch.run()).await;
            });
        }
        first_key = welcome::first_key(stores).await?;
    }
    let router = limits::limited(cutline_http::router(ports.api(args.cors_origins.clone(), policy)));
    if args.allow_private_sources {
        tracing::warn!(
            "private sources are allowed: whoever has a key can make this server read from your network \
             (--allow-private-sources, or CUTLINE_ALLOW_PRIVATE_SOURCES)"
        );
    }
    welcome::print(&welcome::Welcome {
        address,
        place: &backend.place(),
        new_key: &backend.new_key(&args),
        workers,
        threads,
        first_key: first_key.as_ref(),
    });

    server::run(listener, router, stop.clone()).await;
    let ended = async {
        while let Some(ended) = tasks.join_next().await {
            ended.context("a part of the server panicked")?;
        }
        anyhow::Ok(())
    };
    match timeout(FAREWELL, ended).await {
        Ok(ended) => ended?,
        Err(_) => {
            tracing::warn!("some of the server's parts took too long to stop; what they had goes on at the next start")
        }
    }
    tracing::info!("stopped");
    Ok(())
}

/// What the last process had taken is in the queue again. This server alone works in the folder, so the leases
/// that the last one left are nobody's: without this their jobs would wait until those run out.
///
/// On a full disk, say, it fails, where the purge that makes room has yet to run. Then all comes back by itself.
async fn take_over(stores: &Stores, policy: Policy) -> Result<(), PortError> {
    let now = SystemClock.now();
    for id in stores.jobs.running(now, policy.lease).await? {
        let Some(job) = stores.jobs.get(id).await? else { continue };
        let Ok(queued) = job.abandon(now, &policy) else { continue };
        match stores.jobs.replace(&queued).await {
            Ok(()) => tracing::info!(job = %id, "the last process was working on this job; it begins anew"),
            // Nobody else is here to change it.
            Err(WriteError::Conflict) => {}
            Err(WriteError::Port(error)) => return Err(error),
        }
    }
    stores.queues.release_in_flight().await.map(drop)
}

/// The use case of the workers, with the networks loaded. The workers share the memory that is free once they are.
async fn process(args: &ServeArgs, ports: &Ports, policy: Policy, threads: NonZeroUsize) -> anyhow::Result<Process> {
    let fetch = FetchConfig { allow_private: args.allow_private_sources, ..FetchConfig::default() };
    let fetcher = Arc::new(HttpFetcher::new(fetch)?);
    let models = args.models.folder()?;
    let imaging = tokio::task::spawn_blocking(move || crate::pipeline::load(&models, threads)).await??;
    let free = machine::free_memory().map(|free| free.saturating_sub(limits::BODY_MEMORY));
    // A photo that was admitted late still has half of its attempt's time.
    let max_wait = Some(policy.max_attempt / 2);
    let pipeline = BudgetedPipeline::new(imaging, MemoryBudget::new(free), max_wait);
    Ok(ports.process(fetcher, Arc::new(pipeline), policy))
}

/// One worker with all processors is fastest for a single photo; a second one pays off with many photos.
fn default_workers(backend: &Backend) -> usize {
    if backend.local().is_none() {
        return 0;
    }
    if machine::processors() >= 4 { 2 } else { 1 }
}

/// Where a client on this machine reaches an address that is listened on.
fn reachable_url(address: SocketAddr, serves_files: bool) -> anyhow::Result<Url> {
    let ip = match address.ip() {
        ip if !ip.is_unspecified() => ip,
        _ => {
            if serves_files {
                tracing::warn!(
                    "links to results lead to this machine only; name the address that clients use with \
                     --public-url or CUTLINE_PUBLIC_URL"
                );
            }
            IpAddr::V4(Ipv4Addr::LOCALHOST)
        }
    };
    let url = format!("http://{}", SocketAddr::new(ip, address.port()));
    url.parse().with_context(|| format!("{url} is no URL"))
}
