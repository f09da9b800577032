//! The search for files that take far more time than harmless files of the same size.
//!
//! Every file is decoded with nearly the product's limits, its metadata, its path and its masks are read as well, and the
//! processor time is measured. A file that takes longer,
//! per byte or in ratio to a harmless file, than any before sets a counter that libFuzzer takes for coverage; so it joins
//! the corpus and is mutated further. The worst ten files are kept in a folder.
//!
//! With `CUTLINE_SLOW_REPORT` set, each file is measured three times and reported on one line instead.

mod clock;
mod counters;
mod harmless;
mod svg;
mod table;

use std::env;
use std::hint::black_box;
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock};

use cutline_core::domain::kind::ImageKind;
use cutline_imaging::decode::{dimensions, layer_mask, source_metadata};
use cutline_imaging::{Limits, Photo, decode, own_path};
use libfuzzer_sys::Corpus;

use self::harmless::Harmless;
use self::table::{Entry, Table};

/// The product's limits, but for pixels: large pictures take long because they are large.
const LIMITS: Limits = Limits { max_pixels: 4_400_000, max_side: 65_535, max_alloc: 512 << 20 };
/// Measurements of a file that appears to be among the worst. The fastest counts.
const CONFIRMATIONS: usize = 2;

/// The kind to search, by the environment.
fn kind() -> ImageKind {
    let name = env::var("CUTLINE_SLOW_KIND").expect("CUTLINE_SLOW_KIND names a kind");
    let is_meant = |kind: &ImageKind| kind.name().eq_ignore_ascii_case(&name);
    ImageKind::ALL.into_iter().find(is_meant).expect("CUTLINE_SLOW_KIND is a kind of image")
}

struct Search {
    kind: ImageKind,
    harmless: Harmless,
    table: Mutex<Table>,
    /// Processor time after which the search ends, in nanoseconds.
    end: u64,
    reports: bool,
}

impl Search {
    fn start() -> Self {
        let kind = kind();
        let folder = env::var_os("CUTLINE_SLOW_FOLDER").map(PathBuf::from).expect("CUTLINE_SLOW_FOLDER names a folder");
        let seconds: u64 = env::var("CUTLINE_SLOW_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(u64::MAX);
        Self {
            kind,
            harmless: Harmless::measure(kind),
            table: Mutex::new(Table::new(folder, kind)),
            end: seconds.saturating_mul(1_000_000_000),
            reports: env::var_os("CUTLINE_SLOW_REPORT").is_some(),
        }
    }
}

static SEARCH: OnceLock<Search> = OnceLock::new();

/// What reading a file took.
#[derive(Debug, Clone)]
struct Measured {
    nanoseconds: u64,
    pixels: u64,
    outcome: String,
}

/// Reads and measures a file.
fn measure(file: &[u8]) -> Measured {
    let start = clock::processor_time();
    let decoded = decode(file, &LIMITS);
    read_parts(file, decoded.as_ref().ok().map(Photo::dimensions));
    let nanoseconds = clock::processor_time() - start;
    let (outcome, size) = match decoded {
        Ok(photo) => ("decoded".to_owned(), Some(photo.dimensions())),
        Err(error) => (error.to_string(), None),
    };
    // A file that is refused only after its pixels were decoded may take as long as they do.
    let size = size.or_else(|| dimensions(file).ok().filter(|_| !outcome.starts_with("unsupported")));
    let pixels = size.map_or(0, |(width, height)| u64::from(width) * u64::from(height));
    Measured { nanoseconds, pixels: if pixels > LIMITS.max_pixels { 0 } else { pixels }, outcome }
}

/// Reads everything but the pixels: metadata, the masks of layers and, for a picture of this size, the path.
fn read_parts(file: &[u8], size: Option<(u32, u32)>) {
    black_box(source_metadata(file));
    // Only the time counts, also that of a part that is refused.
    let _ = black_box(layer_mask(file, &LIMITS));
    if let (Some(path), Some(size)) = (own_path::find(file), size) {
        let _ = black_box(path.matte(size));
    }
}

/// Measures one file of the search.
pub fn run(file: &[u8]) -> Corpus {
    super::abort_on_our_panics();
    let search = SEARCH.get_or_init(Search::start);
    if ImageKind::sniff(file) != Some(search.kind) {
        return Corpus::Reject;
    }
    if search.reports {
        report(search, file);
        return Corpus::Keep;
    }
    let mut measured = measure(file);
    let ratio = |measured: &Measured| measured.nanoseconds as f64 / search.harmless.nanoseconds(measured.pixels);
    let mut table = search.table.lock().expect("the table is whole");
    if table.would_keep(ratio(&measured)) {
        for _ in 0..CONFIRMATIONS {
            let again = measure(file);
            measured.nanoseconds = measured.nanoseconds.min(again.nanoseconds);
        }
        let outcome = measured.outcome.clone();
        table.add(Entry { ratio: ratio(&measured), bytes: file.len(), outcome }, file);
    }
    counters::reach(ratio(&measured), measured.nanoseconds as f64 / file.len().max(1) as f64);
    if clock::processor_time() >= search.end {
        // `cargo xtask fuzz --slow` looks for this line.
        println!("the time is up");
        clock::exit();
    }
    Corpus::Keep
}

/// Reports one file: nanoseconds, pixels, bytes of memory, ratio, and the outcome, separated by tabs.
fn report(search: &Search, file: &[u8]) {
    clock::reset_peak_memory();
    let before = clock::peak_memory();
    let measured: Vec<Measured> = (0..3).map(|_| measure(file)).collect();
    let memory = clock::peak_memory().saturating_sub(before);
    let Some(fastest) = measured.into_iter().min_by_key(|measured| measured.nanoseconds) else { return };
    let ratio = fastest.nanoseconds as f64 / search.harmless.nanoseconds(fastest.pixels);
    let Measured { nanoseconds, pixels, outcome } = fastest;
    println!("slow\t{nanoseconds}\t{pixels}\t{memory}\t{ratio}\t{}\t{outcome}", file.len());
}

/// Mutates a file: as bytes, or, an SVG, mostly by its structure.
pub fn mutate(data: &mut [u8], size: usize, max_size: usize, seed: u32) -> usize {
    let is_svg = env::var("CUTLINE_SLOW_KIND").is_ok_and(|name| name.eq_ignore_ascii_case("svg"));
    if is_svg && seed % 8 != 0 {
        svg::mutate(data, size, max_size, seed)
    } else {
        libfuzzer_sys::fuzzer_mutate(data, size, max_size)
    }
}
