//! Processor time and memory of this process. All decoders run on threads of it.

use std::fs;

/// The processor time so far, in nanoseconds.
pub(super) fn processor_time() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is valid for the call.
    let result = unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut time) };
    assert_eq!(result, 0, "the process has a clock");
    time.tv_sec.unsigned_abs() * 1_000_000_000 + time.tv_nsec.unsigned_abs()
}

/// Ends the process at once. libFuzzer takes an ordinary exit within a run for a failure.
pub(super) fn exit() -> ! {
    // SAFETY: nothing is left to be done at exit.
    unsafe { libc::_exit(0) }
}

/// Makes the memory in use the peak.
pub(super) fn reset_peak_memory() {
    // Where this is not allowed, peaks only grow, and small ones are reported as 0.
    let _ = fs::write("/proc/self/clear_refs", "5");
}

/// The most memory in use since the last reset, in bytes; 0 if the system does not report it.
pub(super) fn peak_memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = peak.and_then(|peak| peak.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
    kilobytes.unwrap_or_default() * 1024
}
