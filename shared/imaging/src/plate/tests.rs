//! Scenes whose truth is known: a backdrop as two exposures see it, with a subject and its shadow in one of them.

use image::{Rgb, RgbImage};

use super::*;

const SIZE: (u32, u32) = (480, 360);
/// The side of the networks' matte.
const SIDE: u32 = 256;

/// Pseudo-random numbers, the same on every run.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// From 0 to 1.
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / (1 << 24) as f32
    }

    /// About normal, with a standard deviation of 1.
    pub(super) fn normal(&mut self) -> f32 {
        (0..12).map(|_| self.next()).sum::<f32>() - 6.0
    }
}

type Color = [f32; 3];

/// A scene: of each point, in pixels of the photograph. Colors are from 0 to 255.
struct Scene {
    backdrop: fn(f32, f32) -> Color,
    /// The share of a pixel that the subject covers.
    cover: fn(f32, f32) -> f32,
    /// The subject's color in front of that of the backdrop.
    subject: fn(f32, f32, Color) -> Color,
    /// The share of light that is left on the backdrop, by channel.
    shadow: fn(f32, f32) -> Color,
    /// The networks' matte.
    prior: fn(f32, f32) -> f32,
}

const NO_SHADOW: fn(f32, f32) -> Color = |_, _| [1.0; 3];
const BLIND: fn(f32, f32) -> f32 = |_, _| 0.0;

impl Scene {
    fn photo(&self) -> RgbImage {
        draw(1, |x, y| {
            let (shadow, back) = ((self.shadow)(x, y), (self.backdrop)(x, y));
            let back = [0, 1, 2].map(|channel| back[channel] * shadow[channel]);
            let (front, cover) = ((self.subject)(x, y, back), (self.cover)(x, y));
            [0, 1, 2].map(|channel| cover * front[channel] + (1.0 - cover) * back[channel])
        })
    }

    /// Another exposure, a little brighter, shifted and zoomed.
    fn plate(&self) -> RgbImage {
        draw(2, |x, y| {
            let (x, y) = (240.0 + 1.002 * (x - 240.0) + 1.3, 180.0 + 1.002 * (y - 180.0) - 0.7);
            (self.backdrop)(x, y).map(|value| value * 1.01)
        })
    }

    fn prior(&self) -> CoarseMatte {
        let at = |at: u32| ((at % SIDE) as f32 + 0.5, (at / SIDE) as f32 + 0.5);
        let place = |(x, y): (f32, f32)| (x * SIZE.0 as f32 / SIDE as f32, y * SIZE.1 as f32 / SIDE as f32);
        let values = (0..SIDE * SIDE).map(|index| {
            let (x, y) = place(at(index));
            (self.prior)(x, y)
        });
        CoarseMatte::new(SIDE, values.collect()).expect("a square")
    }

    fn fuse(&self) -> Fused {
        fuse(&self.photo(), &self.plate(), self.prior()).expect("same size")
    }
}

fn draw(seed: u64, color: impl Fn(f32, f32) -> Color) -> RgbImage {
    let mut dice = Dice::new(seed);
    RgbImage::from_fn(SIZE.0, SIZE.1, |x, y| {
        Rgb(color(x as f32 + 0.5, y as f32 + 0.5)
            .map(|value| (value + 1.2 * dice.normal()).round().clamp(0.0, 255.0) as u8))
    })
}

/// A wall with a pattern, brighter at the top.
fn wall(x: f32, y: f32) -> Color {
    let pattern = 14.0 * (x / 9.0).sin() * (y / 13.0).cos() + 8.0 * ((x + y) / 31.0).sin();
    [170.0 + pattern - 0.1 * y, 150.0 + pattern - 0.1 * y, 130.0 + 0.5 * pattern - 0.1 * y]
}

/// A white sweep.
fn sweep(_: f32, y: f32) -> Color {
    [236.0 - 0.02 * y, 237.0 - 0.02 * y, 238.0 - 0.02 * y]
}

/// The share of a pixel within a disc.
fn disc(x: f32, y: f32, center: (f32, f32), radius: f32) -> f32 {
    (radius - (x - center.0).hypot(y - center.1) + 0.5).clamp(0.0, 1.0)
}

