//! Reading a multipart body part by part. What is kept of it is bounded: the file by its limit, everything
//! else by the limit of the fields, and the number of parts.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt};

use crate::body::{BodyFault, Incoming};
use crate::fields::{FILE, Field, MAX_FIELDS_BYTES, MAX_TEXT_BYTES, Value};

/// The most parts of a body. The API knows thirteen fields.
pub(crate) const MAX_PARTS: usize = 100;

/// The most bytes that are given to the parser at once.
const STEP: usize = 16_000;

impl From<multer::Error> for BodyFault {
    fn from(error: multer::Error) -> Self {
        match error {
            multer::Error::StreamReadFailed(cause) => match cause.downcast::<Self>() {
                Ok(fault) => *fault,
                Err(_) => Self::CutShort,
            },
            _ => Self::Malformed,
        }
    }
}

/// The fields of a body with this boundary.
pub(crate) async fn read(body: &mut Incoming, boundary: &str, max_file_bytes: usize) -> Result<Vec<Field>, BodyFault> {
    let mut pieces = body.capped(max_file_bytes.saturating_add(MAX_FIELDS_BYTES))?.peekable();
    if Pin::new(&mut pieces).peek().await.is_none() {
        return Err(BodyFault::Empty);
    }
    let parser = Arc::new(Parser::default());
    let mut parts = multer::Multipart::new(Steps::new(pieces, Arc::clone(&parser)), boundary);
    let mut fields = Vec::new();
    let mut count = 0;
    loop {
        parser.is_asked();
        let part = match parts.next_field().await.map_err(BodyFault::from) {
            Ok(Some(part)) => part,
            Ok(None) => return Ok(fields),
            // There was no boundary yet, so these are no fields.
            Err(BodyFault::FieldsTooLarge) if count == 0 => return Err(BodyFault::Malformed),
            Err(fault) => return Err(fault),
        };
        count += 1;
        if count > MAX_PARTS {
            return Err(BodyFault::TooManyParts);
        }
        // A part without a name says nothing.
        let Some(name) = part.name().map(str::to_owned) else { continue };
        let value = if name == FILE { file(part, max_file_bytes, &parser).await? } else { text(part, &parser).await? };
        fields.push(Field { name, value });
    }
}

/// The file's bytes. A browser sends an input that was left alone as no bytes without a file name.
async fn file(mut part: multer::Field<'_>, limit: usize, parser: &Parser) -> Result<Value, BodyFault> {
    let unnamed = part.file_name().is_none_or(str::is_empty);
    let mut bytes = BytesMut::new();
    while let Some(piece) = parser.chunk(&mut part).await? {
        if bytes.len() + piece.len() > limit {
            return Err(BodyFault::TooLarge);
        }
        parser.files.fetch_add(piece.len(), Ordering::Relaxed);
        bytes.extend_from_slice(&piece);
    }
    Ok(if unnamed && bytes.is_empty() { Value::Empty } else { Value::File(bytes.freeze()) })
}

/// A part's text. Of one that is too long nothing is kept, and the parts after it are still read.
async fn text(mut part: multer::Field<'_>, parser: &Parser) -> Result<Value, BodyFault> {
    let mut bytes = Vec::new();
    let mut too_long = false;
    while let Some(piece) = parser.chunk(&mut part).await? {
        too_long |= bytes.len() + piece.len() > MAX_TEXT_BYTES;
        if !too_long {
            bytes.extend_from_slice(&piece);
        }
    }
    if too_long {
        return Ok(Value::TooLong);
    }
    Ok(String::from_utf8(bytes).map_or(Value::NotText, Value::text))
}

/// What [`Steps`] has to know of the parser.
#[derive(Debug, Default)]
struct Parser {
    /// How often it was asked for a part or a piece of one.
    asked: AtomicUsize,
    /// How many bytes it has told to be a file's.
    files: AtomicUsize,
}

impl Parser {
    fn is_asked(&self) {
        self.asked.fetch_add(1, Ordering::Relaxed);
    }

    async fn chunk(&self, part: &mut multer::Field<'_>) -> Result<Option<Bytes>, BodyFault> {
        self.is_asked();
        Ok(part.chunk().await?)
    }
}

/// The body in steps, with a fault where what is no file's goes over its limit: texts, headers of parts,
/// and what stands around them.
///
/// By itself the parser takes whatever is there before it looks at what it has. Here it gets a step only
/// once it could not answer without, so that it is never more than two ahead of what it has told; and so
/// we know how much of a body is no file's.
struct Steps<S> {
    pieces: S,
    /// What is left of the last piece.
    rest: Bytes,
    /// How many bytes were given.
    total: usize,
    /// Whether the parser has to look at a step before it gets another.
    given: bool,
    /// What it was asked when it last had to look.
    asked: usize,
    parser: Arc<Parser>,
}

impl<S> Steps<S> {
    fn new(pieces: S, parser: Arc<Parser>) -> Self {
        Self { pieces, rest: Bytes::new(), total: 0, given: false, asked: 0, parser }
    }
}

impl<S: Stream<Item = Result<Bytes, BodyFault>> + Unpin> Stream for Steps<S> {
    type Item = Result<Bytes, BodyFault>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        let asked = this.parser.asked.load(Ordering::Relaxed);
        if std::mem::take(&mut this.given) || std::mem::replace(&mut this.asked, asked) != asked {
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
        this.given = true;
        let others = this.total.saturating_sub(this.parser.files.load(Ordering::Relaxed));
        let within = others <= MAX_FIELDS_BYTES + 2 * STEP;
        Poll::Ready(Some(if within { Ok(step) } else { Err(BodyFault::FieldsTooLarge) }))
    }
}
