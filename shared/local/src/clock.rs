//! Repairs stored times after someone has set the clock.
//!
//! Stored times are wall-clock times, since they have to outlive the process. If they were written while the clock was
//! wrong, messages and jobs would wait for hours or years, or expire at once. A jump is noticed by comparing the wall
//! clock with the monotonic one:
//!
//! - The clock was set back: times that the rules do not allow at the new time are brought forward. This also happens at
//!   every start, since the clock may have been set while no server was running. A repair that fails, for example on a
//!   full disk, is tried again until it succeeds.
//! - The clock was set ahead: all times move with it, so nothing times out, expires or is purged early. The same happens
//!   after the machine slept, since the server could do nothing meanwhile.
//!
//! A start with a clock that is ahead cannot be told from a start after a long stop. Jobs then time out and expire as
//! they do after such a stop.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cutline_core::ports::PortError;
use cutline_core::{Clock, Policy};
use jiff::Timestamp;
use tokio::sync::Mutex;

use crate::database::Database;
use crate::identities;
use crate::jobs::{change_jobs, job_ids};
use crate::queue::{self, Queues};
use crate::report_queue;
use crate::upload_records;

/// The smallest jump that is repaired. Smaller ones are within the rules' margins: a lease lasts longer, and is renewed
/// more often.
const MIN_JUMP: Duration = Duration::from_secs(60);

/// A jump of the wall clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockJump {
    /// It was set ahead by this much, or the machine slept for as long.
    Ahead(Duration),
    /// It was set back by this much.
    Back(Duration),
}

/// The two clocks at one moment.
#[derive(Debug, Clone, Copy)]
struct Reading {
    wall: Timestamp,
    monotonic: Instant,
}

impl Reading {
    /// The jump of the wall clock from this reading to a later one.
    fn jump_to(&self, later: &Self) -> Option<ClockJump> {
        let elapsed = later.monotonic.saturating_duration_since(self.monotonic);
        let expected = self.wall.checked_add(elapsed).unwrap_or(Timestamp::MAX);
        let distance = later.wall.duration_since(expected);
        let jump = if distance.is_negative() { ClockJump::Back } else { ClockJump::Ahead };
        Some(distance.unsigned_abs()).filter(|by| *by >= MIN_JUMP).map(jump)
    }
}

/// The last look at the clock, and the repair that is still owed.
#[derive(Debug)]
struct Watch {
    last: Reading,
    /// Whether the repair at the start is still to be made, because it failed.
    owes_repair_at_start: bool,
}

/// Watches the clock of a database's server, and repairs stored times.
pub struct ClockKeeper {
    database: Database,
    queues: Queues,
    clock: Arc<dyn Clock>,
    policy: Policy,
    watch: Mutex<Watch>,
}

impl ClockKeeper {
    /// Watches from now on. `queues` are those of the same database.
    pub fn new(database: Database, queues: Queues, clock: Arc<dyn Clock>, policy: Policy) -> Self {
        let last = Reading { wall: clock.now(), monotonic: Instant::now() };
        let watch = Mutex::new(Watch { last, owes_repair_at_start: false });
        Self { database, queues, clock, policy, watch }
    }

    /// Brings implausibly late times forward, and returns the number of changed jobs and messages. For the start of a
    /// server.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the database; nothing was changed, and [`ClockKeeper::settle`] tries again.
    pub async fn repair_at_start(&self) -> Result<usize, PortError> {
        let mut watch = self.watch.lock().await;
        watch.owes_repair_at_start = true;
        self.make_repair_at_start(&mut watch).await
    }

    async fn make_repair_at_start(&self, watch: &mut Watch) -> Result<usize, PortError> {
        let changed = self.bring_forward(self.clock.now()).await?;
        watch.owes_repair_at_start = false;
        if changed > 0 {
            tracing::warn!(changed, "jobs and messages brought forward; the clock was ahead when they were stored");
        }
        Ok(changed)
    }

    /// Looks at the clock, and repairs stored times if it jumped since the last call, or if the repair at the start
    /// failed. Call it every few seconds, and before anything that acts on expired times.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the database; nothing was changed, and the next call tries again.
    pub async fn settle(&self) -> Result<Option<ClockJump>, PortError> {
        self.settle_at(Instant::now()).await
    }

    async fn settle_at(&self, monotonic: Instant) -> Result<Option<ClockJump>, PortError> {
        let mut watch = self.watch.lock().await;
        if watch.owes_repair_at_start {
            self.make_repair_at_start(&mut watch).await?;
        }
        let reading = Reading { wall: self.clock.now(), monotonic };
        let jump = watch.last.jump_to(&reading);
        match jump {
            None => {}
            Some(ClockJump::Back(by)) => {
                let changed = self.bring_forward(reading.wall).await?;
                tracing::warn!(?by, changed, "clock set back; jobs and messages brought forward");
            }
            Some(ClockJump::Ahead(by)) => {
                let changed = self.postpone(by, reading.wall).await?;
                tracing::warn!(?by, changed, "clock set ahead, or the machine slept; jobs and messages postponed");
            }
        }
        watch.last = reading;
        Ok(jump)
    }

    async fn bring_forward(&self, now: Timestamp) -> Result<usize, PortError> {
        let (policy, longest) = (self.policy, self.queues.longest_wait(&self.policy));
        let millis = now.as_millisecond();
        let past_retention = millis.saturating_add(i64::try_from(policy.retention.as_millis()).unwrap_or(i64::MAX));
        let brought = self.database.write(move |connection| {
            // Everything else waits for nothing, or expires in time.
            let sql = "SELECT id FROM jobs WHERE due_at > ?1 OR report_due_at > ?1 OR deletion_due_at > ?1
                       OR expires_at > ?2";
            let ids = job_ids(connection, sql, (millis, past_retention))?;
            let jobs = change_jobs(connection, ids, |job| job.bring_forward(now, &policy).ok())?;
            let identities = identities::bring_forward(connection, now)?;
            let uploads = upload_records::bring_forward(connection, now)?;
            let reports = report_queue::bring_forward(connection, millis)?;
            let brought = jobs + identities + uploads + reports + queue::bring_forward(connection, millis, longest)?;
            if brought > 0 {
                queue::show_waiting(connection, millis)?;
            }
            Ok(brought)
        });
        let brought = brought.await?;
        self.queues.wake_all();
        Ok(brought)
    }

    /// In one transaction, since a repetition would postpone twice. Other writes wait meanwhile.
    async fn postpone(&self, by: Duration, now: Timestamp) -> Result<usize, PortError> {
        let (policy, longest) = (self.policy, self.queues.longest_wait(&self.policy));
        let postponed = self.database.write(move |connection| {
            let ids = job_ids(connection, "SELECT id FROM jobs", [])?;
            let jobs = change_jobs(connection, ids, |job| Some(job.postpone(by, now, &policy)))?;
            queue::postpone(connection, by, now.as_millisecond(), longest)?;
            report_queue::postpone(connection, by)?;
            report_queue::bring_forward(connection, now.as_millisecond())?;
            let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
            connection.prepare_cached("UPDATE identities SET expires_at = expires_at + ?")?.execute([by])?;
            upload_records::postpone(connection, by)?;
            // Those that were stored since the jump.
            identities::bring_forward(connection, now)?;
            upload_records::bring_forward(connection, now)?;
            Ok(jobs)
        });
        let postponed = postponed.await?;
        self.queues.wake_all();
        Ok(postponed)
    }
}

#[cfg(test)]
mod tests;
