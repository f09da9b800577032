//! What the use cases need of the world, as small traits. The documentation of a method is the contract
//! that [`crate::contract`] checks on every adapter. No type of any SDK crosses a port.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::drops::{DropId, DropPath, DroppedObject};
use crate::failure::Fault;
use crate::ids::{JobId, OwnerId};
use crate::job::{Job, Step};
use crate::keys::{KeyHash, KeyRecord, Owner};
use crate::message::Message;
use crate::outcome::{AssetKind, Confidence, Variation, Warnings};
use crate::params::{ParamSet, Revision, SetName};
use crate::rendering::Rendering;
use crate::request::{Mode, OutputFormat, SourceUrl};
use crate::storage::StorageKey;

/// The error that an adapter met, whatever its type.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A port could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum PortError {
    /// It may later: a time-out, a throttle, a lost connection. Whether the change was made is not known.
    #[error("temporary fault: {0}")]
    Retry(#[source] BoxError),
    /// It never will: a missing permission, a missing table, a record that cannot be read.
    #[error("permanent fault: {0}")]
    Fail(#[source] BoxError),
}

impl PortError {
    /// A fault that may pass.
    pub fn retry(error: impl Into<BoxError>) -> Self {
        Self::Retry(error.into())
    }

    /// A fault that stays.
    pub fn fail(error: impl Into<BoxError>) -> Self {
        Self::Fail(error.into())
    }
}

/// A conditional change was not made.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// What is stored is not what the change was based on. Nothing was changed.
    #[error("the record was changed in between")]
    Conflict,
    /// The store has a fault.
    #[error(transparent)]
    Port(#[from] PortError),
}

/// A job's record was not made.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// The owner has no credit left. Nothing was changed.
    #[error("the owner has no credit left")]
    InsufficientCredits,
    /// There is a record with that id. Nothing was changed.
    #[error("there is a job with this id")]
    Exists,
    /// The store has a fault.
    #[error(transparent)]
    Port(#[from] PortError),
}

/// The records of jobs.
#[async_trait]
pub trait Jobs: Send + Sync {
    /// Stores a new job, durably. If `job.charged`, one credit of its owner is debited in the same
    /// transaction.
    ///
    /// # Errors
    /// [`CreateError::InsufficientCredits`] if `job.charged` and the owner's credits are spent or not
    /// counted; [`CreateError::Exists`] if the id is taken. In both cases nothing was changed.
    async fn create(&self, job: &Job) -> Result<(), CreateError>;

    /// Reads a job. Sees every change that was acknowledged before. Does not hide expired records.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store.
    async fn get(&self, id: JobId) -> Result<Option<Job>, PortError>;

    /// Replaces a job's record, durably, if the stored version is `job.version - 1`. If
    /// [`Job::refunds`], one credit goes back to its owner in the same transaction, unless the owner's
    /// credits are no longer counted.
    ///
    /// # Errors
    /// [`WriteError::Conflict`] if the stored version is another or there is no record.
    async fn replace(&self, job: &Job) -> Result<(), WriteError>;

    /// Up to `limit` jobs whose [`Job::due_at`] is at or before `now`, those due first coming first. What
    /// it gives may be out of date: read a job before acting on it. A step of a job, which
    /// leaves its lease as it is, does not touch what this reads.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store.
    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<JobId>, PortError>;
}

/// API keys, and the settings of those who hold them.
#[async_trait]
pub trait Keys: Send + Sync {
    /// Stores a new key. Storing the same hash again changes nothing.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store.
    async fn insert(&self, key: &KeyRecord) -> Result<(), PortError>;

    /// The key with this hash, revoked ones too.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store.
    async fn find(&self, hash: &KeyHash) -> Result<Option<KeyRecord>, PortError>;

    /// Revokes a key. Whether there was one that was not revoked yet.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store.
    async fn revoke(&self, hash: &KeyHash, at: Timestamp) -> Result<bool, PortError>;

    /// The owner's settings; [`Owner::unlimited`] where nothing is stored.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store.
    async fn owner(&self, id: &OwnerId) -> Result<Owner, PortError>;

    /// Stores the owner's settings in place of what there was.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store.
    async fn put_owner(&self, owner: &Owner) -> Result<(), PortError>;

    /// Whether there is such an owner: one for whom a key was ever stored, or settings were.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store.
    async fn is_known(&self, id: &OwnerId) -> Result<bool, PortError>;
}

/// Which drops became which jobs.
#[async_trait]
pub trait Drops: Send + Sync {
    /// The job that a drop became, as far as that is still known: for 35 days at least. A message lives for 14, and may be sent anew
    /// until it is four days old.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store.
    async fn find(&self, id: &DropId) -> Result<Option<JobId>, PortError>;

    /// [`Jobs::create`], and that the drop became this job, in one transaction.
    ///
    /// # Errors
    /// As for [`Jobs::create`]; [`CreateError::Exists`] also if the drop is known. In both cases nothing was changed.
    async fn create(&self, job: &Job, id: &DropId) -> Result<(), CreateError>;
}

/// A dropped file, as far as it is to be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DropContent {
    /// It is not there any more, or another file is in its place.
    Gone,
    /// It has more bytes than [`drops::MAX_BYTES`](crate::drops::MAX_BYTES), and was not read.
    TooLarge {
        /// How many it has.
        bytes: u64,
    },
    /// What is in it.
    Bytes(Bytes),
}

