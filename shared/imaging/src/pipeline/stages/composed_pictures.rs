//! The pictures on a canvas.

use bytes::Bytes;
use cutline_core::OutputFormat;
use cutline_core::domain::subject::PixelBox;
use image::{GrayImage, imageops};

use crate::compose::{self, Backdrop, Composed, Shade};
use crate::cutout::Cutout;
use crate::decode::Decoding;
use crate::encode::{self, Document, Layers, encode};
use crate::error::Error;
use crate::photo::ImageMetadata;
use crate::pipeline::plan::{ComposedPlan, PicturePlan};
use crate::pipeline::progress::{Milestone, ProgressReporter};
use crate::pipeline::promise::{self, FinishedPicture};
use crate::pipeline::results::Results;
use crate::pipeline::scene::Scene;

/// The input of this stage.
pub(crate) struct ComposedInput<'a> {
    /// Dropped once the subject is placed.
    pub(crate) cutout: Cutout,
    /// The photograph's own shadow, at its size.
    pub(crate) own_shadow: Option<GrayImage>,
    /// The part of the photograph that cropped pictures show; `None` for all of it.
    pub(crate) window: Option<PixelBox>,
    pub(crate) metadata: &'a ImageMetadata,
    /// For the background image.
    pub(crate) decoding: &'a Decoding,
}

/// Makes the pictures on a canvas, or on the part of it that they are cropped to.
///
/// # Errors
/// Those of [`Scene::new`]; [`Error::Encode`].
pub(crate) fn composed_pictures(
    plan: &ComposedPlan<'_>,
    input: ComposedInput<'_>,
    results: &mut Results,
    progress: ProgressReporter<'_>,
) -> Result<(), Error> {
    let ComposedInput { cutout, own_shadow, window, metadata, decoding } = input;
    let scene = Scene::new(plan, cutout, own_shadow, decoding)?;
    let metadata = &scene.metadata(metadata);
    let shown = Shown { scene: &scene, part: window.filter(|_| plan.is_cropped) };
    for (picture, done) in plan.pictures.iter().zip(1..) {
        let bytes = shown.write(picture, metadata, results)?;
        results.warn(picture.variation, scene.warnings.iter().cloned());
        let left_out = encode::metadata_left_out(metadata, picture.format, &picture.rendering)?;
        results.warn(picture.variation, left_out);
        results.warn(picture.variation, broken_promises(plan, &shown, picture, &bytes)?);
        results.add_picture(picture, bytes, shown.size());
        progress.reached_part(Milestone::ComposedEncoded, (done, plan.pictures.len()));
    }
    Ok(())
}

/// A scene, and the part of its canvas that the pictures show.
struct Shown<'a> {
    scene: &'a Scene<'a>,
    /// `None` for the whole canvas. The subject's box is within it.
    part: Option<PixelBox>,
}

impl Shown<'_> {
    /// Width and height of the pictures.
    fn size(&self) -> (u32, u32) {
        self.part.map_or(self.scene.canvas, |part| (part.width, part.height))
    }

    /// The subject's box on the pictures, as first and last column and row: left, top, right, bottom.
    fn subject(&self) -> Option<[u32; 4]> {
        let [left, top, right, bottom] = self.scene.visible_subject()?;
        let (x, y) = self.part.map_or((0, 0), |part| (part.left, part.top));
        Some([left.saturating_sub(x), top.saturating_sub(y), right.saturating_sub(x), bottom.saturating_sub(y)])
    }

    /// The file of a picture. Its previews are made with it, from the same pixels, and show the whole canvas.
    fn write(&self, picture: &PicturePlan, metadata: &ImageMetadata, results: &mut Results) -> Result<Bytes, Error> {
        let scene = self.scene;
        // Alpha alone is that of the subject, without background and shadow.
        let colors = picture.has_colors();
        let backdrop = if colors { &scene.backdrop } else { &Backdrop::Transparent };
        let shadow = if colors { scene.shadow(picture.variation) } else { None };
        let shade = shadow.as_ref().map(|shadow| shadow.shade());
        let composed = compose::compose(scene.canvas, backdrop, shade, &scene.subject);
        results.add_previews(picture.variation, composed.color(), composed.alpha())?;
        let layers = Layers { backdrop, shadow: shade, subject: &scene.subject };
        match self.part {
            None => write(&composed, layers, picture, metadata),
            Some(part) => write_part(composed, layers, part, picture, metadata),
        }
    }
}

fn write(
    composed: &Composed,
    layers: Layers<'_>,
    picture: &PicturePlan,
    metadata: &ImageMetadata,
) -> Result<Bytes, Error> {
    let document = Document { metadata, layers: Some(layers), ..Document::of(composed) };
    Ok(encode(document, picture.format, &picture.rendering)?.into())
}

/// Writes a part of a picture. The whole picture is dropped first.
fn write_part(
    composed: Composed,
    layers: Layers<'_>,
    part: PixelBox,
    picture: &PicturePlan,
    metadata: &ImageMetadata,
) -> Result<Bytes, Error> {
    let composed = composed.cropped(part);
    if picture.format != OutputFormat::Psd {
        // Only a PSD has layers.
        let document = Document { metadata, ..Document::of(&composed) };
        return Ok(encode(document, picture.format, &picture.rendering)?.into());
    }
    let PixelBox { left, top, width, height } = part;
    let coverage = |shade: &Shade<'_>| imageops::crop_imm(shade.coverage, left, top, width, height).to_image();
    let (backdrop, subject) = (layers.backdrop.cropped(part), layers.subject.cropped(part));
    let coverage = layers.shadow.as_ref().map(coverage);
    let shadow = layers.shadow.zip(coverage.as_ref()).map(|(shade, coverage)| Shade { coverage, ..shade });
    write(&composed, Layers { backdrop: &backdrop, shadow, subject: &subject }, picture, metadata)
}

/// The promises of the set that a finished picture breaks.
fn broken_promises(
    plan: &ComposedPlan<'_>,
    shown: &Shown<'_>,
    picture: &PicturePlan,
    bytes: &Bytes,
) -> Result<Vec<String>, Error> {
    match plan.set.promise.as_ref().filter(|_| picture.has_colors()) {
        None => Ok(Vec::new()),
        Some(promise) => promise::broken(
            promise,
            &FinishedPicture {
                bytes,
                canvas: shown.size(),
                backdrop: Some(&shown.scene.backdrop),
                subject: shown.subject(),
            },
        ),
    }
}
