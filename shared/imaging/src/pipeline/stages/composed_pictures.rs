//! The pictures on a canvas.

use bytes::Bytes;
use image::GrayImage;

use crate::compose::{self, Backdrop};
use crate::cutout::Cutout;
use crate::decode::Limits;
use crate::encode::{Document, Layers, encode};
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
    pub(crate) metadata: &'a ImageMetadata,
    /// The limits for decoding the background image.
    pub(crate) limits: &'a Limits,
}

/// Makes the pictures on a canvas.
///
/// # Errors
/// Those of [`Scene::new`]; [`Error::Encode`].
pub(crate) fn composed_pictures(
    plan: &ComposedPlan<'_>,
    input: ComposedInput<'_>,
    results: &mut Results,
    progress: ProgressReporter<'_>,
) -> Result<(), Error> {
    let ComposedInput { cutout, own_shadow, metadata, limits } = input;
    let scene = Scene::new(plan, cutout, own_shadow, limits)?;
    for (picture, done) in plan.pictures.iter().zip(1..) {
        let bytes = write(&scene, picture, metadata, results)?;
        results.warn(picture.variation, scene.warnings.iter().cloned());
        results.warn(picture.variation, broken_promises(plan, &scene, picture, &bytes)?);
        results.add_picture(picture, bytes, scene.canvas);
        progress.reached_part(Milestone::ComposedEncoded, (done, plan.pictures.len()));
    }
    Ok(())
}

/// The file of a picture. Its previews are made with it, from the same pixels.
fn write(
    scene: &Scene<'_>,
    picture: &PicturePlan,
    metadata: &ImageMetadata,
    results: &mut Results,
) -> Result<Bytes, Error> {
    // Alpha alone is that of the subject, without background and shadow.
    let colors = picture.has_colors();
    let backdrop = if colors { &scene.backdrop } else { &Backdrop::Transparent };
    let shadow = if colors { scene.shadow(picture.variation) } else { None };
    let shade = shadow.as_ref().map(|shadow| shadow.shade());
    let composed = compose::compose(scene.canvas, backdrop, shade, &scene.subject);
    results.add_previews(picture.variation, composed.color(), composed.alpha())?;
    let layers = Layers { backdrop, shadow: shade, subject: &scene.subject };
    let document = Document { metadata, layers: Some(layers), ..Document::of(&composed) };
    Ok(encode(document, picture.format, &picture.rendering)?.into())
}

/// The promises of the set that a finished picture breaks.
fn broken_promises(
    plan: &ComposedPlan<'_>,
    scene: &Scene<'_>,
    picture: &PicturePlan,
    bytes: &Bytes,
) -> Result<Vec<String>, Error> {
    match plan.set.promise.as_ref().filter(|_| picture.has_colors()) {
        None => Ok(Vec::new()),
        Some(promise) => promise::broken(
            promise,
            &FinishedPicture {
                bytes,
                canvas: scene.canvas,
                backdrop: &scene.backdrop,
                subject: scene.visible_subject(),
            },
        ),
    }
}
