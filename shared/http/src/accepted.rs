//! Tells the server that carries a connection that one of its requests may be served.

use std::fmt;
use std::sync::Arc;

use axum::http::Extensions;

/// An extension of a request. The router calls it when the request's API key, or the signature of its link, was accepted,
/// which is before the body is read. A server protects the connections of such requests when connections are scarce.
#[derive(Clone)]
pub struct AcceptedSignal(Arc<dyn Fn() + Send + Sync>);

impl AcceptedSignal {
    /// A signal that calls `accepted`.
    pub fn new(accepted: impl Fn() + Send + Sync + 'static) -> Self {
        Self(Arc::new(accepted))
    }
}

impl fmt::Debug for AcceptedSignal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AcceptedSignal").finish_non_exhaustive()
    }
}

/// Gives the signal of a request, if its server set one.
pub(crate) fn give(extensions: &Extensions) {
    if let Some(AcceptedSignal(accepted)) = extensions.get() {
        accepted();
    }
}
