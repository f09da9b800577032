//! The recording of one backend, and its file.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};
use cutline_core::{Clock as _, SystemClock};
use serde_json::{Value, json};

use crate::releases::previous_version;

/// The credits of the owner at the start.
pub(super) const CREDITS: u64 = 100;

/// The recording of one backend.
#[derive(Debug, Default)]
pub(super) struct Recording {
    /// A job each: `id`, `owner`, `state`, and the state in which it has to end.
    jobs: Vec<Value>,
    /// A dropped file each: `path`, `status` of its manifest, and `job` if it is one already.
    pub(super) drops: Vec<Value>,
    /// An owner each: `id`, and `credits` if they are counted.
    pub(super) owners: Vec<Value>,
    /// A key each: `hash`, and whether it `is_revoked`.
    pub(super) keys: Vec<Value>,
    /// A parameter set each: `owner` and `name`.
    pub(super) sets: Vec<Value>,
    /// A stored file each: `key`, `bytes`, and the `text` of a manifest.
    pub(super) objects: Vec<Value>,
    /// What only one backend has.
    pub(super) extra: BTreeMap<&'static str, Value>,
}

impl Recording {
    /// Adds a job by its record, and the file that it was made of.
    pub(super) fn add_job(&mut self, record: &Value) -> Result<()> {
        let state = record["state"]["name"].as_str().context("a job has a state")?;
        let ends = match state {
            "queued" | "running" => "done",
            "done" | "failed" | "withdrawn" => state,
            other => bail!("unknown state: {other}"),
        };
        self.jobs.push(json!({
            "id": record["id"], "owner": record["owner"], "mode": record["order"]["mode"], "state": state, "ends": ends,
        }));
        if let Some(path) = record["drop"]["origin"]["path"].as_str() {
            self.drops.push(json!({ "path": path, "status": ends, "job": record["id"] }));
        }
        Ok(())
    }

    /// The file.
    pub(super) fn text(&self) -> Result<String> {
        for (state, needed) in [("queued", 3), ("running", 1), ("done", 3), ("failed", 1)] {
            let found = self.jobs.iter().filter(|job| job["state"] == state).count();
            ensure!(found >= needed, "only {found} recorded jobs are {state}; record again");
        }
        let (release, commit) = previous_version()?;
        let mut recording = json!({
            "release": release, "commit": commit, "recorded_at": SystemClock.now().to_string(), "jobs": self.jobs,
            "drops": self.drops, "owners": self.owners, "keys": self.keys, "sets": self.sets, "objects": self.objects,
        });
        for (name, value) in &self.extra {
            recording[*name] = value.clone();
        }
        Ok(format!("{recording:#}\n"))
    }
}
