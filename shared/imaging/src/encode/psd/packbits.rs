//! Run-length encoding: Apple's `PackBits`.

/// The longest run, and the longest literal.
const MAX_LENGTH: usize = 128;
/// Encoding a shorter run between literals costs more than it saves.
const MIN_RUN: usize = 3;

/// Appends the packed row to `packed`. It is at most one byte for every 128 longer than the row.
pub(super) fn pack(row: &[u8], packed: &mut Vec<u8>) {
    let mut literal = 0;
    let mut at = 0;
    while at < row.len() {
        let run = run_at(&row[at..]);
        if run >= MIN_RUN {
            append_literal(&row[literal..at], packed);
            // A run of n is -(n - 1).
            packed.extend([(257 - run) as u8, row[at]]);
            at += run;
            literal = at;
        } else {
            at += run;
        }
    }
    append_literal(&row[literal..], packed);
}

/// The length of the run at the start, up to [`MAX_LENGTH`].
fn run_at(row: &[u8]) -> usize {
    row.iter().take(MAX_LENGTH).take_while(|value| **value == row[0]).count()
}

fn append_literal(values: &[u8], packed: &mut Vec<u8>) {
    for literal in values.chunks(MAX_LENGTH) {
        packed.push((literal.len() - 1) as u8);
        packed.extend(literal);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn unpack(mut packed: &[u8]) -> Vec<u8> {
        let mut row = Vec::new();
        while let Some((count, rest)) = packed.split_first() {
            packed = match *count as i8 {
                count @ 0.. => {
                    let (literal, rest) = rest.split_at(count as usize + 1);
                    row.extend(literal);
                    rest
                }
                count => {
                    row.extend(std::iter::repeat_n(rest[0], (1 - i32::from(count)) as usize));
                    &rest[1..]
                }
            };
        }
        row
    }

    #[test]
    fn separates_runs_from_literals() {
        let mut packed = Vec::new();
        pack(&[7, 7, 7, 7, 1, 2, 2, 3, 0, 0, 0], &mut packed);
        assert_eq!(packed, [253, 7, 3, 1, 2, 2, 3, 254, 0]);
    }

    proptest! {
        #[test]
        fn round_trips_within_the_size_bound(
            runs in prop::collection::vec((0_u8..4, 1_usize..300), 0..20),
            noise in prop::collection::vec(any::<u8>(), 0..600),
        ) {
            let mut row: Vec<u8> = runs.iter().flat_map(|(value, count)| std::iter::repeat_n(*value, *count)).collect();
            row.extend(noise);
            let mut packed = Vec::new();
            pack(&row, &mut packed);
            prop_assert_eq!(unpack(&packed), &row[..]);
            prop_assert!(packed.len() <= row.len() + row.len().div_ceil(MAX_LENGTH));
        }
    }
}
