//! Drops: files that become jobs without a client, because they were put into a certain folder.
//!
//! ```text
//! drops/<owner>/<set>/<path…>      ──►  a job of that owner with that parameter set
//! results/<owner>/<set>/<path…>/<variation>.<ext>, …/manifest.json
//! ```
//!
//! No client waits for an answer, so errors are reported in the manifest, among the results. A drop may be announced
//! twice, late and out of order: its identity is stored together with its job, and of two drops of one path, the
//! manifest of the newer one stays.

use std::cmp::Ordering;
use std::fmt;
use std::iter;

use serde::{Deserialize, Serialize};

use crate::domain::digest::Digest;
use crate::domain::identity::{IdentityKey, IdentityKind};

/// The name of the file that says what happened to a drop.
pub const MANIFEST: &str = "manifest.json";

/// Where a file was dropped: `drops/<owner>/<set>/<path…>`, at most [`DropPath::MAX_BYTES`] bytes. No part is empty, `.`
/// or `..`, or contains control characters or a backslash, so the path is safe in any file system. Whether the owner and
/// the set exist is not checked.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DropPath(String);

/// The key does not name a drop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("invalid drop path: expected drops/<owner>/<set>/<path> without empty parts, dots or control characters")]
pub struct InvalidDropPath;

impl DropPath {
    /// The prefix of every key.
    pub const PREFIX: &'static str = "drops/";
    /// The longest key, in bytes. The keys of results are longer and have to fit into S3's 1,024 bytes.
    pub const MAX_BYTES: usize = 1000;

    /// The longest key of S3, in bytes.
    const MAX_RESULT_BYTES: usize = 1024;

    /// The prefix of the results' keys.
    const RESULTS: &'static str = "results/";

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The owner that the path names.
    pub fn owner(&self) -> &str {
        self.part(0)
    }

    /// The parameter set that the path names.
    pub fn set(&self) -> &str {
        self.part(1)
    }

    /// The key of one of the drop's results: `results/<owner>/<set>/<path…>/<name>`.
    pub fn result(&self, name: &str) -> String {
        format!("{}{}/{name}", Self::RESULTS, self.below())
    }

    /// The longest name of a result, in bytes, for a key that S3 accepts.
    pub fn max_result_name(&self) -> usize {
        Self::MAX_RESULT_BYTES.saturating_sub(self.result("").len())
    }

    fn below(&self) -> &str {
        self.0.strip_prefix(Self::PREFIX).unwrap_or(&self.0)
    }

    fn part(&self, index: usize) -> &str {
        self.below().split('/').nth(index).unwrap_or_default()
    }
}

impl fmt::Display for DropPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl TryFrom<String> for DropPath {
    type Error = InvalidDropPath;

    fn try_from(key: String) -> Result<Self, InvalidDropPath> {
        let parts = || key.strip_prefix(Self::PREFIX).into_iter().flat_map(|below| below.split('/'));
        let forbidden = |c: char| c.is_control() || c == '\\';
        let good = |part: &str| !matches!(part, "" | "." | "..") && !part.contains(forbidden);
        let whole = key.len() <= Self::MAX_BYTES && parts().count() >= 3 && parts().all(good);
        if whole { Ok(Self(key)) } else { Err(InvalidDropPath) }
    }
}

impl From<DropPath> for String {
    fn from(path: DropPath) -> Self {
        path.0
    }
}

/// Orders the events of one key, as S3's sequencers do: 1 to 128 hexadecimal digits, compared as if the shorter one
/// ended with zeros.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sequencer(String);

/// The text is not a sequencer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("invalid sequencer: expected 1 to 128 hexadecimal digits")]
pub struct InvalidSequencer;

impl Sequencer {
    /// The number of digits of a sequencer made from a number.
    const NUMBER_DIGITS: usize = 16;
    const MAX_DIGITS: usize = 128;

    /// A sequencer that grows with `number`.
    pub fn of_number(number: u64) -> Self {
        Self(format!("{number:016X}"))
    }

    /// The next newer sequencer of at least 16 digits; the newest one returns itself.
    pub fn following(&self) -> Self {
        let mut digits = self.digits(self.0.len().max(Self::NUMBER_DIGITS));
        match digits.iter().rposition(|digit| *digit != b'F') {
            Some(last) => {
                digits[last] = if digits[last] == b'9' { b'A' } else { digits[last] + 1 };
                digits[last + 1..].fill(b'0');
            }
            None if digits.len() < Self::MAX_DIGITS => digits.push(b'1'),
            None => {}
        }
        Self(digits.into_iter().map(char::from).collect())
    }

    /// Whether it belongs to a later event.
    pub fn is_newer_than(&self, other: &Self) -> bool {
        let length = self.0.len().max(other.0.len());
        self.digits(length).cmp(&other.digits(length)) == Ordering::Greater
    }

    /// The first `length` digits, padded with zeros.
    fn digits(&self, length: usize) -> Vec<u8> {
        let digits = self.0.bytes().map(|digit| digit.to_ascii_uppercase());
        digits.chain(iter::repeat(b'0')).take(length).collect()
    }
}

impl TryFrom<String> for Sequencer {
    type Error = InvalidSequencer;

    fn try_from(text: String) -> Result<Self, InvalidSequencer> {
        let good = (1..=Self::MAX_DIGITS).contains(&text.len()) && text.bytes().all(|digit| digit.is_ascii_hexdigit());
        if good { Ok(Self(text)) } else { Err(InvalidSequencer) }
    }
}

