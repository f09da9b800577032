//! The main job, and what goes wrong with it.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use cutline_core::domain::job::{Job, JobState, Transition};
use cutline_core::ports::Jobs;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::clock::{self, pass};
use crate::gateway::{Answer, accepted, poll, request, sample, status, until, upload_of};
use crate::picture;
use crate::sqs::{Queue, id};
use crate::world::World;

/// Longer than a lease.
const LEASE: Duration = Duration::from_secs(100);

/// The body of the schedule's event.
pub(crate) fn schedule() -> Result<Value> {
    sample("sweep-schedule.json")
}

/// Uploads the sample photo.
async fn uploaded(world: &World) -> Result<String> {
    accepted(&world.upload, &sample("upload-multipart.json")?).await
}

async fn record(world: &World, job: &str) -> Result<Job> {
    clock::job(&world.table, job).await
}

/// Follows a link to a PNG, as a browser would: with nothing but the link.
pub(crate) async fn download(link: &Value) -> Result<(reqwest::StatusCode, Vec<u8>)> {
    download_as("image/png", link).await
}

/// Follows a link to a file of this media type.
async fn download_as(media_type: &str, link: &Value) -> Result<(reqwest::StatusCode, Vec<u8>)> {
    let response = reqwest::get(link.as_str().context("no link")?).await?;
    let status = response.status();
    if status.is_success() {
        assert_eq!(response.headers()["content-type"], media_type);
    }
    Ok((status, response.bytes().await?.to_vec()))
}

/// That a job is done and its picture is behind its link.
async fn check_done(world: &World, job: &str) -> Result<()> {
    let body = status(&world.status, job).await?;
    ensure!(body["status"] == "done" && body["progress"] == 100, "{body}");
    let link = if body["final_url"].is_null() { &body["final_urls"]["background"] } else { &body["final_url"] };
    let (status, bytes) = download(link).await?;
    ensure!(status == 200, "{status} for {link}: {}", String::from_utf8_lossy(&bytes));
    picture::check(&bytes)
}

/// That a job has failed with this code, and whether the caller is told to try again.
async fn check_failed(world: &World, job: &str, code: &str, retryable: bool) -> Result<()> {
    let body = status(&world.status, job).await?;
    ensure!(body["status"] == "failed" && body["state"] == "done", "{body}");
    ensure!(body["final_url"].is_null(), "{body}");
    ensure!(body["error"]["code"] == code && body["error"]["retryable"] == retryable, "{body}");
    ensure!(body["error"]["message"].as_str().is_some_and(|message| !message.is_empty()), "{body}");
    Ok(())
}

pub(crate) async fn a_photo_that_was_uploaded_comes_back_cut_out(world: &World) -> Result<()> {
    let job = uploaded(world).await?;
    let before = status(&world.status, &job).await?;
    ensure!(before["status"] == "queued" && before["state"] == "pending", "{before}");

    let work = async {
        let message = world.jobs.receive_one().await?;
        world.jobs.deliver(&[message], &world.process).await
    };
    let (reported, body) = tokio::try_join!(work, poll(&world.status, &job))?;
    ensure!(reported.is_empty(), "{reported:?}");
    ensure!(body["status"] == "done" && body.get("final_urls").is_none(), "{body}");
    check_done(world, &job).await?;
    ensure!(world.jobs.receive().await?.is_empty(), "the message is still there");

    let expires: Timestamp = body["expires_at"].as_str().context("no expires_at")?.parse()?;
    let holds = expires.duration_since(Timestamp::now());
    ensure!(holds > SignedDuration::from_mins(10) && holds <= SignedDuration::from_hours(1), "a link holds {holds}");
    // The link is for this object alone: it cannot be turned into one for the source.
    let link = body["final_url"].as_str().context("no link")?;
    let key = record(world, &job).await?;
    let JobState::Done { outcome, .. } = key.state else { anyhow::bail!("not done: {key:?}") };
    let output = outcome.pictures[&outcome.final_picture].key.to_string();
    let forged = link.replace(&output, &format!("sources/{job}"));
    ensure!(forged != link, "{link} does not name {output}");
    ensure!(download(&forged.into()).await?.0 == 403, "a forged link works");
    Ok(())
}

