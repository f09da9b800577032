//! Wakes workers that wait for a message.

use tokio::sync::Notify;

use super::messages::QueueName;

/// One signal per queue.
#[derive(Default)]
pub(super) struct Wakeups {
    jobs: Notify,
    dead_letters: Notify,
}

impl Wakeups {
    pub(super) fn of(&self, name: QueueName) -> &Notify {
        match name {
            QueueName::Jobs => &self.jobs,
            QueueName::DeadLetters => &self.dead_letters,
        }
    }

    pub(super) fn wake_all(&self) {
        self.jobs.notify_waiters();
        self.dead_letters.notify_waiters();
    }
}
