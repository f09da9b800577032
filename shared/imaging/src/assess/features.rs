//! Numbers about a cut from which its confidence is estimated.

use super::outline::Outline;
use super::survey::{SUBJECT, Survey};
use crate::guide::{UNITS, distance_to, opened};

/// Every number, in the order of [`features`]. `xtask/py/train_confidence.py` fits weights to them by name.
///
/// A share is one of the subject's area if nothing else is said. "Far" is farther than the ring from the outline.
pub const NAMES: [&str; 34] = [
    // The subject's area, divided by the sum of that and the area that is neither subject nor background.
    "sureness",
    // The logarithm of the subject's share of the picture.
    "log_area",
    // Far pixels that are neither subject nor background.
    "gray_far",
    // Far pixels about which the networks disagree: those in the cut, those not in it, and the largest region of them.
    "apart_in",
    "apart_out",
    "apart_largest",
    // Intersection over union of the networks' subjects, and of each with the cut.
    "networks_iou",
    "detail_iou",
    "whole_iou",
    // The sum of the networks' differences, far from the outline.
    "apart_sum",
    // The second object's share of the largest, and the number of objects.
    "second_object",
    "objects",
    // Background that the subject encloses.
    "holes",
    // The share of the frame that the subject touches, and on how many sides it does.
    "contact",
    "contact_sides",
    // The share of the outline with low contrast; mean and first decile of the contrast.
    "low_contrast",
    "contrast",
    "contrast_decile",
    // The outline's length by the square root of the area.
    "length",
    // How gray each network's matte is.
    "detail_gray",
    "whole_gray",
    // What each network sees far outside of the cut, and misses far inside.
    "detail_outside",
    "whole_outside",
    "detail_inside",
    "whole_inside",
    // The overlap of the colors inside and outside, from 0 to 1.
    "color_overlap",
    // How much colors differ from pixel to pixel outside of the cut, and inside.
    "texture_outside",
    "texture_inside",
    // How far the subject's middle is from that of the picture, and its share of its box.
    "off_center",
    "box_fill",
    // The largest unsure region.
    "unsure_largest",
    // The largest regions that a network alone would add, or remove.
    "whole_adds",
    "whole_removes",
    "detail_differs",
];

/// The numbers of [`NAMES`] for the cut of a survey with two networks; `None` with one, or without a subject.
pub(crate) fn features(survey: &Survey) -> Option<[f64; NAMES.len()]> {
    let whole = survey.whole.as_deref()?;
    let subject = survey.subject();
    let count = subject.iter().filter(|is_subject| **is_subject).count();
    if count == 0 {
        return None;
    }
    let (detail, cut, area) = (survey.detail.as_slice(), survey.cut.as_slice(), count as f64);
    let outline = Outline::of(survey);
    let far = far(survey, &subject);
    let of_far =
        |value: &dyn Fn(usize) -> f64| -> f64 { (0..cut.len()).filter(|at| far[*at]).map(value).sum::<f64>() / area };
    let share = |is_in: &dyn Fn(usize) -> bool| of_far(&|at| f64::from(u8::from(is_in(at))));
    let apart = |at: usize| (detail[at] - whole[at]).abs() > 0.5;
    let is_gray = |at: usize| (0.1..0.9).contains(&cut[at]);
    let gray = (0..cut.len()).filter(|at| is_gray(*at)).count() as f64;
    let largest = |is_in: &dyn Fn(usize) -> bool| largest(survey, is_in) / area;
    let objects = objects(survey, &subject, count);
    let contacts = contacts(survey, &subject);
    let contrast = Contrast::of(&outline);
    let outside = |matte: &[f32]| of_far(&|at| if subject[at] { 0.0 } else { f64::from(matte[at]) });
    let inside = |matte: &[f32]| of_far(&|at| if subject[at] { 1.0 - f64::from(matte[at]) } else { 0.0 });
    let (off_center, box_fill) = position(survey, &subject, area);
    let values = [
        area / (area + gray),
        (area / cut.len() as f64).ln(),
        share(&is_gray),
        share(&|at| apart(at) && subject[at]),
        share(&|at| apart(at) && !subject[at]),
        largest(&apart),
        iou(detail, whole),
        iou(detail, cut),
        iou(whole, cut),
        of_far(&|at| f64::from((detail[at] - whole[at]).abs())),
        objects.get(1).map_or(0.0, |second| second / objects[0]),
        objects.len() as f64,
        holes(survey, &subject) / area,
        contacts.0,
        contacts.1,
        outline.low().count() as f64 / outline.pixels.len().max(1) as f64,
        contrast.mean,
        contrast.decile,
        outline.pixels.len() as f64 / area.sqrt(),
        grayness(detail) / area,
        grayness(whole) / area,
        outside(detail),
        outside(whole),
        inside(detail),
        inside(whole),
        color_overlap(survey, &subject),
        texture(survey, &|at| !subject[at]),
        texture(survey, &|at| subject[at]),
        off_center,
        box_fill,
        largest(&|at| (0.2..0.8).contains(&cut[at])),
        largest(&|at| whole[at] > SUBJECT && !subject[at]),
        largest(&|at| whole[at] <= SUBJECT && subject[at]),
        largest(&|at| (detail[at] > SUBJECT) != subject[at]),
    ];
    Some(values)
}

