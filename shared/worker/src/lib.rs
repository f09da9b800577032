//! Image workers: the pipeline in child processes.
//!
//! A picture is untrusted, and its decoders are large. So the process that owns leases, stores, credentials and sockets
//! decodes none. It starts its own program again as a child that knows nothing but the models, hands it one photograph at
//! a time, and takes the finished files:
//!
//! ```text
//! parent (serve, cut, the process function)          child (the same program, `image-worker`)
//!   WorkerPool::run ── job: settings, source ─────────► reads the header
//!     reserves memory, sets RLIMIT_AS ◄── memory needed ┘
//!                   ── start ─────────────────────────► runs the pipeline
//!     the job's progress ◄──────── progress, signs of life
//!     the files ◄───────────────────── files, or a fault
//! ```
//!
//! Both ends of each pipe belong to these two processes alone. The parent copies what it reads, and maps nothing that a
//! child can change.
//!
//! - **Time**: a run that takes longer than [`RunLimits::max_run`] or gives no sign of life for
//!   [`RunLimits::max_silence`], and one whose future is dropped, is killed. Nothing of it keeps computing.
//! - **Memory**: before each run the parent sets the child's address space ([`MemoryBudget`] admits runs that fit
//!   together). Linux only.
//! - **Crashes**: any end of a child is a fault of the picture that it had. The pool starts the next child at once.
//! - **Rights**: a child has an empty environment, is not dumpable, and on Linux gives up by seccomp everything that is
//!   not computing: no network, no files, no processes. See the module `sandbox` for what other systems do.
//! - **Owners**: a child that has seen pictures of one owner is replaced before it sees one of another.
//! - **Orphans**: a child whose parent ends reads the end of its input, and exits.
//!
//! Not covered: code that has taken a child over sees the next pictures of the same owner, and may keep computing after
//! its parent was killed. It reaches nothing else.
//!
//! [`child::run`] is the child's whole program; [`WorkerPool`] is the parent's side.

mod address_space;
pub mod child;
mod command;
mod faults;
mod limits;
mod log;
mod memory_budget;
mod message;
mod pool;
mod process;
mod protocol;
mod sandbox;

pub use command::{ChildArgs, SUBCOMMAND, WorkerCommand};
pub use limits::RunLimits;
pub use memory_budget::{MemoryBudget, Reservation};
pub use pool::{PoolSettings, WorkerPool};
pub use process::StartError;
