//! The picture `framed`: the photograph itself, cropped around the subject.
//!
//! It comes first. It needs the photograph, which the later stages take apart, and leaves nothing but its file.

use std::borrow::Cow;

use cutline_core::Variation;
use cutline_core::domain::choice::sentence_list;
use cutline_core::domain::params::Color;
use cutline_core::domain::subject::PixelBox;
use image::{GrayImage, imageops};

use super::own_shadow::StudioResult;
use super::photo_pictures::PhotoPictureWriter;
use crate::compose::{self, Backdrop, CroppedSides, Frame, FrameOptions, Light, Placement, SubjectBox, frame};
use crate::cutout::Cutout;
use crate::error::Error;
use crate::matte::Matte;
use crate::photo::Photo;
use crate::pipeline::framed_plan::FramedPlan;
use crate::pipeline::plan::{BackdropPlan, Plan};
use crate::pipeline::promise::{self, FinishedPicture};
use crate::pipeline::results::Results;
use crate::pipeline::workspace::Workspace;
use crate::planes::PlanarRgba;
use crate::sample::{ColorSample, Colors};
use crate::shadow::{NotWhitened, OpenSides, Whitened, whitened};

/// The share of the subject's pixels from which on a warning says that they became too bright.
const MAX_OVEREXPOSED: f32 = 0.01;

/// The input of this stage.
pub(crate) struct FramedInput<'a, W: Workspace> {
    pub(crate) workspace: &'a W,
    pub(crate) photo: &'a Photo,
    /// The colors of the photograph as the files hold them.
    pub(crate) colors: &'a Colors<W::Sample>,
    pub(crate) matte: &'a Matte,
    /// The photograph's shadow and backdrop, if the plan whitens.
    pub(crate) studio: Option<&'a StudioResult>,
}

/// Makes the picture `framed`, if it is planned.
///
/// # Errors
/// [`Error::NoSubject`] if everything is transparent; [`Error::WhitenedNative`]; [`Error::TooLargeForFormat`];
/// [`Error::Encode`].
pub(crate) fn framed_picture<W: Workspace>(
    plan: &Plan<'_>,
    input: FramedInput<'_, W>,
    results: &mut Results,
) -> Result<(), Error> {
    let Some(framed) = &plan.framed else { return Ok(()) };
    let FramedInput { workspace, photo, colors, matte, studio } = input;
    let source = Source { workspace, photo, colors, alpha: photo.alpha_of_subject(matte) };
    let made = source.framed(framed, studio)?;
    let picture = &framed.picture;
    let mut cutout = made.cutout;
    if !picture.has_colors() {
        // Alpha alone is that of the subject.
        let (frame, size) = (&made.frame, cutout.dimensions());
        cutout = resized(workspace.light(), source.subject_in(frame), frame, size);
    }
    let size = cutout.dimensions();
    let (metadata, flat_color) = (photo.metadata(), plan.flat_color);
    let writer =
        PhotoPictureWriter { workspace, window: None, original: None, checks_pixels: false, metadata, flat_color };
    writer.preview(picture.variation, &cutout, results)?;
    let bytes = writer.write(&cutout, picture, None)?.bytes;
    drop(cutout);
    writer.warn_about_losses(picture, results)?;
    results.warn(Variation::Framed, made.warnings);
    if let Some(promise) = framed.promise.filter(|_| picture.has_colors()) {
        let finished = FinishedPicture {
            bytes: &bytes,
            canvas: framed.size.unwrap_or(size),
            backdrop: made.is_white.then_some(BackdropPlan::Color(Color::WHITE)),
            tolerance: workspace.color_tolerance(),
            subject: Some(made.subject),
        };
        results.warn(Variation::Framed, promise::broken(promise, &finished)?);
    }
    results.add_picture(picture, bytes, size);
    Ok(())
}

/// A picture before it is written.
struct Framed<T: ColorSample> {
    /// Colors, and the alpha that the photograph came with.
    cutout: Cutout<T>,
    frame: Frame,
    /// The subject's box on the picture, as first and last column and row: left, top, right, bottom.
    subject: [u32; 4],
    is_white: bool,
    warnings: Vec<String>,
}

/// A photograph, and the alpha of its subject.
struct Source<'a, W: Workspace> {
    workspace: &'a W,
    photo: &'a Photo,
    colors: &'a Colors<W::Sample>,
    alpha: Cow<'a, GrayImage>,
}

