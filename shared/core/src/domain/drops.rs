//! Drops: files that are taken in without a client, because they were put into a certain folder.
//!
//! ```text
//! drops/<owner>/<set>/<path…>      ──►  a job of that owner with that parameter set
//! results/<owner>/<set>/<path…>/<variation>.<ext>, …/manifest.json
//!
//! retouch/<owner>/<path…>          ──►  the mask of the job that the file's name names
//! results/<owner>/_retouch/<path…>/manifest.json
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
use crate::domain::ids::JobId;

/// The name of the file that says what happened to a drop.
pub const MANIFEST: &str = "manifest.json";

/// Where a file was dropped: `drops/<owner>/<set>/<path…>` or `retouch/<owner>/<path…>`, at most
/// [`DropPath::MAX_BYTES`] bytes. No part is empty, `.` or `..`, or contains control characters or a backslash, so the
/// path is safe in any file system. Whether the owner, the set and the job exist is not checked.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DropPath(String);

/// The key does not name a drop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "invalid drop path: expected drops/<owner>/<set>/<path> or retouch/<owner>/<path> without empty parts, dots or \
     control characters"
)]
pub struct InvalidDropPath;

/// The purpose of a dropped file, as its path says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DropPurpose<'a> {
    /// It becomes a job with the parameter set of this name.
    Photo {
        /// The name.
        set: &'a str,
    },
    /// It becomes the mask of a job.
    Retouch {
        /// The job that its name names, if it names one.
        job: Option<JobId>,
    },
}

/// The two folders for files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Folder {
    Photos,
    Retouched,
}

impl Folder {
    const ALL: [Self; 2] = [Self::Photos, Self::Retouched];

    const fn prefix(self) -> &'static str {
        match self {
            Self::Photos => "drops/",
            Self::Retouched => "retouch/",
        }
    }

    /// How many parts a path below it has at least.
    const fn min_parts(self) -> usize {
        match self {
            Self::Photos => 3,
            Self::Retouched => 2,
        }
    }
}

impl DropPath {
    /// The longest key, in bytes. The keys of results are longer and have to fit into S3's 1,024 bytes.
    pub const MAX_BYTES: usize = 1000;

    /// The longest key of S3, in bytes.
    const MAX_RESULT_BYTES: usize = 1024;

    /// The prefix of the results' keys.
    const RESULTS: &'static str = "results/";

    /// Where the results of an owner's retouched files are. Not the name of a set.
    const RETOUCHED: &'static str = "_retouch";

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The owner that the path names.
    pub fn owner(&self) -> &str {
        self.part(0)
    }

    /// What the file is for.
    pub fn purpose(&self) -> DropPurpose<'_> {
        match self.split() {
            (Folder::Photos, _) => DropPurpose::Photo { set: self.part(1) },
            (Folder::Retouched, below) => {
                DropPurpose::Retouch { job: last_job_in(below.rsplit('/').next().unwrap_or(below)) }
            }
        }
    }

    /// Whether the file becomes the mask of a job.
    pub fn is_retouched(&self) -> bool {
        matches!(self.purpose(), DropPurpose::Retouch { .. })
    }

    /// The key of one of the drop's results: `results/<owner>/<set>/<path…>/<name>`, or
    /// `results/<owner>/_retouch/<path…>/<name>`.
    pub fn result(&self, name: &str) -> String {
        match self.split() {
            (Folder::Photos, below) => format!("{}{below}/{name}", Self::RESULTS),
            (Folder::Retouched, below) => {
                let (owner, path) = below.split_once('/').unwrap_or((below, ""));
                format!("{}{owner}/{}/{path}/{name}", Self::RESULTS, Self::RETOUCHED)
            }
        }
    }

    /// The longest name of a result, in bytes, for a key that S3 accepts.
    pub fn max_result_name(&self) -> usize {
        Self::MAX_RESULT_BYTES.saturating_sub(self.result("").len())
    }

    /// The folder, and the path below it.
    fn split(&self) -> (Folder, &str) {
        split(&self.0).unwrap_or((Folder::Photos, self.0.as_str()))
    }

    fn part(&self, index: usize) -> &str {
        self.split().1.split('/').nth(index).unwrap_or_default()
    }
}

