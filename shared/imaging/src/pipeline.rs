//! The stages in their order, and the domain's port on them.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::Path;

use cutline_core::job::Variation;
use cutline_core::ports::{Picture, Pipeline, PipelineInput, PipelineOutput};
use cutline_core::rendering::Rendering;
use cutline_core::{Channels, Fault, Mode, OutputFormat};

use crate::decode::{Limits, decode};
use crate::encode::{Document, encode};
use crate::error::Error;
use crate::matting::Matting;
use crate::models;

/// A finished file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded {
    /// The file's bytes.
    pub bytes: Vec<u8>,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
}

/// About how much memory [`Imaging::cut_out`] takes at once for a picture of this size, in bytes, the
/// networks' weights not counted: what the larger network needs to run, and 16 bytes a pixel for what
/// stands on either side of it.
///
/// That holds for every shape that [`Limits`] allow by default. A picture of one row takes most beside its
/// pixels while it is squashed to the network's square: 200 MB, if it is 65,535 pixels long. The network
/// does not run yet then, and needs more once it does.
pub fn memory_needed(width: u32, height: u32) -> u64 {
    const NETWORK: u64 = 400 << 20;
    let pixels = u64::from(width) * u64::from(height);
    pixels.saturating_mul(16).saturating_add(NETWORK)
}

/// The whole way from a file to a file. May be used by several threads at once.
#[derive(Debug)]
pub struct Imaging {
    matting: Matting,
    limits: Limits,
    version: String,
}

impl Imaging {
    /// Works with these segmenters. `models` names them in [`Pipeline::version`].
    pub fn new(matting: Matting, limits: Limits, models: &str) -> Self {
        Self { matting, limits, version: format!("{}+{models}", env!("CARGO_PKG_VERSION")) }
    }

    /// Loads the models from the folder that holds them, to run on so many threads.
    ///
    /// # Errors
    /// [`Error::Model`].
    pub fn load(folder: &Path, threads: NonZeroUsize) -> Result<Self, Error> {
        let names = models::ALL.map(|model| &model.sha256[..8]).join(".");
        Ok(Self::new(Matting::load(folder, threads)?, Limits::default(), &names))
    }

    /// Cuts the subject out of a photograph with a soft matte, on the photograph's own canvas.
    ///
    /// # Errors
    /// Every [`Error`] of the stages.
    pub fn cut_out(&self, source: &[u8], format: OutputFormat, channels: Channels) -> Result<Encoded, Error> {
        let photo = decode(source, &self.limits)?;
        let matte = self.matting.matte(&photo.flattened())?;
        let cutout = photo.cut_out(matte).ok_or_else(|| Error::Resample("the matte has another size".into()))?;
        let (width, height) = cutout.dimensions();
        let rendering = Rendering { channels, ..Rendering::default() };
        let bytes = encode(Document::of(&cutout), format, &rendering)?;
        Ok(Encoded { bytes, width, height })
    }
}

impl Pipeline for Imaging {
    fn run(&self, input: &PipelineInput) -> Result<PipelineOutput, Fault> {
        match input.mode {
            Mode::Background => {}
            mode @ (Mode::Clipping | Mode::Params) => return Err(Error::UnsupportedMode(mode).into()),
        }
        let made = self.cut_out(&input.source, input.format, Channels::Rgba)?;
        let picture = Picture {
            variation: Variation::Background,
            bytes: made.bytes.into(),
            width: made.width,
            height: made.height,
        };
        Ok(PipelineOutput { pictures: vec![picture], final_picture: Variation::Background, warnings: BTreeMap::new() })
    }

    fn version(&self) -> &str {
        &self.version
    }
}
