//! The subject: an ellipse with an angular hole, and a triangle next to it.

use std::path::Path as Folder;

use cutline_core::domain::params::{AlignBy, Horizontal, Vertical};
use cutline_core::domain::rendering::PathOptions;
use cutline_core::{Channels, OutputFormat, Rendering};
use cutline_imaging::compose::{Backdrop, Layout, Shade, SubjectBox, compose, place, place_subject};
use cutline_imaging::encode::{Layers, OriginalPicture};
use cutline_imaging::path::{Node, Point, Subpath};
use cutline_imaging::{ClippingPath, Cutout, Document, ImageMetadata, Photo, encode, shadow};
use image::{GrayImage, Luma, Rgb, RgbImage};
use serde_json::json;

pub(crate) const ARTIST: &str = "Zoë Ångström";
pub(crate) const COPYRIGHT: &str = "© 2026 Example & Co.";
pub(crate) const CREDIT: &str = "Example Studio";
pub(crate) const PATH_NAME: &str = "Outline of the subject";

/// The cut-out in every format, the matte alone, and a JPEG whose path is longer than a segment.
pub(crate) const FILES: [&str; 11] = [
    "cut.png",
    "cut.jpg",
    "cut.webp",
    "cut.tif",
    "cut.psd",
    "matte.png",
    "matte.jpg",
    "matte.webp",
    "matte.tif",
    "matte.psd",
    "long.jpg",
];

pub(crate) fn has_path(file: &str) -> bool {
    !file.starts_with("matte") && [".jpg", ".tif", ".psd"].iter().any(|kind| file.ends_with(kind))
}

const WIDTH: u32 = 2443;
const HEIGHT: u32 = 1629;
pub(crate) const SIZE: (u32, u32) = (WIDTH, HEIGHT);
const ELLIPSE: (Point, f64, f64) = (Point { x: 1000.0, y: 800.0 }, 720.0, 600.0);
const HOLE: [Point; 4] = [
    Point { x: 1000.0, y: 480.0 },
    Point { x: 760.0, y: 840.0 },
    Point { x: 1000.0, y: 1040.0 },
    Point { x: 1240.0, y: 840.0 },
];
const TRIANGLE: [Point; 3] =
    [Point { x: 2080.0, y: 240.0 }, Point { x: 2360.0, y: 1320.0 }, Point { x: 1840.0, y: 1440.0 }];

/// Writes the files, and their expected contents for `peers.py`.
pub(crate) fn write(folder: &Folder) {
    let colors = RgbImage::from_fn(WIDTH, HEIGHT, |x, y| Rgb([(x * 255 / WIDTH) as u8, (y * 255 / HEIGHT) as u8, 90]));
    let cutout = Cutout::new(colors.clone(), matte()).expect("same size");
    let original = Photo::opaque(colors);
    let metadata = ImageMetadata {
        dpi: Some(72.0),
        artist: Some(ARTIST.to_owned()),
        copyright: Some(COPYRIGHT.to_owned()),
        credit: Some(CREDIT.to_owned()),
        ..ImageMetadata::default()
    };
    let (path, long) = (path(), long_path());
    for file in FILES {
        let channels = if file.starts_with("matte") { Channels::Alpha } else { Channels::Rgba };
        let format = match file.rsplit_once('.') {
            Some((_, "png")) => OutputFormat::Png,
            Some((_, "jpg")) => OutputFormat::Jpeg,
            Some((_, "webp")) => OutputFormat::Webp,
            Some((_, "tif")) => OutputFormat::Tiff,
            _ => OutputFormat::Psd,
        };
        let name = PATH_NAME.to_owned().try_into().expect("is a name");
        let rendering = Rendering {
            channels,
            dpi: Some(240.try_into().expect("in range")),
            path: PathOptions { name, ..PathOptions::default() },
            ..Rendering::default()
        };
        let path = Some(if file.starts_with("long") { &long } else { &path });
        let document = Document {
            original: Some(OriginalPicture::of(&original)),
            path,
            metadata: &metadata,
            ..Document::of(&cutout)
        };
        std::fs::write(folder.join(file), encode(document, format, &rendering).expect("encodes")).expect("is written");
    }
    describe(folder, &cutout, &original, &path, &long);
    write_composed(folder, &cutout);
}

