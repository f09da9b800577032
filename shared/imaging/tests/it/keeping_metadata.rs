//! Which metadata of a source get into the pictures, from every kind of file into every format.

use std::io::Cursor;

use bytes::Bytes;
use cutline_core::domain::keep_metadata::KeepMetadata;
use cutline_core::ports::{PipelineInput, PipelineOutput};
use cutline_core::{AssetKind, Mode, OutputFormat, ParamSet, Rendering, RequestedFormat, Variation};
use image::codecs::jpeg::JpegDecoder;
use image::codecs::png::PngDecoder;
use image::codecs::webp::WebPDecoder;
use image::{DynamicImage, ImageDecoder};
use proptest::prelude::*;
use serde_json::json;
use tiff::decoder::Decoder as TiffDecoder;
use tiff::tags::Tag;

use crate::files;
use crate::metadata_files::{
    CAPTION, EXTENDED, NOTE, NOTE_AT, SERIAL, SIZE, SOURCE_TYPE, THUMBNAIL, exif_block, jpeg, read_exif, sources, xmp,
};
use crate::pipeline::imaging;

const FORMATS: [OutputFormat; 5] =
    [OutputFormat::Png, OutputFormat::Jpeg, OutputFormat::Webp, OutputFormat::Tiff, OutputFormat::Psd];

/// The picture `background` of a source, and everything made with it.
fn made(source: &[u8], format: OutputFormat, kept: Option<KeepMetadata>) -> (Bytes, PipelineOutput) {
    let rendering = Rendering { keep_metadata: kept, ..Rendering::default() };
    let input = PipelineInput {
        format: Some(RequestedFormat::Encoded(format)),
        rendering,
        ..PipelineInput::new(source.to_vec(), Mode::Background)
    };
    let made = imaging(1.0).make(&input, &|_, _| {}).expect("is made");
    (made.pictures[0].bytes.clone(), made)
}

fn contains(file: &[u8], text: &str) -> bool {
    file.windows(text.len()).any(|window| window == text.as_bytes())
}

fn count(text: &str, part: &str) -> usize {
    text.matches(part).count()
}

/// Metadata as programs of others read them.
#[derive(Default)]
struct Found {
    /// A block, or for a TIFF the whole file.
    exif: Option<Vec<u8>>,
    xmp: Option<String>,
    iptc: Option<Vec<u8>>,
}

impl Found {
    fn read(format: OutputFormat, file: &[u8]) -> Self {
        let cursor = Cursor::new(file);
        match format {
            OutputFormat::Png => Self::of_decoder(PngDecoder::new(cursor).expect("is a PNG")),
            OutputFormat::Webp => Self::of_decoder(WebPDecoder::new(cursor).expect("is a WebP")),
            OutputFormat::Jpeg => {
                let found = Self::of_decoder(JpegDecoder::new(cursor).expect("is a JPEG"));
                let start = file.windows(14).position(|bytes| bytes == b"Photoshop 3.0\0");
                Self { iptc: start.and_then(|start| resource(&file[start + 14..], 1028)), ..found }
            }
            OutputFormat::Tiff => {
                let mut decoder = TiffDecoder::new(cursor).expect("is a TIFF");
                let mut bytes = |tag| decoder.get_tag_u8_vec(tag).ok();
                let (xmp, iptc) = (bytes(Tag::from_u16_exhaustive(700)), bytes(Tag::from_u16_exhaustive(33_723)));
                Self { exif: Some(file.to_vec()), xmp: xmp.map(text), iptc }
            }
            OutputFormat::Psd => {
                let length = u32::from_be_bytes(file[30..34].try_into().expect("four bytes")) as usize;
                let read = |id| resource(&file[34..34 + length], id);
                Self { exif: read(1058), xmp: read(1060).map(text), iptc: read(1028) }
            }
        }
    }

    fn of_decoder(mut decoder: impl ImageDecoder) -> Self {
        let exif = decoder.exif_metadata().expect("is read");
        Self { exif, xmp: decoder.xmp_metadata().expect("is read").map(text), iptc: None }
    }
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("is UTF-8")
}

/// The data of one of Photoshop's resources, which all have empty names here.
fn resource(mut bytes: &[u8], id: u16) -> Option<Vec<u8>> {
    while let Some(rest) = bytes.strip_prefix(b"8BIM") {
        let length = u32::from_be_bytes(rest[4..8].try_into().expect("four bytes")) as usize;
        if u16::from_be_bytes([rest[0], rest[1]]) == id {
            return Some(rest[8..8 + length].to_vec());
        }
        bytes = &rest[8 + length.next_multiple_of(2)..];
    }
    None
}

