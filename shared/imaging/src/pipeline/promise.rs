//! What a set promises of its pictures, measured on the finished file: what counts is what a marketplace gets.

use bytes::Bytes;
use cutline_core::domain::params::Promise;
use image::RgbImage;

use crate::compose::Backdrop;
use crate::decode::{Limits, decode};
use crate::error::Error;

/// How far a value may be from the background's and still be taken for it where the subject is looked for: what a
/// lossy format leaves around an edge.
const NOISE: u8 = 6;
/// The least alpha of what is taken for a part of the subject.
const SHOWN: u8 = 16;

/// A finished picture, and what it was meant to be.
pub(super) struct Finished<'a> {
    /// Its file.
    pub(super) bytes: &'a Bytes,
    /// Its size as the set has it.
    pub(super) canvas: (u32, u32),
    /// What stands behind the subject.
    pub(super) background: &'a Backdrop,
    /// Where the subject was placed, as first and last column and row; `None` if nothing of it is on the canvas. White
    /// on white is seen by nobody, and counts all the same.
    pub(super) subject: Option<[u32; 4]>,
}

/// The promises that were not kept, each as a sentence with what was measured.
///
/// # Errors
/// Those of [`decode()`], which would be a fault of ours: the file was just written.
pub(super) fn misses(promise: &Promise, finished: &Finished<'_>) -> Result<Vec<String>, Error> {
    let mut said = Vec::new();
    let size = finished.bytes.len();
    if let Some(most) = promise.max_bytes
        && size as u64 > u64::from(most)
    {
        said.push(format!("The file has {size} bytes; at most {most} were promised."));
    }
    let photo = decode(finished.bytes, &Limits::default())?;
    let (width, height) = photo.dimensions();
    if (width, height) != finished.canvas {
        let (wide, high) = finished.canvas;
        said.push(format!("The picture is {width} x {height} pixels; {wide} x {high} were promised."));
    }
    let seen = Seen::of(photo.color(), photo.alpha().map(|alpha| alpha.as_raw().as_slice()), finished.background);
    if promise.background {
        said.extend(seen.edge_fault());
    }
    if let Some(fill) = promise.fill {
        let measured = seen.fill(finished.subject);
        let percent = (measured * 1000.0).round() / 10.0;
        if let Some(min) = fill.min.filter(|min| measured < min.share()) {
            said.push(format!("The subject fills {percent}% of the frame; at least {min} was promised."));
        }
        if let Some(max) = fill.max.filter(|max| measured > max.share()) {
            said.push(format!("The subject fills {percent}% of the frame; at most {max} was promised."));
        }
    }
    Ok(said)
}

/// A picture in which the background can be told.
struct Seen<'a> {
    color: &'a RgbImage,
    alpha: Option<&'a [u8]>,
    background: Option<[u8; 3]>,
}

impl<'a> Seen<'a> {
    fn of(color: &'a RgbImage, alpha: Option<&'a [u8]>, background: &Backdrop) -> Self {
        let background = match background {
            Backdrop::Color(color) => Some(*color),
            // In a file that has no alpha it was laid on white.
            Backdrop::Transparent => alpha.is_none().then_some([u8::MAX; 3]),
            Backdrop::Picture(_) => None,
        };
        Self { color, alpha, background }
    }

    fn at(&self, x: u32, y: u32) -> ([u8; 3], u8) {
        let alpha = self.alpha.map_or(u8::MAX, |alpha| alpha[y as usize * self.color.width() as usize + x as usize]);
        (self.color.get_pixel(x, y).0, alpha)
    }

    /// What is wrong with the corners and edges, if they are not exactly the background.
    fn edge_fault(&self) -> Option<String> {
        let (width, height) = self.color.dimensions();
        let rows = (0..width).flat_map(|x| [(x, 0), (x, height - 1)]);
        let columns = (0..height).flat_map(|y| [(0, y), (width - 1, y)]);
        let (mut off, mut all, mut worst) = (0_u32, 0_u32, None);
        for (x, y) in rows.chain(columns) {
            let (color, alpha) = self.at(x, y);
            let far = match self.background {
                Some(background) => {
                    let far = color.iter().zip(background).map(|(a, b)| a.abs_diff(b)).max().unwrap_or(0);
                    far.max(u8::MAX - alpha)
                }
                // Behind a picture there is nothing to be exact about; where there is transparency, there is.
                None if self.alpha.is_some() => alpha,
                None => 0,
            };
            all += 1;
            off += u32::from(far > 0);
            if far > worst.map_or(0, |(most, _, _)| most) {
                worst = Some((far, color, alpha));
            }
        }
        let (_, [red, green, blue], alpha) = worst?;
        let share = f64::from(off) / f64::from(all) * 100.0;
        let (is, promised) = match self.background {
            Some([r, g, b]) => (format!("{red},{green},{blue}"), format!("{r},{g},{b}")),
            None => (format!("{alpha} of 255 opaque"), "transparent".to_owned()),
        };
        Some(format!("{share:.1}% of the edge is not the background: it is {is} where {promised} was promised."))
    }

