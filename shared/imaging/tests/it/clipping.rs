//! From mattes to paths and back to pixels, with shapes whose outlines are known.

use std::cell::Cell;
use std::f64::consts::TAU;

use cutline_imaging::ClippingPath;
use cutline_imaging::clip::{Trace, TraceOptions, Verdict, contour, deviation, pathability, rasterize, trace};
use cutline_imaging::path::{Node, Point, Subpath};
use image::{GrayImage, Luma};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

fn at(x: f64, y: f64) -> Point {
    Point { x, y }
}

/// A matte with the covered share of each pixel, from 16 x 16 points in it.
fn covered(width: u32, height: u32, inside: impl Fn(f64, f64) -> bool) -> GrayImage {
    GrayImage::from_fn(width, height, |x, y| {
        let points = (0..256).filter(|point| {
            let (dx, dy) = (f64::from(point % 16), f64::from(point / 16));
            inside(f64::from(x) + (dx + 0.5) / 16.0, f64::from(y) + (dy + 0.5) / 16.0)
        });
        Luma([(points.count() as f64 / 256.0 * 255.0).round() as u8])
    })
}

/// The same from the center of each pixel: 0 or 255.
fn hard(width: u32, height: u32, inside: impl Fn(f64, f64) -> bool) -> GrayImage {
    GrayImage::from_fn(width, height, |x, y| {
        Luma([if inside(f64::from(x) + 0.5, f64::from(y) + 0.5) { 255 } else { 0 }])
    })
}

fn traced(matte: &GrayImage) -> Trace {
    trace(matte, &TraceOptions::default())
}

fn polygon(points: &[Point]) -> Subpath {
    let nodes = points.iter().map(|at| Node { before: *at, anchor: *at, after: *at, smooth: false }).collect();
    Subpath { nodes, hole: false }
}

fn path(width: u32, height: u32, subpaths: Vec<Subpath>) -> ClippingPath {
    ClippingPath { width, height, subpaths }
}

/// A circle of four curves, clockwise on the screen.
fn circle(center: Point, radius: f64, hole: bool) -> Subpath {
    let handle = radius * 0.551_915_024_494;
    let direction = if hole { -1.0 } else { 1.0 };
    let nodes = (0..4).map(|quarter| {
        let (sine, cosine) = (direction * f64::from(quarter) * TAU / 4.0).sin_cos();
        let anchor = at(center.x + radius * cosine, center.y + radius * sine);
        let along = |by: f64| at(anchor.x - sine * by * direction, anchor.y + cosine * by * direction);
        Node { before: along(-handle), anchor, after: along(handle), smooth: true }
    });
    Subpath { nodes: nodes.collect(), hole }
}

/// A subpath as a line, with `steps` points for each curve.
fn line(subpath: &Subpath, steps: u32) -> Vec<Point> {
    let mut line = Vec::new();
    for (from, to) in subpath.nodes.iter().zip(subpath.nodes.iter().cycle().skip(1)) {
        for step in 0..steps {
            let (u, v) = (f64::from(step) / f64::from(steps), 1.0 - f64::from(step) / f64::from(steps));
            let mix = |a: f64, b: f64, c: f64, d: f64| {
                v * v * v * a + 3.0 * v * v * u * b + 3.0 * v * u * u * c + u * u * u * d
            };
            line.push(at(
                mix(from.anchor.x, from.after.x, to.before.x, to.anchor.x),
                mix(from.anchor.y, from.after.y, to.before.y, to.anchor.y),
            ));
        }
    }
    line
}

fn area(points: &[Point]) -> f64 {
    points.iter().zip(points.iter().cycle().skip(1)).map(|(a, b)| a.x * b.y - b.x * a.y).sum::<f64>() / 2.0
}

/// Whether any two sides of a closed line cross.
fn crosses_itself(line: &[Point]) -> bool {
    let side = |a: Point, b: Point, c: Point| (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x);
    let count = line.len();
    let ends = |index: usize| (line[index], line[(index + 1) % count]);
    (0..count).any(|one| {
        let (a, b) = ends(one);
        (one + 2..count).filter(|other| (other + 1) % count != one).any(|other| {
            let (c, d) = ends(other);
            side(a, b, c) * side(a, b, d) < 0.0 && side(c, d, a) * side(c, d, b) < 0.0
        })
    })
}

