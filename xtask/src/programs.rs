//! Programs from other projects: ImageMagick, ExifTool and tiffinfo read the files Cutline writes; ImageMagick, libvips,
//! libjpeg's programs, avifenc and cwebp write files for it to read; interpreters run the clients of `examples/`, and
//! Chromium shows the web pages.
//!
//! They are installed on the machine, not under `target/tools`. A missing one is installed with `apt-get` if this runs
//! as root, as in a container. Otherwise the suite decides: `formats` and `heic` skip their tests and the summary lists
//! it, `e2e` and `desk` fail and name its packages.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// A program, and the module of a suite that needs it.
pub(crate) struct Program {
    /// The suite that needs it.
    suite: &'static str,
    /// Its line in the summary.
    pub(crate) line: &'static str,
    /// The module of the tests that need it.
    pub(crate) module: &'static str,
    /// The environment variable that tells the tests its path.
    pub(crate) variable: &'static str,
    /// The names that it may be installed under.
    names: &'static [&'static str],
    /// Arguments that make it print something that contains [`Self::signature`].
    arguments: &'static [&'static str],
    signature: &'static str,
    /// Debian packages, or regular expressions that match their names.
    pub(crate) packages: &'static [&'static str],
}

const PROGRAMS: [Program; 15] = [
    Program {
        suite: "formats",
        line: "formats: ImageMagick",
        module: "imagemagick",
        variable: "CUTLINE_TEST_IMAGEMAGICK",
        // Version 7, Debian's version 6, and version 6 elsewhere.
        names: &["magick", "convert-im6.q16", "convert"],
        // `-clip` draws the path as SVG, for which Debian has a separate package.
        arguments: &["-list", "format"],
        signature: "Scalable Vector Graphics",
        packages: &["imagemagick", "^libmagickcore-[0-9.]+q16-[0-9]+-extra$"],
    },
    Program {
        suite: "formats",
        line: "formats: ExifTool",
        module: "exiftool",
        variable: "CUTLINE_TEST_EXIFTOOL",
        names: &["exiftool"],
        arguments: &["-ver"],
        signature: ".",
        packages: &["libimage-exiftool-perl"],
    },
    Program {
        suite: "formats",
        line: "formats: tiffinfo",
        module: "tiffinfo",
        variable: "CUTLINE_TEST_TIFFINFO",
        names: &["tiffinfo"],
        arguments: &["-h"],
        signature: "LIBTIFF",
        packages: &["libtiff-tools"],
    },
    Program {
        suite: "formats",
        line: "formats: cjpeg",
        module: "jpeg_matrix",
        variable: "CUTLINE_TEST_CJPEG",
        names: &["cjpeg"],
        arguments: &["-version"],
        signature: "libjpeg",
        packages: &["libjpeg-turbo-progs"],
    },
    Program {
        suite: "formats",
        line: "formats: djpeg",
        module: "jpeg_matrix",
        variable: "CUTLINE_TEST_DJPEG",
        names: &["djpeg"],
        arguments: &["-version"],
        signature: "libjpeg",
        packages: &["libjpeg-turbo-progs"],
    },
    Program {
        suite: "formats",
        line: "formats: libvips",
        module: "differential",
        variable: "CUTLINE_TEST_VIPS",
        names: &["vips"],
        arguments: &["--version"],
        signature: "vips-",
        packages: &["libvips-tools"],
    },
    Program {
        suite: "formats",
        line: "formats: cjpeg, compared",
        module: "differential::cjpeg",
        variable: "CUTLINE_TEST_CJPEG",
        names: &["cjpeg"],
        arguments: &["-version"],
        signature: "libjpeg",
        packages: &["libjpeg-turbo-progs"],
    },
    Program {
        suite: "formats",
        line: "formats: avifenc",
        module: "differential::avifenc",
        variable: "CUTLINE_TEST_AVIFENC",
        names: &["avifenc"],
        arguments: &["--version"],
        signature: "aom",
        packages: &["libavif-bin"],
    },
    Program {
        suite: "formats",
        line: "formats: cwebp",
        module: "differential::cwebp",
        variable: "CUTLINE_TEST_CWEBP",
        names: &["cwebp"],
        arguments: &["-longhelp"],
        signature: "near_lossless",
        packages: &["webp"],
    },
    Program {
        suite: "heic",
        line: "heic: libheif",
        module: "heic",
        variable: "CUTLINE_TEST_PKG_CONFIG",
        names: &["pkg-config"],
        arguments: &["--libs", "libheif >= 1.14"],
        signature: "-lheif",
        packages: &["pkg-config", "libheif-dev"],
    },
    Program {
        suite: "e2e",
        line: "e2e: curl and jq",
        module: "clients::curl",
        variable: "CUTLINE_TEST_BASH",
        names: &["bash"],
        arguments: &["-c", "curl --version && jq --version"],
        signature: "jq-",
        packages: &["curl", "jq"],
    },
    Program {
        suite: "e2e",
        line: "e2e: Node.js",
        module: "clients::node",
        variable: "CUTLINE_TEST_NODE",
        names: &["node"],
        // Version 18 or newer.
        arguments: &["--print", "typeof fetch + ' ' + typeof FormData"],
        signature: "function function",
        packages: &["nodejs"],
    },
    Program {
        suite: "e2e",
        line: "e2e: PHP with curl",
        module: "clients::php",
        variable: "CUTLINE_TEST_PHP",
        names: &["php"],
        arguments: &["--modules"],
        signature: "curl",
        packages: &["php-cli", "php-curl"],
    },
    Program {
        suite: "desk",
        line: "desk: Node.js",
        module: "desk",
        variable: "CUTLINE_TEST_NODE",
        names: &["node"],
        // Version 20.11 or newer.
        arguments: &["--print", "typeof require('node:test') + ' ' + typeof fetch + ' ' + process.version"],
        signature: "function function v2",
        packages: &["nodejs"],
    },
    Program {
        suite: "desk",
        line: "desk: Chromium",
        module: "desk",
        variable: "CUTLINE_TEST_CHROMIUM",
        names: &["/usr/bin/chromium", "chromium", "chromium-browser", "google-chrome"],
        arguments: &["--version"],
        signature: "Chrom",
        packages: &["chromium"],
    },
];

