//! The metrics of the server, as Prometheus reads them.
//!
//! They have an address of their own: they concern the operator and not the callers, so the API's address, which may be
//! public, does not serve them.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use cutline_core::domain::metrics::{Measurement, Metric, MetricInfo, Unit};
use cutline_core::ports::Metrics;
use prometheus_client::encoding::prometheus_text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit as PrometheusUnit};
use tokio::net::TcpListener;

use crate::stop::StopSignal;

/// The media type of Prometheus's text format.
const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Upper bounds of seconds: from a step of a small picture to a job that waits for days.
const SECONDS: &[f64] = &[0.03, 0.1, 0.3, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3_600.0, 86_400.0];
/// Upper bounds of pixels, up to the largest picture.
const PIXELS: &[f64] = &[2.5e5, 1e6, 2e6, 4e6, 8e6, 1.2e7, 1.6e7, 2.4e7, 3.2e7, 5e7];
/// Upper bounds of shares.
const SHARES: &[f64] = &[0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95];

/// Names and values of labels.
type Labels = Vec<(&'static str, &'static str)>;

enum Series {
    Counts(Family<Labels, Counter>),
    Distributions(Family<Labels, Histogram, fn() -> Histogram>),
}

/// [`Metrics`] that Prometheus collects. Clones share the values.
#[derive(Clone)]
pub(crate) struct PrometheusMetrics {
    registry: Arc<Registry>,
    series: Arc<HashMap<Metric, Series>>,
}

impl PrometheusMetrics {
    /// All metrics of the table, without values.
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("cutline");
        let series = Metric::ALL.map(|metric| (metric, register(&mut registry, metric.info())));
        Self { registry: Arc::new(registry), series: Arc::new(series.into()) }
    }

    /// All values in Prometheus's text format.
    fn text(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

impl Metrics for PrometheusMetrics {
    fn record(&self, measurement: &Measurement) {
        let labels = measurement.labels().map(|(label, value)| (label.as_str(), value)).collect();
        match self.series.get(&measurement.metric()) {
            Some(Series::Counts(family)) => drop(family.get_or_create(&labels).inc()),
            Some(Series::Distributions(family)) => family.get_or_create(&labels).observe(measurement.value()),
            // Every metric of the table is registered.
            None => {}
        }
    }
}

fn register(registry: &mut Registry, MetricInfo { name, unit, help, .. }: MetricInfo) -> Series {
    // The encoder ends the sentence.
    let help = help.trim_end_matches('.');
    let (buckets, unit): (fn() -> Histogram, _) = match unit {
        Unit::Count => {
            let family = Family::default();
            registry.register(name, help, family.clone());
            return Series::Counts(family);
        }
        Unit::Seconds => (|| Histogram::new(SECONDS.iter().copied()), Some(PrometheusUnit::Seconds)),
        Unit::Pixels => (|| Histogram::new(PIXELS.iter().copied()), Some(PrometheusUnit::Other("pixels".to_owned()))),
        Unit::Share => (|| Histogram::new(SHARES.iter().copied()), None),
    };
    let family = Family::new_with_constructor(buckets);
    match unit {
        Some(unit) => registry.register_with_unit(name, help, unit, family.clone()),
        None => registry.register(name, help, family.clone()),
    }
    Series::Distributions(family)
}

/// The listener of the metrics' address, if there is one. Bound at start, so that an address in use is reported at once.
pub(crate) async fn listen(address: Option<SocketAddr>) -> anyhow::Result<Option<TcpListener>> {
    let Some(address) = address else { return Ok(None) };
    let listener = TcpListener::bind(address).await.with_context(|| {
        format!("cannot listen on {address}; choose another address with --metrics-address or CUTLINE_METRICS_ADDRESS")
    })?;
    tracing::info!(url = %format!("http://{}/metrics", listener.local_addr()?), "metrics served");
    Ok(Some(listener))
}

/// Serves the metrics until the server stops.
pub(crate) async fn serve(listener: TcpListener, metrics: PrometheusMetrics, stop: StopSignal) {
    let router = Router::new().route("/metrics", get(answer)).with_state(metrics);
    let served = axum::serve(listener, router).with_graceful_shutdown(async move { stop.requested().await });
    if let Err(error) = served.await {
        tracing::error!(%error, "metrics are served no longer");
    }
}

async fn answer(State(metrics): State<PrometheusMetrics>) -> Response {
    match metrics.text() {
        Ok(text) => ([(CONTENT_TYPE, TEXT_FORMAT)], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use cutline_core::domain::job::{JobStage, Route};
    use cutline_core::domain::lane::Lane;
    use cutline_core::domain::usage::JobEnd;
    use cutline_core::{Confidence, FailureCode};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;

    use super::*;

    #[test]
    fn counts_and_distributions_have_the_names_of_the_table() {
        let metrics = PrometheusMetrics::new();
        let code = Some(FailureCode::NoSubject);
        metrics.record(&Measurement::JobFinished { end: JobEnd::Failed, code });
        metrics.record(&Measurement::JobFinished { end: JobEnd::Failed, code });
        let route = Route { lane: Lane::Bulk, stage: JobStage::Make };
        metrics.record(&Measurement::QueueTime { route, time: Duration::from_secs(45) });
        metrics.record(&Measurement::PictureSize { pixels: 12_000_000 });
        metrics.record(&Measurement::Confidence(Confidence::nearest(0.5)));
        let text = metrics.text().expect("text");
        for line in [
            "# TYPE cutline_jobs_finished_total counter",
            r#"cutline_jobs_finished_total{outcome="failed",code="no_subject"} 2"#,
            "# TYPE cutline_queue_time_seconds histogram",
            r#"cutline_queue_time_seconds_bucket{lane="bulk",stage="make",le="30"} 0"#,
            r#"cutline_queue_time_seconds_bucket{lane="bulk",stage="make",le="60"} 1"#,
            r#"cutline_queue_time_seconds_sum{lane="bulk",stage="make"} 45.0"#,
            "cutline_picture_size_pixels_count 1",
            "cutline_confidence_sum 0.5",
            "# HELP cutline_jobs_finished_total Jobs that ended, by outcome and error code.",
        ] {
            assert!(text.lines().any(|one| one == line), "{line} is missing:\n{text}");
        }
    }

    #[tokio::test]
    async fn the_metrics_have_an_address_of_their_own() {
        let any = "127.0.0.1:0".parse().expect("an address");
        let listener = listen(Some(any)).await.expect("listens").expect("a listener");
        let address = listener.local_addr().expect("an address");
        let (sender, stop) = StopSignal::manual();
        let metrics = PrometheusMetrics::new();
        metrics.record(&Measurement::Sweep { is_complete: true });
        let served = tokio::spawn(serve(listener, metrics, stop));
        let ask = async |path: &str| {
            let mut stream = TcpStream::connect(address).await.expect("connects");
            let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
            stream.write_all(request.as_bytes()).await.expect("writes");
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.expect("reads");
            answer
        };
        let answer = ask("/metrics").await;
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains(TEXT_FORMAT), "{answer}");
        assert!(answer.contains("cutline_sweeps_total{outcome=\"complete\"} 1"), "{answer}");
        assert!(ask("/api/v1/jobs").await.starts_with("HTTP/1.1 404 "), "the API is elsewhere");
        sender.send(true).expect("stops");
        served.await.expect("ends");
        assert!(listen(None).await.expect("off by default").is_none());
    }
}