/// The distance and the node that is closest to a point.
fn nearest(path: &ClippingPath, point: Point) -> (f64, Node) {
    let nodes = path.subpaths.iter().flat_map(|subpath| &subpath.nodes);
    let distance = |node: &Node| (node.anchor.x - point.x).hypot(node.anchor.y - point.y);
    let node = nodes.min_by(|a, b| distance(a).total_cmp(&distance(b))).expect("has nodes");
    (distance(node), *node)
}

/// Asserts that the handles of smooth nodes are in line with them.
fn assert_smooth(path: &ClippingPath) {
    for node in path.subpaths.iter().flat_map(|subpath| &subpath.nodes).filter(|node| node.smooth) {
        let (before, after) = (
            at(node.anchor.x - node.before.x, node.anchor.y - node.before.y),
            at(node.after.x - node.anchor.x, node.after.y - node.anchor.y),
        );
        let lengths = before.x.hypot(before.y) * after.x.hypot(after.y);
        if lengths > 1e-9 {
            let cosine = (before.x * after.x + before.y * after.y) / lengths;
            assert!(cosine > 0.999_9, "{node:?} turns by an angle whose cosine is {cosine}");
        }
    }
}

#[test]
fn traces_a_circle_exactly_with_few_smooth_nodes() {
    for radius in [5.3, 20.0, 80.7, 190.0] {
        let matte = covered(400, 400, |x, y| (x - 200.3).hypot(y - 199.6) < radius);
        let traced = traced(&matte);
        assert_eq!(traced.path.subpaths.len(), 1);
        let nodes = &traced.path.subpaths[0].nodes;
        assert!((2..=6).contains(&nodes.len()), "{} nodes for a radius of {radius}", nodes.len());
        assert!(nodes.iter().all(|node| node.smooth));
        assert_smooth(&traced.path);
        let line = line(&traced.path.subpaths[0], 64);
        let off =
            line.iter().map(|place| ((place.x - 200.3).hypot(place.y - 199.6) - radius).abs()).fold(0.0, f64::max);
        assert!(off < 0.6, "{off} pixels off a radius of {radius}");
        assert!((area(&line) / (TAU / 2.0 * radius * radius) - 1.0).abs() < 0.02);
    }
}

#[test]
fn traces_a_hard_edged_ellipse_with_smooth_nodes() {
    let inside = |x: f64, y: f64| ((x - 150.0) / 120.0).powi(2) + ((y - 90.0) / 60.0).powi(2) < 1.0;
    let traced = traced(&hard(300, 180, inside));
    assert!(traced.path.nodes() <= 10, "{} nodes", traced.path.nodes());
    assert!(traced.path.subpaths[0].nodes.iter().all(|node| node.smooth), "{:?}", traced.path);
    let off = deviation(&contour(&covered(300, 180, inside)), &traced.path);
    assert!(off.p95 < 0.6 && off.max < 1.0, "{off:?}");
}

#[test]
fn traces_a_rectangle_with_four_corners() {
    let (left, top, right, bottom) = (20.3, 30.6, 180.1, 99.5);
    let matte = covered(200, 130, |x, y| x > left && x < right && y > top && y < bottom);
    let traced = traced(&matte);
    assert_eq!(traced.path.nodes(), 4);
    for corner in [at(left, top), at(right, top), at(right, bottom), at(left, bottom)] {
        let (far, node) = nearest(&traced.path, corner);
        // Alpha is interpolated linearly, which is off by up to 0.1 pixels where an edge cuts a pixel.
        assert!(far < 0.2, "{corner:?}: {node:?}");
        assert!(!node.smooth && node.before == node.anchor && node.after == node.anchor);
    }
}

