//! The size of a picture by the header of its file, for requests that are refused before anything is decoded.
//!
//! Not a decoder: it knows the kinds whose header is simple, and checks nothing else.

use super::jpeg_segments::frame;
use super::kind::ImageKind;
use super::tiff_page::TiffPage;

/// Width and height in pixels of the picture as the file stores it, before it is turned upright. `None` for kinds whose size
/// takes more than a look at the header (AVIF, HEIC, SVG, TIFF of several pages, and GIF, whose first frame may reach beyond
/// the size in the header), and for a header that cannot be read.
pub fn stored_size(file: &[u8]) -> Option<(u32, u32)> {
    let size = match ImageKind::sniff(file)? {
        ImageKind::Png => png(file),
        ImageKind::Jpeg => jpeg(file),
        ImageKind::Webp => webp(file),
        ImageKind::Psd => psd(file),
        ImageKind::Tiff => tiff(file),
        ImageKind::Gif | ImageKind::Avif | ImageKind::Heic | ImageKind::Svg => None,
    };
    size.filter(|(width, height)| *width > 0 && *height > 0)
}

/// The message about a mask that has another size than its picture: width and height of both in pixels.
pub fn mask_mismatch(mask: (u32, u32), picture: (u32, u32)) -> String {
    format!(
        "mask of another size: it has {} x {} pixels, and the image {} x {}; scale it to the image's size",
        mask.0, mask.1, picture.0, picture.1
    )
}

/// The message about a mask that cannot have the size of its picture, whichever way the two are turned. `None` if it can, or
/// if the size of the mask is not [known](stored_size).
pub fn mask_refusal(mask: &[u8], picture: (u32, u32)) -> Option<String> {
    let mask = stored_size(mask)?;
    let sides = |(width, height): (u32, u32)| (width.min(height), width.max(height));
    (sides(mask) != sides(picture)).then(|| mask_mismatch(mask, picture))
}

pub(super) fn be16(file: &[u8], at: usize) -> Option<u32> {
    Some(u16::from_be_bytes(*file.get(at..)?.first_chunk()?).into())
}

fn le16(file: &[u8], at: usize) -> Option<u32> {
    Some(u16::from_le_bytes(*file.get(at..)?.first_chunk()?).into())
}

fn be32(file: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*file.get(at..)?.first_chunk()?))
}

/// The first chunk is the header.
fn png(file: &[u8]) -> Option<(u32, u32)> {
    let is_header = file.get(12..16) == Some(b"IHDR".as_slice());
    Some((be32(file, 16)?, be32(file, 20)?)).filter(|_| is_header)
}

/// The height comes first.
fn psd(file: &[u8]) -> Option<(u32, u32)> {
    Some((be32(file, 18)?, be32(file, 14)?))
}

/// The first chunk: a lossy or lossless frame, or the header of an extended file (RFC 9649).
fn webp(file: &[u8]) -> Option<(u32, u32)> {
    const SIDE: u32 = 0x3FFF;
    let data = file.get(20..)?;
    match file.get(12..16)? {
        // Three bytes of a tag and three of a start code; the upper two bits of a side ask for scaling.
        b"VP8 " => Some((le16(data, 6)? & SIDE, le16(data, 8)? & SIDE)),
        b"VP8L" => {
            // Behind a signature, both sides less one, in 14 bits each.
            let bits = u32::from_le_bytes(*data.get(1..)?.first_chunk()?);
            Some(((bits & SIDE) + 1, ((bits >> 14) & SIDE) + 1))
        }
        b"VP8X" => {
            // Both sides less one, in three bytes each.
            let side = |at: usize| {
                let [a, b, c] = *data.get(at..)?.first_chunk()?;
                Some(u32::from_le_bytes([a, b, c, 0]) + 1)
            };
            Some((side(4)?, side(7)?))
        }
        _ => None,
    }
}

