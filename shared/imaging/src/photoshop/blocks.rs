//! Blocks of image resources: appending one, and the strings in them. [`Blocks`] reads them.

pub(crate) use cutline_core::domain::image_resources::{Block, BlockFault, Blocks};

use crate::error::Cause;

/// The signature of Photoshop's own blocks.
const PHOTOSHOP: [u8; 4] = *b"8BIM";

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
