//! Recordings of a release: everything that it stored and sent. `tests/data/releases/README.md` describes the files.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use bytes::Bytes;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::domain::drops::DropPath;
use crate::domain::ids::{JobId, OwnerId};
use crate::domain::keys::KeyHash;
use crate::domain::params::SetName;

/// The previous release, whose records this one reads and finishes.
pub const PREVIOUS_RELEASE: &str = "0.1.0";

/// The recording of one backend.
#[derive(Debug, Clone, Deserialize)]
pub struct Recording {
    /// The version of the release.
    pub release: String,
    /// When it was recorded: no record is newer.
    pub recorded_at: Timestamp,
    /// The jobs.
    pub jobs: Vec<RecordedJob>,
    /// The dropped files.
    pub drops: Vec<RecordedDrop>,
    /// The owners.
    pub owners: Vec<RecordedOwner>,
    /// The keys.
    pub keys: Vec<RecordedKey>,
    /// The stored parameter sets.
    pub sets: Vec<RecordedSet>,
    /// The stored files.
    pub objects: Vec<RecordedObject>,
    /// On AWS: the bucket's name.
    #[serde(default)]
    pub bucket: String,
    /// On AWS: the items of the table, each attribute with its type, such as `{"S": "text"}`.
    #[serde(default)]
    pub items: Vec<BTreeMap<String, Value>>,
    /// On AWS: the bodies of the messages in the queue of jobs.
    #[serde(default)]
    pub messages: Vec<String>,
}

/// A job.
#[derive(Debug, Clone, Deserialize)]
pub struct RecordedJob {
    /// Its id.
    pub id: JobId,
    /// Its owner.
    pub owner: OwnerId,
    /// The name of its state.
    pub state: String,
    /// The name of the state in which it has to end.
    pub ends: String,
}

/// A dropped file.
#[derive(Debug, Clone, Deserialize)]
pub struct RecordedDrop {
    /// Where it was dropped.
    pub path: DropPath,
    /// The `status` of its manifest in the end.
    pub status: String,
    /// Its job. `None` if it is only announced.
    pub job: Option<JobId>,
}

/// An owner.
#[derive(Debug, Clone, Deserialize)]
pub struct RecordedOwner {
    /// Its id.
    pub id: OwnerId,
    /// Its credits; `None` if they are not counted.
    pub credits: Option<u64>,
}

/// A key.
#[derive(Debug, Clone, Deserialize)]
pub struct RecordedKey {
    /// The hash of its secret.
    pub hash: KeyHash,
    /// Whether it was revoked.
    pub is_revoked: bool,
}

/// A stored parameter set.
#[derive(Debug, Clone, Deserialize)]
pub struct RecordedSet {
    /// Its owner.
    pub owner: OwnerId,
    /// Its name.
    pub name: SetName,
}

/// A stored file.
#[derive(Debug, Clone, Deserialize)]
pub struct RecordedObject {
    /// Its key: under `sources/`, `jobs/`, `drops/` or `results/`.
    pub key: String,
    /// Its size in bytes.
    pub bytes: usize,
    /// The text of a manifest.
    pub text: Option<String>,
}

impl Recording {
    /// Reads a recording: `backend` is `aws` or `local`.
    pub fn read(release: &str, backend: &str) -> Self {
        let text = String::from_utf8(file(release, &format!("{backend}.json"))).expect("UTF-8");
        let recording: Self = serde_json::from_str(&text).expect("a recording");
        assert_eq!(recording.release, release);
        recording
    }

    /// The content of an object: a manifest's text, the photo, or zeros in place of a picture.
    pub fn content(&self, object: &RecordedObject) -> Bytes {
        match &object.text {
            Some(text) => text.clone().into(),
            None if ["sources/", "drops/"].iter().any(|prefix| object.key.starts_with(prefix)) => {
                file(&self.release, "photo.jpg").into()
            }
            None => vec![0; object.bytes].into(),
        }
    }

    /// On AWS: the records of jobs, without the attributes that the table adds.
    pub fn records(&self) -> Vec<Value> {
        let jobs = self.items.iter().filter(|item| item.get("sk").is_some_and(|sort| sort["S"] == "job"));
        let own = |name: &&String| !["pk", "sk", "due", "due_at", "ttl"].contains(&name.as_str());
        let record = |item: &BTreeMap<String, Value>| {
            item.iter().filter(|(name, _)| own(name)).map(|(name, value)| (name.clone(), plain(value))).collect()
        };
        jobs.map(record).map(Value::Object).collect()
    }

    /// The SQL of the database of a data folder.
    pub fn database(&self) -> String {
        String::from_utf8(file(&self.release, "local.sql")).expect("UTF-8")
    }
}

/// The value of an attribute, without its type.
fn plain(typed: &Value) -> Value {
    let (kind, value) = typed.as_object().and_then(|one| one.iter().next()).expect("a value names its type");
    match (kind.as_str(), value) {
        ("S" | "BOOL", value) => value.clone(),
        ("N", Value::String(number)) => serde_json::from_str(number).expect("a number"),
        ("NULL", _) => Value::Null,
        ("L", Value::Array(values)) => values.iter().map(plain).collect(),
        ("M", Value::Object(members)) => {
            Value::Object(members.iter().map(|(name, value)| (name.clone(), plain(value))).collect())
        }
        (kind, value) => panic!("unknown value: {kind} {value}"),
    }
}

fn file(release: &str, name: &str) -> Vec<u8> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/releases").join(release);
    let path = folder.join(name);
    fs::read(&path).unwrap_or_else(|error| {
        panic!("cannot read {}: {error}; run `cargo xtask record-release`", path.display());
    })
}