fn body(x: f32, y: f32) -> f32 {
    disc(x, y, (220.0, 170.0), 70.0)
}

/// From 0 to 1 within a soft ellipse to the right of the body.
fn cast(x: f32, y: f32) -> f32 {
    let distance = ((x - 300.0) / 1.4).hypot(y - 215.0);
    let share = ((75.0 - distance) / 45.0).clamp(0.0, 1.0);
    share * share * (3.0 - 2.0 * share)
}

/// The mean of the matte where `include` holds, by points of the photograph.
fn mean(matte: &CoarseMatte, include: impl Fn(f32, f32) -> bool) -> f32 {
    let (mut sum, mut count) = (0.0, 0);
    for (at, value) in matte.values().iter().enumerate() {
        let (x, y) = ((at as u32 % SIDE) as f32 + 0.5, (at as u32 / SIDE) as f32 + 0.5);
        if include(x * SIZE.0 as f32 / SIDE as f32, y * SIZE.1 as f32 / SIDE as f32) {
            sum += value;
            count += 1;
        }
    }
    assert!(count > 20, "the place has {count} pixels");
    sum / count as f32
}

/// The mean error of the matte in a band of 12 pixels around the body's outline.
fn band_error(matte: &CoarseMatte) -> f32 {
    let (mut sum, mut count) = (0.0, 0);
    for (at, value) in matte.values().iter().enumerate() {
        let (x, y) = ((at as u32 % SIDE) as f32 + 0.5, (at as u32 / SIDE) as f32 + 0.5);
        let (x, y) = (x * SIZE.0 as f32 / SIDE as f32, y * SIZE.1 as f32 / SIDE as f32);
        if ((x - 220.0).hypot(y - 170.0) - 70.0).abs() < 6.0 {
            sum += (value - body(x, y)).abs();
            count += 1;
        }
    }
    sum / count as f32
}

#[test]
fn white_on_white_becomes_visible_and_its_shadow_does_not() {
    let scene = Scene {
        backdrop: sweep,
        cover: body,
        subject: |_, _, _| [248.0, 248.0, 247.0],
        shadow: |x, y| [1.0 - 0.25 * cast(x, y); 3],
        prior: BLIND,
    };
    let fused = scene.fuse();
    assert_eq!(fused.warning, None);
    assert!(mean(&fused.matte, |x, y| (x - 220.0).hypot(y - 170.0) < 64.0) > 0.9);
    assert!(mean(&fused.matte, |x, y| cast(x, y) > 0.2 && (x - 220.0).hypot(y - 170.0) > 76.0) < 0.05);
    assert!(mean(&fused.matte, |x, _| x < 120.0) < 0.02);
    assert!(band_error(&fused.matte) < 0.08, "{}", band_error(&fused.matte));
}

#[test]
fn a_shadow_that_the_networks_took_for_subject_goes() {
    let scene = Scene {
        backdrop: wall,
        cover: body,
        subject: |_, _, _| [60.0, 80.0, 150.0],
        shadow: |x, y| [1.0 - 0.4 * cast(x, y); 3],
        prior: |x, y| body(x, y).max(if cast(x, y) > 0.1 { 0.9 } else { 0.0 }),
    };
    let fused = scene.fuse();
    assert_eq!(fused.warning, None);
    let in_shadow = |x: f32, y: f32| cast(x, y) > 0.2 && (x - 220.0).hypot(y - 170.0) > 78.0;
    assert!(mean(&scene.prior(), in_shadow) > 0.8);
    assert!(mean(&fused.matte, in_shadow) < 0.15, "{}", mean(&fused.matte, in_shadow));
    assert!(mean(&fused.matte, |x, y| (x - 220.0).hypot(y - 170.0) < 64.0) > 0.95);
}

