//! The ancillary chunks of a PNG: metadata, color code points, animation (PNG, third edition, section 11.3).
//!
//! They may follow the pixels, where the decoder stops reading, so this walks all chunks itself.

use std::borrow::Cow;
use std::io::Read;

use flate2::read::ZlibDecoder;
use moxcms::{CicpColorPrimaries, CicpProfile, MatrixCoefficients, TransferCharacteristics};

use crate::decode::color::Calibration;
use crate::decode::metadata::{MetadataSources, decode_text};

/// Most bytes of one text, inflated. The rest is ignored.
const MAX_TEXT: u64 = 1 << 20;
/// Most texts that are read.
const MAX_TEXTS: usize = 256;
/// Longest keyword of a text, with its final zero.
const MAX_KEYWORD: usize = 80;
const METERS_PER_INCH: f64 = 0.0254;
/// What gammas and chromaticities are multiplied by.
const CALIBRATION_UNIT: f64 = 100_000.0;

/// The content of the ancillary chunks.
#[derive(Debug, Default)]
pub(super) struct Ancillary<'a> {
    pub(super) sources: MetadataSources<'a>,
    /// Color code points, for full-range RGB.
    pub(super) cicp: Option<CicpProfile>,
    /// Whether the file says that its colors are sRGB.
    pub(super) is_srgb: bool,
    /// The exponent of decoding.
    gamma: Option<f64>,
    /// x and y of white, red, green and blue.
    chromaticities: Option<[[f64; 2]; 4]>,
    /// Whether there are several frames.
    pub(super) animated: bool,
}

impl Ancillary<'_> {
    /// The gamma and primaries, if they are plausible.
    pub(super) fn calibration(&self) -> Option<Calibration> {
        Calibration::new(self.gamma, self.chromaticities)
    }
}

/// Reads the chunks after the signature, up to the first incomplete one. Of repeated chunks the first counts.
pub(super) fn read(bytes: &[u8]) -> Ancillary<'_> {
    let (mut ancillary, mut texts) = (Ancillary::default(), 0);
    let mut rest = bytes.get(8..).unwrap_or_default();
    while let Some((kind, data, after)) = split_chunk(rest) {
        rest = after;
        let sources = &mut ancillary.sources;
        match kind {
            b"eXIf" => {
                sources.exif.get_or_insert(data);
            }
            b"pHYs" => sources.dpi = sources.dpi.or_else(|| density(data)),
            b"cICP" => ancillary.cicp = ancillary.cicp.or_else(|| code_points(data)),
            b"sRGB" => ancillary.is_srgb = true,
            b"gAMA" => ancillary.gamma = ancillary.gamma.or_else(|| gamma(data)),
            b"cHRM" => ancillary.chromaticities = ancillary.chromaticities.or_else(|| chromaticities(data)),
            b"acTL" => ancillary.animated |= data.first_chunk().is_some_and(|frames| u32::from_be_bytes(*frames) > 1),
            b"tEXt" | b"iTXt" | b"zTXt" if texts < MAX_TEXTS => {
                texts += 1;
                read_text(kind, data, sources);
            }
            b"IEND" => break,
            _ => {}
        }
    }
    ancillary
}

/// Type and data of the first chunk, and the bytes after it. A chunk is: length of the data, type, data, checksum.
fn split_chunk(bytes: &[u8]) -> Option<(&[u8; 4], &[u8], &[u8])> {
    let (length, after) = bytes.split_first_chunk()?;
    let (kind, after) = after.split_first_chunk::<4>()?;
    let (data, after) = after.split_at_checked(u32::from_be_bytes(*length) as usize)?;
    Some((kind, data, after.get(4..)?))
}

/// Dots per inch by a `pHYs` chunk, if its unit is the meter.
fn density(data: &[u8]) -> Option<f64> {
    let [a, b, c, d, _, _, _, _, 1] = data else { return None };
    let dpi = f64::from(u32::from_be_bytes([*a, *b, *c, *d])) * METERS_PER_INCH;
    // 300 dpi are stored as 11,811 pixels per meter and would come back as 299.9994.
    let rounded = dpi.round();
    Some(if (dpi - rounded).abs() < 0.02 { rounded } else { dpi })
}

/// The exponent of decoding, of which a `gAMA` chunk states the inverse, times 100,000.
fn gamma(data: &[u8]) -> Option<f64> {
    let stated = u32::from_be_bytes(*data.first_chunk()?);
    (stated > 0).then(|| CALIBRATION_UNIT / f64::from(stated))
}

/// x and y of white, red, green and blue by a `cHRM` chunk, each times 100,000.
fn chromaticities(data: &[u8]) -> Option<[[f64; 2]; 4]> {
    let (numbers, []) = data.as_chunks::<4>() else { return None };
    let numbers: [[u8; 4]; 8] = numbers.try_into().ok()?;
    let numbers = numbers.map(|number| f64::from(u32::from_be_bytes(number)) / CALIBRATION_UNIT);
    let (pairs, _) = numbers.as_chunks::<2>();
    pairs.try_into().ok()
}

/// The code points of a `cICP` chunk, unless they leave something unspecified.
fn code_points(data: &[u8]) -> Option<CicpProfile> {
    let [primaries, transfer, 0, 1] = data else { return None };
    let profile = CicpProfile {
        color_primaries: CicpColorPrimaries::try_from(*primaries).ok()?,
        transfer_characteristics: TransferCharacteristics::try_from(*transfer).ok()?,
        matrix_coefficients: MatrixCoefficients::Identity,
        full_range: true,
    };
    let specified = profile.color_primaries != CicpColorPrimaries::Unspecified
        && profile.transfer_characteristics != TransferCharacteristics::Unspecified;
    specified.then_some(profile)
}

/// Stores a text that is a credit or an XMP packet.
fn read_text(kind: &[u8; 4], data: &[u8], sources: &mut MetadataSources<'_>) {
    let Some(end) = data.iter().take(MAX_KEYWORD).position(|byte| *byte == 0) else { return };
    let (keyword, data) = (&data[..end], &data[end + 1..]);
    let field = match keyword {
        b"Author" if sources.artist.is_none() => &mut sources.artist,
        b"Copyright" if sources.copyright.is_none() => &mut sources.copyright,
        b"XML:com.adobe.xmp" if kind == b"iTXt" && sources.xmp.is_none() => {
            sources.xmp = international_text(data).map(Cow::Owned);
            return;
        }
        _ => return,
    };
    *field = match kind {
        b"tEXt" => Some(decode_text(truncated(data))),
        b"zTXt" => data.get(1..).and_then(inflate).map(|text| decode_text(&text)),
        _ => international_text(data).map(|text| String::from_utf8_lossy(&text).into_owned()),
    };
}

/// The text of an `iTXt` chunk. After the keyword come: whether it is compressed, the method, the language, the
/// keyword in that language, the text.
fn international_text(data: &[u8]) -> Option<Vec<u8>> {
    let [compressed, _, rest @ ..] = data else { return None };
    let text = rest.splitn(3, |byte| *byte == 0).nth(2)?;
    if *compressed == 1 { inflate(text) } else { Some(truncated(text).to_vec()) }
}

fn truncated(text: &[u8]) -> &[u8] {
    &text[..text.len().min(MAX_TEXT as usize)]
}

fn inflate(data: &[u8]) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    ZlibDecoder::new(data).take(MAX_TEXT).read_to_end(&mut text).ok()?;
    Some(text)
}
