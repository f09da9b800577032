//! Taking a dropped file in.

use super::ingest::{DropIngest, IngestOutcome};
use super::manifest::Refusal;
use super::publish::Ending;
use crate::domain::drops::{DropOrigin, DropPath, DropPurpose, DroppedObject};
use crate::domain::failure::DropRefusalCode;
use crate::domain::foreign_kind::ForeignKind;
use crate::domain::identity::Identity;
use crate::domain::ids::OwnerId;
use crate::domain::job::{Job, JobParamSet, JobSpec, Source};
use crate::domain::kind::ImageKind;
use crate::domain::limits::MAX_SOURCE_BYTES;
use crate::domain::output_name::SourceName;
use crate::domain::rendering::Rendering;
use crate::domain::request::{DeliveryMode, Mode};
use crate::domain::review::ReviewRule;
use crate::domain::storage::StorageKey;
use crate::ports::{DropLook, PortError};
use crate::usecases::accept::{AcceptError, Acceptor, IdentifiedOutcome};
use crate::usecases::names::{JobNames, RequestedNames};
use crate::usecases::storage_cap::{Reservation, ReserveError, StorageFull};

/// The parts of a drop's job.
struct Acceptance {
    owner: OwnerId,
    set: JobParamSet,
    /// The size of the file.
    source_bytes: u64,
}

/// Why a file is not accepted.
pub(super) enum Rejection {
    Refused(Refusal),
    Gone,
    Port(PortError),
}

impl From<PortError> for Rejection {
    fn from(error: PortError) -> Self {
        Self::Port(error)
    }
}

impl From<Refusal> for Rejection {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<ReserveError> for Rejection {
    fn from(error: ReserveError) -> Self {
        match error {
            ReserveError::Full(StorageFull { max_bytes, used_bytes }) => {
                let message = format!(
                    "storage full: the owner's files have {used_bytes} of {max_bytes} bytes, and this file does not fit; \
                     drop it again once finished jobs have expired"
                );
                Refusal::new(DropRefusalCode::StorageFull, message).into()
            }
            ReserveError::Port(error) => error.into(),
        }
    }
}

impl DropIngest {
    /// Takes a file in.
    ///
    /// # Errors
    /// [`PortError`] if the file has to be taken in again. The next attempt continues where this one
    /// stopped.
    #[tracing::instrument(name = "drop", skip(self, object), fields(path = %object.origin.path))]
    pub async fn take(&self, object: &DroppedObject) -> Result<IngestOutcome, PortError> {
        let set = match object.origin.path.purpose() {
            DropPurpose::Photo { set } => set,
            DropPurpose::Retouch { job } => return self.take_retouched(object, job).await,
        };
        // Its manifest is in the job's outbox.
        if self.identities.find(&object.origin.identity(), self.env.clock.now()).await?.is_some() {
            return Ok(IngestOutcome::Known);
        }
        let created = match self.accept(object, set).await {
            Ok(acceptance) => self.create(object, acceptance).await,
            Err(rejection) => Err(rejection),
        };
        match created {
            Ok(outcome) => Ok(outcome),
            Err(Rejection::Refused(refusal)) => {
                tracing::info!(code = refusal.code.as_str(), "drop refused");
                self.publish(&object.origin, Ending::Refused(&refusal)).await?;
                Ok(IngestOutcome::Refused)
            }
            Err(Rejection::Gone) => {
                tracing::info!("dropped file no longer exists");
                Ok(IngestOutcome::Gone)
            }
            Err(Rejection::Port(error)) => Err(error),
        }
    }

    /// Checks the path, which names this set, and the file.
    async fn accept(&self, object: &DroppedObject, set: &str) -> Result<Acceptance, Rejection> {
        let owner = self.owner(&object.origin.path).await?;
        let set = self.set(&owner, set).await?;
        let (source_bytes, _) = self.look(object, MAX_SOURCE_BYTES).await?;
        Ok(Acceptance { owner, set, source_bytes })
    }

    /// The owner that the path names.
    pub(super) async fn owner(&self, path: &DropPath) -> Result<OwnerId, Rejection> {
        match path.owner().parse::<OwnerId>() {
            Ok(owner) if self.keys.is_known(&owner).await? => Ok(owner),
            Ok(_) | Err(_) => {
                let message = format!("unknown owner {:?}: the first folder names an owner with a key", path.owner());
                Err(Refusal::new(DropRefusalCode::UnknownOwner, message).into())
            }
        }
    }

    /// The owner's parameter set of this name.
    async fn set(&self, owner: &OwnerId, name: &str) -> Result<JobParamSet, Rejection> {
        match self.sets.find(owner, name).await? {
            Some(set) => Ok(set),
            None => {
                let choices = self.sets.names(owner).await?;
                let names: Vec<_> = choices.iter().map(|name| name.as_str()).collect();
                let message = format!("unknown parameter set {name:?}; use one of {}", names.join(", "));
                Err(Refusal { choices, ..Refusal::new(DropRefusalCode::UnknownSet, message) }.into())
            }
        }
    }

