//! A path is found on the upright picture, and written for the pixels as stored.

use super::*;
use crate::files::{exif, write};
use cutline_imaging::clip::rasterize;
use cutline_imaging::insert::on_stored_raster;
use cutline_imaging::{Limits, decode, decode::stored_raster};
use image::{DynamicImage, GrayImage, Luma, RgbImage};

/// An outline without symmetry, with a hole and a curve.
fn outline(width: u32, height: u32) -> ClippingPath {
    let at = |x: f64, y: f64| Point { x: x * f64::from(width), y: y * f64::from(height) };
    let node = |x: f64, y: f64| corner((at(x, y).x, at(x, y).y));
    let mut outer = vec![node(0.1, 0.1), node(0.9, 0.2), node(0.7, 0.9), node(0.15, 0.55)];
    outer[1].after = at(1.0, 0.5);
    outer[2].before = at(0.9, 0.95);
    let hole = vec![node(0.3, 0.3), node(0.35, 0.5), node(0.6, 0.35)];
    let subpaths = vec![Subpath { nodes: outer, hole: false }, Subpath { nodes: hole, hole: true }];
    ClippingPath { width, height, subpaths }
}

fn largest_difference(a: &GrayImage, b: &GrayImage) -> u8 {
    assert_eq!(a.dimensions(), b.dimensions());
    a.iter().zip(b.iter()).map(|(a, b)| a.abs_diff(*b)).max().unwrap_or_default()
}

/// The decoder, which is tested on its own, turns the picture of the path on the stored pixels into that of the path on
/// the upright ones.
#[test]
fn all_eight_orientations_lead_to_the_stored_pixels() {
    for code in 1..=8 {
        let stored_size = (50, 30);
        let blank = DynamicImage::ImageRgb8(RgbImage::new(stored_size.0, stored_size.1));
        let file = write(&blank, "jpeg", Some(exif(code)));
        let raster = stored_raster(&file).expect("is a picture");
        let (width, height) = decode(&file, &Limits::default()).expect("decodes").dimensions();
        let upright = outline(width, height);
        let stored = on_stored_raster(&upright, raster.orientation);
        assert_eq!((stored.width, stored.height), stored_size, "{code}");

        let drawn = rasterize(&stored);
        let gray = RgbImage::from_fn(drawn.width(), drawn.height(), |x, y| image::Rgb([drawn.get_pixel(x, y).0[0]; 3]));
        let mut turned = DynamicImage::ImageRgb8(gray);
        turned.apply_orientation(image::metadata::Orientation::from_exif(code).expect("is an orientation"));
        let turned = turned.into_rgb8();
        let turned = GrayImage::from_fn(width, height, |x, y| Luma([turned.get_pixel(x, y).0[0]]));
        let expected = rasterize(&upright);
        assert!(expected.iter().filter(|alpha| **alpha == 255).count() > 100);
        assert!(largest_difference(&turned, &expected) <= 1, "{code}");
        for subpath in &stored.subpaths {
            assert_eq!(area(subpath) < 0.0, subpath.hole, "{code}: outlines run as before");
        }
    }
}

/// The signed area: positive if the outline runs clockwise on the screen.
fn area(subpath: &Subpath) -> f64 {
    let next = subpath.nodes.iter().cycle().skip(1);
    let cross = |(a, b): (&Node, &Node)| a.anchor.x * b.anchor.y - b.anchor.x * a.anchor.y;
    subpath.nodes.iter().zip(next).map(cross).sum::<f64>() / 2.0
}
