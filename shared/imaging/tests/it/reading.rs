//! Files from the field, and their siblings: variants of the formats that were once shown wrongly or refused in silence.

use cutline_core::domain::kind::ImageKind;
use cutline_imaging::decode::dimensions;
use cutline_imaging::{Error, Limits, Photo, decode};

use crate::files;

/// A file in the folder of test data, and its name.
macro_rules! data {
    ($name:literal) => {
        (include_bytes!(concat!("../data/reading/", $name)).as_slice(), $name)
    };
}

type File = (&'static [u8], &'static str);

/// The colors of eight blocks of 8 x 8 pixels, four in a row.
const BLOCKS: [[u8; 3]; 8] = [
    [255, 0, 0],
    [0, 128, 0],
    [10, 20, 200],
    [240, 240, 240],
    [128, 128, 128],
    [200, 150, 30],
    [16, 16, 16],
    [250, 120, 170],
];

#[track_caller]
fn decoded((file, name): (&[u8], &str)) -> Photo {
    let photo = decode(file, &Limits::default()).unwrap_or_else(|error| panic!("{name}: {error:?}"));
    assert_eq!(dimensions(file).expect("has a size"), photo.dimensions(), "{name}");
    photo
}

#[track_caller]
fn assert_near(shown: [u8; 3], expected: [u8; 3], tolerance: u8, what: &str) {
    let difference = shown.iter().zip(expected).map(|(a, b)| a.abs_diff(b)).max();
    assert!(difference <= Some(tolerance), "{what}: {shown:?} where {expected:?} is expected");
}

#[track_caller]
fn assert_shows_blocks(file: File, tolerance: u8) {
    let photo = decoded(file);
    assert_eq!(photo.dimensions(), (32, 16), "{}", file.1);
    for (block, expected) in (0..).zip(BLOCKS) {
        let (x, y) = (4 + 8 * (block % 4), 4 + 8 * (block / 4));
        assert_near(photo.color().get_pixel(x, y).0, expected, tolerance, file.1);
    }
}

/// The message of a refusal, which must be about an unsupported feature.
#[track_caller]
fn refusal((file, name): (&[u8], &str)) -> String {
    let error = decode(file, &Limits::default()).expect_err(name);
    assert!(
        matches!(error, Error::UnsupportedFeature { .. } | Error::ForeignKind(_) | Error::NoHeicDecoder),
        "{name}: {error:?}"
    );
    let fault = cutline_core::Fault::from(error);
    assert_eq!(fault.failure().code, cutline_core::FailureCode::UnsupportedSource, "{name}");
    fault.failure().message.clone()
}

/// A cup of known colors, at three places of a picture of 600 x 450 pixels.
#[track_caller]
fn assert_shows_cup(file: File, tolerance: u8) {
    let photo = decoded(file);
    assert_eq!(photo.dimensions(), (600, 450), "{}", file.1);
    for ((x, y), expected) in [
        ((60, 45), [214, 215, 217]),
        ((240, 135), [40, 140, 60]),
        ((300, 225), [28, 61, 180]),
        ((270, 315), [128, 128, 128]),
    ] {
        assert_near(photo.color().get_pixel(x, y).0, expected, tolerance, file.1);
    }
}

#[test]
fn jpegs_of_several_scans_and_any_sampling_are_decoded() {
    assert_shows_cup(data!("ni_420.jpg"), 8);
    assert_shows_cup(data!("samp_1x1_2x1_2x1.jpg"), 8);
}

#[test]
fn jpegs_of_other_processes_are_named() {
    const REMEDY: &str = "save it as a baseline or progressive JPEG of 8 bits";
    let arithmetic = refusal(data!("arith.jpg"));
    assert_eq!(arithmetic, format!("unsupported JPEG: arithmetic coding; {REMEDY}"));
    let frame = |file: &[u8]| file.windows(2).position(|pair| pair == [0xFF, 0xC0]).expect("is baseline");
    for (process, feature) in [(0xC3, "lossless coding"), (0xC5, "hierarchical coding"), (0xCA, "arithmetic coding")] {
        let mut file = data!("ni_420.jpg").0.to_vec();
        let at = frame(&file);
        file[at + 1] = process;
        assert_eq!(refusal((&file, feature)), format!("unsupported JPEG: {feature}; {REMEDY}"));
    }
    let mut deep = data!("ni_420.jpg").0.to_vec();
    let at = frame(&deep);
    deep[at + 4] = 12;
    assert_eq!(refusal((&deep, "12 bits")), format!("unsupported JPEG: 12 bits per sample; {REMEDY}"));
    let mut fractional = data!("ni_420.jpg").0.to_vec();
    fractional[at + 11] = 0x31;
    fractional[at + 14] = 0x21;
    assert_eq!(refusal((&fractional, "3:2")), format!("unsupported JPEG: fractional subsampling; {REMEDY}"));
}

