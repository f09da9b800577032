//! Reading a multipart body part by part, within limits: on the files together, on everything else together, and on the
//! number of parts.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use cutline_core::domain::limits::MAX_MASK_BYTES;
use futures::{Stream, StreamExt};

use crate::body_buffer::BodyBuffer;
use crate::field::{FILE, FILES, Field, FieldValue, Fields, MASK, MAX_FIELDS_BYTES, MAX_TEXT_BYTES};
use crate::request_body::{BodyError, RequestBody};

/// The most parts in a body. The API knows far fewer fields.
pub(crate) const MAX_PARTS: usize = 100;

/// The largest mask, in bytes.
pub(crate) const MAX_MASK: usize = MAX_MASK_BYTES as usize;

/// The most bytes handed to the parser at once.
const STEP: usize = 16_000;

impl From<multer::Error> for BodyError {
    fn from(error: multer::Error) -> Self {
        match error {
            multer::Error::StreamReadFailed(cause) => match cause.downcast::<Self>() {
                Ok(error) => *error,
                Err(_) => Self::EndedEarly,
            },
            _ => Self::Malformed,
        }
    }
}

/// Reads the fields of a body with this boundary. Its files have at most `max_file_bytes` together.
pub(crate) async fn read(body: &mut RequestBody, boundary: &str, max_file_bytes: usize) -> Result<Fields, BodyError> {
    let limit = max_file_bytes.saturating_add(MAX_FIELDS_BYTES);
    let mut file_bytes_left = max_file_bytes.min(body.size_bound(limit)?);
    let mut pieces = body.capped(limit)?.peekable();
    if Pin::new(&mut pieces).peek().await.is_none() {
        return Err(BodyError::Empty);
    }
    let progress = Arc::new(ParserProgress::default());
    let mut parts = multer::Multipart::new(PacedBody::new(pieces, Arc::clone(&progress)), boundary);
    let mut fields = Fields::default();
    let mut count = 0;
    loop {
        progress.count_request();
        let part = match parts.next_field().await.map_err(BodyError::from) {
            Ok(Some(part)) => part,
            Ok(None) => return Ok(fields),
            // Bytes before the first boundary are not fields.
            Err(BodyError::FieldsTooLarge) if count == 0 => return Err(BodyError::Malformed),
            Err(error) => return Err(error),
        };
        count += 1;
        if count > MAX_PARTS {
            return Err(BodyError::TooManyParts);
        }
        // A part without a name is ignored.
        let Some(name) = part.name().map(str::to_owned) else { continue };
        if name == FILE {
            fields.file_name = part.file_name().map(str::to_owned);
        }
        let value = match name.as_str() {
            MASK if file_bytes_left > MAX_MASK => read_file(part, MAX_MASK, &progress).await.map_err(of_mask)?,
            name if FILES.contains(&name) => read_file(part, file_bytes_left, &progress).await?,
            _ => read_text(part, &progress).await?,
        };
        if let FieldValue::File(bytes) = &value {
            file_bytes_left = file_bytes_left.saturating_sub(bytes.len());
        }
        fields.list.push(Field { name, value });
    }
}

/// The file's bytes. A browser sends an unused file input as an empty part without a file name.
async fn read_file(
    mut part: multer::Field<'_>,
    limit: usize,
    progress: &ParserProgress,
) -> Result<FieldValue, BodyError> {
    let unnamed = part.file_name().is_none_or(str::is_empty);
    let mut bytes = BodyBuffer::new(limit);
    while let Some(piece) = progress.chunk(&mut part).await? {
        if bytes.len() + piece.len() > limit {
            return Err(BodyError::TooLarge);
        }
        progress.file_bytes.fetch_add(piece.len(), Ordering::Relaxed);
        bytes.push(&piece);
    }
    Ok(if unnamed && bytes.is_empty() { FieldValue::Empty } else { FieldValue::File(bytes.freeze()) })
}

/// The error of a mask that was read up to its own limit.
fn of_mask(error: BodyError) -> BodyError {
    match error {
        BodyError::TooLarge => BodyError::MaskTooLarge,
        other => other,
    }
}

/// A part's text. A text that is too long is read to its end but not kept, so that later parts are still read.
async fn read_text(mut part: multer::Field<'_>, progress: &ParserProgress) -> Result<FieldValue, BodyError> {
    let mut bytes = Vec::new();
    let mut too_long = false;
    while let Some(piece) = progress.chunk(&mut part).await? {
        too_long |= bytes.len() + piece.len() > MAX_TEXT_BYTES;
        if !too_long {
            bytes.extend_from_slice(&piece);
        }
    }
    if too_long {
        return Ok(FieldValue::TooLong);
    }
    Ok(String::from_utf8(bytes).map_or(FieldValue::InvalidUtf8, FieldValue::text))
}

/// How far the parser has come, for [`PacedBody`].
#[derive(Debug, Default)]
struct ParserProgress {
    /// How often the parser was asked for a part or a piece of a part.
    requests: AtomicUsize,
    /// How many bytes it has returned as those of files.
    file_bytes: AtomicUsize,
}

impl ParserProgress {
    fn count_request(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    async fn chunk(&self, part: &mut multer::Field<'_>) -> Result<Option<Bytes>, BodyError> {
        self.count_request();
        Ok(part.chunk().await?)
    }
}

/// The body in small steps, with an error once the bytes outside files exceed their limit: texts, part headers,
/// and everything between parts.
///
/// On its own, the parser buffers all available bytes before it looks at them. Here it gets a step only after it has
/// failed to answer from the bytes it has. It is therefore at most two steps ahead of the bytes that it has returned,
/// so we know how many bytes of a body belong to no file.
struct PacedBody<S> {
    pieces: S,
    /// The unread rest of the last piece.
    rest: Bytes,
    /// How many bytes the parser has got.
    total: usize,
    /// Whether the parser must look at a step before it gets another.
    step_pending: bool,
    /// [`ParserProgress::requests`] when the parser last had to look.
    last_request: usize,
    progress: Arc<ParserProgress>,
}

impl<S> PacedBody<S> {
    fn new(pieces: S, progress: Arc<ParserProgress>) -> Self {
        Self { pieces, rest: Bytes::new(), total: 0, step_pending: false, last_request: 0, progress }
    }
}

impl<S: Stream<Item = Result<Bytes, BodyError>> + Unpin> Stream for PacedBody<S> {
    type Item = Result<Bytes, BodyError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        let request = this.progress.requests.load(Ordering::Relaxed);
        let is_new_request = std::mem::replace(&mut this.last_request, request) != request;
        if std::mem::take(&mut this.step_pending) || is_new_request {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        while this.rest.is_empty() {
            match ready!(this.pieces.poll_next_unpin(context)) {
                Some(Ok(piece)) => this.rest = piece,
                end => return Poll::Ready(end),
            }
        }
        let step = this.rest.split_to(STEP.min(this.rest.len()));
        this.total += step.len();
        this.step_pending = true;
        let outside_files = this.total.saturating_sub(this.progress.file_bytes.load(Ordering::Relaxed));
        let within_limit = outside_files <= MAX_FIELDS_BYTES + 2 * STEP;
        Poll::Ready(Some(if within_limit { Ok(step) } else { Err(BodyError::FieldsTooLarge) }))
    }
}
