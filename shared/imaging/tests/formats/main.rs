//! Encoded files as other programs read them: psd-tools, Pillow, ImageMagick, ExifTool and libtiff's tiffinfo. The subject is
//! synthetic, and its clipping path is known exactly. And JPEGs of libjpeg as this crate reads them.
//!
//! Run by `cargo xtask test formats`, which passes the programs' locations and lists those that it could not find. Each
//! program has a module of its own, so that its tests can be skipped by the module's name.

mod differential;
mod foreign;
mod jpeg_matrix;
mod kept;
mod retouch;
mod subject;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

/// The folder with the files, which are kept for inspection.
static FILES: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("formats");
    std::fs::create_dir_all(&folder).expect("creates the folder");
    subject::write(&folder);
    kept::write(&folder);
    folder
});

/// The folder with files of ImageMagick, and the same files with a path.
static FOREIGN: LazyLock<PathBuf> = LazyLock::new(|| {
    foreign::write(&FILES, &setting("CUTLINE_TEST_IMAGEMAGICK"));
    FILES.clone()
});

/// The value of an environment variable that the task sets.
fn setting(variable: &str) -> OsString {
    std::env::var_os(variable).unwrap_or_else(|| panic!("{variable} is not set: run `cargo xtask test formats`"))
}

/// Runs a program, and panics with its output if it fails.
fn run(command: &mut Command) -> Output {
    let output = command.output().expect("the program runs");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {}\n{out}\n{err}", output.status);
    output
}

/// Runs a check of `peers.py`.
fn check(what: &str, more: &[OsString]) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../xtask/py/peers.py");
    run(Command::new(setting("CUTLINE_TEST_PYTHON")).arg("-Werror").arg(script).arg(what).arg(&*FILES).args(more));
}

mod python {
    #[test]
    fn psd_tools_reads_layers_mask_profile_and_path() {
        super::check("psd-tools", &[]);
    }

    #[test]
    fn psd_tools_composes_the_layers_to_the_merged_picture() {
        super::check("layers", &[]);
    }

    #[test]
    fn pillow_reads_every_file_without_a_warning() {
        super::check("pillow", &[]);
    }

    #[test]
    fn a_mask_edited_with_psd_tools_cuts_to_the_pixel() {
        super::retouch::check();
    }
}

mod imagemagick {
    #[test]
    fn clipping_path_clips_the_subject() {
        super::check("clip", &[super::setting("CUTLINE_TEST_IMAGEMAGICK")]);
    }

    #[test]
    fn every_file_shows_the_cut_out() {
        super::check("show", &[super::setting("CUTLINE_TEST_IMAGEMAGICK")]);
    }

    fn check_foreign(what: &str, more: &[super::OsString]) {
        let names: Vec<super::OsString> = super::foreign::FILES.iter().map(|(name, _)| name.into()).collect();
        super::LazyLock::force(&super::FOREIGN);
        super::check(what, &[more, &names].concat());
    }

    #[test]
    fn a_path_in_a_file_of_imagemagick_clips_and_no_pixel_changes() {
        check_foreign("foreign-clip", &[super::setting("CUTLINE_TEST_IMAGEMAGICK")]);
    }

    #[test]
    fn pillow_and_psd_tools_see_the_path_and_the_same_pixels() {
        check_foreign("foreign-read", &[]);
    }
}

mod exiftool {
    use cutline_core::domain::keep_metadata::KeepMetadata;

    use super::*;

    /// Warnings about every TIFF, for tags that TIFF allows and Exif does not, and their count.
    const EXPECTED_FOR_TIFF: [&str; 4] = [
        "1 Warning",
        "2 Warnings",
        "Invalid value for IFD0 tag 0x0103 Compression",
        "Non-standard format (undef) for IFD0 0x83bb IPTC-NAA",
    ];

    fn exiftool(file: &str, arguments: &[&str]) -> String {
        let output = run(Command::new(setting("CUTLINE_TEST_EXIFTOOL")).args(arguments).arg(FILES.join(file)));
        String::from_utf8(output.stdout).expect("is UTF-8")
    }

    #[test]
    fn reports_no_warnings() {
        for file in subject::FILES {
            let said = exiftool(file, &["-validate", "-warning", "-error", "-a", "-s", "-s", "-s"]);
            let complaints: Vec<&str> = said
                .lines()
                .filter(|line| *line != "OK")
                .filter(|line| !file.ends_with("tif") || !EXPECTED_FOR_TIFF.contains(line))
                .collect();
            assert!(complaints.is_empty() && !said.is_empty(), "{file}: {said}");
        }
    }

    #[test]
    fn finds_credit_but_no_orientation_location_or_device() {
        for file in subject::FILES {
            let said = exiftool(file, &["-a", "-G1", "-s"]);
            for kept in [subject::ARTIST, subject::COPYRIGHT, subject::CREDIT] {
                assert!(said.contains(kept), "{file} lacks {kept:?}: {said}");
            }
            for never in ["Orientation", "GPS", "Serial"] {
                assert!(!said.contains(never), "{file} has {never}: {said}");
            }
            assert!(said.to_lowercase().contains("srgb"), "{file} is not tagged as sRGB: {said}");
            let resolution = exiftool(file, &["-XResolution", "-PixelsPerUnitX", "-s", "-s", "-s"]);
            let resolution = resolution.lines().next().unwrap_or_default();
            // PNG stores dots per meter.
            assert!(["240", "9449"].contains(&resolution), "{file}: {resolution:?}");
        }
    }

