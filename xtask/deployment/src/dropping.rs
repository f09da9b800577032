//! A file that is dropped into the bucket, and its results.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use cutline_deployment::{Bucket, SAMPLE_OWNER};
use jiff::Zoned;
use serde_json::Value;
use tokio::time::sleep;

use crate::state::State;

/// Longer than the longest picture.
const PATIENCE: Duration = Duration::from_secs(300);

/// Drops a file, waits for its manifest, and saves the manifest and the pictures.
pub(crate) async fn run(folder: &Path, file: &Path, set: &str) -> Result<()> {
    let bytes = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let name = file.file_name().and_then(|name| name.to_str()).context("the file's name is not UTF-8; rename it")?;
    let state = State::read(folder)?;
    let bucket = Bucket::new(&state.report, &state.report.admin);
    // A folder of its own, so that the results of an earlier drop are not taken for those of this one.
    let path = format!("{SAMPLE_OWNER}/{set}/{}/{name}", Zoned::now().strftime("%Y%m%d-%H%M%S.%3f"));
    bucket.put(&format!("drops/{path}"), bytes).await?;
    println!("dropped s3://{}/drops/{path}", bucket.name);

    let manifest = wait_for_manifest(&state, &bucket, &format!("results/{path}")).await?;
    println!("{manifest:#}");
    let saved = folder.join("results").join(&path);
    fs::create_dir_all(&saved).with_context(|| format!("cannot create {}", saved.display()))?;
    fs::write(saved.join("manifest.json"), format!("{manifest:#}\n")).context("cannot save the manifest")?;
    for variation in manifest["variations"].as_object().into_iter().flat_map(|variations| variations.values()) {
        let name = variation["file"].as_str().context("the manifest names no file")?;
        let picture = bucket.get(&format!("results/{path}/{name}")).await?;
        let picture = picture.with_context(|| format!("the result {name} is missing"))?;
        fs::write(saved.join(name), picture).with_context(|| format!("cannot save {name}"))?;
    }
    println!("saved in {}", saved.display());
    match manifest["status"].as_str() {
        Some("done") => Ok(()),
        _ => bail!("the file was not cut out; the manifest above says why"),
    }
}

async fn wait_for_manifest(state: &State, bucket: &Bucket, folder: &str) -> Result<Value> {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        if let Some(manifest) = bucket.get(&format!("{folder}/manifest.json")).await? {
            return serde_json::from_slice(&manifest).context("the manifest is not JSON");
        }
        if !state.is_running().await {
            bail!("the deployment has ended; start it again with `cargo xtask lambda up`");
        }
        sleep(Duration::from_millis(200)).await;
    }
    bail!("no result after five minutes; see the logs in the folder of the deployment")
}
