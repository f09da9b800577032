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
//!
//! **Retouched files** cut the job that their name names again, as a [`Recut`](super::Recut) does. They are taken in
//! again until that has ended, and then get a manifest without pictures: those belong to the job. So nothing has to
//! remember them but the job's record.

mod ingest;
mod manifest;
mod publish;
mod retouch;
mod take;

pub use ingest::{DropIngest, IngestOutcome};
pub use manifest::manifest_sequencer;
