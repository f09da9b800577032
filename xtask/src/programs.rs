//! The programs of other makers that read what Cutline writes: ImageMagick, ExifTool and tiffinfo.
//!
//! They come from the machine. Where one is missing and this runs as root beside `apt-get`, as in a container, it is
//! installed; elsewhere its tests are left out, and the summary says so.

use std::path::PathBuf;
use std::process::{Command, Stdio};

/// A program, and the module of `--test formats` that needs it.
pub(crate) struct Program {
    /// What it is called in the summary.
    pub(crate) line: &'static str,
    /// The module of the tests that need it.
    pub(crate) module: &'static str,
    /// The variable that tells the tests where it is.
    pub(crate) variable: &'static str,
    /// The names that it may have, and arguments with which it says something that holds [`Self::says`].
    names: &'static [&'static str],
    arguments: &'static [&'static str],
    says: &'static str,
    /// Debian's packages, or expressions that match them.
    packages: &'static [&'static str],
}

const PROGRAMS: [Program; 3] = [
    Program {
        line: "formats: ImageMagick",
        module: "imagemagick",
        variable: "CUTLINE_TEST_IMAGEMAGICK",
        // Version 7, Debian's version 6, and version 6 elsewhere.
        names: &["magick", "convert-im6.q16", "convert"],
        // It clips along a path by drawing it as SVG, which Debian has in a package of its own.
        arguments: &["-list", "format"],
        says: "Scalable Vector Graphics",
        packages: &["imagemagick", "^libmagickcore-[0-9.]+q16-[0-9]+-extra$"],
    },
    Program {
        line: "formats: ExifTool",
        module: "exiftool",
        variable: "CUTLINE_TEST_EXIFTOOL",
        names: &["exiftool"],
        arguments: &["-ver"],
        says: ".",
        packages: &["libimage-exiftool-perl"],
    },
    Program {
        line: "formats: tiffinfo",
        module: "tiffinfo",
        variable: "CUTLINE_TEST_TIFFINFO",
        names: &["tiffinfo"],
        arguments: &["-h"],
        says: "LIBTIFF",
        packages: &["libtiff-tools"],
    },
];

/// Those that were found, each with its name, and those that were not.
#[derive(Default)]
pub(crate) struct Programs {
    pub(crate) found: Vec<(&'static Program, PathBuf)>,
    pub(crate) missing: Vec<&'static Program>,
}

impl Programs {
    /// Looks for them, and installs what is missing where it can.
    pub(crate) fn ready() -> Self {
        let programs = Self::look();
        if programs.missing.is_empty() || !install(&programs.missing) { programs } else { Self::look() }
    }

    fn look() -> Self {
        let mut programs = Self::default();
        for program in &PROGRAMS {
            match program.names.iter().find(|name| program.is(name)) {
                Some(name) => programs.found.push((program, PathBuf::from(name))),
                None => programs.missing.push(program),
            }
        }
        programs
    }
}

impl Program {
    /// Whether this name is that of the program, and not of another one or of none.
    fn is(&self, name: &str) -> bool {
        let output = Command::new(name).args(self.arguments).stdin(Stdio::null()).output();
        output.is_ok_and(|output| {
            let said = [output.stdout, output.stderr].concat();
            String::from_utf8_lossy(&said).contains(self.says)
        })
    }
}

/// Installs Debian's packages. `false` if that is not to be had here.
fn install(missing: &[&Program]) -> bool {
    let root = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0");
    let packages = missing.iter().flat_map(|program| program.packages).copied();
    if !root {
        return false;
    }
    let apt = |arguments: &mut dyn Iterator<Item = &str>| {
        let mut command = Command::new("apt-get");
        command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null()).stdout(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    let install = || apt(&mut ["install", "-y", "--no-install-recommends"].into_iter().chain(packages.clone()));
    // A fresh image has no list of packages yet.
    install() || (apt(&mut ["update"].into_iter()) && install())
}