    /// The size and the kind of a file that may have this many bytes.
    pub(super) async fn look(&self, object: &DroppedObject, max_bytes: u64) -> Result<(u64, ImageKind), Rejection> {
        match self.files.look(object).await {
            Ok(DropLook::Found { bytes, .. }) if bytes > max_bytes => {
                let message = format!("the file has {bytes} bytes; at most {max_bytes} are allowed");
                Err(Refusal::new(DropRefusalCode::SourceTooLarge, message).into())
            }
            Ok(DropLook::Found { bytes, head }) => match ImageKind::sniff(&head) {
                Some(kind) if self.env.undecodable.contains(&kind) => {
                    Err(Refusal::new(DropRefusalCode::UnsupportedSource, kind.undecodable()).into())
                }
                Some(kind) => Ok((bytes, kind)),
                None => {
                    let message = match ForeignKind::sniff(&head) {
                        Some(foreign) => format!("unsupported kind of file: {}", foreign.refusal()),
                        None if head.is_empty() => "the file is empty".to_owned(),
                        None => format!("unsupported kind of file; use {}", ImageKind::listed("or")),
                    };
                    Err(Refusal::new(DropRefusalCode::UnsupportedSource, message).into())
                }
            },
            Ok(DropLook::Gone) => Err(Rejection::Gone),
            Err(error) => Err(unreadable(error)),
        }
    }

    /// Stores the source, then the job with the drop's identity, then sends the message.
    async fn create(&self, object: &DroppedObject, acceptance: Acceptance) -> Result<IngestOutcome, Rejection> {
        let Acceptance { owner, set, source_bytes } = acceptance;
        let origin = &object.origin;
        let settings = self.keys.owner(&owner).await?;
        let (credits, webhook, review) = (settings.credits, settings.default_webhook(), settings.review);
        // The debit decides. This check spares a source that no job would ever own.
        if credits == Some(0) {
            return Err(no_credit().into());
        }
        let (id, now) = (self.env.ids.job(), self.env.clock.now());
        let reservation = self.reserve(&owner, source_bytes).await?;
        if !self.files.copy_to(object, &StorageKey::Source { job: id }).await.map_err(unreadable)? {
            return Err(Rejection::Gone);
        }
        let job = Job::new(id, owner, spec(origin, set, review), now, &self.env.policy).with_charge(credits.is_some());
        let job = job.with_source_bytes(source_bytes).for_drop(origin.clone());
        let job = webhook.into_iter().fold(job, |job, (url, is_default)| job.with_webhook(url, is_default));
        let job = if job.spec.needs_intake() { job.awaiting_intake() } else { job };
        let identity = Identity::new(origin.identity(), None, now);
        let acceptor = Acceptor { jobs: &self.jobs, queue: &self.queue, env: &self.env };
        match acceptor.accept_identified(self.identities.as_ref(), &job, &identity, reservation).await {
            Ok(IdentifiedOutcome::Accepted) => Ok(IngestOutcome::Job(id)),
            Ok(IdentifiedOutcome::Known(_)) => Ok(IngestOutcome::Known),
            Err(AcceptError::InsufficientCredits) => Err(no_credit().into()),
            Err(AcceptError::Unavailable(error)) => Err(error.into()),
        }
    }

    /// Reserves room for the source.
    async fn reserve(&self, owner: &OwnerId, bytes: u64) -> Result<Option<Reservation>, ReserveError> {
        match &self.storage_cap {
            Some(cap) => cap.reserve(owner, bytes).await.map(Some),
            None => Ok(None),
        }
    }
}

/// The rejection of a file that cannot be read, at all or now.
fn unreadable(error: PortError) -> Rejection {
    match error {
        PortError::Fail(error) => {
            tracing::error!(%error, "dropped file cannot be read");
            let message = "the file cannot be read; check its permissions, encryption and storage class";
            Refusal::new(DropRefusalCode::UnreadableSource, message).into()
        }
        error @ PortError::Retry(_) => error.into(),
    }
}

fn no_credit() -> Refusal {
    Refusal::new(DropRefusalCode::InsufficientCredits, "the owner has no credit left")
}

/// All pictures of the set, in the formats and with the names that the set gives.
fn spec(origin: &DropOrigin, mut set: JobParamSet, of_owner: ReviewRule) -> JobSpec {
    let review = set.take_review().unwrap_or(of_owner);
    let previews = set.take_previews().unwrap_or_default();
    let source_name = SourceName::of_path(origin.path.as_str());
    let names = RequestedNames { source_name, ..RequestedNames::default() }.with_set(Some(&mut set));
    let JobNames { external_id, metadata, output_name, source_name, warnings, .. } = names.with_missing_members();
    let (depth, color) = set.take_fidelity();
    let (crop, keep_metadata) = (set.take_crop(), set.take_keep_metadata());
    let rendering = Rendering { crop, keep_metadata, depth, color, ..Rendering::default() };
    let subject = set.take_subject();
    JobSpec {
        mode: Mode::Params,
        delivery: DeliveryMode::Url,
        format: None,
        rendering,
        set: Some(set),
        review,
        previews,
        source: Source::Stored,
        subject,
        mask: None,
        external_id,
        metadata,
        output_name,
        source_name,
        warnings,
    }
}
