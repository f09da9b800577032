//! The arguments of `serve`.

use std::net::SocketAddr;
use std::num::NonZeroU16;
use std::path::PathBuf;

use axum::http::HeaderValue;
use clap::{Args, ValueEnum};
use url::Url;

use crate::data::DataArgs;
use crate::models::FolderArgs;
use crate::size::parse_bytes;

/// Arguments of `serve`.
#[derive(Debug, Args)]
#[command(after_help = "\
At its first start in a data folder the server prints an API key, and a link to its web pages with
another key, which may only upload and review. At every start it prints commands to try. It stops
at Ctrl-C or SIGTERM: it accepts no more requests, gives running jobs some time to finish, and
leaves the rest in the queue for the next start.

Examples:
  cutline serve
  cutline serve --data /srv/cutline --retention-days 30 --workers 2

Behind a reverse proxy that terminates TLS, on this machine:
  cutline serve --public-url https://cut.example.com

Behind one on another machine:
  cutline serve --public-url https://cut.example.com --listen 0.0.0.0:8787 \\
    --max-connections-per-address 1024")]
pub(crate) struct ServeArgs {
    /// Address to listen on; port 0 takes any free port.
    #[arg(
        long,
        env = "CUTLINE_LISTEN",
        hide_env_values = true,
        default_value = "127.0.0.1:8787",
        value_name = "ADDRESS:PORT"
    )]
    pub(super) listen: SocketAddr,

    /// Where to store jobs, keys and files.
    #[arg(long, env = "CUTLINE_BACKEND", hide_env_values = true, default_value = "local", value_name = "BACKEND")]
    pub(super) backend: BackendArg,

    #[command(flatten)]
    pub(super) data: DataArgs,

    /// Folder to watch: a file in FOLDER/drops/OWNER/SET/ becomes a job of that owner with that parameter set. Its
    /// results and a manifest.json go to FOLDER/results/OWNER/SET/. A file in FOLDER/retouch/OWNER/ with the id of a
    /// job in its name corrects the cut of that job.
    #[arg(long, env = "CUTLINE_WATCH", hide_env_values = true, value_name = "FOLDER")]
    pub(super) watch: Option<PathBuf>,

    /// Photos processed at the same time; 0 accepts jobs and processes none.
    /// Photos that do not fit into the free memory together wait for each other.
    /// [default: 1, or 2 on four processors or more; 0 on AWS, where functions do it]
    #[arg(long, env = "CUTLINE_WORKERS", hide_env_values = true, value_name = "N", value_parser = clap::value_parser!(u16).range(..=64))]
    pub(super) workers: Option<u16>,

    /// Seconds that running jobs may take to finish after a request to stop. The others are interrupted and resume at the
    /// next start, or on AWS at another worker.
    #[arg(long, env = "CUTLINE_STOP_GRACE_SECONDS", hide_env_values = true, default_value_t = 25, value_name = "SECONDS",
          value_parser = clap::value_parser!(u16).range(..=600))]
    pub(super) stop_grace_seconds: u16,

    /// Threads for the models, shared by the workers. [default: one for each processor]
    #[arg(long, env = "CUTLINE_THREADS", hide_env_values = true, value_name = "N", value_parser = parse_threads)]
    pub(super) threads: Option<NonZeroU16>,

    /// Address of the server for clients, with which links to results begin.
    /// [default: http:// and the address of --listen]
    #[arg(long, env = "CUTLINE_PUBLIC_URL", hide_env_values = true, value_name = "URL", value_parser = parse_public_url)]
    pub(super) public_url: Option<Url>,

    /// Allow `file_url` and `webhook_url` to lead to private and local addresses, and webhooks without TLS. Only for tests
    /// on this machine: anyone with a key can then make the server read from your network and post to it.
    // The parser rejects a misspelled "false" in the variable instead of taking it as true.
    #[arg(long, env = "CUTLINE_ALLOW_PRIVATE_SOURCES", hide_env_values = true,
          value_parser = clap::builder::BoolishValueParser::new())]
    pub(super) allow_private_sources: bool,

    /// Days to keep the photos, results and records of finished jobs.
    #[arg(long, env = "CUTLINE_RETENTION_DAYS", hide_env_values = true, default_value_t = 7, value_name = "DAYS",
          value_parser = clap::value_parser!(u32).range(1..=3650))]
    pub(super) retention_days: u32,

    /// Cap on the bytes of an owner's files: the sources and results of its jobs, until they expire. An upload or drop
    /// that does not fit is refused. SIZE is a number of bytes, or has a unit such as MB, GB or GiB.
    /// Local backend only. [default: no cap]
    #[arg(long, env = "CUTLINE_MAX_STORED_BYTES_PER_OWNER", hide_env_values = true, value_name = "SIZE", value_parser = parse_bytes)]
    pub(super) max_stored_bytes_per_owner: Option<u64>,

    /// Web origin whose pages may call the API, for example `https://shop.example.com`, or `*` for any. Repeat the
    /// option for several; in the variable, separate them with commas.
    #[arg(long = "cors-origin", env = "CUTLINE_CORS_ORIGINS", hide_env_values = true, value_delimiter = ',', value_name = "ORIGIN",
          value_parser = parse_origin)]
    pub(super) cors_origins: Vec<HeaderValue>,

    /// Connections that one client address may have at once; for IPv6, one /64 network. Loopback addresses have no such
    /// limit. Further connections are closed without an answer. Raise it if a reverse proxy connects from another
    /// address.
    /// [default: an eighth of all connections, 128 of 1024]
    #[arg(long, env = "CUTLINE_MAX_CONNECTIONS_PER_ADDRESS", hide_env_values = true, value_name = "N",
          value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(super) max_connections_per_address: Option<u16>,

    /// Address that serves Prometheus metrics under /metrics, for example 127.0.0.1:9787. It asks for no key, so choose one
    /// that only your monitoring reaches. [default: none]
    #[arg(long, env = "CUTLINE_METRICS_ADDRESS", hide_env_values = true, value_name = "ADDRESS:PORT")]
    pub(super) metrics_address: Option<SocketAddr>,

    #[command(flatten)]
    pub(super) models: FolderArgs,
}

