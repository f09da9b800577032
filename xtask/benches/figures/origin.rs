//! A web server on loopback that serves a photo.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use axum::Router;
use axum::body::Bytes;
use axum::routing::get;
use tokio::net::TcpListener;

/// A running server. It ends with the runtime.
pub(crate) struct Origin {
    address: SocketAddr,
    photo: Arc<Mutex<Bytes>>,
}

impl Origin {
    /// Serves a photo.
    pub(crate) async fn start(photo: Vec<u8>) -> Result<Self> {
        let photo = Arc::new(Mutex::new(Bytes::from(photo)));
        let served = Arc::clone(&photo);
        let answer = async move || served.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let routes = Router::new().route("/photo.jpg", get(answer));
        let listener = TcpListener::bind("127.0.0.1:0").await.context("cannot open a port")?;
        let address = listener.local_addr()?;
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Ok(Self { address, photo })
    }

    /// Serves another photo from now on.
    pub(crate) fn replace(&self, photo: Vec<u8>) {
        *self.photo.lock().unwrap_or_else(PoisonError::into_inner) = Bytes::from(photo);
    }

    /// The URL of the photo.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/photo.jpg", self.address)
    }
}
