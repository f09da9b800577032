//! `cutline cut`: cuts photos out without a server. Each result is named after its photo; with a parameter set, each
//! photo gets a folder.

mod backdrop;
mod batch;
mod files;
mod layout;
mod names;
mod options;
mod original;
mod outcome;
mod photo;
mod plan;
mod settings;
pub(crate) mod subject;
mod summary;

use std::fs;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use cutline_core::OwnerId;
use cutline_core::domain::kind::ImageKind;
use cutline_core::ports::ImageWorkers as _;

use crate::folders::FilterArgs;
use crate::image_workers::{self, WorkerSettings};
use crate::machine;
use crate::models::FolderArgs;

use layout::PhotoPlan;
use options::CutOptions;
use outcome::CutOutcome;
use plan::{Inputs, is_standard_stream};
use settings::SettingsArgs;
use summary::Summary;

/// Arguments of `cut`.
#[derive(Debug, clap::Args)]
#[command(about = ABOUT, long_about = long_about(), after_help = AFTER_HELP)]
pub(crate) struct CutArgs {
    /// Photos, or folders of photos with all of their subfolders; `-` for standard input.
    #[arg(required = true, value_name = "FILE|DIR")]
    inputs: Vec<PathBuf>,

    /// Folder for the results; created if missing. `-` writes one picture to standard output.
    #[arg(short, long = "output", value_name = "DIR", required_unless_present_any = ["path_only", "in_place"],
          conflicts_with_all = ["path_only", "in_place"])]
    output: Option<PathBuf>,

    #[command(flatten)]
    filter: FilterArgs,

    /// Put the results of all subfolders into the output folder itself, instead of subfolders of the same names.
    #[arg(long)]
    flat: bool,

    #[command(flatten)]
    settings: SettingsArgs,

    /// Replace existing results. Sources are never replaced.
    #[arg(long)]
    force: bool,

    #[command(flatten)]
    resources: ResourceArgs,
}

/// The share of the machine that a run uses, and its models.
#[derive(Debug, clap::Args)]
struct ResourceArgs {
    /// Threads for the models. [default: one for each processor]
    #[arg(long, env = "CUTLINE_THREADS", value_name = "N", hide_default_value = true)]
    threads: Option<NonZeroUsize>,

    /// Photos to process at the same time, if memory allows. [default: 2, or 1 with one processor]
    #[arg(long, value_name = "N", hide_default_value = true)]
    jobs: Option<NonZeroUsize>,

    #[command(flatten)]
    models: FolderArgs,
}

const ABOUT: &str = "Cut out photos, without a server";

fn long_about() -> String {
    format!(
        "{ABOUT}.\n\n\
         Supports {}. From a folder, the pictures in it and in its subfolders are taken; the results keep the \
         subfolders, unless --flat is given. Each photo becomes one file of the same name in the output folder or, with --params, a folder with a file for each \
         variation. With --output-name, or a parameter set that has one, all files are named by it. If two results would have the same name, nothing is done.\n\n\
         Photos that already have results are skipped: rerun the command to resume. Warnings, and the cuts that a \
         person should check, are listed at the end. The exit code is 0 if every photo has its results. Otherwise it \
         is 1, and the photos that failed are listed with the reasons.",
        ImageKind::listed("and")
    )
}

