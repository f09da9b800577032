//! The photo of the jobs, and a web server on loopback that serves it.

use anyhow::Result;
use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use tokio::net::TcpListener;

/// The photo, 300×200. `tests/deployed/photo.rs` says where it is from.
pub(crate) const PHOTO: &[u8] = include_bytes!("../../tests/deployed/photo.jpg");

/// A damaged JPEG.
pub(crate) const DAMAGED: &[u8] = b"\xff\xd8\xff\xe0 not a picture";

/// A running server. It ends with the runtime.
pub(crate) struct Origin {
    address: String,
}

impl Origin {
    /// Serves the photo at `/photo.jpg`, and 404 everywhere else.
    pub(crate) async fn start() -> Result<Self> {
        let routes = Router::new().route("/photo.jpg", get(async || PHOTO)).fallback(async || StatusCode::NOT_FOUND);
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Ok(Self { address })
    }

    /// The URL of the photo.
    pub(crate) fn photo(&self) -> String {
        format!("http://{}/photo.jpg", self.address)
    }
}
