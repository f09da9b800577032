//! A canvas with the subject on it: everything that the composed pictures of a run share.

use cutline_core::Variation;
use cutline_core::domain::choice::sentence_list;
use cutline_core::domain::params::{Color, ParamSet};
use image::GrayImage;

use super::layout;
use super::plan::{BackdropPlan, ComposedPlan};
use super::workspace::Workspace;
use crate::compose::{self, AxisMap, Backdrop, Layer, Placement, Shade, SubjectBox};
use crate::cutout::Cutout;
use crate::decode::Decoding;
use crate::digital_source_type::DigitalSourceType;
use crate::encode;
use crate::error::Error;
use crate::photo::ImageMetadata;
use crate::resample;
use crate::sample::ColorSample;
use crate::shadow::{self, GroundOptions, TopOptions, WallOptions};

/// The canvas, its background, and the subject at its place.
pub(super) struct Scene<'a, W: Workspace> {
    workspace: &'a W,
    set: &'a ParamSet,
    pub(super) canvas: (u32, u32),
    pub(super) backdrop: Backdrop<W::Sample>,
    /// What the background picture was made from, if its file says so.
    backdrop_type: Option<DigitalSourceType>,
    pub(super) subject: Layer<W::Sample>,
    placement: Placement,
    /// The subject's alpha on the whole canvas, from which shadows are made.
    alpha: GrayImage,
    /// The photograph's own shadow on the canvas.
    own_shadow: Option<GrayImage>,
    /// Warnings about the placement, for every composed picture.
    pub(super) warnings: Vec<String>,
}

/// The shadow of a picture: a [`Shade`] that owns its coverage.
pub(super) struct SceneShadow<T> {
    coverage: GrayImage,
    opacity: f64,
    color: [T; 3],
}

/// The same with a color in sRGB.
struct SrgbShadow {
    coverage: GrayImage,
    opacity: f64,
    color: Color,
}

impl<T: ColorSample> SceneShadow<T> {
    pub(super) fn shade(&self) -> Shade<'_, T> {
        Shade { coverage: &self.coverage, opacity: self.opacity as f32, color: self.color }
    }
}

impl<'a, W: Workspace> Scene<'a, W> {
    /// Places the subject on the canvas. The cut-out is dropped as soon as it is resampled, before anything else of the
    /// canvas's size than a background image is allocated.
    ///
    /// # Errors
    /// [`Error::NoSubject`]; [`Error::Backdrop`] if the background image cannot be decoded;
    /// [`Error::TooLargeForFormat`] if a format cannot hold the canvas.
    pub(super) fn new(
        workspace: &'a W,
        plan: &ComposedPlan<'a>,
        cutout: Cutout<W::Sample>,
        own_shadow: Option<GrayImage>,
        decoding: &Decoding,
    ) -> Result<Self, Error> {
        let set = plan.set;
        let subject_box = SubjectBox::of(cutout.alpha()).ok_or(Error::NoSubject)?;
        let canvas = layout::canvas_size(set, &subject_box, cutout.dimensions());
        // The size of cropped pictures is checked when they are written.
        for picture in plan.pictures.iter().filter(|_| !plan.is_cropped) {
            encode::check_size(picture.format, canvas)?;
        }
        let (backdrop, backdrop_type) = backdrop(workspace, &plan.backdrop, canvas, decoding)?;
        let layout = layout::layout(set, canvas, plan.reduction);
        let placement = match &layout {
            Some(layout) => compose::place(&subject_box, layout),
            None => Placement::as_is(&subject_box),
        };
        let subject = compose::place_subject_in(workspace.light(), &cutout, &subject_box, &placement, canvas);
        drop(cutout);
        let alpha = subject.alpha_on(canvas);
        let own_shadow =
            own_shadow.map(|shadow| place_shadow(&shadow, &subject_box, &placement, canvas)).transpose()?;
        let mut warnings = placement_warnings(set, &subject_box, &placement);
        warnings.extend(layout.and_then(|layout| reduced_scale(layout.scale?, placement.scale, set)));
        Ok(Self { workspace, set, canvas, backdrop, backdrop_type, subject, placement, alpha, own_shadow, warnings })
    }

