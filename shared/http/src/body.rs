//! A request's body on its way in: capped while it is read, and read to its end where the answer is known
//! before that.

use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_LENGTH, EXPECT};
use bytes::{Bytes, BytesMut};
use futures::stream::Fuse;
use futures::{Stream, StreamExt, TryStreamExt};

/// How much of a refused body is read on: so many times the largest file. Somebody who did not know of the
/// limit sends two or three times as much, and is to be told.
const DRAIN_FILES: usize = 4;
/// How long the rest of a refused body is read on.
const DRAIN_TIME: Duration = Duration::from_secs(30);

/// Why a body could not be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BodyFault {
    #[error("the body is over its limit")]
    TooLarge,
    #[error("the fields beside the file are over their limit")]
    FieldsTooLarge,
    #[error("the multipart body has too many parts")]
    TooManyParts,
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
    /// Whether the caller waits to be told before it sends the body. It is told once we begin to read.
    waits: bool,
}

impl Incoming {
    /// The body that came with these headers.
    pub(crate) fn new(headers: &HeaderMap, body: Body) -> Self {
        let declared = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        Self { pieces: body.into_data_stream().fuse(), declared, waits: headers.contains_key(EXPECT) }
    }

    /// How many bytes are read of it at most, under this limit.
    ///
    /// # Errors
    /// [`BodyFault::TooLarge`] if the body says itself that it is too large.
    pub(crate) fn at_most(&self, limit: usize) -> Result<usize, BodyFault> {
        let declared = self.declared.map_or(Ok(limit), usize::try_from);
        declared.ok().filter(|&length| length <= limit).ok_or(BodyFault::TooLarge)
    }

    /// The pieces as they come, with a fault where they go over the limit.
    ///
    /// # Errors
    /// [`BodyFault::TooLarge`] at once, if the body says itself that it is too large.
    pub(crate) fn capped(
        &mut self,
        limit: usize,
    ) -> Result<impl Stream<Item = Result<Bytes, BodyFault>> + Send + Unpin + '_, BodyFault> {
        let mut left = self.at_most(limit)?;
        let Self { pieces, waits, .. } = self;
        Ok(pieces.map(move |piece| {
            *waits = false;
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

    /// Reads what is left, up to a few times the largest file, and forgets it. Many clients look for the
    /// answer only once they have sent everything; closed in their midst, they would report a broken
    /// connection and never why. A client that waits to be told has sent nothing, and is not told to.
    pub(crate) async fn drain(self, max_file_bytes: usize) {
        if !self.waits {
            self.drain_for(max_file_bytes.saturating_mul(DRAIN_FILES), DRAIN_TIME).await;
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

    #[test]
    fn a_body_is_read_as_far_as_it_says_and_else_as_far_as_it_may_be() {
        let saying = |length: u64| counted(0, &HeaderMap::from_iter([(CONTENT_LENGTH, length.into())])).0;
        assert_eq!(counted(0, &HeaderMap::new()).0.at_most(30), Ok(30));
        assert_eq!(saying(0).at_most(30), Ok(0));
        assert_eq!(saying(30).at_most(30), Ok(30));
        assert_eq!(saying(31).at_most(30), Err(BodyFault::TooLarge));
        assert_eq!(saying(u64::MAX).at_most(30), Err(BodyFault::TooLarge));
    }

    #[tokio::test]
    async fn what_is_left_is_drained_within_limits() {
        let (body, taken) = counted(5, &HeaderMap::new());
        body.drain(100).await;
        assert_eq!(taken.load(Ordering::Relaxed), 5);
        let (body, taken) = counted(1_000_000, &HeaderMap::new());
        body.drain(100).await;
        assert_eq!(taken.load(Ordering::Relaxed), 41);
        let waits = HeaderMap::from_iter([(EXPECT, axum::http::HeaderValue::from_static("100-continue"))]);
        let (body, taken) = counted(5, &waits);
        body.drain(100).await;
        assert_eq!(taken.load(Ordering::Relaxed), 0);
        // Told to send once its body is read, and then it is drained as any other.
        let (mut body, taken) = counted(5, &waits);
        assert_eq!(body.collect(15).await, Err(BodyFault::TooLarge));
        assert_eq!(taken.load(Ordering::Relaxed), 2);
        body.drain(100).await;
        assert_eq!(taken.load(Ordering::Relaxed), 5);
        // Ends, though the body does not.
        let never = Body::from_stream(stream::pending::<Result<Bytes, Infallible>>());
        Incoming::new(&HeaderMap::new(), never).drain_for(100, Duration::from_millis(10)).await;
    }
}
