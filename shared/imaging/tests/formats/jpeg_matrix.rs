//! JPEGs by `cjpeg`, compared with `djpeg`: sampling factors, scans, progression and restart markers in all combinations.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::Command;

use cutline_imaging::{Limits, decode};

use super::{run, setting};

/// Sampling factors of luma and both chroma components.
const SAMPLINGS: [&str; 15] = [
    "1x1",
    "2x1",
    "1x2",
    "2x2",
    "4x1",
    "1x4",
    "4x2",
    "2x1,1x2,1x1",
    "1x1,2x1,2x1",
    "2x2,1x2,1x2",
    "2x2,2x1,2x1",
    "2x2,2x2,1x1",
    "1x1,1x1,2x2",
    "2x2,1x1,2x1",
    "4x1,2x1,1x1",
];
/// Scan scripts of baseline files: which components each scan has.
const SCRIPTS: [&str; 3] = ["0;\n1;\n2;\n", "0;\n1 2;\n", "0 1;\n2;\n"];
const RESTARTS: [&[&str]; 3] = [&[], &["-restart", "1"], &["-restart", "3B"]];
/// Differences that are allowed, in levels of 255.
const TOLERANCE: u8 = 2;
/// Fewer files than this would mean that cjpeg refused most combinations.
const MIN_FILES: usize = 400;

#[test]
fn decodes_every_combination_like_libjpeg() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("jpeg-matrix");
    fs::create_dir_all(&folder).expect("creates the folder");
    let scripts = SCRIPTS.iter().zip(1..).map(|(script, number)| {
        let path = folder.join(format!("scans{number}.txt"));
        fs::write(&path, script).expect("is written");
        path.into_os_string()
    });
    let mut modes: Vec<Vec<OsString>> = vec![vec![], vec!["-optimize".into()], vec!["-progressive".into()]];
    modes.extend(scripts.map(|script| vec!["-scans".into(), script]));
    let mut compared = 0;
    // A size that fills no MCU, and one that fills all.
    for size in [(131, 97), (64, 48)] {
        let source = folder.join(format!("{}.ppm", size.0));
        fs::write(&source, picture(size)).expect("is written");
        for sampling in SAMPLINGS {
            for mode in &modes {
                for restart in RESTARTS {
                    let mut cjpeg = Command::new(setting("CUTLINE_TEST_CJPEG"));
                    cjpeg.args(["-quality", "85", "-sample", sampling]).args(mode).args(restart).arg(&source);
                    let output = cjpeg.output().expect("the program runs");
                    // More than ten blocks do not fit into an MCU.
                    if output.status.success() {
                        compare(&folder, &output.stdout, &format!("{cjpeg:?}"));
                        compared += 1;
                    }
                }
            }
        }
    }
    assert!(compared >= MIN_FILES, "{compared}");
}

/// Noise on waves and ramps of color, as a PPM.
fn picture((width, height): (u32, u32)) -> Vec<u8> {
    let mut state = 1_u32;
    let mut file = format!("P6 {width} {height} 255\n").into_bytes();
    for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let noise = (state >> 28) as f32 - 8.0;
        let wave = 128.0 + 100.0 * (x as f32 / 9.0).sin() * (y as f32 / 7.0).cos();
        for value in [(x * 255 / width) as f32, (y * 255 / height) as f32, wave] {
            file.push((value + noise).clamp(0.0, 255.0) as u8);
        }
    }
    file
}

fn compare(folder: &Path, jpeg: &[u8], what: &str) {
    let path = folder.join("file.jpg");
    fs::write(&path, jpeg).expect("is written");
    let expected = run(Command::new(setting("CUTLINE_TEST_DJPEG")).args(["-dct", "int"]).arg(&path)).stdout;
    let photo = decode(jpeg, &Limits::default()).unwrap_or_else(|error| panic!("{what}: {error:?}"));
    let pixels = photo.color().as_raw();
    let expected = &expected[expected.len() - pixels.len()..];
    let difference = pixels.iter().zip(expected).map(|(a, b)| a.abs_diff(*b)).max();
    assert!(difference <= Some(TOLERANCE), "{what}: differs by {difference:?}");
}
