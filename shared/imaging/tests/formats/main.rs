//! What is written, as programs read it that others wrote: psd-tools, Pillow, ImageMagick, ExifTool and libtiff's
//! tiffinfo. The subject is made here, with a clipping path of which every point is known.
//!
//! Run by `cargo xtask test formats`, which says where the programs are, and names those that it could not find. Each
//! program has a module, so that its tests can be left out by the module's name.

mod subject;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

/// The folder with the files, which stay there to be looked at.
static FILES: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("formats");
    std::fs::create_dir_all(&folder).expect("a folder is made");
    subject::write(&folder);
    folder
});

fn told(variable: &str) -> OsString {
    std::env::var_os(variable).unwrap_or_else(|| panic!("{variable} is not set: `cargo xtask test formats` runs this"))
}

/// Runs a program, which has to succeed; with what it says as the failure, if not.
fn run(command: &mut Command) -> Output {
    let output = command.output().expect("the program runs");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {}\n{out}\n{err}", output.status);
    output
}

/// Runs a check of `peers.py`.
fn check(what: &str, more: &[OsString]) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../xtask/py/peers.py");
    run(Command::new(told("CUTLINE_TEST_PYTHON")).arg("-Werror").arg(script).arg(what).arg(&*FILES).args(more));
}

mod python {
    #[test]
    fn psd_tools_finds_layers_mask_profile_and_path() {
        super::check("psd-tools", &[]);
    }

    #[test]
    fn psd_tools_makes_of_the_layers_of_a_composed_picture_what_it_shows() {
        super::check("layers", &[]);
    }

    #[test]
    fn pillow_reads_every_file_without_a_warning() {
        super::check("pillow", &[]);
    }
}

mod imagemagick {
    #[test]
    fn the_clipping_path_clips_what_it_encloses() {
        super::check("clip", &[super::told("CUTLINE_TEST_IMAGEMAGICK")]);
    }

    #[test]
    fn every_file_shows_the_cut_out() {
        super::check("show", &[super::told("CUTLINE_TEST_IMAGEMAGICK")]);
    }
}

mod exiftool {
    use super::*;

    const OF_EVERY_TIFF: [&str; 4] = [
        "1 Warning",
        "2 Warnings",
        "Invalid value for IFD0 tag 0x0103 Compression",
        "Non-standard format (undef) for IFD0 0x83bb IPTC-NAA",
    ];

    fn said_of(file: &str, arguments: &[&str]) -> String {
        let output = run(Command::new(told("CUTLINE_TEST_EXIFTOOL")).args(arguments).arg(FILES.join(file)));
        String::from_utf8(output.stdout).expect("is UTF-8")
    }

    #[test]
    fn no_file_has_anything_to_warn_of() {
        for file in subject::FILES {
            let said = said_of(file, &["-validate", "-warning", "-error", "-a", "-s", "-s", "-s"]);
            let complaints: Vec<&str> = said
                .lines()
                .filter(|line| *line != "OK")
                // Of a TIFF it warns of what Exif does not allow, though TIFF does, and counts that on a line of its own.
                .filter(|line| !file.ends_with("tif") || !OF_EVERY_TIFF.contains(line))
                .collect();
            assert!(complaints.is_empty() && !said.is_empty(), "{file}: {said}");
        }
    }

    #[test]
    fn credit_is_kept_and_nothing_is_turned_or_placed() {
        for file in subject::FILES {
            let said = said_of(file, &["-a", "-G1", "-s"]);
            for kept in [subject::ARTIST, subject::COPYRIGHT, subject::CREDIT] {
                assert!(said.contains(kept), "{file} lacks {kept:?}: {said}");
            }
            for never in ["Orientation", "GPS", "Serial"] {
                assert!(!said.contains(never), "{file} has {never}: {said}");
            }
            assert!(said.to_lowercase().contains("srgb"), "{file} is not tagged as sRGB: {said}");
            let resolution = said_of(file, &["-XResolution", "-PixelsPerUnitX", "-s", "-s", "-s"]);
            let resolution = resolution.lines().next().unwrap_or_default();
            // A PNG tells dots a metre.
            assert!(["240", "9449"].contains(&resolution), "{file}: {resolution:?}");
        }
    }

    #[test]
    fn the_clipping_path_has_its_name() {
        for file in subject::FILES.iter().filter(|file| subject::has_path(file)) {
            let said = said_of(file, &["-ClippingPathName", "-s", "-s", "-s"]);
            assert_eq!(said.trim(), subject::PATH_NAME, "{file}");
        }
    }
}

mod tiffinfo {
    use super::*;

    #[test]
    fn a_tiff_is_read_to_its_end_without_a_warning() {
        for file in subject::FILES.iter().filter(|file| file.ends_with("tif")) {
            // -D reads the pixels too.
            let output = run(Command::new(told("CUTLINE_TEST_TIFFINFO")).arg("-D").arg(FILES.join(file)));
            let said = String::from_utf8_lossy(&output.stdout);
            assert!(output.stderr.is_empty(), "{file}: {}", String::from_utf8_lossy(&output.stderr));
            assert!(said.contains("Resolution: 240, 240 pixels/inch"), "{file}: {said}");
            assert_eq!(said.contains("unassoc-alpha"), !file.starts_with("matte"), "{file}: {said}");
        }
    }
}
