//! The deadline of an invocation.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

/// When Lambda ends an invocation whose context names this deadline, in milliseconds since 1970. A deadline that has
/// passed is now.
pub fn deadline(at_ms: u64) -> Instant {
    Instant::now() + rest(at_ms, SystemTime::now())
}

fn rest(at_ms: u64, now: SystemTime) -> Duration {
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    Duration::from_millis(at_ms).saturating_sub(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_the_rest_of_the_invocation() {
        let now = UNIX_EPOCH + Duration::from_millis(1_000_500);
        assert_eq!(rest(1_120_000, now), Duration::from_millis(119_500));
        assert_eq!(rest(1_000_000, now), Duration::ZERO, "it has passed");
    }
}