    /// The metadata of the pictures: those of the photograph. Before a background picture, a photograph of a known type
    /// becomes a part of a composite. Colors and shadows that are drawn leave the type as it is: they show nothing that
    /// was captured or generated.
    pub(super) fn metadata(&self, of_photo: &ImageMetadata) -> ImageMetadata {
        let mut metadata = of_photo.clone();
        if let Backdrop::Picture(_) = self.backdrop {
            let own = metadata.digital_source_type.take();
            metadata.digital_source_type = own.map(|own| own.before(self.backdrop_type.as_ref()));
        }
        metadata
    }

    /// The part of the canvas with the subject's box on it, as first and last column and row: left, top, right, bottom.
    pub(super) fn visible_subject(&self) -> Option<[u32; 4]> {
        self.placement.visible_on(self.canvas)
    }

    /// The shadow of a variation, if it has one.
    ///
    /// # Errors
    /// Those of [`Workspace::color`].
    pub(super) fn shadow(&self, variation: Variation) -> Result<Option<SceneShadow<W::Sample>>, Error> {
        let Some(SrgbShadow { coverage, opacity, color }) = self.srgb_shadow(variation) else { return Ok(None) };
        Ok(Some(SceneShadow { coverage, opacity, color: self.workspace.color(color)? }))
    }

    fn srgb_shadow(&self, variation: Variation) -> Option<SrgbShadow> {
        match variation {
            Variation::Background | Variation::Clipping | Variation::Framed => None,
            Variation::Compose => match &self.own_shadow {
                Some(coverage) => Some(SrgbShadow { coverage: coverage.clone(), opacity: 1.0, color: Color::BLACK }),
                None => self.ground_shadow(),
            },
            Variation::ShadowTop => self.top_shadow(),
            Variation::ShadowWall => self.wall_shadow(),
        }
    }

    fn ground_shadow(&self) -> Option<SrgbShadow> {
        let ground = self.set.shadow_ground?;
        let options = GroundOptions { blur: ground.blur.px(self.short_side()) };
        let coverage = shadow::ground(&self.alpha, &options);
        Some(SrgbShadow { coverage, opacity: ground.opacity.get(), color: ground.color })
    }

    fn top_shadow(&self) -> Option<SrgbShadow> {
        let (top, short) = (self.set.shadow_top?, self.short_side());
        let options = TopOptions { blur: top.blur.px(short), spread: top.spread.px(short) };
        let coverage = shadow::top(&self.alpha, &options);
        Some(SrgbShadow { coverage, opacity: top.opacity.get(), color: top.color })
    }

    fn wall_shadow(&self) -> Option<SrgbShadow> {
        let (wall, short) = (self.set.shadow_wall?, self.short_side());
        let options = WallOptions {
            dx: wall.dx.px(short),
            dy: wall.dy.px(short),
            blur: wall.blur.px(short),
            spread: wall.spread.px(short),
            fade: wall.fade.get(),
        };
        let coverage = shadow::wall(&self.alpha, &options);
        Some(SrgbShadow { coverage, opacity: wall.opacity.get(), color: wall.color })
    }

    /// The canvas's short side in pixels, which lengths in a set refer to.
    fn short_side(&self) -> f64 {
        f64::from(self.canvas.0.min(self.canvas.1))
    }
}

/// A background at the size of the canvas, and what its picture was made from.
type TypedBackdrop<T> = (Backdrop<T>, Option<DigitalSourceType>);

/// The background at the size of the canvas.
fn backdrop<W: Workspace>(
    workspace: &W,
    plan: &BackdropPlan<'_>,
    canvas: (u32, u32),
    decoding: &Decoding,
) -> Result<TypedBackdrop<W::Sample>, Error> {
    Ok(match *plan {
        BackdropPlan::Transparent => (Backdrop::Transparent, None),
        BackdropPlan::Color(color) => (Backdrop::Color(workspace.color(color)?), None),
        BackdropPlan::Picture { file, fit, color } => {
            // Before the picture: a space that has no conversion is the source's fault.
            let behind = workspace.color(color)?;
            let picture = workspace.picture(file, color, decoding);
            let (picture, source_type) = picture.map_err(|error| Error::Backdrop(Box::new(error)))?;
            (Backdrop::Picture(compose::fit_in(workspace.light(), &picture, fit, canvas, behind)), source_type)
        }
    })
}

