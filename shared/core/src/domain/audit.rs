//! The audit log: who changed what, when. An entry holds no secret, and none of a caller's own data: it outlives the job.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::domain::ids::{JobId, OwnerId};
use crate::domain::keys::{CreditChange, KeyHash, KeyRecord, OwnerChange, RateLimitChange};
use crate::domain::webhook::WebhookUrl;

/// How long an entry is kept, in days: a year, and a month to look back on it.
pub const AUDIT_DAYS: i64 = 400;

/// Identifies an entry. A UUIDv7, so ids sort by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AuditId(Uuid);

impl AuditId {
    /// Wraps a UUID.
    pub const fn new(uuid: Uuid) -> Self {
        Self(uuid)
    }
}

impl fmt::Display for AuditId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

/// Who made a change.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum Actor {
    /// The holder of a key, by the key's short id.
    Key(String),
    /// A person at the command line.
    CommandLine,
    /// Cutline itself.
    System,
    /// An actor that a newer release introduced.
    Unsupported(String),
}

const KEY_PREFIX: &str = "key:";
const COMMAND_LINE: &str = "command-line";
const SYSTEM: &str = "system";

impl Actor {
    /// The holder of this key.
    pub fn of_key(hash: &KeyHash) -> Self {
        Self::Key(hash.id())
    }
}

impl From<String> for Actor {
    fn from(text: String) -> Self {
        match text.strip_prefix(KEY_PREFIX) {
            Some(id) => Self::Key(id.to_owned()),
            None if text == COMMAND_LINE => Self::CommandLine,
            None if text == SYSTEM => Self::System,
            None => Self::Unsupported(text),
        }
    }
}

impl From<Actor> for String {
    fn from(actor: Actor) -> Self {
        actor.to_string()
    }
}

/// As in stores and answers: `key:0a1b2c3d4e5f`, `command-line`, `system`.
impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(id) => write!(f, "{KEY_PREFIX}{id}"),
            Self::CommandLine => f.write_str(COMMAND_LINE),
            Self::System => f.write_str(SYSTEM),
            Self::Unsupported(text) => f.write_str(text),
        }
    }
}

/// The action.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum AuditAction {
    /// A job was deleted.
    JobDeleted,
    /// A job was repeated as a new one.
    JobRetried,
    /// A job's cut was corrected.
    JobRecut,
    /// An owner's settings were changed.
    OwnerChanged,
    /// A key was created.
    KeyCreated,
    /// A key was revoked.
    KeyRevoked,
    /// An action that a newer release introduced.
    Unsupported(String),
}

impl AuditAction {
    /// Every action of this release, in the order of the documentation.
    pub const ALL: [Self; 6] =
        [Self::JobDeleted, Self::JobRetried, Self::JobRecut, Self::OwnerChanged, Self::KeyCreated, Self::KeyRevoked];

    /// The name in stores and answers.
    pub fn as_str(&self) -> &str {
        match self {
            Self::JobDeleted => "job.deleted",
            Self::JobRetried => "job.retried",
            Self::JobRecut => "job.recut",
            Self::OwnerChanged => "owner.changed",
            Self::KeyCreated => "key.created",
            Self::KeyRevoked => "key.revoked",
            Self::Unsupported(name) => name,
        }
    }
}

impl From<String> for AuditAction {
    fn from(name: String) -> Self {
        let known = Self::ALL.into_iter().find(|action| action.as_str() == name);
        known.unwrap_or(Self::Unsupported(name))
    }
}

impl From<AuditAction> for String {
    fn from(action: AuditAction) -> Self {
        action.as_str().to_owned()
    }
}

/// A change of an owner's webhook settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WebhookSettingChange {
    /// The URL was set.
    UrlSet(WebhookUrl),
    /// The URL was removed.
    UrlRemoved,
    /// The first secret was made.
    SecretCreated,
    /// A new secret was made, which replaces the previous one.
    SecretRotated,
}

