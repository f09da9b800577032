//! Independence of tiles and threads, and the least squares in the smallest cases.

use image::RgbImage;

use super::plane::PaddedPlane;
use super::window::Window;
use super::*;

/// A pseudorandom number from 0 to 255 that depends on the position.
fn noise(x: u32, y: u32, salt: u32) -> u8 {
    let mut value = x.wrapping_mul(0x9e37_79b1) ^ y.wrapping_mul(0x85eb_ca6b) ^ salt.wrapping_mul(0xc2b2_ae35);
    value = (value ^ (value >> 15)).wrapping_mul(0x2c1b_3c6d);
    (value ^ (value >> 13)) as u8
}

/// A subject with a soft outline across many tiles, on a background of another color.
fn scene(width: u32, height: u32) -> (RgbImage, GrayImage) {
    let alpha = GrayImage::from_fn(width, height, |x, y| {
        let wave = (f64::from(x) / 17.0).sin() * 30.0 + f64::from(height) / 2.0;
        image::Luma([((f64::from(y) - wave) * 9.0 + 128.0).clamp(0.0, 255.0) as u8])
    });
    let color = RgbImage::from_fn(width, height, |x, y| {
        let share = u32::from(alpha.get_pixel(x, y).0[0]);
        let front = [180 - u32::from(noise(x, y, 1) / 8), 60 + x % 64, 90];
        let back = [30, 200 - y % 50, u32::from(noise(x, y, 2) / 4)];
        image::Rgb(std::array::from_fn(|n| ((front[n] * share + back[n] * (255 - share) + 127) / 255) as u8))
    });
    (color, alpha)
}

#[test]
fn result_does_not_depend_on_the_tiles() {
    let (color, alpha) = scene(403, 357);
    let mut whole = color.clone();
    in_tiles(&mut whole, &alpha, 1000);
    assert_ne!(whole, color);
    for side in [16, 37, 64, 192] {
        let mut cut = color.clone();
        in_tiles(&mut cut, &alpha, side);
        assert_eq!(cut, whole, "in tiles of {side}");
    }
}

#[test]
fn result_does_not_depend_on_the_number_of_threads() {
    let (color, alpha) = scene(500, 300);
    let made = [1, 2, 5].map(|threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("starts");
        let mut made = color.clone();
        pool.install(|| in_tiles(&mut made, &alpha, 64));
        made
    });
    assert_eq!(made[0], made[1]);
    assert_eq!(made[0], made[2]);
}

#[test]
fn reading_cells_equals_halving_pixels() {
    let (color, alpha) = scene(64, 64);
    let at_once = read::cells(&color, &alpha);
    let all = Window { left: 0, top: 0, right: 64, bottom: 64 };
    for in_steps in [
        read::pixels(&color, &alpha, all, &vec![0..64; 64]).halved().halved().halved(),
        read::pairs(&color, &alpha, all, &vec![0..32; 32]).halved().halved(),
    ] {
        assert_same(&at_once, &in_steps);
    }
}

fn assert_same(at_once: &level::Level, in_steps: &level::Level) {
    let same = |a: &PaddedPlane, b: &PaddedPlane, what: &str| {
        for y in 0..8 {
            for (a, b) in a.inner(y).iter().zip(b.inner(y)) {
                assert!((a - b).abs() < 1e-5, "{what}: {a} and {b}");
            }
        }
    };
    same(&at_once.alpha, &in_steps.alpha, "alpha");
    let within = |given: &level::Level| given.within.clone().expect("cells vary");
    let (within, in_steps_within) = (within(at_once), within(in_steps));
    same(&within.variance, &in_steps_within.variance, "variance");
    for channel in 0..CHANNELS {
        same(&at_once.color[channel], &in_steps.color[channel], "color");
        same(&within.covariance[channel], &in_steps_within.covariance[channel], "covariance");
    }
}

#[test]
fn keeps_uniform_color_under_uniform_alpha() {
    for share in [1, 51, 128, 200, 254] {
        let alpha = GrayImage::from_pixel(40, 30, image::Luma([share]));
        let mut color = RgbImage::from_pixel(40, 30, image::Rgb([200, 30, 90]));
        in_tiles(&mut color, &alpha, TILE);
        assert!(color.pixels().all(|pixel| pixel.0 == [200, 30, 90]), "{share}: {:?}", color.get_pixel(0, 0));
    }
}

#[test]
fn hard_edge_within_a_cell_determines_both_colors() {
    // One cell, half of it opaque: only its covariance determines which color belongs to which layer.
    let alpha = GrayImage::from_fn(8, 8, |x, _| image::Luma([if x < 4 { 255 } else { 0 }]));
    let color = RgbImage::from_fn(8, 8, |x, _| image::Rgb(if x < 4 { [200, 100, 0] } else { [0, 50, 250] }));
    let layers = coarse_layers(&color, &alpha);
    let of = |planes: &[PaddedPlane; CHANNELS]| planes.each_ref().map(|plane| (plane.inner(0)[0] * 255.0).round());
    for (found, expected) in of(&layers.foreground).into_iter().zip([200.0, 100.0, 0.0]) {
        assert!((found - expected).abs() <= 2.0, "foreground {found}, not {expected}");
    }
    for (found, expected) in of(&layers.background).into_iter().zip([0.0, 50.0, 250.0]) {
        assert!((found - expected).abs() <= 2.0, "background {found}, not {expected}");
    }
}

#[test]
fn black_is_solved_alone_and_stays_where_nothing_is_mixed() {
    let (color, alpha) = scene(90, 80);
    let ink = |at: usize| u16::from(color.as_raw()[at * 3]) * 257;
    let source = BlackPlane::from_fn(90, 80, |x, y| image::Luma([ink((y * 90 + x) as usize)]));
    let mut black = source.clone();
    decontaminate_black(&mut black, &alpha).expect("same size");
    let (mut changed, mut kept) = (0, 0);
    for ((black, source), alpha) in black.iter().zip(source.iter()).zip(alpha.iter()) {
        match *alpha {
            0 | 255 => {
                kept += 1;
                assert_eq!(black, source);
            }
            _ => changed += u32::from(black != source),
        }
    }
    assert!(kept > 1_000 && changed > 100, "{kept} {changed}");
    assert!(decontaminate_black(&mut black, &GrayImage::new(80, 90)).is_err());
}
