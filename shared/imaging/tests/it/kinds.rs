//! Every kind of file: pixels written by other programs, colors converted by LittleCMS.

use cutline_core::domain::kind::ImageKind;
use cutline_imaging::decode::dimensions;
use cutline_imaging::{Error, Limits, Photo, decode};
use proptest::prelude::*;

use crate::files;

/// A file in the folder of test data, and its name.
macro_rules! data {
    ($name:literal) => {
        (include_bytes!(concat!("../data/kinds/", $name)).as_slice(), $name)
    };
}
pub(crate) use data;

/// The colors of eight blocks of 8 x 8 pixels, four in a row, that most files contain.
pub(crate) const BLOCKS: [[u8; 3]; 8] = [
    [255, 0, 0],
    [0, 128, 0],
    [10, 20, 200],
    [240, 240, 240],
    [128, 128, 128],
    [200, 150, 30],
    [16, 16, 16],
    [250, 120, 170],
];
/// The alpha of the blocks in files with alpha.
const ALPHA: [u8; 8] = [255, 255, 128, 128, 64, 64, 0, 255];
/// The same numbers as Adobe RGB and as Display P3, converted by LittleCMS.
pub(crate) const OF_ADOBE_RGB: [[u8; 3]; 8] = [
    [255, 0, 0],
    [0, 129, 0],
    [0, 12, 205],
    [240, 240, 240],
    [129, 129, 129],
    [217, 151, 0],
    [7, 7, 7],
    [255, 121, 173],
];
const OF_DISPLAY_P3: [[u8; 3]; 8] = [
    [255, 0, 0],
    [0, 130, 0],
    [7, 20, 208],
    [240, 240, 240],
    [128, 128, 128],
    [209, 147, 0],
    [16, 16, 16],
    [255, 110, 171],
];
/// Eight mixtures of inks, converted by LittleCMS with the profile of an invented press.
const OF_PRESS: [[u8; 3]; 8] = [
    [255, 255, 255],
    [0, 152, 221],
    [222, 24, 132],
    [255, 238, 0],
    [0, 0, 0],
    [152, 163, 186],
    [86, 90, 147],
    [220, 34, 37],
];
/// Eight grays as stored, and converted by LittleCMS with a profile of gamma 1.5.
const GRAYS: [u8; 8] = [0, 32, 64, 96, 128, 160, 200, 255];
const OF_GRAY: [u8; 8] = [0, 59, 99, 132, 161, 187, 217, 255];

pub(crate) fn decoded((file, name): (&[u8], &str)) -> Photo {
    let photo = decode(file, &Limits::default()).unwrap_or_else(|error| panic!("{name}: {error:?}"));
    assert_eq!(dimensions(file).expect("has a size"), photo.dimensions(), "{name}");
    photo
}

/// Compares the center of each block.
fn assert_shows(file: (&[u8], &str), expected: [[u8; 3]; 8], tolerance: u8) {
    let photo = decoded(file);
    assert_eq!(photo.dimensions(), (32, 16), "{}", file.1);
    let shown = blocks(&photo);
    for (shown, expected) in shown.iter().zip(expected) {
        let difference = shown.iter().zip(expected).map(|(a, b)| a.abs_diff(b)).max();
        assert!(difference <= Some(tolerance), "{}: {shown:?} where {expected:?} is expected", file.1);
    }
}

pub(crate) fn center(block: u32) -> (u32, u32) {
    (4 + 8 * (block % 4), 4 + 8 * (block / 4))
}

fn blocks(photo: &Photo) -> [[u8; 3]; 8] {
    std::array::from_fn(|block| {
        let (x, y) = center(block as u32);
        photo.color().get_pixel(x, y).0
    })
}

fn grays(grays: [u8; 8]) -> [[u8; 3]; 8] {
    grays.map(|gray| [gray; 3])
}

