//! Subjects on canvases: their position, to the pixel, their colors and edges, backdrops and shadows.

use cutline_core::domain::params::{AlignBy, Horizontal, ImageFit, Vertical};
use cutline_imaging::compose::{
    Backdrop, CroppedSides, Layer, Layout, Placement, Shade, SubjectBox, compose, fit, place, place_subject,
};
use cutline_imaging::{Composed, Cutout};
use image::{GrayImage, Luma, Rgb, RgbImage};
use proptest::prelude::*;

/// A rectangle with hard edges and of one color, on another one.
#[derive(Debug, Clone)]
struct Scene {
    photo: (u32, u32),
    subject: (u32, u32, u32, u32),
}

const ORANGE: [u8; 3] = [220, 120, 30];

impl Scene {
    fn alpha(&self) -> GrayImage {
        let (x, y, width, height) = self.subject;
        GrayImage::from_fn(self.photo.0, self.photo.1, |at_x, at_y| {
            let inside = (x..x + width).contains(&at_x) && (y..y + height).contains(&at_y);
            Luma([if inside { 255 } else { 0 }])
        })
    }

    fn cutout(&self) -> Cutout {
        // The color of transparent pixels must not show.
        let alpha = self.alpha();
        let color = RgbImage::from_fn(self.photo.0, self.photo.1, |x, y| {
            Rgb(if alpha.get_pixel(x, y)[0] > 0 { ORANGE } else { [0, 0, 255] })
        });
        cutout(color, alpha)
    }

    fn found(&self) -> SubjectBox {
        SubjectBox::of(&self.alpha()).expect("a subject")
    }
}

fn cutout(color: RgbImage, alpha: GrayImage) -> Cutout {
    Cutout::new(color, alpha).expect("of one size")
}

fn layout(canvas: (u32, u32), margin: f64) -> Layout {
    Layout {
        canvas,
        margin,
        fill: None,
        scale: None,
        max_scale: None,
        baseline: None,
        x: Horizontal::Center,
        y: Vertical::Center,
        by: AlignBy::Box,
    }
}

/// The box of the pixels that are at least half opaque on a canvas.
fn box_on(alpha: &GrayImage) -> Option<[u32; 4]> {
    let shown = alpha.enumerate_pixels().filter(|(_, _, alpha)| alpha[0] >= 128);
    shown.map(|(x, y, _)| [x, y, x, y]).reduce(|a, b| [a[0].min(b[0]), a[1].min(b[1]), a[2].max(b[2]), a[3].max(b[3])])
}

fn placed(scene: &Scene, placement: &Placement, canvas: (u32, u32)) -> Composed {
    let layer = place_subject(&scene.cutout(), &scene.found(), placement, canvas);
    compose(canvas, &Backdrop::Transparent, None, &layer)
}

#[test]
fn a_subject_box_knows_the_cropped_sides() {
    let scene = Scene { photo: (200, 100), subject: (50, 40, 100, 60) };
    let found = scene.found();
    assert_eq!((found.x, found.y, found.width, found.height), (50, 40, 100, 60));
    assert_eq!(found.mass, (100.0, 70.0));
    assert_eq!(found.cropped, CroppedSides { bottom: true, ..CroppedSides::default() });
    // Two pixels of a strap at the frame do not make a subject that is cut off.
    let mut alpha = Scene { photo: (200, 100), subject: (50, 20, 100, 60) }.alpha();
    alpha.put_pixel(0, 50, Luma([255]));
    alpha.put_pixel(0, 51, Luma([255]));
    assert_eq!(SubjectBox::of(&alpha).expect("a subject").cropped, CroppedSides::default());
    // A matte that fades in the last row still does.
    let mut alpha = scene.alpha();
    (0..200).for_each(|x| alpha.put_pixel(x, 99, Luma([90])));
    let found = SubjectBox::of(&alpha).expect("a subject");
    assert_eq!((found.y + found.height, found.cropped.bottom), (100, true));
    let faint = SubjectBox::of(&GrayImage::from_pixel(9, 9, Luma([100]))).expect("it came so");
    assert_eq!((faint.width, faint.height), (9, 9));
    assert_eq!(SubjectBox::of(&GrayImage::new(9, 9)), None);
}

