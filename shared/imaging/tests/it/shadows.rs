//! Shadows of simple shapes, and of synthetic photographs with a known shadow.

use std::cell::Cell;

use cutline_imaging::shadow::{GroundOptions, TopOptions, WallOptions, ground, preserved, top, wall};
use image::{GrayImage, Luma, Rgb, RgbImage};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

const PLAIN: WallOptions = WallOptions { dx: 0.0, dy: 0.0, blur: 0.0, spread: 0.0, fade: 0.0 };

/// A disc with an edge of one pixel.
fn disc(width: u32, height: u32, center: (f64, f64), radius: f64) -> GrayImage {
    GrayImage::from_fn(width, height, |x, y| {
        let distance = (f64::from(x) + 0.5 - center.0).hypot(f64::from(y) + 0.5 - center.1);
        Luma([((radius - distance + 0.5).clamp(0.0, 1.0) * 255.0).round() as u8])
    })
}

fn boxed(width: u32, height: u32, columns: std::ops::Range<u32>, rows: std::ops::Range<u32>) -> GrayImage {
    GrayImage::from_fn(width, height, |x, y| Luma([if columns.contains(&x) && rows.contains(&y) { 255 } else { 0 }]))
}

fn at(picture: &GrayImage, x: u32, y: u32) -> u8 {
    picture.get_pixel(x, y).0[0]
}

fn area(picture: &GrayImage) -> f64 {
    picture.iter().map(|value| f64::from(*value) / 255.0).sum()
}

/// The largest difference between two pictures.
fn difference(a: &GrayImage, b: &GrayImage) -> u8 {
    assert_eq!(a.dimensions(), b.dimensions());
    a.iter().zip(b.iter()).map(|(a, b)| a.abs_diff(*b)).max().unwrap_or(0)
}

/// The same picture cut out of a larger one.
fn cropped(picture: &GrayImage, left: u32, upper: u32, width: u32, height: u32) -> GrayImage {
    image::imageops::crop_imm(picture, left, upper, width, height).to_image()
}

/// A shadow by definition: every pixel with an alpha from 128 on is widened by the spread, and the result is blurred by
/// summing over all pixels that a Gaussian reaches. Pixels at the edge continue beyond it.
fn reference(alpha: &GrayImage, spread: f64, sigma: f64) -> GrayImage {
    let (width, height) = (i64::from(alpha.width()), i64::from(alpha.height()));
    let reach = (4.0 * sigma).ceil() as i64;
    let value =
        |x: i64, y: i64| f64::from(at(alpha, x.clamp(0, width - 1) as u32, y.clamp(0, height - 1) as u32)) / 255.0;
    let (across, down) = (width + 2 * reach, height + 2 * reach);
    let max = spread.ceil() as i64;
    let mut wide = vec![0.0; (across * down) as usize];
    for y in 0..down {
        for x in 0..across {
            let mut nearest = f64::INFINITY;
            for dy in -max - 1..=max + 1 {
                for dx in -max - 1..=max + 1 {
                    if value(x - reach + dx, y - reach + dy) >= 0.5 {
                        nearest = nearest.min((dx as f64).hypot(dy as f64));
                    }
                }
            }
            let reached = if spread > 0.0 { (spread + 1.0 - nearest).clamp(0.0, 1.0) } else { 0.0 };
            wide[(y * across + x) as usize] = reached.max(value(x - reach, y - reach));
        }
    }
    let weights: Vec<f64> = (-reach..=reach).map(|at| (-0.5 * (at as f64 / sigma).powi(2)).exp()).collect();
    let sum: f64 = weights.iter().sum();
    let mut rows = vec![0.0; (width * down) as usize];
    for y in 0..down {
        for x in 0..width {
            let taps = weights.iter().zip(&wide[(y * across + x) as usize..]);
            rows[(y * width + x) as usize] = taps.map(|(weight, value)| weight * value).sum::<f64>() / sum;
        }
    }
    GrayImage::from_fn(alpha.width(), alpha.height(), |x, y| {
        let taps = weights.iter().enumerate();
        let total: f64 =
            taps.map(|(tap, weight)| weight * rows[(y as usize + tap) * width as usize + x as usize]).sum();
        Luma([(total / sum * 255.0).round() as u8])
    })
}

