//! Shared by both test binaries.

use async_trait::async_trait;
use cutline_core::contract::{Download, Downloaded};
use url::Url;

/// An HTTP client without credentials.
pub(crate) struct Browser(pub(crate) reqwest::Client);

impl Browser {
    pub(crate) fn new() -> Self {
        // The links under test are plain HTTP, but the client needs a TLS provider to be built.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self(reqwest::Client::builder().no_proxy().build().expect("a client"))
    }
}

#[async_trait]
impl Download for Browser {
    async fn get(&self, url: &Url) -> Downloaded {
        let answer = self.0.get(url.clone()).send().await.expect("an answer");
        let header = |name| {
            let value = answer.headers().get(name)?;
            Some(value.to_str().expect("text").to_owned())
        };
        Downloaded {
            status: answer.status().as_u16(),
            content_type: header("content-type"),
            content_disposition: header("content-disposition"),
            body: answer.bytes().await.expect("a body"),
        }
    }
}