#[test]
fn fill_and_margin_decide_the_size() {
    let found = Scene { photo: (400, 400), subject: (100, 150, 200, 100) }.found();
    let of = |margin, fill| {
        let placed = place(&found, &Layout { fill, ..layout((1000, 1000), margin) });
        (placed.x, placed.y, placed.width, placed.height)
    };
    assert_eq!(of(75.0, None), (75, 287, 850, 425));
    assert_eq!(of(0.0, Some(0.9)), (50, 275, 900, 450));
    assert_eq!(of(100.0, Some(0.9)), (100, 300, 800, 400), "the margin is the tighter one");
    assert_eq!(of(100.0, Some(0.5)), (250, 375, 500, 250), "the fill is the tighter one");
    assert_eq!(of(1e9, None), (499, 499, 2, 1), "a pixel is left, or two");
}

#[test]
fn the_center_of_mass_is_centered_as_far_as_the_margins_allow() {
    // Heavy at the left.
    let alpha = GrayImage::from_fn(100, 100, |x, y| {
        let heavy = (10..30).contains(&x) && (10..90).contains(&y);
        let light = (30..90).contains(&x) && (48..52).contains(&y);
        Luma([if heavy || light { 255 } else { 0 }])
    });
    let found = SubjectBox::of(&alpha).expect("a subject");
    let by_mass = |margin, fill| place(&found, &Layout { fill, by: AlignBy::Mass, ..layout((400, 400), margin) });
    let free = by_mass(0.0, Some(0.4));
    let mass = free.x as f64 + (found.mass.0 - f64::from(found.x)) * free.scale;
    assert!((mass - 200.0).abs() <= 0.6, "{mass}");
    let tight = by_mass(20.0, None);
    assert_eq!(tight.x, 20, "the margins hold");
}

#[test]
fn a_cropped_subject_stands_at_the_edge() {
    let at = |subject, canvas, margin| {
        let scene = Scene { photo: (400, 300), subject };
        let layout = Layout { x: Horizontal::Left, y: Vertical::Top, ..layout(canvas, margin) };
        place(&scene.found(), &layout)
    };
    let shoe = at((100, 100, 300, 150), (1000, 1000), 100.0);
    assert_eq!((shoe.x + i64::from(shoe.width), shoe.y), (1000, 100));
    let bust = at((100, 100, 200, 200), (1000, 1000), 100.0);
    assert_eq!((bust.y + i64::from(bust.height), bust.x, bust.width), (1000, 100, 800));
    let belt = at((0, 100, 400, 50), (1000, 600), 60.0);
    assert_eq!((belt.x, belt.width, belt.floating), (0, 1000, false));
    let tall = at((0, 20, 400, 260), (1000, 300), 30.0);
    assert!(tall.floating && tall.height == 240, "{tall:?}");
    let all = at((0, 0, 400, 300), (1000, 1000), 100.0);
    assert_eq!((all.x, all.y, all.width, all.height), (-167, 0, 1333, 1000));
    assert_eq!(all.visible_on((1000, 1000)), Some([0, 0, 999, 999]));
}

#[test]
fn a_cropped_edge_is_whole_at_the_canvass_edge() {
    let scene = Scene { photo: (400, 300), subject: (100, 100, 200, 200) };
    let canvas = (777, 555);
    let placement = place(&scene.found(), &layout(canvas, 40.0));
    let made = placed(&scene, &placement, canvas);
    let middle = (placement.x + i64::from(placement.width) / 2) as u32;
    assert_eq!(made.alpha().get_pixel(middle, 554)[0], 255);
    assert_eq!(made.color().get_pixel(middle, 554).0, ORANGE);
}

