//! The peak memory of a run, estimated from the size of the photograph and the plan.
//!
//! The figures per pixel are measured peaks, except those of a crop and of a mask, which are the sizes of their buffers.
//! Those of each format are in its [`FormatInfo`](cutline_core::domain::format::FormatInfo). They hold for every shape
//! within the default [`Limits`](crate::Limits) and for every mode.

use std::num::NonZeroUsize;

use cutline_core::domain::fidelity::ColorSpace;
use cutline_core::domain::inks::has_inks;
use cutline_core::domain::params::Canvas;
use cutline_core::ports::PipelineInput;
use cutline_core::{Mode, OutputFormat};

use super::framed_plan::FramedPlan;
use super::layout::max_canvas_pixels;
use super::plan::{BackdropPlan, ComposedPlan, Plan};
use crate::decode::Limits;
use crate::{decode, preview};

/// Photographs of up to this many pixels leave the networks' memory allocated for the next one. A larger photograph
/// needs that memory itself.
const MAX_PIXELS_KEEPING_NETWORKS: u64 = 16_000_000;

/// The working memory of the networks' threads, in addition to the maps between layers.
const NETWORK_THREADS: u64 = 90 << 20;
/// A photograph and its matte while the networks run, in bytes a pixel.
const SEGMENTING: u64 = 16;
/// A photograph while a mask of its size is decoded, in bytes a pixel. Not measured: four for the photograph with its alpha,
/// and up to 20 for decoding. The mask's gray is made once its samples are freed.
const MASKING: u64 = 24;
/// A photograph while a clean plate of its size is decoded and compared, in bytes a pixel: as a mask, and a copy of the plate's
/// part. Not measured.
const PLATING: u64 = 27;
/// The reduced pictures that are compared, and the maps of their differences: at most a million pixels. Not measured.
const COMPARING_PLATE: u64 = 160 << 20;
/// The tree of regions while it is built, and the networks' mattes: at most 1,024 x 1,024 pixels.
const STEERING: u64 = 110 << 20;
/// A canvas while the subject is placed on it, and a background image while it is fitted, in bytes a pixel.
const CANVAS: u64 = 16;
/// A finished picture while its promises are measured, in bytes a pixel.
const MEASURING: u64 = 14;
/// The cut-out while the subject is placed, in bytes a pixel.
const PLACING: u64 = 8;
/// The subject and its alpha on the canvas while a composed picture is written, in bytes a pixel of the canvas.
const SUBJECT_ON_CANVAS: u64 = 10;
/// The cut-out while its path is traced, with the path's own alpha and the file of the matte, in bytes a pixel.
const TRACING: u64 = 10;
/// The cropped copies for a picture, in bytes a pixel. Not measured: four for the picture, and four for the original or the
/// subject's layer. A composed picture is dropped once it is cropped, so its backdrop and shadow fit in too.
const CROPPING: u64 = 8;
/// The native colors of a photograph, and their copy while they are turned upright, in bytes a pixel. Not measured.
const NATIVE: u64 = 12;
/// The colors that written pixels are compared with, in bytes a pixel.
const COMPARING: u64 = 3;
/// What native colors take while a picture is written, in addition to those in 8 bits: of the cut-out, of the copy for
/// comparing, and of the copy with another curve. Not measured.
const NATIVE_WRITING: u64 = 15;
/// The black of inks and its copy while they are turned upright, in bytes a pixel. Not measured.
const BLACK: u64 = 4;
/// What inks take while a picture is written, in addition to other native colors, in bytes a pixel: black, its copy for
/// comparing, and three channels of it while colors are replaced. Not measured.
const INKS_WRITING: u64 = 10;
/// How many samples a pixel of inks has, and one of RGB, with alpha.
const INK_SAMPLES: (u64, u64) = (5, 4);
/// How many times the memory of a file of 8 bits one of 16 takes.
const DEEP: u64 = 2;
/// The path, and all else that inserting it into the source takes in addition to the new file.
const INSERTING: u64 = 8 << 20;
/// All metadata of the source, parsed, and while a file is written. Their sizes are limited.
const METADATA: u64 = 48 << 20;
/// The photograph, the matte and the subject's alpha while the framed picture is made, in bytes a pixel.
const FRAMING: u64 = 6;
/// The part of the photograph in its frame, in bytes a pixel; the same of the picture if it has another size. Not measured:
/// four, and four more while it is filled or resampled.
const FRAME: u64 = 8;
/// The shadow and the backdrop of a studio.
const STUDIO: u64 = 50 << 20;
/// A thread that resamples the subject, in bytes a pixel of the longer of the two widths.
const RESAMPLING_THREAD: u64 = 640;