/// The corners of a star, outer and inner ones alternating.
fn star(center: Point, outer: f64, inner: f64, tips: u32, turned: f64) -> Vec<Point> {
    (0..2 * tips)
        .map(|index| {
            let radius = if index % 2 == 0 { outer } else { inner };
            let (sine, cosine) = (turned + f64::from(index) * TAU / f64::from(2 * tips)).sin_cos();
            at(center.x + radius * cosine, center.y + radius * sine)
        })
        .collect()
}

#[test]
fn keeps_the_corners_of_a_star() {
    for turned_by in [0.0, 0.3, 1.1] {
        let corners = star(at(150.2, 149.7), 130.0, 60.0, 5, turned_by);
        let matte = rasterize(&path(300, 300, vec![polygon(&corners)]));
        let traced = traced(&matte);
        assert!((10..=12).contains(&traced.path.nodes()), "turned by {turned_by}: {:?}", traced.path);
        for (index, corner) in corners.into_iter().enumerate() {
            let (far, node) = nearest(&traced.path, corner);
            // Sampling blunts a tip of about 45 degrees by a pixel, which is restored only in part.
            let max = if index % 2 == 0 { 1.0 } else { 0.5 };
            assert!(far < max && !node.smooth, "{corner:?}: {node:?}");
        }
    }
}

#[test]
fn joins_straight_sides_and_round_corners_smoothly() {
    // A rectangle whose corners are rounded by 30 pixels.
    let inside = |x: f64, y: f64| {
        let (dx, dy) = ((x - 150.0).abs() - 90.0, (y - 100.0).abs() - 50.0);
        dx.max(0.0).hypot(dy.max(0.0)) < 30.0
    };
    let traced = traced(&covered(300, 200, inside));
    let nodes = &traced.path.subpaths[0].nodes;
    assert!((4..=9).contains(&nodes.len()), "{} nodes", nodes.len());
    assert!(nodes.iter().all(|node| node.smooth));
    assert_smooth(&traced.path);
    let off = deviation(&traced.contour, &traced.path);
    assert!(off.p95 < 0.5 && off.max < 0.8, "{off:?}");
}

#[test]
fn hole_runs_the_other_way() {
    let matte = covered(200, 200, |x, y| (40.0..80.0).contains(&(x - 100.0).hypot(y - 100.0)));
    let traced = traced(&matte);
    let [outer, hole] = traced.path.subpaths.as_slice() else { panic!("{} subpaths", traced.path.subpaths.len()) };
    assert!(!outer.hole && hole.hole);
    assert!(area(&line(outer, 32)) > 0.0 && area(&line(hole, 32)) < 0.0);
}

#[test]
fn orders_islands_in_holes_and_drops_specks() {
    let rings = |x: f64, y: f64| {
        let far = (x - 150.0).hypot(y - 150.0);
        far < 30.0 || (60.0..140.0).contains(&far) || (x - 5.0).hypot(y - 5.0) < 1.5
    };
    let traced = traced(&covered(300, 300, rings));
    let holes: Vec<bool> = traced.path.subpaths.iter().map(|subpath| subpath.hole).collect();
    assert_eq!(holes, [false, true, false]);
    let all = TraceOptions { min_area: 0.0, min_share: 0.0, ..TraceOptions::default() };
    assert_eq!(trace(&covered(300, 300, rings), &all).path.subpaths.len(), 4);
}

