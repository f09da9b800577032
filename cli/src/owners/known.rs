//! Whether an owner exists.

use anyhow::{Context, anyhow};
use cutline_core::OwnerId;
use cutline_core::ports::Keys;

/// A mistyped name is an error, and no owner is created.
pub(super) async fn ensure_known(keys: &dyn Keys, name: &OwnerId) -> anyhow::Result<()> {
    match keys.is_known(name).await.context("cannot read the owner")? {
        true => Ok(()),
        false => Err(unknown(name)),
    }
}

pub(super) fn unknown(name: &OwnerId) -> anyhow::Error {
    anyhow!("unknown owner: {name}; create a key of a new owner with `cutline keys create --owner {name}`")
}
