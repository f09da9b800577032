//! Regions that the subject encloses, for `holes`.

use image::RgbImage;

use super::distance::{UNITS, distance_to, opened};
use super::guided::{Decisions, SUBJECT};
use super::settle::settle;
use crate::error::Error;
use crate::matte::CoarseMatte;
use crate::regions::select::Decision;
use crate::resample;

/// The side at which colors are compared, in pixels.
const SIDE: u32 = 512;
/// A value of the matte below this is background whose color counts.
const BACKDROP: f32 = 0.05;
/// How far around a pixel the backdrop's color is looked for, in pixels: the closest that has enough of it counts.
const RADII: [usize; 4] = [16, 32, 64, 128];
/// The least share of backdrop in a window.
const MIN_BACKDROP: f32 = 0.05;
/// How far a color may be from the backdrop's, from 0 to 1, and in standard deviations of it.
const TOLERANCE: (f32, f32) = (0.05, 2.0);
/// An opening is at least this wide, in pixels.
const MIN_WIDTH: u32 = 4;
/// How far from an opening its border reaches, in pixels.
const BORDER: u32 = 4;
/// The least share of an opening's border whose color is not the backdrop's: an opening has an edge, a highlight fades.
const MIN_EDGE: f32 = 0.7;

/// Makes every enclosed region subject.
pub(super) fn fill(matte: &mut CoarseMatte) {
    let side = matte.side() as usize;
    let is_background: Vec<bool> = matte.values().iter().map(|value| *value <= SUBJECT).collect();
    let outside = reached_from_border(&is_background, side);
    let decisions: Decisions =
        (0..is_background.len()).map(|at| (is_background[at] && !outside[at]).then_some(Decision::Keep)).collect();
    settle(matte, decisions);
}

/// Makes enclosed regions background that have the color of the backdrop around the subject. `picture` is what the matte
/// belongs to.
///
/// # Errors
/// [`Error::Resample`].
pub(super) fn open(matte: &mut CoarseMatte, picture: &RgbImage) -> Result<(), Error> {
    let side = SIDE.min(matte.side());
    let colors = resample::squash(picture, side)?;
    let values = resample::resize_matte(matte, side, side)?;
    let width = side as usize;
    let is_match = matches_backdrop(&colors, &values, width);
    let is_subject: Vec<bool> = values.iter().map(|value| *value > SUBJECT).collect();
    let candidates: Vec<bool> = (0..values.len()).map(|at| is_subject[at] && is_match[at]).collect();
    let candidates = opened(width, &candidates, MIN_WIDTH / 2);
    let mut is_open = vec![false; values.len()];
    for region in regions(&candidates, width) {
        if is_opening(&region, (&values, &is_match), width) {
            region.into_iter().for_each(|at| is_open[at] = true);
        }
    }
    let full = matte.side() as usize;
    let small = |at: usize| (at / full * width / full) * width + (at % full) * width / full;
    let decisions = (0..full * full).map(|at| is_open[small(at)].then_some(Decision::Remove)).collect();
    settle(matte, decisions);
    Ok(())
}

/// Whether each pixel has the color of the closest backdrop.
fn matches_backdrop(colors: &[u8], values: &[f32], width: usize) -> Vec<bool> {
    let weight: Vec<f32> = values.iter().map(|value| if *value < BACKDROP { 1.0 } else { 0.0 }).collect();
    let mut is_match = vec![false; values.len()];
    let mut is_known = vec![false; values.len()];
    for radius in RADII {
        let share = crate::refine::box_mean(&weight, width, radius);
        let channels = [0, 1, 2].map(|channel| {
            let color = |at: usize| f32::from(colors[3 * at + channel]) / 255.0;
            let mean = |power: i32| {
                let weighted: Vec<f32> = (0..weight.len()).map(|at| weight[at] * color(at).powi(power)).collect();
                crate::refine::box_mean(&weighted, width, radius)
            };
            (mean(1), mean(2))
        });
        for at in 0..values.len() {
            if is_known[at] || share[at] < MIN_BACKDROP {
                continue;
            }
            is_known[at] = true;
            is_match[at] = channels.iter().enumerate().all(|(channel, (mean, squares))| {
                let mean = mean[at] / share[at];
                let deviation = (squares[at] / share[at] - mean * mean).max(0.0).sqrt();
                let off = (f32::from(colors[3 * at + channel]) / 255.0 - mean).abs();
                off <= TOLERANCE.0.max(TOLERANCE.1 * deviation)
            });
        }
    }
    is_match
}

