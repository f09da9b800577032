//! A request's body: read up to a limit, and drained where the response is known before the body ends.

use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_LENGTH, EXPECT};
use bytes::Bytes;
use futures::stream::Fuse;
use futures::{Stream, StreamExt, TryStreamExt};

use crate::body_buffer::BodyBuffer;

/// How much of a refused body is drained, as a multiple of the largest file. A caller unaware of the limit may
/// send two or three times as much, and should still learn why it was refused.
const MAX_DRAINED_FILES: usize = 4;
/// How long a refused body is drained for a caller with a valid key.
const MAX_DRAIN_TIME: Duration = Duration::from_secs(30);
/// How long a refused body is drained for anyone else: long enough for most uploads by an honest caller with a wrong key,
/// and too short to hold many connections.
const MAX_UNKNOWN_DRAIN_TIME: Duration = Duration::from_secs(2);

/// Who sends a refused body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Caller {
    /// Someone with a valid key.
    Known,
    /// Someone without one, or whose key was not checked.
    Unknown,
}

/// The message for an empty body.
pub(crate) const EMPTY: &str = "The body is empty.";
/// The message for a body that breaks off.
pub(crate) const ENDED_EARLY: &str = "The body ended early.";

/// The message for a body with more bytes than its `Content-Length`.
pub(crate) const LONGER_THAN_DECLARED: &str = "The body is longer than its Content-Length; send its length in bytes.";

/// Why a body could not be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BodyError {
    #[error("the body exceeds its limit")]
    TooLarge,
    #[error("the body exceeds its Content-Length")]
    LongerThanDeclared,
    #[error("the mask exceeds its limit")]
    MaskTooLarge,
    #[error("the fields without the file exceed their limit")]
    FieldsTooLarge,
    #[error("the multipart body has too many parts")]
    TooManyParts,
    #[error("the body ended early")]
    EndedEarly,
    #[error("the body is empty")]
    Empty,
    #[error("the multipart body is malformed")]
    Malformed,
}

/// A body that may not have been read to its end.
pub(crate) struct RequestBody {
    pieces: Fuse<BodyDataStream>,
    /// The caller's `Content-Length`.
    declared_length: Option<u64>,
    /// Whether the caller waits for `100 Continue` before it sends the body. The server sends that at the first
    /// read.
    awaits_continue: bool,
}

impl RequestBody {
    /// The body of a request with these headers.
    pub(crate) fn new(headers: &HeaderMap, body: Body) -> Self {
        let awaits_continue =
            headers.get(EXPECT).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"));
        let declared_length = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        Self { pieces: body.into_data_stream().fuse(), declared_length, awaits_continue }
    }

    /// The most bytes that will be read under this limit.
    ///
    /// # Errors
    /// [`BodyError::TooLarge`] if `Content-Length` exceeds the limit.
    pub(crate) fn size_bound(&self, limit: usize) -> Result<usize, BodyError> {
        let length = self.declared_length.map_or(Ok(limit), usize::try_from);
        length.ok().filter(|&length| length <= limit).ok_or(BodyError::TooLarge)
    }

