//! The size of a picture by the header of its file, for requests that are refused before anything is decoded.
//!
//! Not a decoder: it knows the kinds whose header is simple, and checks nothing else.

use super::kind::ImageKind;

/// The most segments of a JPEG that are passed on the way to its size.
const MAX_SEGMENTS: usize = 10_000;

/// Width and height in pixels of the picture as the file stores it, before it is turned upright. `None` for kinds whose size
/// takes more than a look at the header (AVIF, HEIC, TIFF, SVG, and GIF, whose first frame may reach beyond the size in the
/// header), and for a header that cannot be read.
pub fn stored_size(file: &[u8]) -> Option<(u32, u32)> {
    let size = match ImageKind::sniff(file)? {
        ImageKind::Png => png(file),
        ImageKind::Jpeg => jpeg(file),
        ImageKind::Webp => webp(file),
        ImageKind::Psd => psd(file),
        ImageKind::Gif | ImageKind::Avif | ImageKind::Heic | ImageKind::Tiff | ImageKind::Svg => None,
    };
    size.filter(|(width, height)| *width > 0 && *height > 0)
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

/// Length and bits per sample come before height and width.
fn jpeg(file: &[u8]) -> Option<(u32, u32)> {
    let frame = jpeg_frame(file)?;
    Some((be16(file, frame + 5)?, be16(file, frame + 3)?))
}

/// Where the frame header of a JPEG begins, after its marker (ITU-T T.81, annex B). It is in front of the first scan.
pub(super) fn jpeg_frame(file: &[u8]) -> Option<usize> {
    let mut at = 2;
    for _ in 0..MAX_SEGMENTS {
        let found = file.get(at..)?.windows(2).position(|pair| pair[0] == 0xFF && !matches!(pair[1], 0 | 0xFF))?;
        let (marker, after) = (file[at + found + 1], at + found + 2);
        match marker {
            // Huffman tables, reserved, and arithmetic conditioning are no frames.
            0xC0..=0xCF if !matches!(marker, 0xC4 | 0xC8 | 0xCC) => return Some(after),
            // The first scan, or the end.
            0xD9 | 0xDA => return None,
            _ => at = after + be16(file, after)? as usize,
        }
    }
    None
}

#[cfg(test)]
mod tests {
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
        let cases: [(&str, Vec<u8>); 6] = [
            ("JPEG", jpeg),
            ("PNG", b"\x89PNG\r\n\x1A\n\0\0\0\x0DIHDR\0\0\x0F\xA0\0\0\x0B\xB8".to_vec()),
            ("PSD", b"8BPS\0\x01\0\0\0\0\0\0\0\x03\0\0\x0B\xB8\0\0\x0F\xA0".to_vec()),
            ("lossy WebP", webp_with(b"VP8 ", &[0, 0, 0, 0x9D, 1, 0x2A, 0xA0, 0x0F, 0xB8, 0x0B])),
            ("lossless WebP", webp_with(b"VP8L", &lossless)),
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
