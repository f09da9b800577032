//! Time as coverage.

use std::sync::Mutex;

/// Steps of each scale. A step is a fifth more.
const STEPS: usize = 256;
const STEP: f64 = 1.2;

/// libFuzzer reads this section after each run: a counter that was never set before makes the file part of the corpus.
#[unsafe(link_section = "__libfuzzer_extra_counters")]
static mut COUNTERS: [u8; 2 * STEPS] = [0; 2 * STEPS];

static LOCK: Mutex<()> = Mutex::new(());

/// Sets the counters of a file's ratio to a harmless one, and of its nanoseconds per byte.
pub(super) fn reach(ratio: f64, per_byte: f64) {
    let step = |value: f64, smallest: f64| ((value / smallest).max(1.0).log(STEP) as usize).min(STEPS - 1);
    let _guard = LOCK.lock();
    // SAFETY: one thread at a time writes, and libFuzzer reads between runs only.
    unsafe {
        COUNTERS[step(ratio, 0.01)] = 1;
        COUNTERS[STEPS + step(per_byte, 1.0)] = 1;
    }
}
