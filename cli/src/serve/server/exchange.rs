//! One request of a connection and its response, as the connection's bookkeeping needs it.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use cutline_http::AcceptedSignal;
use futures::future::BoxFuture;
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;

use super::connections::OpenConnection;

/// Whose bytes the connection writes.
#[derive(Debug, Default)]
pub(super) struct WritePhase(AtomicU8);

const IDLE: u8 = 0;
const RESPONDING: u8 = 1;
const FLUSHING: u8 = 2;

impl WritePhase {
    /// Whether no response of the router is being written, not even the rest of the last one. Bytes written now are
    /// hyper's own answer.
    pub(super) fn is_idle(&self) -> bool {
        self.0.load(Ordering::Relaxed) == IDLE
    }

    /// Everything that hyper had to write is written.
    pub(super) fn flushed(&self) {
        let _ = self.0.compare_exchange(FLUSHING, IDLE, Ordering::Relaxed, Ordering::Relaxed);
    }

    fn set(&self, phase: u8) {
        self.0.store(phase, Ordering::Relaxed);
    }
}

/// The router for one connection.
pub(super) struct ExchangeService {
    router: TowerToHyperService<Router>,
    connection: Arc<OpenConnection>,
    phase: Arc<WritePhase>,
}

impl ExchangeService {
    pub(super) fn new(router: Router, connection: OpenConnection, phase: Arc<WritePhase>) -> Self {
        Self { router: TowerToHyperService::new(router), connection: Arc::new(connection), phase }
    }
}

impl Service<hyper::Request<Incoming>> for ExchangeService {
    type Response = Response<ExchangeBody>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn call(&self, mut request: hyper::Request<Incoming>) -> Self::Future {
        let exchange = Exchange::begin(Arc::clone(&self.connection), Arc::clone(&self.phase));
        let connection = Arc::clone(&self.connection);
        request.extensions_mut().insert(AcceptedSignal::new(move || connection.key_accepted()));
        let response = self.router.call(request);
        Box::pin(async move { Ok(response.await?.map(|body| ExchangeBody { body, _exchange: exchange })) })
    }
}

/// A request in progress. Dropping it ends it.
struct Exchange {
    connection: Arc<OpenConnection>,
    phase: Arc<WritePhase>,
}

impl Exchange {
    fn begin(connection: Arc<OpenConnection>, phase: Arc<WritePhase>) -> Self {
        phase.set(RESPONDING);
        Self { connection, phase }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.phase.set(FLUSHING);
        self.connection.request_ended();
    }
}

/// The body of a response. The exchange ends when hyper has taken all of it.
pub(super) struct ExchangeBody {
    body: Body,
    _exchange: Exchange,
}

impl hyper::body::Body for ExchangeBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
