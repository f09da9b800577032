//! Calls of the API: paced, and repeated while that may help.

use std::time::Duration;

use cutline_http::CallError;
use tokio::sync::{Mutex, watch};
use tokio::time::{Instant, sleep, sleep_until};

use crate::stop::StopSignal;

/// The most calls a second that can be asked for.
pub(super) const MAX_RATE: f64 = 1_000.0;

/// How often a call is made. The waits between add up to two minutes, longer than a deployment or a restart takes.
const MAX_TRIES: u32 = 8;

/// The first and the longest wait between two tries. It doubles from one to the other.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// The longest wait that the API may ask for. After a longer one, the run is better resumed by hand.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(15 * 60);

/// Why a call did not succeed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// This request is refused.
    Refused { code: String, message: String, fields: Vec<String> },
    /// It was not answered in time, however often it was sent. Others may fare better.
    Unanswered(String),
    /// No other request would succeed either.
    Fatal(String),
    /// The run was stopped.
    Stopped,
}

/// Makes calls at a limited rate. All calls share one schedule, which also keeps their repeats apart.
pub(super) struct Calls {
    interval: Duration,
    first_wait: Duration,
    next: Mutex<Instant>,
    stop: StopSignal,
    /// Requests `stop`.
    stopper: watch::Sender<bool>,
}

impl Calls {
    /// At most `rate` calls a second.
    pub(super) fn new(rate: f64) -> Self {
        let (stopper, stop) = StopSignal::manual();
        let interval = Duration::from_secs_f64(1.0 / rate);
        Self { interval, first_wait: FIRST_WAIT, next: Mutex::new(Instant::now()), stop, stopper }
    }

    /// With shorter waits, for tests against a real connection.
    #[cfg(test)]
    pub(super) fn hurried() -> Self {
        Self { first_wait: Duration::from_millis(5), ..Self::new(1_000.0) }
    }

    /// Ends every wait. Calls that are in progress end by themselves.
    pub(super) fn give_up(&self) {
        // Nobody has to listen.
        self.stopper.send_replace(true);
    }

    /// Makes a call of the API, repeatedly if that may help.
    ///
    /// # Errors
    /// [`Fault`].
    pub(super) async fn api<T>(&self, call: impl AsyncFnMut() -> Result<T, CallError>) -> Result<T, Fault> {
        self.repeat(true, call).await
    }

    /// The same for a file's transfer, which is not a call of the API and has no rate.
    ///
    /// # Errors
    /// [`Fault`].
    pub(super) async fn file<T>(&self, call: impl AsyncFnMut() -> Result<T, CallError>) -> Result<T, Fault> {
        self.repeat(false, call).await
    }

