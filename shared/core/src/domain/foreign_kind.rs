//! Kinds of file that cannot be read, and what to send in their place. Content decides, as for [`super::kind`].

/// A kind of file that is recognized and refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ForeignKind {
    /// The name as people write it.
    pub name: &'static str,
    /// The remedy, in the imperative.
    pub remedy: &'static str,
}

const CONVERT: &str = "convert it to JPEG or PNG";
const DEVELOP: &str = "develop it first, and send the JPEG or TIFF";
const HEIF: ForeignKind = ForeignKind { name: "HEIF", remedy: CONVERT };
const CAMERA_RAW: ForeignKind = ForeignKind { name: "camera raw", remedy: DEVELOP };
const JPEG_XL: ForeignKind = ForeignKind { name: "JPEG XL", remedy: CONVERT };
const JPEG_2000: ForeignKind = ForeignKind { name: "JPEG 2000", remedy: CONVERT };
const PDF: ForeignKind = ForeignKind { name: "PDF", remedy: "export the picture as PNG or SVG" };
const POST_SCRIPT: ForeignKind = ForeignKind { name: "EPS", remedy: "export the picture as PNG or SVG" };
const BMP: ForeignKind = ForeignKind { name: "BMP", remedy: CONVERT };
const VIDEO: ForeignKind = ForeignKind { name: "video", remedy: "export one frame as JPEG or PNG" };

impl ForeignKind {
    /// The kind of a file by its content, or `None` if it is not one of these. Call it only for files that are no
    /// [`ImageKind`](super::kind::ImageKind).
    pub fn sniff(bytes: &[u8]) -> Option<Self> {
        Some(match bytes {
            [_, _, _, _, b'f', b't', b'y', b'p', a, b, c, d, ..] => of_brand([*a, *b, *c, *d])?,
            [0xFF, 0x0A, ..] | [0, 0, 0, 12, b'J', b'X', b'L', b' ', ..] => JPEG_XL,
            [0, 0, 0, 12, b'j', b'P', b' ', b' ', ..] | [0xFF, 0x4F, 0xFF, 0x51, ..] => JPEG_2000,
            // Of Panasonic, Olympus, Minolta.
            [b'I', b'I', b'U', 0, ..] | [b'I', b'I', b'R', b'O' | b'S', ..] | [b'M', b'M', b'O', b'R', ..] => {
                CAMERA_RAW
            }
            [0, b'M', b'R', b'M', ..] => CAMERA_RAW,
            _ if bytes.starts_with(b"FUJIFILMCCD-RAW") || bytes.starts_with(b"FOVb") => CAMERA_RAW,
            _ if bytes.starts_with(b"%PDF-") => PDF,
            _ if bytes.starts_with(b"%!PS") || bytes.starts_with(&[0xC5, 0xD0, 0xD3, 0xC6]) => POST_SCRIPT,
            // A length of the header follows size and offset.
            [b'B', b'M', _, _, _, _, 0, 0, 0, 0, _, _, 0, 0, ..] => BMP,
            _ => return None,
        })
    }

    /// The refusal: `JPEG XL; convert it to JPEG or PNG`.
    pub fn refusal(self) -> String {
        format!("{}; {}", self.name, self.remedy)
    }
}

/// The kind of a file by its major brand (ISO 14496-12, section 4.3).
fn of_brand(brand: [u8; 4]) -> Option<ForeignKind> {
    Some(match &brand {
        // Of codecs other than AV1 and HEVC.
        b"mif1" | b"msf1" | b"miaf" | b"avci" | b"vvic" => HEIF,
        b"crx " => CAMERA_RAW,
        b"jxl " => JPEG_XL,
        b"jp2 " | b"jpx " => JPEG_2000,
        b"isom" | b"iso2" | b"mp41" | b"mp42" | b"qt  " | b"avc1" | b"M4V " => VIDEO,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::kind::ImageKind;

    #[test]
    fn content_decides_the_kind() {
        let cases: [(&[u8], Option<&str>); 14] = [
            (b"\0\0\0\x18ftypmif1\0\0\0\0mif1jpeg", Some("HEIF")),
            (b"\0\0\0\x18ftypavci\0\0\0\0mif1avci", Some("HEIF")),
            (b"\0\0\0\x18ftypcrx \0\0\0\x01crx isom", Some("camera raw")),
            (b"IIU\0\x18\0\0\0", Some("camera raw")),
            (b"FUJIFILMCCD-RAW 0201", Some("camera raw")),
            (b"\0\0\0\x0CJXL \r\n\x87\n", Some("JPEG XL")),
            (b"\0\0\0\x0CjP  \r\n\x87\n", Some("JPEG 2000")),
            (b"%PDF-1.7", Some("PDF")),
            (b"%!PS-Adobe-3.0 EPSF-3.0", Some("EPS")),
            (b"BM\x36\0\0\0\0\0\0\0\x36\0\0\0\x28", Some("BMP")),
            (b"\0\0\0\x18ftypisom", Some("video")),
            (b"BMW is a maker of cars", None),
            (b"just a text", None),
            (b"", None),
        ];
        for (bytes, expected) in cases {
            assert_eq!(ForeignKind::sniff(bytes).map(|kind| kind.name), expected, "{bytes:?}");
            assert_eq!(ImageKind::sniff(bytes), None, "{bytes:?}");
        }
    }
}