#[test]
fn decodes_plain_images_as_stored() {
    for file in [
        data!("rgb-lzw.tif"),
        data!("rgb-tiled.tif"),
        data!("rgb-planar.tif"),
        data!("rgb-selection.tif"),
        data!("rgb-selection-tiled.tif"),
        data!("rgb16-selection-be.tif"),
        data!("palette.tif"),
        data!("pages.tif"),
        data!("big.tif"),
        data!("plain.gif"),
        data!("rgb.psd"),
        data!("rgb16-rle.psd"),
        data!("selection.psd"),
        data!("large.psb"),
        data!("magick.psd"),
        data!("credits.png"),
    ] {
        assert_shows(file, BLOCKS, 0);
    }
    for file in [data!("jpeg.tif"), data!("ycbcr-jpeg.tif"), data!("plain.avif"), data!("credits.jpg")] {
        assert_shows(file, BLOCKS, 10);
    }
    for file in [data!("gray-packbits.tif"), data!("gray16-be.tif"), data!("white-is-zero.tif"), data!("gray.psd")] {
        assert_shows(file, grays(GRAYS), 0);
    }
    assert_shows(data!("gray.avif"), grays(GRAYS), 2);
    // Ten bits, with steps between those of eight bits.
    let steps = [0_u16, 9000, 18_000, 30_000, 40_000, 50_000, 60_000, 65_535];
    assert_shows(data!("ten.avif"), grays(steps.map(|step| (step / 257) as u8)), 2);
}

#[test]
fn converts_profiles_like_littlecms() {
    for file in [data!("adobe-rgb.png"), data!("adobe-rgb16.tif"), data!("rgb-rle.psd")] {
        assert_shows(file, OF_ADOBE_RGB, 2);
        assert_eq!(decoded(file).metadata().converted_from.as_deref(), Some("Adobe RGB (1998)"), "{}", file.1);
    }
    assert_shows(data!("display-p3.avif"), OF_DISPLAY_P3, 4);
    for file in [data!("press.jpg"), data!("press.tif"), data!("press16.tif"), data!("press.psd")] {
        assert_shows(file, OF_PRESS, 5);
        assert_eq!(decoded(file).metadata().converted_from.as_deref(), Some("Cutline test press"), "{}", file.1);
        assert!(decoded(file).metadata().warnings.is_empty(), "{}", file.1);
    }
    assert_shows(data!("gray-profile.png"), grays(OF_GRAY), 2);
}

#[test]
fn a_profile_describes_inks_without_an_adobe_marker() {
    let (file, _) = data!("press.jpg");
    let marker = file.windows(9).position(|bytes| bytes.starts_with(&[0xFF, 0xEE]) && bytes.ends_with(b"Adobe"));
    let at = marker.expect("has the marker");
    let length = usize::from(u16::from_be_bytes([file[at + 2], file[at + 3]])) + 2;
    let plain = [&file[..at], &file[at + length..]].concat();
    let plain = (plain.as_slice(), "press.jpg without its marker");
    assert_shows(plain, OF_PRESS, 5);
    let photo = decoded(plain);
    assert_eq!(photo.metadata().converted_from.as_deref(), Some("Cutline test press"));
    let [warning] = &photo.metadata().warnings[..] else { panic!("{:?}", photo.metadata().warnings) };
    assert!(warning.contains("no Adobe marker"), "{warning}");
}

#[test]
fn warns_about_inks_without_a_profile() {
    let photo = decoded(data!("press-plain.psd"));
    // Paper, cyan, magenta, yellow and all inks, as offset printing shows them.
    for (shown, expected) in blocks(&photo).iter().zip([[255; 3], [0, 158, 224], [230, 0, 126], [255, 237, 0]]) {
        let difference = shown.iter().zip(expected).map(|(a, b): (&u8, u8)| a.abs_diff(b)).max();
        assert!(difference <= Some(24), "{shown:?} where {expected:?} is expected");
    }
    assert_eq!(photo.metadata().converted_from.as_deref(), Some("CMYK"));
    assert_eq!(photo.metadata().warnings.len(), 1);
}

