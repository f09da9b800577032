//! The arithmetic of a transform: eight numbers at once.

/// Samples of a block's side.
pub(in crate::decode::jpeg) const SIDE: usize = 8;
/// The middle of the range of samples.
pub(super) const CENTER: i16 = 128;

/// Eight numbers of 16 bits. Only those of hostile files overflow; they wrap around.
pub(super) trait Lanes: Copy {
    /// Eight numbers of 32 bits, which wrap around too.
    type Wide: Copy;

    /// Coefficients times their steps.
    fn dequantize(coefficients: &[i16; SIDE], steps: &[u16; SIDE]) -> Self;
    fn plus(self, other: Self) -> Self;
    /// The sums of two products.
    fn weigh(a: Self, a_factor: i16, b: Self, b_factor: i16) -> Self::Wide;
    fn add(a: Self::Wide, b: Self::Wide) -> Self::Wide;
    fn subtract(a: Self::Wide, b: Self::Wide) -> Self::Wide;
    /// Divides by 2 to the power of `SHIFT`, rounding, and clamps to 16 bits.
    fn descale<const SHIFT: i32>(wide: Self::Wide) -> Self;
    /// Exchanges rows and columns.
    fn transpose(rows: [Self; SIDE]) -> [Self; SIDE];
    /// Adds the middle of the range, and clamps to 8 bits.
    fn samples(self) -> [u8; SIDE];
}
