//! A check of ICC profiles before they are parsed (ICC.1:2022, clauses 7 and 10.15).
//!
//! In a few kilobytes a profile can point to the same data many times, and the parser copies the data for each pointer.

use std::collections::HashSet;

/// Most tags of a profile. Real ones have up to about 40.
const MAX_TAGS: usize = 100;
/// Most localized texts of one tag.
const MAX_TEXTS: usize = 256;
/// Most bytes of one tag's localized texts together.
const MAX_TEXT_BYTES: u64 = 64 << 10;
/// Where the tag table begins, after the header.
const TAG_TABLE: usize = 128;
const TAG_ENTRY: usize = 12;

/// Whether parsing a profile takes time and memory in proportion to its length.
pub(super) fn is_safe_to_parse(profile: &[u8]) -> bool {
    check(profile).is_some()
}

/// `None` if the profile repeats data too often, or ends early.
fn check(profile: &[u8]) -> Option<()> {
    let tags = read_u32(profile, TAG_TABLE)? as usize;
    if tags > MAX_TAGS {
        return None;
    }
    let mut signatures = HashSet::new();
    for tag in 0..tags {
        let entry = TAG_TABLE + 4 + TAG_ENTRY * tag;
        if !signatures.insert(read_u32(profile, entry)?) {
            return None;
        }
        let offset = read_u32(profile, entry + 4)? as usize;
        // The parser rejects offsets outside of the profile.
        if let Some(data) = profile.get(offset..).filter(|data| data.starts_with(b"mluc")) {
            check_localized_texts(data)?;
        }
    }
    Some(())
}

/// Checks a tag of type `multiLocalizedUnicodeType`: a count at 8, then records of 12 bytes with a length at 4.
fn check_localized_texts(data: &[u8]) -> Option<()> {
    let texts = read_u32(data, 8)? as usize;
    let lengths = (0..texts.min(MAX_TEXTS + 1)).map(|text| read_u32(data, 16 + 12 * text + 4).map(u64::from));
    (texts <= MAX_TEXTS && lengths.sum::<Option<u64>>()? <= MAX_TEXT_BYTES).then_some(())
}

fn read_u32(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(tags: &[(&[u8; 4], u32)], data: &[u8]) -> Vec<u8> {
        let mut profile = vec![0; 128];
        profile.extend((tags.len() as u32).to_be_bytes());
        for (signature, offset) in tags {
            profile.extend(signature.iter().copied().chain(offset.to_be_bytes()).chain([0, 0, 1, 0]));
        }
        profile.resize(profile.len().max(1024), 0);
        profile.extend(data);
        profile
    }

    fn texts(count: u32, length: u32) -> Vec<u8> {
        let mut data = [b"mluc".as_slice(), &[0; 4], &count.to_be_bytes(), &12_u32.to_be_bytes()].concat();
        for _ in 0..count {
            data.extend([b"enUS".as_slice(), &length.to_be_bytes(), &[0; 4]].concat());
        }
        data
    }

    #[test]
    fn rejects_profiles_that_repeat_data() {
        assert!(is_safe_to_parse(&moxcms::ColorProfile::new_display_p3().encode().expect("encodes")));
        let desc: [(&[u8; 4], u32); 1] = [(b"desc", 1024)];
        assert!(is_safe_to_parse(&profile(&desc, &texts(40, 60))));
        assert!(!is_safe_to_parse(&profile(&desc, &texts(40, 60_000))));
        assert!(!is_safe_to_parse(&profile(&desc, &texts(257, 1))));
        assert!(!is_safe_to_parse(&profile(&desc, &texts(40, 60)[..100])));
        assert!(!is_safe_to_parse(&profile(&[(b"A2B0", 1024), (b"A2B0", 1024)], &[])));
        let many: Vec<[u8; 4]> = (0..101_u32).map(u32::to_be_bytes).collect();
        assert!(!is_safe_to_parse(&profile(&many.iter().map(|tag| (tag, 0)).collect::<Vec<_>>(), &[])));
        assert!(!is_safe_to_parse(&[0; 130]));
    }
}
