//! Files of other programs, over all kinds and options, decoded here and by others: the difference of colors is at most 1 on
//! average and 3 at any place away from edges, by CIEDE2000. `xtask/py/differential` makes and compares the files.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use cutline_imaging::{Limits, Photo, decode};

use super::{run, setting};

/// The number of files of each maker, which a change of the Python program must not lower unnoticed.
const FILES: [(&str, usize); 6] =
    [("imagemagick", 101), ("vips", 75), ("cjpeg", 40), ("avifenc", 40), ("cwebp", 26), ("psd_tools", 18)];

fn compare(maker: &str) {
    // One for each maker: they run at once, and each writes the sources and profiles again.
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("differential").join(maker);
    fs::create_dir_all(&folder).expect("creates the folder");
    run(&mut program("make", &folder, maker));
    let files = folder.join(maker);
    let names = fs::read_to_string(files.join("names.txt")).expect("the names were written");
    let expected = FILES.iter().find(|(name, _)| *name == maker).map(|(_, count)| *count);
    assert_eq!(Some(names.lines().count()), expected, "{maker} made another number of files");
    for name in names.lines() {
        let file = fs::read(files.join(name)).expect("the file was written");
        let (decoded, refused) = (files.join(format!("{name}.rgba")), files.join(format!("{name}.error")));
        for old in [&decoded, &refused] {
            // Of an earlier run.
            let _ = fs::remove_file(old);
        }
        match decode(&file, &Limits::default()) {
            Ok(photo) => fs::write(decoded, rgba(&photo)),
            Err(error) => fs::write(refused, error.to_string()),
        }
        .expect("is written");
    }
    run(&mut program("compare", &folder, maker));
}

fn program(what: &str, folder: &Path, maker: &str) -> Command {
    let script: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../xtask/py/differential");
    let mut python = Command::new(setting("CUTLINE_TEST_PYTHON"));
    python.arg(script).arg(what).arg(folder).arg(maker);
    python
}

/// Width, height and pixels, as the Python program reads them.
fn rgba(photo: &Photo) -> Vec<u8> {
    let (width, height) = photo.dimensions();
    let mut bytes = [width.to_le_bytes(), height.to_le_bytes()].concat();
    let mut opacities = photo.alpha().map(|alpha| alpha.iter());
    for pixel in photo.color().pixels() {
        bytes.extend(pixel.0);
        bytes.push(opacities.as_mut().and_then(Iterator::next).copied().unwrap_or(u8::MAX));
    }
    bytes
}

#[test]
fn there_are_three_hundred_files() {
    assert_eq!(FILES.iter().map(|(_, count)| count).sum::<usize>(), 300);
}

mod imagemagick {
    #[test]
    fn files_look_the_same() {
        super::compare("imagemagick");
    }
}

mod vips {
    #[test]
    fn files_look_the_same() {
        super::compare("vips");
    }
}

mod cjpeg {
    #[test]
    fn files_look_the_same() {
        super::compare("cjpeg");
    }
}

mod avifenc {
    #[test]
    fn files_look_the_same() {
        super::compare("avifenc");
    }
}

mod cwebp {
    #[test]
    fn files_look_the_same() {
        super::compare("cwebp");
    }
}

mod psd_tools {
    #[test]
    fn files_look_the_same() {
        super::compare("psd_tools");
    }
}
