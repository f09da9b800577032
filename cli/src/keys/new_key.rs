//! Creating API keys.

use anyhow::Context;
use cutline_core::domain::keys::{KeyRecord, Secret};
use cutline_core::{Clock as _, OwnerId, SystemClock};

/// A new key, not stored anywhere yet.
pub(crate) fn new_key(owner: OwnerId, label: String) -> anyhow::Result<(Secret, KeyRecord)> {
    let secret = Secret::generate().context("no random numbers from the system")?;
    let record = KeyRecord { hash: secret.hash(), owner, label, created_at: SystemClock.now(), revoked_at: None };
    Ok((secret, record))
}