    /// The pieces as they arrive, with an error once they exceed the limit or `Content-Length`. A server that speaks HTTP
    /// itself ends the body there; a gateway may pass on both.
    ///
    /// # Errors
    /// [`BodyError::TooLarge`] at once if `Content-Length` exceeds the limit.
    pub(crate) fn capped(
        &mut self,
        limit: usize,
    ) -> Result<impl Stream<Item = Result<Bytes, BodyError>> + Send + Unpin + '_, BodyError> {
        let mut left = self.size_bound(limit)?;
        let Self { pieces, awaits_continue, declared_length } = self;
        let is_declared = declared_length.is_some();
        Ok(pieces.map(move |piece| {
            *awaits_continue = false;
            let piece = piece.map_err(|_| BodyError::EndedEarly)?;
            let too_long = || if is_declared { BodyError::LongerThanDeclared } else { BodyError::TooLarge };
            left = left.checked_sub(piece.len()).ok_or_else(too_long)?;
            Ok(piece)
        }))
    }

    /// The whole body.
    ///
    /// # Errors
    /// [`BodyError`], also for an empty body.
    pub(crate) async fn collect(&mut self, limit: usize) -> Result<Bytes, BodyError> {
        let mut whole = BodyBuffer::new(self.size_bound(limit)?);
        let mut pieces = self.capped(limit)?;
        while let Some(piece) = pieces.try_next().await? {
            whole.push(&piece);
        }
        if whole.is_empty() { Err(BodyError::Empty) } else { Ok(whole.freeze()) }
    }

    /// Reads and discards the rest, up to a few times the largest file. Many clients read the response only
    /// after they have sent everything; if the connection closed earlier, they would report a broken connection
    /// and not the reason. A client that still waits for `100 Continue` has sent nothing and needs no draining.
    pub(crate) async fn drain(self, max_file_bytes: usize, caller: Caller) {
        let time = match caller {
            Caller::Known => MAX_DRAIN_TIME,
            Caller::Unknown => MAX_UNKNOWN_DRAIN_TIME,
        };
        if !self.awaits_continue {
            self.drain_for(max_file_bytes.saturating_mul(MAX_DRAINED_FILES), time).await;
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
            tracing::info!("caller kept sending a refused body; connection closed");
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

    /// A body of this many pieces of 10 bytes, and the count of pieces read.
    fn counted(pieces: usize, headers: &HeaderMap) -> (RequestBody, Arc<AtomicUsize>) {
        let read = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&read);
        let pieces = stream::iter(0..pieces).map(move |_| {
            count.fetch_add(1, Ordering::Relaxed);
            Ok::<_, Infallible>(Bytes::from_static(b"0123456789"))
        });
        (RequestBody::new(headers, Body::from_stream(pieces)), read)
    }

    #[tokio::test]
    async fn collects_a_body_up_to_its_limit() {
        let plain = HeaderMap::new();
        assert_eq!(counted(3, &plain).0.collect(30).await.expect("collected").len(), 30);
        assert_eq!(counted(3, &plain).0.collect(29).await, Err(BodyError::TooLarge));
        assert_eq!(counted(0, &plain).0.collect(29).await, Err(BodyError::Empty));
        let says_more = HeaderMap::from_iter([(CONTENT_LENGTH, 31.into())]);
        let (mut body, read) = counted(3, &says_more);
        assert_eq!(body.collect(30).await, Err(BodyError::TooLarge));
        assert_eq!(read.load(Ordering::Relaxed), 0);
        let says_less = HeaderMap::from_iter([(CONTENT_LENGTH, 29.into())]);
        assert_eq!(counted(3, &says_less).0.collect(100).await, Err(BodyError::LongerThanDeclared));
    }

    #[test]
    fn bounds_a_body_by_its_content_length_and_the_limit() {
        let saying = |length: u64| counted(0, &HeaderMap::from_iter([(CONTENT_LENGTH, length.into())])).0;
        assert_eq!(counted(0, &HeaderMap::new()).0.size_bound(30), Ok(30));
        assert_eq!(saying(0).size_bound(30), Ok(0));
        assert_eq!(saying(30).size_bound(30), Ok(30));
        assert_eq!(saying(31).size_bound(30), Err(BodyError::TooLarge));
        assert_eq!(saying(u64::MAX).size_bound(30), Err(BodyError::TooLarge));
    }

    #[tokio::test]
    async fn drains_a_body_within_limits() {
        let (body, read) = counted(5, &HeaderMap::new());
        body.drain(100, Caller::Known).await;
        assert_eq!(read.load(Ordering::Relaxed), 5);
        let (body, read) = counted(1_000_000, &HeaderMap::new());
        body.drain(100, Caller::Known).await;
        assert_eq!(read.load(Ordering::Relaxed), 41);
        let waits = HeaderMap::from_iter([(EXPECT, axum::http::HeaderValue::from_static("100-continue"))]);
        let (body, read) = counted(5, &waits);
        body.drain(100, Caller::Known).await;
        assert_eq!(read.load(Ordering::Relaxed), 0);
        // Once reading has begun, the body is drained as any other.
        let (mut body, read) = counted(5, &waits);
        assert_eq!(body.collect(15).await, Err(BodyError::TooLarge));
        assert_eq!(read.load(Ordering::Relaxed), 2);
        body.drain(100, Caller::Known).await;
        assert_eq!(read.load(Ordering::Relaxed), 5);
        // Draining ends although the body does not.
        let never = Body::from_stream(stream::pending::<Result<Bytes, Infallible>>());
        RequestBody::new(&HeaderMap::new(), never).drain_for(100, Duration::from_millis(10)).await;
    }
}