/// Whether a region is enclosed by the subject and ends at an edge.
fn is_opening(region: &[usize], (values, is_match): (&[f32], &[bool]), width: usize) -> bool {
    let mut inside = vec![false; values.len()];
    region.iter().for_each(|at| inside[*at] = true);
    let distance = distance_to(width, inside.iter().copied());
    let border = |at: usize| (1..=BORDER * UNITS).contains(&distance[at]);
    let (mut length, mut edge) = (0.0, 0.0);
    for at in (0..values.len()).filter(|at| border(*at)) {
        if values[at] < BACKDROP {
            return false;
        }
        // The first pixels mix both colors.
        if distance[at] > BORDER / 2 * UNITS {
            length += 1.0;
            edge += f32::from(u8::from(!is_match[at]));
        }
    }
    let (x, y) = (|at: &usize| at % width, |at: &usize| at / width);
    let last = [width - 1, values.len() / width - 1];
    let touches_frame = region.iter().any(|at| x(at) == 0 || y(at) == 0 || x(at) == last[0] || y(at) == last[1]);
    !touches_frame && length > 0.0 && edge >= MIN_EDGE * length
}

/// The pixels that are connected with the picture's border, across sides.
fn reached_from_border(is_background: &[bool], width: usize) -> Vec<bool> {
    let height = is_background.len() / width;
    let on_border =
        |at: &usize| at.is_multiple_of(width) || at % width == width - 1 || at / width == 0 || at / width == height - 1;
    let mut reached = vec![false; is_background.len()];
    let mut stack: Vec<usize> = (0..is_background.len()).filter(on_border).filter(|at| is_background[*at]).collect();
    stack.iter().for_each(|at| reached[*at] = true);
    while let Some(at) = stack.pop() {
        for next in crate::regions::neighbors(at, width, is_background.len()) {
            if is_background[next] && !reached[next] {
                reached[next] = true;
                stack.push(next);
            }
        }
    }
    reached
}

/// The connected parts of a set.
fn regions(set: &[bool], width: usize) -> Vec<Vec<usize>> {
    let mut is_listed = vec![false; set.len()];
    let mut regions = Vec::new();
    for start in (0..set.len()).filter(|at| set[*at]) {
        if std::mem::replace(&mut is_listed[start], true) {
            continue;
        }
        let mut region = vec![start];
        let mut next = 0;
        while let Some(&at) = region.get(next) {
            next += 1;
            for neighbor in crate::regions::neighbors(at, width, set.len()) {
                if set[neighbor] && !std::mem::replace(&mut is_listed[neighbor], true) {
                    region.push(neighbor);
                }
            }
        }
        regions.push(region);
    }
    regions
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;

    const SIZE: u32 = 512;

    /// A ring on a backdrop, and the matte of a network that missed its opening. `inside` is the color within.
    fn ring(inside: [u8; 3]) -> (RgbImage, CoarseMatte) {
        let distance = |x: u32, y: u32| (x as f32 - 256.0).hypot(y as f32 - 256.0);
        let picture = RgbImage::from_fn(SIZE, SIZE, |x, y| {
            Rgb(match distance(x, y) {
                ..80.0 => inside,
                ..140.0 => [150, 110, 30],
                _ => [230, 228, 225],
            })
        });
        let values = (0..SIZE * SIZE).map(|at| if distance(at % SIZE, at / SIZE) < 140.0 { 1.0 } else { 0.0 });
        (picture, CoarseMatte::new(SIZE, values.collect()).expect("a square"))
    }

    fn at(matte: &CoarseMatte, x: u32, y: u32) -> f32 {
        matte.values()[(y * SIZE + x) as usize]
    }

    #[test]
    fn an_opening_with_the_backdrops_color_is_opened() {
        let (picture, mut matte) = ring([228, 228, 228]);
        open(&mut matte, &picture).expect("resizes");
        assert_eq!((at(&matte, 256, 256), at(&matte, 256, 150), at(&matte, 10, 10)), (0.0, 1.0, 0.0));
        let inside = (0..SIZE).filter(|x| at(&matte, *x, 256) < 0.5 && (120..392).contains(x)).count();
        assert!(inside.abs_diff(160) <= 4, "{inside} pixels wide");
    }

    #[test]
    fn other_colors_stay() {
        let (picture, before) = ring([90, 40, 40]);
        let mut matte = before.clone();
        open(&mut matte, &picture).expect("resizes");
        assert_eq!(matte, before);
    }

    #[test]
    fn filling_closes_what_the_subject_encloses() {
        let (_, solid) = ring([0; 3]);
        let mut holed = solid.clone();
        let side = SIZE as usize;
        holed.edit(
            |at, value| if (at % side).abs_diff(256) < 20 && (at / side).abs_diff(256) < 20 { 0.0 } else { value },
        );
        fill(&mut holed);
        assert_eq!(holed, solid);
        let mut open_at_the_border = solid.clone();
        open_at_the_border
            .edit(|at, value| if (at % side).abs_diff(256) < 20 && at / side < 256 { 0.0 } else { value });
        let before = open_at_the_border.clone();
        fill(&mut open_at_the_border);
        assert_eq!(open_at_the_border, before);
    }
}
