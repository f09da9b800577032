//! The segments of a JPEG with metadata: how they begin, and how much they hold.

/// The largest content of a segment, in bytes: its 16-bit length counts its own two bytes.
pub(super) const MAX_SEGMENT: usize = u16::MAX as usize - 2;
/// The start of the segment with Exif data.
pub(super) const EXIF: &[u8] = b"Exif\0\0";
/// The start of the segment with an XMP packet.
pub(super) const XMP: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";
/// The longest Exif data, in bytes.
pub(super) const MAX_EXIF: usize = MAX_SEGMENT - EXIF.len();
/// The longest XMP packet, in bytes.
pub(super) const MAX_XMP: usize = MAX_SEGMENT - XMP.len();