#[test]
fn a_floating_subject_ends_where_its_photograph_does() {
    let scene = Scene { photo: (400, 300), subject: (0, 20, 400, 260) };
    let canvas = (1000, 300);
    let placement = place(&scene.found(), &layout(canvas, 30.0));
    assert!(placement.floating);
    let [left, _, right, _] = box_on(placed(&scene, &placement, canvas).alpha()).expect("shows");
    assert_eq!((i64::from(left), right - left + 1), (placement.x, placement.width));
}

#[test]
fn edges_neither_show_the_old_background_nor_ring() {
    let scene = Scene { photo: (900, 700), subject: (201, 99, 433, 500) };
    for canvas in [(300, 300), (317, 211), (1500, 1400)] {
        let placement = place(&scene.found(), &layout(canvas, 20.0));
        let layer = place_subject(&scene.cutout(), &scene.found(), &placement, canvas);
        for (color, alpha) in layer.cutout.color().pixels().zip(layer.cutout.alpha().iter()) {
            let far = color.0.iter().zip(ORANGE).map(|(a, b)| a.abs_diff(b)).max().expect("three channels");
            assert!(*alpha < 4 || far <= 1, "{color:?} of alpha {alpha}");
        }
        let on = compose(canvas, &Backdrop::Color([250, 250, 250]), None, &layer);
        let inside = on.color().get_pixel(canvas.0 / 2, canvas.1 / 2);
        assert_eq!(inside.0, ORANGE);
    }
}

#[test]
fn a_subject_that_stays_in_place_keeps_its_pixels() {
    let photo = RgbImage::from_fn(60, 40, |x, y| Rgb([(x * 4) as u8, (y * 6) as u8, (x * y % 251) as u8]));
    let alpha =
        GrayImage::from_fn(60, 40, |x, y| Luma([if (10..50).contains(&x) && y > 5 { 255 - x as u8 } else { 0 }]));
    let found = SubjectBox::of(&alpha).expect("a subject");
    let whole = cutout(photo, alpha);
    let layer = place_subject(&whole, &found, &Placement::as_is(&found), (60, 40));
    let made = compose((60, 40), &Backdrop::Transparent, None, &layer);
    assert_eq!(made.alpha(), whole.alpha());
    for (x, y, alpha) in whole.alpha().enumerate_pixels() {
        let same = made.color().get_pixel(x, y) == whole.color().get_pixel(x, y);
        assert!(same || alpha[0] == 0, "{x}, {y}");
    }
}

#[test]
fn an_uncovered_backdrop_keeps_its_values() {
    let layer = Layer::whole(cutout(RgbImage::new(20, 20), GrayImage::new(20, 20)));
    for value in 0..=255 {
        let color = [value, 255 - value, value / 2];
        let made = compose((20, 20), &Backdrop::Color(color), None, &layer);
        assert!(made.color().pixels().all(|pixel| pixel.0 == color) && made.alpha().iter().all(|alpha| *alpha == 255));
    }
    let picture = RgbImage::from_fn(20, 20, |x, y| Rgb([x as u8, y as u8, 77]));
    assert_eq!(compose((20, 20), &Backdrop::Picture(picture.clone()), None, &layer).color(), &picture);
    assert!(compose((20, 20), &Backdrop::Transparent, None, &layer).alpha().iter().all(|alpha| *alpha == 0));
}

#[test]
fn blending_happens_in_linear_light() {
    let half = Layer::whole(cutout(RgbImage::from_pixel(2, 2, Rgb([0; 3])), GrayImage::from_pixel(2, 2, Luma([128]))));
    let made = compose((2, 2), &Backdrop::Color([255; 3]), None, &half);
    // Half of white's light is 188 of 255 in sRGB.
    assert!(made.color().get_pixel(0, 0)[0].abs_diff(187) <= 1);
    let nothing = Layer::whole(cutout(RgbImage::new(2, 2), GrayImage::new(2, 2)));
    let coverage = GrayImage::from_pixel(2, 2, Luma([255]));
    let shade = Shade { coverage: &coverage, opacity: 0.5, color: [0; 3] };
    let made = compose((2, 2), &Backdrop::Color([255; 3]), Some(shade), &nothing);
    assert_eq!(made.color().get_pixel(0, 0).0, [188; 3]);
}

