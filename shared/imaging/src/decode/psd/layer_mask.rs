//! The mask of one layer, as a mask for the whole picture.
//!
//! A retoucher corrects a cut on the mask of a layer, and programs need not keep the merged image up to date. So the mask
//! of the layer `Subject` counts, which our documents have, or else that of the only visible layer with a mask: the mask of
//! an adjustment or a fill says where it acts. Colors, opacity and blending do not count, so a document that cannot be
//! composed will do.

use image::GrayImage;

use super::channel::{ChannelRows, ChannelSizes};
use super::document::Document;
use super::header::Header;
use super::kind::KIND;
use super::layers::{self, LayerRecord, Mask};
use super::tree::{Role, has_own_pixels, role};
use crate::decode::limits::Limits;
use crate::error::Error;

/// The name of the layer whose mask counts before all others.
const SUBJECT: &str = "Subject";
/// The channel of a mask.
const MASK: i16 = -2;
/// A mask may have this many times the pixels of the largest image, since it may reach beyond its picture.
const PIXELS_FACTOR: u64 = 10;

/// The mask of a document's layers.
#[derive(Debug, Clone, PartialEq)]
pub enum LayerMask {
    /// No layer has a mask that cuts anything away.
    None,
    /// Several layers have one, and none of them is the subject.
    Ambiguous,
    /// The mask on the canvas: 0 is cut away, 255 is kept.
    Found {
        /// The mask.
        mask: GrayImage,
        /// The name of its layer, unless that is the subject.
        layer: Option<String>,
    },
}

/// A layer or a group with a mask.
struct Candidate<'r, 'a> {
    record: &'r LayerRecord<'a>,
    /// Whether it is visible, and all groups around it are.
    is_visible: bool,
    /// Whether a group around it has a mask too.
    is_in_masked_group: bool,
}

impl Candidate<'_, '_> {
    fn is_subject(&self) -> bool {
        self.record.name == SUBJECT
    }
}

/// The groups around a layer.
#[derive(Clone, Copy)]
struct Around {
    is_visible: bool,
    is_masked: bool,
}

/// Reads the mask of a document's layers. The document is untrusted.
///
/// # Errors
/// [`Error::UnsupportedFeature`] if the mask of the subject is disabled, has a density or a feather, or lies in a group
/// with a mask, or if several layers are the subject; [`Error::Truncated`] and [`Error::Damaged`] if the layers cannot be
/// read; those of `limits`.
pub(super) fn read(document: &Document<'_>, limits: &Limits) -> Result<LayerMask, Error> {
    let header = &document.header;
    let Some(info) = document.layer_info() else { return Ok(LayerMask::None) };
    let records = layers::read(info, header)?;
    let candidates = candidates(&records)?;
    let found = match subject(&candidates)? {
        Some(subject) => subject,
        None => match &visible(&candidates)[..] {
            [] => return Ok(LayerMask::None),
            [only] => *only,
            _ => return Ok(LayerMask::Ambiguous),
        },
    };
    let mask = draw(checked(found)?, found.record, header, limits)?;
    // A mask that keeps everything was not painted on: the picture may have another one.
    let layer = (!found.is_subject()).then(|| found.record.name.clone());
    Ok(if mask.iter().all(|value| *value == u8::MAX) { LayerMask::None } else { LayerMask::Found { mask, layer } })
}

/// All layers and groups with a mask, from top to bottom.
fn candidates<'r, 'a>(records: &'r [LayerRecord<'a>]) -> Result<Vec<Candidate<'r, 'a>>, Error> {
    let mut around = vec![Around { is_visible: true, is_masked: false }];
    let mut candidates = Vec::new();
    for record in records.iter().rev() {
        let role = role(record);
        if let Role::GroupEnd = role {
            around.pop();
            continue;
        }
        let outer = *around.last().ok_or_else(|| Error::damaged(KIND, "its groups do not match"))?;
        let is_visible = outer.is_visible && !record.is_hidden;
        if record.mask.is_some() && record.channel(MASK).is_some() {
            candidates.push(Candidate { record, is_visible, is_in_masked_group: outer.is_masked });
        }
        if let Role::Group(_) = role {
            around.push(Around { is_visible, is_masked: outer.is_masked || record.enabled_mask().is_some() });
        }
    }
    // The root is left.
    if around.len() == 1 { Ok(candidates) } else { Err(Error::damaged(KIND, "its groups do not match")) }
}

