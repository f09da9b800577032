//! The stages in their order, and the domain's port on them.

use std::num::NonZeroUsize;
use std::path::Path as FilePath;

use bytes::Bytes;
use cutline_core::domain::outcome::SOURCE;
use cutline_core::domain::params::{Background, Canvas, Color, ParamSet, PlannedVariations};
use cutline_core::ports::{EncodedAsset, EncodedPicture, Pipeline, PipelineInput, PipelineOutput, Progress, Stage};
use cutline_core::{AssetKind, Channels, Confidence, Fault, Mode, OutputFormat, Rendering, Variation, Warnings};
use image::GrayImage;
use rayon::prelude::*;

use crate::clip::{self, TraceOptions};
use crate::compose::{self, Backdrop, Layer};
use crate::decode::{self, Limits, decode};
use crate::encode::{self, Document, encode};
use crate::error::Error;
use crate::foreground::decontaminate;
use crate::matting::{self, Matting};
use crate::models::own::OwnModel;
use crate::path::ClippingPath;
use crate::photo::{Cutout, ImageMetadata, Photo};
use crate::{models, refine, shadow};
use composed::{Parts, Scene};

mod composed;
mod promise;

/// The most pixels of a picture for which the networks keep their memory for the next. Beside that of a larger one it
/// would be missed.
const KEPT_UP_TO: u64 = 16_000_000;

/// How much memory one run of [`Imaging`] with the networks that are shipped takes at most at once for a picture of this
/// size, in bytes, the networks' weights not counted: what the larger network needs to run and 16 bytes a pixel for what stands on either side of it,
/// or what writing takes, whichever is more: 50 bytes a pixel of a WebP that is all noise (about 25 of a photograph), 33
/// of a PSD of a picture with alpha of its own in mode clipping, which are two files that hold the original, and 20 of
/// others. While a canvas is composed and written the subject stands beside it, and so do the files that are finished.
///
/// That holds for every shape that [`Limits`] allow by default, and for every mode. While a file is decoded or written
/// no network runs; its memory is kept meanwhile for the next picture, unless this one is large. A picture of one row
/// takes most beside its pixels while it is squashed to the network's square: 200 MB, if it is 65,535 pixels long. The
/// network does not run yet then, and needs more once it does.
pub fn memory_needed(width: u32, height: u32, input: &PipelineInput) -> u64 {
    needed(width, height, input, matting::SHIPPED)
}

