//! A mask that comes as a file of its own: white is kept, and black is cut away. Its numbers count as they are stored,
//! whatever color profile it has: they are shares of a pixel rather than colors.
//!
//! A file that is more than a mask is a cut that somebody made elsewhere. Of it counts the first that it has: the mask of a
//! PSD's layer, transparency, and, if it has colors, a path.

use cutline_core::domain::kind::ImageKind;
use image::{GrayImage, RgbImage, imageops};

use crate::decode::{self, Decoding, LayerMask};
use crate::error::Error;
use crate::own_path;
use crate::photo::Photo;

/// A color counts as black if all its samples are at most this, and as white if they are as close to 255.
const NEAR: u8 = 16;
const UNUSED_COLORS: &str = "Its transparency counts, and not its black and white. Save it without transparency to cut by \
                             its colors.";
const UNUSED_LAYER_MASKS: &str = "Several of its layers have masks, and none of them is named \"Subject\": the whole \
                                  picture counts. Name the layer whose mask counts \"Subject\".";

/// A decoded mask, upright.
#[derive(Debug, Clone, PartialEq)]
pub struct MaskFile {
    /// 0 is cut away, 255 is kept.
    pub matte: GrayImage,
    /// Losses and assumptions when it was decoded, and what of it does not count, each as a sentence.
    pub warnings: Vec<String>,
}

/// Reads the mask of a picture of this upright size. The file is untrusted.
///
/// # Errors
/// Those of [`decode::layer_mask`], [`Decoding::decode`] and [`own_path::OwnPath::matte`], and [`Error::UnsupportedFeature`]
/// for CMYK and for an SVG, which has no pixels. [`Error::MaskMismatch`] if the mask has another size; by its header alone,
/// if it would have that size however it was turned.
pub fn read(file: &[u8], picture: (u32, u32), decoding: &Decoding) -> Result<MaskFile, Error> {
    if ImageKind::sniff(file) == Some(ImageKind::Svg) {
        return Err(Error::unsupported(ImageKind::Svg, "a drawing as a mask", "send the mask as PNG"));
    }
    let stored = decode::dimensions(file)?;
    if stored != picture && stored != (picture.1, picture.0) {
        return Err(Error::MaskMismatch { mask: stored, picture });
    }
    let mut warnings = Vec::new();
    match decode::layer_mask(file, &decoding.limits)? {
        LayerMask::Found { mask, layer } => {
            warnings
                .extend(layer.map(|name| format!("The mask of its layer \"{name}\" counts, and nothing else of it.")));
            return Ok(MaskFile { matte: mask, warnings });
        }
        LayerMask::Ambiguous => warnings.push(UNUSED_LAYER_MASKS.to_owned()),
        LayerMask::None => {}
    }
    let mask = decoding.decode_shares(file)?;
    if mask.dimensions() != picture {
        return Err(Error::MaskMismatch { mask: mask.dimensions(), picture });
    }
    warnings.extend_from_slice(&mask.metadata().warnings);
    if let Some((matte, warning)) = matte_of_path(file, &mask)? {
        warnings.push(warning);
        return Ok(MaskFile { matte, warnings });
    }
    if mask.alpha().is_some_and(|alpha| is_black_and_white(mask.color(), alpha)) {
        warnings.push(UNUSED_COLORS.to_owned());
    }
    Ok(MaskFile { matte: matte(mask), warnings })
}

/// The area of the path that an opaque picture with colors brings, and a sentence that says so: its brightness would mean
/// nothing.
fn matte_of_path(file: &[u8], mask: &Photo) -> Result<Option<(GrayImage, String)>, Error> {
    let is_gray = || mask.color().pixels().all(|pixel| pixel.0.iter().all(|sample| *sample == pixel.0[0]));
    if mask.alpha().is_some() {
        return Ok(None);
    }
    let Some(path) = own_path::find(file).filter(|path| path.has_knots() && !is_gray()) else { return Ok(None) };
    let warning = format!("Its path \"{}\" counts, and not its colors.", path.name());
    Ok(Some((path.matte(mask.dimensions())?, warning)))
}

/// Whether the opaque pixels are black and white, at least 1% each, but for at most 5%, such as soft edges.
fn is_black_and_white(color: &RgbImage, alpha: &GrayImage) -> bool {
    let (mut black, mut white, mut others) = (0_u64, 0_u64, 0_u64);
    for (pixel, _) in color.pixels().zip(alpha.iter()).filter(|(_, alpha)| **alpha == u8::MAX) {
        match pixel.0 {
            samples if samples.iter().all(|sample| *sample <= NEAR) => black += 1,
            samples if samples.iter().all(|sample| *sample >= u8::MAX - NEAR) => white += 1,
            _ => others += 1,
        }
    }
    let opaque = black + white + others;
    opaque > 0 && black.min(white) * 100 >= opaque && others * 20 <= opaque
}

fn matte(mask: Photo) -> GrayImage {
    match mask.alpha() {
        Some(alpha) => alpha.clone(),
        None => imageops::grayscale(mask.color()),
    }
}
