//! Wakes workers that wait for a message.

use tokio::sync::Notify;

use super::rows::QueueName;

/// One signal per queue.
#[derive(Default)]
pub(super) struct Wakeups {
    jobs: Notify,
    intake: Notify,
    dead_letters: Notify,
}

impl Wakeups {
    pub(super) fn of(&self, name: QueueName) -> &Notify {
        match name {
            QueueName::Jobs => &self.jobs,
            QueueName::Intake => &self.intake,
            QueueName::DeadLetters => &self.dead_letters,
        }
    }

    pub(super) fn wake_all(&self) {
        self.jobs.notify_waiters();
        self.intake.notify_waiters();
        self.dead_letters.notify_waiters();
    }
}
