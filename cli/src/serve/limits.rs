//! What callers may take of this machine's memory and time.
//!
//! An upload is held in memory while it is read and stored, so many large ones at once could take all of
//! it. Before a body is read, its size is taken from a budget; who finds none left waits, and so does the
//! caller, whose bytes stay in the network. A caller that stops sending, or takes for ever, is cut off, and
//! gives back what it held.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::header::CONTENT_LENGTH;
use axum::http::{HeaderMap, Method};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use cutline_http::MAX_PICTURE_BYTES;
use futures::{Stream, StreamExt, stream};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

/// How much memory the bodies of all requests together may take, in bytes.
const BODIES: usize = 256_000_000;
/// The unit that the budget is counted in, in bytes.
const UNIT: usize = 1_000;
/// How long a caller may send nothing in the middle of a body.
const SILENCE: Duration = Duration::from_secs(20);
/// How long a body may take in all. The largest one makes it at 1.4 Mbit/s.
const WHOLE: Duration = Duration::from_secs(300);

/// The router within these limits.
pub(crate) fn limited(router: Router) -> Router {
    router.layer(from_fn_with_state(Arc::new(Semaphore::new(BODIES / UNIT)), limit))
}

async fn limit(State(budget): State<Arc<Semaphore>>, request: Request, next: Next) -> Response {
    if matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS) {
        return next.run(request).await;
    }
    // The budget is never closed. If it were, a request would better be served than not.
    let _held = budget.acquire_many(units(request.headers())).await;
    next.run(request.map(|body| Body::from_stream(timed(body.into_data_stream(), SILENCE, WHOLE)))).await
}

/// What a body is counted as: what it says it has, or else the most that is read of it.
fn units(headers: &HeaderMap) -> u32 {
    let said = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    let bytes = said.unwrap_or(usize::MAX).min(MAX_PICTURE_BYTES + 1_000_000);
    u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX)
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
        assert_eq!(read(&[15; 30]).await, (19, false), "a trickle ends with the whole time");
    }

    #[test]
    fn a_body_counts_for_what_it_says_and_else_for_the_most() {
        let headers = |length: Option<&str>| {
            HeaderMap::from_iter(length.map(|length| (CONTENT_LENGTH, length.parse().expect("a header's value"))))
        };
        assert_eq!(units(&headers(Some("0"))), 0);
        assert_eq!(units(&headers(Some("1"))), 1);
        assert_eq!(units(&headers(Some("2500000"))), 2_500);
        let most = units(&headers(None));
        assert_eq!(most, 51_000);
        assert_eq!(units(&headers(Some("99999999999999"))), most, "what is over the limit is not read");
        assert!(most as usize <= BODIES / UNIT, "one caller can always be served");
    }
}
