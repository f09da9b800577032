//! `cargo xtask gallery`: contact sheets of cut-outs, for people to look at: no measured figure
//! shows a halo.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail, ensure};

use crate::steps::run_program;
use crate::tools::Tools;
use crate::workspace::{BUILD, cargo, fetch_models, program, root};

/// The backgrounds behind shadows: a folder's name and a color.
const BACKGROUNDS: [(&str, &str); 3] = [("white", "#ffffff"), ("gray", "#d0d0d0"), ("terracotta", "#c8785a")];

/// A parameter set with every kind of shadow on a color.
fn shadows_on(color: &str) -> String {
    format!(
        r#"{{"canvas": {{"width": 600, "height": 600}}, "background": {{"color": "{color}"}}, "margin": "14%",
            "shadow_ground": {{}}, "shadow_top": {{}}, "shadow_wall": {{}}, "preserve_shadow": true,
            "variations": ["compose", "shadowTop", "shadow_wall"]}}"#
    )
}

/// Makes the sheets: `FOLDER [-o OUT]`.
pub(crate) fn run(arguments: &[String]) -> Result<ExitCode> {
    let (photos, out) = read(arguments)?;
    ensure!(photos.is_dir(), "not a folder: {}", photos.display());
    run_program(cargo().arg("build").args(BUILD).arg("--bins"))?;
    let models = fetch_models()?;
    let python = Tools::for_scoring()?;
    let cut = |name: &str, arguments: &[&OsStr]| -> Result<()> {
        let folder = out.join(name);
        // Results of an earlier run would hide photographs that fail in this one.
        remove_folder(&folder)?;
        let mut cut = program("cutline")?;
        cut.env("CUTLINE_MODELS_DIR", &models).arg("cut").arg(&photos).arg("-o").arg(&folder);
        // The command fails if any photograph has no subject, but cuts out all others.
        let status = cut.args(arguments).status().context("cannot run cutline cut")?;
        ensure!(folder.exists(), "cutline cut wrote nothing: {status}");
        Ok(())
    };
    cut("background", &["--mode", "background", "--format", "png"].map(OsStr::new))?;
    cut("clipping", &["--mode", "clipping", "--format", "png", "--svg"].map(OsStr::new))?;
    for (name, color) in BACKGROUNDS {
        let set = out.join(format!("{name}.json"));
        std::fs::write(&set, shadows_on(color)).with_context(|| format!("cannot write {}", set.display()))?;
        cut(name, &[OsStr::new("--params"), set.as_os_str()])?;
    }
    let script = root().join("xtask/py/gallery.py");
    run_program(Command::new(python.program("python")).arg(script).arg(&photos).arg(&out))?;
    Ok(ExitCode::SUCCESS)
}

fn remove_folder(folder: &Path) -> Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot empty {}", folder.display()))
        }
        _ => Ok(()),
    }
}

/// The folder of photographs and that of the sheets.
fn read(arguments: &[String]) -> Result<(PathBuf, PathBuf)> {
    let (photos, out): (&Path, &OsStr) = match arguments {
        [photos] => (photos.as_ref(), "target/gallery".as_ref()),
        [photos, flag, out] if flag == "-o" => (photos.as_ref(), out.as_ref()),
        _ => bail!("usage: cargo xtask gallery FOLDER [-o OUT]"),
    };
    let absolute = |path: &Path| std::path::absolute(path).with_context(|| format!("bad path {}", path.display()));
    Ok((absolute(photos)?, absolute(Path::new(out))?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn needs_a_folder_and_accepts_an_output_folder() {
        let read = |arguments: &[&str]| read(&arguments.iter().map(|&one| one.to_owned()).collect::<Vec<_>>());
        assert!(read(&[]).is_err() && read(&["a", "-x", "b"]).is_err());
        assert!(read(&["a"]).is_ok_and(|(_, out)| out.ends_with("target/gallery")));
        assert!(read(&["a", "-o", "b"]).is_ok_and(|(photos, out)| photos.ends_with("a") && out.ends_with("b")));
    }
}
