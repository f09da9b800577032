//! Simulations at a small size: the same rules, in a few seconds.

use std::num::NonZeroU32;
use std::time::Duration;

use bytes::Bytes;
use cutline_core::domain::job::{JobStage, Route};
use cutline_core::domain::lane::Lane;
use cutline_core::usecases::{Submission, SubmittedSource};
use cutline_core::{JobId, OwnerId};
use futures::future::join_all;
use tokio::time::sleep;

use crate::clock::block_on;
use crate::delays::Delay;
use crate::load::submission;
use crate::outside::{DRIPPING, PHOTO};
use crate::report;
use crate::settings::Settings;
use crate::simulation::{self, Outcome};
use crate::sqs::Body;
use crate::world::World;

/// A back-fill of a quarter of an hour.
fn small() -> Settings {
    Settings { drops: 4_000, ..Settings::default() }
}

fn concurrency(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).expect("not zero")
}

/// Runs a simulation, in which every rule has to hold.
fn simulate(settings: &Settings) -> Outcome {
    let outcome = simulation::run(settings);
    let (text, broken) = report::text(settings, &outcome);
    assert_eq!(broken, 0, "{text}");
    outcome
}

#[test]
fn a_backfill_delays_no_live_job() {
    let outcome = simulate(&small());
    let delay = outcome.delay.as_ref().expect("jobs waited behind a backlog, and the sweep looked at them");
    let first = format!("most behind: {} {} of ", outcome.jobs[&delay.job].kind.name(), delay.job);
    let (text, _) = report::text(&small(), &outcome);
    assert!(text.contains(&first), "{text}");
}

#[test]
fn failing_requests_and_killed_processes_lose_nothing() {
    for seed in [1, 2, 3] {
        let settings = Settings { faults: 0.01, kills: Settings::KILLS, seed, ..small() };
        let outcome = simulate(&settings);
        assert!(outcome.traffic.failed > 0, "no call failed at every attempt");
        assert!(outcome.functions.iter().all(|(_, counts)| counts.killed > 0), "no process was killed");
    }
}

#[test]
fn a_backfill_above_ten_days_is_refused() {
    let settings = Settings { bulk_concurrency: concurrency(2), ..Settings::default() };
    let refused = settings.backfill().check(settings.bulk_concurrency).expect_err("refused");
    assert_eq!(refused.needed, Some(concurrency(3)));
}

#[test]
fn a_seed_repeats_a_simulation() {
    let settings = Settings { drops: 200, faults: 0.01, kills: Settings::KILLS, ..small() };
    let text = |settings: &Settings| report::text(settings, &simulation::run(settings)).0;
    assert_eq!(text(&settings), text(&settings));
    assert_ne!(text(&settings), text(&Settings { seed: 2, ..settings.clone() }));
}

const HOUR: Duration = Duration::from_secs(60 * 60);

/// The message of a bulk job is lost while an older message waits for four hours. No worker runs. Returns the longest delay
/// of an hour more.
async fn lost_behind_a_backlog() -> Delay {
    let world = World::new(&Settings { duplicates: 0.0, ..Settings::default() }).await;
    tokio::spawn(world.clone().schedule());
    let source = SubmittedSource::Bytes(Bytes::from_static(PHOTO));
    let bulk = Submission { lane: Lane::Bulk, ..submission(&world.owners.other, source) };
    let queue = world.queues.lanes.queue(Route { lane: Lane::Bulk, stage: JobStage::Make }).clone();
    queue.send(Body::new("older"), Some(&world.owners.archive), Duration::ZERO);
    // Longer than the age that is known may be out of date.
    sleep(Duration::from_secs(5 * 60)).await;
    let job = world.submit.run(bulk).await.expect("accepted").id;
    let received = queue.receive(2).await;
    assert_eq!(received[0].body.text(), "older");
    queue.delete(received[1].ticket);
    sleep(4 * HOUR).await;
    let older = queue.receive(1).await;
    queue.delete(older[0].ticket);
    assert_eq!(queue.len(), 0, "nothing waits but the job");
    sleep(HOUR).await;
    assert!(queue.len() > 0, "its message was sent again");
    let delay = world.ledger.longest_delay().expect("the job was due");
    assert_eq!(delay.job, job);
    delay
}

#[test]
fn a_message_lost_behind_a_backlog_of_hours_leaves_the_sweep_on_time() {
    let delay = block_on(lost_behind_a_backlog());
    let text = delay.text("bulk upload");
    assert!(delay.lag <= Duration::from_secs(60), "{text}");
    assert!(delay.changes.len() > 5, "it was looked at several times, and its message was sent again: {text}");
}

async fn submit_url(world: &World, owner: &OwnerId, url: String) -> JobId {
    let source = SubmittedSource::Url(url.parse().expect("a URL"));
    world.submit.run(submission(owner, source)).await.expect("accepted").id
}

/// They hold all fetchers for as long as a fetch may take. Then it is the other owner's turn.
#[test]
fn twenty_dripping_hosts_delay_another_owner_by_one_fetch() {
    let waited = block_on(async {
        let settings = Settings::default();
        let world = World::new(&settings).await;
        world.start(&settings);
        let dripping = |number: u32| format!("https://{DRIPPING}example.com/{number}.png");
        join_all((0..20).map(|number| submit_url(&world, &world.owners.other, dripping(number)))).await;
        let job = submit_url(&world, &world.owners.shop, "https://example.com/cup.png".to_owned()).await;
        for _ in 0..600 {
            sleep(Duration::from_millis(100)).await;
            if let Some(entry) = world.ledger.jobs().get(&job).filter(|entry| entry.attempts > 0) {
                return entry.waited;
            }
        }
        panic!("no fetcher took the job within a minute");
    });
    assert!(waited >= Duration::from_secs(15), "the fetchers were busy, but it waited for {waited:?} only");
    assert!(waited <= Duration::from_secs(25), "it waited for {waited:?}");
}
