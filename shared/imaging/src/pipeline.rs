//! The pipeline: a [`Plan`], and the list of stages that runs it.
//!
//! A run builds its plan before any work. The last stage that needs a large picture takes it by value, so that it is
//! dropped before the next large allocation.

mod framed_plan;
mod layout;
mod memory;
mod picture_plan;
mod plan;
mod progress;
mod promise;
mod results;
mod scene;
mod stages;
mod workspace;

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use cutline_core::domain::attention::{Attention, AttentionReason};
use cutline_core::domain::kind::ImageKind;
use cutline_core::domain::subject::{InvalidCoordinate, PixelBox};
use cutline_core::ports::{EvidenceUse, Pipeline, PipelineInput, PipelineOutput, Progress};
use cutline_core::{Confidence, Fault, Variation};
use image::{GrayImage, ImageBuffer, Pixel, imageops};

use crate::assess::{AssessedCut, Assessment};
use crate::cutout::RawCutout;
use crate::decode::{Decoding, HeicDecoder, Limits};
use crate::encode::OriginalPicture;
use crate::error::Error;
use crate::guide::{Evidence, Frame, Guided};
use crate::matte::Matte;
use crate::matting::{Matting, Prediction};
use crate::models::{self, custom::CustomModel};
use crate::native_colors::NativeColors;
use crate::photo::{ImageMetadata, Photo};
use crate::sample::Colors;
use plan::Plan;
use progress::{Milestone, ProgressReporter};
use results::Results;
use stages::{
    ComposedInput, EmptyDraft, FramedInput, FramedPhoto, Outline, PhotoPictureWriter, PlateCut, SeenPicture, SizedPhoto,
};
use workspace::{NativeWorkspace, SrgbWorkspace, Workspace};

/// From the bytes of a photograph to the bytes of pictures. Several threads may use it at once.
#[derive(Debug)]
pub struct Imaging {
    matting: Matting,
    decoding: Decoding,
    /// The threads for everything but the networks. `None` uses rayon's global ones.
    threads: Option<rayon::ThreadPool>,
    version: String,
}

impl Imaging {
    /// A pipeline that predicts mattes by `matting`. `models` names its models in [`Pipeline::version`].
    pub fn new(matting: Matting, limits: Limits, models: &str) -> Self {
        let decoding = Decoding::within(limits);
        Self { matting, decoding, threads: None, version: format!("{}+{models}", env!("CARGO_PKG_VERSION")) }
    }

    /// The same pipeline, which also decodes HEIC.
    #[must_use]
    pub fn with_heic(mut self, decoder: Arc<dyn HeicDecoder>) -> Self {
        self.decoding.heic = Some(decoder);
        self
    }

