//! The load: clients that upload, submit URLs, ask again, and store parameter sets.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::client::{self, Upload};
use crate::database::Snapshot;
use crate::hostile;
use crate::http::Request;
use crate::invariants::Invariant;
use crate::processes;
use crate::random::Random;
use crate::results;
use crate::world::{SET, World};

/// A job whose source is tried again takes about this long.
const RETRIED_JOB: Duration = Duration::from_secs(60);
/// The share of good pictures among uploads, in percent.
const GOOD: u64 = 60;
/// How many parameter sets are stored, fewer than an owner may have.
const SETS: u32 = 500;
/// How often the records and the memory are looked at.
const SAMPLE_INTERVAL: Duration = Duration::from_secs(2);

/// Uploads pictures, one after another, until the run is over.
pub(crate) fn upload_files(world: &World, mut random: Random) {
    while !world.is_over() {
        let picture = if random.chance(GOOD) {
            random.pick(&world.catalog.good).clone()
        } else {
            hostile::picture(&world.catalog, &mut random)
        };
        let (key, fields) = (a_key(world, &mut random), fields(&mut random));
        let label = format!("{} {fields:?}", picture.name);
        let request = Request::new("POST", world.server.url("/api/v1/upload")).key(key);
        let request = request.header("Idempotency-Key", &idempotency_key(&mut random));
        let request = request.form(&fields, Some((&file_name(&picture.name), &picture.bytes)));
        submit_and_follow(world, Upload { request, key: key.to_owned(), label, expectation: picture.expectation });
    }
}

/// Submits URLs of good and bad hosts, one after another, until the run is over.
pub(crate) fn submit_urls(world: &World, mut random: Random) {
    while !world.is_over() {
        let (url, expectation) = if random.chance(GOOD) {
            world.host.good(&mut random)
        } else {
            world.host.bad(&mut random, world.time_left() > RETRIED_JOB)
        };
        let key = a_key(world, &mut random);
        let body = json!({"file_url": url, "mode": "background"});
        let request = Request::new("POST", world.server.url("/api/v1/upload")).key(key).json(&body);
        let request = request.header("Idempotency-Key", &idempotency_key(&mut random));
        submit_and_follow(world, Upload { request, key: key.to_owned(), label: url, expectation });
    }
}

fn submit_and_follow(world: &World, upload: Upload) {
    if let Some(id) = client::submit(world, upload) {
        client::follow(world, &id);
    }
}

/// A key that no other request has.
fn idempotency_key(random: &mut Random) -> String {
    format!("{:016x}", random.between(0, u64::MAX - 1))
}

fn a_key<'a>(world: &'a World, random: &mut Random) -> &'a str {
    &world.owners[usize::from(random.chance(10))].key
}

/// The fields of a request.
fn fields(random: &mut Random) -> Vec<(&'static str, &'static str)> {
    if random.chance(25) {
        return vec![("mode", "params"), ("params", SET)];
    }
    let format = *random.pick(&["png", "png", "jpg", "webp", "psd", "tiff"]);
    vec![("mode", *random.pick(&["background", "clipping"])), ("output_format", format)]
}

fn file_name(name: &str) -> String {
    name.rsplit('/').next().unwrap_or(name).replace('"', "")
}

/// Asks for jobs that have ended: the answer and the pictures stay the same. Stores parameter sets in between.
pub(crate) fn ask_again(world: &World, mut random: Random) {
    let mut sets = 0;
    while !world.is_over() {
        sleep(Duration::from_millis(random.between(100, 400)));
        if random.chance(15) {
            sets = (sets + 1) % SETS;
            store_set(world, sets);
        }
        if let Some(id) = world.ledger.any_ended(&mut random) {
            check_again(world, &id, random.chance(30));
        }
    }
}

/// Checks that a job's end is the one that its client saw. Returns false if a fault interrupted the check.
pub(crate) fn check_again(world: &World, id: &str, with_pictures: bool) -> bool {
    let Some(entry) = world.ledger.get(id) else { return true };
    let Some((_, end)) = &entry.end else { return true };
    let Some(status) = client::status(world, id, &entry.key) else { return false };
    let outcome = results::outcome(&status);
    world.violations.check(Invariant::OneEnd, outcome == end.outcome, || {
        format!("{id} ({}) was {} and is {outcome}", entry.label, end.outcome)
    });
    if with_pictures {
        let Some(pictures) = client::pictures(world, &entry, &status) else { return false };
        world.violations.check(Invariant::OneEnd, pictures == end.pictures, || {
            format!("the pictures of {id} ({}) changed", entry.label)
        });
    }
    true
}

/// The same number always has the same set, so an answer that was lost changes nothing.
fn store_set(world: &World, number: u32) {
    let side = 100 + u64::from(number);
    let name = format!("set-{number}");
    let url = world.server.url(&format!("/api/v1/params/{name}"));
    let request =
        Request::new("PUT", url).key(&world.owners[0].key).json(&json!({"canvas": {"width": side, "height": side}}));
    if let Some(response) = client::answered(world, request, "PUT of a parameter set") {
        // 200 for a set that is replaced.
        let is_stored = matches!(response.status, 200 | 201);
        world.violations.check(Invariant::Answers, is_stored, || format!("{} for a set", response.status));
        if is_stored {
            world.ledger.acknowledge_set(name, side);
        }
    }
}

/// Looks at the records and at the server's processes until no client is left.
pub(crate) fn watch_records(world: &World) {
    while !world.is_over() || world.has_clients() {
        sleep(SAMPLE_INTERVAL);
        if let Some(pid) = world.server.pid() {
            world.peak_memory.fetch_max(processes::memory(pid), Ordering::Relaxed);
            world.image_workers.fetch_max(processes::image_workers(pid).len(), Ordering::Relaxed);
        }
        let begun = Instant::now();
        match Snapshot::read(&world.server.settings.data.join("cutline.db")) {
            Ok(snapshot) => {
                check_credits(world, &snapshot);
                check_identities(world, &snapshot);
            }
            Err(error) => {
                let is_explained = world.faults.interrupted_answers(begun, Instant::now());
                world
                    .violations
                    .check(Invariant::Credits, is_explained, || format!("cannot read the records: {error:#}"));
            }
        }
    }
}

/// Checks that each drop and each identity names exactly one job.
pub(crate) fn check_identities(world: &World, snapshot: &Snapshot) {
    for job in &snapshot.jobs {
        let Some(drop) = &job.drop else { continue };
        let id = job.id.to_string();
        let named = snapshot.identities.get(&drop.identity().digest.to_string());
        world.violations.check(Invariant::Identities, named == Some(&id), || {
            format!("the identity of {id} ({}) names {named:?}", drop.path)
        });
    }
    let mut records: BTreeMap<String, usize> = BTreeMap::new();
    for job in &snapshot.jobs {
        *records.entry(job.id.to_string()).or_default() += 1;
    }
    for job in snapshot.identities.values() {
        let named = records.get(job).copied().unwrap_or_default();
        world
            .violations
            .check(Invariant::Identities, named == 1, || format!("{job} of an identity has {named} records"));
    }
}

/// Checks that each owner has spent what it no longer has.
pub(crate) fn check_credits(world: &World, snapshot: &Snapshot) {
    for owner in &world.owners {
        let left = snapshot.credits.get(owner.name).copied().unwrap_or_default();
        let (spent, granted) = (snapshot.spent(owner.name), owner.granted as i64);
        world.violations.check(Invariant::Credits, spent + left == granted, || {
            format!("{}: {granted} granted, {spent} spent, {left} left", owner.name)
        });
    }
}
