//! The format of a stored file.

use std::str::FromStr;

use serde::de::IntoDeserializer;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::choice::InvalidChoice;
use super::format::OutputFormat;

/// The format of a stored picture: one that Cutline writes, or one that it only passes on, with a path inserted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FileFormat {
    /// A format that Cutline writes.
    Encoded(OutputFormat),
    /// The large variant of a Photoshop document.
    Psb,
}

/// The extension of a large Photoshop document, and its name in records.
const PSB: &str = "psb";

impl FileFormat {
    /// Every format.
    pub fn all() -> impl Iterator<Item = Self> {
        OutputFormat::ALL.into_iter().map(Self::Encoded).chain([Self::Psb])
    }

    /// The file extension, without the dot.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Encoded(format) => format.extension(),
            Self::Psb => PSB,
        }
    }

    /// The media type.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Encoded(format) => format.content_type(),
            Self::Psb => OutputFormat::Psd.content_type(),
        }
    }

    /// Whether such a file can carry a clipping path.
    pub const fn takes_path(self) -> bool {
        match self {
            Self::Encoded(format) => format.info().carries_path,
            Self::Psb => true,
        }
    }
}

impl From<OutputFormat> for FileFormat {
    fn from(format: OutputFormat) -> Self {
        Self::Encoded(format)
    }
}

/// By the extension.
impl FromStr for FileFormat {
    type Err = InvalidChoice;

    fn from_str(text: &str) -> Result<Self, InvalidChoice> {
        Self::all().find(|format| format.extension() == text).ok_or(InvalidChoice)
    }
}

impl Serialize for FileFormat {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Encoded(format) => format.serialize(serializer),
            Self::Psb => serializer.serialize_str(PSB),
        }
    }
}

impl<'de> Deserialize<'de> for FileFormat {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            PSB => Ok(Self::Psb),
            text => OutputFormat::deserialize(text.into_deserializer()).map(Self::Encoded),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_found_again_by_its_extension_and_its_record() {
        for format in FileFormat::all() {
            assert_eq!(format.extension().parse(), Ok(format));
            let stored = serde_json::to_value(format).expect("serializes");
            assert_eq!(serde_json::from_value::<FileFormat>(stored).expect("is read again"), format);
        }
        assert_eq!("jpeg".parse::<FileFormat>(), Err(InvalidChoice), "a file has one extension");
        assert_eq!(serde_json::to_value(FileFormat::from(OutputFormat::Jpeg)).expect("serializes"), "jpeg");
    }
}
