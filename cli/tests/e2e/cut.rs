//! `cutline cut`: cutting out photos without a server.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use cutline_core::domain::kind::ImageKind;
use tempfile::TempDir;

use crate::pictures;
use crate::server::cutline;

/// A folder with photos, and one for the results.
struct Folders {
    folder: TempDir,
}

impl Folders {
    fn new(photos: &[(&str, &[u8])]) -> Self {
        let folders = Self { folder: tempfile::tempdir().expect("a folder") };
        fs::create_dir(folders.photos()).expect("is created");
        for (name, bytes) in photos {
            fs::write(folders.photos().join(name), bytes).expect("is written");
        }
        folders
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

/// The standard error of a run that succeeded.
#[track_caller]
fn succeeded(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The standard error of a run that failed with exit code 1.
#[track_caller]
fn failed(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn cuts_out_a_folder_and_reports_failures() {
    let photo = pictures::photo();
    let folders = Folders::new(&[("cup.jpg", &photo), ("text.jpg", b"just a text"), ("notes.txt", b"no picture")]);
    let stderr = failed(&folders.cut(&[]));
    assert!(
        stderr.contains("1 cut out, 1 failed:") && stderr.contains("text.jpg") && !stderr.contains("notes.txt"),
        "{stderr}"
    );
    let (_, reason) = stderr.split_once("text.jpg: ").expect("gives a reason");
    let reason = reason.lines().next().unwrap_or_default();
    let is_logged = stderr.contains("WARN") || stderr.contains("ERROR");
    assert!(!reason.is_empty() && stderr.matches(reason).count() == 1 && !is_logged, "each problem once: {stderr}");
    pictures::check(&fs::read(folders.result("cup.png")).expect("the result"));
    assert!(!folders.result("text.png").exists());
}

#[test]
fn a_photo_comes_from_and_a_picture_goes_to_another_program() {
    let folders = Folders::new(&[("cup.jpg", &pictures::photo())]);
    let cut = || {
        let mut command = cutline(Path::new("unused"));
        command.args(["cut", "-", "-o", "-"]).current_dir(folders.folder.path());
        command
    };
    let photo = fs::File::open(folders.photos().join("cup.jpg")).expect("a photo");
    let output = cut().stdin(photo).output().expect("the program runs");
    assert!(succeeded(&output).contains("1 cut out"), "{output:?}");
    pictures::check(&output.stdout);
    let output = cut().output().expect("the program runs");
    let stderr = failed(&output);
    assert!(stderr.contains("0 cut out, 1 failed:\n  -: "), "nothing came in: {stderr}");
    assert!(output.stdout.is_empty(), "no picture");
    assert_eq!(fs::read_dir(folders.folder.path()).expect("a folder").count(), 1, "no file is written");
}

#[test]
fn takes_chosen_files_of_subfolders() {
    let photo = pictures::photo();
    let folders = Folders::new(&[("a_front.jpg", &photo), ("a_back.jpg", &photo)]);
    for (folder, name) in [("deep", "b_front.jpg"), ("rejects", "c_front.jpg")] {
        let folder = folders.photos().join(folder);
        fs::create_dir(&folder).expect("is created");
        fs::write(folder.join(name), &photo).expect("is written");
    }
    let filter = ["--include", "*_front.*", "--exclude", "rejects"];
    let stderr = succeeded(&folders.cut(&filter));
    assert!(stderr.contains("2 cut out\n"), "{stderr}");
    for name in ["a_front.png", "deep/b_front.png"] {
        pictures::check(&fs::read(folders.result(name)).expect("a result"));
    }
    let stderr = succeeded(&folders.cut(&[&filter[..], &["--flat"]].concat()));
    assert!(stderr.contains("1 cut out, 1 skipped"), "{stderr}");
    pictures::check(&fs::read(folders.result("b_front.png")).expect("a result"));
}

#[test]
fn a_mask_of_the_photo_takes_the_place_of_the_networks() {
    let folders = Folders::new(&[("cup.jpg", &pictures::photo())]);
    let stderr = failed(&folders.cut(&["--mask-source", "alpha"]));
    assert!(stderr.contains("no transparency: ") && stderr.contains("mask_source=alpha"), "{stderr}");
    succeeded(&folders.cut(&[]));
    let cut = fs::read(folders.result("cup.png")).expect("the result");
    let again = Folders::new(&[("cup.png", &cut)]);
    succeeded(&again.cut(&["--mask-source", "alpha"]));
    let alpha = |file: &[u8]| -> Vec<u8> {
        image::load_from_memory(file).expect("is a picture").into_rgba8().pixels().map(|pixel| pixel[3]).collect()
    };
    assert!(alpha(&fs::read(again.result("cup.png")).expect("the result")) == alpha(&cut), "the same alpha");
}

#[test]
fn a_mask_cuts_one_photo() {
    let folders = Folders::new(&[("cup.jpg", &pictures::photo())]);
    let mask = folders.folder.path().join("mask.png");
    let with_mask = |bytes: &[u8]| {
        fs::write(&mask, bytes).expect("is written");
        folders.cut(&["--mask", mask.to_str().expect("text")])
    };
    let stderr = failed(&with_mask(&pictures::one_pixel()));
    assert!(stderr.contains("mask of another size: it has 1 x 1 pixels"), "{stderr}");
    succeeded(&with_mask(&pictures::half_mask(true)));
    pictures::check_half(&fs::read(folders.result("cup.png")).expect("the result"), true);
    fs::write(folders.photos().join("second.jpg"), pictures::photo()).expect("is written");
    let stderr = failed(&with_mask(&pictures::half_mask(true)));
    assert!(stderr.contains("--mask is the mask of one photo, and there are 2"), "{stderr}");
}

#[test]
fn a_clean_plate_shows_what_the_networks_miss() {
    let (coffee, pane) = (pictures::subject().0, (520..580, 290..350));
    // A pane that takes some red from the table behind it.
    let mut photo = coffee.clone();
    for (x, y, pixel) in photo.enumerate_pixels_mut() {
        if pane.0.contains(&x) && pane.1.contains(&y) {
            pixel.0[0] = (f32::from(pixel.0[0]) * 0.92) as u8;
            pixel.0[2] = pixel.0[2].saturating_add(10);
        }
    }
    let folders = Folders::new(&[("cup.png", &pictures::encoded(photo.into()))]);
    let plate = folders.folder.path().join("empty.png");
    let with_plate = |bytes: &[u8]| {
        fs::write(&plate, bytes).expect("is written");
        folders.cut(&["--force", "--backdrop", plate.to_str().expect("text")])
    };
    let alpha = || {
        let cut = image::open(folders.result("cup.png")).expect("the result").into_rgba8();
        let mean = |left: u32, top: u32| {
            let pixels = (top..top + 40).flat_map(|y| (left..left + 40).map(move |x| (x, y)));
            pixels.map(|(x, y)| f64::from(cut.get_pixel(x, y)[3])).sum::<f64>() / 1600.0
        };
        // In the pane, in the cup, and on the table.
        (mean(530, 300), mean(260, 120), mean(530, 60))
    };
    succeeded(&folders.cut(&[]));
    let (pane, cup, table) = alpha();
    assert!(pane < 30.0 && cup > 250.0 && table < 5.0, "the networks see {pane} {cup} {table}");
    let stderr = succeeded(&with_plate(&pictures::encoded(coffee.clone().into())));
    let (pane, cup, table) = alpha();
    assert!(pane > 220.0 && cup > 250.0 && table < 5.0, "with the plate {pane} {cup} {table}: {stderr}");

    let mut other = coffee;
    image::imageops::flip_vertical_in_place(&mut other);
    let stderr = succeeded(&with_plate(&pictures::encoded(other.into())));
    assert!(stderr.contains("The clean plate was not used") && alpha().0 < 30.0, "{stderr}");
    let stderr = failed(&with_plate(&pictures::one_pixel()));
    assert!(stderr.contains("clean plate of another size: it has 1 x 1 pixels, and the image 600 x 400"), "{stderr}");
}

#[test]
fn replaces_a_result_only_with_force() {
    let folders = Folders::new(&[("cup.jpg", &pictures::photo())]);
    fs::create_dir(folders.folder.path().join("out")).expect("is created");
    fs::write(folders.result("cup.png"), "an earlier result").expect("is written");
    let stderr = succeeded(&folders.cut(&[]));
    assert!(stderr.contains("0 cut out, 1 skipped") && stderr.contains("--force"), "{stderr}");
    assert_eq!(fs::read(folders.result("cup.png")).expect("exists"), b"an earlier result");
    succeeded(&folders.cut(&["--force"]));
    pictures::check(&fs::read(folders.result("cup.png")).expect("the result"));
}

#[test]
fn resumes_an_interrupted_folder() {
    let photo = pictures::photo();
    let folders = Folders::new(&[("a.jpg", &photo), ("b.jpg", &photo)]);
    fs::create_dir(folders.folder.path().join("out")).expect("is created");
    fs::write(folders.result("a.png"), "from before").expect("is written");
    let stderr = succeeded(&folders.cut(&[]));
    assert!(stderr.contains("1 cut out, 1 skipped"), "{stderr}");
    assert_eq!(fs::read(folders.result("a.png")).expect("exists"), b"from before");
    pictures::check(&fs::read(folders.result("b.png")).expect("the result"));
    let stderr = succeeded(&folders.cut(&[]));
    assert!(stderr.contains("0 cut out, 2 skipped"), "{stderr}");
}

#[test]
fn mode_clipping_writes_a_hard_edge_and_its_path() {
    let folders = Folders::new(&[("cup.jpg", &pictures::photo())]);
    succeeded(&folders.cut(&["--mode", "clipping", "--svg"]));
    pictures::check_clipped(&fs::read(folders.result("cup.png")).expect("the result"));
    pictures::check_path(&fs::read(folders.result("cup.svg")).expect("the path"));
}

#[test]
fn crops_to_the_subject() {
    let folders = Folders::new(&[("cup.jpg", &pictures::photo())]);
    succeeded(&folders.cut(&["--crop", "subject", "--crop-margin", "2%"]));
    let cropped = image::open(folders.result("cup.png")).expect("the result");
    assert!(cropped.width() * cropped.height() < 600 * 400, "{} x {}", cropped.width(), cropped.height());
    assert!(failed(&folders.cut(&["--force", "--crop-margin", "2%"])).contains("--crop subject"));
}

#[test]
fn results_are_named_after_the_ids_in_the_photos_names() {
    let photo = pictures::photo();
    let folders = Folders::new(&[("4711_front.jpg", &photo), ("cup.jpg", &photo)]);
    let pattern = ["--id-pattern", "(?<sku>[0-9]+)_(?<shot>[a-z]+)"];
    let unnamed = failed(&folders.cut(&[&pattern[..], &["--output-name", "{external_id}-{metadata.shot}"]].concat()));
    assert!(unnamed.contains("cup.jpg: metadata.shot") && !unnamed.contains("4711"), "{unnamed}");
    assert!(!folders.result("").exists(), "nothing is done");
    let named = succeeded(&folders.cut(&[&pattern[..], &["--output-name", "id {external_id}"]].concat()));
    assert!(named.contains("cup.jpg: names: The file name \"cup\" does not match id_pattern."), "{named}");
    for name in ["id 4711.png", "id cup.png"] {
        pictures::check(&fs::read(folders.result(name)).expect("a result"));
    }
    let clash = failed(&folders.cut(&["--output-name", "same", "--params", "amazon-main"]));
    assert!(
        clash.contains("several photos would be written to the same file") && clash.contains("same.jpg"),
        "{clash}"
    );
}

#[test]
fn a_path_goes_next_to_the_photo_or_into_it() {
    let photo = pictures::photo();
    let folders = Folders::new(&[("cup.jpg", &photo), ("cup.png", &pictures::one_pixel())]);
    let cut = |option: &str| {
        let mut command = cutline(Path::new("unused"));
        command.arg("cut").arg(folders.photos()).arg(option).output().expect("the program runs")
    };
    let read = |name: &str| fs::read(folders.photos().join(name)).expect("a photo");
    let pixels = |file: &[u8]| image::load_from_memory(file).expect("a picture").into_rgb8();

    let stderr = failed(&cut("--path-only"));
    assert!(stderr.contains("1 cut out, 1 failed") && stderr.contains("unsupported PNG"), "{stderr}");
    let copy = read("cup-path.jpg");
    assert!(read("cup.jpg") == photo && copy.len() > photo.len() && pixels(&copy) == pixels(&photo));
    assert!(copy.windows(12).any(|bytes| bytes == b"Cutline Path"));

    fs::remove_file(folders.photos().join("cup.png")).expect("is removed");
    for _ in 0..2 {
        succeeded(&cut("--in-place"));
        assert!(read("cup.jpg") == copy, "the same path, once");
    }
    assert_eq!(fs::read_dir(folders.photos()).expect("a folder").count(), 2, "no temporary file stays");
}

/// A limit on the size of files stands in for a full disk.
#[cfg(target_os = "linux")]
#[test]
fn a_photo_survives_a_full_disk() {
    let photo = pictures::photo();
    let folders = Folders::new(&[("cup.jpg", &photo)]);
    let mut limited = std::process::Command::new("bash");
    // In blocks of 1024 bytes. Ignored, the signal becomes an error of the write.
    limited.args(["-c", "ulimit -f 8; trap '' XFSZ; exec \"$0\" \"$@\""]);
    let cut = cutline(Path::new("unused"));
    limited.arg(cut.get_program()).args(["cut", "--in-place"]).arg(folders.photos());
    for (name, value) in cut.get_envs() {
        match value {
            Some(value) => limited.env(name, value),
            None => limited.env_remove(name),
        };
    }
    let stderr = failed(&limited.output().expect("the program runs"));
    assert!(stderr.contains("cannot write"), "{stderr}");
    assert!(fs::read(folders.photos().join("cup.jpg")).expect("the photo") == photo);
    assert_eq!(fs::read_dir(folders.photos()).expect("a folder").count(), 1, "no temporary file stays");
}

#[test]
fn writes_every_format_and_the_matte_alone() {
    let folders = Folders::new(&[("cup.jpg", &pictures::photo())]);
    for (format, name) in [("jpg", "cup.jpg"), ("webp", "cup.webp")] {
        succeeded(&folders.cut(&["--format", format]));
        assert_eq!(image::open(folders.result(name)).expect("a picture").width(), 600);
    }
    for (format, kind) in [("psd", ImageKind::Psd), ("tiff", ImageKind::Tiff)] {
        succeeded(&folders.cut(&["--format", format]));
        let file = fs::read(folders.result(&format!("cup.{format}"))).expect("a picture");
        assert_eq!(ImageKind::sniff(&file), Some(kind));
    }
    succeeded(&folders.cut(&["--channels", "alpha", "--mode", "background", "--format", "png"]));
    let matte = image::open(folders.result("cup.png")).expect("a picture");
    assert_eq!(matte.color(), image::ColorType::L8);
    pictures::check_matte(&matte.into_luma8());
}

#[test]
fn refuses_invalid_runs_before_any_work() {
    let folders = Folders::new(&[("cup.jpg", &pictures::photo()), ("cup.png", &pictures::one_pixel())]);
    let stderr = failed(&folders.cut(&[]));
    assert!(stderr.contains("the same file"), "{stderr}");
    let stderr = failed(&Folders::new(&[]).cut(&[]));
    assert!(stderr.contains("no pictures in"), "{stderr}");
    let stderr = failed(&Folders::new(&[("cup.jpg", &pictures::photo())]).cut(&["--svg"]));
    assert!(stderr.contains("--mode clipping"), "{stderr}");
    for invalid in [["--mode", "params"], ["--quality", "101"]] {
        let output = folders.cut(&invalid);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
    }
}

#[test]
fn prepared_models_are_enough() {
    let folders = Folders::new(&[("cup.jpg", &pictures::photo())]);
    let layer = folders.folder.path().join("layer");
    let output = cutline(Path::new("unused")).args(["models", "prepare", "--to"]).arg(&layer).output();
    succeeded(&output.expect("the program runs"));
    let mut names: Vec<_> =
        fs::read_dir(&layer).expect("is created").map(|entry| entry.expect("an entry").file_name()).collect();
    names.sort();
    let expected = [
        "isnet-general-use-fp16.LICENSE.txt",
        "isnet-general-use-fp16.network",
        "u2netp.LICENSE.txt",
        "u2netp.network",
    ];
    assert_eq!(names, expected);
    succeeded(&folders.cut(&["--models", layer.to_str().expect("UTF-8")]));
    pictures::check(&fs::read(folders.result("cup.png")).expect("the result"));
    let files = fs::read_dir(&layer).expect("exists").count();
    assert_eq!(files, expected.len(), "nothing was fetched");
}

#[test]
fn a_custom_model_replaces_the_built_in_ones() {
    let folders = Folders::new(&[("cup.jpg", &pictures::photo())]);
    let models = folders.folder.path().join("models");
    fs::create_dir(&models).expect("is created");
    let small = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/engine/tests/data/small.onnx");
    fs::copy(small, models.join("custom.onnx")).expect("is copied");
    let manifest = |sha256: &str| {
        let manifest = serde_json::json!({
            "file": "custom.onnx", "sha256": sha256, "side": 34, "mean": [0.5, 0.5, 0.5], "std": [1, 1, 1],
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
    assert!(listed().contains("missing or wrong checksum"), "{}", listed());
    let stderr = failed(&folders.cut(&arguments));
    assert!(stderr.contains("model.json") && stderr.contains("sha256"), "{stderr}");
    // The message contains the right checksum.
    let checksum = stderr.split("the file has ").nth(1).and_then(|rest| rest.get(..64)).expect("a checksum");
    manifest(checksum);
    assert!(!listed().contains("missing or wrong checksum"), "{}", listed());
    succeeded(&folders.cut(&arguments));
    assert!(folders.result("cup.png").exists());
}
