//! A request for a job.

use crate::domain::ids::OwnerId;
use crate::domain::lane::Lane;
use crate::domain::request::{DeliveryMode, Mode};
use crate::usecases::{Submission, SubmittedSource};

/// A request for a live job of mode background, without any optional field. A test writes what matters to it:
/// `Submission { lane: Lane::Bulk, ..submission(&owner, source) }`.
pub fn submission(owner: &OwnerId, source: SubmittedSource) -> Submission {
    Submission {
        owner: owner.clone(),
        settings: None,
        mode: Mode::Background,
        delivery: DeliveryMode::Url,
        format: None,
        rendering: Default::default(),
        set: None,
        source,
        subject: Default::default(),
        mask: None,
        lane: Lane::Live,
        external_id: None,
        metadata: None,
        webhook_url: None,
        review: None,
        previews: None,
        output_name: None,
        source_name: None,
        idempotency_key: None,
    }
}