#[test]
fn a_jpeg_with_an_end_put_back_is_gray_and_warned_about() {
    let whole = data!("samp_1x1_2x1_2x1.jpg").0;
    let cut = [&whole[..whole.len() / 2], &[0xFF, 0xD9]].concat();
    let photo = decoded((&cut, "cut"));
    assert_eq!(photo.color().get_pixel(599, 449).0, [128; 3]);
    assert_eq!(photo.metadata().warnings, ["The JPEG is incomplete: its missing part is gray."]);
    let error = decode(&whole[..whole.len() / 2], &Limits::default()).expect_err("is truncated");
    assert!(matches!(error, Error::Truncated { kind: ImageKind::Jpeg, .. }), "{error:?}");
}

#[test]
fn inks_without_an_adobe_marker_are_taken_for_inverted() {
    let file = include_bytes!("../data/cmyk.jpg");
    let marker = file.windows(7).position(|bytes| bytes.starts_with(&[0xFF, 0xEE]) && bytes.ends_with(b"Ado"));
    let at = marker.expect("has the marker");
    let length = usize::from(u16::from_be_bytes([file[at + 2], file[at + 3]])) + 2;
    let plain = [&file[..at], &file[at + length..]].concat();
    let (with, without) = (decoded((file, "Adobe")), decoded((&plain, "plain")));
    assert_eq!(with.color(), without.color());
    let said = |photo: &Photo| photo.metadata().warnings.iter().any(|warning| warning.contains("no Adobe marker"));
    assert_eq!((said(&with), said(&without)), (false, true));
}

#[test]
fn adobe_rgb_by_exif_is_converted() {
    assert_shows_cup(data!("dcf_adobe.jpg"), 8);
    assert_eq!(decoded(data!("dcf_adobe.jpg")).metadata().converted_from.as_deref(), Some("Adobe RGB 1998"));
}

#[test]
fn gamma_of_a_png_is_honored() {
    assert_shows_cup(data!("gama1.png"), 3);
    let png = |more: &[(&[u8; 4], &[u8])]| {
        let mut file = b"\x89PNG\r\n\x1A\n".to_vec();
        file.extend(files::chunk(b"IHDR", &[0, 0, 0, 1, 0, 0, 0, 1, 8, 2, 0, 0, 0]));
        more.iter().for_each(|(kind, data)| file.extend(files::chunk(kind, data)));
        file.extend(files::chunk(b"IDAT", &[0x78, 1, 1, 4, 0, 0xFB, 0xFF, 0, 100, 50, 200, 2, 6, 1, 95]));
        file.extend(files::chunk(b"IEND", &[]));
        decoded((&file, "PNG")).color().get_pixel(0, 0).0
    };
    let number = |number: u32| number.to_be_bytes();
    let linear = number(100_000);
    assert_eq!(png(&[]), [100, 50, 200]);
    assert_eq!(png(&[(b"gAMA", &number(45_455))]), [100, 50, 200]);
    assert_near(png(&[(b"gAMA", &linear)]), [168, 123, 229], 1, "linear");
    assert_eq!(png(&[(b"gAMA", &linear), (b"sRGB", &[0])]), [100, 50, 200]);
    assert_eq!(png(&[(b"gAMA", &number(0))]), [100, 50, 200]);
    // The primaries of Adobe RGB, with the curve of sRGB.
    let adobe = [31_270, 32_900, 64_000, 33_000, 21_000, 71_000, 15_000, 6000].map(number).concat();
    let shown = png(&[(b"gAMA", &number(45_455)), (b"cHRM", &adobe)]);
    assert!(shown[0] > 110 && shown[1].abs_diff(50) <= 2 && shown[2] > 200, "{shown:?}");
}

#[test]
fn gray_over_lab_is_converted() {
    let photo = decoded(data!("gray_cieL.jpg"));
    // By LittleCMS.
    for ((x, y), expected) in [((60, 45), 215), ((240, 135), 101), ((300, 225), 65), ((270, 315), 128)] {
        assert_near(photo.color().get_pixel(x, y).0, [expected; 3], 3, "gray_cieL.jpg");
    }
    assert!(photo.metadata().warnings.is_empty());
}