/// The same with a network that takes so much.
fn needed(width: u32, height: u32, input: &PipelineInput, of_network: u64) -> u64 {
    // What its threads work with, beside the maps between its layers.
    let network = of_network + (90 << 20);
    let pixels = u64::from(width) * u64::from(height);
    let set = input.set.as_ref();
    let canvas = set.map_or(0, |set| composed::most_pixels(set, width, height));
    let made = set.map_or_else(|| vec![Variation::Background], |set| set.wanted().made);
    // What stands in memory while a file is written, and what is left of it once it is.
    let (mut writing, mut written) = (0, 0);
    for variation in made {
        let (a_pixel, left) = match input.file(variation).0 {
            OutputFormat::Webp => (50, 5),
            OutputFormat::Psd => (33, 12),
            OutputFormat::Png | OutputFormat::Jpeg | OutputFormat::Tiff => (20, 5),
        };
        let of = if variation.is_composed() { canvas * (a_pixel + 10) } else { pixels * a_pixel };
        writing = of.max(writing);
        written += left * if variation.is_composed() { canvas } else { pixels };
    }
    // Those of a single picture are in what writing takes.
    let written = if set.is_some() { written } else { 0 };
    let measured = set.and_then(|set| set.promise).map_or(0, |_| canvas * 14);
    let backdrop = input.backdrop.as_ref().and_then(|file| decode::dimensions(file).ok());
    let backdrop = backdrop.map_or(0, |(width, height)| u64::from(width) * u64::from(height) * 16);
    // The cut-out, while its subject is placed.
    let wide = u64::from(width.max(set.map_or(0, |_| Canvas::MAX_SIDE)));
    let threads = std::thread::available_parallelism().map_or(1, NonZeroUsize::get) as u64;
    let placing = if canvas > 0 { canvas * 16 + pixels * 8 + wide * 640 * threads } else { 0 };
    let composing = writing.max(placing) + written + measured.max(backdrop);
    let kept = if pixels <= KEPT_UP_TO { network } else { 0 };
    pixels.saturating_mul(16).saturating_add(network).max(composing + kept)
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

    /// Loads the models from the folder that holds them, to run on so many threads; see [`Matting::load`].
    ///
    /// # Errors
    /// [`Error::Model`].
    pub fn load(folder: &FilePath, threads: NonZeroUsize) -> Result<Self, Error> {
        let names = match OwnModel::of(folder)? {
            Some(own) => own.version(),
            None => models::ALL.map(|model| &model.sha256[..8]).join("."),
        };
        let imaging = Self::new(Matting::load(folder, threads)?, Limits::default(), &names);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.get()).build();
        // Where no more threads can be started, the global ones do the same work.
        Ok(Self { threads: pool.ok(), ..imaging })
    }

    /// [`memory_needed`], with the networks that were loaded.
    pub fn memory_needed(&self, width: u32, height: u32, input: &PipelineInput) -> u64 {
        needed(width, height, input, self.matting.memory())
    }

    /// Makes what `input` asks for.
    ///
    /// # Errors
    /// Every [`Error`] of the stages.
    pub fn make(&self, input: &PipelineInput, progress: &Progress<'_>) -> Result<PipelineOutput, Error> {
        let order = Order::of(input)?;
        let photo = self.on_threads(|| {
            let photo = decode(&input.source, &self.limits)?;
            for file in order.files.iter().filter(|file| !file.variation.is_composed()) {
                encode::check_size(file.format, photo.dimensions())?;
            }
            Ok(photo)
        })?;
        progress(Stage::Background, 5);
        // The networks have threads of their own. To wait for them on one of ours would let it begin another
        // picture's work meanwhile, which this one would then have to wait for.
        let (matte, confidence) = {
            let seen = photo.flattened();
            let cut = self.matting.cut(&seen)?;
            if u64::from(seen.width()) * u64::from(seen.height()) > KEPT_UP_TO {
                self.matting.release();
            }
            progress(Stage::Background, 75);
            (self.on_threads(|| refine::refine(&seen, &cut.matte))?, Confidence::nearest(cut.confidence))
        };
        let made = self.on_threads(|| order.make(photo, matte, &self.limits, progress))?;
        let Made { pictures, assets, warnings } = made;
        Ok(PipelineOutput {
            pictures,
            final_picture: order.final_picture,
            assets,
            confidence,
            warnings,
            ignored: order.ignored,
        })
    }

    fn on_threads<T: Send>(&self, work: impl FnOnce() -> Result<T, Error> + Send) -> Result<T, Error> {
        match &self.threads {
            Some(threads) => threads.install(work),
            None => work(),
        }
    }
}

/// A picture that is to be made.
struct File {
    variation: Variation,
    format: OutputFormat,
    rendering: Rendering,
}

/// What is to be made, in which order, and what not.
struct Order<'a> {
    mode: Mode,
    files: Vec<File>,
    final_picture: Variation,
    ignored: Vec<Variation>,
    rendering: &'a Rendering,
    set: Option<&'a ParamSet>,
    /// The file of the picture behind the subject.
    backdrop: Option<&'a Bytes>,
}