#[test]
fn without_blur_and_spread_the_shadow_is_the_alpha() {
    let alpha = disc(90, 70, (40.0, 30.0), 22.3);
    assert_eq!(top(&alpha, &TopOptions { blur: 0.0, spread: 0.0 }), alpha);
    assert_eq!(wall(&alpha, &PLAIN), alpha);
}

#[test]
fn spread_alone_widens_with_a_clean_edge() {
    let alpha = disc(200, 200, (100.0, 100.0), 50.3);
    let expected = disc(200, 200, (100.0, 100.0), 70.3);
    for shadow in
        [top(&alpha, &TopOptions { blur: 0.0, spread: 20.0 }), wall(&alpha, &WallOptions { spread: 20.0, ..PLAIN })]
    {
        assert!(difference(&shadow, &expected) < 64, "{}", difference(&shadow, &expected));
        assert!((area(&shadow) / area(&expected) - 1.0).abs() < 0.003);
    }
    // Corners are round.
    let shadow = wall(&boxed(100, 100, 0..50, 0..50), &WallOptions { spread: 20.0, ..PLAIN });
    assert_eq!((at(&shadow, 68, 10), at(&shadow, 62, 62), at(&shadow, 65, 65)), (255, 255, 0));
}

#[test]
fn shadow_is_as_symmetric_as_the_subject() {
    for side in [300, 301, 307] {
        let half = f64::from(side) / 2.0;
        let alpha = disc(side, side, (half, half), 80.0);
        for (blur, spread) in [(60.0, 0.0), (60.0, 12.0), (7.0, 3.0), (200.0, 40.0)] {
            let shadow = top(&alpha, &TopOptions { blur, spread });
            assert!(difference(&shadow, &image::imageops::flip_horizontal(&shadow)) <= 1);
            assert!(difference(&shadow, &image::imageops::flip_vertical(&shadow)) <= 1);
            assert!(difference(&shadow, &image::imageops::rotate90(&shadow)) <= 1);
        }
    }
}

#[test]
fn shadow_fades_with_distance_and_ends() {
    let alpha = disc(1000, 1000, (500.0, 500.0), 200.0);
    for (blur, spread) in [(60.0, 0.0), (60.0, 20.0), (100.0, 5.0), (8.0, 30.0)] {
        let options = TopOptions { blur, spread };
        for shadow in [top(&alpha, &options), wall(&alpha, &WallOptions { blur, spread, ..PLAIN })] {
            let row: Vec<u8> = (500..1000).map(|x| at(&shadow, x, 500)).collect();
            assert!(row.is_sorted_by(|near, far| near >= far), "{row:?}");
            let end = (200.0 + spread + 1.5 * blur) as usize + 2;
            assert!(row[end..].iter().all(|value| *value == 0), "{row:?}");
            assert!(row[200 + (spread + 0.5 * blur) as usize] > 8, "{row:?}");
            assert_eq!(at(&shadow, 5, 5), 0);
        }
    }
}

#[test]
fn blur_keeps_the_area() {
    let alpha = disc(1200, 1200, (600.0, 600.0), 300.0);
    for (blur, spread) in [(20.0, 0.0), (80.0, 0.0), (80.0, 30.0), (150.0, 30.0)] {
        let shadow = wall(&alpha, &WallOptions { blur, spread, ..PLAIN });
        let expected = std::f64::consts::PI * (300.0 + spread) * (300.0 + spread);
        assert!((area(&shadow) / expected - 1.0).abs() < 0.02, "{} of {expected}", area(&shadow));
    }
}

#[test]
fn contact_shadow_is_dense_and_narrow() {
    let alpha = disc(1000, 1000, (500.0, 500.0), 300.0);
    let shadow = top(&alpha, &TopOptions { blur: 50.0, spread: 10.0 });
    let soft = at(&shadow, 500 + 325, 500);
    assert!(at(&shadow, 500 + 300, 500) > 190, "{}", at(&shadow, 800, 500));
    assert!((30..80).contains(&soft), "{soft}");
}

