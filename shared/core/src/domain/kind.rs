//! The kinds of picture that can be read. Content decides which one a file is, never its name or a header.

use std::io::Read;

use flate2::read::GzDecoder;

use super::choice::sentence_list;

/// How much of a text is searched for the start of a drawing, in bytes.
const SEARCHED: usize = 8192;

/// A kind of picture that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ImageKind {
    /// JPEG.
    Jpeg,
    /// PNG.
    Png,
    /// WebP.
    Webp,
    /// GIF.
    Gif,
    /// AVIF.
    Avif,
    /// TIFF.
    Tiff,
    /// Photoshop document, including the large variant (PSB).
    Psd,
    /// Scalable Vector Graphics.
    Svg,
    /// HEIC, the photos of iPhones.
    Heic,
}

/// The facts about a kind of picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KindInfo {
    /// The name as people write it.
    pub name: &'static str,
    /// The usual file extensions, in lower case and without the dot. Content decides, never the extension.
    pub extensions: &'static [&'static str],
    /// Whether such a picture can be transparent.
    pub has_alpha: bool,
    /// Whether such a file can hold a clipping path.
    pub takes_path: bool,
    /// The cargo feature without which a program cannot decode such files. `None` if all can.
    pub feature: Option<&'static str>,
}

impl ImageKind {
    /// Every kind, in the order of the documentation.
    pub const ALL: [Self; 9] =
        [Self::Jpeg, Self::Png, Self::Webp, Self::Gif, Self::Avif, Self::Tiff, Self::Psd, Self::Svg, Self::Heic];

    /// The facts about the kind.
    pub const fn info(self) -> &'static KindInfo {
        match self {
            Self::Jpeg => &KindInfo {
                name: "JPEG",
                extensions: &["jpg", "jpeg", "jpe", "jfif"],
                has_alpha: false,
                takes_path: true,
                feature: None,
            },
            Self::Png => {
                &KindInfo { name: "PNG", extensions: &["png"], has_alpha: true, takes_path: false, feature: None }
            }
            Self::Webp => {
                &KindInfo { name: "WebP", extensions: &["webp"], has_alpha: true, takes_path: false, feature: None }
            }
            Self::Gif => {
                &KindInfo { name: "GIF", extensions: &["gif"], has_alpha: true, takes_path: false, feature: None }
            }
            Self::Avif => {
                &KindInfo { name: "AVIF", extensions: &["avif"], has_alpha: true, takes_path: false, feature: None }
            }
            Self::Tiff => &KindInfo {
                name: "TIFF",
                extensions: &["tif", "tiff"],
                has_alpha: true,
                takes_path: true,
                feature: None,
            },
            Self::Psd => {
                &KindInfo { name: "PSD", extensions: &["psd", "psb"], has_alpha: true, takes_path: true, feature: None }
            }
            Self::Svg => &KindInfo {
                name: "SVG",
                extensions: &["svg", "svgz"],
                has_alpha: true,
                takes_path: false,
                feature: None,
            },
            Self::Heic => &KindInfo {
                name: "HEIC",
                extensions: &["heic", "heif", "hif"],
                has_alpha: true,
                takes_path: false,
                feature: Some("heic"),
            },
        }
    }

    /// The name as people write it.
    pub const fn name(self) -> &'static str {
        self.info().name
    }

    /// The message about a damaged file of this kind. The problem is a clause: "the frame lies outside the canvas".
    pub fn damaged(self, problem: &str) -> String {
        format!("damaged {}: {problem}; export it again", self.name())
    }

    /// The message about a file of a kind that a program decodes only with a cargo feature, which this one lacks.
    pub fn undecodable(self) -> String {
        let feature = self.info().feature.unwrap_or("default");
        format!(
            "unsupported image format: {}, in this build of Cutline: convert it to JPEG, set the camera to Most Compatible, \
             or build with --features {feature}",
            self.name()
        )
    }

    /// The names of the kinds that every program decodes, as a list in a sentence.
    pub fn listed(conjunction: &str) -> String {
        let everywhere = Self::ALL.into_iter().filter(|kind| kind.info().feature.is_none());
        sentence_list(everywhere.map(Self::name), conjunction)
    }

    /// The names of the kinds that take a clipping path, as a list in a sentence.
    pub fn listed_with_path(conjunction: &str) -> String {
        sentence_list(Self::ALL.into_iter().filter(|kind| kind.info().takes_path).map(Self::name), conjunction)
    }

    /// The kind of a file by its content, or `None` if it is not supported.
    pub fn sniff(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0xFF, 0xD8, 0xFF, ..] => Some(Self::Jpeg),
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1A, b'\n', ..] => Some(Self::Png),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Self::Webp),
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(Self::Gif),
            [_, _, _, _, b'f', b't', b'y', b'p', ..] => still_image(bytes),
            [b'I', b'I', 42 | 43, 0, ..] | [b'M', b'M', 0, 42 | 43, ..] => Some(Self::Tiff),
            [b'8', b'B', b'P', b'S', 0, 1 | 2, ..] => Some(Self::Psd),
            _ if looks_like_svg(bytes) => Some(Self::Svg),
            _ => None,
        }
    }
}

