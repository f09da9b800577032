//! The queues of jobs, their dead letters, and the quarantine for unreadable messages.
//!
//! A message is a row with the time from which it is visible. Receiving it moves that time into the future, so a worker
//! that dies returns the message without any action. A receipt consists of the message's id and receive count; the next
//! delivery invalidates it.

mod local_queue;
mod messages;
mod quarantine;
mod rows;
mod turns;
mod wakeups;

use std::sync::Arc;
use std::time::Duration;

use cutline_core::ports::PortError;
use cutline_core::{Clock, Policy};

use crate::database::Database;
use rows::QueueName;
use wakeups::Wakeups;

pub use local_queue::LocalQueue;
pub use messages::QueueSettings;
pub(crate) use messages::{bring_forward, postpone, show_waiting};
pub use quarantine::LocalQuarantine;

/// The queues in a database.
#[derive(Clone)]
pub struct Queues {
    /// Jobs whose pictures are to be made.
    pub jobs: Arc<LocalQueue>,
    /// Jobs that need something fetched first.
    pub intake: Arc<LocalQueue>,
    /// Messages that were received too often. They are delivered from here until they are deleted.
    pub dead_letters: Arc<LocalQueue>,
    /// Messages that cannot be parsed.
    pub quarantine: Arc<LocalQuarantine>,
}

impl Queues {
    /// The queues in this database. Use one value per database and process: a send wakes only workers that wait on the
    /// same value; others notice within a minute.
    pub fn new(database: Database, clock: Arc<dyn Clock>, settings: QueueSettings) -> Self {
        let wakeups = Arc::new(Wakeups::default());
        let queue = |name| {
            let (database, clock, wakeups) = (database.clone(), Arc::clone(&clock), Arc::clone(&wakeups));
            Arc::new(LocalQueue { database, clock, settings, name, wakeups })
        };
        Self {
            jobs: queue(QueueName::Jobs),
            intake: queue(QueueName::Intake),
            dead_letters: queue(QueueName::DeadLetters),
            quarantine: Arc::new(LocalQuarantine::new(database, clock)),
        }
    }

    /// Makes the messages that an earlier process had received visible at once, and returns their number. Only the
    /// server that holds the data folder's lock may call this.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store.
    pub async fn release_in_flight(&self) -> Result<usize, PortError> {
        let now = self.jobs.now();
        let wakeups = Arc::clone(&self.jobs.wakeups);
        let released = self
            .jobs
            .database
            .write_then(move |connection| messages::release_in_flight(connection, now), move |_| wakeups.wake_all());
        Ok(released.await?)
    }

    /// Wakes all workers, because times in the table have changed.
    pub(crate) fn wake_all(&self) {
        self.jobs.wakeups.wake_all();
    }

    /// How long a message may be hidden by the rules: a delivered one by the visibility timeout, a delayed one by the
    /// longest delay, a deferred one by a lease or the wait for the next attempt.
    pub(crate) fn longest_wait(&self, policy: &Policy) -> Duration {
        let waits = [self.jobs.settings.visibility, local_queue::MAX_DELAY, policy.lease, policy.defer];
        waits.into_iter().fold(policy.backoff(policy.max_attempts), Duration::max)
    }
}