/// Whether the networks keep their memory after a photograph of this many pixels.
pub(super) fn keeps_networks(pixels: u64) -> bool {
    pixels <= MAX_PIXELS_KEEPING_NETWORKS
}

/// The peak memory of one run, in bytes, for a photograph of this size, which is within `limits`, and with networks that take
/// `network_memory` bytes for the maps between their layers. Excludes the weights of the networks, which are loaded once, and the source file.
///
/// The peak is the largest of three: the networks and the photograph; a mask file or a clean plate that is decoded; or encoding and all that
/// is held meanwhile. No network runs while a file is decoded or encoded, but their memory stays allocated for the next
/// picture, unless this one is large.
///
/// An input that cannot be planned is refused before anything is allocated, and needs no memory.
pub(super) fn memory_needed(
    (width, height): (u32, u32),
    input: &PipelineInput,
    limits: &Limits,
    network_memory: u64,
) -> u64 {
    let Ok(plan) = Plan::new(input) else { return 0 };
    let network = network_memory + NETWORK_THREADS;
    let pixels = u64::from(width) * u64::from(height);
    let kept = if keeps_networks(pixels) { network } else { 0 };
    let steering = if plan.subject.is_steered() || plan.evidence.is_kept() { STEERING } else { 0 };
    let masking = plan.mask.map_or(0, |_| pixels * MASKING);
    let plating = plan.plate.map_or(0, |_| pixels * PLATING + COMPARING_PLATE);
    let metadata = if plan.keeps_all_metadata { METADATA } else { 0 };
    let native = match (has_native(&plan), keeps_inks(&plan)) {
        (false, _) => 0,
        (true, false) => pixels * NATIVE,
        (true, true) => pixels * (NATIVE + BLACK),
    };
    let encoding = (masking.max(plating) + native).max(encoding(&plan, (width, height), limits));
    (pixels * SEGMENTING + native + network + steering).max(encoding + kept + steering) + metadata
}

/// Whether the run may work in native colors.
fn has_native(plan: &Plan<'_>) -> bool {
    plan.original.is_none() && plan.fidelity.is_some_and(|fidelity| !fidelity.is_default())
}

/// Whether the run works in the inks of the photograph.
fn keeps_inks(plan: &Plan<'_>) -> bool {
    let keeps = plan.fidelity.is_some_and(|fidelity| fidelity.color == ColorSpace::Keep);
    keeps && has_native(plan) && has_inks(plan.source)
}

/// What the depth and the color space of a run add to writing a picture.
struct Faithfulness {
    /// In bytes a pixel.
    extra: u64,
    is_deep: bool,
    has_inks: bool,
}

impl Faithfulness {
    fn of(plan: &Plan<'_>) -> Self {
        let has_inks = keeps_inks(plan);
        let native = match (has_native(plan), has_inks) {
            (false, _) => 0,
            (true, false) => NATIVE_WRITING,
            (true, true) => NATIVE_WRITING + INKS_WRITING,
        };
        let comparing = if plan.checks_pixels() { COMPARING } else { 0 };
        Self { extra: native.max(comparing), is_deep: plan.may_be_deep(), has_inks }
    }

