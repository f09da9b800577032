//! The sRGB color space as ICC profiles of version 2.1, which every program reads: one for color, and one for gray with
//! the same tone curve.
//!
//! They are generated here so that the same input gives the same file, and because the profiles in circulation differ
//! in their licenses.

use std::borrow::Cow;

use cutline_core::Channels;

use crate::file_colors::EmbeddedProfile;

/// Device class: display.
const DISPLAY: &[u8; 4] = b"mntr";
/// Points of the tone curve. Linear interpolation between them is off by less than 0.00002.
const CURVE_POINTS: u32 = 1024;
/// The white point of the profile connection space, D50, as 16.16 fixed-point numbers.
const D50: [i32; 3] = [0xF6D6, 0x1_0000, 0xD32D];
/// Red, green and blue of sRGB, adapted to D50 by Bradford's method, as 16.16 fixed-point numbers. They are rounded so
/// that they add up to the white point and gray stays gray.
const PRIMARIES: [([u8; 4], [i32; 3]); 3] =
    [(*b"rXYZ", [0x6FA0, 0x38F5, 0x0390]), (*b"gXYZ", [0x6297, 0xB787, 0x18D9]), (*b"bXYZ", [0x249F, 0x0F84, 0xB6C4])];

/// The bytes of the profile that a file of colors embeds; `None` if it embeds none.
pub(super) fn of(profile: &EmbeddedProfile) -> Option<Cow<'_, [u8]>> {
    match profile {
        EmbeddedProfile::Srgb => Some(srgb().into()),
        EmbeddedProfile::Untagged => None,
        EmbeddedProfile::Icc(bytes) => Some(Cow::Borrowed(bytes)),
        EmbeddedProfile::Inks(bytes) => bytes.as_deref().map(Cow::Borrowed),
    }
}

/// The bytes of the profile of a file with these channels; `None` if it embeds none. Alpha has a gray one.
pub(super) fn of_channels(channels: Channels, profile: &EmbeddedProfile) -> Option<Cow<'_, [u8]>> {
    match channels {
        Channels::Alpha => Some(gray().into()),
        Channels::Rgba => of(profile),
    }
}

/// sRGB.
fn srgb() -> Vec<u8> {
    let mut tags = common_tags("sRGB (Cutline)");
    tags.extend(PRIMARIES.map(|(signature, value)| ProfileTag { signature, content: xyz(value) }));
    let curve = tone_curve();
    let curves = [*b"rTRC", *b"gTRC", *b"bTRC"];
    tags.extend(curves.map(|signature| ProfileTag { signature, content: curve.clone() }));
    profile(b"RGB ", &tags)
}

/// Gray with the tone curve of sRGB.
fn gray() -> Vec<u8> {
    let mut tags = common_tags("sRGB gray (Cutline)");
    tags.push(ProfileTag { signature: *b"kTRC", content: tone_curve() });
    profile(b"GRAY", &tags)
}

struct ProfileTag {
    signature: [u8; 4],
    content: Vec<u8>,
}

fn common_tags(name: &str) -> Vec<ProfileTag> {
    vec![
        ProfileTag { signature: *b"desc", content: description(name) },
        ProfileTag { signature: *b"cprt", content: text("No copyright, use freely") },
        ProfileTag { signature: *b"wtpt", content: xyz(D50) },
    ]
}

fn profile(color_space: &[u8; 4], tags: &[ProfileTag]) -> Vec<u8> {
    let mut file = header(color_space);
    append_tags(&mut file, tags);
    let size = (file.len() as u32).to_be_bytes();
    file[..4].copy_from_slice(&size);
    file
}

