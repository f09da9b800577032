//! All metadata of a source, for pictures that keep them. Read by `decode`, written by `encode`.

/// The metadata of a source in full: Exif, XMP and IPTC. Without what describes the source's pixels: their layout, size,
/// orientation and colors, thumbnails, and areas of the picture.
///
/// Holds at most a few megabytes, whatever the source states.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SourceMetadata {
    pub(crate) exif: ExifData,
    /// An XMP packet that can be parsed, with its extension.
    pub(crate) xmp: Option<String>,
    /// IPTC's data sets, in the order of the source.
    pub(crate) iptc: Vec<DataSet>,
}

/// The directories of an Exif block, each in ascending order of its tags, of which none occurs twice.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct ExifData {
    /// The first directory, which describes the picture.
    pub(crate) image: Vec<ExifEntry>,
    /// The directory of the photograph.
    pub(crate) photo: Vec<ExifEntry>,
    /// The directory of the place.
    pub(crate) place: Vec<ExifEntry>,
    /// The directory of interoperability.
    pub(crate) interoperability: Vec<ExifEntry>,
    pub(crate) maker_note: Option<MakerNote>,
}

impl ExifData {
    /// Whether there is nothing.
    pub(crate) fn is_empty(&self) -> bool {
        let directories = [&self.image, &self.photo, &self.place, &self.interoperability];
        directories.into_iter().all(Vec::is_empty) && self.maker_note.is_none()
    }
}

/// A tag of an Exif directory and its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ExifEntry {
    pub(crate) tag: u16,
    /// The code of the values' type (TIFF 6.0, section 2).
    pub(crate) kind: u16,
    /// The number of values.
    pub(crate) count: u32,
    /// The values, little-endian.
    pub(crate) bytes: Vec<u8>,
}

/// Data of the camera's maker, in a form of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MakerNote {
    pub(crate) bytes: Vec<u8>,
    /// Where it has to be in its block, in bytes, since it refers to places in the block. `None` for one that counts from
    /// its own start.
    pub(crate) offset: Option<usize>,
}

/// A data set of IPTC's Information Interchange Model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DataSet {
    pub(crate) record: u8,
    pub(crate) number: u8,
    pub(crate) bytes: Vec<u8>,
}
