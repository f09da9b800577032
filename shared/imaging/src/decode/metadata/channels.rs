//! Channels in addition to a picture's colors and its alpha: spot colors and saved selections. They are not decoded.
//!
//! Source: Adobe, "Photoshop File Formats Specification", November 2019, section "Image resource IDs".

use super::{clean_text, decode_text, photoshop};

/// The names as Pascal strings.
const NAMES: u16 = 1006;
/// The names in UTF-16.
const UNICODE_NAMES: u16 = 1045;
/// How channels are displayed.
const DISPLAY_INFO: u16 = 1077;
/// The version in front of the channels of the display info, in bytes.
const VERSION_BYTES: usize = 4;
/// A channel of the display info, in bytes: its color space, color and opacity. The last byte is its kind.
const DISPLAY_BYTES: usize = 13;
/// The kind of a spot color, in the display info.
const SPOT: u8 = 2;

/// Most channels that are named.
const MAX_CHANNELS: usize = 56;
/// Most names that are read: those of all channels, and one of the transparency.
const MAX_NAMES: usize = MAX_CHANNELS + 1;
/// Most characters of a name.
const MAX_CHARS: usize = 64;

/// The warning about `count` channels that no new file has, with the names and kinds in Photoshop's resources. Spot
/// colors are always mentioned, since they are visible; saved selections only if the file's own colors are kept.
pub(in crate::decode) fn warning(resources: &[u8], count: usize, keeps_colors: bool) -> Option<String> {
    let channels = names(resources, count).into_iter().zip(are_spots(resources, count));
    let lost: Vec<String> =
        channels.filter(|(_, is_spot)| keeps_colors || *is_spot).map(|(channel, _)| channel).collect();
    (!lost.is_empty()).then(|| {
        format!(
            "The file has further channels (spot colors or saved selections), which new files do not have: {}; \
             output_format=original keeps them.",
            lost.join(", ")
        )
    })
}

/// The names of the last `count` channels. The resources may name the transparency before them.
fn names(resources: &[u8], count: usize) -> Vec<String> {
    let unicode = photoshop::resource(resources, UNICODE_NAMES).map(unicode_names).filter(|names| !names.is_empty());
    let stated = unicode.or_else(|| photoshop::resource(resources, NAMES).map(pascal_names)).unwrap_or_default();
    let skipped = stated.len().saturating_sub(count);
    let mut stated = stated.into_iter().skip(skipped);
    let numbers = 1..=count.min(MAX_CHANNELS);
    let name = |number| stated.next().filter(|name| !name.is_empty()).unwrap_or_else(|| format!("channel {number}"));
    numbers.map(name).collect()
}

/// Each name is behind its length, in UTF-16 units.
fn unicode_names(mut bytes: &[u8]) -> Vec<String> {
    let mut names = Vec::new();
    while names.len() < MAX_NAMES {
        let Some((length, rest)) = bytes.split_first_chunk::<4>() else { break };
        let length = u64::from(u32::from_be_bytes(*length)) * 2;
        let Some((text, rest)) = usize::try_from(length).ok().and_then(|length| rest.split_at_checked(length)) else {
            break;
        };
        let units = text.as_chunks::<2>().0.iter().take(2 * MAX_CHARS).map(|unit| u16::from_be_bytes(*unit));
        names.push(shown(&String::from_utf16_lossy(&units.collect::<Vec<u16>>())));
        bytes = rest;
    }
    names
}

/// Each name is behind its length in bytes.
fn pascal_names(mut bytes: &[u8]) -> Vec<String> {
    let mut names = Vec::new();
    while names.len() < MAX_NAMES {
        let Some((length, rest)) = bytes.split_first() else { break };
        let Some((text, rest)) = rest.split_at_checked(usize::from(*length)) else { break };
        names.push(shown(&decode_text(text)));
        bytes = rest;
    }
    names
}

fn shown(name: &str) -> String {
    clean_text(name).chars().take(MAX_CHARS).collect()
}

