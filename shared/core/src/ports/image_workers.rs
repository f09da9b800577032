//! The image workers.

use async_trait::async_trait;

use super::pipeline::{PipelineInput, PipelineOutput, Progress};
use crate::domain::failure::Fault;
use crate::domain::ids::OwnerId;

/// Runs the [`Pipeline`](super::Pipeline) apart from the caller.
///
/// - **Isolated**: a picture that crashes, blocks or fills its worker fails its own run and no other.
/// - **Separate owners**: a worker that has seen a picture of one owner sees none of another.
/// - **Cancellable**: once the future is dropped, the run ends within a second, and its memory and processors are free.
///   An adapter that cannot stop a run says so.
#[async_trait]
pub trait ImageWorkers: Send + Sync {
    /// Makes the pictures of one of the owner's photographs, and reports the progress. Waits while all workers are busy or too little memory is free.
    ///
    /// # Errors
    /// The pipeline's [`Fault`], or the worker's: it crashed, took too long or too much memory.
    async fn run(
        &self,
        owner: &OwnerId,
        input: PipelineInput,
        progress: &Progress<'_>,
    ) -> Result<PipelineOutput, Fault>;

    /// The version of the pipeline.
    fn version(&self) -> &str;
}
