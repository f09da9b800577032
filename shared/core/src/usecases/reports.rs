//! Delivering reports: webhooks, and the manifests of drops.
//!
//! A message names a job and a report; the job's record says whether the report is still owed. A webhook's send is claimed
//! by a conditional write first, and its result is noted by another one. Whatever is interrupted in between, or whose
//! message is lost, the sweep finds by the record and sends a message again. Delivery is therefore at least once, always
//! under the same id.
//!
//! A receiver that is slow or down delays no other one: it has four sends in progress at once, and one after a failed send.
//! Others wait outside of the sender: for a short time in the queue, for a longer time in the record.

mod receivers;
mod sender;
mod webhooks;

pub use receivers::Receivers;
pub use sender::ReportSender;