    /// Loads the models from their folder, to run on `threads` threads; see [`Matting::load`].
    ///
    /// # Errors
    /// [`Error::Model`].
    pub fn load(folder: &Path, threads: NonZeroUsize) -> Result<Self, Error> {
        let names = match CustomModel::of(folder)? {
            Some(custom) => custom.version(),
            None => models::ALL.map(|model| &model.sha256[..8]).join("."),
        };
        let imaging = Self::new(Matting::load(folder, threads)?, Limits::default(), &names);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.get()).build();
        // If no more threads can be started, the global ones do the work.
        Ok(Self { threads: pool.ok(), ..imaging })
    }

    /// Makes the pictures that `input` asks for.
    ///
    /// # Errors
    /// Every [`Error`] of the stages.
    pub fn make(&self, input: &PipelineInput, progress: &Progress<'_>) -> Result<PipelineOutput, Error> {
        let plan = Plan::new(input)?;
        let progress = ProgressReporter::new(plan.mode, progress);
        let photo = self.on_threads(|| stages::decode(&plan, &input.source, &self.decoding))?;
        progress.reached(Milestone::Decoded);
        let earlier = earlier_evidence(plan.evidence);
        let full_size = photo.dimensions();
        self.finish(plan, (photo, full_size), earlier.as_ref(), progress)
    }

    /// Makes the pictures again from the evidence of an earlier run, never by the networks, and without new evidence.
    ///
    /// With `max_pixels` the photograph is reduced to that many first, for a preview: its pictures are smaller, and all boxes
    /// are those of the reduced photograph.
    ///
    /// # Errors
    /// [`Error::OtherPart`] if a changed `roi` needs the networks again; every [`Error`] of the stages.
    pub fn recut(
        &self,
        input: &PipelineInput,
        evidence: &Evidence,
        max_pixels: Option<u64>,
        progress: &Progress<'_>,
    ) -> Result<PipelineOutput, Error> {
        let mut plan = Plan::new(input)?;
        let progress = ProgressReporter::new(plan.mode, progress);
        let (photo, full_size) = self.on_threads(|| {
            let photo = stages::decode(&plan, &input.source, &self.decoding)?;
            let (width, height) = photo.dimensions();
            let pixels = u64::from(width) * u64::from(height);
            match max_pixels.filter(|max| *max < pixels) {
                Some(max) => {
                    let reduced = photo.reduced((max as f64 / pixels as f64).sqrt())?;
                    let factor = f64::from(reduced.dimensions().0) / f64::from(width);
                    let out_of_range = |error: InvalidCoordinate| Error::Resample(error.into());
                    plan.subject = plan.subject.scaled(factor).map_err(out_of_range)?;
                    plan.crop = plan.crop.map(|margin| margin.scaled(factor)).transpose().map_err(out_of_range)?;
                    plan.reduce(factor).map_err(out_of_range)?;
                    Ok((reduced, (width, height)))
                }
                None => Ok((photo, (width, height))),
            }
        })?;
        progress.reached(Milestone::Decoded);
        if !plan.brings_matte() && !evidence.is_of(&Frame::new(photo.dimensions(), plan.subject.roi.as_ref())?) {
            return Err(Error::OtherPart);
        }
        self.finish(plan, (photo, full_size), Some(evidence), progress)
    }

    /// The stages after decoding: of the photograph, which had that width and height when it was decoded. If the `earlier`
    /// evidence is about the part of the photograph that the plan looks at, the networks do not run.
    fn finish(
        &self,
        mut plan: Plan<'_>,
        (mut photo, full_size): (Photo, (u32, u32)),
        earlier: Option<&Evidence>,
        progress: ProgressReporter<'_>,
    ) -> Result<PipelineOutput, Error> {
        let sized = SizedPhoto { photo: &mut photo, full_size };
        let brought = self.on_threads(|| stages::brought_matte(&plan, sized, &self.decoding));
        plan.keeps_tiny_parts = matches!(brought, Ok(Some(_)));
        let mut results = Results::new(photo.metadata(), &plan.ignored);
        let cut = match brought {
            Ok(Some(matte)) => {
                let unused = plan.unused_settings().into_iter().chain(plan.unused_plate());
                results.add_warnings_about_subject(unused.collect());
                // The networks have nothing new to say, and what they said may be wanted again.
                if let (Some(_), EvidenceUse::Reuse(earlier)) = (earlier, plan.evidence) {
                    results.add_evidence(earlier.clone(), true);
                }
                Ok((matte, Confidence::nearest(1.0)))
            }
            Ok(None) => self.predicted_matte(&plan, (&photo, full_size), earlier, &mut results, &progress),
            Err(error) => Err(error),
        };
        let (cut, confidence) = match cut {
            Ok((matte, confidence)) => (CutMatte::Subject(matte), confidence),
            Err(error) => {
                let reason = error.emptiness().filter(|_| plan.keeps_empty).ok_or(error)?;
                (CutMatte::Empty { reason }, Confidence::NONE)
            }
        };
        progress.reached(Milestone::MatteRefined);
        // From here on, whether there are previews is known.
        results.previews = plan.previews.holds(Some(confidence)).then_some(plan.final_picture);

        self.on_threads(|| match cut {
            CutMatte::Subject(matte) => {
                render(&plan, photo, matte, Rendered { decoding: &self.decoding, results: &mut results }, progress)
            }
            CutMatte::Empty { reason } => render_empty(&plan, photo, reason, &mut results),
        })?;
        progress.finished();

        let Results { pictures, assets, warnings, crop_box, attention, pixel_check, .. } = results;
        let Plan { final_picture, ignored, .. } = plan;
        Ok(PipelineOutput {
            pictures,
            final_picture,
            assets,
            confidence,
            crop_box,
            attention,
            pixel_check,
            warnings,
            ignored,
        })
    }

    /// The subject's matte by the networks, or by the evidence of an earlier run, as the caller steers it. The photograph had
    /// that width and height when it was decoded.
    fn predicted_matte(
        &self,
        plan: &Plan<'_>,
        (photo, full_size): (&Photo, (u32, u32)),
        earlier: Option<&Evidence>,
        results: &mut Results,
        progress: &ProgressReporter<'_>,
    ) -> Result<(Matte, Confidence), Error> {
        let frame = Frame::new(photo.dimensions(), plan.subject.roi.as_ref())?;
        let picture = stages::seen(&frame, photo.flattened());
        let earlier = earlier.filter(|evidence| evidence.is_of(&frame));
        let prediction = match earlier {
            Some(evidence) => Prediction::of(evidence.mattes().clone())?,
            None => stages::predict(&self.matting, &picture)?,
        };
        progress.reached(Milestone::MattePredicted);
        self.on_threads(|| {
            let settings = &plan.subject;
            let seen = SeenPicture { frame: &frame, picture: &picture, tree: earlier.map(Evidence::tree) };
            let new = stages::new_evidence(settings, seen, &prediction.mattes, plan.evidence.is_kept())?;
            // An empty draft has evidence too: a hint may add what the networks missed.
            match (&new, plan.evidence) {
                (Some(new), _) => results.add_evidence(new.to_bytes().into(), plan.evidence.is_kept()),
                (None, EvidenceUse::Reuse(earlier)) => results.add_evidence(earlier.clone(), true),
                (None, EvidenceUse::Drop | EvidenceUse::Keep) => {}
            }
            let seen = SeenPicture { tree: seen.tree.or(new.as_ref().map(Evidence::tree)), ..seen };
            let framed = FramedPhoto { photo, full_size, frame: &frame, picture: &picture };
            let mattes = &prediction.mattes;
            let PlateCut { matte: unsteered, warnings } =
                stages::clean_plate(plan, framed, prediction.matte, &self.decoding)?;
            results.add_warnings_about_subject(warnings);
            let Guided { matte, warnings } = stages::steer(settings, seen, unsteered.clone())?;
            results.add_warnings_about_subject(warnings);
            let assessed = AssessedCut {
                frame: &frame,
                picture: &picture,
                mattes,
                unsteered: &unsteered,
                settings,
                matte: &matte,
            };
            let Assessment { confidence, attention } = assessed.assess()?;
            results.attention = attention;
            results.add_warnings_about_subject(dropped_objects(&results.attention));
            let matte = stages::refine(photo, &frame, &picture, &matte)?;
            Ok((matte, Confidence::nearest(confidence)))
        })
    }

    fn on_threads<T: Send>(&self, work: impl FnOnce() -> Result<T, Error> + Send) -> Result<T, Error> {
        match &self.threads {
            Some(threads) => threads.install(work),
            None => work(),
        }
    }
}

