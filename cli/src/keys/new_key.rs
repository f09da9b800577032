//! Creating API keys.

use anyhow::Context;
use cutline_core::domain::keys::{KeyRecord, KeyScope, Secret};
use cutline_core::{Clock as _, OwnerId, SystemClock};

/// A new key, not stored anywhere yet.
pub(crate) fn new_key(owner: OwnerId, label: String, scope: KeyScope) -> anyhow::Result<(Secret, KeyRecord)> {
    let secret = Secret::generate().context("no random numbers from the system")?;
    let (hash, created_at) = (secret.hash(), SystemClock.now());
    let record = KeyRecord { hash, owner, label, scope, created_at, revoked_at: None };
    Ok((secret, record))
}
