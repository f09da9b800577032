//! The image pipeline that the workers of `serve` and `cut` run, and its networks.

use std::num::NonZeroUsize;
use std::path::Path;

use anyhow::Context;
use cutline_imaging::Imaging;
use cutline_imaging::models::own::MANIFEST;

/// Loads the networks from `folder`; what is absent there is fetched before.
pub(crate) fn load(folder: &Path, threads: NonZeroUsize) -> anyhow::Result<Imaging> {
    crate::models::ensure(folder)?;
    let imaging = Imaging::load(folder, threads);
    imaging.with_context(|| match folder.join(MANIFEST) {
        own if own.exists() => format!("correct {}, or the file that it names", own.display()),
        _ => "run `cutline models fetch`, which checks the models and gets what is damaged again".to_owned(),
    })
}
