//! The size of the pictures in an HEVC stream, by its sequence parameter sets (ITU-T H.265, sections 7.3.2.2 and 7.3.3;
//! ISO/IEC 14496-15, section 8.3.3).
//!
//! A decoder allocates by these sizes, and not by those that the container states. So they are compared first.

use super::boxes::{Reader, damaged, unsupported};
use crate::error::Error;

type Result<T> = std::result::Result<T, Error>;

/// The type of a unit that holds a sequence parameter set.
const SEQUENCE_PARAMETERS: u8 = 33;
/// The longest decoder configuration record, in bytes. Encoders write some hundreds.
const MAX_CONFIG: usize = 1 << 16;
/// The beginning of a parameter set that ends after the size, in bytes: 8 layers with profile and level, and four numbers.
const MAX_HEAD: usize = 256;
/// A coded picture may be larger than the shown one by less than a coding block.
const MAX_BLOCK: u32 = 64;
/// Bits of a profile, and of a level.
const PROFILE_BITS: usize = 88;
const LEVEL_BITS: usize = 8;

/// Checks that no picture of a stream is larger than a size in pixels. `config` is the content of the `hvcC` property.
pub(super) fn check_coded_size(config: &[u8], stream: &[u8], (width, height): (u32, u32)) -> Result<()> {
    let Config { length_bytes, sets } = Config::parse(config)?;
    let mut count = 0;
    for set in sets.into_iter().chain(units(stream, length_bytes).filter(|unit| is_sequence_set(unit))) {
        let (coded_width, coded_height) =
            coded_size(set).ok_or_else(|| damaged("the size of its stream is missing"))?;
        if coded_width >= width.saturating_add(MAX_BLOCK) || coded_height >= height.saturating_add(MAX_BLOCK) {
            return Err(damaged("its stream is larger than the image"));
        }
        count += 1;
    }
    if count == 0 { Err(damaged("the size of its stream is missing")) } else { Ok(()) }
}

/// A decoder configuration record.
struct Config<'a> {
    /// Bytes of the length before each unit of the stream: 1 to 4.
    length_bytes: usize,
    /// Sequence parameter sets.
    sets: Vec<&'a [u8]>,
}

impl<'a> Config<'a> {
    fn parse(config: &'a [u8]) -> Result<Self> {
        // Each tile of a grid may refer to it.
        if config.len() > MAX_CONFIG {
            return Err(unsupported("a long description of its codec"));
        }
        let mut reader = Reader::new(config);
        let _profile_and_format = reader.bytes(21)?;
        let length_bytes = reader.u64(1)? as usize % 4 + 1;
        let mut sets = Vec::new();
        for _ in 0..reader.u64(1)? {
            let _kind = reader.bytes(1)?;
            for _ in 0..reader.u64(2)? {
                let length = reader.u64(2)? as usize;
                let unit = reader.bytes(length)?;
                if is_sequence_set(unit) {
                    sets.push(unit);
                }
            }
        }
        Ok(Self { length_bytes, sets })
    }
}

/// The units of a stream. Ends at one that is cut off.
fn units(stream: &[u8], length_bytes: usize) -> impl Iterator<Item = &[u8]> {
    let mut reader = Reader::new(stream);
    std::iter::from_fn(move || {
        let length = reader.u64(length_bytes).ok()? as usize;
        reader.bytes(length).ok()
    })
}

fn is_sequence_set(unit: &[u8]) -> bool {
    unit.first().is_some_and(|first| first >> 1 & 0x3F == SEQUENCE_PARAMETERS)
}

/// Width and height in pixels by a sequence parameter set; `None` if it ends early.
fn coded_size(unit: &[u8]) -> Option<(u32, u32)> {
    // The rest says nothing about the size.
    let mut bits = Bits::new(&unit.get(2..)?[..(unit.len() - 2).min(MAX_HEAD)]);
    let _parameter_set = bits.number(4)?;
    let layers = bits.number(3)?;
    bits.skip(1 + PROFILE_BITS + LEVEL_BITS)?;
    let present: Vec<(bool, bool)> =
        (0..layers).map(|_| Some((bits.number(1)? == 1, bits.number(1)? == 1))).collect::<Option<_>>()?;
    if layers > 0 {
        bits.skip((8 - layers as usize) * 2)?;
    }
    for (has_profile, has_level) in present {
        bits.skip(if has_profile { PROFILE_BITS } else { 0 } + if has_level { LEVEL_BITS } else { 0 })?;
    }
    let _id = bits.exponential()?;
    let chroma_format = bits.exponential()?;
    if chroma_format == 3 {
        bits.skip(1)?;
    }
    Some((bits.exponential()?, bits.exponential()?))
}

