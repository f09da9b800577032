//! The format that a request asks for.

use std::fmt;
use std::str::FromStr;

use serde::de::IntoDeserializer;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::choice::InvalidChoice;
use super::file_format::FileFormat;
use super::format::OutputFormat;

/// The format that a request asks for: one that Cutline writes, or the customer's own file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RequestedFormat {
    /// A new file of this format.
    Encoded(OutputFormat),
    /// The source's own bytes with the clipping path inserted. Only in mode clipping.
    Original,
}

/// The value for the customer's own file, in requests and in records.
const ORIGINAL: &str = "original";

impl RequestedFormat {
    /// Every spelling that a request may have.
    pub fn spellings() -> impl Iterator<Item = &'static str> {
        OutputFormat::spellings().chain([ORIGINAL])
    }

    /// The format of a new file; `None` for the customer's own.
    pub const fn encoded(self) -> Option<OutputFormat> {
        match self {
            Self::Encoded(format) => Some(format),
            Self::Original => None,
        }
    }

    /// Whether a file of this format can be the answer.
    pub fn gives(self, file: FileFormat) -> bool {
        match self {
            Self::Encoded(format) => file == FileFormat::from(format),
            Self::Original => file.takes_path(),
        }
    }
}

impl From<OutputFormat> for RequestedFormat {
    fn from(format: OutputFormat) -> Self {
        Self::Encoded(format)
    }
}

impl Default for RequestedFormat {
    fn default() -> Self {
        Self::Encoded(OutputFormat::default())
    }
}

impl fmt::Display for RequestedFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Encoded(format) => format.fmt(f),
            Self::Original => f.write_str(ORIGINAL),
        }
    }
}

impl FromStr for RequestedFormat {
    type Err = InvalidChoice;

    fn from_str(text: &str) -> Result<Self, InvalidChoice> {
        if text == ORIGINAL { Ok(Self::Original) } else { text.parse().map(Self::Encoded) }
    }
}

impl Serialize for RequestedFormat {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Encoded(format) => format.serialize(serializer),
            Self::Original => serializer.serialize_str(ORIGINAL),
        }
    }
}

impl<'de> Deserialize<'de> for RequestedFormat {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            ORIGINAL => Ok(Self::Original),
            text => OutputFormat::deserialize(text.into_deserializer()).map(Self::Encoded),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_names_one_format_and_records_spell_it_as_before() {
        for spelling in OutputFormat::spellings() {
            assert_eq!(spelling.parse(), Ok(RequestedFormat::Encoded(spelling.parse().expect("is a format"))));
        }
        assert_eq!("original".parse(), Ok(RequestedFormat::Original));
        assert_eq!("Original".parse::<RequestedFormat>(), Err(InvalidChoice));
        let formats = OutputFormat::ALL.map(RequestedFormat::Encoded).into_iter().chain([RequestedFormat::Original]);
        for format in formats {
            let stored = serde_json::to_value(format).expect("serializes");
            assert_eq!(serde_json::from_value::<RequestedFormat>(stored.clone()).expect("is read again"), format);
            if let Some(encoded) = format.encoded() {
                assert_eq!(stored, serde_json::to_value(encoded).expect("serializes"), "as earlier releases do");
            }
        }
        assert!(serde_json::from_str::<RequestedFormat>("\"gif\"").is_err());
    }

    #[test]
    fn the_original_is_a_file_that_takes_a_path() {
        let given: Vec<_> = FileFormat::all()
            .filter(|file| RequestedFormat::Original.gives(*file))
            .map(FileFormat::extension)
            .collect();
        assert_eq!(given, ["jpg", "psd", "tiff", "psb"]);
        assert!(RequestedFormat::from(OutputFormat::Png).gives(OutputFormat::Png.into()));
        assert!(!RequestedFormat::from(OutputFormat::Psd).gives(FileFormat::Psb));
    }
}