/// The programs of a suite on this machine.
#[derive(Default)]
pub(crate) struct Programs {
    /// Each with the name it is installed under.
    pub(crate) installed: Vec<(&'static Program, PathBuf)>,
    pub(crate) missing: Vec<&'static Program>,
}

impl Programs {
    /// Finds the programs of a suite, and installs missing ones where possible.
    pub(crate) fn ready(suite: &str) -> Self {
        let programs = Self::find(suite);
        if programs.missing.is_empty() || !install(&programs.missing) { programs } else { Self::find(suite) }
    }

    fn find(suite: &str) -> Self {
        let mut programs = Self::default();
        for program in PROGRAMS.iter().filter(|program| program.suite == suite) {
            match program.names.iter().find(|name| program.is_installed_as(name)) {
                Some(name) => programs.installed.push((program, PathBuf::from(name))),
                None => programs.missing.push(program),
            }
        }
        programs
    }
}

impl Programs {
    /// Fails if a program is missing, and names its packages.
    pub(crate) fn require(&self) -> Result<()> {
        match self.missing.first() {
            Some(program) => bail!("{} is missing: install {}", program.line, program.packages.join(" and ")),
            None => Ok(()),
        }
    }

    /// The path of the program whose path goes into this variable.
    pub(crate) fn path(&self, variable: &str) -> Result<&Path> {
        let found = self.installed.iter().find(|(program, _)| program.variable == variable);
        found.map(|(_, path)| path.as_path()).with_context(|| format!("no program for {variable}"))
    }
}

impl Program {
    /// Whether this name exists and belongs to this program, not to another one.
    fn is_installed_as(&self, name: &str) -> bool {
        let output = Command::new(name).args(self.arguments).stdin(Stdio::null()).output();
        output.is_ok_and(|output| {
            let printed = [output.stdout, output.stderr].concat();
            String::from_utf8_lossy(&printed).contains(self.signature)
        })
    }
}

/// Installs the Debian packages of these programs. Returns whether it succeeded.
fn install(missing: &[&Program]) -> bool {
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0");
    if !is_root {
        return false;
    }
    let packages = missing.iter().flat_map(|program| program.packages).copied();
    let apt = |arguments: &mut dyn Iterator<Item = &str>| {
        let mut command = Command::new("apt-get");
        command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null()).stdout(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    let install = || apt(&mut ["install", "-y", "--no-install-recommends"].into_iter().chain(packages.clone()));
    // A fresh image has no package lists.
    install() || (apt(&mut ["update"].into_iter()) && install())
}
