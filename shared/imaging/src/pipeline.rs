//! The stages in their order, and the domain's port on them.

use std::num::NonZeroUsize;
use std::path::Path as FilePath;

use bytes::Bytes;
use cutline_core::outcome::SOURCE;
use cutline_core::ports::{Asset, Picture, Pipeline, PipelineInput, PipelineOutput, Progress, Stage};
use cutline_core::{AssetKind, Channels, Confidence, Fault, Mode, OutputFormat, Rendering, Variation, Warnings};
use image::GrayImage;

use crate::clip::{self, TraceOptions};
use crate::decode::{Limits, decode};
use crate::encode::{Document, encode};
use crate::error::Error;
use crate::foreground::decontaminate;
use crate::matting::Matting;
use crate::path::Path;
use crate::photo::{About, Cutout, Photo};
use crate::{models, refine};

/// About how much memory one run of [`Imaging`] takes at once for a picture of this size, in bytes, the
/// networks' weights not counted: what the larger network needs to run, and 16 bytes a pixel for what
/// stands on either side of it.
///
/// That holds for every shape that [`Limits`] allow by default. While a file is decoded (up to 14 bytes a
/// pixel) or written (up to 24, for a PSD in mode clipping) no network runs. A picture of one row takes most
/// beside its pixels while it is squashed to the network's square: 200 MB, if it is 65,535 pixels long. The
/// network does not run yet then, and needs more once it does.
pub fn memory_needed(width: u32, height: u32) -> u64 {
    const NETWORK: u64 = 400 << 20;
    let pixels = u64::from(width) * u64::from(height);
    pixels.saturating_mul(16).saturating_add(NETWORK)
}

/// The whole way from a file to files. May be used by several threads at once.
#[derive(Debug)]
pub struct Imaging {
    matting: Matting,
    limits: Limits,
    /// Those that everything but the networks runs on. `None` is the global ones.
    threads: Option<rayon::ThreadPool>,
    version: String,
}

impl Imaging {
    /// Works with these segmenters. `models` names them in [`Pipeline::version`].
    pub fn new(matting: Matting, limits: Limits, models: &str) -> Self {
        Self { matting, limits, threads: None, version: format!("{}+{models}", env!("CARGO_PKG_VERSION")) }
    }

    /// Loads the models from the folder that holds them, to run on so many threads.
    ///
    /// # Errors
    /// [`Error::Model`].
    pub fn load(folder: &FilePath, threads: NonZeroUsize) -> Result<Self, Error> {
        let names = models::ALL.map(|model| &model.sha256[..8]).join(".");
        let imaging = Self::new(Matting::load(folder, threads)?, Limits::default(), &names);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.get()).build();
        // Where no more threads can be started, the global ones do the same work.
        Ok(Self { threads: pool.ok(), ..imaging })
    }

    /// Makes what `input` asks for.
    ///
    /// # Errors
    /// Every [`Error`] of the stages.
    pub fn make(&self, input: &PipelineInput, progress: &Progress<'_>) -> Result<PipelineOutput, Error> {
        match &self.threads {
            Some(threads) => threads.install(|| self.stages(input, progress)),
            None => self.stages(input, progress),
        }
    }

    fn stages(&self, input: &PipelineInput, progress: &Progress<'_>) -> Result<PipelineOutput, Error> {
        let PipelineInput { source, mode, format, rendering } = input;
        let clipping = match mode {
            Mode::Background => false,
            Mode::Clipping => true,
            Mode::Params => return Err(Error::UnsupportedMode(*mode)),
        };
        let photo = decode(source, &self.limits)?;
        progress(Stage::Background, 5);
        let about = photo.about().clone();
        let keeps_original = *format == OutputFormat::Psd && rendering.channels == Channels::Rgba;
        let original = keeps_original.then(|| photo.clone());

        let (matte, confidence) = {
            let seen = photo.flattened();
            let cut = self.matting.cut(&seen)?;
            progress(Stage::Background, 75);
            (refine::refine(&seen, &cut.matte)?, cut.confidence)
        };
        // Where the file has alpha of its own, its colours are the subject's already.
        let mixed = photo.alpha().is_some().then(|| matte.clone());
        let mut cutout = photo.cut_out(matte).ok_or_else(|| Error::Resample("the matte has another size".into()))?;
        if !cutout.alpha().iter().any(|alpha| *alpha >= 128) {
            return Err(Error::NoSubject);
        }
        progress(Stage::Background, 80);
        let clipped = clipping.then(|| Clipped::of(cutout.alpha(), rendering));
        clean(&mut cutout, mixed, clipped.as_ref())?;
        progress(Stage::Background, 85);

        let writer = Writer { original: original.as_ref(), about: &about, format: *format, rendering };
        let mut made = Made { warnings: about_the_source(&about), pictures: Vec::new(), assets: Vec::new() };
        let background = writer.picture(&cutout, Variation::Background, None)?;
        let matte = encode(Document::of(&cutout), OutputFormat::Png, &alpha_alone())?;
        made.assets.push(Asset { kind: AssetKind::Matte, bytes: matte.into() });
        progress(Stage::Background, 100);

        let final_picture = if clipping { Variation::Clipping } else { Variation::Background };
        match clipped {
            None => {}
            Some(Clipped::Hard { path, alpha }) => {
                progress(Stage::Clipping, 20);
                let svg = path.to_svg(rendering.path.name.as_str());
                made.assets.push(Asset { kind: AssetKind::ClippingPath, bytes: svg.into() });
                let cutout =
                    cutout.with_alpha(alpha).ok_or_else(|| Error::Resample("the path has another size".into()))?;
                made.pictures.push(writer.picture(&cutout, Variation::Clipping, Some(&path))?);
            }
            Some(Clipped::Soft { reason }) => {
                made.pictures.push(Picture { variation: Variation::Clipping, ..background.clone() });
                made.warnings.entry(Variation::Clipping.as_str().to_owned()).or_default().push(reason);
            }
        }
        made.pictures.insert(0, background);
        let Made { pictures, assets, warnings } = made;
        Ok(PipelineOutput { pictures, final_picture, assets, confidence: Confidence::nearest(confidence), warnings })
    }
}

