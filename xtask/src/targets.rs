//! The test targets that need preparation: those with `test = false` in their manifests.

use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::workspace::cargo;

/// The names of the test targets that plain `cargo test` leaves out, sorted.
pub(crate) fn needing_preparation() -> Result<Vec<String>> {
    let output = cargo()
        .args(["metadata", "--format-version", "1", "--no-deps", "--locked"])
        .output()
        .context("cannot run cargo metadata")?;
    ensure!(output.status.success(), "cargo metadata failed:\n{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).context("cannot read cargo metadata")?;
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
    let names = needing_preparation()?;
    println!("{}", names.iter().map(|name| format!("--test {name}")).collect::<Vec<_>>().join(" "));
    Ok(ExitCode::SUCCESS)
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}