impl<W: Workspace> Source<'_, W> {
    fn framed(&self, plan: &FramedPlan<'_>, studio: Option<&StudioResult>) -> Result<Framed<W::Sample>, Error> {
        let subject = SubjectBox::of(&self.alpha).ok_or(Error::NoSubject)?;
        let photo = self.photo.dimensions();
        let options = |fills| FrameOptions { margin: plan.margin, shape: plan.shape, fills };
        let mut warnings = cut_off(&subject).into_iter().collect::<Vec<_>>();
        let mut area = frame(&subject, photo, &options(plan.whitens));
        let white = plan.whitens.then(|| self.whitened(&area, studio)).and_then(|white| match white {
            Ok(white) => Some(white),
            Err(reason) => {
                warnings.push(reason.to_string());
                area = frame(&subject, photo, &options(false));
                None
            }
        });
        warnings.extend(about_frame(&area, photo, plan));
        warnings.extend(white.as_ref().and_then(about_exposure));
        let is_white = white.is_some();
        let planes = match white {
            Some(white) => on_white(self.workspace.of_whitened(white.picture)?, &area, photo),
            None => self.part(area.shown(photo).0),
        };
        let size = plan.size.map_or((area.width, area.height), |size| target(&area, size));
        let scale = f64::from(size.0) / f64::from(area.width);
        warnings.extend(plan.about_enlargement(scale));
        let subject = on_picture(&subject, &area, size);
        let cutout = resized(self.workspace.light(), planes, &area, size);
        Ok(Framed { cutout, frame: area, subject, is_white, warnings })
    }

    /// The part of the photograph in a frame with a white backdrop.
    fn whitened(&self, area: &Frame, studio: Option<&StudioResult>) -> Result<Whitened, NotWhitened> {
        let photo = self.photo.dimensions();
        match studio {
            Some(Ok(shadow)) => {
                let part = area.shown(photo).0;
                whitened(self.photo.color(), &self.alpha, shadow, (part, open_sides(area, photo)))
            }
            Some(Err(reason)) => Err(NotWhitened::NoSweep(*reason)),
            None => Err(NotWhitened::Transparent),
        }
    }

    /// A part of the photograph, with its own alpha.
    fn part(&self, PixelBox { left, top, width, height }: PixelBox) -> PlanarRgba<W::Sample> {
        let color = imageops::crop_imm(self.colors, left, top, width, height).to_image();
        let mut planes = PlanarRgba::opaque(color);
        if let Some(own) = self.photo.alpha() {
            let part = imageops::crop_imm(own, left, top, width, height).to_image();
            planes.samples_mut().1.copy_from_slice(&part);
        }
        planes
    }

    /// The subject's alpha in a frame, without colors.
    fn subject_in(&self, area: &Frame) -> PlanarRgba<W::Sample> {
        let (PixelBox { left, top, width, height }, (x, y)) = area.shown(self.photo.dimensions());
        let part = imageops::crop_imm(&*self.alpha, left, top, width, height).to_image();
        let mut alpha = GrayImage::new(area.width, area.height);
        imageops::replace(&mut alpha, &part, x.into(), y.into());
        let mut planes = PlanarRgba::transparent((area.width, area.height));
        planes.samples_mut().1.copy_from_slice(&alpha);
        planes
    }
}

/// The sides at which a frame reaches beyond the photograph.
fn open_sides(area: &Frame, photo: (u32, u32)) -> OpenSides {
    let (right, bottom) = (area.left + i64::from(area.width), area.top + i64::from(area.height));
    OpenSides { left: area.left < 0, top: area.top < 0, right: right > photo.0.into(), bottom: bottom > photo.1.into() }
}

/// A part of the photograph in its frame, which is white where the photograph does not reach.
fn on_white<T: ColorSample>(part: Colors<T>, area: &Frame, photo: (u32, u32)) -> PlanarRgba<T> {
    let size = (area.width, area.height);
    let color = if part.dimensions() == size {
        part
    } else {
        let (_, (x, y)) = area.shown(photo);
        let mut whole = Colors::<T>::new(size.0, size.1);
        whole.fill(T::FULL);
        imageops::replace(&mut whole, &part, x.into(), y.into());
        whole
    };
    PlanarRgba::opaque(color)
}