/// AVIF or HEIC, by the major or a compatible brand of the file type box (ISO 14496-12, section 4.3).
fn still_image(bytes: &[u8]) -> Option<ImageKind> {
    let of_brand = |brand: &[u8]| match brand {
        b"avif" | b"avis" => Some(ImageKind::Avif),
        b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" => Some(ImageKind::Heic),
        _ => None,
    };
    let [a, b, c, d] = bytes.first_chunk()?;
    let length = u32::from_be_bytes([*a, *b, *c, *d]).min(256) as usize;
    match bytes.get(8..12)? {
        // Generic brands of HEIF pictures: the compatible brands decide.
        b"mif1" | b"msf1" | b"miaf" => {
            let brands = bytes.get(16..length.min(bytes.len())).unwrap_or_default();
            brands.chunks_exact(4).find_map(of_brand)
        }
        brand => of_brand(brand),
    }
}

/// Whether `<svg` occurs in the first 8 KB of a text that begins with `<` and is not a web page. A document type with
/// a drawing program's entities may come first. The text may be compressed by gzip, and in UTF-16.
fn looks_like_svg(bytes: &[u8]) -> bool {
    if bytes.starts_with(&[0x1F, 0x8B]) {
        let mut head = Vec::new();
        // The start of a file is enough; its end is an error that changes nothing.
        let _ = GzDecoder::new(bytes).take(SEARCHED as u64).read_to_end(&mut head);
        return looks_like_svg_text(&head);
    }
    looks_like_svg_text(bytes)
}

fn looks_like_svg_text(bytes: &[u8]) -> bool {
    let head = &bytes[..bytes.len().min(SEARCHED)];
    let narrowed: Vec<u8>;
    let head = match head {
        // UTF-16, by its mark or by its first letter. Other letters cannot be part of the searched words.
        [0xFF, 0xFE, text @ ..] | text @ [b'<', 0, ..] => {
            narrowed = text.as_chunks::<2>().0.iter().map(|unit| narrow(u16::from_le_bytes(*unit))).collect();
            &narrowed
        }
        [0xFE, 0xFF, text @ ..] | text @ [0, b'<', ..] => {
            narrowed = text.as_chunks::<2>().0.iter().map(|unit| narrow(u16::from_be_bytes(*unit))).collect();
            &narrowed
        }
        text => text.strip_prefix(&[0xEF, 0xBB, 0xBF]).unwrap_or(text),
    };
    let head = head.trim_ascii_start();
    let starts_page = |start: &[u8]| head.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start));
    head.starts_with(b"<")
        && !starts_page(b"<html")
        && !starts_page(b"<!doctype html")
        && head.windows(4).any(|w| w == b"<svg")
}

/// The ASCII letter of a code unit, or a letter that no markup contains.
fn narrow(unit: u16) -> u8 {
    u8::try_from(unit).ok().filter(u8::is_ascii).unwrap_or(b'?')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_decides_the_kind() {
        let cases: [(&[u8], Option<ImageKind>); 18] = [
            (b"\xFF\xD8\xFF\xE0rest", Some(ImageKind::Jpeg)),
            (b"\x89PNG\r\n\x1A\nrest", Some(ImageKind::Png)),
            (b"RIFF\0\0\0\0WEBPVP8 ", Some(ImageKind::Webp)),
            (b"GIF89a...", Some(ImageKind::Gif)),
            (b"\0\0\0\x20ftypavif", Some(ImageKind::Avif)),
            (b"\0\0\0\x18ftypmif1\0\0\0\0mif1avif", Some(ImageKind::Avif)),
            (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", Some(ImageKind::Heic)),
            (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", Some(ImageKind::Heic)),
            (b"\0\0\0\x18ftypmif1\0\0\0\0mif1jpeg", None),
            (b"<html><svg/></html>", None),
            (b"8BPS\0\x02....", Some(ImageKind::Psd)),
            (b"II*\0....", Some(ImageKind::Tiff)),
            (b"MM\0*....", Some(ImageKind::Tiff)),
            (b"8BPS\0\x01....", Some(ImageKind::Psd)),
            (b"<?xml version='1.0'?><svg/>", Some(ImageKind::Svg)),
            (b"<html><body>no</body></html>", None),
            (b"just a text", None),
            (b"", None),
        ];
        for (bytes, expected) in cases {
            assert_eq!(ImageKind::sniff(bytes), expected, "{bytes:?}");
        }
    }

    #[test]
    fn drawings_may_be_compressed_or_in_utf_16() {
        use std::io::Write as _;

        let text = "<?xml version='1.0'?><svg/>";
        let units: Vec<u16> = text.encode_utf16().collect();
        let little: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
        let big: Vec<u8> = units.iter().flat_map(|unit| unit.to_be_bytes()).collect();
        let gzip = |text: &[u8]| {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(text).and_then(|()| encoder.finish()).expect("writes to memory")
        };
        let compressed = gzip(text.as_bytes());
        for file in [
            &little,
            &big,
            &[&[0xFF, 0xFE], little.as_slice()].concat(),
            &[&[0xFE, 0xFF], big.as_slice()].concat(),
            &gzip(&little),
            &compressed,
            // A part of a file is recognized too.
            &compressed[..compressed.len() - 9].to_vec(),
        ] {
            assert_eq!(ImageKind::sniff(file), Some(ImageKind::Svg), "{file:?}");
        }
        assert_eq!(ImageKind::sniff(&gzip(b"<html><svg/></html>")), None);
        assert_eq!(ImageKind::sniff(&gzip(b"just a text")), None);
    }
}