    async fn repeat<T>(&self, is_paced: bool, mut call: impl AsyncFnMut() -> Result<T, CallError>) -> Result<T, Fault> {
        let mut wait = self.first_wait;
        for remaining in (0..MAX_TRIES).rev() {
            if is_paced {
                let turn = self.turn().await;
                self.stop.or(sleep_until(turn)).await.ok_or(Fault::Stopped)?;
            }
            let (message, asked) = match call().await {
                Ok(value) => return Ok(value),
                Err(CallError::Refused { code, message, fields }) => {
                    return Err(Fault::Refused { code, message, fields });
                }
                Err(CallError::Account { code, message }) => {
                    return Err(Fault::Fatal(account_message(&code, &message)));
                }
                Err(CallError::Temporary { message, retry_after, .. }) => (message, retry_after),
            };
            if asked.is_some_and(|asked| asked > LONGEST_RETRY_AFTER) {
                let minutes = asked.unwrap_or_default().as_secs().div_ceil(60);
                return Err(Fault::Fatal(format!("{message}; the API asks to wait for {minutes} minutes")));
            }
            if remaining == 0 {
                return Err(Fault::Unanswered(message));
            }
            tracing::debug!(error = message, remaining, "call failed and is repeated");
            // Whatever the API is short of, it is short of it for all calls.
            if let Some(asked) = asked.filter(|_| is_paced) {
                self.hold(asked).await;
            }
            let pause = asked.unwrap_or_default().max(wait);
            self.stop.or(sleep(pause)).await.ok_or(Fault::Stopped)?;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
        Err(Fault::Unanswered("it was never sent".to_owned()))
    }

    /// Takes the next place in the schedule.
    async fn turn(&self) -> Instant {
        let mut next = self.next.lock().await;
        let turn = (*next).max(Instant::now());
        *next = turn + self.interval;
        turn
    }

    /// Makes no call for a while.
    async fn hold(&self, wait: Duration) {
        let mut next = self.next.lock().await;
        *next = (*next).max(Instant::now() + wait);
    }
}

fn account_message(code: &str, message: &str) -> String {
    let remedy = match code {
        "unauthorized" => "check --key (CUTLINE_API_KEY)",
        "insufficient_credits" => "ask the operator for credits",
        _ => "use a key that may do this",
    };
    format!("the API refuses every request: {code}: {message}; {remedy}")
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn temporary(retry_after: Option<u64>) -> CallError {
        let retry_after = retry_after.map(Duration::from_secs);
        CallError::Temporary { code: "unavailable".to_owned(), message: "busy".to_owned(), retry_after }
    }

    #[tokio::test(start_paused = true)]
    async fn a_temporary_fault_is_repeated_with_growing_waits() {
        let calls = Calls::new(1_000.0);
        let (start, tries) = (Instant::now(), Cell::new(0));
        let result = calls.api(async || {
            tries.set(tries.get() + 1);
            if tries.get() < 4 { Err(temporary(None)) } else { Ok(7) }
        });
        assert_eq!((result.await, tries.get()), (Ok(7), 4));
        assert_eq!(start.elapsed().as_secs(), 1 + 2 + 4);
        let (start, tries) = (Instant::now(), Cell::new(0));
        let result = calls.api::<()>(async || {
            tries.set(tries.get() + 1);
            Err(temporary(None))
        });
        assert_eq!((result.await, tries.get()), (Err(Fault::Unanswered("busy".to_owned())), MAX_TRIES));
        assert!((60..180).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn the_wait_that_the_api_asks_for_holds_every_call() {
        let calls = Calls::new(1_000.0);
        let (start, asked) = (Instant::now(), Cell::new(false));
        let first =
            calls.api(async || if asked.replace(true) { Ok(start.elapsed()) } else { Err(temporary(Some(40))) });
        let second = async {
            sleep(Duration::from_secs(1)).await;
            calls.api(async || Ok(start.elapsed())).await
        };
        let (first, second) = tokio::join!(first, second);
        assert!(first.is_ok_and(|at| at.as_secs() >= 40) && second.is_ok_and(|at| at.as_secs() >= 40));
        let hours = calls.api::<()>(async || Err(temporary(Some(7_200)))).await;
        assert!(matches!(&hours, Err(Fault::Fatal(message)) if message.contains("wait for 120 minutes")), "{hours:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn calls_keep_their_rate_and_files_have_none() {
        let calls = Calls::new(4.0);
        let start = Instant::now();
        for _ in 0..9 {
            calls.api(async || Ok(())).await.expect("succeeds");
        }
        assert_eq!(start.elapsed().as_millis(), 2_000);
        for _ in 0..100 {
            calls.file(async || Ok(())).await.expect("succeeds");
        }
        assert_eq!(start.elapsed().as_millis(), 2_000);
    }

    #[tokio::test(start_paused = true)]
    async fn refusals_and_a_stop_end_a_call_at_once() {
        let calls = Calls::new(1.0);
        let fields = vec!["file".to_owned()];
        let refused = CallError::Refused { code: "validation".to_owned(), message: "no".to_owned(), fields };
        let result = calls.api::<()>(async || Err(refused.clone())).await;
        assert!(matches!(result, Err(Fault::Refused { fields, .. }) if fields == ["file"]));
        let account = CallError::Account { code: "insufficient_credits".to_owned(), message: "no".to_owned() };
        let result = calls.api::<()>(async || Err(account.clone())).await;
        assert!(matches!(result, Err(Fault::Fatal(message)) if message.ends_with("ask the operator for credits")));
        calls.give_up();
        assert_eq!(calls.api::<()>(async || Err(temporary(None))).await, Err(Fault::Stopped));
    }
}
