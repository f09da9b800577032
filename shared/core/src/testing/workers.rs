//! Image workers on threads of this process.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::mpsc;

use crate::domain::failure::{FailureCode, Fault};
use crate::domain::ids::OwnerId;
use crate::ports::{ImageWorkers, Pipeline, PipelineInput, PipelineOutput, Progress};

/// Runs a pipeline on threads that may block. A run whose future is dropped goes on, since nothing can stop
/// a thread, and owners share the threads.
pub struct ThreadWorkers(Arc<dyn Pipeline>);

impl ThreadWorkers {
    /// Workers for this pipeline.
    pub fn new(pipeline: impl Pipeline + 'static) -> Self {
        Self(Arc::new(pipeline))
    }
}

#[async_trait]
impl ImageWorkers for ThreadWorkers {
    async fn run(&self, _: &OwnerId, input: PipelineInput, progress: &Progress<'_>) -> Result<PipelineOutput, Fault> {
        let pipeline = Arc::clone(&self.0);
        let (sender, mut reports) = mpsc::unbounded_channel();
        let run = tokio::task::spawn_blocking(move || {
            pipeline.run(&input, &|stage, percent| {
                // An error means that nobody waits for the run any more.
                let _ = sender.send((stage, percent));
            })
        });
        while let Some((stage, percent)) = reports.recv().await {
            progress(stage, percent);
        }
        run.await.unwrap_or_else(|_| Err(Fault::fail(FailureCode::Internal, "the pipeline panicked")))
    }

    fn version(&self) -> &str {
        self.0.version()
    }
}