/// The candidate with the name of the subject. Hidden ones count if none is visible.
fn subject<'c, 'r, 'a>(candidates: &'c [Candidate<'r, 'a>]) -> Result<Option<&'c Candidate<'r, 'a>>, Error> {
    let named = |is_visible: bool| {
        candidates.iter().filter(move |one| one.is_subject() && one.is_visible == is_visible).collect::<Vec<_>>()
    };
    let visible = named(true);
    let named = if visible.is_empty() { named(false) } else { visible };
    match named[..] {
        [] => Ok(None),
        [only] => Ok(Some(only)),
        _ => {
            let feature = format!("several layers named \"{SUBJECT}\" with masks");
            Err(Error::unsupported(KIND, feature, "rename all but one of them"))
        }
    }
}

/// The visible candidates whose mask is enabled, and cuts their own pixels.
fn visible<'c, 'r, 'a>(candidates: &'c [Candidate<'r, 'a>]) -> Vec<&'c Candidate<'r, 'a>> {
    let counts =
        |one: &&Candidate<'_, '_>| one.is_visible && one.record.enabled_mask().is_some() && has_own_pixels(one.record);
    candidates.iter().filter(counts).collect()
}

/// The candidate's mask, if its pixels are what it shows.
fn checked(candidate: &Candidate<'_, '_>) -> Result<Mask, Error> {
    let name = &candidate.record.name;
    let refuse = |what: String, remedy| Err(Error::unsupported(KIND, what, remedy));
    match candidate.record.mask {
        Some(mask) if mask.is_disabled => {
            refuse(format!("the disabled mask of the layer \"{name}\""), "enable the mask")
        }
        Some(mask) if mask.is_softened => refuse(
            format!("the mask of the layer \"{name}\", with a density or a feather"),
            "set its density to 100% and its feather to 0",
        ),
        Some(_) if candidate.is_in_masked_group => refuse(
            format!("the mask of the layer \"{name}\" in a group with a mask"),
            "move the layer out of the group, or delete the group's mask",
        ),
        Some(mask) => Ok(mask),
        None => Err(Error::damaged(KIND, "a layer lacks its mask")),
    }
}

/// Draws a mask on the canvas.
fn draw(mask: Mask, record: &LayerRecord<'_>, header: &Header, limits: &Limits) -> Result<GrayImage, Error> {
    let (width, height) = header.size;
    let sample = if header.depth == 16 { 2 } else { 1 };
    let mut canvas = GrayImage::from_pixel(width, height, image::Luma([mask.outside]));
    if mask.rect.on_canvas(header.size).pixels() == 0 {
        return Ok(canvas);
    }
    if mask.rect.pixels() > limits.max_pixels.saturating_mul(PIXELS_FACTOR) {
        return Err(Error::unsupported(KIND, "a mask far larger than the picture", "crop the document to its canvas"));
    }
    limits.check_alloc((mask.rect.width() * sample) as u64)?;
    let data = record.channel(MASK).ok_or_else(|| Error::damaged(KIND, "a layer lacks its mask"))?;
    let sizes = ChannelSizes { sample, row_length: if header.is_large { 4 } else { 2 } };
    let mut rows = ChannelRows::new(data, mask.rect, sizes)?;
    // The row begins at `left`.
    let left = mask.rect.left;
    let (skipped, start) = (left.unsigned_abs() as usize * usize::from(left < 0), left.max(0) as usize);
    for (y, line) in canvas.chunks_exact_mut(width as usize).enumerate() {
        let Some(row) = rows.row(y as i32)? else { continue };
        let values = row.chunks_exact(sample).skip(skipped);
        for (pixel, value) in line.iter_mut().skip(start).zip(values) {
            *pixel = to_byte(value);
        }
    }
    Ok(canvas)
}

/// A sample of one or two bytes, rounded.
fn to_byte(sample: &[u8]) -> u8 {
    match *sample {
        [high, low] => ((u32::from(u16::from_be_bytes([high, low])) * 255 + 32_767) / 65_535) as u8,
        [byte] => byte,
        _ => 0,
    }
}

#[cfg(test)]
mod tests;
