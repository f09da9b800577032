//! Errors.

use std::error::Error as StdError;

/// Why a network cannot be loaded or run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The network is well formed, but needs something that this engine lacks. Another runtime may run it. The text is a
    /// noun phrase that names what is missing, such as `the operator Tanh`.
    #[error("unsupported network: it needs {0}; use a general ONNX runtime")]
    Unsupported(String),
    /// The bytes are not a network, or are inconsistent.
    #[error("malformed network: {0}")]
    Malformed(String),
    /// The file cannot be read or written.
    #[error("cannot read or write the network's file")]
    Io(#[from] std::io::Error),
    /// The input has the wrong number of values.
    #[error("wrong input size: {actual} values; the network takes {expected}")]
    InputSize {
        /// Values in the input.
        actual: usize,
        /// Values that the network takes.
        expected: usize,
    },
    /// The threads cannot be started.
    #[error("cannot start the engine's threads")]
    Threads(#[source] Box<dyn StdError + Send + Sync>),
}

impl Error {
    pub(crate) fn malformed(what: impl Into<String>) -> Self {
        Self::Malformed(what.into())
    }

    pub(crate) fn unsupported(what: impl Into<String>) -> Self {
        Self::Unsupported(what.into())
    }
}
