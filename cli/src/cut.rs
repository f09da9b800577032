//! `cutline cut`: photographs in, cut-outs out, without a server. One output a picture, named by its stem.

mod budget;
mod plan;

use std::fs;
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::Context;
use clap::ValueEnum;
use cutline_core::{Channels, OutputFormat};
use cutline_imaging::{Imaging, decode, memory_needed};
use indicatif::{ProgressBar, ProgressStyle};

use crate::models::FolderArgs;
use crate::{machine, pipeline};
use budget::Budget;
use plan::Item;

/// The largest file that is read, in bytes: more than 50 megapixels take in any format.
const LARGEST: u64 = 500_000_000;

/// Cut out photographs, without a server.
///
/// Reads JPEG, PNG and WebP. Of a folder, the pictures that lie in it are taken, not those in its
/// subfolders. Each becomes one file in the output folder with the same name and the format's ending; two
/// whose results would have the same name are refused before anything is done.
/// Ends with 0 if every picture was cut out, else with 1 after listing those that were not, and why.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct CutArgs {
    /// Photographs, or folders of them.
    #[arg(required = true, value_name = "FILE|DIR")]
    inputs: Vec<PathBuf>,

    /// Where the results go; made if there is no such folder.
    #[arg(short, long = "output", value_name = "DIR")]
    output: PathBuf,

    /// What is made: `background` is the subject with soft edges on transparency.
    #[arg(long, default_value = "background", value_name = "MODE")]
    mode: ModeArg,

    /// The format of the results. A jpg has no transparency: there the subject lies on white.
    #[arg(long, default_value = "png", value_name = "FORMAT")]
    format: FormatArg,

    /// What of the results is written: colours and alpha, or alpha alone as a grey picture.
    #[arg(long, default_value = "rgba", value_name = "CHANNELS")]
    channels: ChannelsArg,

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
  cutline cut photo.jpg -o masks --channels alpha      the matte alone";

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ModeArg {
    Background,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum FormatArg {
    Png,
    #[value(alias = "jpeg")]
    Jpg,
    Webp,
}

impl From<FormatArg> for OutputFormat {
    fn from(format: FormatArg) -> Self {
        match format {
            FormatArg::Png => Self::Png,
            FormatArg::Jpg => Self::Jpeg,
            FormatArg::Webp => Self::Webp,
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ChannelsArg {
    Rgba,
    Alpha,
}

impl From<ChannelsArg> for Channels {
    fn from(channels: ChannelsArg) -> Self {
        match channels {
            ChannelsArg::Rgba => Self::Rgba,
            ChannelsArg::Alpha => Self::Alpha,
        }
    }
}

/// Runs the command. Ends with a failure if any picture was not cut out.
pub(crate) fn run(args: CutArgs) -> anyhow::Result<ExitCode> {
    let CutArgs { inputs, output, mode: ModeArg::Background, format, channels, force, threads, jobs, models } = args;
    let task = Task { format: format.into(), channels: channels.into(), force };
    let items = plan::plan(&inputs, &output, task.format.extension())?;
    fs::create_dir_all(&output).with_context(|| format!("the folder {} cannot be made", output.display()))?;

    let imaging = pipeline::load(&models.folder()?, threads.unwrap_or_else(machine::threads))?;
    // Asked once the networks are loaded: what is free now is for pictures.
    let budget = Budget::new(machine::free_memory());
    let jobs = jobs.map_or(machine::processors().min(2), NonZeroUsize::get).min(items.len());
    let failures = all(&items, jobs, |item| one(&imaging, item, &task, &budget));
    Ok(report(items.len(), &failures))
}

/// What is done to every picture.
struct Task {
    format: OutputFormat,
    channels: Channels,
    force: bool,
}

/// A picture that was not cut out, and why.
struct Failure<'a> {
    source: &'a Path,
    reason: anyhow::Error,
}

/// Does `work` on every item, `jobs` at once, with a progress bar. Those on which it failed, in the order of
/// the items.
fn all<'a>(items: &'a [Item], jobs: usize, work: impl Fn(&Item) -> anyhow::Result<()> + Sync) -> Vec<Failure<'a>> {
    let bar = progress_bar(items.len());
    let next = AtomicUsize::new(0);
    let failures = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                while let Some((index, item)) = take(&next, items) {
                    bar.set_message(item.source.file_name().unwrap_or_default().to_string_lossy().into_owned());
                    // One picture that brings a bug to light is not to cost the others.
                    let done = catch_unwind(AssertUnwindSafe(|| work(item)))
                        .unwrap_or_else(|_| Err(anyhow::anyhow!("a fault of Cutline's own; please report it")));
                    if let Err(reason) = done {
                        let failure = (index, Failure { source: &item.source, reason });
                        failures.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).push(failure);
                    }
                    bar.inc(1);
                }
            });
        }
    });
    bar.finish_and_clear();
    let mut failures = failures.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
    failures.sort_by_key(|(index, _)| *index);
    failures.into_iter().map(|(_, failure)| failure).collect()
}