#[test]
fn cells_match_the_reference() {
    let upright = |x: u32, y: u32| x > 60 && x < 150 && y > 50 && y < 120;
    let slanted = |x: u32, y: u32| x + y > 190 && x + y < 215 && x < 190;
    let shape = |inside: &dyn Fn(u32, u32) -> bool| {
        GrayImage::from_fn(231, 180, |x, y| Luma([if inside(x, y) { 255 } else { 0 }]))
    };
    let (plain, both) = (shape(&upright), shape(&|x, y| upright(x, y) || slanted(x, y)));
    for (alpha, blur, spread, max) in [
        (&both, 4.0, 0.0, 1),
        (&both, 22.0, 0.0, 2),
        (&both, 40.0, 0.0, 2),
        (&plain, 24.0, 7.0, 2),
        (&plain, 40.0, 12.0, 2),
        // The reference knows a slanted outline to half a pixel only; cells know it by their coverage.
        (&both, 24.0, 7.0, 4),
        (&both, 40.0, 12.0, 4),
    ] {
        let worst =
            difference(&wall(alpha, &WallOptions { blur, spread, ..PLAIN }), &reference(alpha, spread, blur / 2.0));
        assert!(worst <= max, "{worst} with a blur of {blur} and a spread of {spread}");
    }
}

#[test]
fn wide_blur_has_no_steps() {
    let alpha = disc(1500, 900, (500.0, 450.0), 300.0);
    let shadow = top(&alpha, &TopOptions { blur: 400.0, spread: 100.0 });
    // Beyond the contact shadow.
    for y in [10, 450, 777] {
        let row: Vec<u8> = (900..1500).map(|x| at(&shadow, x, y)).collect();
        assert!(row.windows(2).all(|pair| pair[0] >= pair[1] && pair[0] - pair[1] <= 1), "{row:?}");
    }
}

#[test]
fn wall_shadow_is_offset_by_whole_pixels() {
    let alpha = disc(400, 400, (180.0, 190.0), 60.0);
    for blur in [0.0, 6.0, 40.0] {
        let still = wall(&alpha, &WallOptions { blur, ..PLAIN });
        let moved = wall(&alpha, &WallOptions { dx: 17.0, dy: -9.0, blur, ..PLAIN });
        let back = cropped(&moved, 17, 0, 383, 391);
        // The cells are positioned differently.
        let max = if blur > 10.0 { 1 } else { 0 };
        assert!(difference(&back, &cropped(&still, 0, 9, 383, 391)) <= max);
    }
}

#[test]
fn wall_shadow_fades_towards_its_far_end() {
    let alpha = boxed(500, 500, 100..400, 100..400);
    let options = WallOptions { dx: 40.0, dy: 0.0, blur: 10.0, fade: 0.8, ..PLAIN };
    let shadow = wall(&alpha, &options);
    let (near, middle, far) = (at(&shadow, 160, 250), at(&shadow, 290, 250), at(&shadow, 425, 250));
    assert!(near > 240 && middle < near && far < middle && far > 40, "{near} {middle} {far}");
    assert_eq!(at(&shadow, 290, 150), at(&shadow, 290, 350));
    let upright = wall(&alpha, &WallOptions { dx: 0.0, ..options });
    assert!(at(&upright, 250, 380) > 240 && at(&upright, 250, 120) < 80);
}

#[test]
fn shadow_of_a_cut_off_subject_continues() {
    // A column that ends at the lower edge, and one from the upper to the lower edge.
    for (whole, part) in [
        (boxed(900, 900, 350..550, 400..900), boxed(500, 400, 150..350, 200..400)),
        (boxed(900, 900, 350..550, 0..900), boxed(500, 400, 150..350, 0..400)),
        // Close to the edge, but complete.
        (boxed(900, 900, 206..300, 300..420), boxed(500, 400, 6..100, 100..220)),
    ] {
        for (blur, spread) in [(50.0, 10.0), (6.0, 20.0), (90.0, 0.0)] {
            let a = cropped(&top(&whole, &TopOptions { blur, spread }), 200, 200, 500, 400);
            assert!(difference(&a, &top(&part, &TopOptions { blur, spread })) <= 2);
            for (dx, dy) in [(0.0, 0.0), (-30.0, -40.0), (35.0, 60.0)] {
                let options = WallOptions { dx, dy, blur, spread, fade: 0.0 };
                let a = cropped(&wall(&whole, &options), 200, 200, 500, 400);
                assert!(difference(&a, &wall(&part, &options)) <= 2, "{options:?}");
            }
        }
    }
}

