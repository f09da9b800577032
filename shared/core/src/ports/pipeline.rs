//! The image pipeline.

use bytes::Bytes;

use crate::domain::failure::Fault;
use crate::domain::job::Step;
use crate::domain::outcome::{AssetKind, Confidence, Variation, Warnings};
use crate::domain::params::ParamSet;
use crate::domain::rendering::Rendering;
use crate::domain::request::{Mode, OutputFormat};

/// What the pipeline is to make.
#[derive(Debug, Clone)]
pub struct PipelineInput {
    /// The photograph, as it was uploaded or fetched. Not to be trusted in any way.
    pub source: Bytes,
    /// The picture that is to stand behind the subject, as it was fetched. No more to be trusted.
    pub backdrop: Option<Bytes>,
    /// What to make of it.
    pub mode: Mode,
    /// The format that was asked for, before any that the set says.
    pub format: Option<OutputFormat>,
    /// How the files are written, before what the set says.
    pub rendering: Rendering,
    /// What mode params makes; without meaning in other modes.
    pub set: Option<ParamSet>,
}

impl PipelineInput {
    /// A photograph of which nothing is said but the mode.
    pub fn new(source: impl Into<Bytes>, mode: Mode) -> Self {
        let (backdrop, format, set) = (None, None, None);
        Self { source: source.into(), backdrop, mode, format, rendering: Rendering::default(), set }
    }

    /// In which format a variation is written, and how.
    pub fn file(&self, variation: Variation) -> (OutputFormat, Rendering) {
        match &self.set {
            Some(set) => set.file(variation, self.format, &self.rendering),
            None => (self.format.unwrap_or_default(), self.rendering.clone()),
        }
    }
}

/// One picture that was made.
#[derive(Debug, Clone)]
pub struct EncodedPicture {
    /// Which one.
    pub variation: Variation,
    /// The format of its file.
    pub format: OutputFormat,
    /// The encoded file.
    pub bytes: Bytes,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
}

/// One file that was made beside the pictures.
#[derive(Debug, Clone)]
pub struct EncodedAsset {
    /// Which one.
    pub kind: AssetKind,
    /// The file.
    pub bytes: Bytes,
}

/// What the pipeline made.
///
/// | mode | `pictures` | `final_picture` | `assets` |
/// |---|---|---|---|
/// | background | `background` | `background` | the matte |
/// | clipping | `background`, `clipping` | `clipping` | the matte and the path |
/// | params | what the set wants ([`ParamSet::wanted`]) | its `final` | the matte, and the path with `clipping` |
///
/// Where the outline is no honest path (hair, fur), the picture `clipping` is the one of `background`, there
/// is no path among the assets, and the warnings say why under `clipping`.
#[derive(Debug, Clone)]
pub struct PipelineOutput {
    /// The pictures, at least one, each variation once.
    pub pictures: Vec<EncodedPicture>,
    /// The picture that `final_url` links to. One of `pictures`.
    pub final_picture: Variation,
    /// What was made beside them, each kind at most once.
    pub assets: Vec<EncodedAsset>,
    /// How sure the cut is.
    pub confidence: Confidence,
    /// What the caller should know, by the variation that it is about, or under
    /// [`SOURCE`](crate::domain::outcome::SOURCE) where it is about the photograph.
    pub warnings: Warnings,
    /// What the set wants and lacks the settings of. Each has a warning.
    pub ignored: Vec<Variation>,
}

/// What a pipeline is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stage {
    /// Decoding, and separating the subject from its background.
    Background,
    /// Cutting the subject along its path. Only in mode clipping.
    Clipping,
    /// Making the set's pictures. Only in mode params.
    Compose,
}

impl Stage {
    /// The step of a job that this is.
    pub const fn step(self) -> Step {
        match self {
            Self::Background => Step::Background,
            Self::Clipping => Step::Clipping,
            Self::Compose => Step::Compose,
        }
    }
}

/// Is told how far a pipeline is: what it is at, and how much of that is done, in percent. Called on any
/// thread, as often as the pipeline likes; it takes no time and cannot fail. What goes back is passed over.
pub type Progress<'a> = dyn Fn(Stage, u8) + Send + Sync + 'a;

/// The image pipeline: from the bytes of a photograph to the bytes of pictures. Synchronous and bound by
/// the processor: callers run it where it may block.
pub trait Pipeline: Send + Sync {
    /// Makes the pictures, and tells `progress` how far it is.
    ///
    /// # Errors
    /// [`Fault`], with a message for the caller: damaged, too large, no subject.
    fn run(&self, input: &PipelineInput, progress: &Progress<'_>) -> Result<PipelineOutput, Fault>;

    /// The version of the code and the models: the same version makes the same pictures.
    fn version(&self) -> &str;
}
