//! Messages that are duplicated, lost, late or unreadable, and workers that die.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use cutline_core::domain::job::{Job, JobState, Transition};
use cutline_core::ports::Jobs;
use cutline_deployment::{Answer, Lambda, Message, Queue, id, reported, request, sample, status, until};
use jiff::Timestamp;
use serde_json::json;

use crate::checks::{check_done, check_failed, record, schedule, uploaded};
use crate::clock::pass;
use crate::world::World;

/// Longer than a lease.
const LEASE: Duration = Duration::from_secs(100);

/// How often a scenario is tried that has to hit a job at work. A slow machine, or a function that starts, may miss it.
const TRIES: usize = 5;

pub(crate) async fn a_message_delivered_twice_at_once_is_processed_once(world: &World) -> Result<()> {
    for _ in 0..TRIES {
        if delivered_twice_at_once(world).await? {
            return Ok(());
        }
    }
    bail!("the second worker was too late {TRIES} times")
}

/// Returns false if one worker was done before the other began.
async fn delivered_twice_at_once(world: &World) -> Result<bool> {
    let job = uploaded(world).await?;
    let message = world.jobs.receive_one().await?;
    // The same delivery to both, as SQS may do.
    let event = world.jobs.event(std::slice::from_ref(&message));
    let (one, other) = tokio::try_join!(world.process.invoke(&event), world.process_too.invoke(&event))?;
    let reports = [reported(&one)?, reported(&other)?];
    let refused = reports.iter().filter(|reported| reported.contains(id(&message))).count();
    let done = record(world, &job).await?;
    ensure!(done.attempts == 1, "{done:?}");
    check_done(world, &job).await?;
    if refused == 0 {
        world.jobs.delete(&message).await?;
        return Ok(false);
    }
    ensure!(refused == 1, "one worker claims the job and the other defers the message: {reports:?}");

    // The deferred message comes back and finds the job done.
    world.jobs.redeliver(&message).await?;
    let again = world.jobs.receive_one().await?;
    let reported = world.jobs.deliver(&[again], &world.process).await?;
    ensure!(reported.is_empty(), "{reported:?}");
    ensure!(record(world, &job).await? == done, "the late message changed the job");
    Ok(true)
}

pub(crate) async fn a_poison_message_affects_no_other_and_ends_in_quarantine(world: &World) -> Result<()> {
    let poison = "{\"job_id\": \"';--\"}";
    let first = uploaded(world).await?;
    Queue::new(&world.stack, &world.stack.outputs.jobs_queue_url, &world.stack.admin).send(poison).await?;
    let last = uploaded(world).await?;
    let mut messages = Vec::new();
    while messages.len() < 3 {
        let more = world.jobs.receive().await?;
        ensure!(!more.is_empty(), "received {} of three messages", messages.len());
        messages.extend(more);
    }
    let bad = messages.iter().find(|message| message.body.as_deref() == Some(poison)).context("no poison")?.clone();
    let reported = world.jobs.deliver(&messages, &world.process).await?;
    ensure!(reported.iter().eq([id(&bad)]), "{reported:?}");
    check_done(world, &first).await?;
    check_done(world, &last).await?;

    // The queue delivers it until it has been received too often.
    let mut message = bad;
    let mut receives = 1;
    let dead = loop {
        world.jobs.redeliver(&message).await?;
        match world.jobs.receive().await?.pop() {
            Some(again) => message = again,
            None => break world.dead_letters.receive_one().await?,
        }
        receives += 1;
        ensure!(receives <= 20, "the message does not move to the dead-letter queue");
    };
    ensure!(receives == 20, "moved after {receives} receives");
    let reported = world.dead_letters.deliver(&[dead], &world.sweep).await?;
    ensure!(reported.is_empty(), "{reported:?}");
    let quarantined = world.quarantine.receive_one().await?;
    ensure!(quarantined.body.as_deref() == Some(poison), "{quarantined:?}");
    Ok(())
}

