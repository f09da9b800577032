//! `cutline batch` against a deployment: a folder, whose files are sent by direct uploads, and objects in S3, which the intake
//! function fetches by signed links.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use cutline_deployment::{Bucket, Report, program};

use crate::lambda_command::Up;
use crate::photo;
use crate::world::World;

/// Runs it in `folder`. Returns what it reported at its end.
fn batch(up: &Up, report: &Report, folder: &Path, arguments: &[&str]) -> Result<String> {
    let output = Command::new(program("cutline")?)
        .arg("batch")
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("CUTLINE_URL", up.text("/base_url")?)
        .env("CUTLINE_API_KEY", up.text("/api_key")?)
        .env("AWS_REGION", &report.region)
        .env("AWS_ENDPOINT_URL", &report.endpoint)
        .envs(report.admin.variables())
        .output()
        .context("cannot run cutline batch")?;
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.success(), "{arguments:?}: {}: {error}\n{}", output.status, up.log());
    Ok(error)
}

pub(crate) async fn a_folder_and_objects_in_s3_are_cut_out(world: &World) -> Result<()> {
    // The links to the objects lead to the emulator of AWS, on this machine.
    let up = Up::start(world, &["--allow-private-sources"]).await?;
    let report: Report = serde_json::from_value(up.state["report"].clone()).context("invalid report")?;
    let folder = world.log_path("batch");
    // An earlier run may have left its state.
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(folder.join("photos/b"))?;
    fs::write(folder.join("photos/a.jpg"), photo::PHOTO)?;
    fs::write(folder.join("photos/b/c.jpg"), photo::PHOTO)?;
    let bucket = Bucket::new(&report, &report.admin);
    for name in ["a.jpg", "b/c.jpg"] {
        bucket.put(&format!("photos/{name}"), photo::PHOTO).await?;
    }

    let prefix = format!("s3://{}/photos/", bucket.name);
    for (source, output) in [("photos", "from-folder"), (prefix.as_str(), "from-s3")] {
        let arguments = [source, "--mode", "background", "-o", output];
        let end = batch(&up, &report, &folder, &arguments)?;
        ensure!(end.contains("2 done"), "{source}: {end}");
        for picture in ["a.png", "b/c.png"] {
            let bytes = fs::read(folder.join(output).join(picture)).with_context(|| format!("{output}/{picture}"))?;
            photo::check(&bytes).with_context(|| format!("{output}/{picture}"))?;
        }
        let again = batch(&up, &report, &folder, &arguments)?;
        ensure!(again.contains("0 done") && again.contains("2 skipped"), "{source}: {again}");
    }
    // Two pictures by direct uploads, whose objects are kept for some days.
    ensure!(bucket.count("uploads/").await? == 2 && bucket.count("sources/").await? == 4, "{}", up.log());
    up.end()
}