/// A manifest as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredManifest {
    /// What is in it.
    pub bytes: Bytes,
    /// Names what is in it.
    pub tag: ManifestTag,
}

/// Names what is in a stored manifest: another manifest has another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestTag(pub String);

/// The place where files are dropped, and results put beside.
#[async_trait]
pub trait DropFiles: Send + Sync {
    /// Reads a dropped file, in the version that was told of.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store; a missing file is none. [`PortError::Fail`] if it is there and may not be
    /// read.
    async fn read(&self, object: &DroppedObject) -> Result<DropContent, PortError>;

    /// Stores a file beside a drop's manifest, durably, in place of what was there. `name` is a plain file name.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store.
    async fn put_result(
        &self,
        path: &DropPath,
        name: &str,
        content_type: &'static str,
        bytes: Bytes,
    ) -> Result<(), PortError>;

    /// The manifest of a path, as it is after every change that was acknowledged.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store.
    async fn manifest(&self, path: &DropPath) -> Result<Option<StoredManifest>, PortError>;

    /// Stores the manifest of a path, durably, if what is stored is `before`, or nothing with `None`. Whether it was
    /// stored; of several at once with the same `before`, one is.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store.
    async fn put_manifest(
        &self,
        path: &DropPath,
        bytes: Bytes,
        before: Option<&ManifestTag>,
    ) -> Result<bool, PortError>;
}

/// A parameter set as its owner stored it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredSet {
    /// What its owner calls it.
    pub name: SetName,
    /// Names this state of it.
    pub revision: Revision,
    /// Since when it is in this state.
    pub updated_at: Timestamp,
    /// The set.
    pub set: ParamSet,
}

/// What has to be stored under a name for a change to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Precondition {
    /// Anything or nothing.
    Any,
    /// Nothing.
    Absent,
    /// A set, in whatever state.
    Present,
    /// A set in one of these states.
    OneOf(Vec<Revision>),
}

impl Precondition {
    /// Whether what is stored meets it.
    pub fn allows(&self, stored: Option<Revision>) -> bool {
        match (self, stored) {
            (Self::Any, _) | (Self::Absent, None) | (Self::Present, Some(_)) => true,
            (Self::OneOf(revisions), Some(stored)) => revisions.contains(&stored),
            (Self::Absent, Some(_)) | (Self::Present | Self::OneOf(_), None) => false,
        }
    }
}

/// The parameter sets of owners. An owner never sees another's.
#[async_trait]
pub trait ParamSets: Send + Sync {
    /// The set of this name, as it is after every change that was acknowledged.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store, also if what is stored is no set that is read.
    async fn get(&self, owner: &OwnerId, name: &SetName) -> Result<Option<StoredSet>, PortError>;

    /// Every name that the owner has a set under, in the order of their bytes, with its state.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store.
    async fn list(&self, owner: &OwnerId) -> Result<Vec<(SetName, Revision, Timestamp)>, PortError>;

    /// Stores a set, durably, in place of what was there under its name. Whether there was one.
    ///
    /// # Errors
    /// [`WriteError::Conflict`] if what is stored does not meet the precondition. Nothing was changed then.
    async fn put(&self, owner: &OwnerId, set: &StoredSet, precondition: &Precondition) -> Result<bool, WriteError>;

