//! The code of the functions: the use cases, as the functions' `main.rs` wire them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use cutline_core::ports::PortError;
use cutline_core::usecases::{Disposition, Intake, Process, ReportSender, Sweep, SweepReport};
use futures::future::join_all;
use tokio::time::Instant;

use crate::lambda::{Code, Event};
use crate::network::{Network, Request};
use crate::sqs::{Delivered, SimQueue, Ticket};

/// Applies a disposition, as the functions do. Returns the message if it stays in its queue.
async fn settle(network: &Network, queue: &SimQueue, message: &Delivered, disposition: Disposition) -> Option<Ticket> {
    match disposition {
        Disposition::Acknowledge => None,
        Disposition::Defer(wait) => {
            let defer = || async {
                queue.defer(message.ticket, wait);
                Ok(())
            };
            // If it cannot be changed, the message returns after the queue's own timeout.
            let _unchanged: Result<(), PortError> = network.call(Request::Message, defer).await;
            Some(message.ticket)
        }
    }
}

/// The process function.
pub(crate) struct ProcessCode {
    pub(crate) process: Process,
    pub(crate) network: Arc<Network>,
}

#[async_trait]
impl Code for ProcessCode {
    async fn run(&self, event: Event, deadline: Instant) -> Vec<Ticket> {
        let Event::Messages(queue, messages) = event else { return Vec::new() };
        let process = Process { deadline: Some(deadline), ..self.process.clone() };
        let mut kept = Vec::new();
        for message in &messages {
            let disposition = process.handle(message.body.text(), message.body.request()).await;
            kept.extend(settle(&self.network, &queue, message, disposition).await);
        }
        kept
    }
}

/// The intake function.
pub(crate) struct IntakeCode {
    pub(crate) intake: Intake,
    pub(crate) network: Arc<Network>,
}

#[async_trait]
impl Code for IntakeCode {
    async fn run(&self, event: Event, deadline: Instant) -> Vec<Ticket> {
        let Event::Messages(queue, messages) = event else { return Vec::new() };
        let intake = Intake { deadline: Some(deadline), ..self.intake.clone() };
        let mut kept = Vec::new();
        for message in &messages {
            let disposition = intake.handle(message.body.request()).await;
            kept.extend(settle(&self.network, &queue, message, disposition).await);
        }
        kept
    }
}

/// The sums of all sweeps.
#[derive(Debug, Default)]
pub(crate) struct SweepTotals {
    pub(crate) sweeps: AtomicU64,
    /// Sweeps that could not list the due jobs, or failed for one.
    pub(crate) incomplete: AtomicU64,
    pub(crate) resent: AtomicU64,
    pub(crate) backlogged: AtomicU64,
    pub(crate) requeued: AtomicU64,
    pub(crate) failed: AtomicU64,
    pub(crate) reminded: AtomicU64,
    pub(crate) given_up: AtomicU64,
}

impl SweepTotals {
    fn add(&self, report: Result<SweepReport, PortError>) {
        let add = |counter: &AtomicU64, number: usize| counter.fetch_add(number as u64, Ordering::Relaxed);
        add(&self.sweeps, 1);
        let Ok(report) = report else {
            add(&self.incomplete, 1);
            return;
        };
        let SweepReport { resent, backlogged, requeued, failed, reminded, given_up, deleted: _, errors } = report;
        add(&self.incomplete, usize::from(errors > 0));
        add(&self.resent, resent);
        add(&self.backlogged, backlogged);
        add(&self.requeued, requeued);
        add(&self.failed, failed);
        add(&self.reminded, reminded);
        add(&self.given_up, given_up);
    }
}

/// The sweep function: the schedule, the reports and the dead letters.
pub(crate) struct SweepCode {
    pub(crate) sweep: Sweep,
    pub(crate) sender: ReportSender,
    pub(crate) reports: Arc<SimQueue>,
    pub(crate) totals: Arc<SweepTotals>,
    pub(crate) network: Arc<Network>,
}

#[async_trait]
impl Code for SweepCode {
    async fn run(&self, event: Event, _: Instant) -> Vec<Ticket> {
        let (queue, messages) = match event {
            Event::Schedule => {
                self.totals.add(self.sweep.run().await);
                return Vec::new();
            }
            Event::Messages(queue, messages) => (queue, messages),
        };
        if Arc::ptr_eq(&queue, &self.reports) {
            let handled = messages.iter().map(async |message| {
                let disposition = self.sender.handle(message.body.text()).await;
                settle(&self.network, &queue, message, disposition).await
            });
            return join_all(handled).await.into_iter().flatten().collect();
        }
        let mut kept = Vec::new();
        for message in &messages {
            let disposition = self.sweep.dead_letter(message.body.text(), message.body.request()).await;
            kept.extend(settle(&self.network, &queue, message, disposition).await);
        }
        kept
    }
}
