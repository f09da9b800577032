//! A workaround for the `tiff` crate, in horizontal differencing (TIFF 6.0, section 14).

/// Corrects one row. Where a pixel is stored with more samples than are decoded, the decoder drops the extra samples
/// first and then sums the differences as if they were still there: over `stored` samples instead of `decoded` ones.
/// `BYTES` is the size of a sample, 1 or 2, in native byte order.
pub(super) fn correct_row<const BYTES: usize>(row: &mut [u8], stored: usize, decoded: usize) {
    let (samples, _) = row.as_chunks_mut::<BYTES>();
    for at in (stored..samples.len()).rev() {
        samples[at] = to_bytes(to_number(samples[at]).wrapping_sub(to_number(samples[at - stored])));
    }
    for at in decoded..samples.len() {
        samples[at] = to_bytes(to_number(samples[at]).wrapping_add(to_number(samples[at - decoded])));
    }
}

fn to_number<const BYTES: usize>(mut sample: [u8; BYTES]) -> u16 {
    if cfg!(target_endian = "big") {
        sample.reverse();
    }
    sample.iter().rev().fold(0_u16, |number, byte| number << 8 | u16::from(*byte))
}

fn to_bytes<const BYTES: usize>(number: u16) -> [u8; BYTES] {
    let mut sample = std::array::from_fn(|at| (number >> (8 * at)) as u8);
    if cfg!(target_endian = "big") {
        sample.reverse();
    }
    sample
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_differences_over_decoded_samples() {
        // Three pixels of two samples each, of which one is decoded: 10, 15, 25 as 10, +5, +10.
        let mut row = [10, 5, 20];
        correct_row::<1>(&mut row, 2, 1);
        assert_eq!(row, [10, 15, 25]);
    }
}