    /// Warnings about a maker note that was not written by a camera.
    const EXPECTED_FOR_THE_NOTE: [&str; 2] = ["[minor] Unrecognized MakerNotes", "1 Warning (all minor)"];

    #[test]
    fn finds_all_metadata_that_are_kept_and_no_other() {
        const CREDIT: [&str; 2] = ["Ann Artist", "digitalsourcetype/digitalCapture"];
        const ALL: [&str; 6] = ["Acme", "GPSLatitude", "SERIAL-4711", "1/125", "A NOTE OF THE MAKER", "Rating"];
        for (kept, found, missing) in [
            (KeepMetadata::All, [&CREDIT[..], &ALL].concat(), ["Orientation", "Thumbnail"].to_vec()),
            (KeepMetadata::Credit, CREDIT.to_vec(), [&["Orientation", "Thumbnail"][..], &ALL].concat()),
            (KeepMetadata::None, Vec::new(), [&["Orientation", "Thumbnail"][..], &CREDIT, &ALL].concat()),
        ] {
            for file in kept::files(kept) {
                let said = exiftool(&file, &["-a", "-G1", "-s", "-u"]);
                for text in &found {
                    assert!(said.contains(text), "{file} lacks {text:?}: {said}");
                }
                for text in &missing {
                    assert!(!said.contains(text), "{file} has {text:?}: {said}");
                }
            }
        }
    }

    #[test]
    fn reports_no_warnings_about_kept_metadata() {
        for file in kept::files(KeepMetadata::All) {
            let said = exiftool(&file, &["-validate", "-warning", "-error", "-a", "-s", "-s", "-s"]);
            let expected = |line: &&str| {
                EXPECTED_FOR_THE_NOTE.contains(line) || (file.ends_with("tiff") && EXPECTED_FOR_TIFF.contains(line))
            };
            let complaints: Vec<&str> = said.lines().filter(|line| *line != "OK" && !expected(line)).collect();
            assert!(complaints.is_empty() && !said.is_empty(), "{file}: {said}");
        }
    }

    #[test]
    fn finds_the_name_of_the_clipping_path() {
        for file in subject::FILES.iter().filter(|file| subject::has_path(file)) {
            let said = exiftool(file, &["-ClippingPathName", "-s", "-s", "-s"]);
            assert_eq!(said.trim(), subject::PATH_NAME, "{file}");
        }
    }

    /// Needs ImageMagick too.
    mod imagemagick {
        use super::*;

        /// Tags that differ because the file was written again, or has a path.
        const EXPECTED_TO_DIFFER: [&str; 11] = [
            "FileName",
            "FileSize",
            "FileModifyDate",
            "FileAccessDate",
            "FileInodeChangeDate",
            "Directory",
            "ClippingPathName",
            "PhotoshopQuality",
            "CurrentIPTCDigest",
            "PathName",
            "Photoshop",
        ];

        #[test]
        fn a_path_in_a_file_of_imagemagick_changes_no_other_tag() {
            let folder = &*FOREIGN;
            for (name, _) in foreign::FILES {
                let tags = |file: String| -> Vec<String> {
                    let mut command = Command::new(setting("CUTLINE_TEST_EXIFTOOL"));
                    let output = run(command.args(["-a", "-G1", "-s"]).arg(folder.join(file)));
                    let said = String::from_utf8(output.stdout).expect("is UTF-8");
                    let differs = |line: &&str| EXPECTED_TO_DIFFER.iter().any(|tag| line.contains(tag));
                    said.lines().filter(|line| !differs(line)).map(str::to_owned).collect()
                };
                let (before, after) = (tags(name.to_owned()), tags(format!("path-{name}")));
                assert!(!before.is_empty() && before == after, "{name}: {before:#?}\n{after:#?}");
                let said = exiftool(&format!("path-{name}"), &["-ClippingPathName", "-s", "-s", "-s"]);
                assert_eq!(said.trim(), subject::PATH_NAME, "{name}");
            }
        }
    }
}

mod tiffinfo {
    use super::*;

    #[test]
    fn reads_every_tiff_without_warnings() {
        for file in subject::FILES.iter().filter(|file| file.ends_with("tif")) {
            // -D decodes the pixels as well.
            let output = run(Command::new(setting("CUTLINE_TEST_TIFFINFO")).arg("-D").arg(FILES.join(file)));
            let said = String::from_utf8_lossy(&output.stdout);
            assert!(output.stderr.is_empty(), "{file}: {}", String::from_utf8_lossy(&output.stderr));
            assert!(said.contains("Resolution: 240, 240 pixels/inch"), "{file}: {said}");
            assert_eq!(said.contains("unassoc-alpha"), !file.starts_with("matte"), "{file}: {said}");
        }
    }
}
