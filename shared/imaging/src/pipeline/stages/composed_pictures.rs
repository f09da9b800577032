//! The pictures on a canvas.

use bytes::Bytes;
use cutline_core::OutputFormat;
use cutline_core::domain::subject::PixelBox;
use image::{GrayImage, imageops};

use super::photo_pictures::shallow;
use crate::compose::{self, Backdrop, Composed, Shade};
use crate::cutout::Cutout;
use crate::decode::Decoding;
use crate::encode::{self, Document, Layers, encode};
use crate::error::Error;
use crate::file_colors::FileColors;
use crate::photo::ImageMetadata;
use crate::pipeline::plan::{ComposedPlan, PicturePlan};
use crate::pipeline::progress::{Milestone, ProgressReporter};
use crate::pipeline::promise::{self, FinishedPicture};
use crate::pipeline::results::Results;
use crate::pipeline::scene::Scene;
use crate::pipeline::workspace::Workspace;
use crate::sample::ColorSample;

/// The input of this stage.
pub(crate) struct ComposedInput<'a, W: Workspace> {
    pub(crate) workspace: &'a W,
    /// Dropped once the subject is placed.
    pub(crate) cutout: Cutout<W::Sample>,
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
pub(crate) fn composed_pictures<W: Workspace>(
    plan: &ComposedPlan<'_>,
    input: ComposedInput<'_, W>,
    results: &mut Results,
    progress: ProgressReporter<'_>,
) -> Result<(), Error> {
    let ComposedInput { workspace, cutout, own_shadow, window, metadata, decoding } = input;
    let scene = Scene::new(workspace, plan, cutout, own_shadow, decoding)?;
    let metadata = &scene.metadata(metadata);
    let shown = Shown { workspace, scene: &scene, part: window.filter(|_| plan.is_cropped) };
    for (picture, done) in plan.pictures.iter().zip(1..) {
        let bytes = shown.write(picture, metadata, results)?;
        results.warn(picture.variation, scene.warnings.iter().cloned());
        let left_out = encode::metadata_left_out(metadata, workspace.file(), picture.format, &picture.rendering)?;
        results.warn(picture.variation, left_out);
        results.warn(picture.variation, shallow(picture, workspace.file()));
        results.warn(picture.variation, broken_promises(plan, &shown, picture, &bytes)?);
        results.add_picture(picture, bytes, shown.size());
        progress.reached_part(Milestone::ComposedEncoded, (done, plan.pictures.len()));
    }
    Ok(())
}

/// A scene, and the part of its canvas that the pictures show.
struct Shown<'a, W: Workspace> {
    workspace: &'a W,
    scene: &'a Scene<'a, W>,
    /// `None` for the whole canvas. The subject's box is within it.
    part: Option<PixelBox>,
}

impl<W: Workspace> Shown<'_, W> {
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
        let transparent = Backdrop::Transparent;
        let backdrop = if colors { &scene.backdrop } else { &transparent };
        let shadow = if colors { scene.shadow(picture.variation)? } else { None };
        let shade = shadow.as_ref().map(|shadow| shadow.shade());
        let light = self.workspace.light();
        let composed = compose::compose_in(light, scene.canvas, backdrop, shade, &scene.subject);
        results.add_previews(picture.variation, || self.workspace.to_srgb(&composed), composed.alpha())?;
        let layers = Layers { backdrop, shadow: shade, subject: &scene.subject };
        let output = Output { picture, metadata, file: self.workspace.file() };
        match self.part {
            None => write(&composed, layers, output),
            Some(part) => write_part(composed, layers, part, output),
        }
    }
}

/// The file that a picture becomes.
#[derive(Clone, Copy)]
struct Output<'a> {
    picture: &'a PicturePlan,
    metadata: &'a ImageMetadata,
    file: &'a FileColors,
}

impl Output<'_> {
    fn encode<T: ColorSample>(&self, composed: &Composed<T>, layers: Option<Layers<'_, T>>) -> Result<Bytes, Error> {
        let document = Document { metadata: self.metadata, file: self.file, layers, ..Document::of(composed) };
        Ok(encode(document, self.picture.format, &self.picture.rendering)?.into())
    }
}

fn write<T: ColorSample>(composed: &Composed<T>, layers: Layers<'_, T>, output: Output<'_>) -> Result<Bytes, Error> {
    output.encode(composed, Some(layers))
}

/// Writes a part of a picture. The whole picture is dropped first.
fn write_part<T: ColorSample>(
    composed: Composed<T>,
    layers: Layers<'_, T>,
    part: PixelBox,
    output: Output<'_>,
) -> Result<Bytes, Error> {
    let composed = composed.cropped(part);
    if output.picture.format != OutputFormat::Psd {
        // Only a PSD has layers.
        return output.encode(&composed, None);
    }
    let PixelBox { left, top, width, height } = part;
    let coverage = |shade: &Shade<'_, T>| imageops::crop_imm(shade.coverage, left, top, width, height).to_image();
    let (backdrop, subject) = (layers.backdrop.cropped(part), layers.subject.cropped(part));
    let coverage = layers.shadow.as_ref().map(coverage);
    let shadow = layers.shadow.zip(coverage.as_ref()).map(|(shade, coverage)| Shade { coverage, ..shade });
    write(&composed, Layers { backdrop: &backdrop, shadow, subject: &subject }, output)
}

/// The promises of the set that a finished picture breaks.
fn broken_promises<W: Workspace>(
    plan: &ComposedPlan<'_>,
    shown: &Shown<'_, W>,
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
                backdrop: Some(plan.backdrop),
                tolerance: shown.workspace.color_tolerance(),
                subject: shown.subject(),
            },
        ),
    }
}
