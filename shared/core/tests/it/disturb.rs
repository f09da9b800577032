//! A process that is disturbed at each of its calls in turn.

use std::sync::Arc;

use crate::faulty::{FaultInjector, InjectedFault};

/// The calls that are disturbed, one in each run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Calls {
    /// A run that makes fewer calls fails the test.
    pub(crate) at_least: usize,
    /// Later calls are left out: a process that runs for days repeats itself.
    pub(crate) at_most: usize,
    /// How many calls after the disturbed one fail too, without effect.
    pub(crate) after: usize,
}

impl Calls {
    /// Every call, of which there are at least this many.
    pub(crate) fn at_least(at_least: usize) -> Self {
        Self { at_least, at_most: usize::MAX, after: 0 }
    }
}

/// Runs the scenario with each fault at each call in turn, until a run ends before the call. The scenario gives the injector
/// to the process that it disturbs.
pub(crate) async fn disturb(calls: Calls, scenario: impl AsyncFn(Arc<FaultInjector>)) {
    for injected in InjectedFault::ALL {
        let mut reached = 0;
        while reached < calls.at_most {
            let faults = FaultInjector::at_call_and_after(reached, injected, calls.after);
            scenario(faults.clone()).await;
            if faults.calls() <= reached {
                break;
            }
            reached += 1;
        }
        assert!(reached >= calls.at_least, "only {reached} calls were reached with {injected:?}");
    }
}