#[test]
fn ground_shadow_is_beneath_the_subject() {
    let alpha = boxed(600, 600, 200..400, 100..450);
    let shadow = ground(&alpha, &GroundOptions { blur: 60.0 });
    // Dense at the base, a flat pool in front and at the sides, and nothing above.
    let column: Vec<u8> = (449..600).map(|y| at(&shadow, 300, y)).collect();
    assert!(column[0] > 200 && column[12] > 40 && column[60] == 0, "{column:?}");
    assert!(column.is_sorted_by(|near, far| near >= far), "{column:?}");
    assert!(at(&shadow, 415, 450) > 20 && at(&shadow, 500, 450) == 0);
    assert!((0..400).all(|y| (0..600).all(|x| at(&shadow, x, y) == 0)));
    assert!(difference(&shadow, &image::imageops::flip_horizontal(&shadow)) <= 1);
    // Without blur it is the footprint, which the subject hides.
    assert!(area(&ground(&alpha, &GroundOptions { blur: 0.0 })) <= 200.0);
}

#[test]
fn ground_shadow_of_a_table_is_between_its_legs() {
    let mut alpha = boxed(600, 600, 100..500, 100..160);
    for (columns, end) in [(100..115, 480), (150..162, 430), (440..452, 430), (485..500, 480)] {
        let leg = boxed(600, 600, columns, 160..end);
        alpha.iter_mut().zip(leg.iter()).for_each(|(alpha, leg)| *alpha = (*alpha).max(*leg));
    }
    let shadow = ground(&alpha, &GroundOptions { blur: 36.0 });
    assert!(at(&shadow, 300, 455) > 110, "{}", at(&shadow, 300, 455));
    assert!(at(&shadow, 492, 480) > at(&shadow, 300, 480) + 40);
    assert_eq!((at(&shadow, 300, 350), at(&shadow, 300, 560)), (0, 0));
}

#[test]
fn ground_shadow_needs_a_visible_base_and_continues_at_the_sides() {
    let options = GroundOptions { blur: 40.0 };
    assert!(ground(&boxed(300, 200, 100..200, 50..200), &options).iter().all(|value| *value == 0));
    let shadow = ground(&boxed(300, 200, 0..150, 50..150), &options);
    assert!(at(&shadow, 0, 150).abs_diff(at(&shadow, 70, 150)) <= 1);
}

#[test]
fn result_does_not_depend_on_the_number_of_threads() {
    let alpha = disc(331, 257, (150.0, 120.0), 77.0);
    let (photo, matte, _) = studio(331, 257);
    let made = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("starts");
        pool.install(|| {
            let options = WallOptions { dx: 5.0, dy: 8.0, blur: 30.0, spread: 6.0, fade: 0.5 };
            (
                top(&alpha, &TopOptions { blur: 20.0, spread: 5.0 }),
                wall(&alpha, &options),
                ground(&alpha, &GroundOptions { blur: 25.0 }),
                preserved(&photo, &matte),
            )
        })
    };
    assert_eq!(made(1), made(3));
}

