//! Stopping in an orderly way.

use std::future::Future;
use std::process::exit;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Tells whether the process has been asked to stop.
#[derive(Debug, Clone)]
pub(crate) struct Stop(watch::Receiver<bool>);

impl Stop {
    /// Ends when the process is asked to stop.
    pub(crate) async fn requested(&self) {
        // If nobody can ask any more, the process is ending.
        let _ = self.0.clone().wait_for(|stop| *stop).await;
    }

    /// Whether the process has been asked to stop.
    pub(crate) fn is_requested(&self) -> bool {
        *self.0.borrow()
    }

    /// What `work` gives, or `None` if the process is asked to stop before.
    pub(crate) async fn or<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.requested() => None,
            value = work => Some(value),
        }
    }
}

/// Listens for SIGINT (Ctrl-C) and SIGTERM: the first asks to stop, a second ends the process at once.
pub(crate) fn on_signals() -> std::io::Result<Stop> {
    let (ask, asked) = watch::channel(false);
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::spawn(async move {
        let mut count = 0;
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            count += 1;
            if count > 1 {
                exit(130);
            }
            tracing::info!("stopping; running jobs may end, a second signal stops at once");
            // Nobody may be listening any more, and then there is nothing to stop.
            let _ = ask.send(true);
        }
    });
    Ok(Stop(asked))
}
