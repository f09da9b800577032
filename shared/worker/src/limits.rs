//! The limits of a run.

use std::time::Duration;

/// The limits of a run. The defaults suit any machine; tests shorten them.
#[derive(Debug, Clone, Copy)]
pub struct RunLimits {
    /// The longest run, from the moment its memory is granted. The largest picture takes a minute on a slow machine.
    pub max_run: Duration,
    /// The longest time until a child has taken a picture and read its header.
    pub max_prepare: Duration,
    /// The longest time without a sign of life. A child gives one every second, also during long computations.
    pub max_silence: Duration,
    /// The longest start. The models are mapped, not read, so a start takes a fraction of a second.
    pub max_start: Duration,
    /// The address space that a child may use in addition to its need, in bytes.
    pub spare_memory: u64,
    /// The most memory that a child may ask for, in bytes. The largest picture with the largest parameter set needs less.
    pub max_memory: u64,
    /// The memory of the machine, in bytes. A picture whose depth or color takes more is refused before it is made.
    pub machine_memory: u64,
}

impl Default for RunLimits {
    fn default() -> Self {
        Self {
            max_run: Duration::from_secs(300),
            max_prepare: Duration::from_secs(60),
            max_silence: Duration::from_secs(10),
            max_start: Duration::from_secs(60),
            spare_memory: 256 << 20,
            max_memory: 16 << 30,
            machine_memory: u64::MAX,
        }
    }
}