/// A change, before it has a time and an actor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEvent {
    /// The action.
    pub action: AuditAction,
    /// The job that was changed.
    pub job: Option<JobId>,
    /// The short id of the key that was changed.
    pub key: Option<String>,
    /// More about the change, by name.
    pub detail: BTreeMap<String, String>,
}

impl AuditEvent {
    fn new(action: AuditAction) -> Self {
        Self { action, job: None, key: None, detail: BTreeMap::new() }
    }

    fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.detail.insert(name.to_owned(), value.to_string());
        self
    }

    /// A job was deleted, which was in this state.
    pub fn job_deleted(job: JobId, state: &str) -> Self {
        Self { job: Some(job), ..Self::new(AuditAction::JobDeleted) }.with("state", state)
    }

    /// A job was repeated as `new`.
    pub fn job_retried(job: JobId, new: JobId) -> Self {
        Self { job: Some(job), ..Self::new(AuditAction::JobRetried) }.with("new_job", new)
    }

    /// A recut of a held job was requested by somebody who saw the revision with this number.
    pub fn job_recut(job: JobId, revision: u32) -> Self {
        Self { job: Some(job), ..Self::new(AuditAction::JobRecut) }.with("revision", revision)
    }

    /// An ended job was cut again as `new`.
    pub fn job_recut_as(job: JobId, new: JobId) -> Self {
        Self { job: Some(job), ..Self::new(AuditAction::JobRecut) }.with("new_job", new)
    }

    /// A key was created.
    pub fn key_created(key: &KeyRecord) -> Self {
        let event = Self { key: Some(key.hash.id()), ..Self::new(AuditAction::KeyCreated) };
        event.with("scope", key.scope.as_str())
    }

    /// A key was revoked.
    pub fn key_revoked(hash: &KeyHash) -> Self {
        Self { key: Some(hash.id()), ..Self::new(AuditAction::KeyRevoked) }
    }

    /// An owner's settings were changed. Has each new setting, with its sign where it was added to the old one.
    pub fn owner_changed(change: &OwnerChange) -> Self {
        let credits = change.credits.map(|change| match change {
            CreditChange::Unlimited => "unlimited".to_owned(),
            CreditChange::Set(credits) => credits.to_string(),
            CreditChange::Add(more) => format!("+{more}"),
            CreditChange::Subtract(fewer) => format!("-{fewer}"),
        });
        let limit = change.requests_per_minute.map(|change| match change {
            RateLimitChange::Unlimited => "unlimited".to_owned(),
            RateLimitChange::Set(limit) => limit.to_string(),
        });
        let review = change.review.map(|rule| rule.to_string());
        let settings = [("credits", credits), ("requests_per_minute", limit), ("review", review)];
        let event = Self::new(AuditAction::OwnerChanged);
        settings.into_iter().fold(event, |event, (name, value)| match value {
            Some(value) => event.with(name, value),
            None => event,
        })
    }

    /// An owner's webhook settings were changed. Of a URL it has the host alone, since the rest may hold a secret.
    pub fn webhooks_changed(changes: &[WebhookSettingChange]) -> Self {
        changes.iter().fold(Self::new(AuditAction::OwnerChanged), |event, change| match change {
            WebhookSettingChange::UrlSet(url) => event.with("webhook_url", url.host()),
            WebhookSettingChange::UrlRemoved => event.with("webhook_url", "none"),
            WebhookSettingChange::SecretCreated => event.with("webhook_secret", "created"),
            WebhookSettingChange::SecretRotated => event.with("webhook_secret", "rotated"),
        })
    }
}

/// An entry of the audit log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// Its id.
    pub id: AuditId,
    /// The owner whose log it is in.
    pub owner: OwnerId,
    /// When the change was made.
    pub at: Timestamp,
    /// Who made it.
    pub actor: Actor,
    /// The action.
    pub action: AuditAction,
    /// The job that was changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<JobId>,
    /// The short id of the key that was changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// More about the change, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub detail: BTreeMap<String, String>,
}

