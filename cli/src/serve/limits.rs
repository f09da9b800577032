//! What callers may take of this machine's memory and time.
//!
//! The memory for bodies is a budget that the API shares out among those who have a key. A caller that
//! stops sending, or takes for ever, is cut off, and gives back what it held. One that stops reading is
//! [`super::server`]'s to cut off.

use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::Method;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use cutline_http::BodyBudget;
use futures::{Stream, StreamExt, stream};
use tokio::time::{Instant, timeout_at};

/// How much memory the bodies that hold files may take together, in bytes.
const LARGE_BODIES: usize = 256_000_000;
/// How much memory the bodies that hold fields alone may take together, in bytes.
const SMALL_BODIES: usize = 32_000_000;
/// How much memory all bodies may take together, in bytes.
pub(crate) const BODY_MEMORY: u64 = (LARGE_BODIES + SMALL_BODIES) as u64;
/// How long a caller may send nothing in the middle of a body.
const SILENCE: Duration = Duration::from_secs(20);
/// How long a body may take in all. The largest one makes it at 1.4 Mbit/s.
const WHOLE: Duration = Duration::from_secs(300);

/// The memory for bodies.
pub(crate) fn budget() -> BodyBudget {
    BodyBudget::new(LARGE_BODIES, SMALL_BODIES)
}

/// The router within these limits of time.
pub(crate) fn limited(router: Router) -> Router {
    router.layer(from_fn(limit))
}

async fn limit(request: Request, next: Next) -> Response {
    if matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS) {
        return next.run(request).await;
    }
    next.run(request.map(|body| Body::from_stream(timed(body.into_data_stream(), SILENCE, WHOLE)))).await
}

/// The caller took too long.
#[derive(Debug, thiserror::Error)]
#[error("the body took too long")]
struct TooSlow;

/// The body, with an error in place of what comes too late.
fn timed(
    body: impl Stream<Item = Result<Bytes, axum::Error>> + Send + Unpin + 'static,
    silence: Duration,
    whole: Duration,
) -> impl Stream<Item = Result<Bytes, axum::Error>> + Send + 'static {
    let end = Instant::now() + whole;
    stream::unfold(Some(body), move |body| async move {
        let mut body = body?;
        match timeout_at(end.min(Instant::now() + silence), body.next()).await {
            Ok(Some(piece)) => Some((piece, Some(body))),
            Ok(None) => None,
            Err(_) => Some((Err(axum::Error::new(TooSlow)), None)),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SILENCE: Duration = Duration::from_secs(20);
    const WHOLE: Duration = Duration::from_secs(300);

    /// A body of pieces that come at these intervals, read under the limits: how many came, and whether it
    /// ended well.
    async fn read(intervals: &[u64]) -> (usize, bool) {
        let pieces = stream::iter(intervals.to_vec()).then(|seconds| async move {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            Ok(Bytes::from_static(b"piece"))
        });
        let read: Vec<_> = timed(Box::pin(pieces), SILENCE, WHOLE).collect().await;
        (read.iter().filter(|piece| piece.is_ok()).count(), read.iter().all(Result::is_ok))
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_that_falls_silent_or_trickles_is_cut_off() {
        assert_eq!(read(&[0, 19, 19, 0]).await, (4, true));
        assert_eq!(read(&[0, 0, 21]).await, (2, false), "silence");
        assert_eq!(read(&[16; 30]).await, (18, false), "a trickle ends with the whole time");
    }
}