/// Which pixels are farther than the ring from the outline.
fn far(survey: &Survey, subject: &[bool]) -> Vec<bool> {
    let is_edge = |at: usize| survey.around(at).any(|next| subject[next] != subject[at]);
    let distance = distance_to(survey.width, (0..subject.len()).map(is_edge));
    distance.into_iter().map(|distance| distance > UNITS * survey.ring()).collect()
}

/// The area of the largest region that is not thin.
fn largest(survey: &Survey, is_in: &dyn Fn(usize) -> bool) -> f64 {
    let set: Vec<bool> = (0..survey.cut.len()).map(is_in).collect();
    let parts = survey.parts(&opened(survey.width, &set, (survey.ring() / 2).max(1)), 1);
    parts.iter().map(|part| part.area()).max().unwrap_or(0) as f64
}

/// Intersection over union of two mattes' subjects; 1 if both are empty.
fn iou(one: &[f32], other: &[f32]) -> f64 {
    let pairs = || one.iter().zip(other).map(|(one, other)| (*one > SUBJECT, *other > SUBJECT));
    let either = pairs().filter(|(one, other)| *one || *other).count();
    let both = pairs().filter(|(one, other)| *one && *other).count();
    if either == 0 { 1.0 } else { both as f64 / either as f64 }
}

/// The areas of the objects that are not specks, largest first.
fn objects(survey: &Survey, subject: &[bool], count: usize) -> Vec<f64> {
    let parts = survey.parts(subject, (count / 200).max(1));
    let mut areas: Vec<f64> = parts.iter().map(|part| part.area() as f64).collect();
    areas.sort_by(|one, other| other.total_cmp(one));
    areas
}

/// The area of the background that does not reach the frame.
fn holes(survey: &Survey, subject: &[bool]) -> f64 {
    let background: Vec<bool> = subject.iter().map(|is_subject| !is_subject).collect();
    let is_border = |at: &usize| {
        let (x, y) = survey.place(*at);
        x == 0 || y == 0 || x + 1 == survey.width || y + 1 == survey.height
    };
    let parts = survey.parts(&background, 1);
    parts.iter().filter(|part| !part.pixels.iter().any(is_border)).map(|part| part.area() as f64).sum()
}

/// The share of the frame's pixels that are subject, and the number of sides with some.
fn contacts(survey: &Survey, subject: &[bool]) -> (f64, f64) {
    let (width, height) = (survey.width, survey.height);
    let sides: [Vec<usize>; 4] = [
        (0..width).collect(),
        (0..width).map(|x| (height - 1) * width + x).collect(),
        (0..height).map(|y| y * width).collect(),
        (0..height).map(|y| y * width + width - 1).collect(),
    ];
    let touching = sides.map(|side| side.into_iter().filter(|at| subject[*at]).count());
    let sides = touching.iter().filter(|count| **count > 0).count();
    (touching.iter().sum::<usize>() as f64 / (2 * (width + height)) as f64, sides as f64)
}

/// The contrast along an outline; that of a subject without one is 1.
struct Contrast {
    mean: f64,
    decile: f64,
}

impl Contrast {
    fn of(outline: &Outline) -> Self {
        let mut values = outline.contrast.clone();
        values.sort_by(f32::total_cmp);
        let Some(decile) = values.get(values.len() / 10) else { return Self { mean: 1.0, decile: 1.0 } };
        let mean = values.iter().map(|value| f64::from(*value)).sum::<f64>() / values.len() as f64;
        Self { mean, decile: f64::from(*decile) }
    }
}

/// The sum over all pixels of how gray a matte is: 0 for black and white, 1 for the middle.
fn grayness(matte: &[f32]) -> f64 {
    matte.iter().map(|value| f64::from(4.0 * value * (1.0 - value))).sum()
}

/// The intersection of the histograms of the colors inside and outside, with 8 steps a channel.
fn color_overlap(survey: &Survey, subject: &[bool]) -> f64 {
    let mut histograms = [vec![0.0_f64; 512], vec![0.0; 512]];
    for (color, is_subject) in survey.colors.as_chunks::<3>().0.iter().zip(subject) {
        let bin = color.iter().fold(0, |bin, value| bin * 8 + usize::from(value / 32));
        histograms[usize::from(*is_subject)][bin] += 1.0;
    }
    let [outside, inside] = histograms.map(|histogram| {
        let sum = histogram.iter().sum::<f64>().max(1.0);
        histogram.into_iter().map(move |count| count / sum)
    });
    outside.zip(inside).map(|(outside, inside)| outside.min(inside)).sum()
}

