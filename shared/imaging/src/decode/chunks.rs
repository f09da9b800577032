//! The chunks of a PNG that tell about its picture. They may stand after the pixels, where a decoder that stops there
//! has not read them, so they are walked here.

use std::io::Read;

use flate2::read::ZlibDecoder;
use moxcms::{CicpColorPrimaries, CicpProfile, MatrixCoefficients, TransferCharacteristics};

use super::meta::Sources;

/// The most bytes that a text takes once it is inflated; more of it is not read.
const MAX_TEXT: u64 = 1 << 20;
/// The most texts that are looked at.
const MAX_TEXTS: usize = 256;

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Found<'a> {
    pub(super) sources: Sources<'a>,
    /// An XMP packet, which the sources do not hold since it may have been inflated.
    pub(super) xmp: Option<Vec<u8>>,
    /// Code points of the colors, in RGB and of full range.
    pub(super) cicp: Option<CicpProfile>,
    pub(super) animated: bool,
}

/// Walks the chunks after the signature, as far as they are whole. Of what there should be one of, the first counts.
pub(super) fn walk(bytes: &[u8]) -> Found<'_> {
    let (mut found, mut texts) = (Found::default(), 0);
    let mut rest = bytes.get(8..).unwrap_or_default();
    while let Some((kind, data, after)) = chunk(rest) {
        rest = after;
        match kind {
            b"eXIf" => {
                found.sources.exif.get_or_insert(data);
            }
            b"pHYs" => found.sources.dpi = found.sources.dpi.or_else(|| density(data)),
            b"cICP" => found.cicp = found.cicp.or_else(|| cicp(data)),
            // An animation of one frame is none.
            b"acTL" => found.animated |= data.first_chunk().is_some_and(|count| u32::from_be_bytes(*count) > 1),
            b"tEXt" | b"iTXt" | b"zTXt" if texts < MAX_TEXTS => {
                texts += 1;
                text(kind, data, &mut found);
            }
            b"IEND" => break,
            _ => {}
        }
    }
    found
}

/// Type and data of the first chunk, and what follows it. Each has: length of the data, type, data, checksum.
fn chunk(bytes: &[u8]) -> Option<(&[u8; 4], &[u8], &[u8])> {
    let (length, after) = bytes.split_first_chunk()?;
    let (kind, after) = after.split_first_chunk::<4>()?;
    let (data, after) = after.split_at_checked(u32::from_be_bytes(*length) as usize)?;
    Some((kind, data, after.get(4..)?))
}

/// Pixels per metre to dots per inch.
fn density(data: &[u8]) -> Option<f64> {
    let [a, b, c, d, _, _, _, _, 1] = data else { return None };
    let dpi = f64::from(u32::from_be_bytes([*a, *b, *c, *d])) * 0.0254;
    // A metre has no whole number of inches: 300 dpi are stored as 11,811 pixels and would come back as 299.9994.
    let whole = dpi.round();
    Some(if (dpi - whole).abs() < 0.02 { whole } else { dpi })
}

fn cicp(data: &[u8]) -> Option<CicpProfile> {
    let [primaries, transfer, 0, 1] = data else { return None };
    let profile = CicpProfile {
        color_primaries: CicpColorPrimaries::try_from(*primaries).ok()?,
        transfer_characteristics: TransferCharacteristics::try_from(*transfer).ok()?,
        matrix_coefficients: MatrixCoefficients::Identity,
        full_range: true,
    };
    let told = profile.color_primaries != CicpColorPrimaries::Unspecified
        && profile.transfer_characteristics != TransferCharacteristics::Unspecified;
    told.then_some(profile)
}

/// Notes a text if it is one of those that are wanted.
fn text(kind: &[u8; 4], data: &[u8], found: &mut Found<'_>) {
    let Some(end) = data.iter().take(80).position(|byte| *byte == 0) else { return };
    let (keyword, data) = (&data[..end], &data[end + 1..]);
    let wanted = match keyword {
        b"Author" if found.sources.artist.is_none() => &mut found.sources.artist,
        b"Copyright" if found.sources.copyright.is_none() => &mut found.sources.copyright,
        b"XML:com.adobe.xmp" if kind == b"iTXt" && found.xmp.is_none() => {
            found.xmp = international(data);
            return;
        }
        _ => return,
    };
    *wanted = match kind {
        b"tEXt" => Some(latin(&data[..data.len().min(MAX_TEXT as usize)])),
        b"zTXt" => data.get(1..).and_then(inflated).map(|text| latin(&text)),
        _ => international(data).map(|text| String::from_utf8_lossy(&text).into_owned()),
    };
}

/// The text of an `iTXt` chunk after its keyword: whether it is compressed and how, a language, the keyword in that,
/// and the text.
fn international(data: &[u8]) -> Option<Vec<u8>> {
    let [compressed, _, rest @ ..] = data else { return None };
    let mut parts = rest.splitn(3, |byte| *byte == 0);
    let text = parts.nth(2)?;
    if *compressed == 1 { inflated(text) } else { Some(text[..text.len().min(MAX_TEXT as usize)].to_vec()) }
}

fn inflated(data: &[u8]) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    ZlibDecoder::new(data).take(MAX_TEXT).read_to_end(&mut text).ok()?;
    Some(text)
}

/// Latin 1 by the standard; many write UTF-8 nevertheless.
fn latin(text: &[u8]) -> String {
    match std::str::from_utf8(text) {
        Ok(text) => text.to_owned(),
        Err(_) => text.iter().map(|byte| char::from(*byte)).collect(),
    }
}