impl<'a> Order<'a> {
    fn of(input: &'a PipelineInput) -> Result<Self, Error> {
        let (set, made, ignored, final_picture) = match input.mode {
            Mode::Background => (None, vec![Variation::Background], Vec::new(), Variation::Background),
            Mode::Clipping => (None, vec![Variation::Background, Variation::Clipping], Vec::new(), Variation::Clipping),
            Mode::Params => {
                let set = input.set.as_ref().ok_or(Error::NoSet)?;
                let PlannedVariations { made, ignored, final_picture } = set.wanted();
                (Some(set), made, ignored, final_picture.ok_or(Error::NoSet)?)
            }
        };
        let files = made.into_iter().map(|variation| {
            let (format, rendering) = input.file(variation);
            File { variation, format, rendering }
        });
        Ok(Self {
            mode: input.mode,
            files: files.collect(),
            final_picture,
            ignored,
            rendering: &input.rendering,
            set,
            backdrop: input.backdrop.as_ref(),
        })
    }

    fn file(&self, variation: Variation) -> Option<&File> {
        self.files.iter().find(|file| file.variation == variation)
    }

    /// The files of the pictures that show the subject on a canvas.
    fn composed(&self) -> impl Iterator<Item = &File> {
        self.files.iter().filter(|file| file.variation.is_composed())
    }

    /// Whether a picture of the photograph's size holds the photograph too.
    fn keeps_original(&self) -> bool {
        let mut own = self.files.iter().filter(|file| !file.variation.is_composed());
        own.any(|file| file.format == OutputFormat::Psd && file.rendering.channels == Channels::Rgba)
    }

    /// How far it is, of 100 from where the matte is known to the end: in the one step that there is, or in the second.
    fn tell(&self, progress: &Progress<'_>, percent: u8) {
        match self.mode {
            Mode::Background => progress(Stage::Background, 80 + percent / 5),
            Mode::Clipping => progress(Stage::Clipping, percent),
            Mode::Params => progress(Stage::Compose, percent),
        }
    }

    /// From a photograph and its matte to files.
    fn make(&self, photo: Photo, matte: GrayImage, limits: &Limits, progress: &Progress<'_>) -> Result<Made, Error> {
        // What the file itself leaves of the subject does not count here, however faint that is.
        let own = photo.alpha().map(|own| own.as_raw().as_slice());
        let shows = |(at, matte): (usize, &u8)| *matte >= 128 && own.is_none_or(|own| own[at] > 0);
        if !matte.iter().enumerate().any(shows) {
            return Err(Error::NoSubject);
        }
        let metadata = photo.metadata().clone();
        let mut made = Made { warnings: about_the_source(&metadata), pictures: Vec::new(), assets: Vec::new() };
        self.tell(progress, 0);
        let own_shadow = self.own_shadow(&photo, &matte, &mut made.warnings);
        let original = self.keeps_original().then(|| photo.clone());
        // Where the file has alpha of its own, its colors are the subject's already; but not where it is nothing,
        // and may be of any color.
        let mixed = photo.alpha().cloned().map(|mut own| {
            own.iter_mut().filter(|own| **own > 0).for_each(|own| *own = u8::MAX);
            own
        });
        let mut cutout = photo.cut_out(matte).ok_or_else(|| Error::Resample("the matte has another size".into()))?;
        // Following an outline keeps one thread busy for long; another writes the matte meanwhile.
        let (clipped, matte) = rayon::join(
            || self.file(Variation::Clipping).map(|file| Clipped::of(cutout.alpha(), &file.rendering)),
            || self.matte(&cutout, &metadata),
        );
        made.assets.push(matte?);
        self.tell(progress, 25);
        clean(&mut cutout, mixed, clipped.as_ref())?;
        self.tell(progress, 40);

        let writer = Writer { original: original.as_ref(), metadata: &metadata, set: self.set };
        if let Some(file) = self.file(Variation::Background) {
            made.pictures.push(writer.picture(&cutout, file, None)?);
        }
        self.tell(progress, 60);

        if let (Some(file), Some(clipped)) = (self.file(Variation::Clipping), clipped) {
            match clipped {
                Clipped::Hard { path, alpha } => {
                    let svg = path.to_svg(file.rendering.path.name.as_str());
                    made.assets.push(EncodedAsset { kind: AssetKind::ClippingPath, bytes: svg.into() });
                    let other = || Error::Resample("the path has another size".into());
                    let soft = cutout.replace_alpha(alpha).ok_or_else(other)?;
                    made.pictures.push(writer.picture(&cutout, file, Some(&path))?);
                    cutout.replace_alpha(soft).ok_or_else(other)?;
                }
                Clipped::Soft { reason } => {
                    made.pictures.push(self.soft(&made.pictures, &writer, &cutout, file)?);
                    made.warnings.entry(Variation::Clipping.as_str().to_owned()).or_default().push(reason);
                }
            }
            self.tell(progress, 75);
        }

        // Last, since only the subject at its new size is needed for them: what is as large as the photograph goes.
        if let Some(set) = self.set
            && self.composed().next().is_some()
        {
            let parts = Parts { set, metadata: &metadata, cutout, backdrop: self.backdrop, own_shadow, limits };
            let formats: Vec<_> = self.composed().map(|file| file.format).collect();
            drop(original);
            let scene = Scene::new(parts, &formats)?;
            for (file, number) in self.composed().zip(1_u8..) {
                made.pictures.push(scene.picture(file, &mut made.warnings)?);
                self.tell(progress, 75 + 8 * number);
            }
        }
        self.warn_of_ignored(&mut made.warnings);
        self.tell(progress, 100);
        Ok(made)
    }

