//! Which crate may be linked into which, as ARCHITECTURE.md has it, asked of cargo itself.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

/// The names of everything that ends up in `package`'s programs, itself included.
fn linked_into(package: &str) -> BTreeSet<String> {
    tree(package, &[])
}

/// The names of what `package` itself asks for.
fn asked_for_by(package: &str) -> BTreeSet<String> {
    tree(package, &["--depth", "1"])
}

fn tree(package: &str, more: &[&str]) -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--package", package, "--edges", "normal", "--prefix", "none"])
        .args(["--no-dedupe", "--format", "{p}"])
        .args(more)
        .current_dir(root)
        .output()
        .expect("cargo tree runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("cargo prints UTF-8");
    let names: BTreeSet<String> = text.lines().filter_map(|line| Some(line.split(' ').next()?.to_owned())).collect();
    assert!(names.contains(package), "cargo tree does not show {package} itself: {text}");
    names
}

/// That `package` links nothing whose name begins with one of `forbidden`.
#[track_caller]
fn links_none_of(package: &str, forbidden: &[&str]) {
    let found: Vec<_> =
        linked_into(package).into_iter().filter(|name| forbidden.iter().any(|start| name.starts_with(start))).collect();
    assert!(found.is_empty(), "{package} links {found:?}");
}

const AWS: &[&str] = &["aws-", "aws_", "cutline-aws", "lambda_", "serde_dynamo"];
const NETWORK: &[&str] = &["axum", "hyper", "reqwest", "cutline-http"];
const STORES: &[&str] = &["rusqlite", "libsqlite3", "cutline-local"];
const PICTURES: &[&str] = &["cutline-imaging", "cutline-engine", "rten", "image", "webp", "zune"];

#[test]
fn the_domain_knows_no_pictures_no_network_and_no_store() {
    links_none_of("cutline-core", &[AWS, NETWORK, STORES, PICTURES].concat());
}

#[test]
fn the_engine_knows_nothing_of_pictures_or_jobs() {
    let pictures = ["cutline-imaging", "cutline-core", "image", "webp", "zune"];
    links_none_of("cutline-engine", &[AWS, NETWORK, STORES, &pictures, &["tokio"]].concat());
    assert!(!linked_into("cutline-engine").contains("rten"), "the engine runs what it knows by itself");
}

#[test]
fn imaging_is_synchronous_and_knows_no_network_and_no_store() {
    links_none_of("cutline-imaging", &[AWS, NETWORK, STORES].concat());
    // The domain's use cases bring a runtime along; nothing in imaging may come to use it.
    let asked_for = asked_for_by("cutline-imaging");
    for asynchronous in ["tokio", "futures", "async-trait"] {
        assert!(!asked_for.contains(asynchronous), "cutline-imaging depends on {asynchronous}");
    }
}

#[test]
fn http_knows_no_pictures_and_no_store() {
    links_none_of("cutline-http", &[AWS, STORES, PICTURES].concat());
}

#[test]
fn the_adapters_know_neither_pictures_nor_each_other() {
    links_none_of("cutline-aws", &[STORES, PICTURES, &["axum", "cutline-http"]].concat());
    links_none_of("cutline-local", &[AWS, NETWORK, PICTURES].concat());
}

#[test]
fn the_small_functions_link_no_engine() {
    for package in ["cutline-upload", "cutline-status", "cutline-sweep"] {
        links_none_of(package, &[PICTURES, STORES].concat());
    }
    links_none_of("cutline-process", STORES);
    links_none_of("cutline-sweep", &["axum", "reqwest", "cutline-http"]);
}

#[test]
fn the_command_links_no_aws_unless_it_is_asked_to() {
    links_none_of("cutline-cli", AWS);
    assert!(tree("cutline-cli", &["--features", "aws"]).contains("cutline-aws"), "the feature brings nothing");
}

#[test]
fn only_process_and_the_command_wire_the_pipeline_in() {
    for package in ["cutline-process", "cutline-cli"] {
        assert!(linked_into(package).contains("cutline-imaging"), "{package} has no pipeline");
    }
}
