//! Recovery after a crash. A copy of the files while the database is open is exactly what a killed process leaves:
//! nothing is closed, checkpointed or flushed.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use cutline_core::contract::samples;
use cutline_core::domain::message::Message;
use cutline_core::ports::{Deliveries as _, Jobs as _, Queue as _};
use cutline_core::{Ids as _, Policy, SystemClock, SystemIds};
use cutline_local::{Database, LocalJobs, QueueSettings, Queues};

use crate::world::{World, job};

/// The database that the next process would find if this one were killed now.
fn after_a_kill(world: &World, name: &str) -> Database {
    let copy = world.path().join(name);
    fs::create_dir(&copy).expect("a folder");
    // Copy the log first: then a checkpoint in between only adds changes to the database that the log has too.
    for file in ["cutline.db-wal", "cutline.db"] {
        let from = world.folder.path().join(file);
        if from.exists() {
            fs::copy(from, copy.join(file)).expect("a copy");
        }
    }
    Database::open(&copy.join("cutline.db")).expect("the database opens after a crash")
}

#[tokio::test(flavor = "multi_thread")]
async fn acknowledged_writes_survive_a_crash() {
    let world = World::new();
    let queues = world.queues(QueueSettings::default());
    let tasks: Vec<_> = (0..200)
        .map(|_| {
            let (jobs, queue) = (world.jobs(), Arc::clone(&queues.jobs));
            tokio::spawn(async move {
                let job = job();
                jobs.create(&job).await.expect("create");
                queue.send(&Message { job_id: job.id }, samples::destination(), Duration::ZERO).await.expect("send");
                job
            })
        })
        .collect();
    let mut accepted = Vec::new();
    for task in tasks {
        accepted.push(task.await.expect("a task"));
    }

    let database = after_a_kill(&world, "killed");
    let jobs = LocalJobs::new(database.clone());
    for job in &accepted {
        assert_eq!(jobs.get(job.id).await.expect("get").as_ref(), Some(job));
    }
    let queues = Queues::new(database, Arc::new(SystemClock), QueueSettings::default());
    let mut delivered = 0;
    loop {
        let got = queues.jobs.receive(10, Duration::ZERO).await.expect("receive");
        if got.is_empty() {
            break;
        }
        delivered += got.len();
    }
    assert_eq!(delivered, accepted.len(), "a message is missing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_releases_messages_in_flight_but_not_deferred_ones() {
    let world = World::new();
    let queues = world.queues(QueueSettings::default());
    for _ in 0..2 {
        queues
            .jobs
            .send(&Message { job_id: SystemIds.job() }, samples::destination(), Duration::ZERO)
            .await
            .expect("send");
    }
    let received = queues.jobs.receive(2, Duration::ZERO).await.expect("receive");
    queues.jobs.defer(&received[1].receipt, Duration::from_secs(600)).await.expect("defer");

    let queues = Queues::new(after_a_kill(&world, "killed"), Arc::new(SystemClock), QueueSettings::default());
    assert_eq!(queues.jobs.receive(2, Duration::ZERO).await.expect("receive"), [], "hidden as before");
    assert_eq!(queues.release_in_flight().await.expect("release"), 1);
    let again = queues.jobs.receive(2, Duration::ZERO).await.expect("receive");
    assert_eq!(again.len(), 1);
    assert_eq!((&again[0].body, again[0].receive_count), (&received[0].body, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_process_continues_a_running_job() {
    let world = World::new();
    let (job, token, now) = (job(), SystemIds.lease(), samples::now());
    world.jobs().create(&job).await.expect("create");
    let running = job.claim(token, now, &Policy::default()).expect("claim");
    world.jobs().replace(&running).await.expect("replace");
    let running = running.job;

    let jobs = LocalJobs::new(after_a_kill(&world, "killed"));
    let found = jobs.get(running.id).await.expect("get").expect("the job");
    assert_eq!(found, running);
    let lease = Policy::default().lease;
    assert_eq!(jobs.running(now, lease).await.expect("running"), [running.id], "its worker is gone");
    let outcome = samples::outcome(found.id, token);
    let done = found.finish(token, outcome, now, &Policy::default()).expect("finish");
    jobs.replace(&done).await.expect("replace");
    assert_eq!(jobs.running(now, lease).await.expect("running"), [], "it has ended");
    let stale = running.renew(token, now, &Policy::default()).expect("renew");
    assert!(jobs.replace(&stale).await.is_err(), "the older version is refused");
}