/// Reads bits from the front of a unit, without the bytes that prevent false start codes.
struct Bits {
    bytes: Vec<u8>,
    at: usize,
}

impl Bits {
    fn new(unit: &[u8]) -> Self {
        let mut bytes: Vec<u8> = Vec::with_capacity(unit.len());
        let mut zeros = 0;
        for byte in unit {
            if zeros >= 2 && *byte == 3 {
                zeros = 0;
                continue;
            }
            zeros = if *byte == 0 { zeros + 1 } else { 0 };
            bytes.push(*byte);
        }
        Self { bytes, at: 0 }
    }

    fn skip(&mut self, count: usize) -> Option<()> {
        self.at += count;
        (self.at <= self.bytes.len() * 8).then_some(())
    }

    /// A number of at most 32 bits.
    fn number(&mut self, length: usize) -> Option<u32> {
        let mut number = 0;
        for _ in 0..length {
            let byte = self.bytes.get(self.at / 8)?;
            number = number << 1 | u32::from(byte >> (7 - self.at % 8) & 1);
            self.at += 1;
        }
        Some(number)
    }

    /// An Exp-Golomb code (section 9.2) of at most 32 bits.
    fn exponential(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while self.number(1)? == 0 {
            zeros += 1;
            if zeros > 31 {
                return None;
            }
        }
        Some((1_u32 << zeros) - 1 + self.number(zeros)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A sequence parameter set of one layer and of 4:2:0, without what follows the size.
    fn set(width: u32, height: u32) -> Vec<u8> {
        let mut bits = "0000".to_owned() + "000" + "1" + &"1".repeat(PROFILE_BITS + LEVEL_BITS) + "1" + "010";
        for number in [width, height] {
            let code = format!("{:b}", number + 1);
            bits += &"0".repeat(code.len() - 1);
            bits += &code;
        }
        bits += "1";
        let bytes = bits.as_bytes().chunks(8).map(|byte| {
            let text = String::from_utf8_lossy(byte);
            u8::from_str_radix(&format!("{text:0<8}"), 2).expect("is binary")
        });
        [SEQUENCE_PARAMETERS << 1, 1].into_iter().chain(bytes).collect()
    }

    fn config(sets: &[Vec<u8>]) -> Vec<u8> {
        let mut config = vec![0; 21];
        config.extend([3, 1, SEQUENCE_PARAMETERS, 0, sets.len() as u8]);
        for set in sets {
            config.extend((set.len() as u16).to_be_bytes());
            config.extend(set);
        }
        config
    }

    #[test]
    fn reads_the_size_of_a_parameter_set() {
        assert_eq!(coded_size(&set(4032, 3024)), Some((4032, 3024)));
        assert_eq!(coded_size(&set(4032, 3024)[..14]), None);
        // Three zeros in a row are written with a byte between them.
        let mut prevented = set(4032, 3024);
        prevented.splice(3..3, [0, 0, 3]);
        assert_eq!(Bits::new(&[0, 0, 3, 1]).bytes, [0, 0, 1]);
        assert!(coded_size(&prevented).is_some());
    }

    #[test]
    fn refuses_streams_larger_than_the_image() {
        let check = |sets: &[Vec<u8>], stream: &[u8]| check_coded_size(&config(sets), stream, (64, 64)).is_ok();
        assert!(check(&[set(64, 64)], &[]) && check(&[set(120, 64)], &[]));
        assert!(!check(&[set(128, 64)], &[]) && !check(&[set(64, 16_384)], &[]) && !check(&[], &[]));
        let large = set(8192, 8192);
        let within = [&(large.len() as u32).to_be_bytes()[..], &large].concat();
        assert!(!check(&[set(64, 64)], &within), "a set within the stream counts too");
        let long = [set(64, 64), vec![0; 60_000]].concat();
        assert!(!check(&[long.clone(), long], &[]), "a record has a sensible length");
    }
}