#[test]
fn closes_outlines_along_the_frame() {
    let all = traced(&GrayImage::from_pixel(40, 30, Luma([255])));
    assert_eq!(all.path.nodes(), 4);
    for corner in [at(0.0, 0.0), at(40.0, 0.0), at(40.0, 30.0), at(0.0, 30.0)] {
        assert_eq!(nearest(&all.path, corner).0, 0.0);
    }
    // A disc larger than the picture, which touches all sides but no corner.
    let disc = covered(100, 100, |x, y| (x - 50.0).hypot(y - 50.0) < 60.0);
    for inset in [0.0, 1.5] {
        let traced = trace(&disc, &TraceOptions { inset, ..TraceOptions::default() });
        assert_eq!(traced.path.subpaths.len(), 1);
        let nodes = &traced.path.subpaths[0].nodes;
        let on_frame = nodes.iter().filter(|node| node.before == node.anchor || node.after == node.anchor);
        assert_eq!(on_frame.filter(|node| !node.smooth).count(), 8, "{nodes:?}");
        let half = ((60.0_f64 - inset).powi(2) - 2500.0).sqrt();
        for place in [at(50.0 - half, 0.0), at(50.0 + half, 0.0), at(100.0, 50.0 - half), at(0.0, 50.0 + half)] {
            // Within half a pixel of the frame, the matte does not show how the edge continues.
            assert!(nearest(&traced.path, place).0 < 0.9 + inset, "{place:?}");
        }
    }
}

#[test]
fn traces_lines_of_one_and_two_pixels() {
    for thick in [1.0, 2.0] {
        let slanted =
            covered(120, 120, |x, y| ((x - y) / 2.0_f64.sqrt()).abs() < thick / 2.0 && (15.0..105.0).contains(&x));
        let upright = hard(60, 60, |x, y| (20.0..20.0 + thick).contains(&x) && (10.0..50.0).contains(&y));
        for matte in [slanted, upright] {
            let traced = traced(&matte);
            let off = deviation(&traced.contour, &traced.path);
            assert!(off.max < 1.6, "{thick}: {off:?}");
            assert!(traced.path.nodes() <= 12 * traced.path.subpaths.len(), "{} nodes", traced.path.nodes());
        }
    }
}

#[test]
fn moves_the_outline_by_the_inset() {
    let matte = covered(300, 300, |x, y| (x - 150.0).hypot(y - 150.0) < 100.0);
    for inset in [0.5, 1.0, 2.0, 7.0] {
        let traced = trace(&matte, &TraceOptions { inset, ..TraceOptions::default() });
        for outline in &traced.contour.outlines {
            for place in &outline.points {
                let off = (place.x - 150.0).hypot(place.y - 150.0) - (100.0 - inset.min(2.0));
                assert!(off.abs() < 0.15, "{off} at an inset of {inset}");
            }
        }
    }
}

#[test]
fn traces_degenerate_mattes() {
    for (width, height) in [(1, 1), (1, 9), (2, 2), (7, 3)] {
        for value in [0, 127, 128, 255] {
            let traced = traced(&GrayImage::from_pixel(width, height, Luma([value])));
            let empty = value < 128 || width * height < 16;
            assert_eq!(traced.path.subpaths.is_empty(), empty, "{width} x {height} of {value}");
            assert_eq!(
                pathability(&GrayImage::from_pixel(width, height, Luma([value])), &traced).verdict == Verdict::Nothing,
                empty
            );
        }
    }
    assert!(traced(&GrayImage::new(0, 0)).path.subpaths.is_empty());
    let board = GrayImage::from_fn(501, 400, |x, y| Luma([if (x + y) % 2 == 0 { 255 } else { 0 }]));
    assert!(traced(&board).path.nodes() < 100);
}

#[test]
fn traces_coarsely_beyond_the_node_limit() {
    let mut state = 1_u32;
    let noise = GrayImage::from_fn(400, 300, |_, _| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        Luma([(state >> 24) as u8])
    });
    let options = TraceOptions { max_nodes: 500, min_area: 0.0, ..TraceOptions::default() };
    let traced = trace(&noise, &options);
    assert!(traced.contour.coarseness > 1);
    assert!(traced.path.nodes() <= 500, "{} nodes", traced.path.nodes());
    let inside = |place: &Point| (0.0..=400.0).contains(&place.x) && (0.0..=300.0).contains(&place.y);
    assert!(traced.contour.outlines.iter().flat_map(|outline| &outline.points).all(inside));
}