/// The mean difference of a color to that right of it, from 0 to 1.
fn texture(survey: &Survey, is_in: &dyn Fn(usize) -> bool) -> f64 {
    let colors = survey.colors.as_chunks::<3>().0;
    let pairs = (0..colors.len()).filter(|at| survey.place(*at).0 + 1 < survey.width && is_in(*at) && is_in(at + 1));
    let (mut sum, mut count) = (0.0, 0.0_f64);
    for at in pairs {
        sum += colors[at].iter().zip(colors[at + 1]).map(|(one, other)| f64::from(one.abs_diff(other))).sum::<f64>();
        count += 3.0 * 255.0;
    }
    sum / count.max(1.0)
}

/// How far the subject's middle is from the picture's, in half diagonals, and its share of the box around it.
fn position(survey: &Survey, subject: &[bool], area: f64) -> (f64, f64) {
    let places = (0..subject.len()).filter(|at| subject[*at]).map(|at| survey.place(at));
    let (mut x_sum, mut y_sum) = (0.0, 0.0);
    let (mut columns, mut rows) = ([usize::MAX, 0], [usize::MAX, 0]);
    for (x, y) in places {
        x_sum += x as f64 + 0.5;
        y_sum += y as f64 + 0.5;
        columns = [columns[0].min(x), columns[1].max(x)];
        rows = [rows[0].min(y), rows[1].max(y)];
    }
    let (half_width, half_height) = (survey.width as f64 / 2.0, survey.height as f64 / 2.0);
    let off = (x_sum / area - half_width).hypot(y_sum / area - half_height) / half_width.hypot(half_height);
    let of_box = ((columns[1] - columns[0] + 1) * (rows[1] - rows[0] + 1)) as f64;
    (off, area / of_box)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIDE: usize = 100;

    fn matte(value: impl Fn(usize, usize) -> f32) -> Vec<f32> {
        (0..SIDE * SIDE).map(|at| value(at % SIDE, at / SIDE)).collect()
    }

    fn square(x: usize, y: usize) -> f32 {
        if (20..60).contains(&x) && (20..60).contains(&y) { 1.0 } else { 0.0 }
    }

    /// A square of 40 pixels and, for the network for the whole, what `whole` adds.
    fn survey(whole: Option<&dyn Fn(usize, usize) -> f32>) -> Survey {
        let colors =
            (0..SIDE * SIDE).flat_map(|at| if square(at % SIDE, at / SIDE) > 0.5 { [200; 3] } else { [20; 3] });
        let whole = whole.map(matte);
        Survey { width: SIDE, height: SIDE, colors: colors.collect(), detail: matte(square), whole, cut: matte(square) }
    }

    fn feature(survey: &Survey, name: &str) -> f64 {
        let at = NAMES.iter().position(|other| *other == name).expect("a feature");
        features(survey).expect("two networks and a subject")[at]
    }

    #[test]
    fn names_are_unique() {
        let names: std::collections::HashSet<_> = NAMES.into();
        assert_eq!(names.len(), NAMES.len());
    }

    #[test]
    fn a_plain_cut_is_beyond_doubt() {
        let plain = survey(Some(&square));
        for (name, expected) in [
            ("sureness", 1.0),
            ("networks_iou", 1.0),
            ("apart_sum", 0.0),
            ("objects", 1.0),
            ("second_object", 0.0),
            ("holes", 0.0),
            ("contact", 0.0),
            ("low_contrast", 0.0),
            ("color_overlap", 0.0),
            ("box_fill", 1.0),
            ("unsure_largest", 0.0),
        ] {
            assert!((feature(&plain, name) - expected).abs() < 1e-9, "{name}: {}", feature(&plain, name));
        }
        assert!((feature(&plain, "log_area") - 0.16_f64.ln()).abs() < 1e-9);
    }

    #[test]
    fn a_region_that_one_network_adds_is_measured_in_areas_of_the_subject() {
        let with_sign = |x, y| if (70..90).contains(&x) && (70..90).contains(&y) { 1.0 } else { square(x, y) };
        let survey = survey(Some(&with_sign));
        for name in ["apart_out", "apart_largest", "apart_sum", "whole_adds", "whole_outside"] {
            // The corners of regions are rounded.
            assert!((feature(&survey, name) - 0.25).abs() < 0.005, "{name}: {}", feature(&survey, name));
        }
        assert_eq!((feature(&survey, "apart_in"), feature(&survey, "whole_removes")), (0.0, 0.0));
    }

    #[test]
    fn one_network_or_no_subject_has_no_features() {
        assert!(features(&survey(None)).is_none());
        let empty = Survey { cut: matte(|_, _| 0.0), ..survey(Some(&square)) };
        assert!(features(&empty).is_none());
    }
}
