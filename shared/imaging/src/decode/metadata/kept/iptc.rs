//! All data sets of an IPTC record (IPTC-IIM 4.2), without pictures and their orientation.

use crate::source_metadata::DataSet;

/// Most data sets.
const MAX_DATA_SETS: usize = 10_000;
/// Most bytes of all data sets.
const MAX_BYTES: usize = 1 << 20;
/// The marker of a data set.
const MARKER: u8 = 0x1C;
/// Records above hold a picture, in place of describing one.
const MAX_RECORD: u8 = 6;
/// An extended length, whose own length is in the other bits.
const EXTENDED: u16 = 0x8000;

const DAMAGED: &str = "A part of the file's IPTC metadata was not kept: it is damaged, or longer than 1 MB.";

/// Reads data sets up to the first damaged one.
pub(super) fn read(mut bytes: &[u8], warnings: &mut Vec<String>) -> Vec<DataSet> {
    let (mut sets, mut total) = (Vec::new(), 0);
    // Some programs pad the record with zeros.
    while bytes.iter().any(|byte| *byte != 0) {
        let Some((set, rest)) = split_first(bytes).filter(|_| sets.len() < MAX_DATA_SETS) else {
            warnings.push(DAMAGED.to_owned());
            break;
        };
        total += set.bytes.len();
        if total > MAX_BYTES {
            warnings.push(DAMAGED.to_owned());
            break;
        }
        bytes = rest;
        if !describes_pixels(&set) {
            sets.push(set);
        }
    }
    sets
}

fn split_first(bytes: &[u8]) -> Option<(DataSet, &[u8])> {
    let ([MARKER, record, number, length @ ..], rest) = bytes.split_first_chunk::<5>()? else { return None };
    let length = u16::from_be_bytes(*length);
    let (length, rest) = if length & EXTENDED == 0 {
        (usize::from(length), rest)
    } else {
        let (number, rest) = rest.split_at_checked(usize::from(length & !EXTENDED))?;
        let number = number.iter().try_fold(0_usize, |sum, byte| Some(sum.checked_mul(256)? + usize::from(*byte)))?;
        (number, rest)
    };
    let (data, rest) = rest.split_at_checked(length)?;
    Some((DataSet { record: *record, number: *number, bytes: data.to_vec() }, rest))
}

/// Whether a data set is a picture, or states the layout of one: the orientation (2:131), the type of the picture (2:130)
/// and the preview (2:200 to 2:202).
fn describes_pixels(set: &DataSet) -> bool {
    set.record > MAX_RECORD || (set.record == 2 && matches!(set.number, 125 | 130 | 131 | 200..=202))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(record: u8, number: u8, data: &[u8]) -> Vec<u8> {
        [&[MARKER, record, number, 0, data.len() as u8], data].concat()
    }

    #[test]
    fn reads_all_but_pictures_and_orientation() {
        let mut bytes = [set(1, 90, b"\x1B%G"), set(2, 25, b"cup"), set(2, 131, b"P"), set(2, 202, b"JPEG")].concat();
        bytes.extend([MARKER, 2, 120, 0x80, 4, 0, 0, 0, 3, b'a', b'b', b'c', 0, 0]);
        let mut warnings = Vec::new();
        let sets = read(&bytes, &mut warnings);
        let found: Vec<_> = sets.iter().map(|set| (set.record, set.number, set.bytes.as_slice())).collect();
        assert_eq!(found, [(1, 90, &b"\x1B%G"[..]), (2, 25, b"cup"), (2, 120, b"abc")]);
        assert!(warnings.is_empty(), "{warnings:?}");
    }

    #[test]
    fn stops_at_damage_with_a_warning() {
        let whole = [set(2, 25, b"cup"), set(2, 25, b"saucer")].concat();
        let huge = [MARKER, 2, 25, 0x80, 8, 255, 255, 255, 255, 255, 255, 255, 255];
        let wide = [MARKER, 2, 25, 0xFF, 0xFF, 1];
        for damaged in [&whole[..10], &whole[..whole.len() - 1], &[&whole[..8], b"x"].concat(), &huge, &wide] {
            let mut warnings = Vec::new();
            assert!(read(damaged, &mut warnings).len() <= 1);
            assert_eq!(warnings, [DAMAGED]);
        }
        let mut warnings = Vec::new();
        assert_eq!(read(&set(2, 25, b"").repeat(MAX_DATA_SETS + 5), &mut warnings).len(), MAX_DATA_SETS);
        assert_eq!(warnings, [DAMAGED]);
    }
}