    /// The memory for a file of this format that takes `bytes` with RGB of 8 bits.
    fn scaled(&self, bytes: u64, format: OutputFormat) -> u64 {
        let bytes = if self.is_deep && format.info().has_16_bits { bytes * DEEP } else { bytes };
        if self.has_inks { (bytes * INK_SAMPLES.0).div_ceil(INK_SAMPLES.1) } else { bytes }
    }

    /// While a picture is encoded, in bytes a pixel.
    fn encoding(&self, format: OutputFormat) -> u64 {
        self.scaled(format.info().encoding_bytes_per_pixel, format) + self.extra
    }

    /// The file, in bytes a pixel.
    fn file(&self, format: OutputFormat) -> u64 {
        self.scaled(format.info().file_bytes_per_pixel, format)
    }
}

/// The peak memory from the matte to the last file.
fn encoding(plan: &Plan<'_>, (width, height): (u32, u32), limits: &Limits) -> u64 {
    let pixels = u64::from(width) * u64::from(height);
    let canvas = plan.composed.as_ref().map_or(0, |composed| max_canvas_pixels(composed.set, width, height));
    // While one file is written, the finished ones are held too.
    let (mut writing, mut finished) = (0, 0);
    let faithful = Faithfulness::of(plan);
    let (cropping, subject) = match (plan.crop.is_some(), faithful.extra > COMPARING) {
        (false, false) => (0, SUBJECT_ON_CANVAS),
        (true, false) => (CROPPING, SUBJECT_ON_CANVAS),
        (false, true) => (0, 2 * SUBJECT_ON_CANVAS),
        (true, true) if faithful.has_inks => (2 * CROPPING + BLACK, 2 * SUBJECT_ON_CANVAS),
        (true, true) => (2 * CROPPING, 2 * SUBJECT_ON_CANVAS),
    };
    for picture in plan.photo_size_pictures() {
        writing = writing.max(pixels * (faithful.encoding(picture.format) + cropping));
        finished += pixels * faithful.file(picture.format);
    }
    for picture in plan.composed_pictures() {
        let needed = faithful.encoding(picture.format) + subject + cropping;
        writing = writing.max(canvas * needed);
        finished += canvas * faithful.file(picture.format);
    }
    if let Some(original) = &plan.original {
        writing = writing.max(pixels * TRACING + original.source.len() as u64 + INSERTING);
    }
    if plan.mode != Mode::Params {
        // The figures for writing include the files of a run without a set.
        finished = 0;
    }
    if let Some(framed) = &plan.framed {
        let needs = framing(framed, &faithful, has_native(plan), (width, height));
        writing = writing.max(needs.writing);
        finished += needs.finished;
    }
    let previews = previews(plan, pixels.max(canvas));
    writing = writing.max(previews.writing + (pixels * PLACING).max(canvas * (subject + PLACING)));
    let composing =
        plan.composed.as_ref().map_or(0, |_| placing(canvas, width, height) + (pixels + canvas) * faithful.extra);
    let extra = plan.composed.as_ref().map_or(0, |composed| measuring(composed, canvas, has_native(plan), limits));
    writing.max(composing) + finished + extra + previews.finished
}

/// The memory for some of the files.
struct Needs {
    /// While one is written.
    writing: u64,
    /// The finished files.
    finished: u64,
}

/// What the framed picture takes. It is made while the photograph and the matte are held, and before all other pictures.
fn framing(framed: &FramedPlan<'_>, faithful: &Faithfulness, has_native: bool, (width, height): (u32, u32)) -> Needs {
    let frame = framed.max_frame_pixels((width, height));
    let (picture, format) = (framed.pixels(frame), framed.picture.format);
    let resampled = framed.size.map_or(0, |_| picture);
    let (framing, parts) = if has_native { (FRAMING + NATIVE, 2 * FRAME) } else { (FRAMING, FRAME) };
    let made = ((frame + resampled) * parts).max(picture * faithful.encoding(format).max(MEASURING));
    let studio = if framed.whitens { STUDIO } else { 0 };
    Needs {
        writing: u64::from(width) * u64::from(height) * framing + made + studio,
        finished: picture * faithful.file(format),
    }
}

