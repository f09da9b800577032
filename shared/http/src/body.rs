//! A request's body on its way in: capped while it is read, and read to its end where the answer is known
//! before that.

use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_LENGTH, EXPECT};
use bytes::{Bytes, BytesMut};
use futures::stream::Fuse;
use futures::{Stream, StreamExt, TryStreamExt};

/// How long the rest of a refused body is read on.
const DRAIN_TIME: Duration = Duration::from_secs(30);

/// Why a body could not be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BodyFault {
    #[error("the body is over its limit")]
    TooLarge,
    #[error("the body ended early")]
    CutShort,
    #[error("the body is empty")]
    Empty,
    #[error("the multipart body is malformed")]
    Malformed,
}

/// A body that has not been read to its end.
pub(crate) struct Incoming {
    pieces: Fuse<BodyDataStream>,
    /// Its length in bytes, as the caller says.
    declared: Option<u64>,
    /// Whether the caller waits to be told before it sends the body.
    waits: bool,
}

impl Incoming {
    /// The body that came with these headers.
    pub(crate) fn new(headers: &HeaderMap, body: Body) -> Self {
        let declared = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        Self { pieces: body.into_data_stream().fuse(), declared, waits: headers.contains_key(EXPECT) }
    }

    /// The pieces as they come, with a fault where they go over the limit.
    ///
    /// # Errors
    /// [`BodyFault::TooLarge`] at once, if the body says itself that it is too large.
    pub(crate) fn capped(
        &mut self,
        limit: usize,
    ) -> Result<impl Stream<Item = Result<Bytes, BodyFault>> + Send + Unpin + '_, BodyFault> {
        if self.declared.is_some_and(|length| length > limit as u64) {
            return Err(BodyFault::TooLarge);
        }
        let mut left = limit;
        Ok((&mut self.pieces).map(move |piece| {
            let piece = piece.map_err(|_| BodyFault::CutShort)?;
            left = left.checked_sub(piece.len()).ok_or(BodyFault::TooLarge)?;
            Ok(piece)
        }))
    }

    /// The whole of a body that is not empty.
    pub(crate) async fn collect(&mut self, limit: usize) -> Result<Bytes, BodyFault> {
        let mut pieces = self.capped(limit)?;
        let mut whole = BytesMut::new();
        while let Some(piece) = pieces.try_next().await? {
            whole.extend_from_slice(&piece);
        }
        if whole.is_empty() { Err(BodyFault::Empty) } else { Ok(whole.freeze()) }
    }

    /// Reads what is left, up to `limit` bytes, and forgets it. Many clients look for the answer only once
    /// they have sent everything; closed in their midst, they would report a broken connection and never
    /// why. A client that waits to be told has sent nothing, and is not told to.
    pub(crate) async fn drain(self, limit: usize) {
        if !self.waits {
            self.drain_for(limit, DRAIN_TIME).await;
        }
    }

    async fn drain_for(mut self, limit: usize, time: Duration) {
        let mut left = limit;
        let drained = tokio::time::timeout(time, async {
            while let Some(Ok(piece)) = self.pieces.next().await
                && piece.len() <= left
            {
                left -= piece.len();
            }
        });
        if drained.await.is_err() {
            tracing::info!("a caller was still sending what had been refused");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::stream;

    use super::*;

    /// A body of any number of pieces of 10 bytes, and how many were taken from it.
    fn counted(pieces: usize, headers: &HeaderMap) -> (Incoming, Arc<AtomicUsize>) {
        let taken = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&taken);
        let pieces = stream::iter(0..pieces).map(move |_| {
            count.fetch_add(1, Ordering::Relaxed);
            Ok::<_, Infallible>(Bytes::from_static(b"0123456789"))
        });
        (Incoming::new(headers, Body::from_stream(pieces)), taken)
    }

    #[tokio::test]
    async fn a_body_is_collected_up_to_its_limit() {
        let plain = HeaderMap::new();
        assert_eq!(counted(3, &plain).0.collect(30).await.expect("collected").len(), 30);
        assert_eq!(counted(3, &plain).0.collect(29).await, Err(BodyFault::TooLarge));
        assert_eq!(counted(0, &plain).0.collect(29).await, Err(BodyFault::Empty));
        let says_more = HeaderMap::from_iter([(CONTENT_LENGTH, 31.into())]);
        let (mut body, taken) = counted(3, &says_more);
        assert_eq!(body.collect(30).await, Err(BodyFault::TooLarge));
        assert_eq!(taken.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn what_is_left_is_drained_within_limits() {
        let (body, taken) = counted(5, &HeaderMap::new());
        body.drain(100).await;
        assert_eq!(taken.load(Ordering::Relaxed), 5);
        let (body, taken) = counted(1_000_000, &HeaderMap::new());
        body.drain(100).await;
        assert_eq!(taken.load(Ordering::Relaxed), 11);
        let waits = HeaderMap::from_iter([(EXPECT, axum::http::HeaderValue::from_static("100-continue"))]);
        let (body, taken) = counted(5, &waits);
        body.drain(100).await;
        assert_eq!(taken.load(Ordering::Relaxed), 0);
        // Ends, though the body does not.
        let never = Body::from_stream(stream::pending::<Result<Bytes, Infallible>>());
        Incoming::new(&HeaderMap::new(), never).drain_for(100, Duration::from_millis(10)).await;
    }
}