#[test]
fn keeps_alpha_and_recovers_straight_colors() {
    for (file, tolerance) in [
        (data!("alpha-straight.tif"), 0),
        (data!("alpha-premultiplied.tif"), 3),
        (data!("transparent.psd"), 3),
        (data!("alpha.avif"), 3),
    ] {
        let photo = decoded(file);
        let alpha = photo.alpha().unwrap_or_else(|| panic!("{}: has no alpha", file.1));
        for block in 0..8 {
            let (x, y) = center(block);
            let (shown, expected) = (photo.color().get_pixel(x, y).0, BLOCKS[block as usize]);
            assert!(alpha.get_pixel(x, y)[0].abs_diff(ALPHA[block as usize]) <= 1, "{}", file.1);
            // The color of block 6 is irrelevant: it is fully transparent.
            let difference = shown.iter().zip(expected).map(|(a, b)| a.abs_diff(b)).max();
            assert!(difference <= Some(tolerance) || block == 6, "{}: {shown:?}, {expected:?}", file.1);
        }
    }
    // A channel that the document does not declare as transparency is a saved selection.
    assert!(decoded(data!("selection.psd")).alpha().is_none());
}

#[test]
fn uses_the_first_frame_of_an_animated_gif() {
    let photo = decoded(data!("animated.gif"));
    let alpha = photo.alpha().expect("has alpha");
    assert_eq!((alpha.get_pixel(4, 4)[0], alpha.get_pixel(20, 12)[0]), (255, 0));
    assert_eq!(blocks(&photo)[1], BLOCKS[1]);
    assert_eq!(photo.metadata().warnings, ["Only the first frame of the animation was used."]);
    assert!(decoded(data!("plain.gif")).metadata().warnings.is_empty());
}

#[test]
fn uses_the_first_page() {
    assert_eq!(decoded(data!("pages.tif")).metadata().warnings, ["Only the first of 3 pages was used."]);
}

#[test]
fn decodes_bilevel_images() {
    let photo = decoded(data!("bilevel.tif"));
    assert!(photo.color().iter().all(|value| matches!(value, 0 | 255)));
    // The dark block and the light one.
    assert!(blocks(&photo)[6] == [0; 3] || photo.color().get_pixel(17, 9).0 == [0; 3]);
    let light = (24..32).flat_map(|x| (0..8).map(move |y| (x, y)));
    assert!(light.filter(|(x, y)| photo.color().get_pixel(*x, *y).0 == [255; 3]).count() > 48);
}

/// Four tiles of 96 x 64 pixels, each of another color.
#[test]
fn a_grid_of_many_tiles_is_not_called_damaged() {
    let mut file = data!("grid.avif").0.to_vec();
    // Rows and columns minus 1, width, height.
    let grid = [0, 0, 1, 1, 0, 0xC0, 0, 0x80];
    let at = file.windows(grid.len()).position(|window| window == grid).expect("has a grid");
    file[at + 2..at + 4].copy_from_slice(&[15, 16]);
    let error = decode(&file, &Limits::default()).expect_err("is refused");
    let Error::UnsupportedFeature { kind: ImageKind::Avif, feature, .. } = error else { panic!("{error:?}") };
    assert_eq!(feature, "a grid of 272 tiles");
    file[at + 2..at + 4].copy_from_slice(&[2, 1]);
    let error = decode(&file, &Limits::default()).expect_err("has four tiles");
    assert!(files::is_damaged(&error, |kind| kind == ImageKind::Avif), "{error:?}");
}

