//! Drops: files that become jobs by being put where they are looked for, with no client.
//!
//! ```text
//! drops/<owner>/<set>/<path…>      ──►  a job of that owner with that parameter set
//! results/<owner>/<set>/<path…>/<variation>.<ext>, …/manifest.json
//! ```
//!
//! Nobody waits for an answer here, so a fault is told where the results would lie, in the manifest. Whatever tells of
//! a drop may do so twice, late and out of order: the drop's identity is written together with its job, and of two
//! drops of one path the newer one's manifest stays.

use std::cmp::Ordering;
use std::fmt;
use std::iter;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

mod event;

pub use event::{Body, DropEvent};

pub use super::limits::MAX_SOURCE_BYTES as MAX_BYTES;

/// The name of the file that tells what became of a drop.
pub const MANIFEST: &str = "manifest.json";

/// Where a file was dropped: `drops/<owner>/<set>/<path…>` with at most [`DropPath::MAX_BYTES`] bytes. No part of it is
/// empty, `.` or `..`, and none has control characters or a backslash, so that it is safe in any file system.
/// Who and what the owner and the set are is not looked at.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DropPath(String);

/// The key is none of a drop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not of the form drops/<owner>/<set>/<path>, or with parts that are empty, dots or control characters")]
pub struct InvalidDropPath;

impl DropPath {
    /// What every key begins with.
    pub const PREFIX: &'static str = "drops/";
    /// The longest key. Those of the results, which are longer, have to stay within the 1,024 bytes of S3.
    pub const MAX_BYTES: usize = 1000;

    /// What the keys of results begin with.
    const RESULTS: &'static str = "results/";

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whose drop it is to be.
    pub fn owner(&self) -> &str {
        self.part(0)
    }

    /// Which parameter set it is to be made with.
    pub fn set(&self) -> &str {
        self.part(1)
    }

    /// The key of a file beside the drop's results: `results/<owner>/<set>/<path…>/<name>`.
    pub fn result(&self, name: &str) -> String {
        format!("{}{}/{name}", Self::RESULTS, self.below())
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

/// Orders what happened to one key, as S3 does: 1 to 128 hexadecimal digits, compared as if the shorter one ended with
/// zeros.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sequencer(String);

/// The text orders nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a sequencer is 1 to 128 hexadecimal digits")]
pub struct InvalidSequencer;

impl Sequencer {
    /// How many digits one of a number has.
    const USUAL: usize = 16;
    /// How many one may have.
    const MOST: usize = 128;

    /// One that grows with a number.
    pub fn of_number(number: u64) -> Self {
        Self(format!("{number:016X}"))
    }

    /// One that is newer by as little as one of a number can be. Of the last that there is, itself.
    pub fn following(&self) -> Self {
        let mut digits = self.digits(self.0.len().max(Self::USUAL));
        match digits.iter().rposition(|digit| *digit != b'F') {
            Some(last) => {
                digits[last] = if digits[last] == b'9' { b'A' } else { digits[last] + 1 };
                digits[last + 1..].fill(b'0');
            }
            None if digits.len() < Self::MOST => digits.push(b'1'),
            None => {}
        }
        Self(digits.into_iter().map(char::from).collect())
    }

    /// Whether it is of something later.
    pub fn is_newer_than(&self, other: &Self) -> bool {
        let length = self.0.len().max(other.0.len());
        self.digits(length).cmp(&other.digits(length)) == Ordering::Greater
    }

    /// So many digits, those of a shorter one with zeros behind.
    fn digits(&self, length: usize) -> Vec<u8> {
        let digits = self.0.bytes().map(|digit| digit.to_ascii_uppercase());
        digits.chain(iter::repeat(b'0')).take(length).collect()
    }
}

impl TryFrom<String> for Sequencer {
    type Error = InvalidSequencer;

    fn try_from(text: String) -> Result<Self, InvalidSequencer> {
        let good = (1..=Self::MOST).contains(&text.len()) && text.bytes().all(|digit| digit.is_ascii_hexdigit());
        if good { Ok(Self(text)) } else { Err(InvalidSequencer) }
    }
}

impl From<Sequencer> for String {
    fn from(sequencer: Sequencer) -> Self {
        sequencer.0
    }
}

/// Where a dropped file came from, as its job keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DropOrigin {
    /// Its key.
    pub path: DropPath,
    /// The place that the key is in.
    pub bucket: String,
    /// Which of the files under this key it is, where the place tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// When it was put there, beside what else was put under this key.
    pub sequencer: Sequencer,
}

impl DropOrigin {
    /// Names this drop and no other: by its place, its key and its version, or its sequencer if it has none.
    pub fn id(&self) -> DropId {
        let (kind, which) = match &self.version {
            Some(version) => ("version", version.as_str()),
            None => ("sequencer", self.sequencer.0.as_str()),
        };
        let mut hash = Sha256::new();
        for part in [&self.bucket, self.path.as_str(), kind, which] {
            // With its length, so that no two lists of parts are hashed as the same bytes.
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        DropId(hash.finalize().into())
    }
}

/// The identity of a drop; as text, 64 lower-case hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DropId([u8; 32]);

impl fmt::Display for DropId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A dropped file, to be taken in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DroppedObject {
    /// Where it is.
    pub origin: DropOrigin,
    /// The mark of its content, where the place has one: under another, it is another file.
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
    fn a_path_tells_owner_and_set_and_where_results_go() {
        let drop = path("drops/shop/amazon-main/shoes/rot ä 1.jpg").expect("a path");
        assert_eq!((drop.owner(), drop.set()), ("shop", "amazon-main"));
        assert_eq!(drop.result("compose.jpg"), "results/shop/amazon-main/shoes/rot ä 1.jpg/compose.jpg");
        let text = serde_json::to_string(&drop).expect("serialises");
        assert_eq!(serde_json::from_str::<DropPath>(&text).expect("is read"), drop);
        let longest = format!("drops/{}/{}/{}", "o".repeat(64), "s".repeat(64), "x".repeat(864));
        assert!(path(&longest).expect("a path").result("shadow_wall.tiff").len() <= 1024);
        assert!(path(&format!("{longest}x")).is_err());
    }

