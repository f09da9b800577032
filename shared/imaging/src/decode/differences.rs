//! Samples stored as the difference to that of the pixel before (TIFF 6.0, section 14), as TIFF and Photoshop do.

/// Adds each sample of a row to the one of the next pixel. A pixel has `samples` samples of `size` bytes: 1, 2, 3, 4 or 8.
pub(super) fn add_up(row: &mut [u8], samples: usize, size: usize, is_big_endian: bool) {
    match size {
        1 => add_up_sized::<1>(row, samples, is_big_endian),
        2 => add_up_sized::<2>(row, samples, is_big_endian),
        3 => add_up_sized::<3>(row, samples, is_big_endian),
        4 => add_up_sized::<4>(row, samples, is_big_endian),
        _ => add_up_sized::<8>(row, samples, is_big_endian),
    }
}

fn add_up_sized<const SIZE: usize>(row: &mut [u8], samples: usize, is_big_endian: bool) {
    let (values, _) = row.as_chunks_mut::<SIZE>();
    for at in samples..values.len() {
        let sum = number(values[at], is_big_endian).wrapping_add(number(values[at - samples], is_big_endian));
        let mut bytes = [0; SIZE];
        bytes.copy_from_slice(&sum.to_le_bytes()[..SIZE]);
        if is_big_endian {
            bytes.reverse();
        }
        values[at] = bytes;
    }
}

fn number<const SIZE: usize>(mut bytes: [u8; SIZE], is_big_endian: bool) -> u64 {
    if is_big_endian {
        bytes.reverse();
    }
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adds_up_differences_of_every_size_and_order() {
        let mut row = [10, 1, 5, 2, 20, 255];
        add_up(&mut row, 2, 1, false);
        assert_eq!(row, [10, 1, 15, 3, 35, 2]);
        // 0x00FF + 0x0001 in both orders.
        let mut row = [0xFF, 0, 1, 0];
        add_up(&mut row, 1, 2, false);
        assert_eq!(row, [0xFF, 0, 0, 1]);
        let mut row = [0, 0xFF, 0, 1];
        add_up(&mut row, 1, 2, true);
        assert_eq!(row, [0, 0xFF, 1, 0]);
        let mut row = [0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 2];
        add_up(&mut row, 1, 4, true);
        assert_eq!(row[4..], [0, 0, 0, 1]);
    }

    #[test]
    fn short_rows_are_harmless() {
        for size in [1, 2, 3, 4, 8] {
            for length in 0..20 {
                add_up(&mut vec![1; length], 2, size, true);
            }
        }
    }
}
