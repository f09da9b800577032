//! Webhooks: where an owner's events are sent, and which events there are.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use url::{Host, Url};

use super::limits::{MAX_URL_BYTES, thousands};
use super::url_text::WithoutSecrets;

/// Which URLs webhooks may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WebhookUrlRule {
    /// https only.
    #[default]
    Https,
    /// http too. For trials on one machine, where no receiver has a certificate.
    HttpToo,
}

/// The URL of a receiver: absolute, with a host and without a user name or password, at most [`MAX_URL_BYTES`] bytes as
/// sent on the wire. Before each send, the client checks the scheme and the address that the host then has.
///
/// Its `Display` and `Debug` leave the query out, which can hold a secret. The whole URL is [`WebhookUrl::as_url`], and
/// what is serialized.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct WebhookUrl(Url);

/// Why a text is not the URL of a receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidWebhookUrl {
    /// Not an absolute URL with a host.
    #[error("must be an absolute https URL")]
    NotAbsolute,
    /// Not https.
    #[error("must be an https URL")]
    Scheme,
    /// Holds a user name or a password.
    #[error("must not contain a user name or password; put a token into the path or query")]
    Credentials,
    /// Longer than [`MAX_URL_BYTES`].
    #[error("must be at most {} bytes long", thousands(MAX_URL_BYTES as u64))]
    TooLong,
}

impl WebhookUrl {
    /// Reads the URL of a caller.
    ///
    /// # Errors
    /// [`InvalidWebhookUrl`].
    pub fn read(text: &str, rule: WebhookUrlRule) -> Result<Self, InvalidWebhookUrl> {
        if text.len() > MAX_URL_BYTES {
            return Err(InvalidWebhookUrl::TooLong);
        }
        let url = Url::parse(text).map_err(|_| InvalidWebhookUrl::NotAbsolute)?;
        // The stored form counts: it percent-encodes a letter outside of ASCII as six bytes or more.
        if url.as_str().len() > MAX_URL_BYTES {
            return Err(InvalidWebhookUrl::TooLong);
        }
        match (url.scheme(), rule) {
            ("https", _) | ("http", WebhookUrlRule::HttpToo) => {}
            _ => return Err(InvalidWebhookUrl::Scheme),
        }
        if url.host_str().is_none_or(str::is_empty) {
            return Err(InvalidWebhookUrl::NotAbsolute);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(InvalidWebhookUrl::Credentials);
        }
        Ok(Self(url))
    }

    /// The URL itself.
    pub fn as_url(&self) -> &Url {
        &self.0
    }

    /// The receiver's host in lower case: a name or an address.
    pub fn host(&self) -> String {
        self.0.host_str().unwrap_or_default().trim_end_matches('.').to_ascii_lowercase()
    }

    /// Whether the host is a name of this machine, such as `localhost`.
    pub fn is_this_machine(&self) -> bool {
        let host = self.host();
        matches!(self.0.host(), Some(Host::Domain(_))) && (host == "localhost" || host.ends_with(".localhost"))
    }
}

impl fmt::Display for WebhookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        WithoutSecrets(&self.0).fmt(f)
    }
}

impl fmt::Debug for WebhookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WebhookUrl").field(&WithoutSecrets(&self.0)).finish()
    }
}

/// A stored URL was checked when it was accepted, by the rule of then.
impl TryFrom<String> for WebhookUrl {
    type Error = InvalidWebhookUrl;

    fn try_from(text: String) -> Result<Self, InvalidWebhookUrl> {
        Self::read(&text, WebhookUrlRule::HttpToo)
    }
}

impl From<WebhookUrl> for String {
    fn from(url: WebhookUrl) -> Self {
        url.0.into()
    }
}