#[test]
fn handles_the_largest_canvas() {
    let alpha = disc(10_000, 10_000, (5_000.0, 5_000.0), 3_000.0);
    let shadow = wall(&alpha, &WallOptions { dx: 300.0, dy: 200.0, blur: 3.0, spread: 400.0, fade: 0.0 });
    assert_eq!((at(&shadow, 5_300 + 3_380, 5_200), at(&shadow, 5_300 + 3_420, 5_200)), (255, 0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn shadows_have_the_size_of_the_canvas(
        (width, height) in (1_u32..70, 1_u32..70),
        seed in any::<u64>(),
        lengths in prop::array::uniform4(prop_oneof![
            Just(0.0), 0.0..3.0_f64, 0.0..100.0_f64, -20_000.0..20_000.0_f64, Just(f64::NAN), Just(f64::INFINITY), Just(f64::MIN),
        ]),
        fade in -1.0..2.0_f64,
    ) {
        let mut noise = Noise(seed);
        let photo = RgbImage::from_fn(width, height, |_, _| Rgb([noise.byte(), noise.byte(), noise.byte()]));
        let alpha = GrayImage::from_fn(width, height, |_, _| Luma([if noise.byte() > 200 { noise.byte() } else { 0 }]));
        let [blur, spread, dx, dy] = lengths;
        prop_assert_eq!(top(&alpha, &TopOptions { blur, spread }).dimensions(), (width, height));
        prop_assert_eq!(wall(&alpha, &WallOptions { dx, dy, blur, spread, fade }).dimensions(), (width, height));
        prop_assert_eq!(ground(&alpha, &GroundOptions { blur }).dimensions(), (width, height));
        if let Ok(shadow) = preserved(&photo, &alpha) {
            prop_assert_eq!(shadow.dimensions(), (width, height));
        }
    }
}

#[test]
fn preserved_shadow_has_the_size_of_the_photograph() {
    let mut runner = TestRunner::new(ProptestConfig::with_cases(48));
    let preserved_cases = Cell::new(0);
    let result = runner.run(&((24_u32..90, 24_u32..90), any::<bool>()), |((width, height), is_sweep)| {
        let matte = subject(width, height);
        let mut noise = Noise(7);
        let photo = if is_sweep {
            photograph(width, height, &matte, sweep)
        } else {
            RgbImage::from_fn(width, height, |_, _| Rgb([noise.byte(), noise.byte(), noise.byte()]))
        };
        if let Ok(shadow) = preserved(&photo, &matte) {
            preserved_cases.set(preserved_cases.get() + 1);
            prop_assert_eq!(shadow.dimensions(), (width, height));
        }
        Ok(())
    });
    result.expect("every shadow has the size of its photograph");
    // About half of the photographs show a sweep.
    assert!(preserved_cases.get() >= 12, "only {} cases had a shadow", preserved_cases.get());
}

/// Pseudorandom numbers (Knuth's MMIX generator).
struct Noise(u64);

impl Noise {
    fn byte(&mut self) -> u8 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 56) as u8
    }

    /// Approximately a Gaussian with a standard deviation of 1.
    fn gaussian(&mut self) -> f64 {
        ((0..12).map(|_| f64::from(self.byte()) / 255.0).sum::<f64>() - 6.0) * 0.99
    }
}

fn encoded(light: f64) -> u8 {
    let light = light.clamp(0.0, 1.0);
    let value = if light <= 0.003_130_8 { 12.92 * light } else { 1.055 * light.powf(1.0 / 2.4) - 0.055 };
    (value * 255.0).round() as u8
}

/// The light of a sweep: brighter at the top, darker in the corners.
fn sweep(x: f64, y: f64) -> f64 {
    let corner = (x - 0.5).hypot(y - 0.5);
    (0.75 - 0.2 * y + 0.05 * x) * (1.0 - 0.3 * corner * corner)
}

/// A photograph of a dark subject on a background of `light`, a function of coordinates from 0 to 1: slightly warm, with
/// noise.
fn photograph(width: u32, height: u32, matte: &GrayImage, light: impl Fn(f64, f64) -> f64) -> RgbImage {
    let mut noise = Noise(7);
    RgbImage::from_fn(width, height, |x, y| {
        let place = ((f64::from(x) + 0.5) / f64::from(width), (f64::from(y) + 0.5) / f64::from(height));
        let alpha = f64::from(at(matte, x, y)) / 255.0;
        let light = light(place.0, place.1) * (1.0 + 0.015 * noise.gaussian());
        Rgb([1.0, 0.97, 0.9].map(|share| encoded(alpha * 0.1 + (1.0 - alpha) * share * light)))
    })
}

/// The share of light that the subject's shadow removes: a soft shadow to the lower right, and a hard one at the base.
fn cast(x: f64, y: f64) -> f64 {
    let soft = ((x - 0.58) / 0.16).powi(2) + ((y - 0.68) / 0.09).powi(2);
    let hard = if ((x - 0.5) / 0.13).powi(2) + ((y - 0.7) / 0.04).powi(2) < 1.0 { 0.3 } else { 0.0 };
    1.0 - (1.0 - 0.45 * (-0.5 * soft).exp()) * (1.0 - hard)
}

fn subject(width: u32, height: u32) -> GrayImage {
    let (across, down) = (f64::from(width), f64::from(height));
    disc(width, height, (0.5 * across, 0.5 * down), 0.2 * across.min(down))
}

