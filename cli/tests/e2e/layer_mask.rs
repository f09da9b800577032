//! The layer mask of a PSD as Cutline writes it, for tests that play a retoucher: one layer has a mask, which covers
//! the whole canvas.

use std::ops::Range;

use image::GrayImage;

/// Length of the file's header.
const HEADER: usize = 26;
/// The number of the channel that is a layer's mask.
const MASK: i16 = -2;
/// Compression: none, and each row by PackBits.
const RAW: [u8; 2] = [0, 0];
const RLE: [u8; 2] = [0, 1];

/// Where a file has its layer mask.
struct MaskChannel {
    /// The section of layers and masks, and the layers in it, each without the field of its length.
    sections: [Range<usize>; 2],
    /// The field with the length of the channel.
    length_field: usize,
    /// The channel, which begins with its compression.
    data: Range<usize>,
    width: usize,
    height: usize,
}

/// The block after the field of its length.
fn block(psd: &[u8], field: usize) -> Range<usize> {
    field + 4..field + 4 + number(psd, field)
}

fn number(psd: &[u8], at: usize) -> usize {
    u32::from_be_bytes(psd[at..at + 4].try_into().expect("four bytes")) as usize
}

fn short(psd: &[u8], at: usize) -> i16 {
    i16::from_be_bytes(psd[at..at + 2].try_into().expect("two bytes"))
}

fn find(psd: &[u8]) -> MaskChannel {
    assert!(psd.starts_with(b"8BPS\0\x01"), "not a PSD");
    // Between the header and the layers: color mode data, and resources.
    let section = block(psd, block(psd, block(psd, HEADER).end).end);
    let layers = block(psd, section.start);
    let mut at = layers.start + 2;
    // The number of each channel, the field of its length, and the height of its layer.
    let mut channels = Vec::new();
    for _ in 0..short(psd, layers.start).unsigned_abs() {
        let [top, left, bottom, right] = [0, 4, 8, 12].map(|side| number(psd, at + side));
        let count = short(psd, at + 16) as usize;
        channels.extend((0..count).map(|index| {
            let field = at + 18 + index * 6;
            (short(psd, field), field + 2, (right - left, bottom - top))
        }));
        // Blend mode, opacity and flags come before the block at the end of the record.
        at = block(psd, at + 18 + count * 6 + 12).end;
    }
    for (channel, length_field, (width, height)) in channels {
        let data = at..at + number(psd, length_field);
        if channel == MASK {
            return MaskChannel { sections: [section, layers], length_field, data, width, height };
        }
        at = data.end;
    }
    panic!("no layer has a mask");
}

/// The layer mask of a file.
pub(crate) fn read(psd: &[u8]) -> GrayImage {
    let MaskChannel { data, width, height, .. } = find(psd);
    let channel = &psd[data];
    assert_eq!(channel[..2], RLE);
    let mut packed = channel[2 + 2 * height..].iter().copied();
    let mut samples = Vec::with_capacity(width * height);
    while let Some(head) = packed.next() {
        match head {
            0..128 => samples.extend(packed.by_ref().take(usize::from(head) + 1)),
            128 => {}
            129.. => {
                let sample = packed.next().expect("a sample");
                samples.extend(std::iter::repeat_n(sample, 257 - usize::from(head)));
            }
        }
    }
    GrayImage::from_raw(width as u32, height as u32, samples).expect("as many samples as pixels")
}

/// The file with another layer mask.
pub(crate) fn replaced(psd: &[u8], mask: &GrayImage) -> Vec<u8> {
    let MaskChannel { sections, length_field, data, width, height } = find(psd);
    assert_eq!((mask.width() as usize, mask.height() as usize), (width, height));
    let channel = [&RAW[..], mask.as_raw()].concat();
    // The layers end at a multiple of four bytes.
    let layers = sections[1].len() - data.len() + channel.len();
    let padding = vec![0_u8; layers.next_multiple_of(4) - layers];
    let grown = channel.len() + padding.len();
    let length = |number: usize| u32::try_from(number).expect("fits").to_be_bytes();
    let rest = &psd[data.end..];
    let (of_layers, after) = rest.split_at(sections[1].end - data.end);
    let mut file = [&psd[..data.start], &channel, of_layers, &padding, after].concat();
    file[length_field..length_field + 4].copy_from_slice(&length(channel.len()));
    for section in sections {
        let field = section.start - 4;
        file[field..field + 4].copy_from_slice(&length(section.len() + grown - data.len()));
    }
    file
}
