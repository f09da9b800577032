//! Simulations at a small size: the same rules, in a few seconds.

use std::num::NonZeroU32;
use std::time::Duration;

use cutline_core::usecases::SubmittedSource;
use cutline_core::{JobId, OwnerId};
use futures::future::join_all;
use tokio::time::sleep;

use crate::clock::block_on;
use crate::load::submission;
use crate::outside::DRIPPING;
use crate::report;
use crate::settings::Settings;
use crate::simulation::{self, Outcome};
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
    simulate(&small());
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
