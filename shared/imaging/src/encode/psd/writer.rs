//! Serialization of the layers and of the merged picture.

use super::super::waves::in_waves;
use super::channel_data::ChannelData;
use super::layers::PsdLayer;
use super::packbits;
use crate::error::Cause;
use crate::file_colors::BitDepth;
use crate::photoshop;
use crate::sample::ColorSample;

/// The longest file, in bytes: 2 GiB.
const MAX_FILE: usize = i32::MAX as usize;
/// Rows that are packed together.
const ROWS: usize = 64;
/// Compression of a channel: each row by PackBits.
const RLE: u16 = 1;

/// Appends sections to a file.
pub(super) struct PsdWriter {
    file: Vec<u8>,
    depth: BitDepth,
}

impl PsdWriter {
    pub(super) fn new(file: Vec<u8>, depth: BitDepth) -> Self {
        Self { file, depth }
    }

    pub(super) fn into_file(self) -> Vec<u8> {
        self.file
    }

    /// Reserves four bytes for the length of the block that follows, and returns where that block starts.
    fn begin_block(&mut self) -> usize {
        self.file.extend([0; 4]);
        self.file.len()
    }

    /// Fills in the length of the block that starts at `start` and ends here.
    fn end_block(&mut self, start: usize) -> Result<(), Cause> {
        self.fill_length(start - 4, start)
    }

    /// Writes the number of bytes since `start` at `at`.
    fn fill_length(&mut self, at: usize, start: usize) -> Result<(), Cause> {
        let length = u32::try_from(self.file.len() - start)?.to_be_bytes();
        self.file[at..at + 4].copy_from_slice(&length);
        Ok(())
    }

