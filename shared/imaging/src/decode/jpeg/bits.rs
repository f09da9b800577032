//! The bits of a scan, in which a zero follows every byte `FF` (ITU-T T.81, annex F.2.2.5).

/// Reads bits, the highest of a byte first. After the last byte before a marker it reads zeros.
pub(super) struct BitReader<'a> {
    data: &'a [u8],
    at: usize,
    /// The next bits, from the highest one on.
    buffer: u64,
    /// How many bits of the buffer are to be read.
    count: u32,
    /// How many of them are zeros after the end.
    padding: u32,
}

/// Bits that are there after [`BitReader::refill`].
pub(super) const REFILLED: u32 = 56;

impl<'a> BitReader<'a> {
    /// Reads `data` from an offset on.
    pub(super) fn new(data: &'a [u8], at: usize) -> Self {
        Self { data, at, buffer: 0, count: 0, padding: 0 }
    }

    /// Reads bits that are no part of a scan, the highest one first.
    pub(super) fn of_bits(bits: u64) -> Self {
        Self { data: &[], at: 0, buffer: bits, count: u64::BITS, padding: 0 }
    }

    /// Makes at least [`REFILLED`] bits available.
    #[inline]
    pub(super) fn refill(&mut self) {
        if self.count >= REFILLED {
            return;
        }
        if let Some(bytes) = self.data.get(self.at..).and_then(|rest| rest.first_chunk()) {
            let word = u64::from_be_bytes(*bytes);
            if !has_marker_byte(word) {
                // Bits beyond the counted ones are those of the next bytes already, and are written again later.
                self.buffer |= word >> self.count;
                let taken = (u64::BITS - self.count) / 8;
                self.at += taken as usize;
                self.count += taken * 8;
                return;
            }
        }
        self.refill_bytes();
    }

    #[cold]
    fn refill_bytes(&mut self) {
        // Keeps only the counted bits.
        self.buffer &= !u64::MAX.checked_shr(self.count).unwrap_or(0);
        while self.count <= REFILLED {
            let (byte, length) = match self.data.get(self.at..).unwrap_or_default() {
                [0xFF, 0, ..] => (0xFF, 2),
                // A marker, or the end.
                [] | [0xFF, ..] => {
                    self.padding += u64::BITS - self.count;
                    self.count = u64::BITS;
                    return;
                }
                [byte, ..] => (*byte, 1),
            };
            self.at += length;
            self.buffer |= u64::from(byte) << (u64::BITS - 8 - self.count);
            self.count += 8;
        }
    }

    /// The next `count` bits, at most [`REFILLED`] less those read since the last refill. 0 bits are 0.
    #[inline]
    pub(super) fn peek(&self, count: u32) -> u32 {
        // Shifts twice: a single shift by the full width is not defined.
        (self.buffer >> 1 >> (u64::BITS - 1 - count)) as u32
    }

    /// Skips bits that are available.
    #[inline]
    pub(super) fn skip(&mut self, count: u32) {
        self.buffer <<= count;
        self.count = self.count.wrapping_sub(count);
    }

    /// Reads bits that are available.
    #[inline]
    pub(super) fn read(&mut self, count: u32) -> u32 {
        let bits = self.peek(count);
        self.skip(count);
        bits
    }

    /// Reads one bit, and refills before if needed.
    pub(super) fn read_bit(&mut self) -> bool {
        if self.count == 0 {
            self.refill();
        }
        self.read(1) == 1
    }

    /// A signed number of `size` bits (annex F.2.2.1). They must be available.
    #[inline]
    pub(super) fn read_signed(&mut self, size: u32) -> i32 {
        if size == 0 {
            return 0;
        }
        let bits = self.read(size) as i32;
        // Numbers whose highest bit is 0 are negative.
        if bits >> (size - 1) == 0 { bits - (1 << size) + 1 } else { bits }
    }

    pub(super) fn available(&self) -> u32 {
        self.count
    }

    /// Whether bits after the end were read.
    pub(super) fn is_past_end(&self) -> bool {
        self.count < self.padding
    }

    /// Goes on after the restart marker with this number, from 0 to 7. `None` if that is not the next marker.
    pub(super) fn restart(&mut self, number: u8) -> Option<()> {
        let mut rest = self.data.get(self.position()..)?;
        // Stray bytes before the marker are ignored, like those between segments.
        while !matches!(rest, [0xFF, 1..=0xFE, ..]) {
            rest = rest.get(1..)?;
        }
        if rest.get(1) != Some(&(0xD0 + number)) {
            return None;
        }
        *self = Self::new(self.data, self.data.len() - rest.len() + 2);
        Some(())
    }

    /// The offset of the first byte that was not read, not even in part.
    pub(super) fn position(&self) -> usize {
        // Whole bytes in the buffer are given back. Each of them may have been two in the data, so this is too far back
        // by no more than a few bytes of the scan, which hold no marker.
        self.at.saturating_sub((self.count.saturating_sub(self.padding) / 8) as usize)
    }
}

/// Whether a byte is `FF`.
fn has_marker_byte(word: u64) -> bool {
    const LOW: u64 = 0x0101_0101_0101_0101;
    let inverted = !word;
    inverted.wrapping_sub(LOW) & !inverted & (LOW << 7) != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_bits_and_skips_stuffed_zeros() {
        let data = [0b1010_0101, 0xFF, 0, 0x12, 0x34, 0x56, 0x78, 0x9A, 0xBC, 0xDE, 0xF0, 0xFF, 0, 1, 0xFF, 0xD9];
        let mut reader = BitReader::new(&data, 0);
        let mut read = Vec::new();
        for _ in 0..13 {
            reader.refill();
            read.push(reader.read(8));
        }
        assert_eq!(read, [0xA5, 0xFF, 0x12, 0x34, 0x56, 0x78, 0x9A, 0xBC, 0xDE, 0xF0, 0xFF, 1, 0]);
        assert!(reader.is_past_end());
    }

    #[test]
    fn reads_single_bits_and_signed_numbers() {
        let mut reader = BitReader::new(&[0b1011_0010, 0xC0], 0);
        assert_eq!([reader.read_bit(), reader.read_bit()], [true, false]);
        assert_eq!((reader.read_signed(3), reader.read_signed(3), reader.read_signed(0)), (6, -5, 0));
        assert!(!reader.is_past_end());
    }

    #[test]
    fn restarts_at_the_expected_marker() {
        let mut reader = BitReader::new(&[0xAA, 0xFF, 0xD0, 0x80, 0xFF, 0xD1], 0);
        reader.refill();
        reader.skip(3);
        assert_eq!(reader.restart(0), Some(()));
        assert!(reader.read_bit());
        assert_eq!(reader.restart(2), None);
        assert_eq!(reader.restart(1), Some(()));
        assert_eq!(reader.restart(2), None);
    }
}