/// Freezes a worker while it makes the picture of a job. Returns false, and lets it go on, if it was too late.
async fn frozen_at_work(world: &World, worker: &Lambda, job: &str) -> Result<bool> {
    if !until(&world.status, job, "pending_background").await? {
        return Ok(false);
    }
    worker.freeze()?;
    let is_at_work = status(&world.status, job).await.map(|body| body["status"] == "pending_background");
    if !matches!(is_at_work, Ok(true)) {
        worker.thaw()?;
    }
    is_at_work
}

/// Has a worker begin a job and kills it. Returns the job and its message; nothing if the job was done before.
async fn killed_at_work(world: &World) -> Result<Option<(String, Message)>> {
    let job = uploaded(world).await?;
    let message = world.jobs.receive_one().await?;
    let doomed = world.another_worker()?;
    let work = async { Ok(world.jobs.deliver(std::slice::from_ref(&message), &doomed).await) };
    let kill = async {
        let is_at_work = frozen_at_work(world, &doomed, &job).await?;
        if is_at_work {
            doomed.kill()?;
        }
        anyhow::Ok(is_at_work)
    };
    let (outcome, is_killed) = tokio::try_join!(work, kill)?;
    ensure!(outcome.is_err() == is_killed, "killed: {is_killed}, the worker answered {outcome:?}");
    Ok(is_killed.then_some((job, message)))
}

pub(crate) async fn a_killed_worker_costs_one_attempt(world: &World) -> Result<()> {
    let mut killed = None;
    for _ in 0..TRIES {
        killed = killed_at_work(world).await?;
        if killed.is_some() {
            break;
        }
    }
    let (job, message) = killed.with_context(|| format!("the job was done before the kill {TRIES} times"))?;
    let body = status(&world.status, &job).await?;
    ensure!(body["state"] == "pending", "{body}");

    // The dead worker's lease has not expired, so another worker defers the message.
    world.jobs.redeliver(&message).await?;
    let early = world.jobs.receive_one().await?;
    let reported = world.jobs.deliver(std::slice::from_ref(&early), &world.process).await?;
    ensure!(reported.contains(id(&early)), "claimed despite a live lease");
    ensure!(world.jobs.receive().await?.is_empty(), "the message is visible before the lease expires");

    pass(&world.table, &job, LEASE).await?;
    world.jobs.redeliver(&early).await?;
    let late = world.jobs.receive_one().await?;
    let reported = world.jobs.deliver(&[late], &world.process).await?;
    ensure!(reported.is_empty(), "{reported:?}");
    ensure!(record(world, &job).await?.attempts == 2);
    check_done(world, &job).await
}

pub(crate) async fn a_worker_that_wakes_too_late_changes_nothing(world: &World) -> Result<()> {
    for _ in 0..TRIES {
        if wakes_too_late(world).await? {
            return Ok(());
        }
    }
    bail!("the job was done before its worker was frozen {TRIES} times")
}

/// Lets another worker do a job whose worker is frozen. Returns when it is done.
async fn overtaken(world: &World, job: &str) -> Result<Job> {
    pass(&world.table, job, LEASE).await?;
    // The sweep finds the expired lease and queues the job again.
    world.sweep.invoke(&schedule()?).await?;
    let again = world.jobs.receive_one().await?;
    let reported = world.jobs.deliver(&[again], &world.process).await?;
    ensure!(reported.is_empty(), "{reported:?}");
    record(world, job).await
}

/// Returns false if the job was done before its worker was frozen.
async fn wakes_too_late(world: &World) -> Result<bool> {
    let job = uploaded(world).await?;
    let message = world.jobs.receive_one().await?;
    let event = world.jobs.event(std::slice::from_ref(&message));
    let sleeper = world.process_too.invoke(&event);
    let others = async {
        if !frozen_at_work(world, &world.process_too, &job).await? {
            return Ok(None);
        }
        let done = overtaken(world, &job).await;
        // Also after an error: later scenarios need this worker.
        world.process_too.thaw()?;
        done.map(Some)
    };
    let (answer, done) = tokio::try_join!(sleeper, others)?;
    let Some(done) = done else {
        world.jobs.delete(&message).await?;
        return Ok(false);
    };
    ensure!(matches!(done.state, JobState::Done { .. }) && done.attempts == 2, "{done:?}");
    ensure!(reported(&answer)?.is_empty(), "the message of an ended job was not acknowledged: {answer}");
    ensure!(record(world, &job).await? == done, "the late worker changed the job");
    check_done(world, &job).await?;
    Ok(true)
}

