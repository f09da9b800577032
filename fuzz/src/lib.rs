//! The properties that fuzzed decoders and the fuzzed engine must have for any bytes.

pub mod slow;

use std::num::NonZeroUsize;
use std::panic;
use std::sync::{Arc, LazyLock, Once, OnceLock};

use cutline_core::domain::kind::ImageKind;
use cutline_core::domain::rendering::{KeepMetadata, PathOptions};
use cutline_core::{OutputFormat, Rendering};
use cutline_engine::{Engine, Network, Threads};
#[cfg(feature = "heic")]
use cutline_imaging::decode::HeicDecoder;
use cutline_imaging::decode::{Decoding, Kept, LayerMask, dimensions, layer_mask, source_metadata};
use cutline_imaging::insert::{Insertion, insert_path};
use cutline_imaging::path::{Node, Point, Subpath};
use cutline_imaging::{ClippingPath, Cutout, Document, ImageMetadata, Limits, encode, mask_file, own_path};
use image::{GrayImage, Luma, RgbImage};
use libfuzzer_sys::Corpus;

/// Small, so that a file that evades them shows by its memory or time.
const LIMITS: Limits = Limits { max_pixels: 4_400_000, max_side: 4096, max_alloc: 24 << 20 };

/// The limits, and the decoder of HEIC if this program was built with it.
static DECODING: LazyLock<Decoding> = LazyLock::new(|| {
    #[cfg(feature = "heic")]
    let heic: Option<Arc<dyn HeicDecoder>> = Some(Arc::new(cutline_heic::Libheif::start().expect("libheif decodes HEIC")));
    #[cfg(not(feature = "heic"))]
    let heic = None;
    Decoding { limits: LIMITS, heic }
});

/// Decodes a file of one kind, writes its metadata into other files, and cuts it along its own path if it has one. Rejects
/// files of other kinds, which have their own targets.
///
/// # Panics
/// If an image differs from its header or exceeds the limits, or if metadata is implausible.
pub fn decoded(kind: ImageKind, file: &[u8]) -> Corpus {
    abort_on_our_panics();
    if ImageKind::sniff(file) != Some(kind) {
        return Corpus::Reject;
    }
    let size = dimensions(file).ok();
    if let Ok(photo) = DECODING.decode(file) {
        let (width, height) = photo.dimensions();
        assert!(width > 0 && height > 0 && width.max(height) <= LIMITS.max_side);
        assert!(u64::from(width) * u64::from(height) <= LIMITS.max_pixels);
        let stored = size.expect("a file that decodes has a size");
        assert!(stored == (width, height) || stored == (height, width));
        let metadata = photo.metadata();
        for text in [&metadata.artist, &metadata.copyright, &metadata.credit].into_iter().flatten() {
            assert!(!text.is_empty() && !text.chars().any(char::is_control), "{text:?}");
        }
        assert!(metadata.dpi.is_none_or(|dpi| dpi.is_finite() && dpi > 0.0), "{:?}", metadata.dpi);
        cut_along_own_path(file, (width, height));
        write_metadata(file);
    }
    if let (Ok(LayerMask::Found { mask, .. }), Some(size)) = (layer_mask(file, &LIMITS), size) {
        assert_eq!(mask.dimensions(), size);
    }
    Corpus::Keep
}

/// Writes all metadata of a file into a picture of every format, which has to decode, with the same metadata again.
fn write_metadata(file: &[u8]) {
    let Kept { metadata, .. } = source_metadata(file);
    let metadata = ImageMetadata { all: Some(Arc::new(metadata)), ..ImageMetadata::default() };
    let matte = GrayImage::from_pixel(2, 2, Luma([255]));
    let cutout = Cutout::new(RgbImage::new(2, 2), matte).expect("both have one size");
    let rendering = Rendering { keep_metadata: Some(KeepMetadata::All), ..Rendering::default() };
    for format in OutputFormat::ALL {
        let document = Document { metadata: &metadata, ..Document::of(&cutout) };
        let written = encode(document, format, &rendering).expect("any metadata are written");
        assert!(DECODING.decode(&written).is_ok(), "{format:?}");
        assert!(source_metadata(&written).warnings.is_empty(), "{format:?}");
    }
}