    /// Deletes the set of this name, durably. Whether there was one.
    ///
    /// # Errors
    /// [`WriteError::Conflict`] if what is stored does not meet the precondition. Nothing was changed then.
    async fn delete(&self, owner: &OwnerId, name: &SetName, precondition: &Precondition) -> Result<bool, WriteError>;
}

/// Sends messages to the workers. Delivery is at least once, in no certain order.
#[async_trait]
pub trait Queue: Send + Sync {
    /// Sends a message that workers see after `delay` (at most 15 minutes; more is cut to that). When this
    /// returns, the message is stored durably.
    ///
    /// # Errors
    /// [`PortError`]; after [`PortError::Retry`] the message may have been sent all the same.
    async fn send(&self, message: &Message, delay: Duration) -> Result<(), PortError>;

    /// Sends a message that somebody else sent before, as it is, to be seen at once.
    ///
    /// # Errors
    /// As for [`Queue::send`].
    async fn send_again(&self, body: &str) -> Result<(), PortError>;

    /// How long the oldest message that no worker has taken yet has been waiting; `None` if none waits.
    /// May be a minute or two behind.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the queue.
    async fn oldest_age(&self) -> Result<Option<Duration>, PortError>;
}

/// Names one delivery of a message; a later delivery of the same message has another.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Receipt(pub String);

/// A message as a worker gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Names this delivery.
    pub receipt: Receipt,
    /// The message's body, as it was sent by whoever sent it.
    pub body: String,
    /// How many times the message has been delivered, this time included.
    pub receive_count: u32,
}

/// The workers' side of a queue. A delivered message is hidden from other workers for the queue's
/// visibility timeout and then delivered again, until it is deleted. A message that was delivered as often
/// as the queue allows goes to the dead letters instead of being delivered once more.
#[async_trait]
pub trait Deliveries: Send + Sync {
    /// Up to `max` (1 to 10) messages, waiting up to `wait` for the first.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the queue.
    async fn receive(&self, max: usize, wait: Duration) -> Result<Vec<Delivery>, PortError>;

    /// Deletes a message. Deleting it again, or after it was delivered anew, is no error.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the queue.
    async fn delete(&self, receipt: &Receipt) -> Result<(), PortError>;

    /// Makes the message visible again `after` from now (at most 12 hours; more is cut to that).
    /// No error where the message is gone or was delivered anew.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the queue.
    async fn defer(&self, receipt: &Receipt, after: Duration) -> Result<(), PortError>;
}

/// Where messages go that nobody can read, for people to look at.
#[async_trait]
pub trait Parking: Send + Sync {
    /// Keeps the body, durably.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the queue.
    async fn park(&self, body: &str) -> Result<(), PortError>;
}

/// A link that works without a key, for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The link.
    pub url: Url,
    /// When it stops working.
    pub expires_at: Timestamp,
}

/// Stored bytes. An object is there whole or not at all.
#[async_trait]
pub trait Blobs: Send + Sync {
    /// Stores an object, durably, in place of what was there.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store.
    async fn put(&self, key: &StorageKey, bytes: Bytes) -> Result<(), PortError>;

    /// Stores an object, durably, unless there is one. Whether it was stored. Of several at once, exactly
    /// one is stored.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store.
    async fn put_new(&self, key: &StorageKey, bytes: Bytes) -> Result<bool, PortError>;

    /// The object's bytes, or `None` where there is none.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store; a missing object is none.
    async fn get(&self, key: &StorageKey) -> Result<Option<Bytes>, PortError>;
}

/// Signs links to outputs.
#[async_trait]
pub trait Links: Send + Sync {
    /// A link to the object that works until [`Link::expires_at`]: one hour from now at most, and at least
    /// a quarter of an hour. Does not look whether the object exists. The link answers a GET with the
    /// object's bytes and its [`StorageKey::content_type`]; changed or expired, it is refused.
    ///
    /// # Errors
    /// [`PortError`] if it cannot be signed.
    async fn sign(&self, key: &StorageKey) -> Result<Link, PortError>;
}

/// Fetches a source from the internet.
#[async_trait]
pub trait SourceFetcher: Send + Sync {
    /// The bytes at `url`.
    ///
    /// # Errors
    /// [`Fault`], with a message for the caller: refused address, too large, too slow, an error answer.
    async fn fetch(&self, url: &SourceUrl) -> Result<Bytes, Fault>;
}

