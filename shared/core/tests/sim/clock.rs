//! The simulated time: that of a runtime whose clock is paused. When every task waits, the clock jumps to the next timer.

use std::future::Future;
use std::time::Duration;

use cutline_core::Clock;
use jiff::Timestamp;
use tokio::time::Instant;

/// When every simulation begins.
const BEGIN: Timestamp = Timestamp::constant(1_780_000_000, 0);

/// The time in a simulation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SimClock {
    begun: Instant,
}

impl SimClock {
    /// A clock that begins now.
    pub(crate) fn start() -> Self {
        Self { begun: Instant::now() }
    }

    /// The time since the simulation began.
    pub(crate) fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }
}

impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        let milliseconds = i64::try_from(self.elapsed().as_millis()).unwrap_or(i64::MAX);
        Timestamp::from_millisecond(BEGIN.as_millisecond().saturating_add(milliseconds)).unwrap_or(Timestamp::MAX)
    }
}

/// Runs a simulation to its end, in as little real time as it needs. One thread and no input or output, so its tasks run
/// in the same order every time.
pub(crate) fn block_on<T>(simulation: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime without input and output").block_on(simulation)
}
