//! Estimated foreground colors: close to known ones, and unchanged where alpha is not partial.

use std::cell::Cell;

use cutline_imaging::foreground::decontaminate;
use image::{GrayImage, Luma, Rgb, RgbImage};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

/// A disc with a soft edge of `soft` pixels.
fn disc(side: u32, soft: f64) -> GrayImage {
    let center = f64::from(side) / 2.0;
    GrayImage::from_fn(side, side, |x, y| {
        let distance = (f64::from(x) + 0.5 - center).hypot(f64::from(y) + 0.5 - center);
        Luma([((center * 0.6 - distance) / soft * 255.0 + 127.5).clamp(0.0, 255.0) as u8])
    })
}

/// `front` over `back`, by `alpha`.
fn mixture(front: &RgbImage, back: &RgbImage, alpha: &GrayImage) -> RgbImage {
    RgbImage::from_fn(alpha.width(), alpha.height(), |x, y| {
        let share = u32::from(alpha.get_pixel(x, y).0[0]);
        let (front, back) = (front.get_pixel(x, y).0, back.get_pixel(x, y).0);
        Rgb(std::array::from_fn(|n| {
            ((u32::from(front[n]) * share + u32::from(back[n]) * (255 - share) + 127) / 255) as u8
        }))
    })
}

/// The mean and the largest difference of the partial pixels as visible in a composite: weighted by alpha, and independent of
/// the new background.
fn visible_difference(color: &RgbImage, truth: &RgbImage, alpha: &GrayImage) -> (f64, f64) {
    let (mut sum, mut largest, mut count) = (0.0, 0.0_f64, 0.0);
    for ((color, truth), alpha) in color.pixels().zip(truth.pixels()).zip(alpha.pixels()) {
        let share = f64::from(alpha.0[0]) / 255.0;
        if share > 0.0 && share < 1.0 {
            let apart: f64 = color.0.iter().zip(truth.0).map(|(a, b)| f64::from(a.abs_diff(b))).sum();
            sum += share * apart / 3.0;
            largest = largest.max(share * apart / 3.0);
            count += 1.0;
        }
    }
    (sum / count, largest)
}

/// The mean and the largest difference between estimate and truth, and the mean difference before.
fn recovered(front: impl Fn(u32, u32) -> [u8; 3], back: impl Fn(u32, u32) -> [u8; 3], soft: f64) -> (f64, f64, f64) {
    let alpha = disc(160, soft);
    let front = RgbImage::from_fn(160, 160, |x, y| Rgb(front(x, y)));
    let back = RgbImage::from_fn(160, 160, |x, y| Rgb(back(x, y)));
    let picture = mixture(&front, &back, &alpha);
    let mut color = picture.clone();
    decontaminate(&mut color, &alpha).expect("same size");
    for ((new, old), alpha) in color.pixels().zip(picture.pixels()).zip(alpha.pixels()) {
        if [0, 255].contains(&alpha.0[0]) {
            assert_eq!(new, old, "where alpha is {}", alpha.0[0]);
        }
    }
    let (mean, largest) = visible_difference(&color, &front, &alpha);
    (mean, largest, visible_difference(&picture, &front, &alpha).0)
}

#[test]
fn recovers_a_flat_subject_on_any_background() {
    for back in [[255, 255, 255], [0, 0, 0], [20, 220, 40]] {
        for soft in [2.0, 6.0, 20.0] {
            let (mean, largest, before) = recovered(|_, _| [180, 60, 90], |_, _| back, soft);
            assert!(mean < 1.0 && largest < 4.0, "{mean} and {largest} on {back:?}, {soft} soft");
            assert!(before > 8.0);
        }
    }
}

#[test]
fn recovers_a_shaded_subject() {
    let front = |x: u32, y: u32| [(60 + x) as u8, (220 - y) as u8, (x / 2 + y / 2) as u8];
    let (mean, largest, before) = recovered(front, |_, y| [250, (y + 80) as u8, 240], 6.0);
    assert!(mean < 2.0 && largest < 8.0, "{mean} and {largest}");
    assert!(before > 8.0);
}

#[test]
fn recovers_a_textured_subject_on_average() {
    let front = |x: u32, y: u32| if (x / 3 + y / 3).is_multiple_of(2) { [150, 90, 60] } else { [110, 60, 30] };
    let (mean, _, before) = recovered(front, |_, _| [230, 240, 255], 6.0);
    assert!(mean < 8.0 && mean < before / 3.0, "{mean}, before {before}");
}

