//! Prepared files: networks that load without any work.
//!
//! | bytes | content |
//! |---|---|
//! | 8 | `CUTLINE` and the version of the format, 1 |
//! | 8 | the length of the header, little-endian |
//! | the header | JSON: the network's source and its graph |
//! | to the next multiple of 64 | zeros |
//! | the rest | the weights, in the precision of the ONNX file and in the order in which the kernels read them |
//!
//! The file is the same for all instruction sets: a kernel computes everything else that it needs while it runs.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::graph::Graph;
use crate::network::Network;
use crate::simd::Lane;
use crate::weights::WeightStore;

const MAGIC: [u8; 8] = *b"CUTLINE\x01";
/// The longest header in bytes. Those of the shipped networks take 30 KB.
const MAX_HEADER: usize = 16 << 20;
/// Where the weights may begin.
const ALIGNMENT: usize = 64;

/// The header of the file.
#[derive(Serialize, Deserialize)]
struct Header<G> {
    source: String,
    graph: G,
}

impl Network {
    /// The prefix of files that [`Network::prepare`] is still writing. They stay behind if the process is killed.
    pub const UNFINISHED: &str = ".unfinished-";

    /// Writes a prepared file, which [`Network::load_mmap`] loads fast. The file replaces an older one by a rename, so
    /// `path` never holds an incomplete file, and processes that have mapped the older one keep it unchanged.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn prepare(&self, path: &Path) -> Result<(), Error> {
        let header = Header { source: self.source().to_owned(), graph: self.graph() };
        let header = serde_json::to_vec(&header).map_err(std::io::Error::from)?;
        let mut head = MAGIC.to_vec();
        head.extend((header.len() as u64).to_le_bytes());
        head.extend(header);
        head.resize(head.len().next_multiple_of(ALIGNMENT), 0);
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut builder = tempfile::Builder::new();
        // The usual permissions, rather than a temporary file's, which only its owner may read.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let mut file = builder.prefix(Self::UNFINISHED).tempfile_in(folder)?;
        file.write_all(&head)?;
        file.write_all(self.weights().bytes())?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    }

    /// Loads a prepared file by mapping it into memory. The system reads a page when it is first used, and processes that
    /// map the same file share its pages.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Malformed`] if the file is not a prepared network of this version.
    ///
    /// # Safety
    /// As long as the network lives, nobody may write to the file or shorten it. Writing changes memory that Rust takes
    /// for immutable; reading beyond a shortened file's end kills the process with `SIGBUS`. Replacing the file by a
    /// rename, as [`Network::prepare`] does, or deleting it is safe. The file's content need not be trusted: the graph is
    /// checked, and any bytes are valid weights.
    #[expect(unsafe_code, reason = "maps a file; the caller ensures that nobody changes it")]
    pub unsafe fn load_mmap(path: &Path) -> Result<Self, Error> {
        let file = File::open(path)?;
        // SAFETY: the caller ensures that nobody changes the file while the network, which owns the map, lives.
        let map = unsafe { memmap2::Mmap::map(&file) }?;
        let (Header { source, graph }, start) = parse_header(&map)?;
        Ok(Self::new(graph, WeightStore::Mapped(map, start))?.with_source(source))
    }

    /// Loads the bytes of a prepared file, which it copies.
    ///
    /// # Errors
    /// [`Error::Malformed`] if they are not a prepared network of this version.
    pub fn from_prepared(bytes: &[u8]) -> Result<Self, Error> {
        let (Header { source, graph }, start) = parse_header(bytes)?;
        let weights = &bytes[start..];
        let mut lanes = Lane::zeroed(weights.len() / ALIGNMENT);
        let complete = weights.len() / ALIGNMENT * ALIGNMENT;
        bytemuck::cast_slice_mut(&mut lanes).copy_from_slice(&weights[..complete]);
        Ok(Self::new(graph, WeightStore::Owned(lanes))?.with_source(source))
    }
}

/// Parses the header. Returns it and the offset of the weights.
fn parse_header(bytes: &[u8]) -> Result<(Header<Graph>, usize), Error> {
    let malformed = || Error::malformed("not a prepared network, or of another version; prepare it again");
    let rest = bytes.strip_prefix(&MAGIC).ok_or_else(malformed)?;
    let (length, rest) = rest.split_first_chunk::<8>().ok_or_else(malformed)?;
    let length = usize::try_from(u64::from_le_bytes(*length)).ok().filter(|length| *length <= MAX_HEADER);
    let header = length.and_then(|length| rest.get(..length)).ok_or_else(malformed)?;
    let start = (MAGIC.len() + 8 + header.len()).next_multiple_of(ALIGNMENT);
    if start > bytes.len() {
        return Err(malformed());
    }
    let header = serde_json::from_slice(header).map_err(|error| Error::malformed(format!("its header: {error}")))?;
    Ok((header, start))
}
