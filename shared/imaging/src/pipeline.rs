//! The pipeline: a [`Plan`], and the list of stages that runs it.
//!
//! A run builds its plan before any work. The last stage that needs a large picture takes it by value, so that it is
//! dropped before the next large allocation.

mod layout;
mod memory;
mod plan;
mod progress;
mod promise;
mod results;
mod scene;
mod stages;

use std::num::NonZeroUsize;
use std::path::Path;

use cutline_core::ports::{Pipeline, PipelineInput, PipelineOutput, Progress};
use cutline_core::{Confidence, Fault};

use crate::decode::Limits;
use crate::error::Error;
use crate::matte::Matte;
use crate::matting::Matting;
use crate::models::{self, custom::CustomModel};
use crate::photo::Photo;
use plan::Plan;
use progress::{Milestone, ProgressReporter};
use results::Results;
use stages::{ComposedInput, Outline, PhotoPictureWriter};

/// From the bytes of a photograph to the bytes of pictures. Several threads may use it at once.
#[derive(Debug)]
pub struct Imaging {
    matting: Matting,
    limits: Limits,
    /// The threads for everything but the networks. `None` uses rayon's global ones.
    threads: Option<rayon::ThreadPool>,
    version: String,
}

impl Imaging {
    /// A pipeline that predicts mattes by `matting`. `models` names its models in [`Pipeline::version`].
    pub fn new(matting: Matting, limits: Limits, models: &str) -> Self {
        Self { matting, limits, threads: None, version: format!("{}+{models}", env!("CARGO_PKG_VERSION")) }
    }

    /// Loads the models from their folder, to run on `threads` threads; see [`Matting::load`].
    ///
    /// # Errors
    /// [`Error::Model`].
    pub fn load(folder: &Path, threads: NonZeroUsize) -> Result<Self, Error> {
        let names = match CustomModel::of(folder)? {
            Some(custom) => custom.version(),
            None => models::ALL.map(|model| &model.sha256[..8]).join("."),
        };
        let imaging = Self::new(Matting::load(folder, threads)?, Limits::default(), &names);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.get()).build();
        // If no more threads can be started, the global ones do the work.
        Ok(Self { threads: pool.ok(), ..imaging })
    }

    /// Makes the pictures that `input` asks for.
    ///
    /// # Errors
    /// Every [`Error`] of the stages.
    pub fn make(&self, input: &PipelineInput, progress: &Progress<'_>) -> Result<PipelineOutput, Error> {
        let plan = Plan::new(input)?;
        let progress = ProgressReporter::new(plan.mode, progress);

        let photo = self.on_threads(|| stages::decode(&plan, &input.source, &self.limits))?;
        progress.reached(Milestone::Decoded);

        let (matte, confidence) = {
            let picture = photo.flattened();
            let prediction = stages::predict(&self.matting, &picture)?;
            progress.reached(Milestone::MattePredicted);
            let matte = self.on_threads(|| stages::refine(&photo, &picture, &prediction.matte))?;
            (matte, Confidence::nearest(prediction.confidence))
        };
        progress.reached(Milestone::MatteRefined);

        let results = self.on_threads(|| render(&plan, photo, matte, &self.limits, progress))?;
        progress.finished();

        let Results { pictures, assets, warnings } = results;
        let Plan { final_picture, ignored, .. } = plan;
        Ok(PipelineOutput { pictures, final_picture, assets, confidence, warnings, ignored })
    }

    fn on_threads<T: Send>(&self, work: impl FnOnce() -> Result<T, Error> + Send) -> Result<T, Error> {
        match &self.threads {
            Some(threads) => threads.install(work),
            None => work(),
        }
    }
}

/// The stages from the matte to the finished files.
fn render(
    plan: &Plan<'_>,
    photo: Photo,
    matte: Matte,
    limits: &Limits,
    progress: ProgressReporter<'_>,
) -> Result<Results, Error> {
    let metadata = &photo.metadata().clone();
    let mut results = Results::new(metadata, &plan.ignored);

    let own_shadow = stages::own_shadow(plan, &photo, &matte, &mut results);
    let original = plan.keeps_original().then(|| photo.clone());
    let raw_cutout = photo.cut_out(matte)?;

    let outline = stages::trace_outline(plan, &raw_cutout, metadata, &mut results)?;
    progress.reached(Milestone::OutlineTraced);

    let mut cutout = raw_cutout.estimate_foreground(outline.as_ref().and_then(Outline::hard_alpha))?;
    progress.reached(Milestone::ForegroundEstimated);

    let writer = PhotoPictureWriter { original: original.as_ref(), metadata, flat_color: plan.flat_color };
    stages::background_picture(plan, &writer, &cutout, &mut results)?;
    progress.reached(Milestone::BackgroundEncoded);

    stages::clipping_picture(plan, &writer, &mut cutout, outline, &mut results)?;
    progress.reached(Milestone::ClippingEncoded);

    // Composed pictures come last: they need the subject at its new size only, so everything of the photograph's size
    // is dropped first.
    drop(original);
    if let Some(composed) = &plan.composed {
        let input = ComposedInput { cutout, own_shadow, metadata, limits };
        stages::composed_pictures(composed, input, &mut results, progress)?;
    }
    Ok(results)
}

impl Pipeline for Imaging {
    fn run(&self, input: &PipelineInput, progress: &Progress<'_>) -> Result<PipelineOutput, Fault> {
        self.make(input, progress).map_err(|error| {
            // The fault leaves out details that the caller should not see.
            tracing::warn!(error = &error as &dyn std::error::Error, "pipeline failed");
            error.into()
        })
    }

    fn memory_needed(&self, input: &PipelineInput) -> u64 {
        // A source without a readable header is refused before anything is allocated.
        let Ok((width, height)) = crate::decode::dimensions(&input.source) else { return 0 };
        memory::memory_needed(width, height, input, self.matting.network_memory())
    }

    fn version(&self) -> &str {
        &self.version
    }
}