    /// Writes the section of layers and masks. With 16 bits the layers are in a block of their own at its end.
    pub(super) fn write_layers<T: ColorSample>(&mut self, layers: &[PsdLayer<'_, T>]) -> Result<(), Cause> {
        if layers.is_empty() {
            self.file.extend([0; 4]);
            return Ok(());
        }
        const NO_GLOBAL_MASK: [u8; 4] = [0; 4];
        let section = self.begin_block();
        match self.depth {
            BitDepth::Eight => {
                self.write_layer_info(layers)?;
                self.file.extend(NO_GLOBAL_MASK);
            }
            BitDepth::Sixteen => {
                const NO_LAYERS: [u8; 4] = [0; 4];
                self.file.extend(NO_LAYERS);
                self.file.extend(NO_GLOBAL_MASK);
                self.file.extend(b"8BIMLr16");
                self.write_layer_info(layers)?;
            }
        }
        self.end_block(section)
    }

    /// Writes the records and channels of the layers, with their length.
    fn write_layer_info<T: ColorSample>(&mut self, layers: &[PsdLayer<'_, T>]) -> Result<(), Cause> {
        let info = self.begin_block();
        self.file.extend((-(layers.len() as i16)).to_be_bytes());
        let mut length_fields = Vec::new();
        for (layer, id) in layers.iter().zip(1_u32..) {
            length_fields.extend(self.write_record(layer, id)?);
        }
        let channels = layers.iter().flat_map(|layer| layer.channels.iter().map(move |(_, data)| (layer, *data)));
        for ((layer, data), length_field) in channels.zip(length_fields) {
            let size = (layer.bounds.width as usize, layer.bounds.height as usize);
            let start = self.file.len();
            self.file.extend(RLE.to_be_bytes());
            let row_lengths = self.reserve_row_lengths(size.1);
            self.write_channel(data, size, row_lengths)?;
            self.fill_length(length_field, start)?;
        }
        let length = (self.file.len() - info).next_multiple_of(4);
        self.file.resize(info + length, 0);
        self.end_block(info)
    }

    /// Writes the record of a layer, and returns where the lengths of its channels are to be filled in.
    fn write_record<T: ColorSample>(&mut self, layer: &PsdLayer<'_, T>, id: u32) -> Result<Vec<usize>, Cause> {
        let rectangle = &layer.bounds;
        // Top, left, bottom, right.
        let sides = [rectangle.y, rectangle.x, rectangle.y + rectangle.height, rectangle.x + rectangle.width];
        let bounds = sides.map(u32::to_be_bytes).concat();
        self.file.extend(&bounds);
        self.file.extend((layer.channels.len() as u16).to_be_bytes());
        let mut length_fields = Vec::new();
        for (number, _) in &layer.channels {
            self.file.extend(number.to_be_bytes());
            length_fields.push(self.file.len());
            self.file.extend([0; 4]);
        }
        self.file.extend(b"8BIM");
        self.file.extend(layer.blend.key());
        // The opacity; not clipped to the layer beneath; flags: bit 1 hides, bit 3 says that bit 4 is valid; padding.
        self.file.extend([layer.opacity, 0, if layer.visible { 0x08 } else { 0x0A }, 0]);
        let extra = self.begin_block();
        let mask = self.begin_block();
        if layer.has_mask() {
            self.file.extend(&bounds);
            // 0 outside of its bounds; enabled; padding.
            self.file.extend([0, 0, 0, 0]);
        }
        self.end_block(mask)?;
        // No blending ranges.
        self.file.extend([0; 4]);
        self.file.extend(photoshop::pascal(layer.name.as_bytes(), 4)?);
        let mut name = photoshop::unicode(layer.name);
        name.resize(name.len().next_multiple_of(4), 0);
        for (key, data) in [(b"luni", name), (b"lyid", id.to_be_bytes().to_vec())] {
            self.file.extend(b"8BIM");
            self.file.extend(key);
            self.file.extend((data.len() as u32).to_be_bytes());
            self.file.extend(data);
        }
        self.end_block(extra)?;
        Ok(length_fields)
    }

    /// Writes the merged picture. The lengths of all rows come before the first channel.
    pub(super) fn write_merged<T: ColorSample>(
        &mut self,
        channels: &[ChannelData<'_, T>],
        size: (u32, u32),
    ) -> Result<(), Cause> {
        let (width, height) = (size.0 as usize, size.1 as usize);
        self.file.extend(RLE.to_be_bytes());
        let row_lengths = self.reserve_row_lengths(channels.len() * height);
        for (data, number) in channels.iter().zip(0..) {
            self.write_channel(*data, (width, height), row_lengths + number * height * 2)?;
        }
        Ok(())
    }

    /// Reserves two bytes for the length of each row, and returns where they start.
    fn reserve_row_lengths(&mut self, rows: usize) -> usize {
        let start = self.file.len();
        self.file.resize(start + rows * 2, 0);
        start
    }

    /// Appends the packed rows of a channel, and fills in their lengths from `row_lengths` on.
    fn write_channel<T: ColorSample>(
        &mut self,
        data: ChannelData<'_, T>,
        (width, height): (usize, usize),
        mut row_lengths: usize,
    ) -> Result<(), Cause> {
        let (file, depth) = (&mut self.file, self.depth);
        in_waves(
            height.div_ceil(ROWS),
            |number| pack_rows(data, (width, depth), number * ROWS..height.min((number + 1) * ROWS)),
            |(lengths, packed)| {
                for length in lengths {
                    file[row_lengths..row_lengths + 2].copy_from_slice(&length.to_be_bytes());
                    row_lengths += 2;
                }
                file.extend(packed);
                if file.len() > MAX_FILE { Err("PSD too large: the file would exceed 2 GiB".into()) } else { Ok(()) }
            },
        )
    }
}

/// Packs some rows: the length of each, and their bytes.
fn pack_rows<T: ColorSample>(
    data: ChannelData<'_, T>,
    (width, depth): (usize, BitDepth),
    rows: std::ops::Range<usize>,
) -> Result<(Vec<u16>, Vec<u8>), Cause> {
    let mut row = vec![0; width * depth.bytes()];
    let mut lengths = Vec::with_capacity(rows.len());
    let mut packed = Vec::new();
    for y in rows {
        data.copy(y * width, depth, &mut row);
        let start = packed.len();
        packbits::pack(&row, &mut packed);
        lengths.push(u16::try_from(packed.len() - start)?);
    }
    Ok((lengths, packed))
}