/// Whether each of the last `count` channels is a spot color.
fn are_spots(resources: &[u8], count: usize) -> impl Iterator<Item = bool> {
    let info = photoshop::resource(resources, DISPLAY_INFO).and_then(|info| info.get(VERSION_BYTES..));
    let channels = info.unwrap_or_default().as_chunks::<DISPLAY_BYTES>().0;
    let skipped = channels.len().saturating_sub(count);
    let spots = channels.iter().skip(skipped).map(|channel| channel[DISPLAY_BYTES - 1] == SPOT);
    spots.chain(std::iter::repeat(false))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::photoshop::{append, unicode};

    fn resources(blocks: &[(u16, Vec<u8>)]) -> Vec<u8> {
        let mut resources = Vec::new();
        for (id, data) in blocks {
            append(&mut resources, *id, b"", data).expect("is short");
        }
        resources
    }

    /// The display info of channels of these kinds.
    fn display(kinds: &[u8]) -> Vec<u8> {
        let channels = kinds.iter().flat_map(|kind| [[0; DISPLAY_BYTES - 1].as_slice(), &[*kind]].concat());
        [0, 0, 0, 1].into_iter().chain(channels).collect()
    }

    #[test]
    fn names_are_those_of_the_last_channels() {
        let pascal = (NAMES, b"\x0CTransparency\x05Alpha\x03G\xF6l".to_vec());
        assert_eq!(names(&resources(std::slice::from_ref(&pascal)), 2), ["Alpha", "Göl"]);
        let unicode = (UNICODE_NAMES, [unicode("Gold \u{202E}\u{1F4A1}\0"), unicode("")].concat());
        let both = resources(&[pascal, unicode]);
        assert_eq!(names(&both, 2), ["Gold \u{1F4A1}", "channel 2"]);
        assert_eq!(names(&both, 3), ["Gold \u{1F4A1}", "channel 2", "channel 3"]);
        assert_eq!(names(b"", 1), ["channel 1"]);
        assert!(names(&both, 0).is_empty());
    }

    #[test]
    fn spot_colors_are_always_mentioned() {
        let names = (NAMES, b"\x06Shadow\x04Gold".to_vec());
        let with_spot = resources(&[names.clone(), (DISPLAY_INFO, display(&[0, SPOT]))]);
        let warning = |resources: &[u8], count, keeps_colors| {
            let warning = warning(resources, count, keeps_colors)?;
            let (_, channels) = warning.split_once(": ")?;
            channels.strip_suffix("; output_format=original keeps them.").map(str::to_owned)
        };
        assert_eq!(warning(&with_spot, 2, false).as_deref(), Some("Gold"));
        assert_eq!(warning(&with_spot, 1, false).as_deref(), Some("Gold"), "the first is the transparency");
        assert_eq!(warning(&with_spot, 2, true).as_deref(), Some("Shadow, Gold"));
        assert_eq!(warning(&with_spot, 0, true), None);
        let selections = resources(&[names, (DISPLAY_INFO, display(&[0, 1]))]);
        assert_eq!(warning(&selections, 2, false), None);
        assert_eq!(warning(&selections, 2, true).as_deref(), Some("Shadow, Gold"));
    }

    #[test]
    fn bounds_names_and_lengths() {
        let long = resources(&[(UNICODE_NAMES, unicode(&"ab".repeat(500)))]);
        assert_eq!(names(&long, 1), ["ab".repeat(MAX_CHARS / 2)]);
        let many = resources(&[(NAMES, b"\x01x".repeat(5000))]);
        let named = names(&many, 5000);
        assert_eq!((named.len(), named.iter().all(|name| name == "x")), (MAX_CHANNELS, true));
        for lying in [vec![0xFF; 4], vec![0xFF; 3], [unicode("one"), vec![0x7F, 0xFF, 0xFF, 0xFF, 0, 65]].concat()] {
            let whole = lying.len() > 4;
            let named = names(&resources(&[(UNICODE_NAMES, lying)]), 1);
            assert_eq!(named, [if whole { "one" } else { "channel 1" }]);
        }
        assert_eq!(names(&resources(&[(NAMES, b"\xFFshort".to_vec())]), 1), ["channel 1"]);
        let info = display(&[SPOT]);
        for length in 0..info.len() {
            let cut = resources(&[(DISPLAY_INFO, info[..length].to_vec())]);
            assert_eq!(warning(&cut, 1, false), None, "{length}");
        }
    }
}