pub(crate) async fn a_photo_behind_a_url_comes_back_cut_out(world: &World) -> Result<()> {
    let before = world.origin.served();
    let job = accepted(&world.upload, &upload_of(&world.origin.url("/photo.jpg"))?).await?;
    let message = world.jobs.receive_one().await?;
    let reported = world.jobs.deliver(&[message], &world.process_too).await?;
    ensure!(reported.is_empty(), "{reported:?}");
    let body = poll(&world.status, &job).await?;
    ensure!(body["final_url"].is_null() && body["final_urls"]["background"].is_string(), "{body}");
    ensure!(world.origin.served() == before + 1, "fetched more than once");
    check_done(world, &job).await
}

pub(crate) async fn without_a_mode_a_photo_comes_back_cut_along_its_path(world: &World) -> Result<()> {
    let mut event = upload_of(&world.origin.url("/photo.jpg"))?;
    event["body"] = json!({ "file_url": world.origin.url("/photo.jpg") }).to_string().into();
    let Answer { status, body } = request(&world.upload, &event).await?;
    ensure!(status == 202 && body["mode"] == "clipping", "{status} {body}");
    let job = body["job_id"].as_str().context("no job_id")?;
    let message = world.jobs.receive_one().await?;
    let reported = world.jobs.deliver(&[message], &world.process_too).await?;
    ensure!(reported.is_empty(), "{reported:?}");

    let body = poll(&world.status, job).await?;
    ensure!(body["status"] == "done" && body["mode"] == "clipping", "{body}");
    ensure!(body["confidence"].as_f64().is_some_and(|confidence| (0.0..=1.0).contains(&confidence)), "{body}");
    let (status, bytes) = download(&body["final_urls"]["background"]).await?;
    ensure!(status == 200, "{status}");
    picture::check(&bytes)?;
    for link in [&body["final_urls"]["clipping"], &body["assets"]["matte"]] {
        ensure!(download(link).await?.0 == 200, "{body}");
    }
    let (status, path) = download_as("image/svg+xml", &body["assets"]["clipping_path"]).await?;
    ensure!(status == 200 && String::from_utf8_lossy(&path).contains("<path"), "{status} {body}");
    Ok(())
}

/// The event of a request of the parameter set that the sample stores, by another method or with another body.
fn set_event(method: &str, name: &str, body: &Value) -> Result<Value> {
    let mut event = sample("upload-put-params.json")?;
    let (route, path) = (format!("{method} /api/v1/{{proxy+}}"), format!("/api/v1/params/{name}"));
    event["pathParameters"]["proxy"] = format!("params/{name}").into();
    event["requestContext"]["routeKey"] = route.clone().into();
    event["requestContext"]["http"]["method"] = method.into();
    event["requestContext"]["http"]["path"] = path.clone().into();
    (event["routeKey"], event["rawPath"]) = (route.into(), path.into());
    let body = body.to_string();
    event["headers"]["content-length"] = body.len().to_string().into();
    if let Some(headers) = event["headers"].as_object_mut() {
        headers.remove("if-none-match");
    }
    event["body"] = body.into();
    Ok(event)
}

pub(crate) async fn parameter_sets_are_changed_by_one_function_and_read_by_the_other(world: &World) -> Result<()> {
    let put = set_event("PUT", "Of-Scenario", &json!({ "margin": "7%" }))?;
    let Answer { status, body } = request(&world.upload, &put).await?;
    ensure!(status == 201 && body["margin"] == "7%", "{status} {body}");
    let mut get = sample("status-params.json")?;
    get["rawPath"] = "/api/v1/params/Of-Scenario".into();
    get["requestContext"]["http"]["path"] = get["rawPath"].clone();
    let Answer { status, body } = request(&world.status, &get).await?;
    ensure!(status == 200 && body["margin"] == "7%", "{status} {body}");

    // A name that nothing has is answered with those that there are.
    let mut upload = sample("upload-json.json")?;
    let order = json!({ "file_url": "https://example.com/photo.jpg", "mode": "params", "params": "no-such-set" });
    let order = order.to_string();
    upload["headers"]["content-length"] = order.len().to_string().into();
    upload["body"] = order.into();
    let Answer { status, body } = request(&world.upload, &upload).await?;
    let told = body["details"]["params"][0].as_str().context("no fault of params")?;
    ensure!(status == 422 && told.contains("Of-Scenario") && told.contains("amazon-main"), "{status} {body}");

    let delete = set_event("DELETE", "Of-Scenario", &Value::Null)?;
    let answer = world.upload.invoke(&delete).await?;
    ensure!(answer["statusCode"] == 204, "{answer}");
    let Answer { status, .. } = request(&world.status, &get).await?;
    ensure!(status == 404, "{status}");
    Ok(())
}

