//! Notes in the audit log about changes from the command line.

use std::sync::Arc;

use anyhow::Context;
use cutline_core::domain::audit::{Actor, AuditEvent};
use cutline_core::ports::Audit;
use cutline_core::usecases::{AuditLog, Env};
use cutline_core::{OwnerId, Policy};

/// Notes a change that this program made.
///
/// # Errors
/// If the store fails. The change stays.
pub(crate) async fn note(
    audit: Arc<dyn Audit>,
    owner: &OwnerId,
    actor: Actor,
    event: AuditEvent,
) -> anyhow::Result<()> {
    let log = AuditLog { audit, env: Env::system(Policy::default()) };
    let noted = log.note(owner, actor, event).await;
    noted.context("change made, but not noted in the audit log; do not repeat it")
}