/// What previews take of a picture of at most this many pixels. Whether a cut gets some is not known before it is made.
fn previews(plan: &Plan<'_>, pixels: u64) -> Needs {
    if plan.previews.is_off() {
        return Needs { writing: 0, finished: 0 };
    }
    let pixels = pixels.min(u64::from(preview::MAX_SIDE).pow(2));
    let format = OutputFormat::Webp.info();
    Needs {
        writing: pixels * format.encoding_bytes_per_pixel,
        // Of the picture and of the photograph. The small one is a thousandth.
        finished: 2 * pixels * format.file_bytes_per_pixel,
    }
}

/// The memory to place the subject on the canvas.
fn placing(canvas: u64, width: u32, height: u32) -> u64 {
    let threads = std::thread::available_parallelism().map_or(1, NonZeroUsize::get) as u64;
    let pixels = u64::from(width) * u64::from(height);
    canvas * CANVAS + pixels * PLACING + u64::from(width.max(Canvas::MAX_SIDE)) * RESAMPLING_THREAD * threads
}

/// The memory to decode the background image, or a finished picture to measure its promises. The two never happen at
/// the same time.
fn measuring(composed: &ComposedPlan<'_>, canvas: u64, has_native: bool, limits: &Limits) -> u64 {
    let backdrop = match composed.backdrop {
        BackdropPlan::Picture { file, .. } => decode::decoded_dimensions(file, limits),
        BackdropPlan::Transparent | BackdropPlan::Color(_) => None,
    };
    let decoding = if has_native { CANVAS + NATIVE } else { CANVAS };
    let backdrop = backdrop.map_or(0, |(width, height)| u64::from(width) * u64::from(height) * decoding);
    let promise = if composed.set.promise.is_some() { canvas * MEASURING } else { 0 };
    backdrop.max(promise)
}

#[cfg(test)]
mod tests {
    use cutline_core::domain::crop::{Crop, CropMargin};
    use cutline_core::domain::fidelity::Depth;
    use cutline_core::domain::keep_metadata::KeepMetadata;
    use cutline_core::domain::review::ReviewRule;
    use cutline_core::{ParamSet, Rendering, RequestedFormat};
    use serde_json::json;

    use super::*;
    use crate::matting::SHIPPED_NETWORK_MEMORY;

    /// The shipped networks and their threads.
    const NETWORKS: u64 = 260 << 20;

    fn needed(width: u32, height: u32, input: &PipelineInput) -> u64 {
        memory_needed((width, height), input, &Limits::default(), SHIPPED_NETWORK_MEMORY)
    }

    fn input(mode: Mode, format: OutputFormat) -> PipelineInput {
        PipelineInput { format: Some(format.into()), ..PipelineInput::new("", mode) }
    }

    #[test]
    fn depth_and_color_space_take_more_and_the_defaults_nothing() {
        let megapixels = 50_000_000;
        let with = |format: OutputFormat, depth, color| {
            let rendering = Rendering { depth, color, ..Rendering::default() };
            let usual = PipelineInput { format: Some(format.into()), ..PipelineInput::new("", Mode::Background) };
            needed(10_000, 5_000, &PipelineInput { rendering, ..usual })
        };
        let usual = |format| with(format, None, None);
        for format in [OutputFormat::Png, OutputFormat::Jpeg] {
            let checked = with(format, Some(Depth::Eight), None);
            assert!((usual(format)..=usual(format) + megapixels * COMPARING).contains(&checked), "{format}");
        }
        let kept = with(OutputFormat::Jpeg, None, Some(ColorSpace::Keep));
        assert!(kept > usual(OutputFormat::Jpeg) && kept < usual(OutputFormat::Jpeg) * 2);
        assert_eq!(with(OutputFormat::Psd, Some(Depth::Sixteen), None), megapixels * (2 * 33 + NATIVE_WRITING));
        // More than a function of 3,008 MB has: the job is refused before it starts.
        assert!(with(OutputFormat::Psd, Some(Depth::Sixteen), None) > 3_008 << 20);
        assert!(with(OutputFormat::Tiff, Some(Depth::Sixteen), None) < 3_008 << 20);
    }