/// A path traced at half the size stays within the canvas, and straight along its frame, even if a side is odd.
#[test]
fn coarse_path_stays_within_an_odd_sized_frame() {
    let ragged = covered(301, 203, |x, y| y > 60.0 + 20.0 * (x / 2.0).sin());
    let options = TraceOptions { max_nodes: 60, ..TraceOptions::default() };
    let traced = trace(&ragged, &options);
    assert!(traced.contour.coarseness > 1, "{} nodes", traced.path.nodes());
    for node in traced.path.subpaths.iter().flat_map(|subpath| &subpath.nodes) {
        for place in [node.anchor, node.before, node.after] {
            assert!((-0.01..=301.01).contains(&place.x) && (-20.0..=203.01).contains(&place.y), "{node:?}");
        }
    }
    let verdict = pathability(&ragged, &traced).verdict;
    assert_eq!(verdict, Verdict::Ragged);
}

#[test]
fn inset_does_not_enlarge_specks_to_holes() {
    let pinhole = |x: u32, y: u32| (60..61).contains(&x) && (50..52).contains(&y);
    let holed = GrayImage::from_fn(120, 100, |x, y| {
        let inside = (10..110).contains(&x) && (10..90).contains(&y) && !pinhole(x, y);
        Luma([if inside { 255 } else { 0 }])
    });
    for inset in [0.0, 1.0, 2.0] {
        let traced = trace(&holed, &TraceOptions { inset, ..TraceOptions::default() });
        assert_eq!(traced.path.subpaths.len(), 1, "inset by {inset}");
    }
}

#[test]
fn rejects_soft_and_translucent_subjects_but_not_a_disc() {
    let disc = covered(400, 400, |x, y| (x - 200.0).hypot(y - 200.0) < 120.0);
    let hard = pathability(&disc, &traced(&disc));
    assert!(hard.is_hard() && hard.reason().is_none() && hard.soft_share == 0.0, "{hard:?}");
    // The same disc in a matte that was made for a quarter of the size.
    let large = image::imageops::resize(&disc, 3200, 3200, image::imageops::FilterType::Triangle);
    assert!(pathability(&large, &traced(&large)).is_hard());
    // The upper half is out of focus by 30 pixels.
    let blurred = GrayImage::from_fn(400, 400, |x, y| {
        let (x, y) = (f64::from(x) - 199.5, f64::from(y) - 199.5);
        let width = if y < 0.0 { 30.0 } else { 1.0 };
        Luma([((0.5 - (x.hypot(y) - 120.0) / width).clamp(0.0, 1.0) * 255.0) as u8])
    });
    let soft = pathability(&blurred, &traced(&blurred));
    assert_eq!(soft.verdict, Verdict::Soft);
    assert!((0.4..0.6).contains(&soft.soft_share), "{soft:?}");
    assert!(soft.reason().is_some_and(|reason| reason.contains("% of its length")));
    // A glass with a hard rim.
    let glass = GrayImage::from_fn(400, 400, |x, y| {
        let far = (f64::from(x) - 199.5).hypot(f64::from(y) - 199.5);
        Luma([if far > 120.0 {
            0
        } else if far > 105.0 {
            255
        } else {
            160
        }])
    });
    assert_eq!(pathability(&glass, &traced(&glass)).verdict, Verdict::Translucent);
}

#[test]
fn circle_covers_its_area() {
    for radius in [0.3, 3.7, 49.9] {
        let disc = rasterize(&path(100, 100, vec![circle(at(50.2, 49.7), radius, false)]));
        let sum: f64 = disc.iter().map(|alpha| f64::from(*alpha) / 255.0).sum();
        let expected = TAU / 2.0 * radius * radius;
        // A circle of four cubics is 0.01 % too large, flattening makes it smaller, and edge pixels are rounded.
        assert!((sum - expected).abs() < 0.02 * radius + 3e-4 * expected + 0.003, "{sum} for {expected}");
    }
    let ring =
        rasterize(&path(100, 100, vec![circle(at(50.0, 50.0), 40.0, false), circle(at(50.0, 50.0), 20.0, true)]));
    assert_eq!((ring.get_pixel(50, 50)[0], ring.get_pixel(50, 20)[0], ring.get_pixel(2, 2)[0]), (0, 255, 0));
}