#[test]
fn hdr_is_tone_mapped() {
    assert_shows_cup(data!("av_pq2020.avif"), 8);
    assert_shows_cup(data!("hlg.avif"), 8);
    for file in [data!("av_pq2020.avif"), data!("hlg.avif")] {
        let warnings = decoded(file).metadata().warnings.clone();
        assert!(warnings.iter().any(|warning| warning.contains("tone-mapped from HDR")), "{warnings:?}");
    }
    // 203 cd/m² in PQ and 75% of HLG's signal, in BT.2020, by a PNG's code points.
    for (transfer, white) in [(16, 148), (18, 191)] {
        let mut file = b"\x89PNG\r\n\x1A\n".to_vec();
        file.extend(files::chunk(b"IHDR", &[0, 0, 0, 1, 0, 0, 0, 1, 8, 2, 0, 0, 0]));
        file.extend(files::chunk(b"cICP", &[9, transfer, 0, 1]));
        let pixel = [0, white, white, white];
        let (mut low, mut high) = (1_u32, 0_u32);
        for byte in pixel {
            low = (low + u32::from(byte)) % 65_521;
            high = (high + low) % 65_521;
        }
        let data = [&[0x78, 1, 1, 4, 0, 0xFB, 0xFF], pixel.as_slice(), &(high << 16 | low).to_be_bytes()].concat();
        file.extend(files::chunk(b"IDAT", &data));
        file.extend(files::chunk(b"IEND", &[]));
        let shown = decoded((&file, "cICP")).color().get_pixel(0, 0).0;
        assert!(shown.iter().all(|value| *value >= 249), "{transfer}: {shown:?}");
    }
}

#[test]
fn camera_raw_is_named_whatever_its_disguise() {
    const MESSAGE: &str = "unsupported TIFF: camera raw; develop it first, and send the JPEG or TIFF";
    assert_eq!(refusal(data!("dng.tif")), MESSAGE);
    assert_eq!(refusal(data!("raw-in-subfile.tif")), MESSAGE);
    let cr2 = b"II*\0\x10\0\0\0CR\x02\0\0\0\0\0\0\0\0\0\0\0".as_slice();
    assert_eq!(refusal((cr2, "CR2")), MESSAGE);
    let cr3 = b"\0\0\0\x18ftypcrx \0\0\0\x01crx isom".as_slice();
    assert_eq!(
        refusal((cr3, "CR3")),
        "unsupported image format: camera raw; develop it first, and send the JPEG or TIFF"
    );
}

#[test]
fn heic_is_named_with_its_remedy() {
    assert_eq!(
        refusal(data!("iphone.heic")),
        "unsupported image format: HEIC, in this build of Cutline: convert it to JPEG, set the camera to Most Compatible, or \
         build with --features heic"
    );
}

#[test]
fn the_picture_of_a_tiff_is_no_reduced_copy() {
    for file in [data!("reduced-first.tif"), data!("picture-in-subfile.tif")] {
        assert_shows_blocks(file, 0);
        assert!(decoded(file).metadata().warnings.is_empty(), "{}", file.1);
    }
}

#[test]
fn tiffs_of_every_layout_and_depth_are_decoded() {
    for file in [
        data!("planar-tiled.tif"),
        data!("planar-tiled16.tif"),
        data!("zstd.tif"),
        data!("zstd-tiled.tif"),
        data!("int32.tif"),
        data!("extra-tiled.tif"),
        data!("palette8.tif"),
        data!("palette8-narrow.tif"),
        data!("palette4.tif"),
        data!("palette4-reversed.tif"),
        data!("rgb12.tif"),
    ] {
        assert_shows_blocks(file, 0);
    }
    for file in [data!("float16.tif"), data!("float32.tif"), data!("float32-predicted.tif"), data!("float64-be.tif")] {
        assert_shows_blocks(file, 0);
        assert_eq!(decoded(file).metadata().warnings.len(), 1, "{}: no profile", file.1);
    }
}

#[test]
fn tiffs_that_cannot_be_decoded_name_their_compression() {
    for (file, name) in [(data!("lzma.tif"), "LZMA"), (data!("webp.tif"), "WebP"), (data!("jpeg2000.tif"), "JPEG 2000")]
    {
        let message = refusal(file);
        assert!(message.starts_with(&format!("unsupported TIFF: {name} compression; save it ")), "{message}");
    }
}

#[test]
fn a_gif_grows_with_its_first_frame() {
    let photo = decoded(data!("gif_big.gif"));
    assert_eq!(photo.dimensions(), (700, 500));
}

