//! Whether a cut is good.

use anyhow::{Result, ensure};
use image::GrayImage;

/// The ring around the true outline in which errors are those of the edge, as a share of the diagonal.
const RING: f64 = 0.01;
/// The largest wrong region of a good cut, as a share of the subject.
const MAX_WRONG: f64 = 0.005;
/// Hard masks have this value, or one that is off by 2, where the truth is unknown.
const UNKNOWN: u8 = 128;

/// The true subject of a photograph.
pub(super) struct Truth {
    width: usize,
    is_subject: Vec<bool>,
    /// The pixels that count: known, and outside of the ring.
    counts: Vec<bool>,
}

impl Truth {
    /// The truth as a mask, which `is_alpha` if it is soft.
    pub(super) fn new(mask: &GrayImage, is_alpha: bool) -> Self {
        let (width, height) = (mask.width() as usize, mask.height() as usize);
        let is_subject: Vec<bool> = mask.iter().map(|value| *value > 127).collect();
        let mut counts: Vec<bool> = mask.iter().map(|value| is_alpha || value.abs_diff(UNKNOWN) > 2).collect();
        let radius = RING * (width as f64).hypot(height as f64);
        let reach = radius as isize;
        let disk: Vec<(isize, isize)> = (-reach..=reach)
            .flat_map(|y| (-reach..=reach).map(move |x| (x, y)))
            .filter(|(x, y)| (*x as f64).hypot(*y as f64) <= radius)
            .collect();
        for at in 0..is_subject.len() {
            if !around(at, width, is_subject.len()).any(|next| is_subject[next] != is_subject[at]) {
                continue;
            }
            for (x, y) in &disk {
                let (x, y) = ((at % width) as isize + x, (at / width) as isize + y);
                if (0..width as isize).contains(&x) && (0..height as isize).contains(&y) {
                    counts[y as usize * width + x as usize] = false;
                }
            }
        }
        Self { width, is_subject, counts }
    }

    /// Whether every connected wrong region of a cut is small.
    pub(super) fn is_good(&self, cut: &GrayImage) -> Result<bool> {
        ensure!(cut.len() == self.is_subject.len() && cut.width() as usize == self.width, "the mask has another size");
        let pairs = cut.iter().zip(&self.is_subject).zip(&self.counts);
        let mut is_wrong: Vec<bool> =
            pairs.map(|((value, is_subject), counts)| *counts && (*value > 127) != *is_subject).collect();
        let area = self.is_subject.iter().filter(|is_subject| **is_subject).count();
        let max_wrong = MAX_WRONG * area as f64;
        for start in 0..is_wrong.len() {
            if !std::mem::take(&mut is_wrong[start]) {
                continue;
            }
            let (mut open, mut size) = (vec![start], 0.0);
            while let Some(at) = open.pop() {
                size += 1.0;
                open.extend(around(at, self.width, is_wrong.len()).filter(|next| std::mem::take(&mut is_wrong[*next])));
            }
            if size > max_wrong {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// The pixels that share a side with this one.
fn around(at: usize, width: usize, length: usize) -> impl Iterator<Item = usize> {
    let x = at % width;
    let sides = [
        (x > 0).then(|| at - 1),
        (x + 1 < width).then_some(at + 1),
        at.checked_sub(width),
        Some(at + width).filter(|next| *next < length),
    ];
    sides.into_iter().flatten()
}
