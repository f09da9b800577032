//! The promises of a set, measured on the finished file: that is what a marketplace gets.

use bytes::Bytes;
use cutline_core::domain::params::{FillRange, Promise};
use image::RgbImage;

use super::plan::BackdropPlan;
use crate::decode::{Limits, decode};
use crate::error::Error;

/// How far a value may differ from the background and still count as background when the subject is measured: the noise
/// of a lossy format around an edge.
const NOISE: u8 = 6;
/// The lowest alpha that counts as subject.
const SUBJECT_ALPHA: u8 = 16;

/// A finished picture, and the expectations that it is measured against.
pub(super) struct FinishedPicture<'a> {
    /// The file.
    pub(super) bytes: &'a Bytes,
    /// The planned size in pixels.
    pub(super) canvas: (u32, u32),
    /// The background behind the subject; `None` if it is the photograph's own.
    pub(super) backdrop: Option<BackdropPlan<'a>>,
    /// The steps by which the background's color may differ and still count as exact.
    pub(super) tolerance: u8,
    /// Where the subject was placed, as first and last column and row; `None` if nothing of it is on the canvas. A
    /// white subject on white cannot be measured, so its planned place counts.
    pub(super) subject: Option<[u32; 4]>,
}

/// The broken promises, each as a sentence with the measured value.
///
/// # Errors
/// Those of [`decode()`]: a fault of Cutline's own, since it wrote the file.
pub(super) fn broken(promise: &Promise, finished: &FinishedPicture<'_>) -> Result<Vec<String>, Error> {
    let photo = decode(finished.bytes, &Limits::default())?;
    let alpha = photo.alpha().map(|alpha| alpha.as_raw().as_slice());
    let picture = MeasuredPicture::new(photo.color(), alpha, finished);
    let mut broken = Vec::new();
    broken.extend(broken_file_size(promise, finished.bytes.len()));
    broken.extend(broken_dimensions(finished.canvas, photo.dimensions()));
    if promise.background {
        broken.extend(picture.broken_background());
    }
    if let Some(promised) = &promise.fill {
        broken.extend(broken_fill(promised, picture.fill(finished.subject)));
    }
    Ok(broken)
}

fn broken_file_size(promise: &Promise, size: usize) -> Option<String> {
    let max = promise.max_bytes.filter(|max| size as u64 > u64::from(*max))?;
    Some(format!("The file has {size} bytes; at most {max} were promised."))
}

fn broken_dimensions((wide, high): (u32, u32), (width, height): (u32, u32)) -> Option<String> {
    ((width, height) != (wide, high))
        .then(|| format!("The picture is {width} x {height} pixels; {wide} x {high} were promised."))
}

/// `measured` is the fraction of the frame that the subject fills.
fn broken_fill(promised: &FillRange, measured: f64) -> Vec<String> {
    let percent = (measured * 1000.0).round() / 10.0;
    let min = promised.min.filter(|min| measured < min.share());
    let max = promised.max.filter(|max| measured > max.share());
    let too_small = min.map(|min| format!("The subject fills {percent}% of the frame; at least {min} was promised."));
    let too_large = max.map(|max| format!("The subject fills {percent}% of the frame; at most {max} was promised."));
    too_small.into_iter().chain(too_large).collect()
}

/// A decoded picture whose background is known.
struct MeasuredPicture<'a> {
    color: &'a RgbImage,
    alpha: Option<&'a [u8]>,
    /// The plain color of the background; `None` behind a picture, and on transparency.
    background: Option<[u8; 3]>,
    tolerance: u8,
}

/// The pixel at the edge that differs most from the background.
struct WorstPixel {
    difference: u8,
    color: [u8; 3],
    alpha: u8,
}

impl<'a> MeasuredPicture<'a> {
    fn new(color: &'a RgbImage, alpha: Option<&'a [u8]>, finished: &FinishedPicture<'_>) -> Self {
        let background = match finished.backdrop {
            Some(BackdropPlan::Color(color)) => Some(color.0),
            // A format without alpha laid it on white.
            Some(BackdropPlan::Transparent) => alpha.is_none().then_some([u8::MAX; 3]),
            Some(BackdropPlan::Picture { .. }) | None => None,
        };
        Self { color, alpha, background, tolerance: finished.tolerance }
    }

    fn at(&self, x: u32, y: u32) -> ([u8; 3], u8) {
        let alpha = self.alpha.map_or(u8::MAX, |alpha| alpha[y as usize * self.color.width() as usize + x as usize]);
        (self.color.get_pixel(x, y).0, alpha)
    }

    /// How far a pixel is from the background.
    fn difference(&self, color: [u8; 3], alpha: u8) -> u8 {
        match self.background {
            Some(background) => {
                let color = color.iter().zip(background).map(|(a, b)| a.abs_diff(b)).max().unwrap_or(0);
                color.max(u8::MAX - alpha)
            }
            None if self.alpha.is_some() => alpha,
            // A background picture has no exact color.
            None => 0,
        }
    }

    /// The sentence about corners and edges that are not exactly the background.
    fn broken_background(&self) -> Option<String> {
        let (width, height) = self.color.dimensions();
        let rows = (0..width).flat_map(|x| [(x, 0), (x, height - 1)]);
        let columns = (0..height).flat_map(|y| [(0, y), (width - 1, y)]);
        let (mut differing, mut count, mut worst) = (0_u32, 0_u32, None::<WorstPixel>);
        for (x, y) in rows.chain(columns) {
            let (color, alpha) = self.at(x, y);
            let difference = self.difference(color, alpha);
            count += 1;
            differing += u32::from(difference > self.tolerance);
            if difference > worst.as_ref().map_or(self.tolerance, |worst| worst.difference) {
                worst = Some(WorstPixel { difference, color, alpha });
            }
        }
        let WorstPixel { color: [red, green, blue], alpha, .. } = worst?;
        let share = f64::from(differing) / f64::from(count) * 100.0;
        let (is, promised) = match self.background {
            Some([r, g, b]) => (format!("{red},{green},{blue}"), format!("{r},{g},{b}")),
            None => (format!("{alpha} of 255 opaque"), "transparent".to_owned()),
        };
        Some(format!("{share:.1}% of the edge is not the background: it is {is} where {promised} was promised."))
    }

