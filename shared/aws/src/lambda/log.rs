//! Logging to CloudWatch.

use std::future::Future;
use std::io::stdout;

use cutline_logs::JsonLines;
use tracing::Instrument;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;

/// Logs to standard output, one line of JSON per event, as CloudWatch expects it. The settings have checked `filter`;
/// parts of it that are not valid are ignored. A second call changes nothing.
pub fn log_as_json(filter: &str) {
    let subscriber = tracing_subscriber::registry().with(EnvFilter::new(filter)).with(JsonLines::new(stdout));
    // Fails only if a logger is set already, by a test for example.
    let _ = tracing::subscriber::set_global_default(subscriber);
}

/// Runs the work of an invocation. All its events have the invocation's id as `request_id`, as Lambda's own lines have.
pub async fn in_invocation<F: Future>(request_id: &str, work: F) -> F::Output {
    work.instrument(tracing::info_span!("invocation", request_id)).await
}
