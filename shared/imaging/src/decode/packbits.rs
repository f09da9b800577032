//! PackBits, the run-length encoding of TIFF and of Photoshop (TIFF 6.0, section 9).

use std::io::{self, Read};

/// Unpacks bytes. Runs may go on from one read to the next.
pub(super) struct PackBitsReader<'a> {
    packed: &'a [u8],
    pending: Run,
}

/// The rest of a run.
enum Run {
    Literal(usize),
    Repeat(u8, usize),
}

impl<'a> PackBitsReader<'a> {
    pub(super) fn new(packed: &'a [u8]) -> Self {
        Self { packed, pending: Run::Literal(0) }
    }

    /// Reads the header of the next run; `None` at the end of the data.
    fn next_run(&mut self) -> Option<Run> {
        let (header, rest) = self.packed.split_first()?;
        self.packed = rest;
        Some(match *header {
            // No operation.
            128 => Run::Literal(0),
            count @ 0..=127 => Run::Literal(usize::from(count) + 1),
            count => {
                let (byte, rest) = rest.split_first()?;
                self.packed = rest;
                Run::Repeat(*byte, 257 - usize::from(count))
            }
        })
    }
}

impl Read for PackBitsReader<'_> {
    fn read(&mut self, unpacked: &mut [u8]) -> io::Result<usize> {
        loop {
            let length = match &mut self.pending {
                Run::Literal(left) => {
                    let length = (*left).min(unpacked.len()).min(self.packed.len());
                    let (bytes, rest) = self.packed.split_at(length);
                    unpacked[..length].copy_from_slice(bytes);
                    self.packed = rest;
                    *left -= length;
                    length
                }
                Run::Repeat(byte, left) => {
                    let length = (*left).min(unpacked.len());
                    unpacked[..length].fill(*byte);
                    *left -= length;
                    length
                }
            };
            if length > 0 || unpacked.is_empty() {
                return Ok(length);
            }
            match self.next_run() {
                Some(run) => self.pending = run,
                None => return Ok(0),
            }
        }
    }
}

/// Unpacks bytes until `unpacked` is full. Like other programs, ignores data past its end. `None` if the data end early.
pub(super) fn unpack(packed: &[u8], unpacked: &mut [u8]) -> Option<()> {
    PackBitsReader::new(packed).read_exact(unpacked).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unpacks_runs_and_literals() {
        let mut row = [0; 8];
        assert_eq!(unpack(&[254, 7, 128, 1, 8, 9, 253, 5, 5], &mut row), Some(()));
        assert_eq!(row, [7, 7, 7, 8, 9, 5, 5, 5]);
        assert_eq!(unpack(&[254, 7, 3, 1, 2], &mut row), None);
        assert_eq!(unpack(&[254, 7], &mut row), None);
        assert_eq!(unpack(&[], &mut row), None);
    }

    #[test]
    fn runs_go_on_across_reads() {
        let mut reader = PackBitsReader::new(&[252, 9, 3, 1, 2, 3, 4]);
        let mut rows = [[0; 3]; 3];
        for row in &mut rows {
            reader.read_exact(row).expect("has nine bytes");
        }
        assert_eq!(rows, [[9, 9, 9], [9, 9, 1], [2, 3, 4]]);
    }
}
