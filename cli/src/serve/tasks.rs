//! The background tasks of the server: fetchers, workers, the sender of reports, upkeep, the
//! watched folder.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use cutline_core::ports::WebhookClient;
use cutline_core::usecases::{Intake, Process};
use cutline_local::DropWatcher;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::app::App;
use super::fetchers::Fetchers;
use super::local::LocalStores;
use super::metrics::{self, PrometheusMetrics};
use super::senders;
use super::upkeep;
use super::workers::Worker;
use crate::stop::StopSignal;

/// How long the tasks may take to end after the last request was served, in addition to the workers' own grace period.
const STOP_MARGIN: Duration = Duration::from_secs(15);

/// The running background tasks.
pub(crate) struct BackgroundTasks {
    tasks: JoinSet<()>,
    stop: StopSignal,
    stop_grace: Duration,
}

impl BackgroundTasks {
    /// Without tasks. After a request to stop, running jobs may take `stop_grace` to finish.
    pub(crate) fn new(stop: StopSignal, stop_grace: Duration) -> Self {
        Self { tasks: JoinSet::new(), stop, stop_grace }
    }

    /// Starts the workers. `stores` are those of a local backend.
    pub(crate) fn start_workers(&mut self, count: usize, app: &App, process: Process, stores: Option<&LocalStores>) {
        let clock = stores.map(|stores| stores.clock.clone());
        for process in std::iter::repeat_n(process, count) {
            let worker = Worker::new(app.deliveries(), process, clock.clone(), self.stop_grace);
            self.tasks.spawn(worker.run(self.stop.clone()));
        }
    }

    /// Starts the fetchers. `stores` are those of a local backend.
    pub(crate) fn start_fetchers(&mut self, app: &App, intake: Intake, stores: Option<&LocalStores>) {
        let clock = stores.map(|stores| stores.clock.clone());
        let fetchers = Fetchers::new(app.intake_deliveries(), intake, clock, self.stop_grace);
        self.tasks.spawn(fetchers.run(self.stop.clone()));
    }

    /// Serves the metrics.
    pub(crate) fn start_metrics(&mut self, listener: TcpListener, metrics: PrometheusMetrics) {
        self.tasks.spawn(metrics::serve(listener, metrics, self.stop.clone()));
    }

    /// Starts the upkeep of the local stores and the sender of reports, and watches the folder for dropped files.
    pub(crate) fn start_local(&mut self, stores: &LocalStores, app: &App, webhooks: Arc<dyn WebhookClient>) {
        let sender = app.report_sender(stores.webhooks.clone(), webhooks);
        self.tasks.spawn(senders::run(stores.reports.clone(), sender, stores.clock.clone(), self.stop.clone()));
        let sweep = app.sweep(stores.files.clone(), stores.queues.quarantine.clone());
        upkeep::start(&mut self.tasks, stores, sweep, &self.stop);
        if let (Some(folder), Some(ingest)) = (stores.watched.clone(), app.drop_ingest()) {
            tracing::info!(folder = %folder.path().display(), "watching for dropped files");
            let watcher = DropWatcher::new(folder, ingest, stores.identities.as_ref().clone());
            let stop = self.stop.clone();
            self.tasks.spawn(async move {
                stop.or(watcher.run()).await;
            });
        }
    }

    /// Waits for the tasks to end. They do so by themselves once the server stops.
    ///
    /// # Errors
    /// If a task panicked.
    pub(crate) async fn join(mut self) -> anyhow::Result<()> {
        let all_ended = async {
            while let Some(ended) = self.tasks.join_next().await {
                ended.context("bug in Cutline: a background task panicked; please report it")?;
            }
            anyhow::Ok(())
        };
        let max_wait = self.stop_grace + STOP_MARGIN;
        match timeout(max_wait, all_ended).await {
            Ok(ended) => ended,
            Err(_) => {
                tracing::warn!(timeout = ?max_wait, "stopped unfinished tasks; their work resumes at the next start");
                Ok(())
            }
        }
    }
}