/// The photograph's own shadow, moved and scaled like the subject. Empty where the photograph does not reach.
fn place_shadow(
    shadow: &GrayImage,
    subject: &SubjectBox,
    placement: &Placement,
    canvas: (u32, u32),
) -> Result<GrayImage, Error> {
    let (map_x, map_y) = AxisMap::of(subject, placement);
    let across = ShadowSpan::new(&map_x, shadow.width(), canvas.0);
    let down = ShadowSpan::new(&map_y, shadow.height(), canvas.1);
    let mut placed = GrayImage::new(canvas.0, canvas.1);
    if across.length > 0 && down.length > 0 {
        let part = (across.photo.0, down.photo.0, across.photo.1 - across.photo.0, down.photo.1 - down.photo.0);
        let part = resample::part_of(shadow, part, (across.length, down.length))?;
        image::imageops::replace(&mut placed, &part, i64::from(across.first), i64::from(down.first));
    }
    Ok(placed)
}

/// Where the photograph lies on a canvas along one axis, in whole pixels of the canvas.
struct ShadowSpan {
    first: u32,
    length: u32,
    /// The same in the photograph: start and end.
    photo: (f64, f64),
}

impl ShadowSpan {
    fn new(map: &AxisMap, photo_length: u32, side: u32) -> Self {
        let first = map.on_canvas(0.0).ceil().clamp(0.0, f64::from(side));
        let end = map.on_canvas(f64::from(photo_length)).floor().clamp(first, f64::from(side));
        let in_photo = |coordinate: f64| map.in_photo(coordinate).clamp(0.0, f64::from(photo_length));
        Self { first: first as u32, length: (end - first) as u32, photo: (in_photo(first), in_photo(end)) }
    }
}

/// Warnings about where the subject stands.
fn placement_warnings(set: &ParamSet, subject: &SubjectBox, placement: &Placement) -> Vec<String> {
    let mut warnings = Vec::new();
    let cropped = subject.cropped.names();
    if !cropped.is_empty() && placement.moved {
        let edges = if cropped.len() == 1 { "edge" } else { "edges" };
        let sides = sentence_list(cropped, "and");
        let position =
            if placement.floating { "but does not reach the canvas's" } else { "and stands at the canvas's" };
        warnings.push(format!("The subject is cut off at the photograph's {sides} {edges}, {position}."));
    }
    let max = set.enlargement.map_or(layout::MAX_ENLARGEMENT, |max| max.get());
    if placement.scale > max + 1e-9 {
        let times = placement.scale;
        warnings.push(format!(
            "The subject was enlarged {times:.1} times, more than {max} times; use a larger photograph for a sharp picture."
        ));
    }
    warnings
}

/// The warning about a subject that does not fit the canvas at the scale of its set. `asked` and `made` relate to the
/// photograph as it is placed, which a preview reduces.
fn reduced_scale(asked: f64, made: f64, set: &ParamSet) -> Option<String> {
    let scale = set.scale?.get();
    let fits = (scale * made / asked * 10_000.0).floor() / 10_000.0;
    (made < asked - 1e-9).then(|| {
        format!(
            "At scale {scale} the subject does not fit the canvas, so it was reduced to scale {fits}. For one scale in all \
             pictures of this product, use a scale of at most {fits} for each, or a larger canvas."
        )
    })
}

#[cfg(test)]
mod tests {
    use image::Luma;
    use serde_json::json;

    use super::*;
    use crate::compose::Layout;

    #[test]
    fn the_photographs_shadow_moves_with_the_subject() {
        // A subject of 40 x 40 pixels and a shadow of one block next to it, at twice the size.
        let alpha = GrayImage::from_fn(60, 60, |x, y| {
            Luma([if (10..50).contains(&x) && (10..50).contains(&y) { 255 } else { 0 }])
        });
        let subject = SubjectBox::of(&alpha).expect("a subject");
        let shadow = GrayImage::from_fn(60, 60, |x, y| {
            Luma([if (50..60).contains(&x) && (30..40).contains(&y) { 200 } else { 0 }])
        });
        let set = ParamSet::read(json!({"margin": "0px"})).expect("is a set");
        let layout = Layout { fill: Some(0.5), ..layout::layout(&set, (160, 160), 1.0).expect("placed") };
        let placement = compose::place(&subject, &layout);
        assert_eq!((placement.x, placement.y, placement.width, placement.height), (40, 40, 80, 80));
        let placed = place_shadow(&shadow, &subject, &placement, (160, 160)).expect("is placed");
        // Column 50 of the photograph is 40 right of the subject's box, and so 80 right of it on the canvas.
        let values = [130, 110, 150].map(|x| placed.get_pixel(x, 90)[0]);
        assert_eq!(values, [200, 0, 0]);
    }
}
