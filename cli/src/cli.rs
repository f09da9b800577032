//! The command line.

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, Parser, Subcommand};
use cutline_worker::{ChildArgs, SUBCOMMAND};

use crate::backup::{BackupArgs, RestoreArgs};
use crate::batch::BatchArgs;
use crate::cut::CutArgs;
use crate::doctor::DoctorArgs;
use crate::jobs::JobsCommand;
use crate::keys::KeysCommand;
use crate::logs::LogFormat;
use crate::models::ModelsCommand;
use crate::owners::OwnersCommand;
use crate::serve::ServeArgs;

/// Product photos in, cut-outs out: the Cutline image API on one machine.
#[derive(Debug, Parser)]
#[command(name = "cutline", version, max_term_width = 100, after_help = AFTER_HELP)]
pub(crate) struct Cli {
    /// Filter of the log on standard error, for example `warn` or `info,cutline_core=debug`.
    /// [default: info; warn for `batch`, `cut`, `doctor`, `jobs`, `keys` and `owners`]
    #[arg(long, global = true, env = "CUTLINE_LOG", hide_env_values = true, value_name = "FILTER")]
    log: Option<String>,

    /// Form of the log on standard error: lines for people, or one JSON object an event.
    #[arg(
        long,
        global = true,
        env = "CUTLINE_LOG_FORMAT",
        hide_env_values = true,
        default_value = "text",
        value_name = "FORMAT"
    )]
    pub(crate) log_format: LogFormat,

    #[command(subcommand)]
    pub(crate) command: Command,
}

impl Cli {
    /// The log filter. The events of stores are for a server's log: a command that manages records prints its result
    /// alone.
    pub(crate) fn log_filter(&self) -> String {
        let default = match self.command {
            Command::Batch(_) | Command::Doctor(_) | Command::Jobs(_) | Command::Keys(_) | Command::Owners(_) => "warn",
            // Its summary says what was wrong with each photo, once.
            Command::Cut(_) => "warn,cutline_imaging=off,cutline_worker=off",
            _ => "info",
        };
        self.log.clone().unwrap_or_else(|| default.to_owned())
    }
}

const AFTER_HELP: &str = "\
Examples:
  cutline serve                             the API on http://127.0.0.1:8787, ready to try
  cutline cut photos/ -o cutouts/           cut out a folder of photos, without a server
  cutline batch photos/ --set wall -o out   send a folder to a server or a deployment
  cutline keys create --owner shop-1        another API key
  cutline keys create --for-aws TABLE       the first key of a deployment on AWS
  cutline owners set shop-1 --credits +500  500 more jobs for an owner
  cutline jobs list --status failed         failed jobs, and why
  cutline backup /backups/2026-01-31        a copy of the server's data, while it runs

`cutline help COMMAND` shows the details of a command. Settings with an environment variable in
brackets can also be set there; a flag wins over its variable.";

/// The command to run.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the API server on this machine.
    Serve(ServeArgs),
    Cut(CutArgs),
    Batch(Box<BatchArgs>),
    /// Fetch, prepare and list the models.
    #[command(subcommand)]
    Models(ModelsCommand),
    /// Create, list and revoke API keys.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Show and set the credits and rate limits of owners.
    #[command(subcommand)]
    Owners(OwnersCommand),
    /// List, show, repeat, correct and delete jobs.
    #[command(subcommand)]
    Jobs(JobsCommand),
    Doctor(DoctorArgs),
    /// Back up the data folder, also while its server runs.
    Backup(BackupArgs),
    /// Restore a backup as a new data folder.
    Restore(RestoreArgs),
    /// Make pictures for a parent process. Started by `serve` and `cut`.
    #[command(name = SUBCOMMAND, hide = true)]
    ImageWorker(ChildArgs),
}

/// Parses the command line of this process. An invalid one ends the process with a message.
pub(crate) fn parse() -> Cli {
    Cli::try_parse().unwrap_or_else(|error| {
        if let Some(variable) = variable_at_fault(&error) {
            eprintln!("The environment variable {variable} has an invalid value.\n");
        }
        error.exit()
    })
}

/// The environment variable that holds the rejected value. Clap's message names only the flag.
fn variable_at_fault(error: &clap::Error) -> Option<String> {
    if !matches!(error.kind(), ErrorKind::ValueValidation | ErrorKind::InvalidValue) {
        return None;
    }
    let (Some(ContextValue::String(argument)), Some(ContextValue::String(value))) =
        (error.get(ContextKind::InvalidArg), error.get(ContextKind::InvalidValue))
    else {
        return None;
    };
    let flag = flag_name(argument).strip_prefix("--")?;
    let variable = variable_of(&Cli::command(), flag)?;
    let env_value = std::env::var(&variable).ok()?;
    // A flag wins over its variable: with the flag present, the value is the flag's.
    let is_from_flag =
        std::env::args_os().any(|arg| arg.to_string_lossy().split('=').next() == Some(flag_name(argument)));
    (!is_from_flag && env_value.contains(value.as_str())).then_some(variable)
}

/// `--flag` of clap's `--flag <VALUE>`.
fn flag_name(argument: &str) -> &str {
    argument.split([' ', '=']).next().unwrap_or(argument)
}

/// The environment variable of a flag, in this command or one of its subcommands.
fn variable_of(command: &clap::Command, flag: &str) -> Option<String> {
    let own = command.get_arguments().find(|arg| arg.get_long() == Some(flag)).and_then(|arg| arg.get_env());
    match own {
        Some(variable) => variable.to_str().map(str::to_owned),
        None => command.get_subcommands().find_map(|command| variable_of(command, flag)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clap_accepts_the_definition_of_the_command_line() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_has_a_description_of_its_own() {
        let command = Cli::command();
        let about = |name: &str| {
            let command = command.find_subcommand(name).unwrap_or_else(|| panic!("no command {name}"));
            command.get_about().unwrap_or_else(|| panic!("{name} has no description")).to_string()
        };
        // The derive macro gives a command the description of the last flattened group of arguments, unless it has one.
        assert!(about("batch").starts_with("Send many pictures"), "{}", about("batch"));
        assert!(about("cut").starts_with("Cut out photos"), "{}", about("cut"));
        assert!(about("doctor").starts_with("Look for faults"), "{}", about("doctor"));
        assert!(about("jobs").starts_with("List, show, repeat, correct and delete"), "{}", about("jobs"));
    }

    #[test]
    fn examples_keep_a_space_before_their_description() {
        let examples: Vec<_> = AFTER_HELP.lines().filter(|line| line.starts_with("  cutline ")).collect();
        let columns: Vec<_> = examples.iter().map(|line| line.trim_start().find("  ")).collect();
        assert!(columns.len() > 5 && columns.iter().all(Option::is_some), "{examples:?}");
    }

    #[test]
    fn every_setting_of_serve_has_an_environment_variable() {
        let command = Cli::command();
        for flag in [
            "listen",
            "data",
            "watch",
            "workers",
            "stop-grace-seconds",
            "threads",
            "public-url",
            "retention-days",
            "models",
            "log",
            "log-format",
            "metrics-address",
        ] {
            let variable = variable_of(&command, flag).unwrap_or_else(|| panic!("--{flag} has no variable"));
            assert!(variable.starts_with("CUTLINE_"), "{variable}");
        }
    }
}
