//! The image pipeline of `serve` and `cut`: loading its models, and admitting jobs by the memory that they need.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use cutline_core::ports::{Pipeline, PipelineInput, PipelineOutput, Progress};
use cutline_core::{FailureCode, Fault};
use cutline_imaging::models::custom::MANIFEST;
use cutline_imaging::{Imaging, decode};

use crate::memory_budget::{MemoryBudget, Reservation};

/// Loads the models from `folder`; missing ones are fetched first.
pub(crate) fn load(folder: &Path, threads: NonZeroUsize) -> anyhow::Result<Imaging> {
    crate::models::ensure(folder)?;
    let imaging = Imaging::load(folder, threads);
    imaging.with_context(|| match folder.join(MANIFEST) {
        manifest if manifest.exists() => format!("fix {} or the file that it names", manifest.display()),
        _ => "run `cutline models fetch`, which checks the models and replaces damaged ones".to_owned(),
    })
}

/// A pipeline that can estimate its memory.
pub(crate) trait EstimateMemory: Pipeline {
    /// The peak memory for a photograph of this size, in bytes.
    fn memory_needed(&self, width: u32, height: u32, input: &PipelineInput) -> u64;
}

impl EstimateMemory for Imaging {
    fn memory_needed(&self, width: u32, height: u32, input: &PipelineInput) -> u64 {
        Self::memory_needed(self, width, height, input)
    }
}

/// A pipeline whose runs wait for a share of a memory budget.
///
/// Runs are admitted here, around the inner pipeline, and not where a worker takes a job from the queue: the need is
/// known only once the source has been fetched and its header read. The worker renews the job's lease while the run
/// waits, as it does while it computes. Waiting counts towards the time limit of the attempt, and a worker that gives up
/// an attempt cannot stop its run. So a run waits for `max_wait` at most, well below that limit: it must not start for an
/// attempt that is over.
///
/// The finished files are held in memory until they are written or uploaded. Their share of the reservation lives as
/// long as their bytes do.
pub(crate) struct BudgetedPipeline<P> {
    inner: P,
    budget: Arc<MemoryBudget>,
    max_wait: Option<Duration>,
}

impl<P: EstimateMemory> BudgetedPipeline<P> {
    /// Runs `inner` within `budget`. A run that has waited for `max_wait` is a fault to retry; `None` waits for as long
    /// as it takes.
    pub(crate) fn new(inner: P, budget: Arc<MemoryBudget>, max_wait: Option<Duration>) -> Self {
        Self { inner, budget, max_wait }
    }

    /// Waits for the memory that a run needs.
    fn admit(&self, input: &PipelineInput) -> Result<Option<Reservation>, Fault> {
        // The pipeline refuses a source whose header cannot be read before it allocates anything.
        let Ok((width, height)) = decode::dimensions(&input.source) else { return Ok(None) };
        let bytes = self.inner.memory_needed(width, height, input);
        // The pipeline refuses such an input at once, so it has nothing to wait for.
        if bytes == 0 {
            return Ok(None);
        }
        match self.budget.reserve(bytes, self.max_wait) {
            Some(reservation) => Ok(Some(reservation)),
            None => {
                tracing::warn!(bytes, "no memory for a picture within the time limit");
                Err(Fault::retry(FailureCode::Interrupted, "the server is too busy; send the request again later"))
            }
        }
    }
}

impl<P: EstimateMemory> Pipeline for BudgetedPipeline<P> {
    fn run(&self, input: &PipelineInput, progress: &Progress<'_>) -> Result<PipelineOutput, Fault> {
        let reservation = self.admit(input)?;
        let output = self.inner.run(input, progress)?;
        Ok(match reservation {
            Some(reservation) => keep_reserved_while_in_use(output, reservation),
            None => output,
        })
    }

    fn version(&self) -> &str {
        self.inner.version()
    }
}