/// The directory of the only page.
fn tiff(file: &[u8]) -> Option<(u32, u32)> {
    const WIDTH: u16 = 256;
    const HEIGHT: u16 = 257;
    let page = TiffPage::only(file)?;
    Some((page.integer(WIDTH)?, page.integer(HEIGHT)?))
}

/// Bits per sample come before height and width.
fn jpeg(file: &[u8]) -> Option<(u32, u32)> {
    let frame = frame(file)?;
    Some((be16(frame, 3)?, be16(frame, 1)?))
}

#[cfg(test)]
mod tests {
    use super::super::tiff_page::tests::page;
    use super::*;

    fn webp_with(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
        [b"RIFF\0\0\0\0WEBP", kind.as_slice(), &[0; 4], data].concat()
    }

    #[test]
    fn reads_the_size_of_every_simple_kind() {
        let jpeg = [
            b"\xFF\xD8".as_slice(),
            b"\xFF\xE0\0\x04ab",
            // A thumbnail's frame within a segment does not count.
            b"\xFF\xE1\0\x09\xFF\xC0\0\x03\x08\0\x01",
            b"\xFF\xC2\0\x0B\x08\x0B\xB8\x0F\xA0\x01",
        ]
        .concat();
        let extended = [0, 0, 0, 0, 0x9F, 0x0F, 0, 0xB7, 0x0B, 0];
        let lossless = [&[0x2F], &(3999_u32 | (2999 << 14)).to_le_bytes()[..]].concat();
        let cases: [(&str, Vec<u8>); 7] = [
            ("JPEG", jpeg),
            ("PNG", b"\x89PNG\r\n\x1A\n\0\0\0\x0DIHDR\0\0\x0F\xA0\0\0\x0B\xB8".to_vec()),
            ("PSD", b"8BPS\0\x01\0\0\0\0\0\0\0\x03\0\0\x0B\xB8\0\0\x0F\xA0".to_vec()),
            ("lossy WebP", webp_with(b"VP8 ", &[0, 0, 0, 0x9D, 1, 0x2A, 0xA0, 0x0F, 0xB8, 0x0B])),
            ("lossless WebP", webp_with(b"VP8L", &lossless)),
            ("TIFF", page(&[(256, 3, 1, 4000), (257, 4, 1, 3000)])),
            ("extended WebP", webp_with(b"VP8X", &extended)),
        ];
        for (name, file) in cases {
            assert_eq!(stored_size(&file), Some((4000, 3000)), "{name}");
            for length in 0..file.len() - 1 {
                assert!(stored_size(&file[..length]).is_none_or(|size| size == (4000, 3000)), "{name}: {length}");
            }
        }
    }

    #[test]
    fn a_mask_of_another_size_is_refused_whichever_way_it_is_turned() {
        let tiff = page(&[(256, 3, 1, 400), (257, 3, 1, 300)]);
        for size in [(400, 300), (300, 400)] {
            assert_eq!(mask_refusal(&tiff, size), None, "{size:?}");
        }
        let message =
            "mask of another size: it has 400 x 300 pixels, and the image 400 x 301; scale it to the image's size";
        assert_eq!(mask_refusal(&tiff, (400, 301)).as_deref(), Some(message));
        assert_eq!(mask_refusal(b"GIF89a\x90\x01\x2C\x01", (1, 1)), None, "of unknown size");
    }

    #[test]
    fn says_nothing_about_what_it_cannot_read() {
        for file in [
            b"II*\0....".as_slice(),
            b"<svg width='9' height='9'/>",
            b"\0\0\0\x20ftypavif",
            b"\xFF\xD8\xFF\xE0\0\0",
            b"\xFF\xD8\xFF\xDA\0\x02\xFF\xC0\0\x0B\x08\0\x01\0\x01\x01",
            b"\x89PNG\r\n\x1A\n\0\0\0\x0DIDAT\0\0\x0F\xA0\0\0\x0B\xB8",
            b"GIF89a\xA0\x0F\xB8\x0B",
            b"just a text",
        ] {
            assert_eq!(stored_size(file), None, "{file:?}");
        }
    }
}