pub(crate) async fn a_private_address_is_refused_as_deployed(world: &World) -> Result<()> {
    let before = world.origin.served();
    let job = accepted(&world.upload, &upload_of(&world.origin.url("/photo.jpg"))?).await?;
    let message = world.jobs.receive_one().await?;
    let reported = world.jobs.deliver(&[message], &world.process).await?;
    ensure!(reported.is_empty(), "{reported:?}");
    ensure!(world.origin.served() == before, "fetched from loopback");
    check_failed(world, &job, "source_forbidden", false).await
}

pub(crate) async fn a_source_that_answers_404_fails_the_job_at_once(world: &World) -> Result<()> {
    let job = accepted(&world.upload, &upload_of(&world.origin.url("/gone.jpg"))?).await?;
    let message = world.jobs.receive_one().await?;
    let reported = world.jobs.deliver(&[message], &world.process_too).await?;
    ensure!(reported.is_empty(), "it is to be acknowledged: {reported:?}");
    ensure!(record(world, &job).await?.attempts == 1);
    check_failed(world, &job, "source_unreachable", false).await
}

pub(crate) async fn a_message_delivered_twice_at_once_is_worked_on_once(world: &World) -> Result<()> {
    let job = uploaded(world).await?;
    let message = world.jobs.receive_one().await?;
    // The same delivery to both, as SQS may do.
    let event = crate::sqs::event(std::slice::from_ref(&message));
    let (one, other) = tokio::try_join!(world.process.invoke(&event), world.process_too.invoke(&event))?;
    let reports = [crate::sqs::reported(&one)?, crate::sqs::reported(&other)?];
    let refused = reports.iter().filter(|reported| reported.contains(id(&message))).count();
    ensure!(refused == 1, "one worker has the job and the other puts the message off: {reports:?}");
    let done = record(world, &job).await?;
    ensure!(done.attempts == 1, "{done:?}");
    check_done(world, &job).await?;

    // The one put off comes back once more, and finds nothing to do.
    world.jobs.redeliver(&message).await?;
    let again = world.jobs.receive_one().await?;
    let reported = world.jobs.deliver(&[again], &world.process).await?;
    ensure!(reported.is_empty(), "{reported:?}");
    ensure!(record(world, &job).await? == done, "the late message changed the job");
    Ok(())
}

pub(crate) async fn a_poison_message_spoils_no_other_and_ends_in_the_parking_queue(world: &World) -> Result<()> {
    let poison = "{\"job_id\": \"';--\"}";
    let first = uploaded(world).await?;
    Queue::new(&world.stack, &world.stack.outputs.jobs_queue_url, &world.stack.admin).send(poison).await?;
    let last = uploaded(world).await?;
    let mut messages = Vec::new();
    while messages.len() < 3 {
        let more = world.jobs.receive().await?;
        ensure!(!more.is_empty(), "three messages were sent, and only {} came", messages.len());
        messages.extend(more);
    }
    let bad = messages.iter().find(|message| message.body.as_deref() == Some(poison)).context("no poison")?.clone();
    let reported = world.jobs.deliver(&messages, &world.process).await?;
    ensure!(reported.iter().eq([id(&bad)]), "{reported:?}");
    check_done(world, &first).await?;
    check_done(world, &last).await?;

    // It is given to a worker again and again, until the queue gives it up.
    let mut message = bad;
    let mut receives = 1;
    let dead = loop {
        world.jobs.redeliver(&message).await?;
        match world.jobs.receive().await?.pop() {
            Some(again) => message = again,
            None => break world.dead_letters.receive_one().await?,
        }
        receives += 1;
        ensure!(receives <= 20, "the queue does not give it up");
    };
    ensure!(receives == 20, "given up after {receives} receives");
    let reported = world.dead_letters.deliver(&[dead], &world.sweep).await?;
    ensure!(reported.is_empty(), "{reported:?}");
    let parked = world.quarantine.receive_one().await?;
    ensure!(parked.body.as_deref() == Some(poison), "{parked:?}");
    Ok(())
}

