//! Reads settings from environment variables.

use std::collections::BTreeSet;
use std::error::Error as _;
use std::ffi::OsStr;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command, CommandFactory, Parser};

use super::sam_local;

/// A setting that is missing or invalid. The text names its environment variable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// Required variables are unset or empty.
    #[error("missing settings: {}; set these environment variables", .variables.join(", "))]
    Missing {
        /// Their names.
        variables: Vec<String>,
    },
    /// A variable's value is not valid.
    #[error("invalid setting: {variable} is {value:?}; set it to {expected}")]
    Invalid {
        /// Its name.
        variable: String,
        /// The value it has.
        value: String,
        /// The values it may have.
        expected: String,
    },
}

/// Reads the settings of a function from the process's environment. A variable that is empty or not UTF-8 counts as
/// unset.
///
/// # Errors
/// [`ConfigError`] if a variable is missing or invalid.
pub fn from_env<T: Parser>() -> Result<T, ConfigError> {
    read(|variable| std::env::var(variable).ok())
}

/// The names of the environment variables that set up a function. Those that Lambda sets itself are left out.
pub fn variables<T: CommandFactory>() -> BTreeSet<String> {
    let command = T::command();
    let declared = command.get_arguments().filter_map(Arg::get_env).filter_map(OsStr::to_str);
    declared.filter(|name| !name.starts_with("AWS_")).map(str::to_owned).collect()
}

/// Reads settings from `lookup`, which maps a variable to its value. `clap` declares and parses the variables, but
/// does not read them itself: it would take an empty variable for a value, and tests would have to change the
/// process's environment. What `sam local` sets is translated.
pub(super) fn read<T: Parser>(lookup: impl Fn(&str) -> Option<String>) -> Result<T, ConfigError> {
    let command = T::command();
    let is_sam_local = sam_local::is_active(&lookup);
    let option = |argument: &Arg| {
        let variable = argument.get_env()?.to_str()?;
        let value = lookup(variable).filter(|value| !value.is_empty())?;
        let value = if is_sam_local { sam_local::translate(variable, value, &lookup) } else { value };
        Some(format!("--{}={value}", argument.get_long()?))
    };
    let options: Vec<_> = command.get_arguments().filter_map(option).collect();
    let parser = command.clone().no_binary_name(true).mut_args(|argument| argument.env(None::<&'static str>));
    let matches = parser.try_get_matches_from(options);
    matches.and_then(|matches| T::from_arg_matches(&matches)).map_err(|error| describe(&error, &command))
}

/// The error in terms of environment variables, where `clap` speaks of options.
fn describe(error: &clap::Error, command: &Command) -> ConfigError {
    let options = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::Strings(options)) => options.clone(),
        Some(ContextValue::String(option)) => vec![option.clone()],
        _ => Vec::new(),
    };
    // Only a built command can name its arguments as errors do.
    let mut command = command.clone();
    command.build();
    let named = |argument: &&Arg| options.contains(&argument.to_string());
    let variables = command.get_arguments().filter(named).filter_map(Arg::get_env);
    let variables: Vec<_> = variables.map(|name| name.to_string_lossy().into_owned()).collect();
    if error.kind() == ErrorKind::MissingRequiredArgument {
        return ConfigError::Missing { variables };
    }
    let value = match error.get(ContextKind::InvalidValue) {
        Some(ContextValue::String(value)) => value.clone(),
        _ => String::new(),
    };
    let expected = error.source().map_or_else(|| error.to_string(), ToString::to_string);
    ConfigError::Invalid { variable: variables.join(", "), value, expected }
}
