//! Dropped files: taking them in as jobs, and delivering their results.
//!
//! **In**: first the source is copied, then the job's record together with the drop's identity, then the message is
//! sent. A drop that is announced again is recognized by its identity, and an interrupted one is completed.
//!
//! **Out**: first the pictures, then the manifest, then the record notes the delivery. Two drops of one path write
//! pictures of the same names, so optimistic rounds keep pictures and manifest consistent: read the manifest, write the
//! pictures, and replace the manifest only if it has not changed. Otherwise, or if the manifest belongs to a newer
//! drop, the round starts over with the pictures of the newest drop. A delivery that stops halfway is not noted, so the
//! sweep has it repeated. In the end, the newest drop's pictures are stored with its manifest.

mod ingest;
mod manifest;
mod publish;
mod take;

pub use ingest::{DropIngest, IngestOutcome};
pub use manifest::manifest_sequencer;