impl Pipeline for Imaging {
    fn run(&self, input: &PipelineInput, progress: &Progress<'_>) -> Result<PipelineOutput, Fault> {
        Ok(self.make(input, progress)?)
    }

    fn version(&self) -> &str {
        &self.version
    }
}

/// What has been made so far.
struct Made {
    pictures: Vec<Picture>,
    assets: Vec<Asset>,
    warnings: Warnings,
}

/// The cut along a path, or why there is none.
enum Clipped {
    Hard { path: Path, alpha: GrayImage },
    Soft { reason: String },
}

impl Clipped {
    fn of(matte: &GrayImage, rendering: &Rendering) -> Self {
        let inset = f64::from(rendering.path.inset.get());
        let traced = clip::trace(matte, &TraceOptions { inset, ..TraceOptions::default() });
        match clip::pathability(matte, &traced).reason() {
            Some(reason) => Self::Soft { reason },
            None => Self::Hard { alpha: clip::rasterise(&traced.path), path: traced.path },
        }
    }
}

/// Takes the old background out of the colours of partial pixels. `mixed` is how far the background shows, where
/// that is not the alpha of the cut-out. The path may run a pixel outside of the matte; what it covers there
/// gets the colours of the subject too.
fn clean(cutout: &mut Cutout, mixed: Option<GrayImage>, clipped: Option<&Clipped>) -> Result<(), Error> {
    let mixed = match (mixed, clipped) {
        (mixed, Some(Clipped::Hard { alpha: covered, .. })) => {
            let mut mixed = mixed.unwrap_or_else(|| cutout.alpha().clone());
            for (mixed, covered) in mixed.iter_mut().zip(covered.iter()) {
                if *covered > 0 {
                    *mixed = (*mixed).max(1);
                }
            }
            Some(mixed)
        }
        (mixed, Some(Clipped::Soft { .. }) | None) => mixed,
    };
    let (colour, alpha) = cutout.parts_mut();
    decontaminate(colour, mixed.as_ref().unwrap_or(alpha))
}

fn alpha_alone() -> Rendering {
    Rendering { channels: Channels::Alpha, ..Rendering::default() }
}

/// What the caller should know of the photograph.
fn about_the_source(about: &About) -> Warnings {
    let converted = about.converted_from.iter().map(|from| format!("The colours were converted from {from} to sRGB."));
    let sentences: Vec<String> = converted.chain(about.warnings.iter().cloned()).collect();
    if sentences.is_empty() { Warnings::new() } else { Warnings::from([(SOURCE.to_owned(), sentences)]) }
}

/// How the pictures of a run are written.
struct Writer<'a> {
    original: Option<&'a Photo>,
    about: &'a About,
    format: OutputFormat,
    rendering: &'a Rendering,
}

impl Writer<'_> {
    fn picture(&self, cutout: &Cutout, variation: Variation, path: Option<&Path>) -> Result<Picture, Error> {
        let document = Document { cutout, original: self.original, path, about: self.about };
        let bytes = Bytes::from(encode(document, self.format, self.rendering)?);
        let (width, height) = cutout.dimensions();
        Ok(Picture { variation, bytes, width, height })
    }
}
