//! The options of a run, the same for every photo.

use bytes::Bytes;
use cutline_core::ports::PipelineInput;
use cutline_core::{Mode, ParamSet, SourceUrl, Variation};

use super::layout::{OutputLayout, PhotoPlan};
use super::settings::CutRequest;

/// The options of a run, the same for every photo.
pub(super) struct CutOptions {
    /// The input of the pipeline, without a photo.
    input: PipelineInput,
    /// Whether to write the path as SVG.
    svg: bool,
    /// Whether to replace existing results.
    pub(super) force: bool,
}

impl CutOptions {
    /// The options of a request. The set's background image, if any, is still missing.
    pub(super) fn new(request: CutRequest, force: bool) -> Self {
        let CutRequest { mode, format, rendering, set, svg } = request;
        Self { input: PipelineInput { format, rendering, set, ..PipelineInput::new(Bytes::new(), mode) }, svg, force }
    }

    /// The URL of the set's background image, if any.
    pub(super) fn backdrop_url(&self) -> Option<&SourceUrl> {
        self.input.set.as_ref().and_then(ParamSet::backdrop)
    }

    /// Adds the set's background image, as fetched.
    pub(super) fn set_backdrop(&mut self, image: Bytes) {
        self.input.backdrop = Some(image);
    }

    /// The names of the results.
    pub(super) fn layout(&self) -> OutputLayout {
        let extension = |variation| self.input.file(variation).0.extension();
        let file = |variation| OutputLayout::File { variation, extension: extension(variation), svg: self.svg };
        match (&self.input.set, self.input.mode) {
            (Some(set), _) => {
                let variations = set.planned().made.into_iter();
                OutputLayout::Folder(variations.map(|variation| (variation, extension(variation))).collect())
            }
            (None, Mode::Clipping) => file(Variation::Clipping),
            (None, Mode::Background | Mode::Params) => file(Variation::Background),
        }
    }

    /// Whether some results of a photo are still to be made. A missing SVG counts: the photo may have no path, or an
    /// earlier run did not ask for it.
    pub(super) fn needs_work(&self, photo: &PhotoPlan) -> bool {
        self.force || photo.results().any(|file| !file.is_file())
    }

    /// The pipeline's input for one photo.
    pub(super) fn input_for(&self, source: Vec<u8>) -> PipelineInput {
        PipelineInput { source: source.into(), ..self.input.clone() }
    }
}
