//! What every fuzzed decoder has to hold, whatever the bytes are; and the engine.

use std::num::NonZeroUsize;
use std::panic;
use std::sync::{Once, OnceLock};

use cutline_core::domain::kind::ImageKind;
use cutline_engine::{Engine, Network, Threads};
use cutline_imaging::decode::dimensions;
use cutline_imaging::{Limits, decode};
use libfuzzer_sys::Corpus;

/// Small, so that a file which gets around them is found by the memory or the time that it takes.
const LIMITS: Limits = Limits { max_pixels: 4_400_000, max_side: 4096, max_alloc: 24 << 20 };

/// Decodes a file of one kind. Files of other kinds are left to their own targets.
///
/// # Panics
/// If a picture is not what its header says or the limits allow.
pub fn decoded(kind: ImageKind, file: &[u8]) -> Corpus {
    abort_on_our_panics();
    if ImageKind::sniff(file) != Some(kind) {
        return Corpus::Reject;
    }
    let size = dimensions(file);
    if let Ok(photo) = decode(file, &LIMITS) {
        let (width, height) = photo.dimensions();
        assert!(width > 0 && height > 0 && width.max(height) <= LIMITS.max_side);
        assert!(u64::from(width) * u64::from(height) <= LIMITS.max_pixels);
        let (across, down) = size.expect("what decodes has a size");
        assert!((across, down) == (width, height) || (down, across) == (width, height));
        let metadata = photo.metadata();
        for text in [&metadata.artist, &metadata.copyright, &metadata.credit].into_iter().flatten() {
            assert!(!text.is_empty() && !text.chars().any(char::is_control), "{text:?}");
        }
        assert!(metadata.dpi.is_none_or(|dpi| dpi.is_finite() && dpi > 0.0), "{:?}", metadata.dpi);
    }
    Corpus::Keep
}

/// The most memory of a network that is run, in bytes.
const RUN_UP_TO: usize = 32 << 20;

/// Runs a network, if it is one and small. It may be refused, and nothing else.
pub fn run(network: Result<Network, cutline_engine::Error>) {
    let Ok(network) = network else { return };
    let values = network.input().values();
    let threads = THREADS.get_or_init(|| Threads::new(NonZeroUsize::MIN).expect("a thread is started"));
    let Ok(engine) = Engine::new(network, threads.clone()) else { return };
    if engine.memory() <= RUN_UP_TO {
        engine.run(&vec![0.5; values]).expect("what is planned is run");
    }
}

static THREADS: OnceLock<Threads> = OnceLock::new();

/// A panic in somebody else's decoder becomes an error, as [`decode`] promises. One in our own code is a
/// mistake of ours, and ends the run.
fn abort_on_our_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let report = panic::take_hook();
        panic::set_hook(Box::new(move |told| {
            let ours = |file: &str| !file.contains("/registry/") && !file.starts_with("/rustc/");
            if told.location().is_none_or(|at| ours(at.file())) {
                // The fuzzer's own: it prints, and then aborts.
                report(told);
            }
        }));
    });
}