#[test]
fn the_first_frame_that_shows_something_is_used() {
    let photo = decoded(data!("gif_blankfirst.gif"));
    assert_eq!(photo.metadata().warnings, ["Only frame 2 of the animation was used: those before it are blank."]);
    let colors: std::collections::HashSet<_> = photo.color().pixels().collect();
    assert!(colors.len() > 4, "{colors:?}");
}

#[test]
fn the_clean_aperture_is_cut_out() {
    let photo = decoded(data!("av_clap.avif"));
    assert_eq!(photo.dimensions(), (400, 300));
    // The places of the whole picture, less the corner of the aperture.
    assert_near(photo.color().get_pixel(140, 60).0, [40, 140, 60], 8, "av_clap.avif");
    assert_near(photo.color().get_pixel(170, 240).0, [128; 3], 8, "av_clap.avif");
}

#[test]
fn drawings_may_be_compressed_or_in_another_encoding() {
    assert_eq!(decoded(data!("svgz.svg")).dimensions().0, 2048);
    let text =
        "<svg xmlns='http://www.w3.org/2000/svg' width='8' height='8'><path fill='#123456' d='M0 0h8v8H0z'/></svg>";
    let utf_16: Vec<u8> = [0xFEFF].into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    assert_eq!(decoded((&utf_16, "UTF-16")).color().get_pixel(9, 9).0, [0x12, 0x34, 0x56]);
}

#[test]
fn indexed_psds_are_decoded() {
    assert_shows_blocks(data!("indexed.psd"), 0);
    let photo = decoded(data!("indexed-transparent.psd"));
    let alpha = photo.alpha().expect("has alpha");
    assert_eq!((alpha.get_pixel(4, 4).0, alpha.get_pixel(20, 12).0), ([255], [0]));
}

/// The reference is psd-tools' picture of the same layers.
#[test]
fn layers_without_a_merged_image_are_composed() {
    let expected = decoded(data!("layers.png"));
    for file in [data!("layers.psd"), data!("layers-zip.psd"), data!("layers-raw.psd"), data!("layers16-predicted.psd")]
    {
        let photo = decoded(file);
        assert_eq!(photo.dimensions(), expected.dimensions());
        for (at, (shown, expected)) in photo.color().pixels().zip(expected.color().pixels()).enumerate() {
            assert_near(shown.0, expected.0, 2, &format!("{} at {}, {}", file.1, at % 32, at / 32));
        }
        assert!(photo.alpha().is_none(), "{}", file.1);
    }
    let photo = decoded(data!("layers-transparent.psd"));
    let alpha = photo.alpha().expect("has alpha");
    assert_eq!((alpha.get_pixel(0, 0).0, alpha.get_pixel(12, 6).0), ([0], [128]));
    assert_eq!(photo.color().get_pixel(12, 6).0, BLOCKS[1]);
}

#[test]
fn layers_that_cannot_be_composed_are_named() {
    for (file, feature) in [
        (data!("layers-screen.psd"), "a blend mode other than normal and multiply"),
        (data!("layers-clipped.psd"), "a clipping mask"),
        (data!("layers-adjusted.psd"), "an adjustment layer"),
        (data!("layers-effects.psd"), "layer effects"),
        (data!("layers-filled.psd"), "a fill layer"),
        (data!("layers-vector.psd"), "a vector mask"),
    ] {
        let message = format!("unsupported PSD: no merged image, and {feature}; save it with 'Maximize Compatibility'");
        assert_eq!(refusal(file), message);
    }
    let error = decode(data!("layers-unmatched.psd").0, &Limits::default()).expect_err("is damaged");
    assert!(files::is_damaged(&error, |kind| kind == ImageKind::Psd), "{error:?}");
}

/// Every truncated file is an error, or was complete.
#[test]
fn truncated_files_are_refused_without_a_panic() {
    let limits = Limits { max_pixels: 4_000_000, max_alloc: 32 << 20, ..Limits::default() };
    for (file, name) in [
        data!("layers.psd"),
        data!("layers-zip.psd"),
        data!("layers16-predicted.psd"),
        data!("indexed.psd"),
        data!("planar-tiled.tif"),
        data!("float32-predicted.tif"),
        data!("palette4.tif"),
        data!("zstd.tif"),
        data!("ni_420.jpg"),
        data!("svgz.svg"),
    ] {
        for length in (0..file.len()).step_by(file.len() / 97 + 1) {
            if let Err(error) = decode(&file[..length], &limits) {
                assert!(!matches!(error, Error::DecoderPanicked { .. }), "{name} at {length}");
            }
        }
    }
}
