//! The checks after the load: all work ends, nothing was lost or counted twice, and the server is idle again.

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use cutline_core::domain::job::Job;
use cutline_worker::RunLimits;
use serde_json::Value;

use crate::client;
use crate::database::Snapshot;
use crate::drops::Drops;
use crate::fault::Fault;
use crate::faults::{is_possible, restart_if_ended};
use crate::http::Request;
use crate::invariants::Invariant;
use crate::ledger::Entry;
use crate::load::{check_again, check_credits, check_identities};
use crate::processes;
use crate::world::World;

const INTERVAL: Duration = Duration::from_millis(500);
/// The time that the server gets to become idle, and the most time. The latter is generous, for a busy machine.
const SETTLE_TIME: Duration = Duration::from_secs(5);
const MAX_SETTLE_TIME: Duration = Duration::from_secs(180);
/// How long its CPU time is measured, and how much of it may be used.
const IDLE_TIME: Duration = Duration::from_secs(5);
const MAX_IDLE_CPU: f64 = 0.5;
/// The most memory of an idle server and its workers, in bytes, without mapped files.
const MAX_IDLE_MEMORY: u64 = 1_500_000_000;
/// How long an image worker may outlive its server. Generous, for a busy machine.
const WORKER_END: Duration = Duration::from_secs(120);
/// The fewest jobs that a run must finish.
const MIN_DONE: usize = 5;
/// How often a check that a fault's aftermath interrupted is tried.
const TRIES: usize = 20;

/// Waits until all jobs have ended, all manifests are written and all webhooks accepted, or until the run gives up.
pub(crate) fn wait_for_quiet(world: &World, drops: &Drops) {
    while Instant::now() < world.give_up {
        restart_if_ended(world);
        let records = Snapshot::read(&world.server.settings.data.join("cutline.db"));
        let has_ended = |job: &Job| job.has_ended() && job.owed_reports().next().is_none();
        let is_quiet = records.is_ok_and(|records| records.jobs.iter().all(has_ended));
        if is_quiet && !world.has_clients() && drops.without_manifest(world).is_empty() {
            return;
        }
        sleep(INTERVAL);
    }
}

/// Checks everything that must hold at the end. The server still runs.
pub(crate) fn check_all(world: &World, drops: &Drops) {
    check_ends(world);
    check_sets(world);
    check_webhooks(world);
    drops.check(world);
    match Snapshot::read(&world.server.settings.data.join("cutline.db")) {
        Ok(records) => check_records(world, &records),
        Err(error) => world.violations.add(Invariant::NothingLost, format!("cannot read the records: {error:#}")),
    }
    check_idle(world);
    check_temporary_files(world);
    check_faults(world);
    check_work(world, drops);
    if let Err(error) = world.server.stop() {
        world.violations.add(Invariant::StaysUp, format!("{error:#}"));
    }
    let workers = surviving_workers();
    world.violations.check(Invariant::StaysUp, workers.is_empty(), || format!("image workers outlive it: {workers:?}"));
}

/// The image workers that do not end with their server. One notices the server's end when it next reads or writes.
fn surviving_workers() -> Vec<u32> {
    let begun = Instant::now();
    loop {
        let workers = processes::image_workers_of(env!("CARGO_BIN_EXE_cutline"));
        if workers.is_empty() || begun.elapsed() > WORKER_END {
            return workers;
        }
        sleep(INTERVAL);
    }
}

/// Asks twice for each acknowledged job, the second time also for its pictures.
fn check_ends(world: &World) {
    // The time that a hostile picture may take a worker away.
    let RunLimits { max_prepare, max_run, .. } = RunLimits::default();
    let limit = max_prepare + max_run;
    for (id, entry) in world.ledger.all() {
        for with_pictures in [false, true] {
            let is_checked = (0..TRIES).any(|_| check_again(world, &id, with_pictures));
            world.violations.check(Invariant::NothingLost, is_checked, || format!("{id} cannot be asked for"));
        }
        let wait = entry.wait().unwrap_or_default();
        world.violations.check(Invariant::Waits, !entry.is_good() || wait <= limit, || {
            format!("{id} ({}) took {} s", entry.label, wait.as_secs())
        });
    }
}

/// Every end of a job of the owner with a receiver was reported to it.
fn check_webhooks(world: &World) {
    let events = world.receiver.events_by_job();
    for (id, entry) in world.ledger.all().iter().filter(|(_, entry)| entry.key == world.owners[0].key) {
        let Some((_, end)) = &entry.end else { continue };
        let expected = if end.outcome == "done" { "job.done" } else { "job.failed" };
        let of_job = events.get(id).map(Vec::as_slice).unwrap_or_default();
        let is_reported = of_job.len() == 1 && of_job[0].kind == expected && of_job[0].is_accepted;
        world.violations.check(Invariant::Webhooks, is_reported, || {
            format!("{id} ({}) ended as {}, and its events are {of_job:?}", entry.label, end.outcome)
        });
    }
    for (id, of_job) in &events {
        let is_altered = of_job.iter().any(|event| event.is_altered);
        world.violations.check(Invariant::Webhooks, !is_altered, || format!("the sends about {id} differ"));
    }
    let count = events.len();
    world.violations.check(Invariant::NotVacuous, count > 0, || "no webhook was received".to_owned());
}

