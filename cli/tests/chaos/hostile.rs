//! Hostile pictures: damaged, lying about their size, of the wrong kind, or with far more work than bytes.

use std::sync::OnceLock;

use image::{DynamicImage, GrayImage, ImageFormat};

use crate::ledger::Expectation;
use crate::pictures::{Catalog, Picture, encode};
use crate::random::Random;

const SVG_NAMESPACE: &str = r#"xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink""#;

/// A kind of hostile picture.
type Maker = fn(&Catalog, &mut Random) -> Picture;

const MAKERS: [Maker; 8] = [truncated, mutated, mutated, sample, wrong_kind, bomb, heavy_svg, expensive_svg];

/// A random hostile picture.
pub(crate) fn picture(catalog: &Catalog, random: &mut Random) -> Picture {
    let make = *random.pick(&MAKERS);
    make(catalog, random)
}

fn any(name: String, bytes: Vec<u8>) -> Picture {
    Picture { name, bytes, expectation: Expectation::Any }
}

/// A valid file: small and of a rare variant, or good.
fn base<'a>(catalog: &'a Catalog, random: &mut Random) -> &'a Picture {
    if random.chance(70) { random.pick(&catalog.samples) } else { random.pick(&catalog.good) }
}

fn sample(catalog: &Catalog, random: &mut Random) -> Picture {
    random.pick(&catalog.samples).clone()
}

fn truncated(catalog: &Catalog, random: &mut Random) -> Picture {
    let base = base(catalog, random);
    let length = 1 + random.index(base.bytes.len());
    any(format!("{} truncated to {length} bytes", base.name), base.bytes[..length].to_vec())
}

/// Some bytes changed. Half of the changes are in the first bytes, where headers are.
fn mutated(catalog: &Catalog, random: &mut Random) -> Picture {
    let base = base(catalog, random);
    let mut bytes = base.bytes.clone();
    let changes = random.between(1, 24);
    for _ in 0..changes {
        let within = if random.chance(50) { bytes.len().min(256) } else { bytes.len() };
        let at = random.index(within);
        bytes[at] = *random.pick(&[0, 1, 0x7f, 0x80, 0xff, bytes[at] ^ 1, bytes[at].wrapping_add(1), bytes[at] ^ 0x40]);
    }
    any(format!("{} with {changes} bytes changed", base.name), bytes)
}

fn wrong_kind(_: &Catalog, random: &mut Random) -> Picture {
    let files: [(&str, &[u8]); 7] = [
        ("an empty file", b""),
        ("a text", b"just a text"),
        ("a PDF", b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n"),
        ("a web page", b"<!doctype html><title>404</title>"),
        ("a ZIP archive", b"PK\x03\x04\x14\0\0\0\0\0"),
        ("a BMP", b"BM\x46\0\0\0\0\0\0\0\x36\0\0\0"),
        ("a JPEG's first bytes", b"\xff\xd8\xff"),
    ];
    let (name, bytes) = *random.pick(&files);
    any(name.to_owned(), bytes.to_vec())
}

/// Many pixels in few bytes: more than allowed, or a header that promises them.
fn bomb(_: &Catalog, random: &mut Random) -> Picture {
    static BLACK: OnceLock<Vec<u8>> = OnceLock::new();
    if random.chance(50) {
        let encoded = || encode(&DynamicImage::from(GrayImage::new(10_000, 6_000)), ImageFormat::Png);
        let bytes = BLACK.get_or_init(|| encoded().unwrap_or_default()).clone();
        let expectation = Expectation::Fails(&["image_too_large"]);
        return Picture { name: "a PNG of 60 megapixels".to_owned(), bytes, expectation };
    }
    // More than PNG allows, more than allowed here, and within the limits, but nothing follows the header.
    let sizes = [(u32::MAX, u32::MAX), (65_535, 65_535), (20_000, 20_000), (7000, 7000), (0, 1)];
    let (width, height): (u32, u32) = *random.pick(&sizes);
    let expectation = match width {
        65_535 | 20_000 => Expectation::Fails(&["image_too_large"]),
        _ => Expectation::Any,
    };
    let (mut bytes, mut header) = (b"\x89PNG\r\n\x1a\n".to_vec(), b"IHDR".to_vec());
    header.extend([width.to_be_bytes(), height.to_be_bytes()].concat());
    header.extend([8, 6, 0, 0, 0]);
    bytes.extend(13_u32.to_be_bytes());
    bytes.extend(&header);
    bytes.extend(crc32(&header).to_be_bytes());
    Picture { name: format!("a PNG header that promises {width} x {height} pixels"), bytes, expectation }
}

/// The checksum of PNG's chunks (ISO 3309).
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (if crc & 1 == 1 { 0xedb8_8320 } else { 0 }))
    })
}

/// Makes the text of an SVG.
type MakeSvg = fn() -> String;

fn heavy_svg(_: &Catalog, random: &mut Random) -> Picture {
    let makers: [(&str, MakeSvg); 8] = [
        ("references that double", doubling),
        ("a huge blur", || filter(r#"<feGaussianBlur stdDeviation="500"/>"#)),
        ("noise of many octaves", || filter(r#"<feTurbulence baseFrequency="0.9" numOctaves="60"/>"#)),
        ("a wide morphology", || filter(r#"<feMorphology operator="dilate" radius="400"/>"#)),
        ("filters in a row", || filter(&r#"<feGaussianBlur stdDeviation="9 3"/>"#.repeat(80))),
        ("nested groups", nested),
        ("layers", layers),
        ("a huge canvas", || svg(60_000, r#"<rect width="60000" height="60000"/>"#)),
    ];
    let (name, make) = *random.pick(&makers);
    any(format!("an SVG with {name}"), make().into_bytes())
}

fn expensive_svg(catalog: &Catalog, random: &mut Random) -> Picture {
    random.pick(&catalog.expensive).clone()
}

fn svg(side: u32, content: &str) -> String {
    format!(r#"<svg {SVG_NAMESPACE} width="{side}" height="{side}">{content}</svg>"#)
}

fn filter(primitives: &str) -> String {
    let filter = format!(r#"<filter id="f" x="0" y="0" width="1" height="1">{primitives}</filter>"#);
    svg(3000, &format!(r#"{filter}<circle cx="1500" cy="1500" r="900" fill="red" filter="url(#f)"/>"#))
}

/// Each group shows the one before ten times.
fn doubling() -> String {
    let mut content = r#"<g id="g0"><circle r="9"/></g>"#.to_owned();
    for level in 1..=12 {
        let uses = format!(r##"<use xlink:href="#g{}"/>"##, level - 1).repeat(10);
        content.push_str(&format!(r#"<g id="g{level}">{uses}</g>"#));
    }
    svg(500, &content)
}

fn nested() -> String {
    const DEPTH: usize = 5000;
    svg(500, &format!(r#"{}<circle r="99"/>{}"#, r#"<g opacity="0.9">"#.repeat(DEPTH), "</g>".repeat(DEPTH)))
}

/// Many translucent groups, each of which is a picture of its own.
fn layers() -> String {
    let layer = r#"<g opacity="0.5"><rect width="3000" height="3000"/><circle cx="1500" cy="1500" r="900"/></g>"#;
    svg(3000, &layer.repeat(1500))
}
