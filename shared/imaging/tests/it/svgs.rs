//! SVGs: how they are drawn, and those that would take too long.

use std::time::{Duration, Instant};

use cutline_core::domain::kind::ImageKind;
use cutline_imaging::{Error, Limits, decode};

use crate::kinds::{BLOCKS, OF_ADOBE_RGB, center, data, decoded};

#[test]
fn draws_an_svg_with_a_long_side_of_2048_pixels() {
    let photo = decoded(data!("plain.svg"));
    assert_eq!(photo.dimensions(), (2048, 1024));
    let at = |block: u32| ((4 + 8 * (block % 4)) * 64, (4 + 8 * (block / 4)) * 64);
    for block in 0..8 {
        let (x, y) = at(block);
        let (shown, expected) = (photo.color().get_pixel(x, y).0, BLOCKS[block as usize]);
        assert!(shown.iter().zip(expected).all(|(a, b)| a.abs_diff(b) <= 1), "{shown:?}, {expected:?}");
    }
    let alpha = photo.alpha().expect("has alpha");
    let (x, y) = at(7);
    assert!((127..=128).contains(&alpha.get_pixel(x, y)[0]));
    assert!(photo.metadata().warnings.is_empty());
}

fn svg(inner: &str) -> Vec<u8> {
    format!("<svg xmlns='http://www.w3.org/2000/svg' xmlns:xlink='http://www.w3.org/1999/xlink' width='64' height='64'>{inner}</svg>")
        .into_bytes()
}

#[test]
fn warns_about_text_and_images_that_are_not_drawn() {
    let text = decode(&svg("<text y='9'>hi</text>"), &Limits::default()).expect("decodes");
    assert_eq!(text.metadata().warnings, ["Text in the SVG was not drawn: convert it to outlines."]);
    for picture in ["file:///etc/passwd", "http://localhost/x.png", "x.png", "data:image/png;base64,AAAA"] {
        let inner = format!("<image xlink:href='{picture}' width='64' height='64'/>");
        let photo = decode(&svg(&inner), &Limits::default()).expect("decodes");
        assert_eq!(photo.metadata().warnings.len(), 1, "{picture}");
        assert!(photo.alpha().is_some_and(|alpha| alpha.iter().all(|alpha| *alpha == 0)), "{picture}");
    }
}

/// An embedded PNG in Adobe RGB is drawn in the same colors as on its own.
#[test]
fn draws_embedded_images() {
    let inner = format!(
        "<image xlink:href='data:image/png;base64,{}' width='64' height='32'/>",
        base64(data!("adobe-rgb.png").0)
    );
    let photo = decode(&svg(&inner), &Limits::default()).expect("decodes");
    assert!(photo.metadata().warnings.is_empty());
    let scale = 2048 / 32;
    for (block, expected) in (0..8).zip(OF_ADOBE_RGB) {
        let (x, y) = center(block);
        let shown = photo.color().get_pixel(x * scale, y * scale).0;
        assert!(shown.iter().zip(expected).all(|(a, b)| a.abs_diff(b) <= 3), "{shown:?}, {expected:?}");
    }
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let number = three.iter().fold(0_u32, |number, byte| number << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
        for digit in 0..4 {
            let letter = LETTERS[(number >> (18 - 6 * digit) & 63) as usize];
            text.push(if digit > three.len() { '=' } else { letter.into() });
        }
    }
    text
}

#[test]
fn rejects_svgs_that_take_too_long_to_draw() {
    let rect = "<rect width='64' height='64' ";
    let filter = |primitive: &str| format!("<filter id='f'>{primitive}</filter>{rect} filter='url(#f)'/>");
    let nested = format!("{}{rect}/>{}", "<g opacity='.9'>".repeat(60), "</g>".repeat(60));
    let clipped =
        format!("<clipPath id='c'>{rect}/></clipPath>{}", format!("{rect} clip-path='url(#c)'/>").repeat(4000));
    let dashed = "<path stroke='red' stroke-dasharray='.00001' d='M0 0H64'/>".repeat(3000);
    for heavy in [
        filter("<feMorphology operator='dilate' radius='30'/>"),
        filter("<feTurbulence baseFrequency='.1' numOctaves='100000'/>"),
        filter(&"<feGaussianBlur stdDeviation='9'/>".repeat(200)),
        nested,
        clipped,
        dashed,
        format!("{rect}/>").repeat(200_000),
        // A pattern's own canvas, a layer that reaches far beyond the drawing, and one of a turned and sheared group.
        "<pattern id='p' patternUnits='userSpaceOnUse' width='1e4' height='1e4'><path d='M0 0h1v1z'/></pattern>\
         <path d='M0 0h9v9z' fill='url(#p)'/>"
            .to_owned(),
        "<g opacity='.5'><path d='M-99-99H199V199H-99z'/></g>"
            .replace("<path", "<g opacity='.5'><path")
            .replace("/></g>", "/></g></g>"),
        "<filter id='f'><feGaussianBlur stdDeviation='1'/></filter><g transform='skewX(89.9)'>\
         <path filter='url(#f)' d='M0 0h9v9z'/></g>"
            .to_owned(),
        // Patterns that contain each other in a cycle.
        ["ab", "bc", "ca"]
            .map(|ends| {
                let path = format!("<path d='M0 0h1v1z' fill='url(#{})'/>", &ends[1..]);
                format!("<pattern id='{}' width='1' height='1'>{path}</pattern>", &ends[..1])
            })
            .concat()
            + rect
            + "fill='url(#a)'/>",
    ] {
        let error = decode(&svg(&heavy), &Limits::default()).expect_err("is rejected");
        assert!(matches!(error, Error::UnsupportedFeature { kind: ImageKind::Svg, .. }), "{error:?}");
    }
}

/// Small files that took a minute or a gigabyte before dashes, edges and gradients were counted. The time is a guard
/// against hanging; drawing any of them takes longer by far.
#[test]
fn refuses_small_svgs_that_are_expensive_to_draw() {
    for (file, names) in [
        (&include_bytes!("../data/expensive/dash-tiny.svg")[..], "dashes"),
        (include_bytes!("../data/expensive/wide-dashes.svg"), "dashes"),
        (include_bytes!("../data/expensive/radial-300.svg"), "gradients"),
    ] {
        let start = Instant::now();
        let error = decode(file, &Limits::default()).expect_err("is refused");
        assert!(start.elapsed() < Duration::from_secs(30), "{names}: {:?}", start.elapsed());
        assert!(matches!(error, Error::UnsupportedFeature { kind: ImageKind::Svg, .. }), "{error:?}");
        let message = error.to_string();
        assert!(message.contains(names) && message.ends_with("simplify it, or export it as a PNG"), "{message}");
    }
}

/// Arcs and ellipses so large that their curves alone would fill all memory, and coordinates beyond what the drawing
/// library's integers hold, on which it ended the process.
#[test]
fn refuses_svgs_with_enormous_numbers() {
    for inner in [
        "<path d='M0 0A1e300 1e300 0 1 1 1e300 1'/>",
        "<circle r='1e38'/>",
        "<rect width='9' height='9' rx='1e38%'/>",
        "<path d='M0 0A1e9 1e9 0 1 1 1 1'/>",
        "<path d='M-1e8-1e8H1e8V1e8H-1e8z'/>",
    ] {
        let error = decode(&svg(inner), &Limits::default()).expect_err("is refused");
        assert!(matches!(error, Error::UnsupportedFeature { kind: ImageKind::Svg, .. }), "{inner}: {error:?}");
    }
}
