//! Which crate may depend on which, as ARCHITECTURE.md says, according to `cargo tree`.

use std::collections::BTreeSet;
use std::process::Command;

use crate::metadata::root;

/// The names of all packages that `package` links, itself included.
fn linked_by(package: &str) -> BTreeSet<String> {
    tree(package, &[])
}

/// The names of the direct dependencies of `package`.
fn direct_dependencies(package: &str) -> BTreeSet<String> {
    tree(package, &["--depth", "1"])
}

fn tree(package: &str, more: &[&str]) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--package", package, "--edges", "normal", "--prefix", "none"])
        .args(["--no-dedupe", "--format", "{p}"])
        .args(more)
        .current_dir(root())
        .output()
        .expect("cargo tree runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("cargo prints UTF-8");
    let names: BTreeSet<String> = text.lines().filter_map(|line| Some(line.split(' ').next()?.to_owned())).collect();
    assert!(names.contains(package), "cargo tree does not show {package} itself: {text}");
    names
}

/// Checks that `package` links nothing whose name begins with one of `forbidden`.
#[track_caller]
fn links_none_of(package: &str, forbidden: &[&str]) {
    let found: Vec<_> =
        linked_by(package).into_iter().filter(|name| forbidden.iter().any(|start| name.starts_with(start))).collect();
    assert!(found.is_empty(), "{package} links {found:?}");
}

const AWS: &[&str] = &["aws-", "aws_", "cutline-aws", "lambda_", "serde_dynamo"];
const NETWORK: &[&str] = &["axum", "hyper", "reqwest", "cutline-http"];
const STORES: &[&str] = &["rusqlite", "libsqlite3", "cutline-local"];
const PICTURES: &[&str] = &["cutline-imaging", "cutline-engine", "rten", "image", "webp", "zune"];

#[test]
fn core_knows_no_pictures_network_or_store() {
    links_none_of("cutline-core", &[AWS, NETWORK, STORES, PICTURES].concat());
}

#[test]
fn the_engine_knows_no_pictures_or_jobs() {
    let pictures = ["cutline-imaging", "cutline-core", "image", "webp", "zune"];
    links_none_of("cutline-engine", &[AWS, NETWORK, STORES, &pictures, &["tokio"]].concat());
    assert!(!linked_by("cutline-engine").contains("rten"), "the engine links rten");
}

#[test]
fn imaging_is_synchronous_and_knows_no_network_or_store() {
    links_none_of("cutline-imaging", &[AWS, NETWORK, STORES].concat());
    // core's use cases link a runtime, so only direct dependencies count.
    let direct = direct_dependencies("cutline-imaging");
    for asynchronous in ["tokio", "futures", "async-trait"] {
        assert!(!direct.contains(asynchronous), "cutline-imaging depends on {asynchronous}");
    }
}

#[test]
fn http_knows_no_pictures_or_store() {
    links_none_of("cutline-http", &[AWS, STORES, PICTURES].concat());
}

#[test]
fn the_log_knows_no_jobs() {
    links_none_of("cutline-logs", &[AWS, NETWORK, STORES, PICTURES, &["cutline-core", "tokio"]].concat());
}

#[test]
fn the_image_workers_know_no_pictures_network_or_store() {
    links_none_of("cutline-worker", &[AWS, NETWORK, STORES, PICTURES].concat());
}

#[test]
fn the_adapters_know_neither_pictures_nor_each_other() {
    links_none_of("cutline-aws", &[STORES, PICTURES, &["axum", "cutline-http"]].concat());
    links_none_of("cutline-local", &[AWS, NETWORK, PICTURES].concat());
}

#[test]
fn the_small_functions_link_no_engine() {
    for package in ["cutline-upload", "cutline-status", "cutline-intake", "cutline-sweep"] {
        links_none_of(package, &[PICTURES, STORES].concat());
    }
    // What the doctor reads, and the sign-in of people, would only make their builds longer.
    for package in ["cutline-upload", "cutline-status", "cutline-intake", "cutline-sweep", "cutline-process"] {
        links_none_of(package, &["aws-sdk-cloudformation", "aws-sdk-lambda", "aws-sdk-sns", "aws-sdk-sso"]);
    }
    links_none_of("cutline-process", &[STORES, &["axum", "reqwest", "cutline-http"]].concat());
}

#[test]
fn the_command_links_aws_only_with_its_feature() {
    links_none_of("cutline-cli", AWS);
    assert!(
        tree("cutline-cli", &["--features", "aws"]).contains("cutline-aws"),
        "the feature `aws` does not link cutline-aws"
    );
}

#[test]
fn only_programs_with_the_feature_link_libheif() {
    let functions = ["cutline-upload", "cutline-status", "cutline-intake", "cutline-sweep"];
    for package in ["cutline-imaging", "cutline-worker", "cutline-process", "cutline-cli"].into_iter().chain(functions)
    {
        links_none_of(package, &["cutline-heic", "libheif"]);
    }
    for package in ["cutline-process", "cutline-cli"] {
        let linked = tree(package, &["--features", "heic"]);
        assert!(linked.contains("cutline-heic"), "the feature `heic` of {package} does not link cutline-heic");
    }
    links_none_of("cutline-heic", &[AWS, NETWORK, STORES].concat());
}

#[test]
fn process_and_the_command_link_the_pipeline() {
    for package in ["cutline-process", "cutline-cli"] {
        assert!(linked_by(package).contains("cutline-imaging"), "{package} does not link the pipeline");
    }
}
