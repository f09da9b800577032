//! How well colors separate subject and background along the outline.

use super::survey::Survey;
use crate::refine::box_mean;

/// The radius of the window over which the direction of the outline is measured, in pixels.
const SMOOTHING: usize = 2;
/// Colors that differ by less, as a share of the range from black to white, look alike.
const LOW: f32 = 0.09;

/// The pixels of the outline and the contrast at each.
#[derive(Debug, Default)]
pub(crate) struct Outline {
    /// The subject's pixels that have background next to them.
    pub(crate) pixels: Vec<usize>,
    /// For each pixel, how far the colors on both sides differ, from 0 (the same) to 1.
    pub(crate) contrast: Vec<f32>,
}

impl Outline {
    /// The outline of the cut. It has no points where the frame cuts the subject off.
    pub(crate) fn of(survey: &Survey) -> Self {
        let subject = survey.subject();
        let smooth = box_mean(&survey.cut, survey.width, SMOOTHING);
        let pixels: Vec<usize> =
            (0..subject.len()).filter(|at| subject[*at] && survey.around(*at).any(|next| !subject[next])).collect();
        let contrast = pixels.iter().map(|at| contrast_at(survey, &smooth, *at)).collect();
        Self { pixels, contrast }
    }

    /// The pixels at which subject and background look alike.
    pub(crate) fn low(&self) -> impl Iterator<Item = usize> {
        self.pixels.iter().zip(&self.contrast).filter(|(_, contrast)| **contrast < LOW).map(|(at, _)| *at)
    }
}

/// How far the colors on both sides of the outline differ at a pixel: those a ring's width inside and outside, each the
/// mean of 3 x 3 pixels.
fn contrast_at(survey: &Survey, smooth: &[f32], at: usize) -> f32 {
    let (x, y) = survey.place(at);
    let (width, height) = (survey.width, survey.height);
    let value = |x: usize, y: usize| smooth[y * width + x];
    let along = value((x + 1).min(width - 1), y) - value(x.saturating_sub(1), y);
    let down = value(x, (y + 1).min(height - 1)) - value(x, y.saturating_sub(1));
    let length = along.hypot(down);
    if length == 0.0 {
        return 0.0;
    }
    let reach = survey.ring() as f32 / length;
    let color = |sign: f32| {
        let step = |from: usize, by: f32, side: usize| {
            ((from as f32 + sign * reach * by).round().max(0.0) as usize).min(side - 1)
        };
        mean_color(survey, step(x, along, width), step(y, down, height))
    };
    let (inside, outside) = (color(1.0), color(-1.0));
    let squares: f32 = inside.iter().zip(outside).map(|(one, other)| (one - other) * (one - other)).sum();
    (squares / 3.0).sqrt()
}

/// The mean of the 3 x 3 colors around a pixel, each from 0 to 1.
fn mean_color(survey: &Survey, x: usize, y: usize) -> [f32; 3] {
    let (mut sum, mut count) = ([0.0; 3], 0.0);
    for y in y.saturating_sub(1)..=(y + 1).min(survey.height - 1) {
        for x in x.saturating_sub(1)..=(x + 1).min(survey.width - 1) {
            let color = &survey.colors[3 * (y * survey.width + x)..][..3];
            sum.iter_mut().zip(color).for_each(|(sum, value)| *sum += f32::from(*value) / 255.0);
            count += 1.0;
        }
    }
    sum.map(|sum| sum / count)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A square of 20 pixels on a ground that has its color right of its middle.
    fn survey() -> Survey {
        let (width, height) = (60, 60);
        let inside = |at: usize| (20..40).contains(&(at % width)) && (20..40).contains(&(at / width));
        let cut: Vec<f32> = (0..width * height).map(|at| if inside(at) { 1.0 } else { 0.0 }).collect();
        let colors = (0..width * height)
            .flat_map(|at| if inside(at) || at % width >= 30 { [200, 40, 30] } else { [30, 60, 90] })
            .collect();
        Survey { width, height, colors, detail: cut.clone(), whole: None, cut }
    }

    #[test]
    fn contrast_is_low_where_both_sides_have_one_color() {
        let survey = survey();
        let outline = Outline::of(&survey);
        assert_eq!(outline.pixels.len(), 76);
        let low: Vec<usize> = outline.low().collect();
        assert!((36..=40).contains(&low.len()), "{}", low.len());
        assert!(low.iter().all(|at| at % 60 >= 29), "only the right half is low");
        let high = outline.contrast.iter().copied().fold(0.0, f32::max);
        assert!(high > 0.3 && high <= 1.0, "{high}");
    }

    #[test]
    fn a_subject_that_fills_the_picture_has_no_outline() {
        let full = Survey { cut: vec![1.0; 3600], ..survey() };
        assert!(Outline::of(&full).pixels.is_empty());
    }
}
