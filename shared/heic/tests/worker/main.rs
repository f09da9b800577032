//! HEIC in a real image worker: libheif was started before the worker gave up its rights, and needs none afterwards.

use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::sync::Arc;

use bytes::Bytes;
use cutline_core::ports::{EncodedPicture, ImageWorkers, Pipeline, PipelineInput, PipelineOutput, Progress};
use cutline_core::{Confidence, Fault, Mode, Variation, Warnings};
use cutline_heic::Libheif;
use cutline_imaging::Limits;
use cutline_imaging::decode::Decoding;
use cutline_worker::{ChildArgs, MemoryBudget, PoolSettings, RunLimits, SUBCOMMAND, WorkerCommand, WorkerPool, child};
use libtest_mimic::{Arguments, Failed, Trial};

/// The memory that a run may take, in bytes: as for a small photo without networks.
const NEEDED: u64 = 256 << 20;
const GRID: &[u8] = include_bytes!("../data/grid.heic");
const ALPHA: &[u8] = include_bytes!("../data/alpha.heic");

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some(SUBCOMMAND) {
        let args = ChildArgs { models: "none".into(), threads: NonZeroUsize::MIN, log: "warn".to_owned() };
        return child::run(&args, |_| {
            let heic: Arc<Libheif> = Arc::new(Libheif::start().map_err(|error| error.to_string())?);
            Ok::<_, String>(Decoder(Decoding { limits: Limits::default(), heic: Some(heic) }))
        });
    }
    let trials = vec![
        Trial::test("decodes_in_a_confined_worker", decodes_in_a_confined_worker),
        Trial::test("a_worker_survives_damaged_files", a_worker_survives_damaged_files),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// A pipeline that returns the decoded colors.
struct Decoder(Decoding);

impl Pipeline for Decoder {
    fn run(&self, input: &PipelineInput, _: &Progress<'_>) -> Result<PipelineOutput, Fault> {
        let photo = self.0.decode(&input.source)?;
        let (width, height) = photo.dimensions();
        let format = input.file(Variation::Background).0.encoded().ok_or_else(no_format)?.into();
        let bytes = Bytes::copy_from_slice(photo.color().as_raw());
        Ok(PipelineOutput {
            pictures: vec![EncodedPicture { variation: Variation::Background, format, bytes, width, height }],
            final_picture: Variation::Background,
            assets: Vec::new(),
            confidence: Confidence::nearest(0.5),
            crop_box: None,
            attention: Vec::new(),
            pixel_check: None,
            warnings: Warnings::new(),
            ignored: Vec::new(),
        })
    }

    fn memory_needed(&self, _: &PipelineInput) -> u64 {
        NEEDED
    }

    fn version(&self) -> &str {
        "decoder"
    }
}

fn no_format() -> Fault {
    Fault::fail(cutline_core::FailureCode::Internal, "no format")
}

/// Width, height and the file of a decoded picture.
type Decoded = (u32, u32, Bytes);

/// The decoded size and colors of files, one after the other in one worker.
fn decode(files: Vec<Vec<u8>>) -> Result<Vec<Result<Decoded, Fault>>, Failed> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(async {
        let command = WorkerCommand::new(std::env::current_exe()?, [SUBCOMMAND]);
        // Without a limit: the results that are kept below hold their share of it.
        let budget = MemoryBudget::new(None);
        let pool = WorkerPool::start(PoolSettings { command, workers: 1, budget, limits: RunLimits::default() });
        let pool = pool.await.map_err(|error| error.to_string())?;
        let owner = "shop".parse().map_err(|_| "a name")?;
        let mut results = Vec::new();
        for file in files {
            let output = pool.run(&owner, PipelineInput::new(file, Mode::Background), &|_, _| {}).await;
            results.push(output.map(|mut output| {
                let picture = output.pictures.remove(0);
                (picture.width, picture.height, picture.bytes)
            }));
        }
        Ok(results)
    })
}

fn decodes_in_a_confined_worker() -> Result<(), Failed> {
    for (file, result) in [GRID, ALPHA].into_iter().zip(decode(vec![GRID.to_vec(), ALPHA.to_vec()])?) {
        let (width, height, colors) = result.map_err(|fault| format!("{fault:?}"))?;
        let here = Decoding { limits: Limits::default(), heic: Some(Arc::new(Libheif::start()?)) }.decode(file)?;
        assert_eq!((width, height), here.dimensions());
        assert_eq!(&colors[..], &here.color().as_raw()[..]);
    }
    Ok(())
}

fn a_worker_survives_damaged_files() -> Result<(), Failed> {
    let mut files: Vec<Vec<u8>> = (0..40).map(|part| GRID[..GRID.len() * part / 40].to_vec()).collect();
    files.push(GRID.to_vec());
    let results = decode(files)?;
    assert!(results.iter().filter(|result| result.is_err()).count() >= 30);
    assert!(results.last().is_some_and(Result::is_ok), "the whole file still decodes");
    Ok(())
}
