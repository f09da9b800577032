//! `cutline backup` and `cutline restore`: the data folder of `serve`, copied and put back.

use std::path::PathBuf;

use clap::Args;
use cutline_local::{BackupProgress, back_up, restore};
use indicatif::{HumanBytes, ProgressBar, ProgressStyle};

use crate::data::DataArgs;

/// Arguments of `backup`.
#[derive(Debug, Args)]
#[command(after_help = "\
The backup is a folder: a snapshot of the database, the sources and results of its jobs, the secret
that signs links, and a manifest.json with every file's size and SHA-256. It contains everything that
is needed to continue elsewhere, except for the models and a watched folder. Keep it as safe as the
data folder.

Examples:
  cutline backup /backups/cutline-$(date +%F)
  cutline backup /backups/cutline --data /srv/cutline")]
pub(crate) struct BackupArgs {
    /// Folder to create for the backup. It must not exist, or must be empty.
    target: PathBuf,

    #[command(flatten)]
    data: DataArgs,
}

/// Arguments of `restore`.
#[derive(Debug, Args)]
#[command(after_help = "\
The data folder must not exist, or must be empty, and no server may use it. Every file is checked
against the backup's manifest.json. The data folder appears only once it is complete. A server that starts in it resumes all jobs that were unfinished when the backup was taken.

Example:
  cutline restore /backups/cutline-2026-01-31 --data /srv/cutline")]
pub(crate) struct RestoreArgs {
    /// Folder of the backup.
    source: PathBuf,

    #[command(flatten)]
    data: DataArgs,
}

/// Runs `backup`.
pub(crate) fn run_backup(args: &BackupArgs) -> anyhow::Result<()> {
    let (data, mut bars) = (args.data.folder()?, Bars::new("jobs"));
    let taken = back_up(&data, &args.target, &mut |progress| bars.show(progress))?;
    bars.finish();
    println!(
        "Backed up {} jobs and {} keys of {}: {} files, {} in {}",
        taken.jobs,
        taken.keys,
        data.display(),
        taken.files,
        HumanBytes(taken.bytes),
        args.target.display()
    );
    if taken.missing > 0 {
        eprintln!(
            "{} files were removed while the backup was taken, because their jobs expired; manifest.json lists them.",
            taken.missing
        );
    }
    Ok(())
}

/// Runs `restore`.
pub(crate) fn run_restore(args: &RestoreArgs) -> anyhow::Result<()> {
    let (data, mut bars) = (args.data.folder()?, Bars::new("files"));
    let restored = restore(&args.source, &data, &mut |progress| bars.show(progress))?;
    bars.finish();
    println!(
        "Restored {} jobs and {} keys to {}: {} files, {}, taken at {} by Cutline {}",
        restored.jobs,
        restored.keys,
        data.display(),
        restored.files,
        HumanBytes(restored.bytes),
        restored.taken_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        restored.version
    );
    if restored.missing > 0 {
        eprintln!("The backup lacks {} files of expired jobs; its manifest.json lists them.", restored.missing);
    }
    Ok(())
}

/// The progress bar of each part.
struct Bars {
    /// What the second part counts.
    unit: &'static str,
    database: Option<ProgressBar>,
    files: Option<ProgressBar>,
}

impl Bars {
    fn new(unit: &'static str) -> Self {
        Self { unit, database: None, files: None }
    }

    fn show(&mut self, progress: BackupProgress) {
        let (bar, unit, done, total) = match progress {
            BackupProgress::Database { done, total } => (&mut self.database, "pages of the database", done, total),
            BackupProgress::Files { done, total } => (&mut self.files, self.unit, done, total),
        };
        let bar = bar.get_or_insert_with(|| {
            let style = ProgressStyle::with_template("{bar:30} {human_pos}/{human_len} {msg} {elapsed}");
            let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
            ProgressBar::new(total).with_message(unit).with_style(style)
        });
        bar.set_length(total);
        bar.set_position(done);
    }

    fn finish(self) {
        for bar in self.database.into_iter().chain(self.files) {
            bar.finish_and_clear();
        }
    }
}