fn check_exif(block: &[u8], what: &str) {
    let [picture, photo, place] = read_exif(block);
    assert_eq!(picture[&0x010F], b"Acme\0", "{what}");
    assert_eq!((&picture[&0x013B][..], &picture[&0x8298][..]), (&b"Ann Artist\0"[..], &b"(c) Ann\0"[..]), "{what}");
    assert_eq!(picture.get(&0x0112), None, "{what}: the picture is upright");
    assert_eq!(picture[&0x011A], [240, 0, 0, 0, 1, 0, 0, 0], "{what}");
    assert_eq!(photo[&0x829A], [1, 0, 0, 0, 125, 0, 0, 0], "{what}");
    assert_eq!((&photo[&0xA431][..SERIAL.len()], &photo[&0x927C][..]), (SERIAL.as_bytes(), NOTE), "{what}");
    // A TIFF states its size in tags of its own.
    let size =
        if picture.contains_key(&256) { [&picture[&256], &picture[&257]] } else { [&photo[&0xA002], &photo[&0xA003]] };
    assert_eq!(size, [&[64, 0, 0, 0], &[48, 0, 0, 0]], "{what}");
    assert_eq!(place[&2][..4], [46, 0, 0, 0], "{what}");
    assert_eq!(&block[NOTE_AT..NOTE_AT + NOTE.len()], NOTE, "{what}: the maker note is where it was");
}

#[test]
fn all_metadata_pass_from_every_kind_into_every_format() {
    for source in sources() {
        for format in FORMATS {
            let what = format!("{} to {format:?}", source.kind);
            let (file, made) = made(&source.file, format, Some(KeepMetadata::All));
            let Found { exif, xmp, iptc } = Found::read(format, &file);
            assert!(source.has_exif && !contains(&file, THUMBNAIL), "{what}");
            check_exif(&exif.unwrap_or_else(|| panic!("{what}: no Exif")), &what);
            let xmp = xmp.unwrap_or_else(|| panic!("{what}: no XMP"));
            for (part, times) in [
                ("xmp:Rating=\"4\"", 1),
                (SERIAL, 1),
                (SOURCE_TYPE, 1),
                ("dc:creator>", 2),
                ("Ann Artist", 1),
                ("Orientation", 0),
                (EXTENDED, usize::from(source.kind == "JPEG")),
                ("HasExtendedXMP", 0),
                ("<?xpacket", 2),
            ] {
                assert_eq!(count(&xmp, part), times, "{what}: {part}: {xmp}");
            }
            let holds_iptc = !matches!(format, OutputFormat::Png | OutputFormat::Webp);
            assert_eq!(iptc.is_some(), holds_iptc, "{what}");
            let iptc = iptc.unwrap_or_default();
            assert_eq!(contains(&iptc, CAPTION), holds_iptc && source.has_iptc, "{what}");
            assert!(!iptc.windows(3).any(|set| set == [0x1C, 2, 131]), "{what}: the picture is upright");
            let is_lossy = source.has_iptc && !holds_iptc;
            let warned = made.warnings.get("background").map(|sentences| sentences.join(" ")).unwrap_or_default();
            assert_eq!(warned.contains("IPTC"), is_lossy, "{what}: {warned}");
            image_is_whole(format, &file, &what);
        }
    }
}

fn image_is_whole(format: OutputFormat, file: &[u8], what: &str) {
    match format {
        OutputFormat::Tiff => {
            let mut decoder = TiffDecoder::new(Cursor::new(file)).expect("is a TIFF");
            assert_eq!(decoder.dimensions().expect("has a size"), SIZE, "{what}");
            decoder.read_image().expect("is read");
        }
        OutputFormat::Psd => {}
        _ => {
            let picture = image::load_from_memory(file).expect("is a picture");
            assert_eq!((picture.width(), picture.height()), SIZE, "{what}");
        }
    }
}

