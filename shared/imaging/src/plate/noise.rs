//! How far the photograph and the aligned plate differ where both show the same.
//!
//! The noise depends on the brightness: of the sensor, and of the JPEG. At details it is larger, since no alignment is
//! exact. It is estimated for single pixels, and for means of windows, which show fainter differences of larger areas.

use super::scene::{Planes, deviation, median, slope};
use crate::refine::box_mean;

/// The levels of brightness whose noise is estimated apart.
const LEVELS: usize = 8;
/// The fewest pixels that give an estimate.
const MIN_PIXELS: usize = 200;
/// The radius of the windows.
pub(super) const WINDOW: usize = 2;
/// The least noise of a pixel, and of a window's mean. 8 bits hide smaller ones.
const MIN_NOISE: f32 = 0.7 / 255.0;
const MIN_WINDOW_NOISE: f32 = 0.25 / 255.0;
/// More noise of a pixel is another scene.
const MAX_NOISE: f32 = 10.0 / 255.0;
/// What of the slope of a detail counts as noise: unless measured, and at most.
const USUAL_MISFIT: f32 = 0.1;
const MAX_MISFIT: f32 = 0.4;
/// A detail rises by this many times the noise a pixel.
const DETAIL: f32 = 6.0;
/// A difference of this many times the noise is one: of a pixel, and of a window's mean.
const PIXEL_DIFFERENCE: f32 = 4.5;
const WINDOW_DIFFERENCE: f32 = 4.0;
/// Fewer differing pixels side by side are noise.
const MIN_SPECK: usize = 6;

/// The noise of the differences between photograph and plate, as standard deviations of sRGB values from 0 to 1.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct NoiseModel {
    /// Of single pixels, by channel and by brightness.
    pixel: [[f32; LEVELS]; 3],
    /// Of the means of windows, by channel.
    window: [f32; 3],
    /// Added for each unit of the plate's slope.
    misfit: f32,
}

/// How far the photograph differs from the plate at each pixel.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Difference {
    pub(super) width: usize,
    /// In units of the least difference that is not noise.
    pub(super) size: Vec<f32>,
    /// Whether that is more than noise.
    pub(super) is_seen: Vec<bool>,
    /// Whether the plate covers the pixel.
    pub(super) covered: Vec<bool>,
}

impl NoiseModel {
    /// The noise where the networks see background. `None` if there is too little of it, or if the pictures differ too much.
    pub(super) fn between(photo: &Planes, plate: &Planes, is_background: &[bool]) -> Option<Self> {
        let background = || (0..photo.len()).filter(|at| is_background[*at]);
        let slopes = slope(&plate.luma(), plate.width);
        let mut pixel = [[0.0; LEVELS]; 3];
        let mut window = [0.0; 3];
        for (channel, (pixel, window)) in pixel.iter_mut().zip(&mut window).enumerate() {
            let differences = differences(photo, plate, channel);
            let noise_of =
                |values: &mut Vec<f32>| (values.len() >= MIN_PIXELS).then(|| median(values).map(deviation)).flatten();
            let whole = noise_of(&mut background().map(|at| differences[at].abs()).collect())?;
            if whole > MAX_NOISE {
                return None;
            }
            for (level, noise) in pixel.iter_mut().enumerate() {
                let of_level = background().filter(|at| level_of(plate.channels[channel][*at]) == level);
                *noise = noise_of(&mut of_level.map(|at| differences[at].abs()).collect()).unwrap_or(whole);
                *noise = noise.clamp(MIN_NOISE, MAX_NOISE);
            }
            let means = box_mean(&differences, photo.width, WINDOW);
            let mean_noise = noise_of(&mut background().map(|at| means[at].abs()).collect())?;
            *window = mean_noise.max(MIN_WINDOW_NOISE);
        }
        let mut model = Self { pixel, window, misfit: 0.0 };
        let mut misfits: Vec<f32> = background()
            .filter(|at| slopes[*at] > DETAIL * model.pixel_noise(plate, 1, *at))
            .map(|at| (photo.luma_at(at) - plate.luma_at(at)).abs() / slopes[at])
            .collect();
        let measured = (misfits.len() >= MIN_PIXELS).then(|| median(&mut misfits).map(deviation)).flatten();
        model.misfit = measured.unwrap_or(USUAL_MISFIT).min(MAX_MISFIT);
        Some(model)
    }

    /// The noise of a channel of a pixel, without that of details.
    pub(super) fn pixel_noise(&self, plate: &Planes, channel: usize, at: usize) -> f32 {
        self.pixel[channel][level_of(plate.channels[channel][at])]
    }

