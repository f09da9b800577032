//! External identities: each names something outside Cutline that becomes at most one job.
//!
//! An identity is written in the transaction that creates its job, on the condition that it is absent or expired. Of
//! several writers, one wins; the others read the winner's identity and answer with its job. A job with an identity is
//! never withdrawn because its message could not be sent, since a repeated request must find it. An identity may outlive
//! its job.

use std::time::Duration;

use jiff::Timestamp;

use crate::domain::digest::Digest;
use crate::domain::ids::JobId;

/// The kinds of identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum IdentityKind {
    /// A request that its caller named; see [`IdempotencyKey`](crate::domain::idempotency::IdempotencyKey).
    Request,
    /// A file that was dropped; see [`DropOrigin::identity`](crate::domain::drops::DropOrigin::identity).
    Drop,
}

impl IdentityKind {
    /// Every kind.
    pub const ALL: [Self; 2] = [Self::Request, Self::Drop];

    /// The kind's name in stores. Never renamed.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Drop => "drop",
        }
    }

    /// How long an identity of this kind is kept, counted from its job's creation.
    ///
    /// A request is kept for the documented day. A drop's message lives for 14 days and may be sent again until it is four
    /// days old, so 35 days outlast every repetition.
    pub const fn lifetime(self) -> Duration {
        match self {
            Self::Request => Duration::from_secs(24 * 60 * 60),
            Self::Drop => Duration::from_secs(35 * 24 * 60 * 60),
        }
    }
}

/// Names one identity: its kind, and a digest of everything that distinguishes it from others of that kind, including
/// its owner or its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IdentityKey {
    /// The kind.
    pub kind: IdentityKind,
    /// The identity among those of its kind.
    pub digest: Digest,
}

/// An identity to store with a new job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// Its key.
    pub key: IdentityKey,
    /// A digest of the request, for kinds whose key can be reused by mistake with another request. `None` if the key
    /// alone identifies the request.
    pub fingerprint: Option<Digest>,
    /// When it expires. From then on it counts as absent, although its store may still hold it.
    pub expires_at: Timestamp,
}

impl Identity {
    /// The identity of a job created at `created_at`, kept for its kind's lifetime.
    pub fn new(key: IdentityKey, fingerprint: Option<Digest>, created_at: Timestamp) -> Self {
        Self { key, fingerprint, expires_at: crate::domain::time::after(created_at, key.kind.lifetime()) }
    }
}

/// The job that an identity became.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdentifiedJob {
    /// Its id. Its record may be gone already.
    pub job: JobId,
    /// The fingerprint of the request that created it.
    pub fingerprint: Option<Digest>,
}
