//! Logging to standard error. Standard output is for results.

use std::io::{IsTerminal, stderr};

use anyhow::Context;
use clap::ValueEnum;
use cutline_logs::JsonLines;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// The form of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object an event, as the functions on AWS log.
    Json,
}

/// Starts logging the events that pass `filter`.
pub(crate) fn start(filter: &str, format: LogFormat) -> anyhow::Result<()> {
    let filter = EnvFilter::builder()
        .parse(filter)
        .with_context(|| format!("invalid log filter: `{filter}`; try `info` (--log or CUTLINE_LOG)"))?;
    match format {
        LogFormat::Text => tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_ansi(stderr().is_terminal())
            .with_writer(stderr)
            .init(),
        LogFormat::Json => tracing_subscriber::registry().with(filter).with(JsonLines::new(stderr)).init(),
    }
    Ok(())
}