/// The subject on a canvas with a shadow: as a PSD with layers, and as the picture that the layers have to show.
fn write_composed(folder: &Folder, cutout: &Cutout) {
    let canvas = (600, 400);
    let found = SubjectBox::of(cutout.alpha()).expect("a subject");
    let layout = Layout {
        canvas,
        margin: 60.0,
        fill: None,
        scale: None,
        max_scale: None,
        baseline: None,
        x: Horizontal::Left,
        y: Vertical::Center,
        by: AlignBy::Box,
    };
    let subject = place_subject(cutout, &found, &place(&found, &layout), canvas);
    let backdrop = Backdrop::Color([200, 220, 240]);
    let coverage = shadow::wall(
        &subject.alpha_on(canvas),
        &shadow::WallOptions { dx: 30.0, dy: 20.0, blur: 20.0, spread: 0.0, fade: 0.0 },
    );
    let shadow = Some(Shade { coverage: &coverage, opacity: 0.5, color: [0; 3] });
    let composed = compose(canvas, &backdrop, shadow, &subject);
    let layers = Layers { backdrop: &backdrop, shadow, subject: &subject };
    let document = Document { layers: Some(layers), ..Document::of(&composed) };
    for (name, format) in [("composed.psd", OutputFormat::Psd), ("composed.png", OutputFormat::Png)] {
        let file = encode(document, format, &Rendering::default()).expect("encodes");
        std::fs::write(folder.join(name), file).expect("is written");
    }
}

/// Writes the pixels, and the nodes of the paths: before, anchor and after, x before y.
fn describe(folder: &Folder, cutout: &Cutout, original: &Photo, path: &ClippingPath, long: &ClippingPath) {
    std::fs::write(folder.join("cut.rgba"), cutout.interleaved()).expect("is written");
    std::fs::write(folder.join("original.rgb"), original.color().as_raw()).expect("is written");
    let nodes = |path: &ClippingPath| -> serde_json::Value {
        let at = |point: Point| [point.x, point.y];
        let node =
            |node: &Node| json!({"at": [at(node.before), at(node.anchor), at(node.after)], "smooth": node.smooth});
        path.subpaths
            .iter()
            .map(|subpath| subpath.nodes.iter().map(node).collect::<Vec<_>>())
            .collect::<Vec<_>>()
            .into()
    };
    let expected = json!({
        "width": WIDTH, "height": HEIGHT, "dpi": 240, "path_name": PATH_NAME, "files": FILES,
        "with_path": FILES.iter().filter(|file| has_path(file)).collect::<Vec<_>>(),
        "path": nodes(path), "long": nodes(long),
    });
    std::fs::write(folder.join("expected.json"), expected.to_string()).expect("is written");
}

/// The covered share of each pixel, from 4 x 4 points.
fn matte() -> GrayImage {
    GrayImage::from_fn(WIDTH, HEIGHT, |x, y| {
        let points = (0..16).map(|at| (f64::from(x) + f64::from(at % 4) / 4.0, f64::from(y) + f64::from(at / 4) / 4.0));
        let inside = points.filter(|(x, y)| covers(x + 0.125, y + 0.125)).count();
        Luma([(inside * 255 / 16) as u8])
    })
}

fn covers(x: f64, y: f64) -> bool {
    let (center, across, down) = ELLIPSE;
    let in_ellipse = ((x - center.x) / across).powi(2) + ((y - center.y) / down).powi(2) <= 1.0;
    (in_ellipse && !in_polygon(&HOLE, x, y)) || in_polygon(&TRIANGLE, x, y)
}

fn in_polygon(corners: &[Point], x: f64, y: f64) -> bool {
    let sides = corners.iter().zip(corners.iter().cycle().skip(1));
    sides.filter(|(a, b)| (a.y > y) != (b.y > y) && x < (b.x - a.x) * (y - a.y) / (b.y - a.y) + a.x).count() % 2 == 1
}

pub(crate) fn path() -> ClippingPath {
    let ellipse = Subpath { nodes: ellipse(4), hole: false };
    let polygon = |corners: &[Point], hole| Subpath { nodes: corners.iter().map(|at| corner(*at)).collect(), hole };
    ClippingPath {
        width: WIDTH,
        height: HEIGHT,
        subpaths: vec![ellipse, polygon(&HOLE, true), polygon(&TRIANGLE, false)],
    }
}

/// A path of 3,000 nodes, longer than a segment of a JPEG.
fn long_path() -> ClippingPath {
    ClippingPath { width: WIDTH, height: HEIGHT, subpaths: vec![Subpath { nodes: ellipse(3000), hole: false }] }
}

/// The ellipse with this many nodes, clockwise on the screen.
fn ellipse(nodes: u32) -> Vec<Node> {
    let (center, across, down) = ELLIPSE;
    let step = std::f64::consts::TAU / f64::from(nodes);
    let handle = 4.0 / 3.0 * (step / 4.0).tan();
    let at = |cos: f64, sin: f64| Point { x: center.x + across * cos, y: center.y + down * sin };
    let node = |number| {
        let (sin, cos) = (step * f64::from(number)).sin_cos();
        Node {
            before: at(cos + handle * sin, sin - handle * cos),
            anchor: at(cos, sin),
            after: at(cos - handle * sin, sin + handle * cos),
            smooth: true,
        }
    };
    (0..nodes).map(node).collect()
}

fn corner(at: Point) -> Node {
    Node { before: at, anchor: at, after: at, smooth: false }
}
