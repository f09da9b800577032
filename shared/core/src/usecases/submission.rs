//! A valid request for a job.

use bytes::Bytes;

use super::masks::SubmittedMask;
use crate::domain::correlation::{ExternalId, Metadata};
use crate::domain::idempotency::IdempotencyKey;
use crate::domain::ids::OwnerId;
use crate::domain::keys::Owner;
use crate::domain::lane::Lane;
use crate::domain::output_name::{OutputName, SourceName};
use crate::domain::params::ParamSet;
use crate::domain::rendering::Rendering;
use crate::domain::request::{DeliveryMode, Mode, SourceUrl};
use crate::domain::requested_format::RequestedFormat;
use crate::domain::review::ReviewRule;
use crate::domain::subject::SubjectSettings;
use crate::domain::upload::UploadKey;
use crate::domain::webhook::WebhookUrl;

/// A valid request for a job.
#[derive(Debug, Clone)]
pub struct Submission {
    /// The owner of the future job.
    pub owner: OwnerId,
    /// The owner's settings, if they were already read for this request.
    pub settings: Option<Owner>,
    /// Which pictures to make.
    pub mode: Mode,
    /// How the status lists the pictures.
    pub delivery: DeliveryMode,
    /// The requested file format.
    pub format: Option<RequestedFormat>,
    /// How files are written.
    pub rendering: Rendering,
    /// The parameter set of mode params. Other modes ignore it.
    pub set: Option<SubmittedSet>,
    /// The photograph.
    pub source: SubmittedSource,
    /// How the caller steers the cut. The parameter set has the settings that are missing here.
    pub subject: SubjectSettings,
    /// The mask, if it comes as a file. Then `subject` says so.
    pub mask: Option<SubmittedMask>,
    /// The lane of the future job.
    pub lane: Lane,
    /// The caller's id of the future job.
    pub external_id: Option<ExternalId>,
    /// The caller's own strings.
    pub metadata: Option<Metadata>,
    /// Where the job's events are sent; `None` for the owner's URL.
    pub webhook_url: Option<WebhookUrl>,
    /// Whether the job is held for review. `None` leaves it to the parameter set, or else to the owner's settings.
    pub review: Option<ReviewRule>,
    /// Whether the pictures get previews, also if the job is not held. `None` leaves it to the parameter set.
    pub previews: Option<bool>,
    /// The names of the job's files. `None` leaves them to the parameter set.
    pub output_name: Option<OutputName>,
    /// The name of the uploaded file.
    pub source_name: Option<SourceName>,
    /// The caller's name for this request.
    pub idempotency_key: Option<IdempotencyKey>,
}

/// The photograph of a request.
#[derive(Debug, Clone)]
pub enum SubmittedSource {
    /// Its bytes.
    Bytes(Bytes),
    /// Where to fetch it.
    Url(SourceUrl),
    /// The key under which it was uploaded directly.
    Upload(UploadKey),
}

impl SubmittedSource {
    /// The bytes to store before the job is created; `None` if they are fetched or copied later.
    pub(super) fn bytes(&self) -> Option<u64> {
        match self {
            Self::Bytes(bytes) => Some(bytes.len() as u64),
            Self::Url(_) | Self::Upload(_) => None,
        }
    }

    /// The photograph, if it came with the request.
    pub(super) fn content(&self) -> Option<&[u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            Self::Url(_) | Self::Upload(_) => None,
        }
    }

    /// The name of the photograph's file, if its address tells it.
    pub(super) fn name(&self) -> Option<SourceName> {
        match self {
            Self::Bytes(_) | Self::Upload(_) => None,
            Self::Url(url) => SourceName::of_url(url.as_url()),
        }
    }
}

/// The parameter set of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubmittedSet {
    /// By its name, which may be invalid.
    Named(String),
    /// The set itself.
    Inline(Box<ParamSet>),
}
