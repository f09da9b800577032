//! What can go wrong.

use std::error::Error as StdError;

/// Why a network cannot be loaded, or was not run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The network is well formed, but has something that this engine does not know; other runtimes may.
    #[error("the engine does not know {0}")]
    Unsupported(String),
    /// The file is no network, or was damaged.
    #[error("the network is damaged: {0}")]
    Damaged(String),
    /// The file cannot be read or written.
    #[error("the network's file cannot be read or written")]
    Io(#[from] std::io::Error),
    /// What it was asked to run on has another size.
    #[error("the input has {found} values where the network takes {wanted}")]
    Input {
        /// Values that were given.
        found: usize,
        /// Values that it takes.
        wanted: usize,
    },
    /// No threads can be started.
    #[error("no threads can be started")]
    Threads(#[source] Box<dyn StdError + Send + Sync>),
}

impl Error {
    pub(crate) fn damaged(what: impl Into<String>) -> Self {
        Self::Damaged(what.into())
    }

    pub(crate) fn unsupported(what: impl Into<String>) -> Self {
        Self::Unsupported(what.into())
    }
}
