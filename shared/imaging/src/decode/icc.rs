//! A look at an ICC profile before it is parsed (ICC.1:2022, 7 and 10.15): a few kilobytes may refer to the same data
//! again and again, and the parser copies what each reference stands for.

use std::collections::HashSet;

/// The most tags. Real profiles have up to about forty.
const MAX_TAGS: usize = 100;
/// The most texts of one tag, each in a language, and the most bytes of them together.
const MAX_TEXTS: usize = 256;
const MAX_TEXT: u64 = 64 << 10;

/// Whether a profile may be parsed.
pub(super) fn check(profile: &[u8]) -> bool {
    holds(profile).is_some()
}

fn holds(profile: &[u8]) -> Option<()> {
    let count = number(profile, 128)? as usize;
    if count > MAX_TAGS {
        return None;
    }
    let mut seen = HashSet::new();
    for tag in 0..count {
        let at = 132 + 12 * tag;
        let (signature, offset) = (number(profile, at)?, number(profile, at + 4)? as usize);
        if !seen.insert(signature) {
            return None;
        }
        // What lies outside of the profile is the parser's to refuse.
        let Some(data) = profile.get(offset..).filter(|data| data.starts_with(b"mluc")) else { continue };
        let texts = number(data, 8)? as usize;
        let lengths = (0..texts.min(MAX_TEXTS + 1)).map(|text| number(data, 16 + 12 * text + 4).map(u64::from));
        if texts > MAX_TEXTS || lengths.sum::<Option<u64>>()? > MAX_TEXT {
            return None;
        }
    }
    Some(())
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
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
    fn what_is_repeated_without_end_is_refused() {
        assert!(check(&moxcms::ColorProfile::new_display_p3().encode().expect("encodes")));
        let desc: [(&[u8; 4], u32); 1] = [(b"desc", 1024)];
        assert!(check(&profile(&desc, &texts(40, 60))));
        assert!(!check(&profile(&desc, &texts(40, 60_000))));
        assert!(!check(&profile(&desc, &texts(257, 1))));
        assert!(!check(&profile(&desc, &texts(40, 60)[..100])));
        assert!(!check(&profile(&[(b"A2B0", 1024), (b"A2B0", 1024)], &[])));
        let many: Vec<[u8; 4]> = (0..101_u32).map(u32::to_be_bytes).collect();
        assert!(!check(&profile(&many.iter().map(|tag| (tag, 0)).collect::<Vec<_>>(), &[])));
        assert!(!check(&[0; 130]));
    }
}