/// Nobody who does not ask for it gives away where a photograph was taken, and with which camera.
#[test]
fn by_default_only_the_credit_is_kept_and_no_place_or_serial_number() {
    for source in sources() {
        for format in FORMATS {
            let what = format!("{} to {format:?}", source.kind);
            for kept in [None, Some(KeepMetadata::Credit)] {
                let (file, made) = made(&source.file, format, kept);
                let matte = &made.assets.iter().find(|asset| asset.kind == AssetKind::Matte).expect("a matte").bytes;
                for gone in [SERIAL, CAPTION, THUMBNAIL, "Acme", "Rating", EXTENDED, "A NOTE"] {
                    assert!(!contains(&file, gone) && !contains(matte, gone), "{what}: {gone}");
                }
                let Found { exif, xmp, .. } = Found::read(format, &file);
                let places = exif.map(|block| read_exif(&block)).map_or(0, |[_, _, place]| place.len());
                assert_eq!(places, 0, "{what}");
                let xmp = xmp.unwrap_or_else(|| panic!("{what}: no XMP"));
                for part in [SOURCE_TYPE, "Ann Artist", "(c) Ann"] {
                    assert_eq!(count(&xmp, part), 1, "{what}: {part}: {xmp}");
                }
            }
        }
    }
}

#[test]
fn nothing_is_kept_if_asked_but_the_resolution_and_the_profile() {
    for source in sources() {
        for format in FORMATS {
            let what = format!("{} to {format:?}", source.kind);
            let (file, made) = made(&source.file, format, Some(KeepMetadata::None));
            let matte = &made.assets.iter().find(|asset| asset.kind == AssetKind::Matte).expect("a matte").bytes;
            for gone in [SERIAL, CAPTION, "Acme", "Ann Artist", "(c) Ann", "digitalsourcetype", "Rating"] {
                assert!(!contains(&file, gone) && !contains(matte, gone), "{what}: {gone}");
            }
            let Found { exif, xmp, iptc } = Found::read(format, &file);
            assert!(xmp.is_none() && iptc.is_none(), "{what}");
            if let Some(block) = exif {
                assert_eq!(read_exif(&block)[0][&0x011A], [240, 0, 0, 0, 1, 0, 0, 0], "{what}");
            }
        }
    }
}

#[test]
fn a_source_without_a_digital_source_type_gets_none() {
    let plain = files::write(&DynamicImage::ImageRgb8(files::picture(64, 48)), "png", None);
    let foreign = jpeg(&exif_block(&[]), &xmp("", "").replace("digitalsourcetype", "genre"), None);
    for source in [plain, foreign] {
        for format in FORMATS {
            assert!(!contains(&made(&source, format, None).0, "DigitalSourceType"), "{format:?}");
        }
    }
}

/// The XMP packet of the composed picture of a source before a background.
fn composed(source: &[u8], background: serde_json::Value, backdrop: Option<Vec<u8>>, kept: KeepMetadata) -> String {
    let set = json!({"background": background, "variations": ["compose"]});
    let input = PipelineInput {
        set: Some(ParamSet::read(set).expect("is a set")),
        backdrop: backdrop.map(Bytes::from),
        rendering: Rendering { keep_metadata: Some(kept), ..Rendering::default() },
        ..PipelineInput::new(source.to_vec(), Mode::Params)
    };
    let made = imaging(1.0).make(&input, &|_, _| {}).expect("is made");
    assert_eq!(made.pictures[0].variation, Variation::Compose);
    Found::read(OutputFormat::Png, &made.pictures[0].bytes).xmp.expect("has a packet")
}

#[test]
fn a_picture_behind_the_subject_makes_a_composite_and_a_color_does_not() {
    let photo = jpeg(&exif_block(&[]), &xmp("", ""), None);
    let of_type = |name: &str| Some(jpeg(&exif_block(&[]), &xmp("", "").replace("digitalCapture", name), None));
    let unknown = files::write(&DynamicImage::ImageRgb8(files::picture(64, 48)), "png", None);
    let url = || json!({"image_url": "https://example.com/a.png"});
    for kept in [KeepMetadata::Credit, KeepMetadata::All] {
        for (background, backdrop, expected) in [
            (json!("#ffffff"), None, "digitalCapture"),
            (json!("transparent"), None, "digitalCapture"),
            (url(), of_type("negativeFilm"), "compositeCapture"),
            (url(), of_type("trainedAlgorithmicMedia"), "compositeSynthetic"),
            (url(), Some(unknown.clone()), "composite"),
        ] {
            let packet = composed(&photo, background, backdrop, kept);
            // As an element of its own, or left in place as an attribute.
            let named = ['<', '"'].map(|end| count(&packet, &format!("/{expected}{end}")));
            assert_eq!(named.iter().sum::<usize>(), 1, "{kept:?}: {expected}: {packet}");
            assert_eq!(count(&packet, "digitalsourcetype/"), 1, "{packet}");
        }
    }
    let untyped = xmp("", "").replace("ext:DigitalSourceType", "ext:Other");
    let packet =
        composed(&jpeg(&exif_block(&[]), &untyped, None), url(), of_type("digitalCapture"), KeepMetadata::Credit);
    assert_eq!(count(&packet, "digitalsourcetype"), 0, "nothing is made up: {packet}");
}

