//! The minimum Rust version that Cargo.toml promises. Clippy's `incompatible_msrv` lint checks the workspace's own code
//! against it; this checks the dependencies.

use serde_json::Value;

use crate::metadata::{list, metadata};

fn version(text: &str) -> Vec<u32> {
    let mut numbers: Vec<u32> = text.split('.').map(|number| number.parse().expect("a version number")).collect();
    numbers.resize(3, 0);
    numbers
}

#[test]
fn no_dependency_needs_a_newer_rust_than_the_workspace_promises() {
    let metadata = metadata(&["--all-features"]);
    let rust_version = |package: &Value| Some(version(package["rust_version"].as_str()?));
    let ours = list(&metadata["packages"]).find(|package| package["name"] == "cutline-core").and_then(rust_version);
    let promised = ours.expect("cutline-core inherits the workspace's rust-version");
    let newer: Vec<String> = list(&metadata["packages"])
        .filter(|package| rust_version(package).is_some_and(|needed| needed > promised))
        .map(|package| format!("{} {} needs Rust {}", package["name"], package["version"], package["rust_version"]))
        .collect();
    assert!(newer.is_empty(), "the workspace promises Rust {promised:?}: {}", newer.join(", "));
}