fn check_sets(world: &World) {
    for (name, side) in world.ledger.sets() {
        let url = world.server.url(&format!("/api/v1/params/{name}"));
        let request = || Request::new("GET", url.clone()).key(&world.owners[0].key);
        let response = (0..TRIES).find_map(|_| client::answered(world, request(), "GET of a parameter set"));
        let stored = response.and_then(|response| serde_json::from_slice::<Value>(&response.body).ok());
        let is_kept = stored.is_some_and(|set| set["canvas"]["width"] == side);
        world.violations.check(Invariant::NothingLost, is_kept, || format!("the parameter set {name} is lost"));
    }
}

fn check_records(world: &World, records: &Snapshot) {
    check_credits(world, records);
    check_identities(world, records);
    let known = world.ledger.all();
    for job in &records.jobs {
        let id = job.id.to_string();
        world.violations.check(Invariant::NothingLost, job.has_ended(), || format!("{id} is {}", job.state.name()));
        if let Some(entry) = known.get(&id).filter(|entry| entry.is_good())
            && let Some((ended, _)) = &entry.end
        {
            let lost = world.faults.attempts_lost(entry.sent, *ended);
            world.violations.check(Invariant::AttemptsExplained, job.attempts <= 1 + lost, || {
                format!("{id} ({}) took {} attempts, and faults cost at most {lost}", entry.label, job.attempts)
            });
        }
    }
    // Every client repeats its request until it learns the job's id.
    for job in records.jobs.iter().filter(|job| job.drop.is_none()) {
        let id = job.id.to_string();
        world.violations.check(Invariant::Identities, known.contains_key(&id), || format!("nobody knows {id}"));
    }
    for id in known.keys() {
        let is_stored = records.jobs.iter().any(|job| job.id.to_string() == *id);
        world.violations.check(Invariant::NothingLost, is_stored, || format!("{id} has no record"));
    }
}

fn check_idle(world: &World) {
    sleep(SETTLE_TIME);
    let Some(pid) = world.server.pid() else {
        return world.violations.add(Invariant::StaysUp, "the server does not run at the end");
    };
    let begun = Instant::now();
    let (used, memory) = loop {
        let before = processes::cpu_seconds(pid);
        sleep(IDLE_TIME);
        let (used, memory) = (processes::cpu_seconds(pid) - before, processes::memory(pid));
        if used <= MAX_IDLE_CPU && memory <= MAX_IDLE_MEMORY || begun.elapsed() > MAX_SETTLE_TIME {
            break (used, memory);
        }
    };
    println!("afterwards: {used:.2} s of CPU time in {} s, {} MB", IDLE_TIME.as_secs(), memory / 1_000_000);
    world.violations.check(Invariant::Quiet, used <= MAX_IDLE_CPU, || format!("{used:.2} s of CPU time while idle"));
    world.violations.check(Invariant::Quiet, memory <= MAX_IDLE_MEMORY, || format!("{memory} bytes while idle"));
}

fn check_temporary_files(world: &World) {
    let settings = &world.server.settings;
    for folder in [settings.data.join("files/tmp"), settings.watched.join("results/.tmp")] {
        let names = list(&folder);
        world.violations.check(Invariant::NoTemporaryFiles, names.as_ref().is_ok_and(Vec::is_empty), || {
            format!("{}: {names:?}", folder.display())
        });
    }
}

fn list(folder: &Path) -> std::io::Result<Vec<String>> {
    fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
}

/// A kind of fault that was possible and never happened makes the run worthless.
fn check_faults(world: &World) {
    for fault in Fault::ALL {
        let happened = world.faults.count(fault) > 0;
        world.violations.check(Invariant::NotVacuous, happened || !is_possible(world, fault), || {
            format!("never: {}", fault.name())
        });
    }
}

/// Without jobs of each kind, the other checks check nothing.
fn check_work(world: &World, drops: &Drops) {
    let jobs = world.ledger.all();
    let ended_well = |entry: &&Entry| entry.end.as_ref().is_some_and(|(_, end)| end.outcome == "done");
    let done = jobs.values().filter(ended_well).count();
    let failed = jobs.values().filter(|entry| entry.end.is_some()).count() - done;
    for (what, count, least) in [
        ("jobs done", done, MIN_DONE),
        ("jobs failed", failed, 1),
        ("files dropped", drops.count(), 1),
        ("parameter sets stored", world.ledger.sets().len(), 1),
    ] {
        world.violations.check(Invariant::NotVacuous, count >= least, || format!("too few {what}: {count}"));
    }
}