pub(crate) async fn a_killed_worker_costs_an_attempt_and_nothing_else(world: &World) -> Result<()> {
    let job = uploaded(world).await?;
    let message = world.jobs.receive_one().await?;
    let doomed = world.another_worker()?;
    let work = async { Ok(world.jobs.deliver(std::slice::from_ref(&message), &doomed).await) };
    let kill = async {
        until(&world.status, &job, "pending_background").await?;
        doomed.kill()
    };
    let (outcome, ()) = tokio::try_join!(work, kill)?;
    ensure!(outcome.is_err(), "the worker was killed, and answered {outcome:?}");
    let body = status(&world.status, &job).await?;
    ensure!(body["state"] == "pending", "{body}");

    // Too early: the dead worker's lease still holds, so the message is put off.
    world.jobs.redeliver(&message).await?;
    let early = world.jobs.receive_one().await?;
    let reported = world.jobs.deliver(std::slice::from_ref(&early), &world.process).await?;
    ensure!(reported.contains(id(&early)), "taken from a live lease");
    ensure!(world.jobs.receive().await?.is_empty(), "the message is hidden until the lease has run out");

    pass(&world.table, &job, LEASE).await?;
    world.jobs.redeliver(&early).await?;
    let late = world.jobs.receive_one().await?;
    let reported = world.jobs.deliver(&[late], &world.process).await?;
    ensure!(reported.is_empty(), "{reported:?}");
    ensure!(record(world, &job).await?.attempts == 2);
    check_done(world, &job).await
}

pub(crate) async fn a_worker_that_wakes_too_late_changes_nothing(world: &World) -> Result<()> {
    let job = uploaded(world).await?;
    let message = world.jobs.receive_one().await?;
    let event = crate::sqs::event(std::slice::from_ref(&message));
    let sleeper = world.process_too.invoke(&event);
    let others = async {
        until(&world.status, &job, "pending_background").await?;
        world.process_too.freeze()?;
        pass(&world.table, &job, LEASE).await?;
        // The sweep finds the lease run out and has the job worked on again.
        world.sweep.invoke(&schedule()?).await?;
        let again = world.jobs.receive_one().await?;
        let reported = world.jobs.deliver(&[again], &world.process).await?;
        ensure!(reported.is_empty(), "{reported:?}");
        let done = record(world, &job).await?;
        world.process_too.thaw()?;
        Ok(done)
    };
    let (answer, done) = tokio::try_join!(sleeper, others)?;
    ensure!(matches!(done.state, JobState::Done { .. }) && done.attempts == 2, "{done:?}");
    ensure!(crate::sqs::reported(&answer)?.is_empty(), "the job has ended, so its message is done with: {answer}");
    ensure!(record(world, &job).await? == done, "the late worker changed the job");
    check_done(world, &job).await
}

pub(crate) async fn a_lost_message_is_sent_again_by_the_sweep(world: &World) -> Result<()> {
    let job = uploaded(world).await?;
    let lost = world.jobs.receive_one().await?;
    world.jobs.delete(&lost).await?;

    pass(&world.table, &job, Duration::from_secs(60)).await?;
    world.sweep.invoke(&schedule()?).await?;
    ensure!(world.jobs.receive().await?.is_empty(), "sent again after one minute");

    pass(&world.table, &job, Duration::from_secs(61)).await?;
    world.sweep.invoke(&schedule()?).await?;
    let found = world.jobs.receive_one().await.context("two minutes on")?;
    ensure!(found.body == lost.body, "{found:?}");
    let reported = world.jobs.deliver(&[found], &world.process).await?;
    ensure!(reported.is_empty(), "{reported:?}");
    check_done(world, &job).await
}

