//! Frames on the pipes between parent and child.
//!
//! A frame is a kind, the length of a JSON head, the length of a body, then both. Bodies are the bytes of files, one
//! after the other; the head says where each ends. The parent trusts no length that a child sends: it has a limit for
//! each.

use std::io::{self, Read, Write};

use bytes::Bytes;

/// The bytes before the head.
pub(crate) const PREFIX: usize = 13;
/// The longest head, in bytes. Parameter sets and warnings are far shorter.
pub(crate) const MAX_HEAD: u32 = 256 << 10;

/// The kind of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum FrameKind {
    /// To the child: a photograph and its settings.
    Job = 1,
    /// To the child: the memory is granted.
    Start = 2,
    /// To the parent: the models are loaded.
    Ready = 16,
    /// To the parent: the models could not be loaded.
    NotReady = 17,
    /// To the parent: the memory that the job needs.
    Needs = 18,
    /// To the parent: progress of the job.
    Progress = 19,
    /// To the parent: a sign of life during a job.
    Alive = 20,
    /// To the parent: the files.
    Done = 21,
    /// To the parent: the pipeline's fault.
    Fault = 22,
}

impl FrameKind {
    const ALL: [Self; 9] = [
        Self::Job,
        Self::Start,
        Self::Ready,
        Self::NotReady,
        Self::Needs,
        Self::Progress,
        Self::Alive,
        Self::Done,
        Self::Fault,
    ];
}

/// The beginning of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Prefix {
    pub(crate) kind: FrameKind,
    /// The length of the head in bytes, at most [`MAX_HEAD`].
    pub(crate) head: usize,
    /// The length of the body in bytes.
    pub(crate) body: u64,
}

impl Prefix {
    pub(crate) fn to_bytes(self) -> [u8; PREFIX] {
        let mut bytes = [0; PREFIX];
        bytes[0] = self.kind as u8;
        bytes[1..5].copy_from_slice(&(self.head as u32).to_le_bytes());
        bytes[5..].copy_from_slice(&self.body.to_le_bytes());
        bytes
    }

    /// `None` if the bytes begin no frame.
    pub(crate) fn from_bytes(bytes: [u8; PREFIX]) -> Option<Self> {
        let [kind, h0, h1, h2, h3, body @ ..] = bytes;
        let kind = FrameKind::ALL.into_iter().find(|known| *known as u8 == kind)?;
        let head = u32::from_le_bytes([h0, h1, h2, h3]);
        (head <= MAX_HEAD).then_some(Self { kind, head: head as usize, body: u64::from_le_bytes(body) })
    }
}

/// A frame that was read whole.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) kind: FrameKind,
    pub(crate) head: Vec<u8>,
    pub(crate) body: Bytes,
}

/// Writes a frame whose body consists of `parts`.
pub(crate) fn write_frame(output: &mut impl Write, kind: FrameKind, head: &[u8], parts: &[Bytes]) -> io::Result<()> {
    let body = parts.iter().map(|part| part.len() as u64).sum();
    let mut beginning = Prefix { kind, head: head.len(), body }.to_bytes().to_vec();
    beginning.extend_from_slice(head);
    output.write_all(&beginning)?;
    for part in parts {
        output.write_all(part)?;
    }
    output.flush()
}

/// Reads a frame of the trusted side: its lengths are not limited.
pub(crate) fn read_frame(input: &mut impl Read) -> io::Result<Frame> {
    let mut prefix = [0; PREFIX];
    input.read_exact(&mut prefix)?;
    let invalid = || io::Error::new(io::ErrorKind::InvalidData, "not a frame");
    let Prefix { kind, head, body } = Prefix::from_bytes(prefix).ok_or_else(invalid)?;
    let mut head = vec![0; head];
    input.read_exact(&mut head)?;
    let mut bytes = Vec::with_capacity(usize::try_from(body).map_err(|_| invalid())?);
    let length = input.take(body).read_to_end(&mut bytes)?;
    if length as u64 != body {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(Frame { kind, head, body: bytes.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_survive_the_pipe() {
        for kind in FrameKind::ALL {
            let mut pipe = Vec::new();
            write_frame(&mut pipe, kind, b"{}", &[Bytes::from_static(b"one"), Bytes::from_static(b"two")])
                .expect("is written");
            let frame = read_frame(&mut pipe.as_slice()).expect("is read");
            assert_eq!((frame.kind, frame.head.as_slice(), frame.body.as_ref()), (kind, &b"{}"[..], &b"onetwo"[..]));
            for cut in [0, 1, PREFIX, pipe.len() - 1] {
                assert!(read_frame(&mut &pipe[..cut]).is_err(), "cut off at {cut}");
            }
        }
    }

    #[test]
    fn an_unknown_kind_or_a_long_head_is_no_frame() {
        let prefix = Prefix { kind: FrameKind::Done, head: MAX_HEAD as usize, body: u64::MAX };
        assert_eq!(Prefix::from_bytes(prefix.to_bytes()), Some(prefix));
        let longer = Prefix { head: MAX_HEAD as usize + 1, ..prefix };
        assert_eq!(Prefix::from_bytes(longer.to_bytes()), None);
        let mut unknown = prefix.to_bytes();
        unknown[0] = 3;
        assert_eq!(Prefix::from_bytes(unknown), None);
    }
}