    #[test]
    fn what_leads_elsewhere_is_no_path() {
        let bad = ["", "drops/", "drops/a.jpg", "drops/shop/a.jpg", "drops/shop/set/", "drops/shop/set/folder/"];
        let worse = ["drops//set/a", "drops/shop//a", "drops/shop/set//a", "drops/shop/set/../a", "drops/./set/a"];
        let worst =
            ["drops/shop/set/a\0", "drops/shop/set/a\nb", "drops/shop/set/a\\b", "results/a/b/c", "/drops/a/b/c"];
        for key in [&bad[..], &worse, &worst].concat() {
            assert!(path(key).is_err(), "{key:?}");
        }
    }

    #[test]
    fn sequencers_are_compared_as_if_they_ended_with_zeros() {
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
    fn a_drop_is_itself_and_no_other() {
        let origin = |bucket: &str, key: &str, version: Option<&str>, order: &str| DropOrigin {
            path: path(key).expect("a path"),
            bucket: bucket.to_owned(),
            version: version.map(str::to_owned),
            sequencer: sequencer(order),
        };
        let first = origin("b", "drops/a/b/c", None, "01");
        assert_eq!(first.id(), origin("b", "drops/a/b/c", None, "01").id());
        assert_eq!(first.id().to_string().len(), 64);
        let others = [
            origin("bd", "drops/a/b/c", None, "01"),
            origin("b", "drops/a/b/d", None, "01"),
            origin("b", "drops/a/b/c", None, "02"),
            origin("b", "drops/a/b/c", Some("01"), "01"),
        ];
        for other in others {
            assert_ne!(first.id(), other.id(), "{other:?}");
        }
        let versions = [origin("b", "drops/a/b/c", Some("v"), "01"), origin("b", "drops/a/b/c", Some("v"), "02")];
        assert_eq!(versions[0].id(), versions[1].id(), "by the version alone, where there is one");
    }
}
