//! A clamped linear ramp.

/// 0 up to `from`, 1 from `to` on, and linear in between.
pub(super) fn ramp(value: f32, (from, to): (f32, f32)) -> f32 {
    ((value - from) / (to - from)).clamp(0.0, 1.0)
}