#[test]
fn a_shadow_on_transparency_looks_right_on_a_white_page() {
    let coverage = GrayImage::from_fn(256, 1, |x, _| Luma([x as u8]));
    let alpha = GrayImage::from_fn(256, 1, |x, _| Luma([if x % 3 == 0 { (x / 2) as u8 } else { 0 }]));
    for color in [[0; 3], [30, 20, 40]] {
        let shade = Shade { coverage: &coverage, opacity: 0.6, color };
        // The subject is opaque or not there: where it is partial, the mixes differ as viewers do.
        let subject = Layer::whole(cutout(RgbImage::from_pixel(256, 1, Rgb([200, 40, 90])), alpha.clone()));
        let made = compose((256, 1), &Backdrop::Transparent, Some(shade), &subject);
        let on_white = compose((256, 1), &Backdrop::Color([255; 3]), Some(shade), &subject);
        for (x, _, shown) in on_white.color().enumerate_pixels() {
            if alpha.get_pixel(x, 0)[0] > 0 {
                continue;
            }
            let (front, share) = (made.color().get_pixel(x, 0), u32::from(made.alpha().get_pixel(x, 0)[0]));
            for channel in 0..3 {
                let seen = (u32::from(front[channel]) * share + 255 * (255 - share) + 127) / 255;
                let far = u32::from(shown[channel]).abs_diff(seen);
                // The darkest channel is right; the others are as near as one alpha brings them.
                assert!(far <= if color == [0; 3] { 1 } else { 6 }, "{x}: {shown:?} and {seen}");
            }
        }
    }
}

#[test]
fn pictures_are_fitted() {
    let wide = RgbImage::from_fn(200, 100, |x, _| Rgb(if x < 100 { [255, 0, 0] } else { [0, 0, 255] }));
    let cover = fit(&wide, ImageFit::Cover, (50, 50), [9; 3]);
    assert_eq!((cover.get_pixel(5, 25).0, cover.get_pixel(45, 25).0), ([255, 0, 0], [0, 0, 255]));
    let contain = fit(&wide, ImageFit::Contain, (50, 50), [9; 3]);
    assert_eq!((contain.get_pixel(5, 5).0, contain.get_pixel(5, 25).0), ([9; 3], [255, 0, 0]));
    let tile = fit(&wide, ImageFit::Tile, (350, 120), [9; 3]);
    assert_eq!((tile.get_pixel(250, 110).0, tile.get_pixel(199, 0).0), ([255, 0, 0], [0, 0, 255]));
    for fit_as in [ImageFit::Cover, ImageFit::Contain, ImageFit::Tile] {
        for (size, canvas) in [((1, 1), (40, 3)), ((1, 500), (500, 1)), ((500, 1), (3, 700))] {
            assert_eq!(fit(&RgbImage::new(size.0, size.1), fit_as, canvas, [9; 3]).dimensions(), canvas);
        }
    }
}

#[test]
fn the_result_does_not_depend_on_the_number_of_threads() {
    let scene = Scene { photo: (640, 480), subject: (31, 77, 500, 333) };
    let canvas = (411, 377);
    let placement = place(&scene.found(), &layout(canvas, 11.0));
    let made = [1, 3].map(|threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        pool.install(|| placed(&scene, &placement, canvas))
    });
    assert_eq!(made[0], made[1]);
}

fn scenes() -> impl Strategy<Value = Scene> {
    let side = prop_oneof![3..40_u32, 40..260_u32];
    (side.clone(), side).prop_flat_map(|(width, height)| {
        let along = |side: u32| (0..side - 1).prop_flat_map(move |from| (Just(from), 1..=side - from));
        (along(width), along(height))
            .prop_map(move |((x, wide), (y, high))| Scene { photo: (width, height), subject: (x, y, wide, high) })
    })
}

