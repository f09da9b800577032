//! A server that sends scripted bytes, so that it can lie, hang and trickle.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// The reply to one request.
#[derive(Clone)]
pub(super) struct Reply {
    bytes: Vec<u8>,
    ending: Ending,
}

/// How the connection goes on after the bytes.
#[derive(Clone, Copy)]
pub(super) enum Ending {
    /// Closes.
    Close,
    /// Stays open, silent, forever.
    Hang,
    /// Sends a byte now and then, forever.
    Trickle,
    /// Sends bytes as fast as the client reads, forever.
    Flood,
}

impl Reply {
    pub(super) fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self { bytes: bytes.into(), ending: Ending::Close }
    }

    pub(super) fn with(status: &str, headers: &str, body: &[u8]) -> Self {
        let head = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n", body.len());
        Self::raw([head.as_bytes(), body].concat())
    }

    pub(super) fn ok(body: &[u8]) -> Self {
        Self::with("200 OK", "", body)
    }

    pub(super) fn redirect(status: &str, location: &str) -> Self {
        Self::with(status, &format!("Location: {location}\r\n"), b"")
    }

    pub(super) fn then(self, ending: Ending) -> Self {
        Self { ending, ..self }
    }
}

/// A running server. It stops on drop.
pub(super) struct Server {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    requests: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Server {
    pub(super) async fn start(address: IpAddr, reply: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Self {
        Self::start_at((address, 0).into(), reply).await.expect("a free port")
    }

    /// # Errors
    /// If another program uses the port.
    pub(super) async fn start_at(
        address: SocketAddr,
        reply: impl Fn(&str) -> Reply + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let (connections, requests) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::default()));
        let (counted, noted, reply) = (Arc::clone(&connections), Arc::clone(&requests), Arc::new(reply));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(answer(stream, Arc::clone(&noted), Arc::clone(&reply)));
            }
        });
        Ok(Self { address, connections, requests, task })
    }

    pub(super) fn port(&self) -> u16 {
        self.address.port()
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// How many connections arrived.
    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// The head of every request.
    pub(super) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(mut stream: TcpStream, noted: Arc<Mutex<Vec<String>>>, reply: Arc<impl Fn(&str) -> Reply>) {
    let mut head = Vec::new();
    // 0x16 starts a TLS record, which never ends like an HTTP head.
    while !head.ends_with(b"\r\n\r\n") && head.first() != Some(&0x16) {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let reply = reply(head.split(' ').nth(1).unwrap_or_default());
    noted.lock().unwrap_or_else(PoisonError::into_inner).push(head);
    let mut sent = stream.write_all(&reply.bytes).await;
    while sent.is_ok() {
        sent = match reply.ending {
            Ending::Close => return,
            Ending::Hang => std::future::pending().await,
            Ending::Trickle => {
                tokio::time::sleep(Duration::from_millis(20)).await;
                stream.write_all(b"x").await
            }
            Ending::Flood => stream.write_all(&[0; 1000]).await,
        };
    }
}

/// A TLS server with a self-signed certificate. It ends with the test's runtime.
pub(super) async fn with_untrusted_certificate(address: IpAddr) -> String {
    let made = rcgen::generate_simple_self_signed([address.to_string()]).expect("a certificate");
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("protocol versions")
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .expect("a server's settings");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind((address, 0)).await.expect("a free port");
    let url = format!("https://{}/", listener.local_addr().expect("an address"));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // The client refuses the certificate, so no request follows.
            let refused = acceptor.accept(stream).await;
            assert!(refused.is_err(), "the client accepted an untrusted certificate");
        }
    });
    url
}