/// The folder of a key, and the path below it.
fn split(key: &str) -> Option<(Folder, &str)> {
    Folder::ALL.into_iter().find_map(|folder| Some((folder, key.strip_prefix(folder.prefix())?)))
}

/// The last job id in a file's name, which no letter or digit touches. An `external_id` that comes before it may look
/// like one.
fn last_job_in(name: &str) -> Option<JobId> {
    const LENGTH: usize = 36;
    let is_free = |neighbor: Option<char>| neighbor.is_none_or(|c| !c.is_alphanumeric());
    name.char_indices().rev().find_map(|(start, _)| {
        let id = name.get(start..start + LENGTH)?;
        let is_whole = is_free(name[..start].chars().next_back()) && is_free(name[start + LENGTH..].chars().next());
        id.parse().ok().filter(|_| is_whole)
    })
}

impl fmt::Display for DropPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl TryFrom<String> for DropPath {
    type Error = InvalidDropPath;

    fn try_from(key: String) -> Result<Self, InvalidDropPath> {
        let (folder, below) = split(&key).ok_or(InvalidDropPath)?;
        let forbidden = |c: char| c.is_control() || c == '\\';
        let good = |part: &str| !matches!(part, "" | "." | "..") && !part.contains(forbidden);
        let has_parts = below.split('/').count() >= folder.min_parts() && below.split('/').all(good);
        if key.len() <= Self::MAX_BYTES && has_parts { Ok(Self(key)) } else { Err(InvalidDropPath) }
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
        assert_eq!((drop.owner(), drop.purpose()), ("shop", DropPurpose::Photo { set: "amazon-main" }));
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
    fn a_retouched_file_names_its_job() {
        const ID: &str = "019cdc54-2673-dc32-b9e5-6e1d36cc9e8a";
        const OTHER: &str = "019cdc54-0000-7000-8000-000000000001";
        let job = Some(ID.parse().expect("an id"));
        let named = [
            format!("{ID}.psd"),
            format!("größe-{ID}_v2.psd"),
            format!("{OTHER}-{ID}.psd"),
            format!("{}.PSD", ID.to_uppercase()),
            format!("{ID} (1).png"),
            ID.to_owned(),
        ];
        for name in named {
            let file = path(&format!("retouch/shop/march/{name}")).expect("a path");
            assert_eq!((file.owner(), file.purpose()), ("shop", DropPurpose::Retouch { job }), "{name}");
            assert_eq!(file.result(MANIFEST), format!("results/shop/_retouch/march/{name}/{MANIFEST}"));
        }
        for name in ["cup.psd".to_owned(), format!("x{ID}.psd"), format!("{ID}0.psd"), format!("{}.psd", &ID[1..])] {
            let file = path(&format!("retouch/shop/{name}")).expect("a path");
            assert_eq!(file.purpose(), DropPurpose::Retouch { job: None }, "{name}");
            assert!(file.is_retouched());
        }
        let folder = path(&format!("retouch/shop/{ID}/cup.psd")).expect("a path");
        assert_eq!(folder.purpose(), DropPurpose::Retouch { job: None }, "the name counts");
        let longest = path(&format!("retouch/s/{}", "x".repeat(990))).expect("a path");
        assert!(longest.as_str().len() == 1000 && longest.result(MANIFEST).len() <= 1024);
    }

    #[test]
    fn rejects_paths_that_lead_elsewhere() {
        let bad = ["", "drops/", "drops/a.jpg", "drops/shop/a.jpg", "drops/shop/set/", "drops/shop/set/folder/"];
        let bare = ["retouch/", "retouch/a.psd", "retouch//a.psd", "retouch/shop/", "retouch/shop/../a.psd"];
        let worse = ["drops//set/a", "drops/shop//a", "drops/shop/set//a", "drops/shop/set/../a", "drops/./set/a"];
        let worst =
            ["drops/shop/set/a\0", "drops/shop/set/a\nb", "drops/shop/set/a\\b", "results/a/b/c", "/drops/a/b/c"];
        for key in [&bad[..], &bare, &worse, &worst].concat() {
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