impl From<Sequencer> for String {
    fn from(sequencer: Sequencer) -> Self {
        sequencer.0
    }
}

/// Where a dropped file came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DropOrigin {
    /// Its key.
    pub path: DropPath,
    /// The bucket's name, or a fixed name in a watched folder.
    pub bucket: String,
    /// The version of the file: in a watched folder its modification time and size; in a bucket only if it keeps
    /// versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Orders it among the files of this key.
    pub sequencer: Sequencer,
}

impl DropOrigin {
    /// The identity of this drop: its place, its key, and its version, or its sequencer where it has no version.
    pub fn identity(&self) -> IdentityKey {
        let (kind, which) = match &self.version {
            Some(version) => ("version", version.as_str()),
            None => ("sequencer", self.sequencer.0.as_str()),
        };
        let digest = Digest::of_parts(&[&self.bucket, self.path.as_str(), kind, which]);
        IdentityKey { kind: IdentityKind::Drop, digest }
    }
}

/// A dropped file, as it was announced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DroppedObject {
    /// Where it is.
    pub origin: DropOrigin,
    /// Identifies its content, in a bucket: a file with another tag is another file.
    pub etag: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(key: &str) -> Result<DropPath, InvalidDropPath> {
        key.to_owned().try_into()
    }

    fn sequencer(text: &str) -> Sequencer {
        text.to_owned().try_into().expect("a sequencer")
    }

    #[test]
    fn a_path_names_owner_set_and_results() {
        let drop = path("drops/shop/amazon-main/shoes/rot ä 1.jpg").expect("a path");
        assert_eq!((drop.owner(), drop.set()), ("shop", "amazon-main"));
        assert_eq!(drop.result("compose.jpg"), "results/shop/amazon-main/shoes/rot ä 1.jpg/compose.jpg");
        let text = serde_json::to_string(&drop).expect("serializes");
        assert_eq!(serde_json::from_str::<DropPath>(&text).expect("is read"), drop);
        let longest = format!("drops/{}/{}/{}", "o".repeat(64), "s".repeat(64), "x".repeat(864));
        let named = path(&longest).expect("a path");
        assert!(named.result("shadow_wall.tiff").len() <= 1024);
        assert_eq!(named.result(&"x".repeat(named.max_result_name())).len(), 1024);
        assert!(path(&format!("{longest}x")).is_err());
    }

    #[test]
    fn rejects_paths_that_lead_elsewhere() {
        let bad = ["", "drops/", "drops/a.jpg", "drops/shop/a.jpg", "drops/shop/set/", "drops/shop/set/folder/"];
        let worse = ["drops//set/a", "drops/shop//a", "drops/shop/set//a", "drops/shop/set/../a", "drops/./set/a"];
        let worst =
            ["drops/shop/set/a\0", "drops/shop/set/a\nb", "drops/shop/set/a\\b", "results/a/b/c", "/drops/a/b/c"];
        for key in [&bad[..], &worse, &worst].concat() {
            assert!(path(key).is_err(), "{key:?}");
        }
    }

    #[test]
    fn sequencers_compare_as_if_padded_with_zeros() {
        let newer = [("0055AED6DCD90281E6", "0055AED6DCD90281E5"), ("01", "00FF"), ("1", "0FFFFFFF"), ("10001", "1")];
        for (new, old) in newer {
            assert!(sequencer(new).is_newer_than(&sequencer(old)), "{new} {old}");
            assert!(!sequencer(old).is_newer_than(&sequencer(new)), "{new} {old}");
        }
        for (one, other) in [("1", "1"), ("1", "1000"), ("ab", "AB0")] {
            assert!(!sequencer(one).is_newer_than(&sequencer(other)), "{one} {other}");
            assert!(!sequencer(other).is_newer_than(&sequencer(one)), "{one} {other}");
        }
        assert!(Sequencer::of_number(256).is_newer_than(&Sequencer::of_number(255)));
        for bad in ["", "x", "0 1", &"0".repeat(129)] {
            assert!(Sequencer::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }

    #[test]
    fn different_drops_have_different_identities() {
        let origin = |bucket: &str, key: &str, version: Option<&str>, order: &str| DropOrigin {
            path: path(key).expect("a path"),
            bucket: bucket.to_owned(),
            version: version.map(str::to_owned),
            sequencer: sequencer(order),
        };
        let first = origin("b", "drops/a/b/c", None, "01");
        assert_eq!(first.identity(), origin("b", "drops/a/b/c", None, "01").identity());
        // Stored identities are found by this digest, so it must never change.
        let digest = "79e7a640bc915f97f848687031fb5d304c3262f37f7e466162307fd4c74864c9";
        assert_eq!(first.identity().digest.to_string(), digest);
        let others = [
            origin("bd", "drops/a/b/c", None, "01"),
            origin("b", "drops/a/b/d", None, "01"),
            origin("b", "drops/a/b/c", None, "02"),
            origin("b", "drops/a/b/c", Some("01"), "01"),
        ];
        for other in others {
            assert_ne!(first.identity(), other.identity(), "{other:?}");
        }
        let versions = [origin("b", "drops/a/b/c", Some("v"), "01"), origin("b", "drops/a/b/c", Some("v"), "02")];
        assert_eq!(versions[0].identity(), versions[1].identity(), "the version alone counts, if there is one");
    }
}
