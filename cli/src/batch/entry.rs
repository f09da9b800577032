//! One picture of a run, whichever source names it.

use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

use cutline_core::SourceUrl;
use cutline_core::domain::correlation::{ExternalId, Metadata};
use cutline_core::domain::output_name::{OutputName, SourceName};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::folders::stem_of;

/// Names an entry within its run, the same in every start of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(super) struct EntryId(u128);

impl EntryId {
    /// The id of the entry that these bytes name.
    pub(super) fn of(name: &[u8]) -> Self {
        let hash = Sha256::digest(name);
        let mut first = [0; 16];
        first.copy_from_slice(&hash[..16]);
        Self(u128::from_be_bytes(first))
    }
}

impl TryFrom<String> for EntryId {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let number = u128::from_str_radix(&text, 16).ok().filter(|_| text.len() == 32);
        number.map(Self).ok_or("the id of an entry has 32 hexadecimal digits")
    }
}

impl From<EntryId> for String {
    fn from(id: EntryId) -> Self {
        id.to_string()
    }
}

impl std::fmt::Display for EntryId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// A picture to send.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    pub(super) id: EntryId,
    pub(super) place: Place,
    pub(super) label: Label,
    pub(super) output_name: Option<OutputName>,
    pub(super) metadata: Option<Metadata>,
}

/// How reports name a picture, and where its results go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Label {
    /// The file, URL or object, in printable text.
    pub(super) name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) external_id: Option<ExternalId>,
    /// Where the results go: a path below the output folder, without an extension.
    #[serde(with = "path_text")]
    pub(super) target: PathBuf,
}

/// Where a picture is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// A file on this machine.
    File(PathBuf),
    /// Behind a URL that the server fetches.
    Url(SourceUrl),
    /// An object in S3.
    Object(ObjectPath),
}

/// An object in S3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ObjectPath {
    pub(super) bucket: String,
    pub(super) key: String,
}

/// The scheme of addresses in S3.
pub(super) const S3_SCHEME: &str = "s3://";

impl ObjectPath {
    /// Reads `s3://bucket/key`. The key may be empty.
    pub(super) fn read(text: &str) -> Option<Self> {
        let (bucket, key) = text.strip_prefix(S3_SCHEME)?.split_once('/').unwrap_or((&text[S3_SCHEME.len()..], ""));
        (!bucket.is_empty()).then(|| Self { bucket: bucket.to_owned(), key: key.to_owned() })
    }
}

impl std::fmt::Display for ObjectPath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{S3_SCHEME}{}/{}", self.bucket, self.key)
    }
}

/// Stands for a picture without a name.
pub(super) const NO_NAME: &str = "picture";

/// Where the results of a file go: its path without the extension, or its name alone if the path leaves its folder.
pub(super) fn target_of_path(path: &Path) -> PathBuf {
    let is_below = is_plain(path);
    let path = if is_below { path } else { Path::new(path.file_name().unwrap_or_default()) };
    let stem = stem_of(path);
    path.with_file_name(if stem.is_empty() { OsString::from(NO_NAME) } else { stem })
}

/// Whether a path leads down from its folder and nowhere else.
pub(super) fn is_plain(path: &Path) -> bool {
    path.components().all(|part| matches!(part, Component::Normal(_)))
}

/// Where the results of a picture from elsewhere go, by its key or the path of its URL. Its parts become folders if every
/// file system accepts them.
pub(super) fn target_of_key(key: &str) -> PathBuf {
    let forbidden = |c: char| c.is_control() || "\\:*?\"<>|".contains(c);
    let is_accepted = |part: &str| !part.is_empty() && !part.starts_with('.') && !part.contains(forbidden);
    if key.split('/').all(is_accepted) {
        return target_of_path(Path::new(key));
    }
    let name = SourceName::of_path(key);
    PathBuf::from(name.as_ref().map_or(NO_NAME, SourceName::as_str))
}

