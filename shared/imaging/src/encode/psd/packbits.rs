//! Run-length encoding as Macintosh's `PackBits` does it.

/// The longest run, and the longest stretch without one.
const LONGEST: usize = 128;
/// A run shorter than this, amid others, costs more than it saves.
const RUN: usize = 3;

/// Writes a packed row to the end of `packed`: at most a byte for every 128 more than the row has.
pub(super) fn pack(row: &[u8], packed: &mut Vec<u8>) {
    let mut literal = 0;
    let mut at = 0;
    while at < row.len() {
        let run = run_at(&row[at..]);
        if run >= RUN {
            append_literal(&row[literal..at], packed);
            // Its length is told by a negative number, one less.
            packed.extend([(257 - run) as u8, row[at]]);
            at += run;
            literal = at;
        } else {
            at += run;
        }
    }
    append_literal(&row[literal..], packed);
}

/// How long the first value lasts, up to the longest run.
fn run_at(row: &[u8]) -> usize {
    row.iter().take(LONGEST).take_while(|value| **value == row[0]).count()
}

fn append_literal(values: &[u8], packed: &mut Vec<u8>) {
    for piece in values.chunks(LONGEST) {
        packed.push((piece.len() - 1) as u8);
        packed.extend(piece);
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
    fn runs_and_literals_are_told_apart() {
        let mut packed = Vec::new();
        pack(&[7, 7, 7, 7, 1, 2, 2, 3, 0, 0, 0], &mut packed);
        assert_eq!(packed, [253, 7, 3, 1, 2, 2, 3, 254, 0]);
    }

    proptest! {
        #[test]
        fn what_is_packed_is_unpacked_and_bounded(
            runs in prop::collection::vec((0_u8..4, 1_usize..300), 0..20),
            noise in prop::collection::vec(any::<u8>(), 0..600),
        ) {
            let mut row: Vec<u8> = runs.iter().flat_map(|(value, count)| std::iter::repeat_n(*value, *count)).collect();
            row.extend(noise);
            let mut packed = Vec::new();
            pack(&row, &mut packed);
            prop_assert_eq!(unpack(&packed), &row[..]);
            prop_assert!(packed.len() <= row.len() + row.len().div_ceil(LONGEST));
        }
    }
}
