//! `cutline cut`: photos from a folder, without a server.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use cutline_core::domain::kind::ImageKind;
use tempfile::TempDir;

use crate::pictures;
use crate::server::cutline;

/// A folder of photos, and one for the results.
struct Shop {
    folder: TempDir,
}

impl Shop {
    fn new(photos: &[(&str, &[u8])]) -> Self {
        let shop = Self { folder: tempfile::tempdir().expect("a folder") };
        fs::create_dir(shop.photos()).expect("is made");
        for (name, bytes) in photos {
            fs::write(shop.photos().join(name), bytes).expect("is written");
        }
        shop
    }

    fn photos(&self) -> PathBuf {
        self.folder.path().join("photos")
    }

    fn result(&self, name: &str) -> PathBuf {
        self.folder.path().join("out").join(name)
    }

    fn cut(&self, arguments: &[&str]) -> Output {
        let mut command = cutline(Path::new("unused"));
        command.arg("cut").arg(self.photos()).arg("-o").arg(self.folder.path().join("out")).args(arguments);
        command.output().expect("the program runs")
    }
}

/// What was said.
#[track_caller]
fn succeeded(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The exit code, and what was said.
#[track_caller]
fn failed(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_folder_is_cut_out_and_what_fails_is_named_and_told_by_the_exit_code() {
    let photo = pictures::photo();
    let shop = Shop::new(&[("cup.jpg", &photo), ("text.jpg", b"just a text"), ("notes.txt", b"no picture")]);
    let said = failed(&shop.cut(&[]));
    assert!(said.contains("1 cut out, 1 not") && said.contains("text.jpg") && !said.contains("notes.txt"), "{said}");
    pictures::check(&fs::read(shop.result("cup.png")).expect("the result"));
    assert!(!shop.result("text.png").exists());
}

#[test]
fn a_result_that_is_there_is_kept_unless_it_is_told_to_go() {
    let shop = Shop::new(&[("cup.jpg", &pictures::photo())]);
    fs::create_dir(shop.folder.path().join("out")).expect("is made");
    fs::write(shop.result("cup.png"), "somebody's work").expect("is written");
    let said = succeeded(&shop.cut(&[]));
    assert!(said.contains("0 cut out, 1 already there") && said.contains("--force"), "{said}");
    assert_eq!(fs::read(shop.result("cup.png")).expect("is there"), b"somebody's work");
    succeeded(&shop.cut(&["--force"]));
    pictures::check(&fs::read(shop.result("cup.png")).expect("the result"));
}

#[test]
fn a_folder_that_was_interrupted_is_gone_on_with() {
    let photo = pictures::photo();
    let shop = Shop::new(&[("a.jpg", &photo), ("b.jpg", &photo)]);
    fs::create_dir(shop.folder.path().join("out")).expect("is made");
    fs::write(shop.result("a.png"), "from before").expect("is written");
    let said = succeeded(&shop.cut(&[]));
    assert!(said.contains("1 cut out, 1 already there"), "{said}");
    assert_eq!(fs::read(shop.result("a.png")).expect("is there"), b"from before");
    pictures::check(&fs::read(shop.result("b.png")).expect("the result"));
    let said = succeeded(&shop.cut(&[]));
    assert!(said.contains("0 cut out, 2 already there"), "{said}");
}

#[test]
fn mode_clipping_gives_a_hard_edge_and_its_path() {
    let shop = Shop::new(&[("cup.jpg", &pictures::photo())]);
    succeeded(&shop.cut(&["--mode", "clipping", "--svg"]));
    pictures::check_clipped(&fs::read(shop.result("cup.png")).expect("the result"));
    pictures::check_path(&fs::read(shop.result("cup.svg")).expect("the path"));
}

#[test]
fn every_format_is_written_and_so_is_the_matte_alone() {
    let shop = Shop::new(&[("cup.jpg", &pictures::photo())]);
    for (format, name) in [("jpg", "cup.jpg"), ("webp", "cup.webp")] {
        succeeded(&shop.cut(&["--format", format]));
        assert_eq!(image::open(shop.result(name)).expect("a picture").width(), 600);
    }
    for (format, kind) in [("psd", ImageKind::Psd), ("tiff", ImageKind::Tiff)] {
        succeeded(&shop.cut(&["--format", format]));
        let made = fs::read(shop.result(&format!("cup.{format}"))).expect("a picture");
        assert_eq!(ImageKind::sniff(&made), Some(kind));
    }
    succeeded(&shop.cut(&["--channels", "alpha", "--mode", "background", "--format", "png"]));
    let matte = image::open(shop.result("cup.png")).expect("a picture");
    assert_eq!(matte.color(), image::ColorType::L8);
    pictures::check_matte(&matte.into_luma8());
}

#[test]
fn what_cannot_be_begun_with_is_said_before_any_work() {
    let shop = Shop::new(&[("cup.jpg", &pictures::photo()), ("cup.png", &pictures::one_pixel())]);
    let said = failed(&shop.cut(&[]));
    assert!(said.contains("the same file"), "{said}");
    let said = failed(&Shop::new(&[]).cut(&[]));
    assert!(said.contains("there is no picture in"), "{said}");
    let said = failed(&Shop::new(&[("cup.jpg", &pictures::photo())]).cut(&["--svg"]));
    assert!(said.contains("--mode clipping"), "{said}");
    let later = shop.cut(&["--mode", "params"]);
    assert_eq!(later.status.code(), Some(2), "{later:?}");
    let unreadable = shop.cut(&["--quality", "101"]);
    assert_eq!(unreadable.status.code(), Some(2), "{unreadable:?}");
}

#[test]
fn prepared_networks_are_all_that_is_needed() {
    let shop = Shop::new(&[("cup.jpg", &pictures::photo())]);
    let layer = shop.folder.path().join("layer");
    let output = cutline(Path::new("unused")).args(["models", "prepare", "--to"]).arg(&layer).output();
    succeeded(&output.expect("the program runs"));
    let mut names: Vec<_> =
        fs::read_dir(&layer).expect("is made").map(|entry| entry.expect("an entry").file_name()).collect();
    names.sort();
    let expected = [
        "isnet-general-use-fp16.LICENSE.txt",
        "isnet-general-use-fp16.network",
        "u2netp.LICENSE.txt",
        "u2netp.network",
    ];
    assert_eq!(names, expected);
    succeeded(&shop.cut(&["--models", layer.to_str().expect("UTF-8")]));
    pictures::check(&fs::read(shop.result("cup.png")).expect("the result"));
    let names_then = fs::read_dir(&layer).expect("is there").count();
    assert_eq!(names_then, expected.len(), "nothing was fetched");
}

#[test]
fn a_model_of_ones_own_takes_the_place_of_the_two() {
    let shop = Shop::new(&[("cup.jpg", &pictures::photo())]);
    let models = shop.folder.path().join("models");
    fs::create_dir(&models).expect("is made");
    let small = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/engine/tests/data/small.onnx");
    fs::copy(small, models.join("own.onnx")).expect("is copied");
    let manifest = |sha256: &str| {
        let manifest = serde_json::json!({
            "file": "own.onnx", "sha256": sha256, "side": 34, "mean": [0.5, 0.5, 0.5], "std": [1, 1, 1],
            "output": "matte",
        });
        fs::write(models.join("model.json"), manifest.to_string()).expect("is written");
    };
    let arguments = ["--models", models.to_str().expect("UTF-8")];
    let listed = || {
        let output = cutline(Path::new("unused")).args(["models", "list", "--dir"]).arg(&models).output();
        String::from_utf8(output.expect("the program runs").stdout).expect("text")
    };
    manifest(&"0".repeat(64));
    assert!(listed().contains("missing, or another file"), "{}", listed());
    let said = failed(&shop.cut(&arguments));
    assert!(said.contains("model.json") && said.contains("sha256"), "{said}");
    // The message tells the file's own.
    let sum = said.split("that of the file is ").nth(1).and_then(|rest| rest.get(..64)).expect("a checksum");
    manifest(sum);
    assert!(!listed().contains("missing, or another file"), "{}", listed());
    succeeded(&shop.cut(&arguments));
    assert!(shop.result("cup.png").exists());
}
