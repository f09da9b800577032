//! Whether plate and photograph were taken alike, by their Exif data.

use crate::decode;
use crate::source_metadata::{ExifEntry, SourceMetadata};

/// A tag of Exif that should be the same (Exif 2.32, sections 4.6.4 and 4.6.5).
struct Setting {
    name: &'static str,
    tag: u16,
}

const CAMERA: [Setting; 2] = [Setting { name: "camera", tag: 271 }, Setting { name: "camera", tag: 272 }];
const EXPOSURE: [Setting; 4] = [
    Setting { name: "focal length", tag: 37_386 },
    Setting { name: "exposure time", tag: 33_434 },
    Setting { name: "aperture", tag: 33_437 },
    Setting { name: "ISO speed", tag: 34_855 },
];

/// The settings that differ between two files, each once. What one of them does not state does not differ.
pub(crate) fn differences(photo: &[u8], plate: &[u8]) -> Vec<&'static str> {
    different(&decode::source_metadata(photo).metadata, &decode::source_metadata(plate).metadata)
}

fn different(photo: &SourceMetadata, plate: &SourceMetadata) -> Vec<&'static str> {
    let camera = CAMERA.iter().filter(|setting| differs(setting, &photo.exif.image, &plate.exif.image));
    let exposure = EXPOSURE.iter().filter(|setting| differs(setting, &photo.exif.photo, &plate.exif.photo));
    let mut names: Vec<&'static str> = camera.chain(exposure).map(|setting| setting.name).collect();
    names.dedup();
    names
}

fn differs(setting: &Setting, photo: &[ExifEntry], plate: &[ExifEntry]) -> bool {
    let find = |entries: &[ExifEntry]| entries.iter().find(|entry| entry.tag == setting.tag).map(value);
    matches!((find(photo), find(plate)), (Some(one), Some(other)) if one != other)
}

/// The value of an entry, so that one camera's two ways to write it are equal: 10/1000 is 1/100.
fn value(entry: &ExifEntry) -> Vec<u8> {
    const UNSIGNED_RATIONAL: u16 = 5;
    let numbers = entry.bytes.as_chunks::<4>().0;
    match numbers {
        [numerator, denominator] if entry.kind == UNSIGNED_RATIONAL => {
            let (numerator, denominator) = (u32::from_le_bytes(*numerator), u32::from_le_bytes(*denominator));
            let (mut divisor, mut rest) = (numerator, denominator);
            while rest != 0 {
                (divisor, rest) = (rest, divisor % rest);
            }
            let reduce = |number: u32| number.checked_div(divisor).unwrap_or_default().to_le_bytes();
            [reduce(numerator), reduce(denominator)].concat()
        }
        _ => entry.bytes.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(model: &[u8], time: Option<[u32; 2]>) -> SourceMetadata {
        let mut metadata = SourceMetadata::default();
        let model = ExifEntry { tag: 272, kind: 2, count: model.len() as u32, bytes: model.to_vec() };
        metadata.exif.image.push(model);
        metadata.exif.photo.extend(time.map(|[numerator, denominator]| ExifEntry {
            tag: 33_434,
            kind: 5,
            count: 1,
            bytes: [numerator.to_le_bytes(), denominator.to_le_bytes()].concat(),
        }));
        metadata
    }

    #[test]
    fn names_what_differs_and_nothing_that_one_of_them_leaves_out() {
        let photo = metadata(b"D850\0", Some([10, 1000]));
        assert!(different(&photo, &metadata(b"D850\0", Some([1, 100]))).is_empty());
        assert!(different(&photo, &metadata(b"D850\0", None)).is_empty());
        assert_eq!(different(&photo, &metadata(b"D750\0", Some([1, 60]))), ["camera", "exposure time"]);
        assert!(different(&photo, &SourceMetadata::default()).is_empty());
    }
}
