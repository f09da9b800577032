//! What the use cases need from the world, as small traits. A method's documentation is the contract that
//! [`crate::contract`] checks on every adapter. No SDK type crosses a port.

mod blobs;
mod clock;
mod deliveries;
mod drop_files;
mod drops;
mod error;
mod jobs;
mod keys;
mod links;
mod param_sets;
mod pipeline;
mod quarantine;
mod queue;
mod source_fetcher;

pub use blobs::Blobs;
pub use clock::{Clock, Ids, SystemClock, SystemIds, to_millis};
pub use deliveries::{Deliveries, Delivery, Receipt};
pub use drop_files::{DropContent, DropFiles, ManifestTag, StoredManifest};
pub use drops::Drops;
pub use error::{BoxError, CreateError, PortError, WriteError};
pub use jobs::Jobs;
pub use keys::Keys;
pub use links::{Link, Links};
pub use param_sets::{ParamSets, Precondition, StoredSet};
pub use pipeline::{EncodedAsset, EncodedPicture, Pipeline, PipelineInput, PipelineOutput, Progress, Stage};
pub use quarantine::Quarantine;
pub use queue::Queue;
pub use source_fetcher::SourceFetcher;