/// The kinds of event. Receivers ignore kinds that they do not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum WebhookEventKind {
    /// The job is done.
    #[serde(rename = "job.done")]
    JobDone,
    /// The job has failed.
    #[serde(rename = "job.failed")]
    JobFailed,
    /// The job is held for review.
    #[serde(rename = "job.review")]
    JobReview,
    /// A job that is held for review was cut again.
    #[serde(rename = "job.revised")]
    JobRevised,
}

impl WebhookEventKind {
    /// Every kind, in the order of the documentation.
    pub const ALL: [Self; 4] = [Self::JobDone, Self::JobFailed, Self::JobReview, Self::JobRevised];

    /// The `type` of its webhooks.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::JobDone => "job.done",
            Self::JobFailed => "job.failed",
            Self::JobReview => "job.review",
            Self::JobRevised => "job.revised",
        }
    }

    /// Whether it is about a result that is held for review, and not about the end of a job.
    pub const fn is_about_draft(self) -> bool {
        match self {
            Self::JobReview | Self::JobRevised => true,
            Self::JobDone | Self::JobFailed => false,
        }
    }
}

/// An event of a job. It stays as it is, even if someone corrects the clock later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookEvent {
    /// Its kind.
    pub kind: WebhookEventKind,
    /// When it happened.
    pub at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<WebhookUrl, InvalidWebhookUrl> {
        WebhookUrl::read(text, WebhookUrlRule::Https)
    }

    #[test]
    fn a_webhook_url_is_https_with_a_host_and_no_credentials() {
        for good in ["https://example.com", "https://example.com:8443/hooks/cutline?token=x", "https://müller.de/ä"] {
            assert!(read(good).is_ok(), "{good}");
        }
        let cases = [
            ("", InvalidWebhookUrl::NotAbsolute),
            ("/hooks", InvalidWebhookUrl::NotAbsolute),
            ("https://", InvalidWebhookUrl::NotAbsolute),
            ("http://example.com/", InvalidWebhookUrl::Scheme),
            ("ftp://example.com/", InvalidWebhookUrl::Scheme),
            ("file:///etc/passwd", InvalidWebhookUrl::Scheme),
            ("https://me@example.com/", InvalidWebhookUrl::Credentials),
            ("https://me:secret@example.com/", InvalidWebhookUrl::Credentials),
        ];
        for (text, expected) in cases {
            assert_eq!(read(text).unwrap_err(), expected, "{text}");
        }
        for long in [format!("https://example.com/{}", "a".repeat(5_000)), format!("https://e/{}", "é".repeat(1_500))]
        {
            assert_eq!(read(&long).unwrap_err(), InvalidWebhookUrl::TooLong);
        }
        assert!(WebhookUrl::read("http://127.0.0.1:9/", WebhookUrlRule::HttpToo).is_ok());
    }

    #[test]
    fn shows_no_query_and_stores_it() {
        let text = "https://example.com/hook?token=secret#secret";
        let url = read(text).expect("a URL");
        for shown in [format!("{url}"), format!("{url:?}")] {
            assert!(shown.contains("https://example.com/hook?…") && !shown.contains("secret"), "{shown}");
        }
        assert_eq!(serde_json::to_value(&url).expect("serializes"), text);
        assert_eq!(serde_json::from_value::<WebhookUrl>(text.into()).expect("is read again"), url);
    }

    #[test]
    fn one_receiver_has_one_host() {
        for text in ["https://EXAMPLE.com/a", "https://example.com.:444/b"] {
            assert_eq!(read(text).expect("a URL").host(), "example.com");
        }
        for (text, expected) in
            [("https://localhost/", true), ("https://a.LOCALHOST./", true), ("https://localhost.example.com/", false)]
        {
            assert_eq!(read(text).expect("a URL").is_this_machine(), expected, "{text}");
        }
    }

    #[test]
    fn kinds_are_stored_under_their_names() {
        for kind in WebhookEventKind::ALL {
            assert_eq!(serde_json::to_value(kind).expect("serializes"), kind.as_str());
        }
    }
}