    /// How far the photograph differs from the plate.
    pub(super) fn difference(&self, photo: &Planes, plate: &Planes, covered: &[bool]) -> Difference {
        let slopes = slope(&plate.luma(), plate.width);
        let wide_slopes = box_mean(&slopes, plate.width, WINDOW);
        let (mut pixel, mut window) = (vec![0.0_f32; photo.len()], vec![0.0_f32; photo.len()]);
        for channel in 0..3 {
            let differences = differences(photo, plate, channel);
            let means = box_mean(&differences, photo.width, WINDOW);
            for (at, (pixel, window)) in pixel.iter_mut().zip(&mut window).enumerate() {
                let noise = self.pixel_noise(plate, channel, at).hypot(self.misfit * slopes[at]);
                *pixel += (differences[at] / noise).powi(2);
                // The misfit of neighbors has about the same sign along an edge only.
                let noise = self.window[channel].hypot(0.5 * self.misfit * wide_slopes[at]);
                *window += (means[at] / noise).powi(2);
            }
        }
        let size: Vec<f32> = pixel
            .iter()
            .zip(&window)
            .zip(covered)
            .map(|((pixel, window), covered)| {
                let size = ((pixel / 3.0).sqrt() / PIXEL_DIFFERENCE).max((window / 3.0).sqrt() / WINDOW_DIFFERENCE);
                if *covered { size } else { 0.0 }
            })
            .collect();
        let mut is_seen: Vec<bool> = size.iter().map(|size| *size >= 1.0).collect();
        remove_specks(&mut is_seen, photo.width);
        Difference { width: photo.width, size, is_seen, covered: covered.to_vec() }
    }
}

fn differences(photo: &Planes, plate: &Planes, channel: usize) -> Vec<f32> {
    photo.channels[channel].iter().zip(&plate.channels[channel]).map(|(photo, plate)| photo - plate).collect()
}

fn level_of(value: f32) -> usize {
    ((value * LEVELS as f32) as usize).min(LEVELS - 1)
}

/// Clears the small groups of pixels, connected across sides and corners.
fn remove_specks(set: &mut [bool], width: usize) {
    let height = set.len() / width;
    let mut visited = vec![false; set.len()];
    for start in 0..set.len() {
        if !set[start] || visited[start] {
            continue;
        }
        let mut group = vec![start];
        visited[start] = true;
        let mut next = 0;
        while let Some(at) = group.get(next).copied() {
            next += 1;
            let (x, y) = (at % width, at / width);
            for row in y.saturating_sub(1)..=(y + 1).min(height - 1) {
                for column in x.saturating_sub(1)..=(x + 1).min(width - 1) {
                    let at = row * width + column;
                    if set[at] && !visited[at] {
                        visited[at] = true;
                        group.push(at);
                    }
                }
            }
        }
        if group.len() < MIN_SPECK {
            group.into_iter().for_each(|at| set[at] = false);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plate::tests::Dice;

    const SIZE: (usize, usize) = (200, 160);

    /// A plate of two brightnesses, and a photograph with twice the noise in the bright part.
    fn pictures() -> (Planes, Planes) {
        let plate = Planes { width: SIZE.0, height: SIZE.1, channels: [0, 1, 2].map(|_| half(0.3, 0.8)) };
        let noise = half(1.5 / 255.0, 3.0 / 255.0);
        let mut dice = Dice::new(5);
        let photo = plate
            .map(|_, values| values.iter().zip(&noise).map(|(value, noise)| value + noise * dice.normal()).collect());
        (photo, plate)
    }

    fn half(left: f32, right: f32) -> Vec<f32> {
        (0..SIZE.0 * SIZE.1).map(|at| if at % SIZE.0 < SIZE.0 / 2 { left } else { right }).collect()
    }

    #[test]
    fn noise_depends_on_brightness() {
        let (photo, plate) = pictures();
        let noise = NoiseModel::between(&photo, &plate, &vec![true; plate.len()]).expect("matches");
        let (dark, bright) = (255.0 * noise.pixel_noise(&plate, 0, 10), 255.0 * noise.pixel_noise(&plate, 0, 150));
        assert!((dark - 1.5).abs() < 0.1 && (bright - 3.0).abs() < 0.2, "{dark} {bright}");
    }

    #[test]
    fn noise_is_no_difference_and_a_faint_patch_is_one() {
        let (mut photo, plate) = pictures();
        for y in 40..80 {
            photo.channels.iter_mut().for_each(|channel| {
                channel[y * SIZE.0 + 20..y * SIZE.0 + 60].iter_mut().for_each(|value| *value += 4.0 / 255.0);
            });
        }
        let everywhere = vec![true; plate.len()];
        let noise = NoiseModel::between(&photo, &plate, &everywhere).expect("matches");
        let difference = noise.difference(&photo, &plate, &everywhere);
        let seen = |left: usize, top: usize, right: usize, bottom: usize| {
            let columns = move |y: usize| (left..right).map(move |x| y * SIZE.0 + x);
            let seen = (top..bottom).flat_map(columns).filter(|at| difference.is_seen[*at]).count();
            seen as f32 / ((right - left) * (bottom - top)) as f32
        };
        assert!(seen(23, 43, 57, 77) > 0.98, "{}", seen(23, 43, 57, 77));
        let elsewhere = seen(70, 0, 200, 160);
        assert!(elsewhere < 0.002, "{elsewhere}");
    }

    #[test]
    fn another_scene_has_no_noise() {
        let (photo, plate) = pictures();
        let other = plate.map(|_, values| values.iter().map(|value| 1.0 - value).collect());
        assert_eq!(NoiseModel::between(&photo, &other, &vec![true; plate.len()]), None);
        assert_eq!(NoiseModel::between(&photo, &plate, &vec![false; plate.len()]), None);
    }
}
