//! Inflicts faults on the server, its image workers and its disk.

use std::sync::atomic::Ordering;
use std::thread::sleep;
use std::time::{Duration, Instant};

use jiff::SignedDuration;

use crate::database::shift_times;
use crate::fault::Fault;
use crate::invariants::Invariant;
use crate::ledger::Counters;
use crate::processes::{image_workers, signal};
use crate::random::Random;
use crate::world::World;

/// The pause between two faults, in milliseconds.
const PAUSE: (u64, u64) = (800, 5000);
/// How often the server is looked at between faults.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);
/// How long to look for an image worker to hit.
const WORKER_TIMEOUT: Duration = Duration::from_secs(2);
/// How often a fault that could not be inflicted gets another turn.
const MAX_FAILURES: usize = 20;
/// How far the clock jumps forward, in seconds: leases expire and messages count as lost. A lost message behind a backlog
/// is looked at again after the job's age, which the jump raises, and the run has to wait for that.
const FORWARD: (u64, u64) = (30, 300);
/// How far the clock jumps back, in seconds: up to longer than any rule waits.
const BACK: (u64, u64) = (5, 7200);

/// Inflicts one fault after another until the run is over. Each kind has its turn before any has its next.
pub(crate) fn inflict(world: &World, mut random: Random) {
    let mut bag = Fault::ALL.to_vec();
    random.shuffle(&mut bag);
    let mut failures = 0;
    while !world.is_over() {
        pause(world, Duration::from_millis(random.between(PAUSE.0, PAUSE.1)));
        let Some(fault) = bag.pop() else {
            world.had_every_fault.store(true, Ordering::Relaxed);
            bag = Fault::ALL.to_vec();
            random.shuffle(&mut bag);
            continue;
        };
        if world.faults.during(fault, || happened(world, fault, &mut random)) {
            println!("{:>6.1} s left  {}", world.time_left().as_secs_f64(), fault.name());
        } else if is_possible(world, fault) && failures < MAX_FAILURES {
            failures += 1;
            bag.insert(0, fault);
        }
    }
}

fn pause(world: &World, duration: Duration) {
    let begun = Instant::now();
    while begun.elapsed() < duration {
        sleep(LOOK_INTERVAL);
        restart_if_ended(world);
    }
}

/// Whether this kind of fault is possible on this machine and with this server.
pub(crate) fn is_possible(world: &World, fault: Fault) -> bool {
    match fault {
        Fault::FullDisk => world.disk.cannot_fill().is_none(),
        _ if fault.worker_signal().is_some() => world.image_workers.load(Ordering::Relaxed) > 0,
        _ => true,
    }
}

/// Starts a server that ended on its own again, which is a violation.
pub(crate) fn restart_if_ended(world: &World) {
    if let Some(status) = world.server.ended_on_its_own() {
        world.violations.add(Invariant::StaysUp, format!("the server ended on its own: {status}"));
        start(world);
    }
}

/// Inflicts a fault. Returns false if that was not possible.
fn happened(world: &World, fault: Fault, random: &mut Random) -> bool {
    match fault {
        Fault::KillServer => {
            world.server.kill();
            start(world);
        }
        Fault::StopServer => {
            if let Err(error) = world.server.stop() {
                world.violations.add(Invariant::StaysUp, format!("{error:#}"));
            }
            start(world);
        }
        Fault::FreezeServer => return freeze(world.server.pid(), random.between(500, 4000)),
        Fault::FullDisk => return fill_disk(world, random),
        Fault::ClockSetForward => shift(world, -i64::try_from(random.between(FORWARD.0, FORWARD.1)).unwrap_or(0)),
        Fault::ClockSetBack => shift(world, i64::try_from(random.between(BACK.0, BACK.1)).unwrap_or(0)),
        Fault::KillWorker | Fault::SegfaultWorker | Fault::AbortWorker | Fault::FreezeWorker => {
            return hit_worker(world, fault, random);
        }
    }
    true
}

/// Starts the server, and tries again while it fails. Only a full disk may prevent it.
fn start(world: &World) {
    let begun = Instant::now();
    while let Err(error) = world.server.start() {
        Counters::increment(&world.ledger.counters.failed_starts);
        let is_explained = world.faults.filled_disk(begun, Instant::now());
        world.violations.check(Invariant::StaysUp, is_explained, || format!("{error:#}"));
        world.server.kill();
        // The disk is freed by the caller, which waits for this start.
        if world.disk.cannot_fill().is_none()
            && let Err(error) = world.disk.free()
        {
            world.violations.add(Invariant::NotVacuous, format!("the disk could not be freed: {error:#}"));
        }
        if Instant::now() > world.give_up {
            return;
        }
    }
}

/// Stops a process for this many milliseconds.
fn freeze(pid: Option<u32>, milliseconds: u64) -> bool {
    let Some(pid) = pid else { return false };
    let is_frozen = signal(pid, "STOP");
    sleep(Duration::from_millis(milliseconds));
    signal(pid, "CONT");
    is_frozen
}

/// Leaves at most 200 KB for some seconds, so that some writes still succeed. Half of the time the server is also killed
/// and has to start on the full disk.
fn fill_disk(world: &World, random: &mut Random) -> bool {
    if world.disk.cannot_fill().is_some() {
        return false;
    }
    let filled = world.disk.fill(random.between(0, 200_000));
    let duration = Duration::from_millis(random.between(2000, 7000));
    let kill = random.chance(50);
    if filled.is_ok() {
        sleep(duration / 2);
        if kill {
            world.server.kill();
            start(world);
        }
        sleep(duration / 2);
    }
    if let Err(error) = filled.and_then(|()| world.disk.free()) {
        world.violations.add(Invariant::NotVacuous, format!("the disk could not be filled and freed: {error:#}"));
        return false;
    }
    true
}

/// Kills the server, adds this many seconds to all stored times, and starts it again.
fn shift(world: &World, seconds: i64) {
    world.server.kill();
    let database = world.server.settings.data.join("cutline.db");
    if let Err(error) = shift_times(&database, SignedDuration::from_secs(seconds)) {
        world.violations.add(Invariant::NotVacuous, format!("the stored times could not be shifted: {error:#}"));
    }
    start(world);
}

/// Sends a signal to an image worker, as soon as there is one. A frozen one stays frozen for some seconds.
fn hit_worker(world: &World, fault: Fault, random: &mut Random) -> bool {
    let Some(name) = fault.worker_signal() else { return false };
    let begun = Instant::now();
    while begun.elapsed() < WORKER_TIMEOUT {
        let workers = world.server.pid().map(image_workers).unwrap_or_default();
        if !workers.is_empty() {
            let worker = *random.pick(&workers);
            return match fault {
                Fault::FreezeWorker => freeze(Some(worker), random.between(500, 15_000)),
                _ => signal(worker, name),
            };
        }
        sleep(LOOK_INTERVAL);
    }
    false
}