/// The size of a picture for a canvas: the canvas's, or the largest within it if the frame has another shape.
fn target(area: &Frame, canvas: (u32, u32)) -> (u32, u32) {
    if area.keeps_shape {
        return canvas;
    }
    let (width, height) = (f64::from(area.width), f64::from(area.height));
    let scale = (f64::from(canvas.0) / width).min(f64::from(canvas.1) / height);
    let side = |side: f64, max: u32| ((side * scale).round() as u32).clamp(1, max);
    (side(width, canvas.0), side(height, canvas.1))
}

/// A framed picture at another size, resampled in this linear light.
fn resized<T: ColorSample, L: Light<T>>(light: &L, planes: PlanarRgba<T>, area: &Frame, size: (u32, u32)) -> Cutout<T> {
    let cutout = Cutout::from_planes(planes);
    if cutout.dimensions() == size {
        return cutout;
    }
    let Frame { width, height, .. } = *area;
    let (mass, cropped) = ((0.0, 0.0), CroppedSides::default());
    let whole = SubjectBox { x: 0, y: 0, width, height, mass, cropped };
    let scale = f64::from(size.0) / f64::from(width);
    let place = Placement { width: size.0, height: size.1, scale, ..Placement::as_is(&whole) };
    let layer = compose::place_subject_in(light, &cutout, &whole, &place, size);
    drop(cutout);
    if layer.cutout.dimensions() == size {
        return layer.cutout;
    }
    // The edges of the picture are transparent.
    Cutout::from_planes(compose::compose_in(light, size, &Backdrop::Transparent, None, &layer).into_planes())
}

/// The subject's box on a picture of a frame, as first and last column and row: left, top, right, bottom.
fn on_picture(subject: &SubjectBox, area: &Frame, size: (u32, u32)) -> [u32; 4] {
    let along = |start: u32, length: u32, (first, all): (i64, u32), side: u32| {
        let scale = f64::from(side) / f64::from(all);
        let place = |at: i64| ((at - first) as f64 * scale).round() as u32;
        let (start, end) = (place(start.into()), place(i64::from(start) + i64::from(length)));
        let start = start.min(side - 1);
        (start, end.clamp(start + 1, side) - 1)
    };
    let (left, right) = along(subject.x, subject.width, (area.left, area.width), size.0);
    let (top, bottom) = along(subject.y, subject.height, (area.top, area.height), size.1);
    [left, top, right, bottom]
}

/// The warning about a subject that the photograph cuts off.
fn cut_off(subject: &SubjectBox) -> Option<String> {
    let cropped = subject.cropped.names();
    let edges = if cropped.len() == 1 { "edge" } else { "edges" };
    let sides = sentence_list(cropped.iter().copied(), "and");
    (!cropped.is_empty())
        .then(|| format!("The subject is cut off at the photograph's {sides} {edges}, and the picture ends there."))
}

/// Warnings about a frame that is not as the set asks for, or that is filled.
fn about_frame(area: &Frame, photo: (u32, u32), plan: &FramedPlan<'_>) -> Vec<String> {
    let mut warnings = Vec::new();
    match plan.shape.filter(|_| !area.keeps_shape) {
        Some((across, down)) => warnings.push(format!(
            "The photograph has too little room around the subject for a picture of {across}:{down}, so the picture has \
             another shape."
        )),
        None if area.reduced => warnings.push(
            "The photograph has too little room around the subject, so the margin was reduced.".to_owned(),
        ),
        None if area.moved => warnings.push(
            "The photograph ends near the subject, so the picture was moved and its margins differ from the set's."
                .to_owned(),
        ),
        None => {}
    }
    if open_sides(area, photo) != OpenSides::default() {
        warnings.push("The picture reaches beyond the photograph, and is plain white there.".to_owned());
    }
    warnings
}

/// The warning about a subject that became too bright.
fn about_exposure(white: &Whitened) -> Option<String> {
    let Whitened { exposure, overexposed, .. } = *white;
    (overexposed > MAX_OVEREXPOSED).then(|| {
        let percent = (overexposed * 100.0).round();
        format!(
            "For a white backdrop, the light was multiplied by {exposure:.1}, and {percent}% of the subject became too \
             bright; light the backdrop more than the subject."
        )
    })
}
