//! The sections of a Photoshop document, told apart without believing their lengths.

/// Why a file is damaged.
type Reason = &'static str;

/// The longest side of a PSD, and of a PSB.
const MAX_SIDES: [u32; 2] = [30_000, 300_000];
/// The most channels.
const MAX_CHANNELS: u16 = 56;

/// How a document says its colors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Bitmap,
    Gray,
    Indexed,
    Rgb,
    Cmyk,
    Multichannel,
    Duotone,
    Lab,
    Other,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    None,
    /// Rows in PackBits.
    Runs,
    /// Deflate, with or without differences.
    Zip,
}

#[derive(Debug)]
pub(super) struct Document<'a> {
    /// Whether it is a PSB, whose lengths are longer.
    pub(super) large: bool,
    pub(super) height: usize,
    pub(super) channels: usize,
    /// Bits of a sample.
    pub(super) depth: usize,
    pub(super) mode: Mode,
    pub(super) resources: &'a [u8],
    /// Whether the first channel after the colors is the alpha of the merged picture.
    pub(super) transparent: bool,
    pub(super) compression: Compression,
    /// The data of the merged picture, to the end of the file.
    pub(super) picture: &'a [u8],
}

/// Width and height, by the header.
pub(super) fn size(bytes: &[u8]) -> Result<(u32, u32), Reason> {
    let header = bytes.first_chunk::<26>().ok_or("there is no header")?;
    let number = |at: usize| u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    let (height, width) = (number(14), number(18));
    let longest = MAX_SIDES[usize::from(header[5] == 2)];
    if width == 0 || height == 0 {
        return Err("the picture is empty");
    }
    if width.max(height) > longest {
        return Err("a side is longer than the format has");
    }
    Ok((width, height))
}

impl<'a> Document<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, Reason> {
        let (_, height) = size(bytes)?;
        let (header, rest) = bytes.split_first_chunk::<26>().ok_or("there is no header")?;
        let large = header[5] == 2;
        let short = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
        let channels = short(12);
        if channels == 0 || channels > MAX_CHANNELS {
            return Err("there are no channels, or too many");
        }
        let mode = match short(24) {
            0 => Mode::Bitmap,
            1 => Mode::Gray,
            2 => Mode::Indexed,
            3 => Mode::Rgb,
            4 => Mode::Cmyk,
            7 => Mode::Multichannel,
            8 => Mode::Duotone,
            9 => Mode::Lab,
            _ => Mode::Other,
        };
        // What a palette or the inks of a duotone are, then the resources, then the layers.
        let (_, rest) = section(rest, false)?;
        let (resources, rest) = section(rest, false)?;
        let (layers, rest) = section(rest, large)?;
        let (compression, picture) = rest.split_first_chunk().ok_or("there is no merged picture")?;
        Ok(Self {
            large,
            height: height as usize,
            channels: channels.into(),
            depth: short(22).into(),
            mode,
            resources,
            transparent: transparent(layers, large).unwrap_or(false),
            compression: match u16::from_be_bytes(*compression) {
                0 => Compression::None,
                1 => Compression::Runs,
                2 | 3 => Compression::Zip,
                _ => return Err("there is no such compression"),
            },
            picture,
        })
    }
}

/// A part with its length before it, in four bytes or eight, and what follows it.
fn section(bytes: &[u8], wide: bool) -> Result<(&[u8], &[u8]), Reason> {
    let too_long = "a section ends past the file";
    let (length, rest) = if wide {
        let (length, rest) = bytes.split_first_chunk().ok_or(too_long)?;
        (u64::from_be_bytes(*length), rest)
    } else {
        let (length, rest) = bytes.split_first_chunk().ok_or(too_long)?;
        (u32::from_be_bytes(*length).into(), rest)
    };
    rest.split_at_checked(usize::try_from(length).map_err(|_| too_long)?).ok_or(too_long)
}

/// The blocks that have lengths of eight bytes in large documents.
const WIDE_KEYS: [&[u8; 4]; 13] = [
    b"LMsk", b"Lr16", b"Lr32", b"Layr", b"Mt16", b"Mt32", b"Mtrn", b"Alph", b"FMsk", b"lnk2", b"FEid", b"FXid", b"PxSD",
];

/// Whether the layers say that the merged picture has alpha: their number is below zero. Documents of 16 bits have
/// them in a block of their own, after the places of layers and of a mask that are left empty; and some a block that
/// says nothing but this.
fn transparent(layers: &[u8], large: bool) -> Option<bool> {
    let below_zero = |info: &[u8]| Some(info.first()? & 0x80 != 0);
    let (info, rest) = section(layers, large).ok()?;
    if let Some(told) = below_zero(info) {
        return Some(told);
    }
    let (_, mut rest) = section(rest, false).ok()?;
    // A mark of four bytes, a key of four, and the data, whose length is even or even a multiple of four.
    while let Some((mark, after)) = rest.split_first_chunk::<4>() {
        if mark != b"8BIM" && mark != b"8B64" {
            rest = &rest[1..];
            continue;
        }
        let (key, after) = after.split_first_chunk::<4>()?;
        let wide = large && WIDE_KEYS.contains(&key);
        let (data, after) = section(after, wide).ok()?;
        match key {
            b"Lr16" | b"Lr32" | b"Layr" => return below_zero(data),
            b"Mtrn" | b"Mt16" | b"Mt32" => return Some(true),
            _ => {}
        }
        rest = after;
    }
    None
}