/// What the pipeline is to make.
#[derive(Debug, Clone)]
pub struct PipelineInput {
    /// The photograph, as it was uploaded or fetched. Not to be trusted in any way.
    pub source: Bytes,
    /// The picture that is to stand behind the subject, as it was fetched. No more to be trusted.
    pub backdrop: Option<Bytes>,
    /// What to make of it.
    pub mode: Mode,
    /// The format that was asked for, before any that the set says.
    pub format: Option<OutputFormat>,
    /// How the files are written, before what the set says.
    pub rendering: Rendering,
    /// What mode params makes; without meaning in other modes.
    pub set: Option<ParamSet>,
}

impl PipelineInput {
    /// A photograph of which nothing is said but the mode.
    pub fn new(source: impl Into<Bytes>, mode: Mode) -> Self {
        let (backdrop, format, set) = (None, None, None);
        Self { source: source.into(), backdrop, mode, format, rendering: Rendering::default(), set }
    }

    /// In which format a variation is written, and how.
    pub fn file(&self, variation: Variation) -> (OutputFormat, Rendering) {
        match &self.set {
            Some(set) => set.file(variation, self.format, &self.rendering),
            None => (self.format.unwrap_or_default(), self.rendering.clone()),
        }
    }
}

/// One picture that was made.
#[derive(Debug, Clone)]
pub struct Picture {
    /// Which one.
    pub variation: Variation,
    /// The format of its file.
    pub format: OutputFormat,
    /// The encoded file.
    pub bytes: Bytes,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
}

/// One file that was made beside the pictures.
#[derive(Debug, Clone)]
pub struct Asset {
    /// Which one.
    pub kind: AssetKind,
    /// The file.
    pub bytes: Bytes,
}

/// What the pipeline made.
///
/// | mode | `pictures` | `final_picture` | `assets` |
/// |---|---|---|---|
/// | background | `background` | `background` | the matte |
/// | clipping | `background`, `clipping` | `clipping` | the matte and the path |
/// | params | what the set wants ([`ParamSet::wanted`]) | its `final` | the matte, and the path with `clipping` |
///
/// Where the outline is no honest path (hair, fur), the picture `clipping` is the one of `background`, there
/// is no path among the assets, and the warnings say why under `clipping`.
#[derive(Debug, Clone)]
pub struct PipelineOutput {
    /// The pictures, at least one, each variation once.
    pub pictures: Vec<Picture>,
    /// The picture that `final_url` links to. One of `pictures`.
    pub final_picture: Variation,
    /// What was made beside them, each kind at most once.
    pub assets: Vec<Asset>,
    /// How sure the cut is.
    pub confidence: Confidence,
    /// What the caller should know, by the variation that it is about, or under
    /// [`SOURCE`](crate::outcome::SOURCE) where it is about the photograph.
    pub warnings: Warnings,
    /// What the set wants and lacks the settings of. Each has a warning.
    pub ignored: Vec<Variation>,
}

/// What a pipeline is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stage {
    /// Decoding, and separating the subject from its background.
    Background,
    /// Cutting the subject along its path. Only in mode clipping.
    Clipping,
    /// Making the set's pictures. Only in mode params.
    Compose,
}

impl Stage {
    /// The step of a job that this is.
    pub const fn step(self) -> Step {
        match self {
            Self::Background => Step::Background,
            Self::Clipping => Step::Clipping,
            Self::Compose => Step::Compose,
        }
    }
}

/// Is told how far a pipeline is: what it is at, and how much of that is done, in percent. Called on any
/// thread, as often as the pipeline likes; it takes no time and cannot fail. What goes back is passed over.
pub type Progress<'a> = dyn Fn(Stage, u8) + Send + Sync + 'a;

/// The image pipeline: from the bytes of a photograph to the bytes of pictures. Synchronous and bound by
/// the processor: callers run it where it may block.
pub trait Pipeline: Send + Sync {
    /// Makes the pictures, and tells `progress` how far it is.
    ///
    /// # Errors
    /// [`Fault`], with a message for the caller: damaged, too large, no subject.
    fn run(&self, input: &PipelineInput, progress: &Progress<'_>) -> Result<PipelineOutput, Fault>;

    /// The version of the code and the models: the same version makes the same pictures.
    fn version(&self) -> &str;
}
