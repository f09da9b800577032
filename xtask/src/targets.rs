//! The test targets that need a set-up, found in the manifests: those with `test = false`.

use std::process::{Command, ExitCode};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::root;

/// cargo itself.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// The names of the workspace's test targets that plain `cargo test` leaves out, in order.
pub(crate) fn with_set_up() -> Result<Vec<String>> {
    let output = cargo()
        .args(["metadata", "--format-version", "1", "--no-deps", "--locked"])
        .output()
        .context("running cargo metadata")?;
    ensure!(output.status.success(), "cargo metadata failed:\n{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).context("reading cargo metadata")?;
    let mut names: Vec<String> = list(&metadata["packages"])
        .flat_map(|package| list(&package["targets"]))
        .filter(|target| target["test"] == false && list(&target["kind"]).any(|kind| kind == "test"))
        .filter_map(|target| Some(target["name"].as_str()?.to_owned()))
        .collect();
    names.sort();
    Ok(names)
}

/// `cargo xtask targets`.
pub(crate) fn print() -> Result<ExitCode> {
    let names = with_set_up()?;
    println!("{}", names.iter().map(|name| format!("--test {name}")).collect::<Vec<_>>().join(" "));
    Ok(ExitCode::SUCCESS)
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}
