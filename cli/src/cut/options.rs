//! The options of a run, the same for every photo.

use bytes::Bytes;
use cutline_core::ports::PipelineInput;
use cutline_core::{Mode, OutputFormat, ParamSet, RequestedFormat, SourceUrl, Variation};

use super::layout::{OutputLayout, PhotoPlan};
use super::names::ResultNames;
use super::original::OriginalTarget;
use super::settings::CutRequest;

/// The options of a run, the same for every photo.
pub(super) struct CutOptions {
    /// The input of the pipeline, without a photo.
    input: PipelineInput,
    /// Whether to write the path as SVG.
    svg: bool,
    /// Where the photo itself goes, with the path inserted. `None` makes new files.
    original: Option<OriginalTarget>,
    /// How results are named; `None` names them after their photos.
    names: Option<ResultNames>,
    /// Whether to replace existing results.
    pub(super) force: bool,
    /// Whether the picture goes to standard output, not to a file.
    pub(super) to_stream: bool,
}

impl CutOptions {
    /// The options of a request. The set's background image, if any, is still missing.
    pub(super) fn new(request: CutRequest, force: bool) -> Self {
        let CutRequest { mode, format, rendering, set, subject, mask, plate, svg, original, names } = request;
        let format = original.map(|_| RequestedFormat::Original).or(format.map(RequestedFormat::from));
        let input =
            PipelineInput { format, rendering, set, subject, mask, plate, ..PipelineInput::new(Bytes::new(), mode) };
        Self { input, svg, original, names, force, to_stream: false }
    }

    /// Whether the picture goes to standard output.
    pub(super) fn writing_to_stream(self, to_stream: bool) -> Self {
        Self { to_stream, ..self }
    }

    /// Whether the pictures are cut by a mask, which is that of one photo.
    pub(super) fn has_mask(&self) -> bool {
        self.input.mask.is_some()
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
        if let Some(target) = self.original {
            return OutputLayout::Original { target, svg: self.svg };
        }
        // Only the original has none.
        let extension = |variation| self.input.file(variation).0.encoded().map_or("", OutputFormat::extension);
        let made = match (&self.input.set, self.input.mode) {
            (Some(set), _) => set.planned().made,
            (None, Mode::Clipping) => vec![Variation::Clipping],
            (None, Mode::Background | Mode::Params) => vec![Variation::Background],
        };
        let files: Vec<_> = made.into_iter().map(|variation| (variation, extension(variation))).collect();
        match (&self.names, &files[..]) {
            (Some(names), _) => OutputLayout::Named { names: names.clone(), files, svg: self.svg },
            (None, [(variation, extension)]) if self.input.set.is_none() => {
                OutputLayout::File { variation: *variation, extension, svg: self.svg }
            }
            (None, _) => OutputLayout::Folder(files),
        }
    }

    /// Whether some results of a photo are still to be made. A missing SVG counts: the photo may have no path, or an
    /// earlier run did not ask for it.
    pub(super) fn needs_work(&self, photo: &PhotoPlan) -> bool {
        self.force || self.to_stream || self.replaces_photos() || photo.results().any(|file| !file.is_file())
    }

    /// Whether the results replace their photos.
    pub(super) fn replaces_photos(&self) -> bool {
        self.original == Some(OriginalTarget::InPlace)
    }

    /// Whether the results are worth nothing without a path.
    pub(super) fn needs_path(&self) -> bool {
        self.original.is_some()
    }

    /// The pipeline's input for one photo.
    pub(super) fn input_for(&self, source: Vec<u8>) -> PipelineInput {
        PipelineInput { source: source.into(), ..self.input.clone() }
    }
}