fn take<'a>(next: &AtomicUsize, items: &'a [Item]) -> Option<(usize, &'a Item)> {
    let index = next.fetch_add(1, Ordering::Relaxed);
    Some((index, items.get(index)?))
}

fn one(imaging: &Imaging, item: &Item, task: &Task, budget: &Budget) -> anyhow::Result<()> {
    // Asked before the work, and once more by the write itself: somebody may put a file there meanwhile.
    if !task.force && item.target.try_exists()? {
        anyhow::bail!("{} is there already; --force writes over it", item.target.display());
    }
    let source = read(&item.source)?;
    let (width, height) = decode::dimensions(&source)?;
    let _share = budget.take(memory_needed(width, height));
    let made = imaging.cut_out(&source, task.format, task.channels)?;
    write(&item.target, &made.bytes, task.force)
}

/// Reads a file, if it is one and not larger than any picture is.
fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let data = fs::metadata(path).context("cannot be read")?;
    anyhow::ensure!(data.is_file(), "is not a file");
    anyhow::ensure!(data.len() <= LARGEST, "is larger than {} MB", LARGEST / 1_000_000);
    fs::read(path).context("cannot be read")
}

/// Writes a file that is there whole or not at all, also where the process is killed.
fn write(target: &Path, bytes: &[u8], force: bool) -> anyhow::Result<()> {
    let written = (|| {
        let folder = target.parent().unwrap_or(Path::new("."));
        let mut builder = tempfile::Builder::new();
        builder.prefix(".cutline-");
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let mut file = builder.tempfile_in(folder)?;
        file.write_all(bytes)?;
        let placed = if force { file.persist(target) } else { file.persist_noclobber(target) };
        placed.map(drop).map_err(|error| error.error)
    })();
    match written {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            anyhow::bail!("{} is there already; --force writes over it", target.display())
        }
        other => other.with_context(|| format!("{} cannot be written", target.display())),
    }
}

fn report(count: usize, failures: &[Failure<'_>]) -> ExitCode {
    let done = count - failures.len();
    if failures.is_empty() {
        eprintln!("{done} cut out");
        return ExitCode::SUCCESS;
    }
    eprintln!("{done} cut out, {} not:", failures.len());
    for Failure { source, reason } in failures {
        eprintln!("  {}: {reason:#}", source.display());
    }
    ExitCode::FAILURE
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

    fn items(count: usize) -> Vec<Item> {
        (0..count).map(|at| Item { source: at.to_string().into(), target: PathBuf::new() }).collect()
    }

    #[test]
    fn failures_and_panics_are_told_in_order_and_stop_nothing() {
        let items = items(20);
        let done = AtomicUsize::new(0);
        let failures = all(&items, 4, |item| {
            done.fetch_add(1, Ordering::SeqCst);
            match item.source.to_str() {
                Some("3") => panic!("a picture that brings a bug to light"),
                Some("1" | "17") => anyhow::bail!("no"),
                _ => Ok(()),
            }
        });
        assert_eq!(done.load(Ordering::SeqCst), 20);
        let sources: Vec<_> = failures.iter().map(|failure| failure.source.to_str()).collect();
        assert_eq!(sources, [Some("1"), Some("3"), Some("17")]);
        assert!(failures[1].reason.to_string().contains("report"));
    }

    #[test]
    fn a_result_is_written_over_only_if_told_to_and_leaves_nothing_else() {
        let folder = tempfile::tempdir().expect("a folder");
        let target = folder.path().join("a.png");
        write(&target, b"one", false).expect("is written");
        let error = write(&target, b"two", false).expect_err("is refused");
        assert!(error.to_string().contains("--force"), "{error}");
        assert_eq!(fs::read(&target).expect("is there"), b"one");
        write(&target, b"two", true).expect("is written");
        assert_eq!(fs::read(&target).expect("is there"), b"two");
        assert_eq!(fs::read_dir(folder.path()).expect("is a folder").count(), 1);
    }

    #[test]
    fn what_is_no_file_is_not_read() {
        let error = read(Path::new("/dev/zero")).expect_err("it has no end");
        assert!(error.to_string().contains("is not a file"), "{error}");
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("large.png");
        fs::File::create(&path).and_then(|file| file.set_len(LARGEST + 1)).expect("is made");
        let error = read(&path).expect_err("is refused");
        assert!(error.to_string().contains("larger than 500 MB"), "{error}");
    }

    #[test]
    fn a_folder_that_cannot_be_written_to_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let error = write(&folder.path().join("none/a.png"), b"x", false).expect_err("is refused");
        assert!(error.to_string().contains("cannot be written"), "{error}");
    }
}