#[test]
fn a_thin_wire_becomes_visible() {
    let scene = Scene {
        backdrop: wall,
        cover: |x, y| {
            (1.5 - (y - 100.0 - 0.3 * x).abs() / 1.04 + 0.5).clamp(0.0, 1.0) * if x > 60.0 { 1.0 } else { 0.0 }
        },
        subject: |_, _, _| [50.0, 48.0, 45.0],
        shadow: NO_SHADOW,
        prior: BLIND,
    };
    let fused = scene.fuse();
    assert_eq!(fused.warning, None);
    let from_wire = |x: f32, y: f32| (y - 100.0 - 0.3 * x).abs();
    assert!(mean(&fused.matte, |x, y| x > 66.0 && from_wire(x, y) < 0.6) > 0.75);
    assert!(mean(&fused.matte, |x, y| x < 50.0 || from_wire(x, y) > 8.0) < 0.02);
}

#[test]
fn glass_becomes_visible_by_its_rim_and_what_it_takes_from_the_light() {
    let scene = Scene {
        backdrop: wall,
        cover: body,
        // A dark rim, and a clear middle that takes a tenth of the light, with a highlight.
        subject: |x, y, back| {
            let rim = ((x - 220.0).hypot(y - 170.0) - 64.0).max(0.0) / 6.0;
            let shine = disc(x, y, (195.0, 145.0), 14.0);
            back.map(|back| (back * 0.9 * (1.0 - 0.4 * rim)) * (1.0 - 0.6 * shine) + 0.6 * 250.0 * shine)
        },
        shadow: |x, y| [1.0 - 0.1 * cast(x, y); 3],
        prior: |x, y| 0.3 * body(x, y),
    };
    let fused = scene.fuse();
    assert_eq!(fused.warning, None);
    assert!(mean(&fused.matte, |x, y| (x - 220.0).hypot(y - 170.0) < 66.0) > 0.9);
    assert!(mean(&fused.matte, |x, y| (x - 220.0).hypot(y - 170.0) > 78.0) < 0.03);
}

#[test]
fn colored_spill_next_to_the_subject_is_background() {
    let scene = Scene {
        backdrop: sweep,
        cover: body,
        subject: |_, _, _| [200.0, 40.0, 40.0],
        shadow: |x, y| {
            let near = (1.0 - ((x - 220.0).hypot(y - 170.0) - 70.0).max(0.0) / 25.0).clamp(0.0, 1.0);
            [1.0, 1.0 - 0.06 * near, 1.0 - 0.06 * near]
        },
        prior: |x, y| disc(x, y, (220.0, 170.0), 80.0),
    };
    let fused = scene.fuse();
    assert_eq!(fused.warning, None);
    let spilled = |x: f32, y: f32| (74.0..79.0).contains(&(x - 220.0).hypot(y - 170.0));
    assert!(mean(&scene.prior(), spilled) > 0.8);
    assert!(mean(&fused.matte, spilled) < 0.2, "{}", mean(&fused.matte, spilled));
    assert!(mean(&fused.matte, |x, y| (x - 220.0).hypot(y - 170.0) < 64.0) > 0.95);
}

#[test]
fn where_nothing_differs_the_networks_matte_stays() {
    let scene = Scene {
        backdrop: wall,
        cover: |_, _| 0.0,
        subject: |_, _, back| back,
        shadow: NO_SHADOW,
        prior: |x, y| 0.97 * body(x, y),
    };
    let (prior, fused) = (scene.prior(), scene.fuse());
    assert_eq!(fused.warning, None);
    let changed = prior.values().iter().zip(fused.matte.values()).filter(|(one, other)| one != other).count();
    assert!(changed < 20, "{changed} values changed");
}

#[test]
fn a_plate_of_another_scene_is_not_used() {
    let scene =
        Scene { backdrop: wall, cover: body, subject: |_, _, _| [60.0, 80.0, 150.0], shadow: NO_SHADOW, prior: body };
    let others: [fn(f32, f32) -> Color; 2] =
        [|x, y| wall(y, x), |x, y| [110.0 + 60.0 * (x / 5.0).sin(), 90.0 + 0.3 * y, 120.0]];
    for other in others {
        let fused = fuse(&scene.photo(), &draw(3, other), scene.prior()).expect("same size");
        assert_eq!(fused, Fused { matte: scene.prior(), warning: Some(MISMATCH.to_owned()) });
    }
    let small = RgbImage::new(10, 10);
    assert!(matches!(fuse(&scene.photo(), &small, scene.prior()), Err(Error::SizeMismatch(_))));
}
