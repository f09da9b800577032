//! Files dropped into the watched folder, and their manifests.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::client::HexDigest;
use crate::hostile;
use crate::invariants::Invariant;
use crate::ledger::{Counters, Expectation};
use crate::random::Random;
use crate::results;
use crate::world::{CANVAS, SET, World};

/// Files without a manifest, at most: more would only make a backlog.
const MAX_PENDING: usize = 3;

/// The newest file at a path.
#[derive(Clone)]
struct Dropped {
    expectation: Expectation,
    /// Codes that the path allows in addition.
    refusals: &'static [&'static str],
    at: Instant,
    /// The time of day, in nanoseconds since 1970. The sequencer of its manifest is not lower.
    written: u64,
}

/// The files that were dropped, by path below `drops/`.
#[derive(Default)]
pub(crate) struct Drops {
    files: Mutex<BTreeMap<String, Dropped>>,
}

impl Drops {
    /// Drops files until the run is over.
    pub(crate) fn drop_files(&self, world: &World, mut random: Random) {
        let mut number = 0;
        while !world.is_over() {
            sleep(Duration::from_millis(random.between(300, 1500)));
            let paths: Vec<_> = self.files().into_iter().collect();
            if paths.iter().filter(|(path, file)| manifest(world, path, file).is_none()).count() >= MAX_PENDING {
                continue;
            }
            number += 1;
            let (folder, refusals) = folder(&mut random);
            let path = match paths.get(random.index(10 * paths.len().max(1))) {
                // A new version of an earlier file.
                Some((path, _)) => path.clone(),
                None => format!("{folder}/file {number}"),
            };
            let refusals = paths.iter().find(|(known, _)| *known == path).map_or(refusals, |(_, file)| file.refusals);
            let picture = if random.chance(60) {
                random.pick(&world.catalog.good).clone()
            } else {
                hostile::picture(&world.catalog, &mut random)
            };
            let written = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
            let written = u64::try_from(written).unwrap_or_default();
            let file = Dropped { expectation: picture.expectation, refusals, at: Instant::now(), written };
            if write(world, &path, &picture.bytes).is_ok() {
                Counters::increment(&world.ledger.counters.drops);
                self.files.lock().unwrap_or_else(PoisonError::into_inner).insert(path, file);
            }
        }
    }

    /// The paths whose manifest is missing.
    pub(crate) fn without_manifest(&self, world: &World) -> Vec<String> {
        let files = self.files().into_iter();
        files.filter(|(path, file)| manifest(world, path, file).is_none()).map(|(path, _)| path).collect()
    }

    /// Checks the manifest of each file, and its results.
    pub(crate) fn check(&self, world: &World) {
        for (path, file) in self.files() {
            let problem = match manifest(world, &path, &file) {
                None => Err("no manifest".to_owned()),
                Some(manifest) => check_manifest(world, &path, &file, &manifest),
            };
            if let Err(problem) = problem {
                world.violations.add(Invariant::Manifests, format!("{path}: {problem}"));
            }
        }
    }

    /// The number of paths.
    pub(crate) fn count(&self) -> usize {
        self.files().len()
    }

    fn files(&self) -> BTreeMap<String, Dropped> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A folder for drops, and the codes that it allows in addition.
fn folder(random: &mut Random) -> (String, &'static [&'static str]) {
    match random.between(1, 20) {
        1 => ("nobody/chaos".to_owned(), &["unknown_owner"]),
        2 => ("rich/no-such-set".to_owned(), &["unknown_set"]),
        3 => (format!("poor/{SET}"), &["insufficient_credits"]),
        _ => (format!("rich/{SET}"), &[]),
    }
}

/// Writes a file under a hidden name and renames it, as a careful program would.
fn write(world: &World, path: &str, bytes: &[u8]) -> std::io::Result<()> {
    let path = world.server.settings.watched.join("drops").join(path);
    let hidden = path.with_file_name(".being-written");
    fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
    let written = fs::write(&hidden, bytes).and_then(|()| fs::rename(&hidden, &path));
    if written.is_err() {
        // On a full disk.
        let _ = fs::remove_file(&hidden);
    }
    written
}

fn results(world: &World, path: &str) -> PathBuf {
    world.server.settings.watched.join("results").join(path)
}

/// The manifest of a file; `None` if it is missing or belongs to an older file at the path. A manifest that cannot be
/// parsed is a violation.
fn manifest(world: &World, path: &str, file: &Dropped) -> Option<Value> {
    let bytes = fs::read(results(world, path).join("manifest.json")).ok()?;
    let parsed: Result<Value, _> = serde_json::from_slice(&bytes);
    world.violations.check(Invariant::Manifests, parsed.is_ok(), || format!("{path}: the manifest is half written"));
    let manifest = parsed.ok()?;
    let sequencer = u64::from_str_radix(manifest["sequencer"].as_str()?, 16).ok()?;
    (sequencer >= file.written).then_some(manifest)
}

fn check_manifest(world: &World, path: &str, file: &Dropped, manifest: &Value) -> Result<(), String> {
    let outcome = results::outcome(manifest);
    let lost = world.faults.attempts_lost(file.at, Instant::now());
    let is_expected = file.refusals.contains(&&*outcome) || results::is_expected(&outcome, &file.expectation, lost);
    if !is_expected {
        return Err(format!("ended as {outcome}, expected {:?}: {manifest}", file.expectation));
    }
    for (name, published) in manifest["variations"].as_object().into_iter().flatten() {
        let bytes = fs::read(results(world, path).join(published["file"].as_str().unwrap_or_default()));
        let bytes = bytes.map_err(|error| format!("{name}: {error}"))?;
        if published["sha256"] != *format!("{:x}", HexDigest(&bytes)) {
            return Err(format!("{name} is not the file of the manifest"));
        }
        let size = match file.expectation {
            _ if name == "compose" => Some(CANVAS),
            Expectation::Done { width, height } => Some((width, height)),
            Expectation::Any | Expectation::Fails(_) => None,
        };
        results::check_file(&bytes, size).map_err(|problem| format!("{name}: {problem}"))?;
    }
    Ok(())
}
