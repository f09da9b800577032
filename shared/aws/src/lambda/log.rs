//! Logging to CloudWatch.

use tracing_subscriber::EnvFilter;

/// Logs to standard output, one line of JSON per event, as CloudWatch expects it. The settings have checked `filter`;
/// parts of it that are not valid are ignored. A second call changes nothing.
pub fn log_as_json(filter: &str) {
    let subscriber = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_env_filter(EnvFilter::new(filter))
        .finish();
    // Fails only if a logger is set already, by a test for example.
    let _ = tracing::subscriber::set_global_default(subscriber);
}
