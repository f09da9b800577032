//! `cargo xtask gallery`: contact sheets of what Cutline makes of a folder of photographs, to be looked at. Numbers
//! do not see a halo.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};

use crate::root;
use crate::steps::run as run_program;
use crate::targets::cargo;
use crate::test::{fetch_models, program};
use crate::tools::Tools;

/// What shadows are shown on: the name of the folder, and the color.
const GROUNDS: [(&str, &str); 3] = [("white", "#ffffff"), ("gray", "#d0d0d0"), ("terracotta", "#c8785a")];

/// A parameter set of every shadow on a color.
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
    ensure!(photos.is_dir(), "{} is no folder", photos.display());
    run_program(cargo().args(["build", "--release", "--workspace", "--all-features", "--locked", "--bins"]))?;
    let models = fetch_models()?;
    let python = Tools::for_scoring()?;
    let made = ["background", "clipping"].into_iter().chain(GROUNDS.map(|(name, _)| name));
    for made in made.map(|name| out.join(name)) {
        // What an earlier run left would be shown in place of what is refused now.
        match std::fs::remove_dir_all(&made) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("emptying {}", made.display()));
            }
            _ => {}
        }
    }
    for (mode, more) in [("background", None), ("clipping", Some("--svg"))] {
        let mut cut = program("cutline")?;
        cut.env("CUTLINE_MODELS_DIR", &models).arg("cut").arg(&photos).arg("-o").arg(out.join(mode));
        cut.args(["--mode", mode, "--format", "png"]).args(more);
        // A photograph without a subject makes the command fail after it has done the others.
        let status = cut.status().context("running cutline cut")?;
        ensure!(out.join(mode).exists(), "cutline cut wrote nothing: {status}");
    }
    for (name, color) in GROUNDS {
        let set = out.join(format!("{name}.json"));
        std::fs::write(&set, shadows_on(color)).with_context(|| format!("writing {}", set.display()))?;
        let mut cut = program("cutline")?;
        cut.env("CUTLINE_MODELS_DIR", &models).arg("cut").arg(&photos).arg("-o").arg(out.join(name));
        let status = cut.arg("--params").arg(&set).status().context("running cutline cut")?;
        ensure!(out.join(name).exists(), "cutline cut wrote nothing: {status}");
    }
    let script = root().join("xtask/py/gallery.py");
    run_program(std::process::Command::new(python.program("python")).arg(script).arg(&photos).arg(&out))?;
    Ok(ExitCode::SUCCESS)
}

fn read(arguments: &[String]) -> Result<(PathBuf, PathBuf)> {
    let (photos, out): (&Path, &OsStr) = match arguments {
        [photos] => (photos.as_ref(), "target/gallery".as_ref()),
        [photos, flag, out] if flag == "-o" => (photos.as_ref(), out.as_ref()),
        _ => bail!("cargo xtask gallery FOLDER [-o OUT]"),
    };
    let absolute = |path: &Path| std::path::absolute(path).with_context(|| format!("finding {}", path.display()));
    Ok((absolute(photos)?, absolute(Path::new(out))?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_needed_and_where_to_can_be_said() {
        let read = |arguments: &[&str]| read(&arguments.iter().map(|&one| one.to_owned()).collect::<Vec<_>>());
        assert!(read(&[]).is_err() && read(&["a", "-x", "b"]).is_err());
        assert!(read(&["a"]).is_ok_and(|(_, out)| out.ends_with("target/gallery")));
        assert!(read(&["a", "-o", "b"]).is_ok_and(|(photos, out)| photos.ends_with("a") && out.ends_with("b")));
    }
}
