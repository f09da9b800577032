//! The values of a request's fields.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use url::Url;

use super::choice::InvalidChoice;
use super::limits::MAX_URL_BYTES;
use super::url_text::WithoutSecrets;

/// Which pictures a job makes of the photograph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// The subject on transparency, with a soft matte.
    Background,
    /// The hard-edged cut along a path.
    #[default]
    Clipping,
    /// The pictures of a parameter set.
    Params,
}

impl Mode {
    /// Every mode, in the order of the documentation.
    pub const ALL: [Self; 3] = [Self::Background, Self::Clipping, Self::Params];

    /// The value in a request.
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
        Self::ALL.into_iter().find(|value| value.as_str() == text).ok_or(InvalidChoice)
    }
}

/// How the status of a finished job links its pictures.
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
    /// Every delivery mode, in the order of the documentation.
    pub const ALL: [Self; 2] = [Self::Url, Self::FinalUrl];

    /// The value in a request.
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
        Self::ALL.into_iter().find(|value| value.as_str() == text).ok_or(InvalidChoice)
    }
}

/// An absolute http or https URL with a host and without a user name or password, at most [`MAX_URL_BYTES`] bytes as
/// sent on the wire. The fetcher decides whether its address may be connected to.
///
/// Its `Display` and `Debug` are for logs and messages and leave the query out, which can hold a signature. The whole URL
/// is [`SourceUrl::as_url`], and what is serialized.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SourceUrl(Url);

/// Why a text is not the URL of a source.
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
    /// Longer than [`MAX_URL_BYTES`].
    #[error("must be at most {MAX_URL_BYTES} bytes long")]
    TooLong,
}

impl SourceUrl {
    /// The URL itself.
    pub fn as_url(&self) -> &Url {
        &self.0
    }
}

impl fmt::Display for SourceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        WithoutSecrets(&self.0).fmt(f)
    }
}

impl fmt::Debug for SourceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SourceUrl").field(&WithoutSecrets(&self.0)).finish()
    }
}

impl FromStr for SourceUrl {
    type Err = InvalidSourceUrl;

    fn from_str(text: &str) -> Result<Self, InvalidSourceUrl> {
        if text.len() > MAX_URL_BYTES {
            return Err(InvalidSourceUrl::TooLong);
        }
        Self::try_from(Url::parse(text).map_err(|_| InvalidSourceUrl::NotAbsolute)?)
    }
}

impl TryFrom<Url> for SourceUrl {
    type Error = InvalidSourceUrl;

    fn try_from(url: Url) -> Result<Self, InvalidSourceUrl> {
        // The stored form counts: it percent-encodes a letter outside of ASCII as six bytes or more.
        if url.as_str().len() > MAX_URL_BYTES {
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
        /// A record that can be written but not read would stay pending forever.
        #[test]
        fn an_accepted_url_survives_storage(
            host in "[a-zé.%0-9]{1,12}",
            path in prop_oneof!["[a-zé/?#%&=. ]{0,40}", Just("é".repeat(1500)), Just("é".repeat(700))],
        ) {
            if let Ok(url) = format!("https://{host}/{path}").parse::<SourceUrl>() {
                let stored = serde_json::to_string(&url).expect("serializes");
                prop_assert_eq!(serde_json::from_str::<SourceUrl>(&stored).expect("is read again"), url);
            }
        }
    }

    #[test]
    fn shows_a_source_url_without_its_query_and_stores_it_whole() {
        let text = "https://example.com/a.jpg?X-Amz-Signature=secret#secret";
        let url = text.parse::<SourceUrl>().expect("a URL");
        for shown in [format!("{url}"), format!("{url:?}"), format!("{:#?}", Some(&url))] {
            assert!(shown.contains("https://example.com/a.jpg?…") && !shown.contains("secret"), "{shown}");
        }
        assert_eq!(url.as_url().as_str(), text);
        assert_eq!(serde_json::to_value(&url).expect("serializes"), text);
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
        let long = format!("https://example.com/{}", "a".repeat(MAX_URL_BYTES));
        assert_eq!(long.parse::<SourceUrl>().unwrap_err(), InvalidSourceUrl::TooLong);
        let longer_on_the_wire = format!("https://example.com/{}", "é".repeat(1500));
        assert_eq!(longer_on_the_wire.parse::<SourceUrl>().unwrap_err(), InvalidSourceUrl::TooLong);
    }
}