#[test]
fn assembles_a_grid() {
    let photo = decoded(data!("grid.avif"));
    assert_eq!(photo.dimensions(), (192, 128));
    for ((x, y), expected) in [((48, 32), 0), ((144, 32), 1), ((48, 96), 2), ((144, 96), 5), ((94, 62), 0)] {
        let shown = photo.color().get_pixel(x, y).0;
        let difference = shown.iter().zip(BLOCKS[expected]).map(|(a, b)| a.abs_diff(b)).max();
        assert!(difference <= Some(8), "{shown:?} at {x}, {y}");
    }
}

/// The same image with each of the eight orientations, stated by the container.
#[test]
fn turns_an_avif_upright() {
    let files = [
        data!("turned1.avif"),
        data!("turned2.avif"),
        data!("turned3.avif"),
        data!("turned4.avif"),
        data!("turned5.avif"),
        data!("turned6.avif"),
        data!("turned7.avif"),
        data!("turned8.avif"),
    ];
    for (orientation, (file, name)) in (1..).zip(files) {
        let photo = decode(file, &Limits::default()).expect("decodes");
        let (width, height) = photo.dimensions();
        assert_eq!((width, height), if orientation > 4 { (16, 32) } else { (32, 16) }, "{name}");
        for block in 0..8 {
            let (x, y) = center(block);
            let (to_x, to_y) = match orientation {
                1 => (x, y),
                2 => (31 - x, y),
                3 => (31 - x, 15 - y),
                4 => (x, 15 - y),
                5 => (y, x),
                6 => (15 - y, x),
                7 => (15 - y, 31 - x),
                _ => (y, 31 - x),
            };
            let (shown, expected) = (photo.color().get_pixel(to_x, to_y).0, BLOCKS[block as usize]);
            let difference = shown.iter().zip(expected).map(|(a, b)| a.abs_diff(b)).max();
            assert!(difference <= Some(40), "{name}, block {block}: {shown:?} where {expected:?} is expected");
        }
    }
}

#[test]
fn turns_a_tiff_upright() {
    let photo = decode(data!("orientation6.tif").0, &Limits::default()).expect("decodes");
    assert_eq!(photo.dimensions(), (16, 32));
    assert_eq!(photo.color().get_pixel(12, 4).0, BLOCKS[0]);
    assert_eq!(photo.color().get_pixel(4, 28).0, BLOCKS[7]);
}

#[test]
fn rejects_strips_that_are_too_long_or_share_their_data() {
    let mut tiff = data!("rgb-lzw.tif").0.to_vec();
    let at = (8..tiff.len()).find(|at| tiff[*at..].starts_with(&[0x17, 1]) && tiff[at + 3] == 0);
    let at = at.expect("has the lengths of its strips");
    assert!(decode(&tiff, &Limits::default()).is_ok());
    let mut long = tiff.clone();
    long[at + 8..at + 12].copy_from_slice(&0xFFFF_u32.to_le_bytes());
    let error = decode(&long, &Limits::default()).expect_err("is rejected");
    assert!(files::is_damaged(&error, |_| true), "{error:?}");
    // Four offsets, and behind them four lengths.
    for strip in 0..4 {
        tiff[274 + 4 * strip..][..4].copy_from_slice(&8_u32.to_le_bytes());
        tiff[290 + 2 * strip..][..2].copy_from_slice(&600_u16.to_le_bytes());
    }
    let error = decode(&tiff, &Limits::default()).expect_err("is refused");
    let Error::UnsupportedFeature { kind: ImageKind::Tiff, feature, .. } = error else { panic!("{error:?}") };
    assert_eq!(feature, "strips or tiles that share their data");
}

#[test]
fn names_the_unsupported_feature_and_the_remedy() {
    let file = data!("lab.psd");
    let error = decode(file.0, &Limits::default()).expect_err("is rejected");
    assert!(matches!(error, Error::UnsupportedFeature { .. }), "{}: {error:?}", file.1);
    assert_eq!(error.to_string(), "unsupported PSD: Lab colors; convert it to RGB, gray or CMYK");
}

