//! Names of parameter sets, and the revisions of stored ones.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The name of a parameter set: 1 to 64 characters of `A-Z a-z 0-9 _ -`, the first a letter or a digit.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SetName(String);

/// The text is not a valid name of a parameter set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a name is 1 to 64 characters of A-Z, a-z, 0-9, _ and -, the first a letter or a digit")]
pub struct InvalidSetName;

impl SetName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SetName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for SetName {
    type Err = InvalidSetName;

    fn from_str(text: &str) -> Result<Self, InvalidSetName> {
        Self::try_from(text.to_owned())
    }
}

impl TryFrom<String> for SetName {
    type Error = InvalidSetName;

    fn try_from(text: String) -> Result<Self, InvalidSetName> {
        let first_ok = text.starts_with(|c: char| c.is_ascii_alphanumeric());
        let rest_ok = text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
        if first_ok && rest_ok && text.len() <= 64 { Ok(Self(text)) } else { Err(InvalidSetName) }
    }
}

impl From<SetName> for String {
    fn from(name: SetName) -> Self {
        name.0
    }
}

/// One stored state of a parameter set. Every change makes a new one, and so does deleting a set and storing it again,
/// so a caller cannot mistake a later state for the one it read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Revision(Uuid);

impl Revision {
    /// Wraps a UUID.
    pub const fn new(uuid: Uuid) -> Self {
        Self(uuid)
    }
}

/// The text is not a revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a revision")]
pub struct InvalidRevision;

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.simple().fmt(f)
    }
}

impl FromStr for Revision {
    type Err = InvalidRevision;

    fn from_str(text: &str) -> Result<Self, InvalidRevision> {
        let revision = Uuid::try_parse(text).map(Self).map_err(|_| InvalidRevision)?;
        // A UUID has several spellings; a revision has one.
        if revision.to_string() == text { Ok(revision) } else { Err(InvalidRevision) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_allow_what_clients_use() {
        for good in ["Test-Api", "mon_set", "a", "9", &"x".repeat(64)] {
            assert!(good.parse::<SetName>().is_ok(), "{good}");
        }
        for bad in ["", "-a", "_a", "a/b", "..", "a b", "é", &"x".repeat(65)] {
            assert!(bad.parse::<SetName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_revision_has_exactly_one_spelling() {
        let revision = Revision::new(Uuid::now_v7());
        let text = revision.to_string();
        assert_eq!(text.parse(), Ok(revision));
        let hyphenated = revision.0.hyphenated().to_string();
        for bad in ["", "built-in-0.1.0", &text[1..], &text.to_uppercase(), &hyphenated, &format!("{{{hyphenated}}}")] {
            assert_eq!(bad.parse::<Revision>(), Err(InvalidRevision), "{bad}");
        }
    }
}
