//! The layers of a PSD as this crate writes it: rows by PackBits, and masks of the layer's own size.

use std::collections::BTreeMap;

use image::{GrayImage, imageops};

/// A layer.
#[derive(Debug)]
pub(crate) struct PsdLayer {
    /// Left, top, right and bottom side on the canvas.
    pub(crate) sides: [u32; 4],
    pub(crate) is_hidden: bool,
    /// The samples of its channels by number: 0 to 2 are colors, -1 is the transparency, -2 the mask.
    pub(crate) channels: BTreeMap<i16, Vec<u8>>,
}

impl PsdLayer {
    /// A channel on a canvas of this size, 0 outside of the layer.
    pub(crate) fn on_canvas(&self, channel: i16, (width, height): (u32, u32)) -> GrayImage {
        let [left, top, right, bottom] = self.sides;
        let samples = self.channels[&channel].clone();
        let part = GrayImage::from_raw(right - left, bottom - top, samples).expect("a sample for each pixel");
        let mut canvas = GrayImage::new(width, height);
        imageops::replace(&mut canvas, &part, left.into(), top.into());
        canvas
    }
}

/// The layers of a file, by name.
pub(crate) fn psd_layers(file: &[u8]) -> BTreeMap<String, PsdLayer> {
    let mut file = Reader(file);
    assert!(file.take(26).starts_with(b"8BPS"));
    let (_color_mode, _resources) = (file.block(), file.block());
    let mut info = file.block().block();
    // Negative, since the merged picture has transparency.
    let count = (info.number() as i16).unsigned_abs();
    let records: Vec<_> = (0..count).map(|_| Record::read(&mut info)).collect();
    let layer = |record: Record| {
        let [left, top, right, bottom] = record.sides;
        let mut channels = BTreeMap::new();
        for (number, length) in record.channels {
            let samples = unpack(info.take(length), (bottom - top) as usize);
            assert_eq!(samples.len(), ((right - left) * (bottom - top)) as usize, "{}, channel {number}", record.name);
            channels.insert(number, samples);
        }
        (record.name, PsdLayer { sides: record.sides, is_hidden: record.is_hidden, channels })
    };
    records.into_iter().map(layer).collect()
}

/// What precedes the channels of all layers.
struct Record {
    name: String,
    sides: [u32; 4],
    is_hidden: bool,
    /// Number and length in bytes.
    channels: Vec<(i16, usize)>,
}

impl Record {
    fn read(info: &mut Reader<'_>) -> Self {
        let [top, left, bottom, right] = std::array::from_fn(|_| info.long());
        let channels = (0..info.number()).map(|_| (info.number() as i16, info.long() as usize)).collect();
        assert_eq!(info.take(4), b"8BIM");
        // The blend mode; then opacity, clipping, flags and padding.
        let is_hidden = info.take(8)[6] & 2 != 0;
        let mut extra = info.block();
        let (_mask, _ranges) = (extra.block(), extra.block());
        let length = usize::from(extra.take(1)[0]);
        let name = String::from_utf8(extra.take(length).to_vec()).expect("ASCII");
        Self { name, sides: [left, top, right, bottom], is_hidden, channels }
    }
}

/// Bytes that are read one after another.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count);
        self.0 = rest;
        taken
    }

    fn number(&mut self) -> u16 {
        u16::from_be_bytes(self.take(2).try_into().expect("two bytes"))
    }

    fn long(&mut self) -> u32 {
        u32::from_be_bytes(self.take(4).try_into().expect("four bytes"))
    }

    /// A block that begins with its length.
    fn block(&mut self) -> Reader<'a> {
        let length = self.long() as usize;
        Reader(self.take(length))
    }
}

/// The samples of a channel.
fn unpack(channel: &[u8], rows: usize) -> Vec<u8> {
    let mut channel = Reader(channel);
    assert_eq!(channel.number(), 1, "rows by PackBits");
    channel.take(rows * 2);
    let mut samples = Vec::new();
    while !channel.0.is_empty() {
        match usize::from(channel.take(1)[0]) {
            count @ 0..128 => samples.extend(channel.take(count + 1)),
            count => samples.extend(std::iter::repeat_n(channel.take(1)[0], 257 - count)),
        }
    }
    samples
}