    /// The alpha alone.
    fn matte(&self, cutout: &Cutout, metadata: &ImageMetadata) -> Result<EncodedAsset, Error> {
        let alone = Rendering { channels: Channels::Alpha, dpi: self.rendering.dpi, ..Rendering::default() };
        let document = Document { metadata, ..Document::of(cutout) };
        Ok(EncodedAsset { kind: AssetKind::Matte, bytes: encode(document, OutputFormat::Png, &alone)?.into() })
    }

    /// The picture `clipping` where there is no honest path: the one of `background`, written anew only if that is
    /// another file.
    fn soft(
        &self,
        made: &[EncodedPicture],
        writer: &Writer<'_>,
        cutout: &Cutout,
        file: &File,
    ) -> Result<EncodedPicture, Error> {
        let same = self.file(Variation::Background);
        let same = same.is_some_and(|other| other.format == file.format && other.rendering == file.rendering);
        match made.iter().find(|picture| same && picture.variation == Variation::Background) {
            Some(background) => Ok(EncodedPicture { variation: Variation::Clipping, ..background.clone() }),
            None => writer.picture(cutout, file, None),
        }
    }

    /// The photograph's own shadow, if it is to be kept and can be told from the backdrop.
    fn own_shadow(&self, photo: &Photo, matte: &GrayImage, warnings: &mut Warnings) -> Option<GrayImage> {
        let wanted = self.set.is_some_and(|set| set.preserve_shadow) && self.file(Variation::Compose).is_some();
        if !wanted {
            return None;
        }
        let kept = match photo.alpha() {
            None => shadow::preserved(photo.color(), matte).map_err(|error| error.to_string()),
            Some(_) => Err("The photograph's own shadow cannot be kept: its background is transparent.".to_owned()),
        };
        match kept {
            Ok(kept) => Some(kept),
            Err(reason) => {
                warnings.entry(Variation::Compose.as_str().to_owned()).or_default().push(reason);
                None
            }
        }
    }

