//! Blocks of image resources: reading them one after the other, and appending one.

use crate::error::Cause;

/// The signature of Photoshop's own blocks.
const PHOTOSHOP: [u8; 4] = *b"8BIM";

/// One block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Block<'a> {
    /// The id; `None` for a block of another program, whose ids mean something else.
    pub(crate) id: Option<u16>,
    /// Its name, which most blocks leave empty.
    pub(crate) name: &'a [u8],
    /// Its content, without padding.
    pub(crate) data: &'a [u8],
    /// The whole block as stored, with the zeros behind it. The last block of a file may lack its padding.
    pub(crate) bytes: &'a [u8],
}

/// Why the rest of the resources cannot be divided into blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BlockFault {
    /// A block is longer than the resources. Holds its id.
    TooLong(u16),
    /// Something other than a block.
    NoBlock,
}

/// The blocks of image resources, in order. After a fault there are no more.
#[derive(Debug, Clone)]
pub(crate) struct Blocks<'a> {
    rest: &'a [u8],
}

impl<'a> Blocks<'a> {
    pub(crate) fn of(resources: &'a [u8]) -> Self {
        // Some programs write nothing but zeros.
        Self { rest: &resources[zeros(resources)..] }
    }

    /// A signature, an id, a name behind its length in one byte, data behind its length in four. Name and data are
    /// padded to even lengths.
    fn split_first(&self) -> Result<(Block<'a>, &'a [u8]), BlockFault> {
        let (signature, rest) = self.rest.split_first_chunk::<4>().ok_or(BlockFault::NoBlock)?;
        // Photoshop's, or that of another program: `MeSa`, `PHUT`, `AgHg`, `DCSR`, …
        if !signature.iter().all(u8::is_ascii_alphanumeric) {
            return Err(BlockFault::NoBlock);
        }
        let (id, rest) = rest.split_first_chunk::<2>().ok_or(BlockFault::NoBlock)?;
        let id = u16::from_be_bytes(*id);
        let (name, data, rest) = name_and_data(rest).ok_or(BlockFault::TooLong(id))?;
        // Padding, also more of it than the format asks for.
        let rest = &rest[zeros(rest)..];
        let bytes = &self.rest[..self.rest.len() - rest.len()];
        Ok((Block { id: (*signature == PHOTOSHOP).then_some(id), name, data, bytes }, rest))
    }
}

/// The name, the data, and what follows them.
fn name_and_data(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (name_length, rest) = bytes.split_first()?;
    let name = rest.get(..usize::from(*name_length))?;
    let rest = bytes.get((name.len() + 1).next_multiple_of(2)..)?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let (data, rest) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
    Some((name, data, rest.get(data.len() % 2..).unwrap_or_default()))
}

/// The number of zeros at the start.
fn zeros(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|byte| **byte == 0).count()
}

impl<'a> Iterator for Blocks<'a> {
    type Item = Result<Block<'a>, BlockFault>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        match self.split_first() {
            Ok((block, rest)) => {
                self.rest = rest;
                Some(Ok(block))
            }
            Err(fault) => {
                self.rest = &[];
                Some(Err(fault))
            }
        }
    }
}

/// Appends a block to `resources`. The name has at most 255 bytes.
pub(crate) fn append(resources: &mut Vec<u8>, id: u16, name: &[u8], data: &[u8]) -> Result<(), Cause> {
    resources.extend(PHOTOSHOP);
    resources.extend(id.to_be_bytes());
    resources.extend(pascal(name, 2)?);
    resources.extend(u32::try_from(data.len())?.to_be_bytes());
    resources.extend(data);
    resources.extend((data.len() % 2 == 1).then_some(0));
    Ok(())
}

/// A string preceded by its length in one byte, padded with zeros to a multiple of `multiple` bytes.
pub(crate) fn pascal(text: &[u8], multiple: usize) -> Result<Vec<u8>, Cause> {
    let mut string = [&[u8::try_from(text.len())?], text].concat();
    string.resize(string.len().next_multiple_of(multiple), 0);
    Ok(string)
}

/// UTF-16 text preceded by its length.
pub(crate) fn unicode(text: &str) -> Vec<u8> {
    let units: Vec<u16> = text.encode_utf16().collect();
    let mut bytes = (units.len() as u32).to_be_bytes().to_vec();
    bytes.extend(units.iter().flat_map(|unit| unit.to_be_bytes()));
    bytes
}