/// The header, with the profile's size still 0.
fn header(color_space: &[u8; 4]) -> Vec<u8> {
    let mut file = vec![0; 128];
    let mut put = |at: usize, bytes: &[u8]| file[at..at + bytes.len()].copy_from_slice(bytes);
    put(8, &[2, 0x10, 0, 0]);
    put(12, DISPLAY);
    put(16, color_space);
    put(20, b"XYZ ");
    // The creation date is mandatory. It is constant, so that the bytes are too.
    for (at, part) in [2026_u16, 1, 1].into_iter().enumerate() {
        put(24 + at * 2, &part.to_be_bytes());
    }
    put(36, b"acsp");
    for (at, part) in D50.into_iter().enumerate() {
        put(68 + at * 4, &part.to_be_bytes());
    }
    file
}

/// Appends the tag table and the contents. Tags with equal contents share them.
fn append_tags(file: &mut Vec<u8>, tags: &[ProfileTag]) {
    file.extend((tags.len() as u32).to_be_bytes());
    let mut data: Vec<u8> = Vec::new();
    let mut written: Vec<(&[u8], u32)> = Vec::new();
    let start = file.len() + tags.len() * 12;
    for ProfileTag { signature, content } in tags {
        let offset = match written.iter().find(|(other, _)| other == content) {
            Some((_, offset)) => *offset,
            None => {
                let offset = (start + data.len()) as u32;
                written.push((content, offset));
                data.extend(content);
                data.resize(data.len().next_multiple_of(4), 0);
                offset
            }
        };
        file.extend(signature);
        file.extend(offset.to_be_bytes());
        file.extend((content.len() as u32).to_be_bytes());
    }
    file.extend(data);
}

fn xyz(value: [i32; 3]) -> Vec<u8> {
    [b"XYZ \0\0\0\0".to_vec(), value.iter().flat_map(|part| part.to_be_bytes()).collect()].concat()
}

fn text(text: &str) -> Vec<u8> {
    [b"text\0\0\0\0", text.as_bytes(), &[0]].concat()
}

/// The type that version 2 uses for profile names: ASCII, then room for two other encodings.
fn description(text: &str) -> Vec<u8> {
    let length = (text.len() as u32 + 1).to_be_bytes();
    [b"desc\0\0\0\0", length.as_slice(), text.as_bytes(), &[0; 1 + 8 + 3 + 67]].concat()
}

/// The transfer function of IEC 61966-2-1, from encoded values to linear light.
fn tone_curve() -> Vec<u8> {
    let mut curve = [b"curv\0\0\0\0".as_slice(), &CURVE_POINTS.to_be_bytes()].concat();
    for point in 0..CURVE_POINTS {
        let value = f64::from(point) / f64::from(CURVE_POINTS - 1);
        let light = if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) };
        curve.extend(((light * 65_535.0).round() as u16).to_be_bytes());
    }
    curve
}

#[cfg(test)]
mod tests {
    use super::*;
    use moxcms::{ColorProfile, Layout, TransformOptions};

    #[test]
    fn profile_converts_to_srgb_within_one_level() {
        let ours = ColorProfile::new_from_slice(&srgb()).expect("is a profile");
        let srgb = ColorProfile::new_srgb();
        let transform = ours
            .create_transform_8bit(Layout::Rgb, &srgb, Layout::Rgb, TransformOptions::default())
            .expect("can be converted");
        let from: Vec<u8> = (0..=255).flat_map(|v: u8| [v, v.wrapping_mul(7), 255 - v, v, v, v]).collect();
        let mut to = vec![0; from.len()];
        transform.transform(&from, &mut to).expect("is converted");
        assert!(from.iter().zip(&to).all(|(a, b)| a.abs_diff(*b) <= 1), "{from:?} {to:?}");
    }

    #[test]
    fn primaries_add_up_to_white() {
        for axis in 0..3 {
            assert_eq!(PRIMARIES.iter().map(|(_, value)| value[axis]).sum::<i32>(), D50[axis]);
        }
    }

    #[test]
    fn gray_profile_states_its_own_length() {
        let profile = gray();
        assert_eq!(u32::from_be_bytes(profile[..4].try_into().expect("four bytes")) as usize, profile.len());
        assert!(ColorProfile::new_from_slice(&profile).is_ok());
    }
}
