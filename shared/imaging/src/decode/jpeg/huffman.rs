//! Huffman codes (ITU-T T.81, annexes C and F.2.2.3).

use super::bits::BitReader;

/// Codes of up to this many bits are looked up at once.
const LOOKUP_BITS: u32 = 9;
const MAX_BITS: usize = 16;

/// A coefficient and the zeros before it are looked up at once if all their bits are within this many.
const COEFFICIENT_BITS: u32 = 10;

/// A table of codes.
#[derive(Clone)]
pub(super) struct HuffmanTable {
    /// By the next bits: the symbol, and the code's length above it; 0 for longer codes.
    lookup: Box<[u16; 1 << LOOKUP_BITS]>,
    /// By length less 1: the code after the last one of that length, in the highest of 16 bits.
    ends: [u32; MAX_BITS],
    /// By length less 1: what to add to a code of that length for the place of its symbol.
    offsets: [i32; MAX_BITS],
    symbols: Vec<u8>,
}

impl HuffmanTable {
    /// A table by the number of codes of each length, and their symbols. `None` if there are more codes than lengths allow.
    pub(super) fn new(counts: &[u8; MAX_BITS], symbols: &[u8]) -> Option<Self> {
        let mut table = Self {
            lookup: Box::new([0; 1 << LOOKUP_BITS]),
            ends: [0; MAX_BITS],
            offsets: [0; MAX_BITS],
            symbols: symbols.to_vec(),
        };
        let (mut code, mut place) = (0_u32, 0_usize);
        for (length, count) in (1..).zip(counts) {
            table.offsets[length - 1] = place as i32 - code as i32;
            for _ in 0..*count {
                if code >= 1 << length {
                    return None;
                }
                let symbol = *symbols.get(place)?;
                if let Some(free) = LOOKUP_BITS.checked_sub(length as u32) {
                    let first = (code << free) as usize;
                    table.lookup[first..first + (1 << free)].fill((length as u16) << 8 | u16::from(symbol));
                }
                code += 1;
                place += 1;
            }
            table.ends[length - 1] = code << (MAX_BITS - length);
            code <<= 1;
        }
        Some(table)
    }

    /// Reads a symbol, for which 16 bits must be available. `None` if there is no such code.
    #[inline]
    pub(super) fn read(&self, reader: &mut BitReader<'_>) -> Option<u8> {
        let entry = self.lookup[reader.peek(LOOKUP_BITS) as usize];
        if entry != 0 {
            reader.skip(u32::from(entry >> 8));
            return Some(entry as u8);
        }
        let bits = reader.peek(MAX_BITS as u32);
        let length = self.ends.iter().position(|end| bits < *end)? + 1;
        let code = bits >> (MAX_BITS - length);
        reader.skip(length as u32);
        self.symbols.get(usize::try_from(code as i32 + self.offsets[length - 1]).ok()?).copied()
    }
}

/// A table of codes for all coefficients of a block but the first.
#[derive(Clone)]
pub(super) struct AcTable {
    codes: HuffmanTable,
    /// By the next bits.
    coefficients: Box<[ShortCoefficient; 1 << COEFFICIENT_BITS]>,
}

/// A coefficient whose code and number have few bits.
#[derive(Clone, Copy, Default)]
pub(super) struct ShortCoefficient {
    pub(super) value: i16,
    /// The zeros before it, at most 15.
    pub(super) zeros: u8,
    /// The bits of its code and its number; 0 if they are too many, or if no coefficient follows.
    bits: u8,
}

impl AcTable {
    pub(super) fn new(codes: HuffmanTable) -> Self {
        let mut coefficients = Box::new([ShortCoefficient::default(); 1 << COEFFICIENT_BITS]);
        for (bits, coefficient) in (0_u64..).zip(coefficients.iter_mut()) {
            *coefficient = codes.short_coefficient(bits << (u64::BITS - COEFFICIENT_BITS)).unwrap_or_default();
        }
        Self { codes, coefficients }
    }