fn layouts() -> impl Strategy<Value = Layout> {
    let canvas = (1..300_u32, 1..300_u32);
    let margin = prop_oneof![Just(0.0), 0.0..60.0_f64, 0.0..1e5_f64];
    let fill = prop::option::of(0.01..=1.0_f64);
    let x = prop_oneof![Just(Horizontal::Left), Just(Horizontal::Center), Just(Horizontal::Right)];
    let y = prop_oneof![Just(Vertical::Top), Just(Vertical::Center), Just(Vertical::Bottom)];
    let by = prop_oneof![Just(AlignBy::Box), Just(AlignBy::Mass)];
    (canvas, margin, fill, x, y, by).prop_map(|(canvas, margin, fill, x, y, by)| Layout {
        canvas,
        margin,
        fill,
        scale: None,
        max_scale: None,
        baseline: None,
        x,
        y,
        by,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// To the pixel, for any size, margin and alignment.
    #[test]
    fn the_subject_is_where_the_layout_says(scene in scenes(), layout in layouts()) {
        let found = scene.found();
        let placement = place(&found, &layout);
        let Placement { x, y, width, height, .. } = placement;
        let (wide, high) = (i64::from(layout.canvas.0), i64::from(layout.canvas.1));
        let margin = |side: i64| (layout.margin.ceil() as i64).min((side - 1) / 2);
        let CroppedSides { left, top, right, bottom } = found.cropped;
        // At a side that cuts the subject off it stands at the edge; elsewhere the margins hold.
        for (at, length, side, before, behind, through) in [
            (x, i64::from(width), wide, left, right, top && bottom),
            (y, i64::from(height), high, top, bottom, left && right),
        ] {
            let end = at + length;
            if left && right && top && bottom {
                prop_assert!(at <= 0 && end >= side, "covers the canvas");
            } else if before && behind {
                prop_assert!(placement.floating || (at == 0 && end == side));
            } else if before {
                prop_assert_eq!(at, 0);
            } else if behind {
                prop_assert_eq!(end, side);
            } else {
                prop_assert!(at >= margin(side) && end <= side - margin(side), "{placement:?} {through}");
            }
        }
        let shown = placement.visible_on(layout.canvas);
        // One that ends a row before the frame counts as cut off there, and its box has that row too.
        let exact = (found.x, found.y, found.width, found.height) == scene.subject;
        // A subject thinner than a kernel, before or after, has no edge of its own.
        let thinnest = f64::from(found.width.min(found.height)) * placement.scale.min(1.0);
        if exact && shown.is_some() && thinnest >= 4.0 {
            let made = placed(&scene, &placement, layout.canvas);
            prop_assert_eq!(box_on(made.alpha()), shown, "{:?}", placement);
        }
    }

    #[test]
    fn a_layer_of_any_alpha_is_placed(
        (width, height) in prop_oneof![(1..60_u32, 1..60_u32), (Just(1_u32), 1..3000_u32), (1..3000_u32, Just(1_u32))],
        seed in any::<u32>(),
        layout in layouts(),
    ) {
        let mut state = seed;
        let mut next = move || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        let mut alpha = GrayImage::from_fn(width, height, |_, _| Luma([next()]));
        alpha.put_pixel(width / 2, height / 2, Luma([255]));
        let color = RgbImage::from_fn(width, height, |_, _| Rgb([next(), next(), next()]));
        let found = SubjectBox::of(&alpha).expect("a subject");
        let layer = place_subject(&cutout(color, alpha), &found, &place(&found, &layout), layout.canvas);
        let (wide, high) = layer.cutout.dimensions();
        prop_assert!(layer.x + wide <= layout.canvas.0 && layer.y + high <= layout.canvas.1);
        let made = compose(layout.canvas, &Backdrop::Color([255; 3]), None, &layer);
        prop_assert_eq!(made.dimensions(), layout.canvas);
    }
}