#[test]
fn cuts_paths_off_exactly_at_the_frame() {
    let square = [at(-30.5, -7.25), at(45.5, -7.25), at(45.5, 12.75), at(-30.5, 12.75)];
    let picture = rasterize(&path(20, 20, vec![polygon(&square)]));
    assert!(picture.enumerate_pixels().all(|(_, y, alpha)| alpha[0]
        == match y {
            0..12 => 255,
            12 => 191,
            _ => 0,
        }));
    let outside = rasterize(&path(20, 20, vec![polygon(&square.map(|place| at(place.x + 100.0, place.y)))]));
    assert!(outside.iter().all(|alpha| *alpha == 0));
    let broken = [at(f64::NAN, 0.0), at(5.0, f64::INFINITY), at(1e300, 3.0)];
    assert_eq!(rasterize(&path(3, 3, vec![polygon(&broken)])).dimensions(), (3, 3));
}

/// The radius of a blob at an angle: a sum of harmonics with strengths and phases.
fn blob(harmonics: &[(f64, f64)], radius: f64, angle: f64) -> f64 {
    let wave = harmonics
        .iter()
        .zip(2..)
        .map(|((strength, phase), order)| strength / f64::from(order) * (f64::from(order) * angle + phase * TAU).cos());
    radius * (1.0 + wave.sum::<f64>())
}

/// The parameters of a blob, short enough to print.
#[derive(Debug, Clone)]
struct Blob {
    harmonics: Vec<(f64, f64)>,
    radius: f64,
    soft: bool,
}

impl Blob {
    fn matte(&self) -> GrayImage {
        let side = (self.radius * 2.8) as u32 + 8;
        let middle = f64::from(side) / 2.0;
        let inside = |x: f64, y: f64| {
            let (x, y) = (x - middle, y - middle);
            x.hypot(y) < blob(&self.harmonics, self.radius, y.atan2(x))
        };
        if self.soft { covered(side, side, inside) } else { hard(side, side, inside) }
    }
}

fn blobs() -> impl Strategy<Value = Blob> {
    let harmonics = prop::collection::vec((0.0..0.25_f64, 0.0..1.0_f64), 1..5);
    (harmonics, 20.0..60.0_f64, any::<bool>()).prop_map(|(harmonics, radius, soft)| Blob { harmonics, radius, soft })
}

fn any_matte() -> impl Strategy<Value = GrayImage> {
    (1..40_u32, 1..40_u32).prop_flat_map(|(width, height)| {
        let value = prop_oneof![Just(0_u8), Just(255_u8), any::<u8>()];
        prop::collection::vec(value, (width * height) as usize)
            .prop_map(move |values| GrayImage::from_raw(width, height, values).expect("has that many pixels"))
    })
}

/// Regression: the corner was moved to within a pixel of the next node, whose handle was then three times as long as their
/// distance.
#[test]
fn corner_next_to_a_node_does_not_form_a_loop() {
    let harmonics =
        vec![(0.224_906, 0.222_277), (0.008_826, 0.621_034), (0.045_905, 0.120_482), (0.161_852, 0.080_201)];
    let blob = Blob { harmonics, radius: 26.320_885, soft: false };
    let traced = trace(&blob.matte(), &TraceOptions { inset: 0.684_875, ..TraceOptions::default() });
    assert!(!traced.path.subpaths.iter().any(|subpath| crosses_itself(&line(subpath, 12))));
}

