//! Records what the previous release stores and sends: jobs in every state, keys, owners, parameter sets, messages and
//! files. `shared/core/tests/data/releases/README.md` describes the files.

mod aws;
mod local;
mod recording;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::origin::{Origin, PHOTO};
use crate::releases::Release;

/// Records both backends into this folder.
pub(crate) async fn run(folder: &Path) -> Result<()> {
    let release = Release::previous()?;
    let origin = Origin::start().await?;
    let aws = aws::record(&release, &origin).await?;
    let (local, database) = local::record(&release, &origin).await?;
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    for (name, bytes) in [
        ("aws.json", aws.text()?.into_bytes()),
        ("local.json", local.text()?.into_bytes()),
        ("local.sql", database.into_bytes()),
        ("photo.jpg", PHOTO.to_vec()),
    ] {
        fs::write(folder.join(name), bytes).with_context(|| format!("cannot write {name}"))?;
    }
    println!("recorded in {}", folder.display());
    Ok(())
}