/// The matte of a cut.
enum CutMatte {
    /// Its subject.
    Subject(Matte),
    /// Nothing, for this reason, as a sentence.
    Empty { reason: String },
}

/// The objects that are not in the cut, each as a sentence for the caller.
fn dropped_objects(attention: &[Attention]) -> Vec<String> {
    let dropped = attention.iter().filter(|place| place.reason == AttentionReason::DroppedObject);
    dropped.map(|Attention { message, place, .. }| format!("{message} It is at {place}.")).collect()
}

/// The evidence of an earlier run, if there is some that this release can read.
fn earlier_evidence(evidence: &EvidenceUse) -> Option<Evidence> {
    let EvidenceUse::Reuse(bytes) = evidence else { return None };
    let read = Evidence::from_bytes(bytes);
    read.inspect_err(|error| tracing::warn!(%error, "evidence of the cut is unreadable; the networks run again")).ok()
}

/// Where the finished files go.
struct Rendered<'a> {
    /// For the background image.
    decoding: &'a Decoding,
    results: &'a mut Results,
}

/// The stages from the matte to the finished files.
fn render(
    plan: &Plan<'_>,
    mut photo: Photo,
    matte: Matte,
    to: Rendered<'_>,
    progress: ProgressReporter<'_>,
) -> Result<(), Error> {
    to.results.add_source_preview(&photo)?;
    // From here on, all colors are those that the files hold.
    match photo.take_native() {
        None => {
            let workspace = SrgbWorkspace::new();
            let of_photo = first_stages(&workspace, plan, (&photo, photo.color()), &matte, to.results)?;
            render_in(&workspace, plan, (photo.cut_out(matte)?, of_photo), to, progress)
        }
        Some(native) => {
            let workspace = native_workspace(plan, &native)?;
            let of_photo = first_stages(&workspace, plan, (&photo, &native.pixels), &matte, to.results)?;
            render_in(&workspace, plan, (photo.cut_out_native(native, matte)?, of_photo), to, progress)
        }
    }
}

