//! Why a worker stops working on a job.

use crate::domain::failure::Fault;
use crate::ports::{PortError, WriteError};

/// Why a worker stops working on a job.
pub(in crate::usecases) enum Stop {
    /// The attempt failed; the record has to say so.
    Fault(Fault),
    /// Another worker has the job, or it has ended: write nothing more.
    LeaseLost,
    /// The record could not be written. The lease expires by itself.
    Store(PortError),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<WriteError> for Stop {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Conflict => Self::LeaseLost,
            WriteError::Port(error) => Self::Store(error),
        }
    }
}