const AFTER_HELP: &str = "\
Examples:
  cutline cut photo.jpg -o out                         out/photo.png
  cutline cut photos/ more/ -o out --format webp       a whole shop
  cutline cut shoots/ -o out --include '*_front.*'     one angle of every shoot, in the folders of the shoots
  cutline cut - -o - < photo.jpg > cut.png             a photo from and a picture to another program
  cutline cut photos/ -o out --mode clipping --format psd --path-name Freisteller
                                                       hard edges, and the clipping path in the file
  cutline cut photo.jpg -o out --mode clipping --svg   out/photo.png, and the path in out/photo.svg
  cutline cut photos/ --path-only                      photos/<photo>-path.jpg: the photo itself, with the path
  cutline cut photos/ --in-place                       the path in the photos themselves
  cutline cut photo.jpg -o masks --channels alpha      only the matte
  cutline cut photos/ -o out --crop subject --crop-margin 5%
                                                       the subject and a little room around it
  cutline cut car.jpg -o out --hints clicks.json       without the sign behind the car
  cutline cut press/ -o out --mask-source path --params amazon-main
                                                       along the clipping paths that the photos bring
  cutline cut cup.jpg -o out --mask cup-mask.png       by a mask: white is kept, black is cut away
  cutline cut glasses/ -o out --backdrop empty.jpg     with a photo of the empty table: all that differs is subject
  cutline cut ring.jpg -o out --holes open --roi '20% 20% 80% 80%'
                                                       the ring alone, and the backdrop seen through it
  cutline cut photos/ -o out --params amazon-main      out/<photo>/compose.jpg, ready for the marketplace
  cutline cut photos/ -o out --id-pattern '(?<sku>[^_]+)_(?<shot>.+)' --output-name '{external_id}-{metadata.shot}'
                                                       out/4711-front.png of photos/4711_front.jpg
  cutline cut photos/ -o out --params my-set.json      every variation of your own set";

/// Runs the command. The exit code is a failure if any photo failed.
pub(crate) fn run(args: CutArgs, log: String) -> anyhow::Result<ExitCode> {
    let CutArgs { inputs, output, filter, flat, settings, force, resources } = args;
    // Photos that stay in their folders need no other.
    let output = output.unwrap_or_else(|| PathBuf::from("."));
    let to_stream = is_standard_stream(&output);
    let options = CutOptions::new(settings.into_request()?, force).writing_to_stream(to_stream);
    let inputs = Inputs { paths: inputs, filter, is_flat: flat };
    let planned = plan::plan_photos(&inputs, &output, &options.layout())?;
    if options.has_mask() {
        refuse_several_photos(&planned)?;
    }
    if to_stream {
        refuse_several_pictures(&planned)?;
    } else {
        fs::create_dir_all(&output).with_context(|| format!("cannot create {}", output.display()))?;
    }

    let total = planned.len();
    let photos: Vec<PhotoPlan> = planned.into_iter().filter(|photo| options.needs_work(photo)).collect();
    let skipped = total - photos.len();
    // Without work, no model is fetched or loaded.
    let outcomes = if photos.is_empty() { Vec::new() } else { cut_out_all(&photos, options, &resources, log)? };
    let summary = Summary { photos: &photos, outcomes: &outcomes, skipped };
    eprint!("{}", summary.text());
    Ok(if summary.is_success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A mask is that of one photo.
fn refuse_several_photos(photos: &[PhotoPlan]) -> anyhow::Result<()> {
    let count = photos.len();
    anyhow::ensure!(
        count == 1,
        "--mask is the mask of one photo, and there are {count}; run the command for each photo with its own mask"
    );
    Ok(())
}

/// Standard output takes one picture.
fn refuse_several_pictures(photos: &[PhotoPlan]) -> anyhow::Result<()> {
    let results = photos.iter().flat_map(PhotoPlan::results).count();
    anyhow::ensure!(
        results == 1,
        "standard output takes one file, and {results} would be written; name one photo, without --params and --svg"
    );
    Ok(())
}

fn cut_out_all(
    photos: &[PhotoPlan],
    mut options: CutOptions,
    resources: &ResourceArgs,
    log: String,
) -> anyhow::Result<Vec<anyhow::Result<CutOutcome>>> {
    if let Some(image) = options.backdrop_url().map(backdrop::fetch).transpose()? {
        options.set_backdrop(image);
    }
    let threads = resources.threads.unwrap_or_else(machine::threads);
    let jobs = resources.jobs.map_or(machine::processors().min(2), NonZeroUsize::get).min(photos.len());
    let workers = NonZeroUsize::new(jobs).unwrap_or(NonZeroUsize::MIN);
    let settings = WorkerSettings { models: resources.models.folder()?, workers, threads, log, reserved_memory: 0 };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let pool = runtime.block_on(image_workers::start(settings))?;
    let owner: OwnerId = "local".parse()?;
    let make = |input| runtime.block_on(pool.run(&owner, input, &|_, _| {}));
    Ok(batch::run_all(photos, jobs, |photo| photo::cut_out(&make, photo, &options)))
}