    /// Reads a coefficient if it is a short one, for which [`COEFFICIENT_BITS`] must be available.
    #[inline]
    pub(super) fn read_short(&self, reader: &mut BitReader<'_>) -> Option<ShortCoefficient> {
        let coefficient = self.coefficients[reader.peek(COEFFICIENT_BITS) as usize];
        if coefficient.bits == 0 {
            return None;
        }
        reader.skip(coefficient.bits.into());
        Some(coefficient)
    }

    /// Reads a symbol, as [`HuffmanTable::read`] does.
    pub(super) fn read(&self, reader: &mut BitReader<'_>) -> Option<u8> {
        self.codes.read(reader)
    }
}

impl HuffmanTable {
    /// The coefficient that the highest of these bits stand for, if they are at most [`COEFFICIENT_BITS`].
    fn short_coefficient(&self, bits: u64) -> Option<ShortCoefficient> {
        let mut reader = BitReader::of_bits(bits);
        let available = reader.available();
        let symbol = self.read(&mut reader)?;
        let size = u32::from(symbol & 15);
        let bits = available - reader.available() + size;
        (size > 0 && bits <= COEFFICIENT_BITS).then(|| ShortCoefficient {
            value: reader.read_signed(size) as i16,
            zeros: symbol >> 4,
            bits: bits as u8,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_coefficients_are_those_of_their_codes() {
        // Codes 0, 10, 110 and 1110 0000 0000: no zeros and 3 bits, 2 zeros and 8 bits, the end, 15 zeros and 1 bit.
        let mut counts = [0; 16];
        (counts[0], counts[1], counts[2], counts[11]) = (1, 1, 1, 1);
        let table = AcTable::new(HuffmanTable::new(&counts, &[0x03, 0x28, 0x00, 0xF1]).expect("is valid"));
        let read = |bytes: &[u8]| {
            let mut reader = BitReader::new(bytes, 0);
            reader.refill();
            let before = reader.available();
            let short = table.read_short(&mut reader)?;
            Some((short.zeros, short.value, before - reader.available()))
        };
        assert_eq!(read(&[0b0101_0000, 0]), Some((0, 5, 4)));
        assert_eq!(read(&[0b0010_0000, 0]), Some((0, -5, 4)));
        assert_eq!(read(&[0b1000_0000, 0b0100_0000]), Some((2, -254, 10)));
        assert_eq!(read(&[0b1011_1111, 0b1000_0000]), Some((2, 254, 10)));
        assert_eq!(read(&[0b1100_0000, 0]), None, "the end of a block");
        assert_eq!(read(&[0b1110_0000, 0b0000_1000]), None, "a long code");
        assert_eq!(read(&[0b1111_1111, 0]), None, "no code");
    }

    /// Codes 0, 10, 110 and one of 12 bits: 1110 0000 0000.
    fn table() -> HuffmanTable {
        let mut counts = [0; 16];
        (counts[0], counts[1], counts[2], counts[11]) = (1, 1, 1, 1);
        HuffmanTable::new(&counts, &[5, 6, 7, 8]).expect("is valid")
    }

    #[test]
    fn reads_short_and_long_codes() {
        // 0, 10, 110, 1110 0000 0000, 0.
        let data = [0b0101_1011, 0b1000_0000, 0b0000_0000];
        let mut reader = BitReader::new(&data, 0);
        reader.refill();
        let symbols: Vec<_> = (0..5).map(|_| table().read(&mut reader)).collect();
        assert_eq!(symbols, [5, 6, 7, 8, 5].map(Some));
    }

    #[test]
    fn rejects_codes_that_do_not_exist() {
        let mut reader = BitReader::new(&[0xFE, 0xFE, 0xFE], 0);
        reader.refill();
        assert_eq!(table().read(&mut reader), None);
        let mut counts = [0; 16];
        counts[0] = 3;
        assert!(HuffmanTable::new(&counts, &[1, 2, 3]).is_none());
        counts[0] = 2;
        assert!(HuffmanTable::new(&counts, &[1]).is_none());
        assert!(HuffmanTable::new(&[0; 16], &[]).is_some());
    }
}