/// Keeps as much of the reservation as the files take, until the last of them is dropped.
fn keep_reserved_while_in_use(mut output: PipelineOutput, mut reservation: Reservation) -> PipelineOutput {
    let pictures = output.pictures.iter_mut().map(|picture| &mut picture.bytes);
    let files: Vec<&mut Bytes> = pictures.chain(output.assets.iter_mut().map(|asset| &mut asset.bytes)).collect();
    reservation.shrink_to(files.iter().map(|file| file.len() as u64).sum());
    let reservation = Arc::new(reservation);
    for file in files {
        let bytes = std::mem::take(file);
        *file = Bytes::from_owner(ReservedBytes { bytes, _reservation: Arc::clone(&reservation) });
    }
    output
}

/// A file and the reservation for it.
struct ReservedBytes {
    bytes: Bytes,
    _reservation: Arc<Reservation>,
}

impl AsRef<[u8]> for ReservedBytes {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use cutline_core::domain::outcome::Warnings;
    use cutline_core::ports::EncodedPicture;
    use cutline_core::{Confidence, Mode, OutputFormat, Variation};

    use super::*;

    /// Needs 700 bytes for any picture, and returns a file of 300.
    struct Fake;

    impl EstimateMemory for Fake {
        fn memory_needed(&self, _: u32, _: u32, _: &PipelineInput) -> u64 {
            700
        }
    }

    impl Pipeline for Fake {
        fn run(&self, _: &PipelineInput, _: &Progress<'_>) -> Result<PipelineOutput, Fault> {
            let variation = Variation::Background;
            let bytes = Bytes::from(vec![7; 300]);
            Ok(PipelineOutput {
                pictures: vec![EncodedPicture { variation, format: OutputFormat::Png, bytes, width: 1, height: 1 }],
                final_picture: variation,
                assets: Vec::new(),
                confidence: Confidence::nearest(1.0),
                warnings: Warnings::new(),
                ignored: Vec::new(),
            })
        }

        fn version(&self) -> &str {
            "fake"
        }
    }

    fn photo() -> Bytes {
        let mut file = std::io::Cursor::new(Vec::new());
        image::RgbImage::new(2, 2).write_to(&mut file, image::ImageFormat::Png).expect("is written");
        file.into_inner().into()
    }

    /// Whether this much of the budget is free.
    fn has_free(budget: &Arc<MemoryBudget>, bytes: u64) -> bool {
        budget.reserve(bytes, Some(Duration::ZERO)).is_some()
    }

    #[test]
    fn a_run_reserves_its_need_and_its_files_keep_their_share() {
        let budget = MemoryBudget::new(Some(1000));
        let pipeline = BudgetedPipeline::new(Fake, Arc::clone(&budget), None);
        let output = pipeline.run(&PipelineInput::new(photo(), Mode::Background), &|_, _| {}).expect("is made");
        assert_eq!(output.pictures[0].bytes, vec![7; 300]);
        assert!(has_free(&budget, 500) && !has_free(&budget, 501), "the file is still held");
        let copy = output.pictures[0].bytes.clone();
        drop(output);
        assert!(!has_free(&budget, 501), "a copy shares the memory");
        drop(copy);
        assert!(has_free(&budget, 800));
    }

    #[test]
    fn a_run_without_memory_in_time_does_not_start_and_can_be_retried() {
        let budget = MemoryBudget::new(Some(1000));
        let pipeline = BudgetedPipeline::new(Fake, Arc::clone(&budget), Some(Duration::from_millis(1)));
        let held = budget.reserve(200, None);
        let fault = pipeline.run(&PipelineInput::new(photo(), Mode::Background), &|_, _| {}).expect_err("waits");
        assert!(matches!(&fault, Fault::Retry(failure) if failure.code == FailureCode::Interrupted), "{fault}");
        drop(held);
        assert!(pipeline.run(&PipelineInput::new(photo(), Mode::Background), &|_, _| {}).is_ok());
    }
}
