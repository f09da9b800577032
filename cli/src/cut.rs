//! `cutline cut`: photographs in, cut-outs out, without a server. One output a picture, named by its stem; of a
//! parameter set, a folder a picture.

mod backdrop;
mod plan;
mod report;
mod settings;
mod work;

use std::fs;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::Context;
use cutline_core::ParamSet;
use indicatif::{ProgressBar, ProgressStyle};

use crate::memory_budget::MemoryBudget;
use crate::models::FolderArgs;
use crate::pipeline::BudgetedPipeline;
use crate::{machine, pipeline};
use plan::Item;
use report::{Done, Report};
use settings::Settings;
use work::Task;

/// Cut out photographs, without a server.
///
/// Reads JPEG, PNG, WebP, GIF, AVIF, TIFF, PSD and SVG. Of a folder, the pictures that lie in it are taken,
/// not those in its subfolders. Each becomes one file in the output folder with the same name and the format's
/// ending, or with --params a folder with a file for each variation; two whose results would have the same name are refused before anything is done.
///
/// A picture whose result is there already is passed over, so a folder that was interrupted is gone on with by
/// the same command. Warnings are told at the end, and which cuts a person should look at.
/// Ends with 0 if every picture has its result, else with 1 after listing those that have none, and why.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct CutArgs {
    /// Photographs, or folders of them.
    #[arg(required = true, value_name = "FILE|DIR")]
    inputs: Vec<PathBuf>,

    /// Where the results go; made if there is no such folder.
    #[arg(short, long = "output", value_name = "DIR")]
    output: PathBuf,

    #[command(flatten)]
    settings: Settings,

    /// Write over results that are there already. Sources are never written over.
    #[arg(long)]
    force: bool,

    /// Threads that the networks run on. [default: one for each processor]
    #[arg(long, env = "CUTLINE_THREADS", value_name = "N", hide_default_value = true)]
    threads: Option<NonZeroUsize>,

    /// Pictures that are worked on at once, if memory allows. [default: 2, or 1 with one processor]
    #[arg(long, value_name = "N", hide_default_value = true)]
    jobs: Option<NonZeroUsize>,

    #[command(flatten)]
    models: FolderArgs,
}

const AFTER_HELP: &str = "\
Examples:
  cutline cut photo.jpg -o out                         out/photo.png
  cutline cut photos/ more/ -o out --format webp       a whole shop
  cutline cut photos/ -o out --mode clipping --format psd --path-name Freisteller
                                                       hard edges, and the clipping path in the file
  cutline cut photo.jpg -o out --mode clipping --svg   out/photo.png and the path, out/photo.svg
  cutline cut photo.jpg -o masks --channels alpha      the matte alone
  cutline cut photos/ -o out --params amazon-main      out/<photo>/compose.jpg, ready for the marketplace
  cutline cut photos/ -o out --params my-set.json      every variation of a set of yours";

/// Runs the command. Ends with a failure if any picture was not cut out.
pub(crate) fn run(args: CutArgs) -> anyhow::Result<ExitCode> {
    let CutArgs { inputs, output, settings, force, threads, jobs, models } = args;
    let wish = settings.read()?;
    let mut task = Task::new(wish, force);
    let items = plan::plan(&inputs, &output, &task.names())?;
    fs::create_dir_all(&output).with_context(|| format!("the folder {} cannot be made", output.display()))?;

    let count = items.len();
    let items: Vec<Item> = items.into_iter().filter(|item| task.has_to_make(item)).collect();
    let there = count - items.len();
    // With nothing to do, no network is fetched or loaded.
    let results = if items.is_empty() {
        Vec::new()
    } else {
        task.input.backdrop = task.input.set.as_ref().and_then(ParamSet::backdrop).map(backdrop::fetch).transpose()?;
        let imaging = pipeline::load(&models.folder()?, threads.unwrap_or_else(machine::threads))?;
        // Measured once the networks are loaded: the memory that is free now is for pictures.
        let pipeline = BudgetedPipeline::new(imaging, MemoryBudget::new(machine::free_memory()), None);
        let jobs = jobs.map_or(machine::processors().min(2), NonZeroUsize::get).min(items.len());
        all(&items, jobs, |item| work::one(&pipeline, item, &task))
    };
    let report = Report { items: &items, results: &results, there };
    eprint!("{}", report.text());
    Ok(if report.is_whole() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Does `work` on every item, `jobs` at once, with a progress bar. What became of each, in the order of the
/// items.
fn all(items: &[Item], jobs: usize, work: impl Fn(&Item) -> anyhow::Result<Done> + Sync) -> Vec<anyhow::Result<Done>> {
    let bar = progress_bar(items.len());
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                while let Some((index, item)) = take(&next, items) {
                    bar.set_message(item.source.file_name().unwrap_or_default().to_string_lossy().into_owned());
                    // One picture that brings a bug to light is not to cost the others.
                    let done = catch_unwind(AssertUnwindSafe(|| work(item)))
                        .unwrap_or_else(|_| Err(anyhow::anyhow!("a fault of Cutline's own; please report it")));
                    results.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).push((index, done));
                    bar.inc(1);
                }
            });
        }
    });
    bar.finish_and_clear();
    let mut results = results.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, done)| done).collect()
}

fn take<'a>(next: &AtomicUsize, items: &'a [Item]) -> Option<(usize, &'a Item)> {
    let index = next.fetch_add(1, Ordering::Relaxed);
    Some((index, items.get(index)?))
}

fn progress_bar(count: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {elapsed}, {eta} left  {wide_msg}");
    let bar = ProgressBar::new(count as u64).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.enable_steady_tick(Duration::from_millis(500));
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_and_panics_are_told_in_order_and_stop_nothing() {
        let items: Vec<_> =
            (0..20).map(|at| Item { source: at.to_string().into(), targets: Vec::new(), path: None }).collect();
        let done = AtomicUsize::new(0);
        let results = all(&items, 4, |item| {
            done.fetch_add(1, Ordering::SeqCst);
            match item.source.to_str() {
                Some("3") => panic!("a picture that brings a bug to light"),
                Some("1" | "17") => anyhow::bail!("no"),
                _ => Ok(Done::AlreadyThere),
            }
        });
        assert_eq!(done.load(Ordering::SeqCst), 20);
        let failed: Vec<_> = (0..20).filter(|at| results[*at].is_err()).collect();
        assert_eq!(failed, [1, 3, 17]);
        assert!(results[3].as_ref().is_err_and(|reason| reason.to_string().contains("report")));
    }
}
