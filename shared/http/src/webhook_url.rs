//! Reading the URL of a webhook's receiver.

use cutline_core::domain::webhook::{InvalidWebhookUrl, WebhookUrl, WebhookUrlRule};

use crate::fetch::address::AddressPolicy;
use crate::fetch::client::literal_address;

/// Whether receivers may be on this machine or in private networks, and without TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WebhookReach {
    /// https to the public internet.
    #[default]
    Public,
    /// Also http, and private addresses. For trials only: it lets every caller with a key make this machine send requests
    /// to its network.
    Private,
}

impl WebhookReach {
    /// The reach with or without private networks.
    pub fn allowing_private(allow_private: bool) -> Self {
        if allow_private { Self::Private } else { Self::Public }
    }

    pub(crate) fn allows_private(self) -> bool {
        self == Self::Private
    }
}

/// The text is not the URL of a receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WebhookUrlError {
    /// It is no URL of a receiver anywhere.
    #[error(transparent)]
    Invalid(#[from] InvalidWebhookUrl),
    /// Its host is an address or a name of this machine or of a private network.
    #[error("must lead to the public internet, not to a private, local or reserved address")]
    NotPublic,
}

/// Reads the URL of a receiver. An address as host is checked here; the addresses of a name are checked before each send,
/// since they may change.
///
/// # Errors
/// [`WebhookUrlError`].
pub fn read_webhook_url(text: &str, reach: WebhookReach) -> Result<WebhookUrl, WebhookUrlError> {
    let rule = match reach {
        WebhookReach::Public => WebhookUrlRule::Https,
        WebhookReach::Private => WebhookUrlRule::HttpToo,
    };
    let url = WebhookUrl::read(text, rule)?;
    let policy = AddressPolicy::public(reach.allows_private());
    let is_forbidden = literal_address(url.as_url()).is_some_and(|address| !policy.allows(address));
    if is_forbidden || (url.is_this_machine() && !reach.allows_private()) {
        return Err(WebhookUrlError::NotPublic);
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_address_is_refused_in_every_notation() {
        let not_public = [
            "https://127.0.0.1/",
            "https://127.1:8443/",
            "https://0x7f000001/",
            "https://2130706433/",
            "https://10.0.0.1/",
            "https://192.168.1.1/",
            "https://169.254.169.254/latest/meta-data",
            "https://0.0.0.0/",
            "https://[::1]/",
            "https://[::ffff:127.0.0.1]/",
            "https://[fd00:ec2::254]/",
            "https://[fe80::1]/",
            "https://localhost/",
            "https://a.localhost./",
        ];
        for text in not_public {
            assert_eq!(read_webhook_url(text, WebhookReach::Public), Err(WebhookUrlError::NotPublic), "{text}");
        }
        for text in ["https://8.8.8.8/", "https://[2606:4700::1111]/", "https://example.com/"] {
            assert!(read_webhook_url(text, WebhookReach::Public).is_ok(), "{text}");
        }
        assert!(read_webhook_url("http://127.0.0.1:9/", WebhookReach::Private).is_ok());
        let metadata = read_webhook_url("http://169.254.169.254/", WebhookReach::Private);
        assert_eq!(metadata, Err(WebhookUrlError::NotPublic), "not even for trials");
    }
}
