//! The records of a document's layers (Adobe's specification, "Layer and Mask Information Section"). All numbers are
//! untrusted.

use super::channel::Rect;
use super::document::{blocks, split_section};
use super::header::Header;
use super::kind::KIND;
use crate::error::Error;

/// Most layers, groups included.
const MAX_LAYERS: usize = 8000;
const MAX_CHANNELS: u16 = 56;

/// A layer, or the beginning or end of a group, from bottom to top.
#[derive(Debug)]
pub(super) struct LayerRecord<'a> {
    pub(super) rect: Rect,
    /// Ids and data of its channels: 0 and up are colors, -1 is alpha, -2 the mask.
    pub(super) channels: Vec<(i16, &'a [u8])>,
    pub(super) blend_key: [u8; 4],
    /// 0 to 255.
    pub(super) opacity: u8,
    pub(super) is_clipped: bool,
    pub(super) is_hidden: bool,
    pub(super) mask: Option<Mask>,
    /// Without control characters.
    pub(super) name: String,
    /// The ranges of the colors that the layer and those under it blend in.
    pub(super) blending_ranges: &'a [u8],
    /// Additional blocks.
    pub(super) blocks: Vec<(&'a [u8; 4], &'a [u8])>,
}

/// The mask of a layer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mask {
    pub(super) rect: Rect,
    /// Its value outside of its rectangle.
    pub(super) outside: u8,
    /// Whether it hides nothing.
    pub(super) is_disabled: bool,
    /// Whether it is shown with a density or a feather, so that its samples are not what it hides.
    pub(super) is_softened: bool,
}

impl<'a> LayerRecord<'a> {
    /// The data of an additional block.
    pub(super) fn block(&self, key: &[u8; 4]) -> Option<&'a [u8]> {
        self.blocks.iter().find(|(found, _)| *found == key).map(|(_, data)| *data)
    }

    /// The mask, unless it is disabled.
    pub(super) fn enabled_mask(&self) -> Option<Mask> {
        self.mask.filter(|mask| !mask.is_disabled)
    }

    pub(super) fn channel(&self, id: i16) -> Option<&'a [u8]> {
        self.channels.iter().find(|(found, _)| *found == id).map(|(_, data)| *data)
    }
}

/// Reads all records and finds the data of their channels.
pub(super) fn read<'a>(info: &'a [u8], header: &Header) -> Result<Vec<LayerRecord<'a>>, Error> {
    let mut reader = Reader { rest: info };
    // Negative if the merged image has alpha.
    let count = usize::from((reader.u16()? as i16).unsigned_abs());
    if count > MAX_LAYERS {
        return Err(Error::unsupported(KIND, format!("{count} layers"), "merge some of them"));
    }
    let mut lengths = Vec::new();
    let mut records = Vec::new();
    for _ in 0..count {
        let (record, channel_lengths) = read_record(&mut reader, header.is_large)?;
        records.push(record);
        lengths.push(channel_lengths);
    }
    // The data of all channels follow in the same order.
    for (record, lengths) in records.iter_mut().zip(lengths) {
        for (id, length) in lengths {
            record.channels.push((id, reader.bytes(length)?));
        }
    }
    Ok(records)
}

type ChannelLengths = Vec<(i16, usize)>;

fn read_record<'a>(reader: &mut Reader<'a>, large: bool) -> Result<(LayerRecord<'a>, ChannelLengths), Error> {
    let rect = reader.rect()?;
    let channels = reader.u16()?;
    if channels > MAX_CHANNELS {
        return Err(Error::damaged(KIND, "a layer has too many channels"));
    }
    let mut lengths = Vec::new();
    for _ in 0..channels {
        lengths.push((reader.u16()? as i16, reader.length(if large { 8 } else { 4 })?));
    }
    let _signature = reader.bytes(4)?;
    let blend_key = reader.array()?;
    let [opacity, clipping, flags, _filler] = reader.array()?;
    let extra = reader.section()?;
    let mut extra = Reader { rest: extra };
    let has_original = lengths.iter().any(|(id, _)| *id == ORIGINAL_MASK);
    let mask = read_mask(extra.section()?, has_original)?;
    let blending_ranges = extra.section()?;
    let length = usize::from(*extra.rest.first().ok_or_else(truncated)?);
    let padded = extra.bytes((length + 1).next_multiple_of(4))?;
    let blocks: Vec<_> = blocks(extra.rest, large).collect();
    let name = name(&blocks, &padded[1..=length]);
    let record = LayerRecord {
        rect,
        channels: Vec::new(),
        blend_key,
        opacity,
        is_clipped: clipping != 0,
        is_hidden: flags & 2 != 0,
        mask,
        name,
        blending_ranges,
        blocks,
    };
    Ok((record, lengths))
}

