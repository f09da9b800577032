//! Files that ImageMagick wrote, and the same files with a path inserted by Cutline: `<name>` and `path-<name>`.

use std::ffi::OsStr;
use std::path::Path as Folder;
use std::process::Command;

use cutline_core::domain::rendering::PathOptions;
use cutline_imaging::insert::{Insertion, insert_path};

use crate::subject;

/// Each with what makes it unlike the others: inks, 16 bits, byte orders, long offsets, compression, several pages, layers.
pub(crate) const FILES: [(&str, &[&str]); 9] = [
    ("baseline.jpg", &["-quality", "90"]),
    ("progressive.jpg", &["-interlace", "JPEG", "-set", "comment", "a comment"]),
    ("inks.jpg", &["-colorspace", "CMYK"]),
    ("inks.tif", &["-colorspace", "CMYK", "-depth", "16", "-compress", "LZW", "-endian", "MSB"]),
    ("gray.tif", &["-colorspace", "Gray", "-depth", "8", "-endian", "LSB", "-compress", "None"]),
    ("big.tif", &["-depth", "16", "-compress", "Zip"]),
    ("pages.tif", &["(", "+clone", "-flip", ")", "-compress", "Zip"]),
    ("document.psd", &["-depth", "16"]),
    ("document.psb", &["-depth", "8", "-compress", "RLE"]),
];

/// Writes all files.
pub(crate) fn write(folder: &Folder, imagemagick: &OsStr) {
    for (name, options) in FILES {
        // The prefix asks for a format that the extension does not name.
        let form = if name == "big.tif" { "TIFF64:" } else { "" };
        let mut target = std::ffi::OsString::from(form);
        target.push(folder.join(name));
        let mut convert = Command::new(imagemagick);
        convert.arg(folder.join("cut.png")).args(["-background", "white", "-alpha", "remove", "-alpha", "off"]);
        crate::run(convert.args(options).arg(target));
        let file = std::fs::read(folder.join(name)).expect("was written");
        let name_of_path = subject::PATH_NAME.to_owned().try_into().expect("is a name");
        let options = PathOptions { name: name_of_path, ..PathOptions::default() };
        let path = subject::path();
        let inserted = insert_path(&file, &Insertion { path: &path, options: &options, page: 0 });
        let inserted = inserted.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(inserted.warnings, [""; 0], "{name}");
        std::fs::write(folder.join(format!("path-{name}")), inserted.patch.apply(file)).expect("is written");
    }
}