    #[test]
    fn kept_inks_take_a_plane_more() {
        let psd =
            |mode: u8| [b"8BPS\0\x01\0\0\0\0\0\0\0\x04\0\0\x1F\x40\0\0\x27\x10\0\x08\0".as_slice(), &[mode]].concat();
        let with = |source: Vec<u8>, color| {
            let rendering = Rendering { color: Some(color), ..Rendering::default() };
            let format = Some(OutputFormat::Tiff.into());
            needed(10_000, 8_000, &PipelineInput { format, rendering, ..PipelineInput::new(source, Mode::Background) })
        };
        let pixels = 80_000_000;
        let (cmyk, rgb) = (with(psd(4), ColorSpace::Keep), with(psd(3), ColorSpace::Keep));
        assert_eq!(rgb, pixels * (20 + NATIVE_WRITING));
        assert_eq!(cmyk, pixels * (25 + NATIVE_WRITING + INKS_WRITING));
        // Converted ones are RGB.
        assert_eq!(with(psd(4), ColorSpace::Srgb), with(psd(3), ColorSpace::Srgb));
    }

    #[test]
    fn the_networks_or_the_encoder_take_most() {
        let needed = |width, height, format| needed(width, height, &input(Mode::Background, format));
        assert_eq!(needed(1000, 1000, OutputFormat::Png), 1_000_000 * 20 + NETWORKS);
        assert_eq!(needed(1, 1, OutputFormat::Png), 20 + NETWORKS);
        // For a large photograph, the networks' memory is freed before anything is written.
        assert_eq!(needed(8000, 6000, OutputFormat::Png), 48_000_000 * 16 + NETWORKS);
        assert_eq!(needed(8000, 6000, OutputFormat::Webp), 48_000_000 * 50);
        assert_eq!(needed(8000, 6000, OutputFormat::Psd), 48_000_000 * 33);
    }

    #[test]
    fn a_set_adds_its_canvas_and_all_finished_files() {
        let set = ParamSet::read(json!({
            "canvas": {"width": 2000, "height": 2000}, "shadow_top": {}, "promise": {"max_bytes": 100},
            "variations": ["background", "compose", "shadowTop"], "output": {"format": "webp"},
        }));
        let params = PipelineInput { set: set.ok(), ..PipelineInput::new("", Mode::Params) };
        let canvas = 4_000_000;
        let expected = canvas * 60 + 1_000_000 * 5 + 2 * canvas * 5 + canvas * 14 + NETWORKS;
        assert_eq!(needed(1000, 1000, &params), expected);
    }

    #[test]
    fn the_original_takes_its_own_length_and_no_encoder() {
        let source = vec![0; 40_000_000];
        let original =
            PipelineInput { format: Some(RequestedFormat::Original), ..PipelineInput::new(source, Mode::Clipping) };
        assert_eq!(needed(1000, 1000, &original), 10_000_000 + 40_000_000 + (8 << 20) + NETWORKS);
    }

    #[test]
    fn a_crop_adds_the_copy_that_is_written() {
        let plain = input(Mode::Background, OutputFormat::Png);
        let crop = Some(Crop::Subject { margin: CropMargin::default() });
        let cropped = PipelineInput { rendering: Rendering { crop, ..Rendering::default() }, ..plain };
        assert_eq!(needed(1000, 1000, &cropped), 1_000_000 * 28 + NETWORKS);
    }

