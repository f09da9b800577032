//! The caller's own names for a job, which Cutline returns and never interprets.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::limits::{MAX_EXTERNAL_ID_CHARS, MAX_METADATA_BYTES, MAX_METADATA_MEMBERS, thousands};

/// The caller's id of a job: 1 to [`MAX_EXTERNAL_ID_CHARS`] characters, none of them a control character. Several jobs may
/// have the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ExternalId(String);

/// The text is not an external id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to {MAX_EXTERNAL_ID_CHARS} characters without control characters")]
pub struct InvalidExternalId;

impl ExternalId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ExternalId {
    type Error = InvalidExternalId;

    fn try_from(text: String) -> Result<Self, InvalidExternalId> {
        let is_valid =
            (1..=MAX_EXTERNAL_ID_CHARS).contains(&text.chars().count()) && !text.chars().any(char::is_control);
        if is_valid { Ok(Self(text)) } else { Err(InvalidExternalId) }
    }
}

impl FromStr for ExternalId {
    type Err = InvalidExternalId;

    fn from_str(text: &str) -> Result<Self, InvalidExternalId> {
        Self::try_from(text.to_owned())
    }
}

impl From<ExternalId> for String {
    fn from(id: ExternalId) -> Self {
        id.0
    }
}

impl fmt::Display for ExternalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The caller's own strings: at most [`MAX_METADATA_MEMBERS`], and [`MAX_METADATA_BYTES`] bytes as JSON without spaces.
/// Never empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Metadata(BTreeMap<String, String>);

/// Why a JSON value is not metadata.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMetadata {
    /// It is not an object.
    #[error("must be an object of strings")]
    NotAnObject,
    /// A member is not a string.
    #[error("must be a string")]
    NotAString {
        /// The name of the first such member.
        member: String,
    },
    /// A member's name is empty.
    #[error("must have a name for every member")]
    EmptyName,
    /// It has too many members.
    #[error("must have at most {MAX_METADATA_MEMBERS} members")]
    TooMany,
    /// It is too long.
    #[error("must have at most {} bytes as JSON", thousands(MAX_METADATA_BYTES as u64))]
    TooLong,
}

impl Metadata {
    /// Reads the metadata of a request. An empty object is the same as none.
    ///
    /// # Errors
    /// [`InvalidMetadata`].
    pub fn read(value: Value) -> Result<Option<Self>, InvalidMetadata> {
        let Value::Object(members) = value else { return Err(InvalidMetadata::NotAnObject) };
        let mut strings = BTreeMap::new();
        for (name, value) in members {
            // DynamoDB stores no attribute without a name.
            if name.is_empty() {
                return Err(InvalidMetadata::EmptyName);
            }
            match value {
                Value::String(text) => strings.insert(name, text),
                _ => return Err(InvalidMetadata::NotAString { member: name }),
            };
        }
        Ok(Some(Self::checked(strings)?).filter(|metadata| !metadata.0.is_empty()))
    }

    /// The value of a member.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// `metadata`, or none, with one more member, which replaces one of this name.
    ///
    /// # Errors
    /// [`InvalidMetadata`] if that is too much.
    pub(super) fn with(metadata: Option<Self>, name: &str, value: String) -> Result<Self, InvalidMetadata> {
        let mut strings = metadata.map(|Self(strings)| strings).unwrap_or_default();
        strings.insert(name.to_owned(), value);
        Self::checked(strings)
    }

    fn checked(strings: BTreeMap<String, String>) -> Result<Self, InvalidMetadata> {
        if strings.len() > MAX_METADATA_MEMBERS {
            return Err(InvalidMetadata::TooMany);
        }
        let metadata = Self(strings);
        // An object of strings always serializes.
        if serde_json::to_string(&metadata).is_ok_and(|text| text.len() > MAX_METADATA_BYTES) {
            return Err(InvalidMetadata::TooLong);
        }
        Ok(metadata)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_external_id_is_counted_in_characters() {
        for good in ["4711", "Bestellung 4711/ü", &"é".repeat(128)] {
            assert_eq!(good.parse::<ExternalId>().map(String::from), Ok(good.to_owned()));
        }
        for bad in ["", "a\nb", "\u{0}", &"é".repeat(129)] {
            assert_eq!(bad.parse::<ExternalId>(), Err(InvalidExternalId), "{bad:?}");
        }
    }

    #[test]
    fn metadata_is_a_small_object_of_strings() {
        let read = |value| Metadata::read(value).map(|metadata| serde_json::to_value(metadata).expect("serializes"));
        let largest = "x".repeat(MAX_METADATA_BYTES - r#"{"a":""}"#.len());
        for good in [json!({"sku": "4711", "empty": "", "größe": "42\n"}), json!({ "a": largest })] {
            assert_eq!(read(good.clone()), Ok(good));
        }
        assert_eq!(Metadata::read(json!({})), Ok(None));
        let members = |count: usize| Value::Object((0..count).map(|n| (n.to_string(), json!("x"))).collect());
        assert!(read(members(MAX_METADATA_MEMBERS)).is_ok());
        assert_eq!(read(members(MAX_METADATA_MEMBERS + 1)), Err(InvalidMetadata::TooMany));
        assert_eq!(read(json!({ "a": format!("{largest}x") })), Err(InvalidMetadata::TooLong));
        for value in [json!(1), json!(null), json!({"b": "c"}), json!(["c"]), json!(true)] {
            assert_eq!(read(json!({ "a": value })), Err(InvalidMetadata::NotAString { member: "a".to_owned() }));
        }
        assert_eq!(read(json!({ "": "a" })), Err(InvalidMetadata::EmptyName));
        for value in [json!([]), json!("a"), json!(null)] {
            assert_eq!(read(value), Err(InvalidMetadata::NotAnObject));
        }
    }
}