#[test]
fn reads_metadata() {
    let jpeg = decoded(data!("credits.jpg")).metadata().clone();
    assert_eq!((jpeg.dpi, jpeg.artist.as_deref()), (Some(300.0), Some("Ann Exif")));
    assert_eq!((jpeg.copyright.as_deref(), jpeg.credit.as_deref()), (Some("(c) Exif"), Some("The Agency")));
    assert!(!format!("{jpeg:?}").contains("SERIAL") && !format!("{jpeg:?}").contains("48"));
    let png = decoded(data!("credits.png")).metadata().clone();
    assert_eq!((png.dpi, png.artist.as_deref()), (Some(300.0), Some("Ann PNG")));
    assert_eq!(png.copyright.as_deref(), Some("© Ann"));
    let tiff = decoded(data!("rgb-lzw.tif")).metadata().clone();
    assert_eq!((tiff.dpi, tiff.artist.as_deref()), (Some(300.0), Some("Ann Artist")));
    assert_eq!((tiff.copyright.as_deref(), tiff.converted_from), (Some("(c) Ann"), None));
    let psd = decoded(data!("rgb.psd")).metadata().clone();
    assert_eq!((psd.dpi, psd.artist.as_deref()), (Some(240.0), Some("Ann Artist")));
    assert_eq!((psd.copyright.as_deref(), psd.credit.as_deref()), (Some("(c) Ann"), Some("The Agency")));
}

/// A sample of files of every kind, small so that a random change is likely to have an effect.
fn all() -> Vec<(&'static [u8], &'static str)> {
    vec![
        data!("credits.jpg"),
        data!("press.jpg"),
        data!("credits.png"),
        data!("adobe-rgb.png"),
        data!("plain.gif"),
        data!("animated.gif"),
        data!("plain.avif"),
        data!("alpha.avif"),
        data!("grid.avif"),
        data!("turned6.avif"),
        data!("ten.avif"),
        data!("rgb-lzw.tif"),
        data!("rgb-tiled.tif"),
        data!("rgb-planar.tif"),
        data!("rgb-selection.tif"),
        data!("alpha-premultiplied.tif"),
        data!("gray-packbits.tif"),
        data!("jpeg.tif"),
        data!("bilevel.tif"),
        data!("big.tif"),
        data!("press.tif"),
        data!("rgb.psd"),
        data!("transparent.psd"),
        data!("large.psb"),
        data!("press.psd"),
        data!("plain.svg"),
    ]
}

fn small() -> Limits {
    Limits { max_pixels: 4_000_000, max_alloc: 32 << 20, ..Limits::default() }
}

fn check_invariants(file: &[u8]) -> Result<(), TestCaseError> {
    let size = dimensions(file);
    if let Ok(photo) = decode(file, &small()) {
        let (width, height) = photo.dimensions();
        prop_assert!(width > 0 && height > 0 && u64::from(width) * u64::from(height) <= small().max_pixels);
        let (across, down) = size.expect("a file that decodes has a size");
        prop_assert!((across, down) == (width, height) || (down, across) == (width, height));
    }
    Ok(())
}

#[test]
fn applies_the_limits_to_every_kind() {
    for (file, name) in all() {
        let (width, height) = dimensions(file).expect("has a size");
        let pixels = u64::from(width) * u64::from(height);
        let few = Limits { max_pixels: pixels - 1, ..Limits::default() };
        assert!(matches!(decode(file, &few), Err(Error::TooManyPixels { .. })), "{name}");
        let short = Limits { max_side: width.max(height) - 1, ..Limits::default() };
        assert!(matches!(decode(file, &short), Err(Error::SideTooLong { .. })), "{name}");
        let little = Limits { max_alloc: pixels / 8, ..Limits::default() };
        let result = decode(file, &little);
        assert!(matches!(result, Err(Error::TooMuchMemory)), "{name}: {result:?}");
    }
}

