//! The directories of a TIFF, which Exif blocks have too: tags and their values, read from the bytes where they
//! stand. It is not a decoder of pictures, and what it cannot read it leaves out.

/// The most entries of a directory that are looked at.
const MAX_ENTRIES: u64 = 4096;
/// The most directories that are counted.
const MAX_PAGES: usize = 10_000;

pub(in crate::decode) const ORIENTATION: u16 = 274;
pub(in crate::decode) const X_RESOLUTION: u16 = 282;
pub(in crate::decode) const RESOLUTION_UNIT: u16 = 296;
pub(in crate::decode) const ARTIST: u16 = 315;
pub(in crate::decode) const EXTRA_SAMPLES: u16 = 338;
pub(in crate::decode) const XMP: u16 = 700;
pub(in crate::decode) const COPYRIGHT: u16 = 33_432;
pub(in crate::decode) const IPTC: u16 = 33_723;
pub(in crate::decode) const PHOTOSHOP: u16 = 34_377;
pub(in crate::decode) const ICC_PROFILE: u16 = 34_675;

/// The first directory of a TIFF or an Exif block.
#[derive(Debug, Clone, Copy)]
pub(in crate::decode) struct Ifd<'a> {
    bytes: &'a [u8],
    big_endian: bool,
    /// Offsets of eight bytes, as BigTIFF has them.
    wide: bool,
    /// Where the directory begins.
    at: u64,
}

impl<'a> Ifd<'a> {
    /// The first directory, of a block that begins with the mark of its byte order.
    pub(in crate::decode) fn first(bytes: &'a [u8]) -> Option<Self> {
        let big_endian = match bytes.first_chunk()? {
            b"II" => false,
            b"MM" => true,
            _ => return None,
        };
        let mut ifd = Self { bytes, big_endian, wide: false, at: 0 };
        match ifd.number(2, 2)? {
            42 => ifd.at = ifd.number(4, 4)?,
            43 => {
                ifd.wide = true;
                ifd.at = ifd.number(8, 8)?;
            }
            _ => return None,
        }
        Some(ifd)
    }

    /// How many directories follow one another from here on, this one included. A chain that goes back on itself
    /// ends where it does.
    pub(in crate::decode) fn pages(&self) -> usize {
        let (mut seen, mut ifd) = (std::collections::HashSet::new(), *self);
        while ifd.at != 0 && seen.len() < MAX_PAGES && ifd.count().is_some() && seen.insert(ifd.at) {
            let Some(next) = ifd.next() else { break };
            ifd.at = next;
        }
        seen.len()
    }

    fn next(&self) -> Option<u64> {
        let (head, entry, word) = self.layout();
        let end = self.at.checked_add(head)?.checked_add(self.count()?.checked_mul(entry)?)?;
        self.number(end, word)
    }

    /// The bytes of a count, of an entry and of an offset.
    fn layout(&self) -> (u64, u64, u64) {
        if self.wide { (8, 20, 8) } else { (2, 12, 4) }
    }

    fn count(&self) -> Option<u64> {
        self.number(self.at, self.layout().0)
    }

    /// The type and the bytes of a tag's values.
    fn value(&self, tag: u16) -> Option<(u64, &'a [u8])> {
        let (head, size, word) = self.layout();
        let first = self.at.checked_add(head)?;
        let entry = (0..self.count()?.min(MAX_ENTRIES))
            .map_while(|index| first.checked_add(index * size))
            .find(|entry| self.number(*entry, 2) == Some(tag.into()))?;
        let kind = self.number(entry.checked_add(2)?, 2)?;
        let width = match kind {
            1 | 2 | 6 | 7 => 1,
            3 | 8 => 2,
            4 | 9 | 11 => 4,
            5 | 10 | 12 | 16 => 8,
            _ => return None,
        };
        let length = self.number(entry.checked_add(4)?, word)?.checked_mul(width)?;
        let mut at = entry.checked_add(4 + word)?;
        if length > word {
            at = self.number(at, word)?;
        }
        let at = usize::try_from(at).ok()?;
        let end = at.checked_add(usize::try_from(length).ok()?)?;
        Some((kind, self.bytes.get(at..end)?))
    }

    /// The bytes of a tag, whatever their type.
    pub(in crate::decode) fn bytes(&self, tag: u16) -> Option<&'a [u8]> {
        self.value(tag).map(|(_, bytes)| bytes)
    }

    /// The first value of a tag of whole numbers.
    pub(in crate::decode) fn whole(&self, tag: u16) -> Option<u64> {
        let (kind, bytes) = self.value(tag)?;
        match kind {
            1 => bytes.first().map(|byte| u64::from(*byte)),
            3 => self.order(bytes.get(..2)?),
            4 => self.order(bytes.get(..4)?),
            16 => self.order(bytes.get(..8)?),
            _ => None,
        }
    }

    /// The first value of a tag of fractions.
    pub(in crate::decode) fn fraction(&self, tag: u16) -> Option<f64> {
        let (kind, bytes) = self.value(tag)?;
        match kind {
            5 => Some(self.order(bytes.get(..4)?)? as f64 / self.order(bytes.get(4..8)?)? as f64),
            _ => self.whole(tag).map(|whole| whole as f64),
        }
    }

    fn number(&self, at: u64, length: u64) -> Option<u64> {
        let at = usize::try_from(at).ok()?;
        self.order(self.bytes.get(at..at.checked_add(length as usize)?)?)
    }

    /// Up to eight bytes as a number.
    fn order(&self, bytes: &[u8]) -> Option<u64> {
        let push = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        Some(if self.big_endian { bytes.iter().fold(0, push) } else { bytes.iter().rev().fold(0, push) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Little-endian, one directory: orientation 6, a resolution of 300/2 and an artist of four letters.
    fn block() -> Vec<u8> {
        let mut block = b"II*\0\x08\0\0\0\x03\0".to_vec();
        block.extend([0x12, 1, 3, 0, 1, 0, 0, 0, 6, 0, 0, 0]);
        block.extend([0x1A, 1, 5, 0, 1, 0, 0, 0, 50, 0, 0, 0]);
        block.extend([0x3B, 1, 2, 0, 4, 0, 0, 0, b'A', b'n', b'n', 0]);
        block.extend([0; 4]);
        block.extend([44, 1, 0, 0, 2, 0, 0, 0]);
        block
    }

    #[test]
    fn values_are_read_where_they_stand() {
        let block = block();
        let ifd = Ifd::first(&block).expect("has a directory");
        assert_eq!(ifd.whole(ORIENTATION), Some(6));
        assert_eq!(ifd.fraction(X_RESOLUTION), Some(150.0));
        assert_eq!(ifd.bytes(ARTIST), Some(b"Ann\0".as_slice()));
        assert_eq!(ifd.bytes(COPYRIGHT), None);
        assert_eq!(ifd.pages(), 1);
    }

    #[test]
    fn a_chain_that_goes_back_on_itself_ends() {
        let mut block = block();
        block[46] = 8;
        assert_eq!(Ifd::first(&block).expect("has a directory").pages(), 1);
    }

    #[test]
    fn what_points_outside_is_left_out() {
        let whole = block();
        for length in 0..whole.len() {
            if let Some(ifd) = Ifd::first(&whole[..length]) {
                let _ = (ifd.fraction(X_RESOLUTION), ifd.pages());
            }
        }
        let mut far = whole;
        far[30] = 0xFF;
        far[33] = 0xFF;
        assert_eq!(Ifd::first(&far).expect("has a directory").fraction(X_RESOLUTION), None);
    }
}