/// The longest name of a layer, in characters.
const MAX_NAME: usize = 64;

/// The name in Unicode, or else the one in the document's own encoding, of which ASCII is read.
fn name(blocks: &[(&[u8; 4], &[u8])], short: &[u8]) -> String {
    let long = blocks.iter().find(|(key, _)| *key == b"luni").and_then(|(_, data)| data.get(4..));
    let name = match long {
        Some(units) => {
            // The block may be as long as the file.
            let units = units.chunks_exact(2).take(2 * MAX_NAME).map(|unit| u16::from_be_bytes([unit[0], unit[1]]));
            String::from_utf16_lossy(&units.collect::<Vec<u16>>())
        }
        None => String::from_utf8_lossy(short).into_owned(),
    };
    name.chars().filter(|c| !c.is_control()).take(MAX_NAME).collect()
}

/// The mask; a missing one is `None`. One that is combined with a vector mask may come with the original one.
fn read_mask(data: &[u8], has_original: bool) -> Result<Option<Mask>, Error> {
    const DISABLED: u8 = 2;
    const HAS_PARAMETERS: u8 = 16;
    if data.is_empty() {
        return Ok(None);
    }
    let mut reader = Reader { rest: data };
    let rect = reader.rect()?;
    let [outside, flags] = reader.array()?;
    if has_original && reader.rest.len() >= ORIGINAL_MASK_BYTES {
        reader.bytes(ORIGINAL_MASK_BYTES)?;
    }
    // Some programs set the flag without parameters. Of those that are cut off, nobody knows what they do.
    let has_parameters = flags & HAS_PARAMETERS != 0 && !reader.rest.is_empty();
    let is_softened = has_parameters && is_softened(&mut reader).unwrap_or(true);
    Ok(Some(Mask { rect, outside, is_disabled: flags & DISABLED != 0, is_softened }))
}

/// The channel of a mask before it was combined with a vector mask.
const ORIGINAL_MASK: i16 = -3;
/// Its flags, value outside and rectangle.
const ORIGINAL_MASK_BYTES: usize = 18;

/// Whether the parameters of a mask soften it: its density in a byte and its feather, a floating-point number, each if its
/// bit is set. Those of a vector mask follow.
fn is_softened(reader: &mut Reader<'_>) -> Result<bool, Error> {
    let [present] = reader.array()?;
    let density = if present & 1 != 0 { reader.array::<1>()?[0] } else { u8::MAX };
    let feather = if present & 2 != 0 { f64::from_be_bytes(reader.array()?) } else { 0.0 };
    Ok(density != u8::MAX || feather != 0.0)
}

fn truncated() -> Error {
    Error::truncated(KIND)
}

/// Reads big-endian numbers from the front of some bytes.
struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn bytes(&mut self, length: usize) -> Result<&'a [u8], Error> {
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or_else(truncated)?;
        self.rest = rest;
        Ok(bytes)
    }

    fn array<const LENGTH: usize>(&mut self) -> Result<[u8; LENGTH], Error> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or_else(truncated)?;
        self.rest = rest;
        Ok(*bytes)
    }

    fn u16(&mut self) -> Result<u16, Error> {
        self.array().map(u16::from_be_bytes)
    }

    /// A length of 4 or 8 bytes.
    fn length(&mut self, size: usize) -> Result<usize, Error> {
        let length = self.bytes(size)?.iter().fold(0_u64, |length, byte| length << 8 | u64::from(*byte));
        usize::try_from(length).map_err(|_| truncated())
    }

    /// A section behind its length in four bytes.
    fn section(&mut self) -> Result<&'a [u8], Error> {
        let (section, rest) = split_section(self.rest, false)?;
        self.rest = rest;
        Ok(section)
    }

    fn rect(&mut self) -> Result<Rect, Error> {
        let mut side = || self.array().map(i32::from_be_bytes);
        Ok(Rect { top: side()?, left: side()?, bottom: side()?, right: side()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a mask with these parameters is softened.
    fn softened(parameters: &[u8]) -> bool {
        let mut data = vec![0; 18];
        data[17] = 16;
        data.extend_from_slice(parameters);
        read_mask(&data, false).expect("is read").expect("is there").is_softened
    }

    #[test]
    fn missing_parameters_of_a_mask_soften_nothing() {
        assert!(softened(&[1, 128]) && softened(&[2, 0x40, 0, 0, 0, 0, 0, 0, 0]));
        assert!(!softened(&[1, 255]) && !softened(&[2, 0, 0, 0, 0, 0, 0, 0, 0]));
        assert!(!softened(&[]) && !softened(&[0, 0]));
        assert!(softened(&[1]) && softened(&[2, 0]), "one that is cut off is no reason to fail, but counts");
    }
}
