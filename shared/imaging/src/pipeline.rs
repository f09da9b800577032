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
use crate::encode::{self, Document, encode};
use crate::error::Error;
use crate::foreground::decontaminate;
use crate::matting::Matting;
use crate::path::Path;
use crate::photo::{About, Cutout, Photo};
use crate::{models, refine};

/// How much memory one run of [`Imaging`] takes at most at once for a picture of this size, in bytes, the networks'
/// weights not counted: what the larger network needs to run and 16 bytes a pixel for what stands on either side of it,
/// or what writing takes, whichever is more: 50 bytes a pixel of a WebP that is all noise (about 25 of a photograph), 33
/// of a PSD of a picture with alpha of its own in mode clipping, which are two files that hold the original, and 20 of
/// others.
///
/// That holds for every shape that [`Limits`] allow by default, and for every mode. While a file is decoded or written no network runs. A picture of one row takes most beside its pixels while it is squashed
/// to the network's square: 200 MB, if it is 65,535 pixels long. The network does not run yet then, and needs more once
/// it does.
pub fn memory_needed(width: u32, height: u32, format: OutputFormat) -> u64 {
    const NETWORK: u64 = 400 << 20;
    let pixels = u64::from(width) * u64::from(height);
    let writing = match format {
        OutputFormat::Webp => 50,
        OutputFormat::Psd => 33,
        OutputFormat::Png | OutputFormat::Jpeg | OutputFormat::Tiff => 20,
    };
    pixels.saturating_mul(16).saturating_add(NETWORK).max(pixels.saturating_mul(writing))
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
        let PipelineInput { source, mode, format, rendering } = input;
        let clipping = match mode {
            Mode::Background => false,
            Mode::Clipping => true,
            Mode::Params => return Err(Error::UnsupportedMode(*mode)),
        };
        let photo = self.on_threads(|| {
            let photo = decode(source, &self.limits)?;
            encode::check_size(*format, photo.dimensions())?;
            Ok(photo)
        })?;
        progress(Stage::Background, 5);
        // The networks have threads of their own. To wait for them on one of ours would let it begin another
        // picture's work meanwhile, which this one would then have to wait for.
        let (matte, confidence) = {
            let seen = photo.flattened();
            let cut = self.matting.cut(&seen)?;
            progress(Stage::Background, 75);
            (self.on_threads(|| refine::refine(&seen, &cut.matte))?, Confidence::nearest(cut.confidence))
        };
        let job = Job { clipping, format: *format, rendering, confidence };
        self.on_threads(|| job.finish(photo, matte, progress))
    }

    fn on_threads<T: Send>(&self, work: impl FnOnce() -> Result<T, Error> + Send) -> Result<T, Error> {
        match &self.threads {
            Some(threads) => threads.install(work),
            None => work(),
        }
    }
}

/// What is asked for, and how sure the matte is.
struct Job<'a> {
    clipping: bool,
    format: OutputFormat,
    rendering: &'a Rendering,
    confidence: Confidence,
}

impl Job<'_> {
    /// From a photograph and its matte to files.
    fn finish(&self, photo: Photo, matte: GrayImage, progress: &Progress<'_>) -> Result<PipelineOutput, Error> {
        let Self { clipping, format, rendering, confidence } = *self;
        // What the file itself leaves of the subject does not count here, however faint that is.
        let own = photo.alpha().map(|own| own.as_raw().as_slice());
        let shows = |(at, matte): (usize, &u8)| *matte >= 128 && own.is_none_or(|own| own[at] > 0);
        if !matte.iter().enumerate().any(shows) {
            return Err(Error::NoSubject);
        }
        let about = photo.about().clone();
        let keeps_original = format == OutputFormat::Psd && rendering.channels == Channels::Rgba;
        let original = keeps_original.then(|| photo.clone());
        // Where the file has alpha of its own, its colours are the subject's already; but not where it is nothing,
        // and may be of any colour.
        let mixed = photo.alpha().cloned().map(|mut own| {
            own.iter_mut().filter(|own| **own > 0).for_each(|own| *own = u8::MAX);
            own
        });
        let mut cutout = photo.cut_out(matte).ok_or_else(|| Error::Resample("the matte has another size".into()))?;
        // How far it is: in the one step that there is, or in the second.
        let tell = |in_one: u8, in_second: u8| match clipping {
            true => progress(Stage::Clipping, in_second),
            false => progress(Stage::Background, in_one),
        };
        tell(80, 0);
        let clipped = clipping.then(|| Clipped::of(cutout.alpha(), rendering));
        tell(80, 25);
        clean(&mut cutout, mixed, clipped.as_ref())?;
        tell(85, 40);

        let writer = Writer { original: original.as_ref(), about: &about, format, rendering };
        let mut made = Made { warnings: about_the_source(&about), pictures: Vec::new(), assets: Vec::new() };
        let background = writer.picture(&cutout, Variation::Background, None)?;
        tell(95, 65);
        let alone = Rendering { channels: Channels::Alpha, dpi: rendering.dpi, ..Rendering::default() };
        let document = Document { about: &about, ..Document::of(&cutout) };
        let matte = encode(document, OutputFormat::Png, &alone)?;
        made.assets.push(Asset { kind: AssetKind::Matte, bytes: matte.into() });
        tell(100, 75);

        let final_picture = if clipping { Variation::Clipping } else { Variation::Background };
        match clipped {
            None => {}
            Some(Clipped::Hard { path, alpha }) => {
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
        tell(100, 100);
        made.pictures.insert(0, background);
        let Made { pictures, assets, warnings } = made;
        Ok(PipelineOutput { pictures, final_picture, assets, confidence, warnings })
    }
}

impl Pipeline for Imaging {
    fn run(&self, input: &PipelineInput, progress: &Progress<'_>) -> Result<PipelineOutput, Fault> {
        self.make(input, progress).map_err(|error| {
            // The caller is told less.
            tracing::warn!(error = &error as &dyn std::error::Error, "the picture was not made");
            error.into()
        })
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