/// A truncated file is an error, or decodes if its image was complete.
#[test]
fn rejects_truncated_files() {
    for (file, name) in all() {
        for length in (0..file.len()).step_by(file.len() / 60 + 1) {
            match decode(&file[..length], &small()) {
                Ok(photo) => assert!(length > file.len() / 2, "{name} at {length}: {:?}", photo.dimensions()),
                Err(Error::UnknownKind | Error::UnsupportedFeature { .. } | Error::DecoderPanicked { .. }) => {}
                Err(error) if files::is_damaged(&error, |_| true) => {}
                Err(error) => panic!("{name} at {length}: {error:?}"),
            }
        }
    }
}

/// Headers that state a size beyond the limits, without the data for it.
#[test]
fn rejects_false_sizes_before_allocating() {
    let mut gif = data!("plain.gif").0.to_vec();
    gif[6..10].copy_from_slice(&[0xFF; 4]);
    let mut psd = data!("rgb-rle.psd").0.to_vec();
    psd[14..22].copy_from_slice(&[0, 0, 0x75, 0x30, 0, 0, 0x75, 0x30]);
    let mut avif = data!("plain.avif").0.to_vec();
    let at = avif.windows(4).position(|window| window == b"ispe").expect("has a size");
    avif[at + 8..at + 16].copy_from_slice(&[0, 0, 0xFF, 0xFF, 0, 0, 0xFF, 0xFF]);
    let mut tiff = data!("gray-packbits.tif").0.to_vec();
    for tag in [[0, 1], [1, 1]] {
        let entry = (8..tiff.len()).find(|at| tiff[*at..].starts_with(&tag) && tiff[at + 3] == 0 && tiff[at + 4] == 1);
        let entry = entry.expect("has that tag");
        tiff[entry + 2] = 4;
        tiff[entry + 8..entry + 12].copy_from_slice(&[0xFF, 0xFF, 0, 0]);
    }
    for (file, name) in [(gif, "GIF"), (psd, "PSD"), (avif, "AVIF"), (tiff, "TIFF")] {
        let result = decode(&file, &Limits::default());
        assert!(matches!(result, Err(Error::TooManyPixels { .. })), "{name}: {result:?}");
    }
    // Within the limits, but more than the data can contain.
    let mut psd = data!("rgb-rle.psd").0.to_vec();
    psd[14..22].copy_from_slice(&[0, 0, 0x1B, 0x58, 0, 0, 0x1B, 0x58]);
    let error = decode(&psd, &Limits::default()).expect_err("is rejected");
    assert!(files::is_damaged(&error, |kind| kind == ImageKind::Psd), "{error:?}");
    // A container that states more or less than its stream has.
    for side in [31_u8, 33] {
        let mut avif = data!("plain.avif").0.to_vec();
        avif[at + 11] = side;
        let error = decode(&avif, &Limits::default()).expect_err("is rejected");
        assert!(files::is_damaged(&error, |kind| kind == ImageKind::Avif), "{error:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    /// Random changes and removals of bytes result in an image or an error.
    #[test]
    fn survives_random_damage(
        file in prop::sample::select(all()),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..10),
        cut in prop::option::of((any::<prop::sample::Index>(), 1_usize..40)),
    ) {
        let mut file = file.0.to_vec();
        for (at, byte) in changes {
            let at = at.index(file.len());
            file[at] = byte;
        }
        if let Some((at, length)) = cut {
            let at = at.index(file.len());
            file.drain(at..(at + length).min(file.len()));
        }
        check_invariants(&file)?;
    }

    /// Random changes at the beginnings of files, where headers are.
    #[test]
    fn survives_damaged_headers(
        file in prop::sample::select(all()),
        changes in prop::collection::vec((0_usize..300, prop::sample::select(vec![0_u8, 1, 0x7F, 0x80, 0xFF])), 1..5),
    ) {
        let mut file = file.0.to_vec();
        for (at, byte) in changes {
            let at = at % file.len();
            file[at] = byte;
        }
        check_invariants(&file)?;
    }
}