/// Cuts a picture of this size along the path of its file, if it has one.
fn cut_along_own_path(file: &[u8], size: (u32, u32)) {
    if let Some(path) = own_path::find(file)
        && let Ok(matte) = path.matte(size)
    {
        assert_eq!(matte.dimensions(), size);
    }
}

/// Reads a file of any kind as the mask of a picture of its size, lying or standing.
///
/// # Panics
/// If the mask has another size than the picture.
pub fn masked(file: &[u8]) -> Corpus {
    abort_on_our_panics();
    let Ok((width, height)) = dimensions(file) else { return Corpus::Reject };
    for picture in [(width, height), (height, width)] {
        if let Ok(mask) = mask_file::read(file, picture, &DECODING) {
            assert_eq!(mask.matte.dimensions(), picture);
        }
    }
    Corpus::Keep
}

/// Inserts a path into a file of any kind that takes one, and reads the path of the new file.
///
/// # Panics
/// If bytes outside of the patch change.
pub fn inserted(file: &[u8]) -> Corpus {
    abort_on_our_panics();
    if !ImageKind::sniff(file).is_some_and(|kind| kind.info().takes_path) {
        return Corpus::Reject;
    }
    let at = |x, y| Point { x, y };
    let node = |x, y| Node { before: at(x, y), anchor: at(x, y), after: at(x, y), smooth: false };
    let nodes = vec![node(1.0, 1.0), node(7.0, 1.0), node(4.0, 5.0)];
    let path = ClippingPath { width: 8, height: 6, subpaths: vec![Subpath { nodes, hole: false }] };
    let options = PathOptions::default();
    for page in [0, 1] {
        let insertion = Insertion { path: &path, options: &options, page };
        let Ok(inserted) = insert_path(file, &insertion) else { continue };
        let new = inserted.patch.apply(file.to_vec());
        let (mut old_rest, mut new_rest, mut at) = (file, new.as_slice(), 0);
        for edit in inserted.patch.edits() {
            let (kept, rest) = old_rest.split_at(edit.range.start - at);
            assert!(new_rest.starts_with(kept), "bytes before an edit changed");
            new_rest = new_rest[kept.len()..].strip_prefix(edit.bytes.as_slice()).expect("the edit's bytes");
            old_rest = &rest[edit.range.len()..];
            at = edit.range.end;
        }
        assert_eq!(old_rest, new_rest);
        cut_along_own_path(&new, (64, 48));
    }
    Corpus::Keep
}

/// Largest memory of a network that is run, in bytes.
const MAX_NETWORK_MEMORY: usize = 32 << 20;

/// Runs a network if it is valid and small.
///
/// # Panics
/// If a network that the engine accepts does not run.
pub fn run(network: Result<Network, cutline_engine::Error>) {
    let Ok(network) = network else { return };
    let values = network.input().values();
    let threads = THREADS.get_or_init(|| Threads::new(NonZeroUsize::MIN).expect("starts a thread"));
    let Ok(engine) = Engine::new(network, threads.clone()) else { return };
    if engine.memory() <= MAX_NETWORK_MEMORY {
        engine.run(&vec![0.5; values]).expect("runs what it planned");
    }
}

static THREADS: OnceLock<Threads> = OnceLock::new();

/// Ends the run on panics in our own code, which are bugs. Panics in third-party decoders become errors, as
/// [`Decoding::decode`] documents.
fn abort_on_our_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // The fuzzer's hook prints and then aborts.
        let abort = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let is_ours = |file: &str| !file.contains("/registry/") && !file.starts_with("/rustc/");
            if info.location().is_none_or(|location| is_ours(location.file())) {
                abort(info);
            }
        }));
    });
}