fn native_workspace(plan: &Plan<'_>, native: &NativeColors) -> Result<NativeWorkspace, Error> {
    let kind = ImageKind::sniff(plan.source).ok_or(Error::UnknownKind)?;
    Ok(NativeWorkspace::new(kind, native.file.clone()))
}

/// The files of a photograph without a subject, for this reason.
fn render_empty(plan: &Plan<'_>, mut photo: Photo, message: String, results: &mut Results) -> Result<(), Error> {
    let (width, height) = photo.dimensions();
    let matte = Matte::new(GrayImage::new(width, height));
    let metadata = &photo.metadata().clone();
    results.add_source_preview(&photo)?;
    match photo.take_native() {
        None => {
            let draft = EmptyDraft { cutout: photo.cut_out(matte)?, metadata, message };
            stages::empty_draft(&SrgbWorkspace::new(), plan, draft, results)
        }
        Some(native) => {
            let workspace = native_workspace(plan, &native)?;
            let draft = EmptyDraft { cutout: photo.cut_out_native(native, matte)?, metadata, message };
            stages::empty_draft(&workspace, plan, draft, results)
        }
    }
}

/// What later stages need of the photograph in addition to its colors.
struct OfPhoto {
    metadata: ImageMetadata,
    /// The alpha that it came with, if it is needed.
    own_alpha: Option<GrayImage>,
    /// Its own shadow, if it is kept.
    own_shadow: Option<GrayImage>,
}

/// The stages that need the photograph itself. `colors` are its colors as the files hold them.
fn first_stages<W: Workspace>(
    workspace: &W,
    plan: &Plan<'_>,
    (photo, colors): (&Photo, &Colors<W::Sample>),
    matte: &Matte,
    results: &mut Results,
) -> Result<OfPhoto, Error> {
    let studio = stages::studio(plan, photo, matte);
    let input = FramedInput { workspace, photo, colors, matte, studio: studio.as_ref() };
    stages::framed_picture(plan, input, results)?;
    let own_shadow = stages::own_shadow(plan, studio.as_ref(), matte, results);
    let own_alpha = photo.alpha().filter(|_| plan.keeps_original()).cloned();
    Ok(OfPhoto { metadata: photo.metadata().clone(), own_alpha, own_shadow })
}

