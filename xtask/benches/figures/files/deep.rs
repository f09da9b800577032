//! A TIFF of 16 bits a channel that stays one, against the same picture in 8 bits.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::{Context, Result};
use image::RgbImage;

use super::whole_cut;
use crate::Setup;
use crate::imaging::least;
use crate::report::{Report, Target};

/// The number of timed rounds.
const ROUNDS: usize = 3;
const OPTION: &str = "--depth";

pub(super) fn run(setup: &Setup, picture: &RgbImage, folder: &Path, report: &mut Report) -> Result<()> {
    report.begin("files: a 24 MP TIFF of 16 bits to TIFF");
    if !whole_cut::has_option(setup, OPTION)? {
        report.tell("files, 24 MP TIFF to TIFF, 16 bits", format!("not measured: cutline cut has no {OPTION}"));
        return Ok(());
    }
    let (mut seconds, mut peaks) = ([Vec::new(), Vec::new()], [0.0_f64; 2]);
    let sources = [(8, folder.join("8.tif")), (16, folder.join("16.tif"))];
    for (bits, source) in &sources {
        write_tiff(source, picture, *bits).context("cannot write a TIFF")?;
    }
    for _ in 0..ROUNDS {
        for (at, (bits, source)) in sources.iter().enumerate() {
            let out = folder.join(format!("made-{bits}"));
            let cost = whole_cut::run(setup, source, &out, &["--format", "tiff", OPTION, "keep"])?;
            seconds[at].push(cost.seconds);
            peaks[at] = peaks[at].max(cost.peak);
        }
    }
    let [eight, sixteen] = seconds.map(|seconds| least(&seconds));
    report.tell("files, 24 MP TIFF to TIFF: 8 and 16 bits", format!("{eight:.2} s, {sixteen:.2} s"));
    report.tell("files, 24 MP TIFF to TIFF: peak memory", format!("{:.0} MB, {:.0} MB", peaks[0], peaks[1]));
    report.judge("files, 16 bits / 8 bits: time", sixteen / eight, "", 2, Target::AtMost(2.0));
    report.judge("files, 16 bits / 8 bits: memory", peaks[1] / peaks[0], "", 2, Target::AtMost(1.6));
    Ok(())
}

/// Writes an uncompressed RGB TIFF of one strip, with 8 or 16 bits a channel. The lower byte of 16 bits repeats the upper one.
fn write_tiff(path: &Path, picture: &RgbImage, bits: u16) -> Result<()> {
    const SHORT: u16 = 3;
    const LONG: u16 = 4;
    const ENTRIES: u32 = 9;
    let bytes = u32::from(bits / 8);
    // The header, the directory, and the bits of three channels.
    let samples_at = 8 + 2 + ENTRIES * 12 + 4 + 6;
    let length = picture.width() * picture.height() * 3 * bytes;
    let mut file = BufWriter::new(File::create(path)?);
    file.write_all(b"II*\0\x08\0\0\0")?;
    file.write_all(&(ENTRIES as u16).to_le_bytes())?;
    for (tag, kind, count, value) in [
        (256_u16, LONG, 1_u32, picture.width()),
        (257, LONG, 1, picture.height()),
        (258, SHORT, 3, samples_at - 6),
        (259, SHORT, 1, 1),
        (262, SHORT, 1, 2),
        (273, LONG, 1, samples_at),
        (277, SHORT, 1, 3),
        (278, LONG, 1, picture.height()),
        (279, LONG, 1, length),
    ] {
        file.write_all(&tag.to_le_bytes())?;
        file.write_all(&kind.to_le_bytes())?;
        file.write_all(&count.to_le_bytes())?;
        file.write_all(&value.to_le_bytes())?;
    }
    file.write_all(&[0; 4])?;
    file.write_all(&[bits; 3].map(u16::to_le_bytes).concat())?;
    for sample in picture.as_raw() {
        file.write_all(&[*sample; 2][..bytes as usize])?;
    }
    file.flush()?;
    Ok(())
}