    #[test]
    fn all_metadata_take_a_fixed_amount() {
        let plain = input(Mode::Background, OutputFormat::Png);
        let keeping = |kept| {
            let rendering = Rendering { keep_metadata: Some(kept), ..Rendering::default() };
            needed(1000, 1000, &PipelineInput { rendering, ..plain.clone() })
        };
        assert_eq!(keeping(KeepMetadata::All), needed(1000, 1000, &plain) + METADATA);
        assert_eq!(keeping(KeepMetadata::None), needed(1000, 1000, &plain));
    }

    #[test]
    fn a_framed_picture_counts_the_photograph_and_its_frame() {
        let framed = |mut set: serde_json::Value| {
            set["variations"] = json!(["framed"]);
            let params = PipelineInput { set: ParamSet::read(set).ok(), ..PipelineInput::new("", Mode::Params) };
            needed(4000, 3000, &params)
        };
        let png = OutputFormat::Png.info();
        let own = framed(json!({"framed": {}}));
        let encoding = png.encoding_bytes_per_pixel + png.file_bytes_per_pixel;
        assert_eq!(own, 12_000_000 * (6 + encoding) + NETWORKS);
        assert_eq!(framed(json!({"framed": {"margin": "65535px"}})), own, "it ends with the photograph");
        let white = framed(json!({"framed": {"margin": "0", "whiten": true}}));
        assert_eq!(white, own + (50 << 20));
        // White goes beyond the photograph, up to the largest canvas.
        let most = framed(json!({"framed": {"margin": "65535px", "whiten": true}}));
        assert!(most > white && most <= white + 50_000_000 * encoding, "{white} {most}");
        let canvas = json!({"framed": {}, "canvas": {"width": 5000, "height": 5000}});
        assert_eq!(framed(canvas), 12_000_000 * 6 + 25_000_000 * encoding + NETWORKS);
    }

    #[test]
    fn previews_count_even_if_only_a_doubtful_cut_gets_them() {
        let png = input(Mode::Background, OutputFormat::Png);
        let rule = |rule| PipelineInput { previews: rule, ..png.clone() };
        let below = ReviewRule::Below(cutline_core::Confidence::DOUBTFUL);
        for (width, height) in [(1000, 1000), (4000, 3000), (8000, 6000)] {
            let without = needed(width, height, &rule(ReviewRule::Off));
            assert_eq!(without, needed(width, height, &png));
            let with = needed(width, height, &rule(below));
            assert_eq!(with, needed(width, height, &rule(ReviewRule::Always)));
            assert!(with >= without && with - without <= 260_000_000, "{width}: {without} {with}");
        }
        assert_eq!(needed(1000, 1000, &rule(below)), 1_000_000 * (50 + 8 + 10) + NETWORKS);
    }

    #[test]
    fn a_mask_is_decoded_while_the_photograph_is_held() {
        let plain = input(Mode::Background, OutputFormat::Png);
        let masked = PipelineInput { mask: Some("a mask".into()), ..plain.clone() };
        assert_eq!(needed(1000, 1000, &masked), 1_000_000 * 24 + NETWORKS);
        assert_eq!(needed(8000, 6000, &masked), (48_000_000 * 24).max(needed(8000, 6000, &plain)));
        // Nothing of the mask is left when a format that takes more is written.
        let webp = |mask| PipelineInput { mask, ..input(Mode::Background, OutputFormat::Webp) };
        assert_eq!(needed(4000, 3000, &webp(Some("a mask".into()))), needed(4000, 3000, &webp(None)));
    }

    #[test]
    fn a_clean_plate_is_decoded_while_the_photograph_is_held() {
        let plain = input(Mode::Background, OutputFormat::Png);
        let with_plate = PipelineInput { plate: Some("a plate".into()), ..plain.clone() };
        assert_eq!(needed(1000, 1000, &with_plate), 1_000_000 * 27 + (160 << 20) + NETWORKS);
        assert!(needed(8000, 6000, &with_plate) >= needed(8000, 6000, &plain));
    }

    #[test]
    fn an_input_without_its_set_needs_no_memory() {
        assert_eq!(needed(1000, 1000, &PipelineInput::new("", Mode::Params)), 0);
    }
}