/// A photograph of a subject on a sweep, its matte, and the coverage of its shadow.
fn studio(width: u32, height: u32) -> (RgbImage, GrayImage, GrayImage) {
    let matte = subject(width, height);
    let photo = photograph(width, height, &matte, |x, y| sweep(x, y) * (1.0 - cast(x, y)));
    let truth = GrayImage::from_fn(width, height, |x, y| {
        let place = ((f64::from(x) + 0.5) / f64::from(width), (f64::from(y) + 0.5) / f64::from(height));
        Luma([(255.0 * cast(place.0, place.1)).round() as u8])
    });
    (photo, matte, truth)
}

#[test]
fn recovers_the_shadow_of_a_photograph() {
    for (width, height) in [(700, 500), (900, 900), (2400, 1800)] {
        let (photo, matte, truth) = studio(width, height);
        let shadow = preserved(&photo, &matte).expect("shows a sweep");
        let outside = |(at, matte): (usize, &u8)| (*matte == 0 && truth.as_raw()[at] > 8).then_some(at);
        let places: Vec<usize> = matte.iter().enumerate().filter_map(outside).collect();
        let off = |at: &usize| f64::from(shadow.as_raw()[*at].abs_diff(truth.as_raw()[*at])) / 255.0;
        let error = places.iter().map(off).sum::<f64>() / places.len() as f64;
        assert!(error < 0.03, "{error} at {width} x {height}");
        assert!(shadow.iter().take(width as usize * height as usize / 8).all(|value| *value == 0));
    }
}

#[test]
fn plain_sweep_has_no_shadow() {
    for (width, height) in [(640, 480), (500, 1300)] {
        let matte = subject(width, height);
        let shadow = preserved(&photograph(width, height, &matte, sweep), &matte).expect("shows a sweep");
        assert!(shadow.iter().all(|value| *value == 0), "{:?}", shadow.iter().max());
    }
}

#[test]
fn preserved_shadow_ends_at_the_frame_unless_the_subject_is_cut_off() {
    // A wide shadow to the right, across the frame.
    let cast = |x: f64, y: f64| if x > 0.5 { 0.4 * (-0.5 * ((y - 0.5) / 0.08).powi(2)).exp() } else { 0.0 };
    let matte = subject(600, 600);
    let shadow = preserved(&photograph(600, 600, &matte, |x, y| sweep(x, y) * (1.0 - cast(x, y))), &matte);
    let shadow = shadow.expect("shows a sweep");
    assert!(at(&shadow, 450, 300) > 70, "{}", at(&shadow, 450, 300));
    assert!((0..600).all(|y| at(&shadow, 599, y) == 0));
    let matte = boxed(600, 600, 200..400, 300..600);
    let cast = |x: f64, _: f64| 0.4 * (-0.5 * ((x - 0.66) / 0.05).powi(2)).exp();
    let photo = photograph(600, 600, &matte, |x, y| sweep(x, y) * (1.0 - if y > 0.4 { cast(x, y) } else { 0.0 }));
    let shadow = preserved(&photo, &matte).expect("shows a sweep");
    assert!(at(&shadow, 412, 599) > 60, "{}", at(&shadow, 412, 599));
}

#[test]
fn rejects_photographs_without_a_sweep() {
    let matte = subject(600, 450);
    let refused =
        |photo: &RgbImage, matte: &GrayImage| preserved(photo, matte).expect_err("shows no sweep").to_string();
    let squares = |side: f64| {
        move |x: f64, y: f64| {
            let odd = ((x * 600.0 / side).floor() + (y * 450.0 / side).floor()) % 2.0 == 0.0;
            if odd { 0.7 } else { 0.4 }
        }
    };
    assert!(refused(&photograph(600, 450, &matte, squares(2.0)), &matte).contains("textured"));
    assert!(refused(&photograph(600, 450, &matte, squares(50.0)), &matte).contains("smooth surface"));
    assert!(refused(&photograph(600, 450, &matte, |_, _| 0.005), &matte).contains("too dark"));
    let other = |x: f64, y: f64| if (0.75..0.95).contains(&x) && (0.1..0.35).contains(&y) { 0.2 } else { sweep(x, y) };
    assert!(refused(&photograph(600, 450, &matte, other), &matte).contains("something else"));
    let all = GrayImage::from_pixel(600, 450, Luma([255]));
    assert!(refused(&photograph(600, 450, &all, sweep), &all).contains("too little"));
    let reason = refused(&photograph(600, 450, &matte, sweep), &subject(599, 450));
    assert_eq!(reason, "The photograph's own shadow cannot be kept: the matte has another size than the photograph.");
}
