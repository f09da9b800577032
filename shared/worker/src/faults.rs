//! The faults of a picture whose worker was lost.

use cutline_core::{FailureCode, Fault};

/// Why a child was lost during a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loss {
    /// Its pipes are closed: it ended.
    Ended,
    /// It gave no sign of life.
    Silent,
    /// It did not finish in time.
    TooSlow,
    /// It sent something that is not an answer.
    Garbled,
}

/// How a lost child ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Death {
    /// The parent killed it.
    Killed,
    /// Something else killed it: a person, or the kernel when memory ran out.
    KilledByOthers,
    /// An allocation failed.
    OutOfMemory,
    /// Any other end.
    Crashed,
}

/// The fault of the picture.
pub(crate) fn fault_of(loss: Loss, death: Death) -> Fault {
    match (loss, death) {
        (Loss::TooSlow, _) => too_slow(),
        (_, Death::OutOfMemory) => Fault::fail(
            FailureCode::OutOfMemory,
            "the picture needs more memory than pictures of its size do; export it again as PNG or JPEG",
        ),
        (Loss::Silent, _) => interrupted("the image worker stopped responding"),
        (Loss::Ended, Death::KilledByOthers) => interrupted("the image worker was killed"),
        (Loss::Ended, Death::Crashed | Death::Killed) | (Loss::Garbled, _) => crashed(),
    }
}

/// More memory than all runs together may take: in 16 bits or in the colors of its file, a picture takes twice as much as
/// usual, or more. Both in bytes.
pub(crate) fn no_room(needed: u64, total: u64) -> Fault {
    let megabytes = |bytes: u64| bytes.div_ceil(1_000_000);
    Fault::fail(
        FailureCode::ImageTooLarge,
        format!(
            "image too large: with this depth and color it needs {} MB of memory, and there are {}; send depth=8 and \
             color=srgb, choose tiff or png in place of psd, or scale it down",
            megabytes(needed),
            megabytes(total)
        ),
    )
}

/// No child could be started.
pub(crate) fn not_started() -> Fault {
    interrupted("no image worker could be started")
}

fn too_slow() -> Fault {
    Fault::retry(FailureCode::TooSlow, "the picture took too long to process; send a smaller one, or try again later")
}

fn interrupted(what: &str) -> Fault {
    Fault::retry(FailureCode::Interrupted, format!("{what}; send the request again later"))
}

fn crashed() -> Fault {
    Fault::retry(FailureCode::WorkerCrashed, "the image worker crashed at this picture; export it again as PNG or JPEG")
}
