//! How release 0.1.0 reads a job's record and writes it again: its types, with texts in place of ids, times and names.
//!
//! It ignores attributes that it does not know, and loses them when it writes the record; a parameter set with an unknown
//! setting, and a value that it does not know, such as a format, make it refuse the whole record. It does not look at
//! `needs`.

use std::collections::BTreeMap;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Number, Value};

#[derive(Serialize, Deserialize)]
struct Job {
    id: String,
    owner: String,
    order: Order,
    created_at: String,
    charged: bool,
    version: u64,
    attempts: u32,
    progress: u8,
    state: State,
    expires_at: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    drop: Option<JobDrop>,
}

#[derive(Serialize, Deserialize)]
struct Order {
    mode: Mode,
    delivery: Delivery,
    #[serde(default)]
    format: Option<Format>,
    #[serde(default)]
    rendering: Rendering,
    #[serde(default)]
    set: Option<UsedSet>,
    source: Source,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Mode {
    Background,
    Clipping,
    Params,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Delivery {
    Url,
    FinalUrl,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Format {
    Png,
    Jpeg,
    Psd,
    Tiff,
    Webp,
}

#[derive(Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
enum Channels {
    #[default]
    Rgba,
    Alpha,
}

#[derive(Serialize, Deserialize, Default)]
#[serde(default)]
struct Rendering {
    channels: Channels,
    quality: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lossless: Option<bool>,
    dpi: Option<u16>,
    path: PathOptions,
}

#[derive(Serialize, Deserialize)]
#[serde(default)]
struct PathOptions {
    name: String,
    flatness: Option<f64>,
    inset: f64,
}

impl Default for PathOptions {
    fn default() -> Self {
        Self { name: "Cutline Path".to_owned(), flatness: None, inset: 0.0 }
    }
}

#[derive(Serialize, Deserialize)]
struct UsedSet {
    name: Option<String>,
    revision: Option<String>,
    #[serde(deserialize_with = "set")]
    set: Value,
}

/// The settings in a set's `output`.
const OUTPUT: [&str; 5] = ["format", "quality", "lossless", "dpi", "per_variation"];

/// The settings of a parameter set. Those inside of a setting are the same as today's, except in `output`.
const SETTINGS: [&str; 15] = [
    "version",
    "canvas",
    "background",
    "margin",
    "fill",
    "align",
    "enlargement",
    "shadow_top",
    "shadow_wall",
    "shadow_ground",
    "preserve_shadow",
    "variations",
    "final",
    "output",
    "promise",
];

fn set<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
    let set = BTreeMap::<String, Value>::deserialize(deserializer)?;
    let output = set.get("output").and_then(Value::as_object);
    let in_output = output.into_iter().flat_map(|output| output.keys()).find(|name| !OUTPUT.contains(&name.as_str()));
    match set.keys().find(|name| !SETTINGS.contains(&name.as_str())).or(in_output) {
        Some(unknown) => Err(D::Error::custom(format!("{unknown}: There is no such setting."))),
        None => Ok(Value::Object(set.into_iter().collect())),
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Source {
    Stored,
    Url(String),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Step {
    Fetch,
    Background,
    Clipping,
    Compose,
    Delivery,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "snake_case")]
enum State {
    Queued { since: String, ready_at: String, resend_at: String, resends: u32 },
    Running { step: Step, lease: Lease },
    Done { at: String, outcome: Outcome },
    Failed { at: String, failure: Failure },
    Withdrawn { at: String },
}

#[derive(Serialize, Deserialize)]
struct Lease {
    token: String,
    until: String,
}

#[derive(Serialize, Deserialize)]
struct Failure {
    code: FailureCode,
    message: String,
    retryable: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum FailureCode {
    SourceUnreachable,
    SourceTimeout,
    SourceForbidden,
    SourceTooLarge,
    UnsupportedSource,
    InvalidImage,
    ImageTooLarge,
    NoSubject,
    StorageUnavailable,
    Interrupted,
    TimedOut,
    Internal,
}

#[derive(Serialize, Deserialize)]
struct Outcome {
    pictures: BTreeMap<Variation, Picture>,
    final_picture: Variation,
    #[serde(default)]
    assets: BTreeMap<Asset, StoredAsset>,
    #[serde(default)]
    confidence: Option<f64>,
    warnings: BTreeMap<String, Vec<String>>,
    ignored: Vec<String>,
    pipeline_version: String,
}

#[derive(Serialize, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "snake_case")]
enum Variation {
    Background,
    Clipping,
    Compose,
    #[serde(rename = "shadowTop")]
    ShadowTop,
    ShadowWall,
}

#[derive(Serialize, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "snake_case")]
enum Asset {
    ClippingPath,
    Matte,
}

#[derive(Serialize, Deserialize)]
struct Picture {
    key: Key,
    bytes: u64,
    width: u32,
    height: u32,
}

#[derive(Serialize, Deserialize)]
struct StoredAsset {
    key: Key,
    bytes: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Key {
    Source { job: String },
    Backdrop { job: String },
    Output { job: String, lease: String, variation: Variation, format: Format },
    Asset { job: String, lease: String, kind: Asset },
}

#[derive(Serialize, Deserialize)]
struct JobDrop {
    origin: DropOrigin,
    reported: bool,
    #[serde(default)]
    reminders: u32,
    #[serde(default)]
    remind_at: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct DropOrigin {
    path: String,
    bucket: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    sequencer: String,
}

/// The record after release 0.1.0 has read it and written it again.
///
/// # Errors
/// Why it refuses the record.
pub fn rewritten(record: &Value) -> Result<Value, String> {
    let job: Job = serde_json::from_value(record.clone()).map_err(|error| error.to_string())?;
    serde_json::to_value(&job).map_err(|error| error.to_string())
}

/// The attributes of `record` that are missing in `rewritten`, or have another value: their paths, such as `order.metadata`.
/// A `null` counts as missing.
pub fn lost(record: &Value, rewritten: &Value) -> Vec<String> {
    let mut paths = Vec::new();
    collect_lost("", record, rewritten, &mut paths);
    paths
}

fn collect_lost(path: &str, record: &Value, rewritten: &Value, paths: &mut Vec<String>) {
    match (record, rewritten) {
        (Value::Object(before), Value::Object(after)) => {
            for (name, value) in before {
                let dot = if path.is_empty() { "" } else { "." };
                collect_lost(&format!("{path}{dot}{name}"), value, after.get(name).unwrap_or(&Value::Null), paths);
            }
        }
        (before, after) if before == after => {}
        (Value::Number(before), Value::Number(after)) if is_same(before, after) => {}
        _ => paths.push(path.to_owned()),
    }
}

/// Whether two numbers are the same. A store may read 1.0 back as 1, and a number of 32 bits has other digits as one of 64.
fn is_same(before: &Number, after: &Number) -> bool {
    match (before.as_u64(), after.as_u64()) {
        (Some(before), Some(after)) => before == after,
        _ => {
            let (before, after) = (before.as_f64().unwrap_or(f64::NAN), after.as_f64().unwrap_or(f64::NAN));
            (before - after).abs() < 1e-6
        }
    }
}