impl AuditEntry {
    /// The entry of an event.
    pub fn new(id: AuditId, at: Timestamp, owner: OwnerId, actor: Actor, event: AuditEvent) -> Self {
        let AuditEvent { action, job, key, detail } = event;
        Self { id, owner, at, actor, action, job, key, detail }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::keys::{KeyScope, Secret};
    use crate::domain::review::ReviewRule;

    fn key() -> (Secret, KeyRecord) {
        let secret = Secret::generate().expect("random");
        let record = KeyRecord {
            hash: secret.hash(),
            owner: "shop".parse().expect("an owner"),
            label: "private".to_owned(),
            scope: KeyScope::Read,
            created_at: Timestamp::UNIX_EPOCH,
            revoked_at: None,
        };
        (secret, record)
    }

    #[test]
    fn an_entry_holds_no_secret() {
        let (secret, record) = key();
        let owner: OwnerId = "shop".parse().expect("an owner");
        for event in [AuditEvent::key_created(&record), AuditEvent::key_revoked(&record.hash)] {
            let (id, at) = (AuditId::new(Uuid::nil()), Timestamp::UNIX_EPOCH);
            let entry = AuditEntry::new(id, at, owner.clone(), Actor::of_key(&record.hash), event);
            let stored = serde_json::to_string(&entry).expect("serializes");
            let hash = record.hash.to_string();
            assert!(!stored.contains(secret.reveal()) && !stored.contains(&hash), "{stored}");
            assert!(
                stored.contains(&format!("\"key:{}\"", record.hash.id())) && !stored.contains("private"),
                "{stored}"
            );
            assert_eq!(serde_json::from_str::<AuditEntry>(&stored).expect("is read again"), entry);
        }
    }

    #[test]
    fn a_change_of_settings_shows_their_signs() {
        let change = OwnerChange {
            credits: Some(CreditChange::Add(5)),
            requests_per_minute: Some(RateLimitChange::Unlimited),
            review: Some(ReviewRule::Always),
        };
        let detail = AuditEvent::owner_changed(&change).detail;
        let detail: Vec<_> = detail.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(detail, [("credits", "+5"), ("requests_per_minute", "unlimited"), ("review", "always")]);
        assert!(AuditEvent::owner_changed(&OwnerChange::default()).detail.is_empty());
    }

    #[test]
    fn a_change_of_webhooks_shows_the_host_alone() {
        let url = WebhookUrl::read("https://Hooks.example.com:8443/path?token=secret", Default::default());
        let url = WebhookSettingChange::UrlSet(url.expect("a URL"));
        let cases = [
            (
                vec![WebhookSettingChange::SecretCreated, url],
                vec![("webhook_secret", "created"), ("webhook_url", "hooks.example.com")],
            ),
            (vec![WebhookSettingChange::SecretRotated], vec![("webhook_secret", "rotated")]),
            (vec![WebhookSettingChange::UrlRemoved], vec![("webhook_url", "none")]),
        ];
        for (changes, expected) in cases {
            let AuditEvent { action, job, key, detail } = AuditEvent::webhooks_changed(&changes);
            assert_eq!((action, job, key), (AuditAction::OwnerChanged, None, None));
            let detail: Vec<_> = detail.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            assert_eq!(detail, expected);
        }
    }

    #[test]
    fn words_of_a_newer_release_survive() {
        let entry = serde_json::json!({
            "id": Uuid::nil(), "owner": "shop", "at": "2026-01-02T03:04:05Z", "actor": "robot", "action": "job.renamed",
        });
        let read: AuditEntry = serde_json::from_value(entry.clone()).expect("is read");
        assert_eq!(serde_json::to_value(read).expect("serializes"), entry);
        for action in AuditAction::ALL {
            assert_eq!(AuditAction::from(action.as_str().to_owned()), action);
        }
        for actor in [Actor::Key("0a1b".to_owned()), Actor::CommandLine, Actor::System] {
            assert_eq!(Actor::from(actor.to_string()), actor);
        }
    }
}
