//! Invariants under faults. For every call to a port of every process in turn, the call fails before or after it took
//! effect, or the process is killed there. No acknowledged job is lost, none ends with two results, none stays pending,
//! and the credits add up. `dropping` does the same with dropped files.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cutline_core::domain::metrics::Metric;
use cutline_core::domain::usage::EndCounts;
use cutline_core::ports::Blobs;
use cutline_core::usecases::{Submission, SubmittedSource};
use cutline_core::{JobId, JobState, Mode, StorageKey};

use crate::disturb::{Calls, disturb};
use crate::world::{FaultInjector, InjectedFault, World};

const CREDITS: u64 = 5;

fn submissions(world: &World) -> [Submission; 2] {
    let url = "https://example.com/a.jpg".parse().expect("a URL");
    [
        Submission { mode: Mode::Clipping, ..world.submission(SubmittedSource::Bytes(Bytes::from_static(b"photo"))) },
        world.submission(SubmittedSource::Url(url)),
    ]
}

/// Runs workers and sweeps for a week, and checks that no visible result changes.
async fn run_to_the_end(world: &World, worker: &Arc<FaultInjector>, sweeper: &Arc<FaultInjector>) {
    let mut results = HashMap::new();
    let mut minutes = 0;
    while minutes < 7 * 24 * 60 {
        world.work(worker).await;
        world.swept(sweeper).await;
        for job in world.store.all_jobs() {
            if let JobState::Done { .. } | JobState::Failed { .. } = &job.state {
                let first = results.entry(job.id).or_insert_with(|| job.state.clone());
                assert_eq!(*first, job.state, "the result never changes");
            }
        }
        // By the minute while something may happen, then in larger steps.
        let step = if minutes < 240 { 1 } else { 60 };
        world.clock.advance(Duration::from_secs(step * 60));
        minutes += step;
    }
}

async fn check(world: &World, acknowledged: &[JobId], refused: usize, what: &str) {
    let jobs: HashMap<_, _> = world.store.all_jobs().into_iter().map(|job| (job.id, job)).collect();
    for id in acknowledged {
        let job = jobs.get(id).unwrap_or_else(|| panic!("{what}: an acknowledged job was lost"));
        assert!(matches!(job.state, JobState::Done { .. }), "{what}: {job:?}");
    }
    let (mut spent, mut failed) = (0, 0);
    for job in jobs.values() {
        match &job.state {
            JobState::Done { outcome, .. } => {
                spent += 1;
                let clipping = job.spec.mode == Mode::Clipping;
                let made = (outcome.pictures.len(), outcome.assets.len());
                assert_eq!(made, if clipping { (2, 2) } else { (1, 1) }, "{what}: pictures and assets");
                let pictures = outcome.pictures.values().map(|output| (output.key, output.bytes));
                for (key, bytes) in pictures.chain(outcome.assets.values().map(|asset| (asset.key, asset.bytes))) {
                    let file = world.blobs.get(&key).await.expect("get").expect("a file that is there");
                    let source = world.blobs.get(&StorageKey::Source { job: job.id }).await.expect("get");
                    assert!(!file.is_empty() && file.len() as u64 == bytes, "{what}: {file:?}");
                    assert_eq!(Some(file), source, "{what}: made from the stored source");
                }
            }
            JobState::Failed { .. } => failed += 1,
            JobState::Withdrawn { .. } => {}
            JobState::Queued { .. } | JobState::Running { .. } | JobState::Review { .. } => {
                panic!("{what}: pending forever: {job:?}")
            }
        }
    }
    assert_eq!(world.credits().await, Some(CREDITS - spent), "{what}: one credit for each finished job");
    let ended = EndCounts { done: spent, failed, cancelled: 0 };
    assert_eq!(world.ended().await, ended, "{what}: every job is counted once");
    let submissions = submissions(world).len();
    assert!(spent as usize + refused <= submissions, "{what}: a refused caller has no job");
    assert!(world.queue.bodies().is_empty(), "{what}: {:?}", world.queue.bodies());
    assert!(world.dead_letters.bodies().is_empty() && world.quarantine.bodies().is_empty(), "{what}");
}

/// A process that is killed after it ended a job loses the measurement, and so does a sweep that never learns that it ended
/// one. No job is measured twice.
async fn check_measured(world: &World, process: &str, injected: Option<InjectedFault>, what: &str) {
    let EndCounts { done, failed, .. } = world.ended().await;
    let measured = world.metrics.of(Metric::JobsFinished).len() as u64;
    let may_be_lost = match injected {
        Some(InjectedFault::KilledBefore | InjectedFault::KilledAfter) => true,
        Some(InjectedFault::FailsAfter) => process == "sweep",
        Some(InjectedFault::FailsBefore | InjectedFault::DoneTwice) | None => false,
    };
    assert!(measured == done + failed || (may_be_lost && measured < done + failed), "{what}: {measured} measured");
}

/// Runs everything with a fault at one call of one of the three processes.
async fn run(process: &str, faults: &Arc<FaultInjector>) {
    let world = World::new(Some(CREDITS)).await;
    let faults_of = |name: &str| if name == process { faults.clone() } else { FaultInjector::none() };
    let (submitter, worker, sweeper) = (faults_of("submit"), faults_of("work"), faults_of("sweep"));
    let mut acknowledged = Vec::new();
    let mut refused = 0;
    for submission in submissions(&world) {
        match submitter.unless_killed(world.submit(&submitter).run(submission)).await {
            Some(Ok(job)) => acknowledged.push(job.id),
            Some(Err(_)) => refused += 1,
            None => {}
        }
    }
    if process == "sweep" {
        // Leave work for the sweep: a lost message and a killed worker.
        world.work(&FaultInjector::at_call(2, InjectedFault::KilledBefore)).await;
        world.clock.advance(Duration::from_secs(100));
    }
    run_to_the_end(&world, &worker, &sweeper).await;
    let what = format!("{process}, {faults}");
    check(&world, &acknowledged, refused, &what).await;
    check_measured(&world, process, faults.injected(), &what).await;
    if faults.injected() == Some(InjectedFault::DoneTwice) && process != "sweep" {
        let attempts = world.store.all_jobs().iter().map(|job| job.attempts).max();
        assert_eq!(attempts, Some(1), "{what}: a repeated call costs no attempt");
    }
}

async fn every_call_of(process: &str, at_least: usize) {
    disturb(Calls { at_most: 60, ..Calls::at_least(at_least) }, async |faults| run(process, &faults).await).await;
}

#[tokio::test]
async fn a_fault_at_any_call_of_the_upload_is_harmless() {
    every_call_of("submit", 5).await;
}

#[tokio::test]
async fn a_fault_at_any_call_of_a_worker_is_harmless() {
    every_call_of("work", 18).await;
}

#[tokio::test]
async fn a_fault_at_any_call_of_the_sweep_is_harmless() {
    every_call_of("sweep", 5).await;
}
