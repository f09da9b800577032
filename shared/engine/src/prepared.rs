//! Networks as files that need no work when they are loaded.
//!
//! A prepared file begins with 16 bytes: `CUTLINE`, the version of the format, and the length of what follows, in
//! bytes, as a number of 64 bits, the lowest first. That is the graph and what it is of, as JSON. At the next multiple of 64 begin the
//! weights, in the precision that they were given in and in the order in which the kernels read them. They are the same
//! for all instructions: what the kernels need beyond that is worked out while they run.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::network::{Graph, Network, Store};

const MAGIC: [u8; 8] = *b"CUTLINE\x01";
/// The most that a graph takes; those of the shipped networks take 30 KB.
const MOST_OF_GRAPH: usize = 16 << 20;
const ALIGNED: usize = 64;

/// What stands before the weights.
#[derive(Serialize, Deserialize)]
struct Head<G> {
    source: String,
    graph: G,
}

impl Network {
    /// What the names of files begin with that [`Network::prepare`] is still writing. They stay if it is killed.
    pub const UNFINISHED: &str = ".unfinished-";

    /// Writes it to a file from which it is loaded fast. The file is complete once this returns, or not there.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn prepare(&self, path: &Path) -> Result<(), Error> {
        let head = Head { source: self.source().to_owned(), graph: self.graph() };
        let graph = serde_json::to_vec(&head).map_err(std::io::Error::from)?;
        let mut head = MAGIC.to_vec();
        head.extend((graph.len() as u64).to_le_bytes());
        head.extend(graph);
        head.resize(head.len().next_multiple_of(ALIGNED), 0);
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut builder = tempfile::Builder::new();
        // As any file that a program writes, and not for its owner alone.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let mut file = builder.prefix(Self::UNFINISHED).tempfile_in(folder)?;
        file.write_all(&head)?;
        file.write_all(self.store().bytes())?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    }

    /// Loads a file that [`Network::prepare`] wrote. It is mapped into memory: what of it is not looked at is not read,
    /// and whoever else maps it shares it. Nobody may change it in place as long as the network lives, which `prepare` never
    /// does: other weights, or the end of the process if it becomes shorter, would be what comes of it.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Damaged`] if it is no such file.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let map = map(&File::open(path)?)?;
        let (Head { source, graph }, start) = head(&map)?;
        Ok(Self::new(graph, Store::Mapped(map, start))?.from_source(source))
    }

    /// The same of bytes in memory.
    ///
    /// # Errors
    /// [`Error::Damaged`] if they are not those of such a file.
    pub fn from_prepared(bytes: &[u8]) -> Result<Self, Error> {
        let (Head { source, graph }, start) = head(bytes)?;
        let weights = &bytes[start..];
        let mut lanes = bytemuck::zeroed_vec::<crate::simd::Lane>(weights.len() / ALIGNED);
        let whole = weights.len() / ALIGNED * ALIGNED;
        bytemuck::cast_slice_mut(&mut lanes).copy_from_slice(&weights[..whole]);
        Ok(Self::new(graph, Store::Owned(lanes))?.from_source(source))
    }
}

#[expect(unsafe_code, reason = "a file is mapped; see SAFETY")]
fn map(file: &File) -> Result<memmap2::Mmap, Error> {
    // SAFETY: that nobody changes the file in place is asked of the caller of `Network::load`, and kept by
    // `Network::prepare`. Whatever it holds is checked before it is used as a graph, and any bytes at all are weights.
    Ok(unsafe { memmap2::Mmap::map(file) }?)
}

/// What stands before the weights, and where they begin.
fn head(bytes: &[u8]) -> Result<(Head<Graph>, usize), Error> {
    let damaged = || Error::damaged("it is no prepared network, or one of another version");
    let rest = bytes.strip_prefix(&MAGIC).ok_or_else(damaged)?;
    let (length, rest) = rest.split_first_chunk::<8>().ok_or_else(damaged)?;
    let length = usize::try_from(u64::from_le_bytes(*length)).ok().filter(|length| *length <= MOST_OF_GRAPH);
    let graph = length.and_then(|length| rest.get(..length)).ok_or_else(damaged)?;
    let start = (MAGIC.len() + 8 + graph.len()).next_multiple_of(ALIGNED);
    if start > bytes.len() {
        return Err(damaged());
    }
    let graph = serde_json::from_slice(graph).map_err(|error| Error::damaged(format!("its graph: {error}")))?;
    Ok((graph, start))
}