/// The stores that a server can work on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum BackendArg {
    /// SQLite and files in the data folder.
    Local,
    /// A deployment on AWS: CUTLINE_TABLE, CUTLINE_BUCKET, CUTLINE_DELIVERY_ROLE_ARN and CUTLINE_UPLOAD_ROLE_ARN name
    /// its DynamoDB table, S3 bucket and roles; CUTLINE_QUEUE_URL, CUTLINE_BULK_QUEUE_URL, CUTLINE_INTAKE_QUEUE_URL,
    /// CUTLINE_INTAKE_BULK_QUEUE_URL and CUTLINE_REPORTS_QUEUE_URL its SQS queues.
    Aws,
}

const MAX_THREADS: u16 = 256;

fn parse_threads(text: &str) -> Result<NonZeroU16, String> {
    match text.parse::<NonZeroU16>() {
        Ok(threads) if threads.get() <= MAX_THREADS => Ok(threads),
        _ => Err(format!("must be a number from 1 to {MAX_THREADS}")),
    }
}

/// Parses the base of links.
fn parse_public_url(text: &str) -> Result<Url, String> {
    let url: Url = text.parse().map_err(|error| format!("{error}"))?;
    let is_base = matches!(url.scheme(), "http" | "https")
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    if is_base { Ok(url) } else { Err("must be an http or https URL without user, query or fragment".to_owned()) }
}

/// Parses an origin: `*`, or scheme and host in the form that browsers send.
fn parse_origin(text: &str) -> Result<HeaderValue, String> {
    let text = text.trim();
    let is_origin = text == "*" || text.parse::<Url>().is_ok_and(|url| url.origin().ascii_serialization() == text);
    match HeaderValue::from_str(text) {
        Ok(value) if is_origin => Ok(value),
        _ => Err("must be `*` or an origin such as https://shop.example.com, without a path".to_owned()),
    }
}
