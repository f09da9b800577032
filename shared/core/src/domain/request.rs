//! What a caller can ask for: the values of the request's fields, and what each may be.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use url::Url;

/// The value is not one of the field's choices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a valid choice")]
pub struct InvalidChoice;

/// What is made of the photograph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// The subject on transparency, with a soft matte.
    Background,
    /// The hard-edged cut along a path.
    #[default]
    Clipping,
    /// Everything that a parameter set names.
    Params,
}

impl Mode {
    /// The value as it stands in a request.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Background => "background",
            Self::Clipping => "clipping",
            Self::Params => "params",
        }
    }
}

impl FromStr for Mode {
    type Err = InvalidChoice;

    fn from_str(text: &str) -> Result<Self, InvalidChoice> {
        match text {
            "background" => Ok(Self::Background),
            "clipping" => Ok(Self::Clipping),
            "params" => Ok(Self::Params),
            _ => Err(InvalidChoice),
        }
    }
}

/// How a finished job names its pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryMode {
    /// `final_urls`, a link for each variation.
    #[default]
    Url,
    /// `final_url`, one link.
    FinalUrl,
}

impl DeliveryMode {
    /// The value as it stands in a request.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Url => "url",
            Self::FinalUrl => "final_url",
        }
    }
}

impl FromStr for DeliveryMode {
    type Err = InvalidChoice;

    fn from_str(text: &str) -> Result<Self, InvalidChoice> {
        match text {
            "url" => Ok(Self::Url),
            "final_url" => Ok(Self::FinalUrl),
            _ => Err(InvalidChoice),
        }
    }
}

/// The file format of the pictures. `jpg` and `jpeg` are the same one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutputFormat {
    /// PNG with alpha.
    #[default]
    Png,
    /// JPEG, flattened: it has no alpha.
    Jpeg,
    /// Photoshop document.
    Psd,
    /// TIFF with alpha.
    Tiff,
    /// WebP with alpha.
    Webp,
}

impl OutputFormat {
    /// Every spelling that a request may have.
    pub const NAMES: [&str; 6] = ["png", "jpg", "jpeg", "psd", "tiff", "webp"];

    /// The ending of a file of this format, without the dot.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg => "jpg",
            Self::Psd => "psd",
            Self::Tiff => "tiff",
            Self::Webp => "webp",
        }
    }

    /// The media type of this format.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Psd => "image/vnd.adobe.photoshop",
            Self::Tiff => "image/tiff",
            Self::Webp => "image/webp",
        }
    }
}

impl FromStr for OutputFormat {
    type Err = InvalidChoice;

    fn from_str(text: &str) -> Result<Self, InvalidChoice> {
        match text {
            "png" => Ok(Self::Png),
            "jpg" | "jpeg" => Ok(Self::Jpeg),
            "psd" => Ok(Self::Psd),
            "tiff" => Ok(Self::Tiff),
            "webp" => Ok(Self::Webp),
            _ => Err(InvalidChoice),
        }
    }
}

/// An absolute http or https URL with a host and without a user name or password, at most
/// [`SourceUrl::MAX_LEN`] bytes as it is written on the wire. Whether its address may be connected to is the fetcher's to say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SourceUrl(Url);

/// The text is no URL that a source can be fetched from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSourceUrl {
    /// Not an absolute URL with a host.
    #[error("must be an absolute http or https URL")]
    NotAbsolute,
    /// Neither http nor https.
    #[error("must be an http or https URL")]
    Scheme,
    /// Holds a user name or a password.
    #[error("must not contain a user name or password")]
    Credentials,
    /// Longer than [`SourceUrl::MAX_LEN`] bytes.
    #[error("must be at most 4096 bytes long")]
    TooLong,
}

impl SourceUrl {
    /// The longest URL, in bytes. Signed links of object stores are 500 to 2,000 bytes long.
    pub const MAX_LEN: usize = 4096;

    /// The URL itself.
    pub fn as_url(&self) -> &Url {
        &self.0
    }
}

impl fmt::Display for SourceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for SourceUrl {
    type Err = InvalidSourceUrl;

    fn from_str(text: &str) -> Result<Self, InvalidSourceUrl> {
        if text.len() > Self::MAX_LEN {
            return Err(InvalidSourceUrl::TooLong);
        }
        Self::try_from(Url::parse(text).map_err(|_| InvalidSourceUrl::NotAbsolute)?)
    }
}

impl TryFrom<Url> for SourceUrl {
    type Error = InvalidSourceUrl;

    fn try_from(url: Url) -> Result<Self, InvalidSourceUrl> {
        // What is stored and read again is this form, in which a letter outside of ASCII takes six bytes.
        if url.as_str().len() > Self::MAX_LEN {
            return Err(InvalidSourceUrl::TooLong);
        }
        if !matches!(url.scheme(), "http" | "https") {
            return Err(InvalidSourceUrl::Scheme);
        }
        if url.host_str().is_none_or(str::is_empty) {
            return Err(InvalidSourceUrl::NotAbsolute);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(InvalidSourceUrl::Credentials);
        }
        Ok(Self(url))
    }
}

impl TryFrom<String> for SourceUrl {
    type Error = InvalidSourceUrl;

    fn try_from(text: String) -> Result<Self, InvalidSourceUrl> {
        text.parse()
    }
}

impl From<SourceUrl> for String {
    fn from(url: SourceUrl) -> Self {
        url.0.into()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// A record that could be written and not read again would be pending for ever.
        #[test]
        fn a_url_that_is_taken_can_be_stored_and_read_again(
            host in "[a-zé.%0-9]{1,12}",
            path in prop_oneof!["[a-zé/?#%&=. ]{0,40}", Just("é".repeat(1500)), Just("é".repeat(700))],
        ) {
            if let Ok(url) = format!("https://{host}/{path}").parse::<SourceUrl>() {
                let stored = serde_json::to_string(&url).expect("serialises");
                prop_assert_eq!(serde_json::from_str::<SourceUrl>(&stored).expect("is read again"), url);
            }
        }
    }

    #[test]
    fn a_source_url_is_http_with_a_host_and_no_credentials() {
        assert!("https://example.com/a.jpg?x=1".parse::<SourceUrl>().is_ok());
        assert!("http://[::1]:80/".parse::<SourceUrl>().is_ok());
        let cases = [
            ("a.jpg", InvalidSourceUrl::NotAbsolute),
            ("", InvalidSourceUrl::NotAbsolute),
            ("ftp://example.com/a", InvalidSourceUrl::Scheme),
            ("file:///etc/passwd", InvalidSourceUrl::Scheme),
            ("data:image/png;base64,AA", InvalidSourceUrl::Scheme),
            ("https://me:secret@example.com/", InvalidSourceUrl::Credentials),
        ];
        for (text, expected) in cases {
            assert_eq!(text.parse::<SourceUrl>().unwrap_err(), expected, "{text}");
        }
        let long = format!("https://example.com/{}", "a".repeat(SourceUrl::MAX_LEN));
        assert_eq!(long.parse::<SourceUrl>().unwrap_err(), InvalidSourceUrl::TooLong);
        let longer_on_the_wire = format!("https://example.com/{}", "é".repeat(1500));
        assert_eq!(longer_on_the_wire.parse::<SourceUrl>().unwrap_err(), InvalidSourceUrl::TooLong);
    }
}