    /// How much of the frame the subject takes along the side where it takes most.
    fn fill(&self, placed: Option<[u32; 4]>) -> f64 {
        let (width, height) = self.color.dimensions();
        let shows = |x: u32, y: u32| {
            let (color, alpha) = self.at(x, y);
            match self.background {
                Some(background) => color.iter().zip(background).any(|(a, b)| a.abs_diff(b) > NOISE),
                None => self.alpha.is_some() && alpha >= SHOWN,
            }
        };
        let mut around = placed;
        for y in 0..height {
            for x in 0..width {
                if shows(x, y) {
                    let [left, top, right, bottom] = around.unwrap_or([x, y, x, y]);
                    around = Some([left.min(x), top.min(y), right.max(x), bottom.max(y)]);
                }
            }
        }
        let share = |first: u32, last: u32, side: u32| f64::from(last + 1 - first) / f64::from(side);
        around.map_or(0.0, |[left, top, right, bottom]| share(left, right, width).max(share(top, bottom, height)))
    }
}

#[cfg(test)]
mod tests {
    use cutline_core::domain::params::ParamSet;
    use image::{DynamicImage, ImageFormat, Rgb, RgbaImage};
    use serde_json::json;

    use super::*;

    fn promise(document: serde_json::Value) -> Promise {
        ParamSet::read(json!({"promise": document})).expect("is a set").promise.expect("has a promise")
    }

    fn file(picture: impl Into<DynamicImage>) -> Bytes {
        let mut file = std::io::Cursor::new(Vec::new());
        picture.into().write_to(&mut file, ImageFormat::Png).expect("is written");
        file.into_inner().into()
    }

    fn said(document: serde_json::Value, bytes: &Bytes, background: &Backdrop) -> Vec<String> {
        let finished = Finished { bytes, canvas: (100, 50), background, subject: Some([40, 20, 59, 29]) };
        misses(&promise(document), &finished).expect("is measured")
    }

    /// A gray box of 60 x 20 on white.
    fn boxed() -> RgbImage {
        RgbImage::from_fn(100, 50, |x, y| {
            let inside = (20..80).contains(&x) && (15..35).contains(&y);
            Rgb(if inside { [90; 3] } else { [255; 3] })
        })
    }

    #[test]
    fn what_is_kept_is_not_told() {
        let white = Backdrop::Color([255; 3]);
        let all = json!({"background": true, "fill": {"min": "60%", "max": "60%"}, "max_bytes": 100_000});
        assert_eq!(said(all, &file(boxed()), &white), Vec::<String>::new());
    }

    #[test]
    fn a_miss_is_told_with_what_was_measured() {
        let white = Backdrop::Color([255; 3]);
        let mut picture = boxed();
        picture.put_pixel(99, 49, Rgb([254, 255, 253]));
        let bytes = file(picture);
        let all = json!({"background": true, "fill": {"min": "85%"}, "max_bytes": 100});
        let expected = [
            format!("The file has {} bytes; at most 100 were promised.", bytes.len()),
            "0.7% of the edge is not the background: it is 254,255,253 where 255,255,255 was promised.".to_owned(),
            "The subject fills 60% of the frame; at least 85% was promised.".to_owned(),
        ];
        assert_eq!(said(all, &bytes, &white), expected);
        let most = json!({"fill": {"max": "59%"}});
        let expected = ["The subject fills 60% of the frame; at most 59% was promised.".to_owned()];
        assert_eq!(said(most, &bytes, &white), expected);
        let small = file(RgbImage::from_pixel(99, 50, Rgb([255; 3])));
        let expected = ["The picture is 99 x 50 pixels; 100 x 50 were promised.".to_owned()];
        assert_eq!(said(json!({}), &small, &white), expected);
    }

    #[test]
    fn white_on_white_counts_where_it_was_placed() {
        let white = Backdrop::Color([255; 3]);
        let bytes = file(RgbImage::from_pixel(100, 50, Rgb([255; 3])));
        assert_eq!(said(json!({"fill": {"min": "20%", "max": "20%"}}), &bytes, &white), Vec::<String>::new());
    }

    #[test]
    fn transparent_edges_are_measured_by_their_alpha() {
        let mut picture = RgbaImage::from_pixel(100, 50, image::Rgba([0; 4]));
        for x in 10..90 {
            picture.put_pixel(x, 25, image::Rgba([1, 2, 3, 255]));
        }
        let kept = json!({"background": true, "fill": {"min": "80%", "max": "80%"}});
        assert_eq!(said(kept.clone(), &file(picture.clone()), &Backdrop::Transparent), Vec::<String>::new());
        picture.put_pixel(0, 0, image::Rgba([9, 9, 9, 40]));
        let told = said(kept, &file(picture), &Backdrop::Transparent);
        assert!(told[0].contains("it is 40 of 255 opaque where transparent was promised"), "{told:?}");
    }
}