pub(crate) async fn the_sweep_resends_a_lost_message(world: &World) -> Result<()> {
    let job = uploaded(world).await?;
    let lost = world.jobs.receive_one().await?;
    world.jobs.delete(&lost).await?;

    pass(&world.table, &job, Duration::from_secs(60)).await?;
    world.sweep.invoke(&schedule()?).await?;
    ensure!(world.jobs.receive().await?.is_empty(), "resent after one minute");

    pass(&world.table, &job, Duration::from_secs(61)).await?;
    world.sweep.invoke(&schedule()?).await?;
    let resent = world.jobs.receive_one().await.context("not resent after two minutes")?;
    ensure!(resent.body == lost.body, "{resent:?}");
    let reported = world.jobs.deliver(&[resent], &world.process).await?;
    ensure!(reported.is_empty(), "{reported:?}");
    check_done(world, &job).await
}

pub(crate) async fn a_backlog_is_not_mistaken_for_a_lost_message(world: &World) -> Result<()> {
    let job = uploaded(world).await?;
    let waiting = world.jobs.receive_one().await?;
    pass(&world.table, &job, Duration::from_secs(180)).await?;
    world.jobs_queue_age(Duration::from_secs(3600)).await?;
    world.sweep.invoke(&schedule()?).await?;
    ensure!(world.jobs.receive().await?.is_empty(), "resent although older messages wait");
    // A queued job would be due in later scenarios.
    world.jobs.redeliver(&waiting).await?;
    let message = world.jobs.receive_one().await?;
    world.jobs.deliver(&[message], &world.process).await?;
    check_done(world, &job).await
}

pub(crate) async fn a_failed_send_leaves_no_job(world: &World) -> Result<()> {
    let upload = world.upload_without_queue()?;
    let before = world.table.due(Timestamp::MAX, 1000).await?;
    let Answer { status, body } = request(&upload, &sample("upload-multipart.json")?).await?;
    ensure!(status == 503 && body["error"] == "unavailable", "{status} {body}");
    let after = world.table.due(Timestamp::MAX, 1000).await?;
    ensure!(before == after, "a job was left for the sweep: {after:?}");
    Ok(())
}

/// Moves a job's message to the dead-letter queue, as SQS does after twenty receives.
async fn move_to_dead_letters(world: &World, job: &str) -> Result<()> {
    let message = world.jobs.receive_one().await?;
    world.jobs.delete(&message).await?;
    let dead_letters = Queue::new(&world.stack, &world.stack.outputs.dead_letter_queue_url, &world.stack.admin);
    dead_letters.send(&json!({ "job_id": job }).to_string()).await
}

pub(crate) async fn a_dead_letter_without_attempts_left_fails_its_job(world: &World) -> Result<()> {
    let job = uploaded(world).await?;
    move_to_dead_letters(world, &job).await?;
    let queued = record(world, &job).await?;
    let spent = Job { attempts: 3, version: queued.version + 1, ..queued };
    world.table.replace(&Transition::without_effects(spent)).await?;
    let dead = world.dead_letters.receive_one().await?;
    let reported = world.dead_letters.deliver(&[dead], &world.sweep).await?;
    ensure!(reported.is_empty(), "{reported:?}");
    ensure!(world.jobs.receive().await?.is_empty(), "the job was queued again");
    check_failed(world, &job, "interrupted", true).await
}

pub(crate) async fn a_dead_letter_with_attempts_left_is_queued_again(world: &World) -> Result<()> {
    let job = uploaded(world).await?;
    move_to_dead_letters(world, &job).await?;
    let dead = world.dead_letters.receive_one().await?;
    let reported = world.dead_letters.deliver(&[dead], &world.sweep).await?;
    ensure!(reported.is_empty(), "{reported:?}");
    let message = world.jobs.receive_one().await?;
    let reported = world.jobs.deliver(&[message], &world.process).await?;
    ensure!(reported.is_empty(), "{reported:?}");
    check_done(world, &job).await
}
