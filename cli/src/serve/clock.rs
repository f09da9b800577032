//! Looking at the clock before anything that acts on expired times.

use cutline_local::ClockKeeper;

/// Whether stored times fit the clock. If not, nothing may time out, expire or be purged.
pub(crate) async fn is_settled(clock: &ClockKeeper) -> bool {
    match clock.settle().await {
        Ok(_) => true,
        Err(error) => {
            tracing::error!(%error, "cannot repair stored times after a jump of the clock; trying again");
            false
        }
    }
}
