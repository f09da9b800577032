//! The image pipeline, with its networks loaded.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use cutline_core::ports::Pipeline;
use cutline_imaging::Imaging;

/// Loads the networks from `folder`, or from the cache folder; what is absent is fetched before.
pub(crate) fn load(folder: Option<&Path>, threads: NonZeroUsize) -> anyhow::Result<Arc<dyn Pipeline>> {
    let folder = match folder {
        Some(folder) => folder.to_owned(),
        None => crate::data::models_folder()?,
    };
    Ok(Arc::new(Imaging::load(&folder, threads)?))
}
