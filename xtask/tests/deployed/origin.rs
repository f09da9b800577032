//! A web server on loopback that serves photos.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Result;
use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use tokio::net::TcpListener;

/// A running server. It ends with the runtime.
pub(crate) struct Origin {
    address: String,
    served: Arc<AtomicUsize>,
}

impl Origin {
    /// Serves `photo` at `/photo.jpg`, and 404 everywhere else.
    pub(crate) async fn start(photo: &'static [u8]) -> Result<Self> {
        let served = Arc::new(AtomicUsize::new(0));
        let count = served.clone();
        let routes = Router::new()
            .route(
                "/photo.jpg",
                get(move || {
                    count.fetch_add(1, Ordering::SeqCst);
                    async move { photo }
                }),
            )
            .fallback(async || StatusCode::NOT_FOUND);
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Ok(Self { address, served })
    }

    /// The URL of a path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The number of times the photo was served.
    pub(crate) fn served(&self) -> usize {
        self.served.load(Ordering::SeqCst)
    }
}