/// The stages that work on the colors of the files.
fn render_in<W: Workspace>(
    workspace: &W,
    plan: &Plan<'_>,
    (raw_cutout, of_photo): (RawCutout<W::Sample>, OfPhoto),
    to: Rendered<'_>,
    progress: ProgressReporter<'_>,
) -> Result<(), Error> {
    let Rendered { decoding, results } = to;
    let OfPhoto { metadata, own_alpha, own_shadow } = of_photo;
    let metadata = &metadata;
    let planes = raw_cutout.planes();
    let original = plan.keeps_original().then(|| planes.color().clone());
    let black = planes.black().filter(|_| plan.keeps_original()).cloned();

    let outline = stages::trace_outline(plan, &raw_cutout, metadata, results)?;
    progress.reached(Milestone::OutlineTraced);

    if let (Some(original), Some(outline)) = (&plan.original, &outline) {
        // No new picture is made, so everything of the photograph's size is dropped first.
        let size = raw_cutout.dimensions();
        let planes = raw_cutout.planes();
        let alpha = outline.hard_alpha().unwrap_or(planes.alpha());
        results.add_previews(Variation::Clipping, || workspace.to_srgb(planes), alpha)?;
        drop(raw_cutout);
        return stages::original_picture(original, outline, size, results);
    }

    if plan.has_framed_alone() {
        // Nothing is left to do but to say that the picture is not cropped, if that was asked for.
        return stages::crop_window(plan, raw_cutout.alpha(), None, results).map(|_| ());
    }

    let hard_alpha = outline.as_ref().and_then(Outline::hard_alpha);
    let decontaminate = |colors: &mut _, alpha: &_| workspace.decontaminate(colors, alpha);
    let mut cutout = raw_cutout.estimate_foreground_by(hard_alpha, decontaminate)?;
    progress.reached(Milestone::ForegroundEstimated);

    let window = stages::crop_window(plan, cutout.alpha(), hard_alpha, results)?;
    let (original, black, own_alpha) = match window {
        None => (original, black, own_alpha),
        Some(window) => (cropped(original, window), cropped(black, window), cropped(own_alpha, window)),
    };
    let parts = (black.as_ref(), own_alpha.as_ref());
    let original_picture = original.as_ref().map(|color| OriginalPicture { color, black: parts.0, alpha: parts.1 });
    let writer = PhotoPictureWriter {
        workspace,
        window,
        original: original_picture,
        checks_pixels: plan.checks_pixels(),
        metadata,
        flat_color: plan.flat_color,
    };
    stages::background_picture(plan, &writer, &cutout, results)?;
    progress.reached(Milestone::BackgroundEncoded);

    stages::clipping_picture(plan, &writer, &mut cutout, outline, results)?;
    progress.reached(Milestone::ClippingEncoded);

    // Composed pictures come last: they need the subject at its new size only, so everything of the photograph's size
    // is dropped first.
    drop((original, black, own_alpha));
    if let Some(composed) = &plan.composed {
        let input = ComposedInput { workspace, cutout, own_shadow, window, metadata, decoding };
        stages::composed_pictures(composed, input, results, progress)?;
    }
    Ok(())
}

/// The part of a picture in a box that lies within it.
fn cropped<P: Pixel<Subpixel: 'static> + 'static>(
    picture: Option<ImageBuffer<P, Vec<P::Subpixel>>>,
    PixelBox { left, top, width, height }: PixelBox,
) -> Option<ImageBuffer<P, Vec<P::Subpixel>>> {
    picture.map(|picture| imageops::crop_imm(&picture, left, top, width, height).to_image())
}

impl Pipeline for Imaging {
    fn run(&self, input: &PipelineInput, progress: &Progress<'_>) -> Result<PipelineOutput, Fault> {
        self.make(input, progress).map_err(|error| {
            // The fault leaves out details that the caller should not see.
            tracing::warn!(error = &error as &dyn std::error::Error, "pipeline failed");
            error.into()
        })
    }

    fn memory_needed(&self, input: &PipelineInput) -> u64 {
        let limits = &self.decoding.limits;
        // Any other source is refused before anything is allocated.
        let Some(size) = crate::decode::decoded_dimensions(&input.source, limits) else { return 0 };
        memory::memory_needed(size, input, limits, self.matting.network_memory())
    }

    fn version(&self) -> &str {
        &self.version
    }
}
