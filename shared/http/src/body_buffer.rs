//! The memory of a body while it arrives.
//!
//! A vector that grows holds up to twice the bytes, and freed vectors of a few megabytes stay with the allocator, one set
//! for each thread: 200 uploads of 1.35 MB once took twice their size. A large body therefore has a mapping of its own,
//! as large as the body can become. The system provides its pages as they are written, and takes them back at once when
//! the body is dropped. So a body takes exactly its own size, also if that is not known beforehand.

use bytes::Bytes;
use memmap2::MmapMut;

/// Smaller bodies are ordinary vectors, in bytes.
const MIN_MAPPED: usize = 64_000;

/// The bytes of a body so far.
pub(crate) struct BodyBuffer {
    memory: Memory,
}

enum Memory {
    Heap(Vec<u8>),
    Mapped(Mapped),
}

/// A mapping whose first `len` bytes are written.
struct Mapped {
    map: MmapMut,
    len: usize,
}

impl AsRef<[u8]> for Mapped {
    fn as_ref(&self) -> &[u8] {
        &self.map[..self.len]
    }
}

impl BodyBuffer {
    /// An empty buffer for a body of at most `bound` bytes. More bytes are accepted, and cost memory as in a vector.
    pub(crate) fn new(bound: usize) -> Self {
        // Without a mapping, for example under a limit of address space, a vector still works.
        let map = if bound < MIN_MAPPED { None } else { MmapMut::map_anon(bound).ok() };
        let memory = match map {
            Some(map) => Memory::Mapped(Mapped { map, len: 0 }),
            None => Memory::Heap(Vec::new()),
        };
        Self { memory }
    }

    pub(crate) fn len(&self) -> usize {
        match &self.memory {
            Memory::Heap(bytes) => bytes.len(),
            Memory::Mapped(mapped) => mapped.len,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn push(&mut self, piece: &[u8]) {
        match &mut self.memory {
            Memory::Heap(bytes) => bytes.extend_from_slice(piece),
            Memory::Mapped(mapped) => match mapped.map.get_mut(mapped.len..mapped.len + piece.len()) {
                Some(place) => {
                    place.copy_from_slice(piece);
                    mapped.len += piece.len();
                }
                None => self.memory = Memory::Heap([mapped.as_ref(), piece].concat()),
            },
        }
    }

    /// The bytes, without copying them.
    pub(crate) fn freeze(self) -> Bytes {
        match self.memory {
            Memory::Heap(bytes) => bytes.into(),
            Memory::Mapped(mapped) => Bytes::from_owner(mapped),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_mapped(buffer: &BodyBuffer) -> bool {
        matches!(buffer.memory, Memory::Mapped(_))
    }

    #[test]
    fn returns_what_was_pushed_whatever_the_bound() {
        let whole: Vec<u8> = (0..200_000_u32).map(|n| (n % 251) as u8).collect();
        for bound in [0, 1, 63_999, 64_000, 100_000, 199_999, 200_000, 60_000_000] {
            for piece in [1_000, 16_000, 70_001, 200_000] {
                let mut buffer = BodyBuffer::new(bound);
                assert!(buffer.is_empty());
                whole.chunks(piece).for_each(|piece| buffer.push(piece));
                assert_eq!(buffer.len(), whole.len());
                assert_eq!(is_mapped(&buffer), bound >= whole.len(), "{bound} {piece}");
                assert_eq!(buffer.freeze(), whole, "{bound} {piece}");
            }
        }
        assert!(BodyBuffer::new(1_000_000).freeze().is_empty());
    }
}