pub(crate) async fn a_backlog_is_not_taken_for_a_lost_message(world: &World) -> Result<()> {
    let job = uploaded(world).await?;
    let waiting = world.jobs.receive_one().await?;
    pass(&world.table, &job, Duration::from_secs(180)).await?;
    world.jobs_queue_age(Duration::from_secs(3600)).await?;
    world.sweep.invoke(&schedule()?).await?;
    ensure!(world.jobs.receive().await?.is_empty(), "sent again, though older messages wait");
    // Left queued, it would be due in the scenarios to come.
    world.jobs.redeliver(&waiting).await?;
    let message = world.jobs.receive_one().await?;
    world.jobs.deliver(&[message], &world.process).await?;
    check_done(world, &job).await
}

pub(crate) async fn a_message_that_cannot_be_sent_leaves_no_job(world: &World) -> Result<()> {
    let upload = world.upload_without_queue()?;
    let before = world.table.due(Timestamp::MAX, 1000).await?;
    let Answer { status, body } = request(&upload, &sample("upload-multipart.json")?).await?;
    ensure!(status == 503 && body["error"] == "unavailable", "{status} {body}");
    let after = world.table.due(Timestamp::MAX, 1000).await?;
    ensure!(before == after, "a job was left to be swept: {after:?}");
    Ok(())
}

/// Moves a job's message to the dead letters, as the queue does after twenty receives.
async fn dead_lettered(world: &World, job: &str) -> Result<()> {
    let message = world.jobs.receive_one().await?;
    world.jobs.delete(&message).await?;
    let dead_letters = Queue::new(&world.stack, &world.stack.outputs.dead_letter_queue_url, &world.stack.admin);
    dead_letters.send(&json!({ "job_id": job }).to_string()).await
}

pub(crate) async fn a_dead_letter_with_spent_attempts_ends_its_job(world: &World) -> Result<()> {
    let job = uploaded(world).await?;
    dead_lettered(world, &job).await?;
    let queued = record(world, &job).await?;
    let spent = Job { attempts: 3, version: queued.version + 1, ..queued };
    world.table.replace(&Transition::without_effects(spent)).await?;
    let dead = world.dead_letters.receive_one().await?;
    let reported = world.dead_letters.deliver(&[dead], &world.sweep).await?;
    ensure!(reported.is_empty(), "{reported:?}");
    ensure!(world.jobs.receive().await?.is_empty(), "it was queued again");
    check_failed(world, &job, "interrupted", true).await
}

pub(crate) async fn a_dead_letter_with_attempts_left_is_queued_again(world: &World) -> Result<()> {
    let job = uploaded(world).await?;
    dead_lettered(world, &job).await?;
    let dead = world.dead_letters.receive_one().await?;
    let reported = world.dead_letters.deliver(&[dead], &world.sweep).await?;
    ensure!(reported.is_empty(), "{reported:?}");
    let message = world.jobs.receive_one().await?;
    let reported = world.jobs.deliver(&[message], &world.process).await?;
    ensure!(reported.is_empty(), "{reported:?}");
    check_done(world, &job).await
}

/// Shows that access control is on: were it off, all other scenarios would pass with any template.
pub(crate) async fn a_role_may_do_its_own_work_and_no_other(world: &World) -> Result<()> {
    let as_function = |url: &str, function: &str| {
        let function = &world.stack.functions[function];
        Queue::new(&world.stack, url, &function.credentials)
    };
    let jobs = &world.stack.outputs.jobs_queue_url;
    as_function(jobs, "UploadFunction").send("mine").await?;
    ensure!(as_function(jobs, "StatusFunction").send("not mine").await.is_err(), "status may send to the jobs queue");
    let quarantine = &world.stack.outputs.parking_queue_url;
    ensure!(as_function(quarantine, "ProcessFunction").send("not mine").await.is_err(), "process may park messages");
    for function in ["UploadFunction", "StatusFunction", "SweepFunction"] {
        ensure!(as_function(jobs, function).receive().await.is_err(), "{function} may receive from the jobs queue");
    }
    let message = world.jobs.receive_one().await?;
    ensure!(message.body.as_deref() == Some("mine"), "{message:?}");
    Ok(())
}
