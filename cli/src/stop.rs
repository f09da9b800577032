//! Orderly shutdown.

use std::future::Future;
use std::process::exit;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// The exit code after a second signal, as for a process that SIGINT ended.
pub(crate) const INTERRUPTED: u8 = 130;

/// Whether the process has been asked to stop.
#[derive(Debug, Clone)]
pub(crate) struct StopSignal(watch::Receiver<bool>);

impl StopSignal {
    /// A signal that is requested by sending `true`.
    pub(crate) fn manual() -> (watch::Sender<bool>, Self) {
        let (sender, receiver) = watch::channel(false);
        (sender, Self(receiver))
    }

    /// Returns when the process is asked to stop.
    pub(crate) async fn requested(&self) {
        // An error means that the signal task has ended, so the process is ending too.
        let _ = self.0.clone().wait_for(|stop| *stop).await;
    }

    /// Holds true once the process is asked to stop.
    pub(crate) fn receiver(&self) -> watch::Receiver<bool> {
        self.0.clone()
    }

    /// Whether the process has been asked to stop.
    pub(crate) fn is_requested(&self) -> bool {
        *self.0.borrow()
    }

    /// Runs `work` to its end, or returns `None` once the process is asked to stop.
    pub(crate) async fn or<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.requested() => None,
            value = work => Some(value),
        }
    }
}

/// Listens for SIGINT (Ctrl-C) and SIGTERM. The first one requests the stop; a second one ends the process at once.
pub(crate) fn on_signals() -> std::io::Result<StopSignal> {
    let (sender, receiver) = watch::channel(false);
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
                exit(INTERRUPTED.into());
            }
            tracing::info!("stopping; running jobs may finish, a second signal stops at once");
            // An error means that nothing listens any more, so there is nothing to stop.
            let _ = sender.send(true);
        }
    });
    Ok(StopSignal(receiver))
}
