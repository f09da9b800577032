//! Limits on the memory and the time of request bodies.
//!
//! Callers with a key share a memory budget for bodies. A caller that stops sending, or sends too slowly, is
//! disconnected, which frees its memory. [`super::server`] disconnects callers that stop reading.

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

/// Sends to one receiver of webhooks at once.
pub(crate) const SENDS_PER_RECEIVER: u32 = 4;

/// The memory for all bodies with files, in bytes.
const FILE_BODIES_BYTES: usize = 256_000_000;
/// The memory for all bodies with fields only, in bytes.
const FIELD_BODIES_BYTES: usize = 32_000_000;
/// The memory for all bodies, in bytes.
pub(crate) const BODY_BYTES: u64 = (FILE_BODIES_BYTES + FIELD_BODIES_BYTES) as u64;
/// The longest pause within a body.
const MAX_PAUSE: Duration = Duration::from_secs(20);
/// The longest time for a whole body. The largest one arrives in time at 1.4 Mbit/s.
const MAX_DURATION: Duration = Duration::from_secs(300);

/// How long a request may wait for the end of its job.
pub(crate) const MAX_WAIT: Duration = Duration::from_secs(20);
/// How many requests may wait at the same time. Each holds a connection, of which the server has four times as many.
pub(crate) const MAX_WAITING: usize = 256;

/// The memory budget of the API.
pub(crate) fn body_budget() -> BodyBudget {
    BodyBudget::new(FILE_BODIES_BYTES, FIELD_BODIES_BYTES)
}

/// The router with the time limits.
pub(crate) fn with_time_limits(router: Router) -> Router {
    router.layer(from_fn(limit_body_time))
}

async fn limit_body_time(request: Request, next: Next) -> Response {
    if matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS) {
        return next.run(request).await;
    }
    next.run(request.map(|body| Body::from_stream(timed(body.into_data_stream(), MAX_PAUSE, MAX_DURATION)))).await
}

/// The caller sends too slowly.
#[derive(Debug, thiserror::Error)]
#[error("the body took too long")]
struct TooSlow;

/// The body, which ends with an error if a part of it is late.
fn timed(
    body: impl Stream<Item = Result<Bytes, axum::Error>> + Send + Unpin + 'static,
    max_pause: Duration,
    max_duration: Duration,
) -> impl Stream<Item = Result<Bytes, axum::Error>> + Send + 'static {
    let end = Instant::now() + max_duration;
    stream::unfold(Some(body), move |body| async move {
        let mut body = body?;
        match timeout_at(end.min(Instant::now() + max_pause), body.next()).await {
            Ok(Some(chunk)) => Some((chunk, Some(body))),
            Ok(None) => None,
            Err(_) => Some((Err(axum::Error::new(TooSlow)), None)),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a body whose chunks arrive after these intervals, in seconds. Returns the number of chunks, and whether
    /// the body ended without an error.
    async fn read(intervals: &[u64]) -> (usize, bool) {
        let chunks = stream::iter(intervals.to_vec()).then(|seconds| async move {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            Ok(Bytes::from_static(b"chunk"))
        });
        let read: Vec<_> = timed(Box::pin(chunks), MAX_PAUSE, MAX_DURATION).collect().await;
        (read.iter().filter(|chunk| chunk.is_ok()).count(), read.iter().all(Result::is_ok))
    }

    #[tokio::test(start_paused = true)]
    async fn disconnects_callers_that_pause_or_send_too_slowly() {
        assert_eq!(read(&[0, 19, 19, 0]).await, (4, true));
        assert_eq!(read(&[0, 0, 21]).await, (2, false), "a pause");
        assert_eq!(read(&[16; 30]).await, (18, false), "too slow as a whole");
    }
}