/// Bytes as printable text that names them and no others: what is neither printable nor UTF-8 becomes `%XX`, and so does
/// `%`.
pub(super) fn printable(bytes: &[u8]) -> String {
    fn escape(text: &mut String, bytes: &[u8]) {
        bytes.iter().for_each(|byte| text.push_str(&format!("%{byte:02X}")));
    }
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            // What `escape_debug` leaves alone is printable; quotes and backslashes are too.
            let is_printable = c.escape_debug().len() == 1 || "'\"\\".contains(c);
            if is_printable && c != '%' {
                text.push(c);
            } else {
                escape(&mut text, c.encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
        escape(&mut text, chunk.invalid());
    }
    text
}

/// The bytes behind [`printable`].
fn unprintable(text: &str) -> Vec<u8> {
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let Some((first, after)) = rest.split_first() {
        let code = after.get(..2).filter(|_| *first == b'%').and_then(|digits| std::str::from_utf8(digits).ok());
        match code.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    bytes
}

/// The bytes of a path, whatever its encoding.
pub(super) fn bytes_of(path: &Path) -> &[u8] {
    std::os::unix::ffi::OsStrExt::as_bytes(path.as_os_str())
}

/// A path as text in the state file.
pub(super) mod path_text {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt as _;
    use std::path::{Path, PathBuf};

    use serde::{Deserialize, Deserializer, Serializer};

    use super::{bytes_of, printable, unprintable};

    pub(in crate::batch) fn serialize<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&printable(bytes_of(path)))
    }

    pub(in crate::batch) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PathBuf, D::Error> {
        let text = String::deserialize(deserializer)?;
        Ok(PathBuf::from(OsString::from_vec(unprintable(&text))))
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;

    use super::*;

    #[test]
    fn a_path_survives_the_state_file_whatever_its_bytes() {
        let hostile: [&[u8]; 5] =
            [b"a\nb/c d", b"caf\xc3\xa9 100%", b"\xff\xfe.jpg", b"<b>'\"\\", "a\u{202e}b".as_bytes()];
        for bytes in hostile {
            let target = PathBuf::from(OsStr::from_bytes(bytes));
            let label = Label { name: printable(bytes), external_id: None, target };
            let text = serde_json::to_string(&label).expect("serializes");
            assert!(!text.contains(['\n', '\u{202e}']), "{text}");
            assert_eq!(serde_json::from_str::<Label>(&text).expect("reads"), label);
        }
        assert_eq!(printable(b"caf\xc3\xa9 100%\n\xff"), "café 100%25%0A%FF");
    }

    #[test]
    fn results_stay_below_the_output_folder() {
        let of_path = |path: &str| target_of_path(Path::new(path)).display().to_string();
        assert_eq!(of_path("a/b.tar.jpg"), "a/b.tar");
        assert_eq!([of_path("../x/b.jpg"), of_path("/etc/b.jpg"), of_path("..")], ["b", "b", "picture"]);
        assert_eq!([of_path("...jpg"), of_path("..jpg"), of_path("a/...jpg")], ["...jpg", "..jpg", "a/...jpg"]);
        assert_eq!([of_path("../...jpg"), of_path("/..jpg"), of_path(".jpg")], ["...jpg", "..jpg", ".jpg"]);
        assert_eq!([of_path(""), of_path("/"), of_path("a/..")], ["picture"; 3]);
        let of_key = |key: &str| target_of_key(key).display().to_string();
        assert_eq!(of_key("shoes/red 1.jpg"), "shoes/red 1");
        for hostile in ["../../b.jpg", "/b.jpg", "a//b.jpg", "a/./b.jpg", "a\nc/b.jpg", "a\\..\\b.jpg"] {
            assert_eq!(of_key(hostile), "b", "{hostile:?}");
        }
        assert_eq!([of_key(".."), of_key("...jpg"), of_key("a/..jpg")], ["picture"; 3]);
    }

    #[test]
    fn ids_and_objects_are_read_as_they_are_written() {
        let id = EntryId::of(b"a.jpg");
        assert_eq!(EntryId::try_from(id.to_string()), Ok(id));
        assert!(EntryId::try_from("12".to_owned()).is_err());
        let object = ObjectPath::read("s3://photos/shoes/1.jpg").expect("an object");
        assert_eq!((object.bucket.as_str(), object.key.as_str()), ("photos", "shoes/1.jpg"));
        assert_eq!(ObjectPath::read("s3://photos").map(|object| object.to_string()).as_deref(), Some("s3://photos/"));
        assert_eq!((ObjectPath::read("s3:///a"), ObjectPath::read("https://a/b")), (None, None));
    }
}