    /// Whether the subject shows at a pixel.
    fn shows_subject(&self, x: u32, y: u32) -> bool {
        let (color, alpha) = self.at(x, y);
        match self.background {
            Some(background) => color.iter().zip(background).any(|(a, b)| a.abs_diff(b) > NOISE),
            None => self.alpha.is_some() && alpha >= SUBJECT_ALPHA,
        }
    }

    /// The fraction of the frame that the subject fills along the side where it fills most. `placed` counts as subject
    /// even where it cannot be told from the background.
    fn fill(&self, placed: Option<[u32; 4]>) -> f64 {
        let (width, height) = self.color.dimensions();
        let mut bounds = placed;
        for y in 0..height {
            for x in 0..width {
                if self.shows_subject(x, y) {
                    let [left, top, right, bottom] = bounds.unwrap_or([x, y, x, y]);
                    bounds = Some([left.min(x), top.min(y), right.max(x), bottom.max(y)]);
                }
            }
        }
        let share = |first: u32, last: u32, side: u32| f64::from(last + 1 - first) / f64::from(side);
        bounds.map_or(0.0, |[left, top, right, bottom]| share(left, right, width).max(share(top, bottom, height)))
    }
}

#[cfg(test)]
mod tests {
    use cutline_core::domain::params::ParamSet;
    use image::{DynamicImage, ImageFormat, Rgb, RgbaImage};
    use serde_json::json;

    use cutline_core::domain::params::Color;

    use super::*;

    fn promise(document: serde_json::Value) -> Promise {
        ParamSet::read(json!({"promise": document})).expect("is a set").promise.expect("has a promise")
    }

    fn file(picture: impl Into<DynamicImage>) -> Bytes {
        let mut file = std::io::Cursor::new(Vec::new());
        picture.into().write_to(&mut file, ImageFormat::Png).expect("is written");
        file.into_inner().into()
    }

    fn measure(document: serde_json::Value, bytes: &Bytes, backdrop: BackdropPlan<'_>) -> Vec<String> {
        let (canvas, subject) = ((100, 50), Some([40, 20, 59, 29]));
        let finished = FinishedPicture { bytes, canvas, backdrop: Some(backdrop), tolerance: 0, subject };
        broken(&promise(document), &finished).expect("is measured")
    }

    /// A gray box of 60 x 20 on white.
    fn boxed() -> RgbImage {
        RgbImage::from_fn(100, 50, |x, y| {
            let inside = (20..80).contains(&x) && (15..35).contains(&y);
            Rgb(if inside { [90; 3] } else { [255; 3] })
        })
    }

    #[test]
    fn promises_kept_give_no_warning() {
        let white = BackdropPlan::Color(Color::WHITE);
        let all = json!({"background": true, "fill": {"min": "60%", "max": "60%"}, "max_bytes": 100_000});
        assert_eq!(measure(all, &file(boxed()), white), Vec::<String>::new());
    }

    #[test]
    fn broken_promises_are_reported_with_the_measured_value() {
        let white = BackdropPlan::Color(Color::WHITE);
        let mut picture = boxed();
        picture.put_pixel(99, 49, Rgb([254, 255, 253]));
        let bytes = file(picture);
        let all = json!({"background": true, "fill": {"min": "85%"}, "max_bytes": 100});
        let expected = [
            format!("The file has {} bytes; at most 100 were promised.", bytes.len()),
            "0.7% of the edge is not the background: it is 254,255,253 where 255,255,255 was promised.".to_owned(),
            "The subject fills 60% of the frame; at least 85% was promised.".to_owned(),
        ];
        assert_eq!(measure(all, &bytes, white), expected);
        let most = json!({"fill": {"max": "59%"}});
        let expected = ["The subject fills 60% of the frame; at most 59% was promised.".to_owned()];
        assert_eq!(measure(most, &bytes, white), expected);
        let small = file(RgbImage::from_pixel(99, 50, Rgb([255; 3])));
        let expected = ["The picture is 99 x 50 pixels; 100 x 50 were promised.".to_owned()];
        assert_eq!(measure(json!({}), &small, white), expected);
    }

    #[test]
    fn a_white_subject_on_white_counts_by_its_place() {
        let white = BackdropPlan::Color(Color::WHITE);
        let bytes = file(RgbImage::from_pixel(100, 50, Rgb([255; 3])));
        assert_eq!(measure(json!({"fill": {"min": "20%", "max": "20%"}}), &bytes, white), Vec::<String>::new());
    }

    #[test]
    fn transparent_edges_are_measured_by_alpha() {
        let mut picture = RgbaImage::from_pixel(100, 50, image::Rgba([0; 4]));
        for x in 10..90 {
            picture.put_pixel(x, 25, image::Rgba([1, 2, 3, 255]));
        }
        let kept = json!({"background": true, "fill": {"min": "80%", "max": "80%"}});
        assert_eq!(measure(kept.clone(), &file(picture.clone()), BackdropPlan::Transparent), Vec::<String>::new());
        picture.put_pixel(0, 0, image::Rgba([9, 9, 9, 40]));
        let broken = measure(kept, &file(picture), BackdropPlan::Transparent);
        assert!(broken[0].contains("it is 40 of 255 opaque where transparent was promised"), "{broken:?}");
    }
}