    /// The sentence is the one that clients know.
    fn warn_of_ignored(&self, warnings: &mut Warnings) {
        for variation in &self.ignored {
            warnings.entry(variation.as_str().to_owned()).or_default().push("params not provided".to_owned());
        }
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
    pictures: Vec<EncodedPicture>,
    assets: Vec<EncodedAsset>,
    warnings: Warnings,
}

/// The cut along a path, or why there is none.
enum Clipped {
    Hard { path: ClippingPath, alpha: GrayImage },
    Soft { reason: String },
}

impl Clipped {
    fn of(matte: &GrayImage, rendering: &Rendering) -> Self {
        let inset = f64::from(rendering.path.inset.get());
        let traced = clip::trace(matte, &TraceOptions { inset, ..TraceOptions::default() });
        match clip::pathability(matte, &traced).reason() {
            Some(reason) => Self::Soft { reason },
            None => Self::Hard { alpha: clip::rasterize(&traced.path), path: traced.path },
        }
    }
}

/// Takes the old background out of the colors of partial pixels. `mixed` is how far the background shows, where
/// that is not the alpha of the cut-out. The path may run a pixel outside of the matte; what it covers there
/// gets the colors of the subject too.
fn clean(cutout: &mut Cutout, mixed: Option<GrayImage>, clipped: Option<&Clipped>) -> Result<(), Error> {
    let mixed = match (mixed, clipped) {
        (mixed, Some(Clipped::Hard { alpha: covered, .. })) => {
            let mut mixed = mixed.unwrap_or_else(|| cutout.alpha().clone());
            let parts = mixed.par_chunks_mut(1 << 16).zip(covered.par_chunks(1 << 16));
            parts.for_each(|(mixed, covered)| {
                for (mixed, covered) in mixed.iter_mut().zip(covered) {
                    *mixed = (*mixed).max(u8::from(*covered > 0));
                }
            });
            Some(mixed)
        }
        (mixed, Some(Clipped::Soft { .. }) | None) => mixed,
    };
    let (color, alpha) = cutout.parts_mut();
    decontaminate(color, mixed.as_ref().unwrap_or(alpha))
}

/// What the caller should know of the photograph.
fn about_the_source(metadata: &ImageMetadata) -> Warnings {
    let converted =
        metadata.converted_from.iter().map(|from| format!("The colors were converted from {from} to sRGB."));
    let sentences: Vec<String> = converted.chain(metadata.warnings.iter().cloned()).collect();
    if sentences.is_empty() { Warnings::new() } else { Warnings::from([(SOURCE.to_owned(), sentences)]) }
}

/// How the pictures of the photograph's size are written.
struct Writer<'a> {
    original: Option<&'a Photo>,
    metadata: &'a ImageMetadata,
    set: Option<&'a ParamSet>,
}

impl Writer<'_> {
    fn picture(&self, cutout: &Cutout, file: &File, path: Option<&ClippingPath>) -> Result<EncodedPicture, Error> {
        let File { variation, format, rendering } = file;
        let original = self.original.filter(|_| *format == OutputFormat::Psd);
        let flattened = self.flattened(cutout, file);
        let cutout = flattened.as_ref().unwrap_or(cutout);
        let document = Document { original, path, metadata: self.metadata, ..Document::of(cutout) };
        let bytes = Bytes::from(encode(document, *format, rendering)?);
        let (width, height) = cutout.dimensions();
        Ok(EncodedPicture { variation: *variation, format: *format, bytes, width, height })
    }

    /// The subject on the set's color, where the format has no alpha and that color is not the white that it
    /// would be laid on anyway.
    fn flattened(&self, cutout: &Cutout, file: &File) -> Option<Cutout> {
        let color = match &self.set?.background {
            Some(Background::Color { color }) => *color,
            Some(Background::Picture(picture)) => picture.color?,
            Some(Background::Transparent) | None => return None,
        };
        let flat = file.format == OutputFormat::Jpeg && file.rendering.channels == Channels::Rgba;
        (flat && color != Color::WHITE).then(|| {
            let layer = Layer::whole(cutout.clone());
            compose::compose(cutout.dimensions(), &Backdrop::Color(color.0), None, &layer)
        })
    }
}