#[test]
fn what_does_not_fit_into_a_jpeg_is_named() {
    let long = |letter: &str| letter.repeat(50_000);
    let properties = format!("<xmp:One>{}</xmp:One><xmp:Two>{}</xmp:Two>", long("a"), long("b"));
    let source = png_with(&exif_block(&[]), &xmp("", &properties));
    let (file, made) = made(&source, OutputFormat::Jpeg, Some(KeepMetadata::All));
    let said = made.warnings["background"].join(" ");
    assert!(said.contains("XMP") && said.contains("the property xmp:One") && said.contains("64 KB"), "{said}");
    let found = Found::read(OutputFormat::Jpeg, &file).xmp.expect("has a packet");
    assert!(count(&found, "<xmp:Two>") == 1 && count(&found, "<xmp:One>") == 0 && count(&found, SERIAL) == 1);
    let (file, made) = self::made(&source, OutputFormat::Tiff, Some(KeepMetadata::All));
    assert!(made.warnings.is_empty(), "{:?}", made.warnings);
    assert_eq!(count(&Found::read(OutputFormat::Tiff, &file).xmp.expect("has a packet"), "<xmp:One>"), 1);
}

fn png_with(exif: &[u8], xmp: &str) -> Vec<u8> {
    let plain = files::write(&DynamicImage::ImageRgb8(files::picture(SIZE.0, SIZE.1)), "png", None);
    let (head, rest) = plain.split_at(33);
    let text = [b"XML:com.adobe.xmp\0\0\0\0\0".as_slice(), xmp.as_bytes()].concat();
    [head, &files::chunk(b"eXIf", exif), &files::chunk(b"iTXt", &text), rest].concat()
}

#[test]
fn damaged_metadata_are_left_out_with_a_warning() {
    let source = png_with(&exif_block(&[]), "<x:xmpmeta");
    let (file, made) = made(&source, OutputFormat::Png, Some(KeepMetadata::All));
    assert!(made.warnings["source"].iter().any(|said| said.contains("XMP")), "{:?}", made.warnings);
    check_exif(&Found::read(OutputFormat::Png, &file).exif.expect("has Exif"), "the rest");
    let (_, made) = self::made(&source, OutputFormat::Png, None);
    assert!(made.warnings.is_empty(), "who keeps the credit alone is not warned: {:?}", made.warnings);
}

/// A picture with all metadata is a source like any other: nothing is lost or doubled by a second run.
#[test]
fn a_second_run_keeps_the_same() {
    for format in FORMATS {
        let (first, _) = made(&sources()[0].file, format, Some(KeepMetadata::All));
        let (second, _) = made(&first, format, Some(KeepMetadata::All));
        let (before, after) = (Found::read(format, &first), Found::read(format, &second));
        assert_eq!((before.xmp, before.iptc), (after.xmp, after.iptc), "{format:?}");
        let tags = |block: Option<Vec<u8>>| {
            let mut tags = read_exif(&block.expect("has Exif"));
            // Places of the pixels and of other directories.
            tags[0].retain(|tag, _| ![273, 279, 0x8769, 0x8825].contains(tag));
            tags
        };
        assert_eq!(tags(before.exif), tags(after.exif), "{format:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Whatever the metadata say, the picture is made, and its file can be read.
    #[test]
    fn survives_damaged_metadata(
        at in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
        length in any::<prop::sample::Index>(),
        format in prop::sample::select(FORMATS.to_vec()),
    ) {
        let mut exif = exif_block(&[]);
        for (index, value) in &at {
            let place = index.index(exif.len());
            exif[place] = *value;
        }
        exif.truncate(8.max(length.index(exif.len() + 200)));
        let (file, _) = made(&png_with(&exif, &xmp("", "")), format, Some(KeepMetadata::All));
        let found = Found::read(format, &file);
        prop_assert!(found.xmp.is_some());
        if let Some(block) = found.exif {
            let _ = read_exif(&block);
        }
        let size = |picture: DynamicImage| (picture.width(), picture.height());
        if matches!(format, OutputFormat::Png | OutputFormat::Jpeg | OutputFormat::Webp) {
            let (width, height) = size(image::load_from_memory(&file).expect("is a picture"));
            prop_assert_eq!(width * height, SIZE.0 * SIZE.1);
        }
    }
}
