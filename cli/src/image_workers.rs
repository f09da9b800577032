//! The image workers of `serve` and `cut`: this program again, as `cutline image-worker`.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use cutline_core::domain::kind::ImageKind;
use cutline_imaging::Imaging;
use cutline_imaging::models::custom::MANIFEST;
use cutline_worker::{ChildArgs, MemoryBudget, PoolSettings, RunLimits, WorkerCommand, WorkerPool, child};

use crate::machine;

/// The kinds of picture that the workers cannot decode, because a feature of the build is missing.
pub(crate) const UNDECODABLE: &[ImageKind] = if cfg!(feature = "heic") { &[] } else { &[ImageKind::Heic] };

/// The settings of the image workers.
pub(crate) struct WorkerSettings {
    /// The folder of the models.
    pub(crate) models: PathBuf,
    /// The number of workers.
    pub(crate) workers: NonZeroUsize,
    /// The threads that they share.
    pub(crate) threads: NonZeroUsize,
    /// The filter of their log.
    pub(crate) log: String,
    /// The memory that is kept free for other things, in bytes.
    pub(crate) reserved_memory: u64,
}

/// Fetches missing models, and starts the workers.
pub(crate) async fn start(settings: WorkerSettings) -> anyhow::Result<WorkerPool> {
    let WorkerSettings { models, workers, threads, log, reserved_memory } = settings;
    let folder = models.clone();
    tokio::task::spawn_blocking(move || crate::models::ensure(&folder)).await??;
    let args = ChildArgs { models: models.clone(), threads: threads_each(threads, workers), log };
    let free = machine::free_memory().map(|free| free.saturating_sub(reserved_memory));
    let settings = PoolSettings {
        command: WorkerCommand::this_program(&args)?,
        workers: workers.get(),
        budget: MemoryBudget::new(free),
        limits: RunLimits::default(),
    };
    let pool = WorkerPool::start(settings).await;
    pool.with_context(|| match models.join(MANIFEST) {
        manifest if manifest.exists() => format!("fix {} or the file that it names", manifest.display()),
        _ => "run `cutline models fetch`, which checks the models and replaces damaged ones".to_owned(),
    })
}

/// The threads of each worker, so that all of them together have about as many as there are.
fn threads_each(threads: NonZeroUsize, workers: NonZeroUsize) -> NonZeroUsize {
    NonZeroUsize::new(threads.get().div_ceil(workers.get())).unwrap_or(NonZeroUsize::MIN)
}

/// Runs this process as an image worker.
pub(crate) fn run_child(args: &ChildArgs) -> ExitCode {
    child::run(args, |args| {
        let imaging = Imaging::load(&args.models, args.threads).map_err(anyhow::Error::from).and_then(with_decoders);
        imaging.map_err(|error| format!("{error:#}"))
    })
}

/// Adds the decoders that the features bring.
#[cfg(feature = "heic")]
fn with_decoders(imaging: Imaging) -> anyhow::Result<Imaging> {
    Ok(imaging.with_heic(std::sync::Arc::new(cutline_heic::Libheif::start()?)))
}

/// No feature brings a decoder.
#[cfg(not(feature = "heic"))]
fn with_decoders(imaging: Imaging) -> anyhow::Result<Imaging> {
    Ok(imaging)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_undecodable_exactly_if_its_feature_is_missing() {
        for kind in ImageKind::ALL {
            let is_missing = kind.info().feature.is_some_and(|feature| feature != "heic" || !cfg!(feature = "heic"));
            assert_eq!(UNDECODABLE.contains(&kind), is_missing, "{kind:?}");
        }
    }

    #[test]
    fn workers_share_the_threads() {
        let number = |number| NonZeroUsize::new(number).expect("not zero");
        for (threads, workers, each) in [(1, 1, 1), (2, 1, 2), (2, 2, 1), (8, 3, 3), (2, 64, 1)] {
            assert_eq!(threads_each(number(threads), number(workers)).get(), each, "{threads} for {workers}");
        }
    }
}
