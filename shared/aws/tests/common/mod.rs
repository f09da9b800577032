//! What both test binaries use.

use async_trait::async_trait;
use cutline_core::contract::{Download, Downloaded};
use url::Url;

/// A client that follows links, and knows no key.
pub(crate) struct Browser(pub(crate) reqwest::Client);

impl Browser {
    pub(crate) fn new() -> Self {
        // The links under test are plain http; the client asks for TLS all the same before it is built.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self(reqwest::Client::builder().no_proxy().build().expect("a client"))
    }
}

#[async_trait]
impl Download for Browser {
    async fn get(&self, url: &Url) -> Downloaded {
        let answer = self.0.get(url.clone()).send().await.expect("an answer");
        let content_type = answer.headers().get("content-type");
        Downloaded {
            status: answer.status().as_u16(),
            content_type: content_type.map(|value| value.to_str().expect("text").to_owned()),
            body: answer.bytes().await.expect("a body"),
        }
    }
}