#[test]
fn reduces_the_old_background_where_alpha_is_too_wide() {
    // The picture was mixed with a narrower alpha than the given one, as if the matte were off by one pixel.
    let truth = disc(160, 6.0);
    let front = RgbImage::from_pixel(160, 160, Rgb([60, 40, 30]));
    let mut color = mixture(&front, &RgbImage::from_pixel(160, 160, Rgb([255; 3])), &truth);
    let wide = GrayImage::from_fn(160, 160, |x, y| {
        let around = |at: u32| at.saturating_sub(1)..(at + 2).min(160);
        let all = around(y).flat_map(|y| around(x).map(move |x| (x, y)));
        Luma([all.map(|(x, y)| truth.get_pixel(x, y).0[0]).max().unwrap_or(0)])
    });
    let before = visible_difference(&color, &front, &wide).0;
    decontaminate(&mut color, &wide).expect("same size");
    let after = visible_difference(&color, &front, &wide).0;
    assert!(after < before / 2.0, "{before}, then {after}");
}

#[test]
fn keeps_pictures_without_partial_pixels() {
    let picture = RgbImage::from_fn(33, 21, |x, y| Rgb([x as u8, y as u8, 200]));
    for alpha in [0, 255] {
        let mut color = picture.clone();
        decontaminate(&mut color, &GrayImage::from_pixel(33, 21, Luma([alpha]))).expect("same size");
        assert_eq!(color, picture);
    }
    let mut nothing = RgbImage::new(0, 0);
    decontaminate(&mut nothing, &GrayImage::new(0, 0)).expect("same size");
}

#[test]
fn rejects_mismatched_sizes() {
    let mut color = RgbImage::from_pixel(4, 4, Rgb([9; 3]));
    assert!(decontaminate(&mut color, &GrayImage::from_pixel(4, 5, Luma([9]))).is_err());
    assert_eq!(color, RgbImage::from_pixel(4, 4, Rgb([9; 3])));
}

/// A picture and an alpha of any small size. As in mattes, 0 and 255 are frequent.
fn any_picture() -> impl Strategy<Value = (RgbImage, GrayImage)> {
    let alpha = prop_oneof![Just(0_u8), Just(255_u8), any::<u8>()];
    (1_u32..70, 1_u32..70).prop_flat_map(move |(width, height)| {
        let count = (width * height) as usize;
        let colors = prop::collection::vec(any::<u8>(), count * 3);
        let alphas = prop::collection::vec(alpha.clone(), count);
        (colors, alphas).prop_map(move |(colors, alphas)| {
            let color = RgbImage::from_raw(width, height, colors).expect("has that many");
            (color, GrayImage::from_raw(width, height, alphas).expect("has that many"))
        })
    })
}

#[test]
fn keeps_pixels_that_are_not_partial() {
    let mut runner = TestRunner::new(ProptestConfig::with_cases(64));
    let changed_cases = Cell::new(0);
    let result = runner.run(&any_picture(), |(picture, alpha)| {
        let mut color = picture.clone();
        decontaminate(&mut color, &alpha).expect("same size");
        for ((new, old), alpha) in color.pixels().zip(picture.pixels()).zip(alpha.pixels()) {
            prop_assert!(new == old || ![0, 255].contains(&alpha.0[0]));
        }
        changed_cases.set(changed_cases.get() + u32::from(color != picture));
        Ok(())
    });
    result.expect("only partial pixels change");
    assert!(changed_cases.get() >= 32, "only {} pictures were changed", changed_cases.get());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn keeps_uniform_color(color in any::<[u8; 3]>(), (_, alpha) in any_picture()) {
        let picture = RgbImage::from_pixel(alpha.width(), alpha.height(), Rgb(color));
        let mut made = picture.clone();
        decontaminate(&mut made, &alpha).expect("same size");
        for (new, alpha) in made.pixels().zip(alpha.pixels()) {
            let apart = new.0.iter().zip(color).map(|(a, b)| a.abs_diff(b)).max();
            prop_assert!(apart <= Some(1), "{:?} at {}", new, alpha.0[0]);
        }
    }
}