#[test]
fn traces_any_matte_closely() {
    let mut runner = TestRunner::new(ProptestConfig::with_cases(24));
    let traced_cases = Cell::new(0);
    let result = runner.run(&(any_matte(), prop_oneof![Just(0.0), 0.0..2.0_f64]), |(matte, inset)| {
        let options = TraceOptions { min_area: 0.0, min_share: 0.0, inset, ..TraceOptions::default() };
        let traced = trace(&matte, &options);
        let finite = |point: &Point| point.x.is_finite() && point.y.is_finite();
        let nodes = traced.path.subpaths.iter().flat_map(|subpath| &subpath.nodes);
        prop_assert!(nodes.into_iter().all(|node| finite(&node.before) && finite(&node.anchor) && finite(&node.after)));
        prop_assert!(traced.path.subpaths.iter().all(|subpath| subpath.nodes.len() >= 2));
        let off = deviation(&traced.contour, &traced.path);
        prop_assert!(off.max < 2.5, "{:?}", off);
        pathability(&matte, &traced);
        traced_cases.set(traced_cases.get() + u32::from(!traced.path.subpaths.is_empty()));
        Ok(())
    });
    result.expect("every path is close to its outline");
    assert!(traced_cases.get() >= 8, "only {} mattes had outlines", traced_cases.get());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn path_reproduces_its_blob(blob in blobs()) {
        let matte = blob.matte();
        let traced = traced(&matte);
        let off = deviation(&traced.contour, &traced.path);
        prop_assert!(off.p95 <= 0.75 && off.max <= 2.0, "{:?}", off);
        assert_smooth(&traced.path);
        // Intersection over union: a third of a pixel along the whole edge is allowed, which is 0.006 for a blob of 200
        // pixels and 0.03 for one of 40.
        let back = rasterize(&traced.path);
        let (mut both, mut either) = (0_u32, 0_u32);
        for (a, b) in matte.iter().zip(back.iter()) {
            both += u32::from(*a > 127 && *b > 127);
            either += u32::from(*a > 127 || *b > 127);
        }
        let area: f64 = traced.contour.outlines.iter().map(|outline| outline.area).sum();
        let min = 1.0 - traced.contour.length() / area / 3.0;
        let share = f64::from(both) / f64::from(either);
        prop_assert!(share >= min, "{}, below {}", share, min);
    }

    #[test]
    fn path_with_inset_does_not_cross_itself(blob in blobs(), inset in 0.0..2.0_f64) {
        let traced = trace(&blob.matte(), &TraceOptions { inset, ..TraceOptions::default() });
        for subpath in &traced.path.subpaths {
            prop_assert!(!crosses_itself(&line(subpath, 12)));
        }
    }

    #[test]
    fn coverage_matches_sampling(corners in prop::collection::vec((-5.0..25.0_f64, -5.0..25.0_f64), 3), turn in any::<bool>()) {
        // A triangle does not cross itself in either direction.
        let mut corners: Vec<Point> = corners.into_iter().map(|(x, y)| at(x, y)).collect();
        if turn {
            corners.reverse();
        }
        let picture = rasterize(&path(20, 20, vec![polygon(&corners)]));
        let side = |a: Point, b: Point, x: f64, y: f64| (b.x - a.x) * (y - a.y) - (b.y - a.y) * (x - a.x) > 0.0;
        let expected = covered(20, 20, |x, y| {
            let sides = [0, 1, 2].map(|index| side(corners[index], corners[(index + 1) % 3], x, y));
            sides == [true; 3] || sides == [false; 3]
        });
        for (a, b) in picture.iter().zip(expected.iter()) {
            prop_assert!(a.abs_diff(*b) <= 18, "{}, but {} was sampled", a, b);
        }
    }

    #[test]
    fn rotated_square_covers_its_area(side in 0.2..60.0_f64, angle in 0.0..TAU, x in 44.0..56.0_f64, y in 44.0..56.0_f64) {
        let half = side / 2.0_f64.sqrt();
        let corners: Vec<Point> = (0..4)
            .map(|index| {
                let (sine, cosine) = (angle + f64::from(index) * TAU / 4.0).sin_cos();
                at(x + half * cosine, y + half * sine)
            })
            .collect();
        let picture = rasterize(&path(100, 100, vec![polygon(&corners)]));
        let sum: f64 = picture.iter().map(|alpha| f64::from(*alpha) / 255.0).sum();
        // Rounding: up to 1/510 for each pixel along the edge, if all err in the same direction.
        let edge = 4.0 * side * 2.0_f64.sqrt() + 8.0;
        prop_assert!((sum - side * side).abs() <= edge / 510.0, "{} for {}", sum, side * side);
    }
}
