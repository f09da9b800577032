//! The source of the mask that a picture is cut by.

use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice::InvalidChoice;

/// What the matte of a cut comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MaskSource {
    /// The networks choose the subject. A picture that was cut out before keeps all that is opaque in it.
    #[default]
    Auto,
    /// The picture's own alpha.
    Alpha,
    /// The picture's clipping path, or else the first of its named paths.
    Path,
    /// A file that the request brings. A parameter set cannot ask for it.
    #[schemars(skip)]
    File,
}

impl MaskSource {
    /// Every choice, in the order of the documentation.
    pub const ALL: [Self; 4] = [Self::Auto, Self::Alpha, Self::Path, Self::File];
    /// Those that a parameter set can name: all that need nothing but the picture.
    pub const OF_PICTURE: [Self; 3] = [Self::Auto, Self::Alpha, Self::Path];

    /// The value in a request.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Alpha => "alpha",
            Self::Path => "path",
            Self::File => "file",
        }
    }

    /// Whether the caller brings the matte, and the networks do not run.
    pub const fn is_brought(self) -> bool {
        match self {
            Self::Auto => false,
            Self::Alpha | Self::Path | Self::File => true,
        }
    }
}

impl FromStr for MaskSource {
    type Err = InvalidChoice;

    fn from_str(text: &str) -> Result<Self, InvalidChoice> {
        Self::ALL.into_iter().find(|value| value.as_str() == text).ok_or(InvalidChoice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_the_same_in_records_and_as_text() {
        for source in MaskSource::ALL {
            assert_eq!(serde_json::to_value(source).expect("serializes"), source.as_str());
            assert_eq!(source.as_str().parse(), Ok(source));
            assert_eq!(source.is_brought(), source != MaskSource::default());
        }
        assert_eq!("Path".parse::<MaskSource>(), Err(InvalidChoice));
    }
}
