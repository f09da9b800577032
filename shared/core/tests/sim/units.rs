//! Tests of the simulation's own parts.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::options::read;
use crate::random::Random;
use crate::settings::Settings;
use crate::simulation::quantile;

fn mean(draw: impl Fn() -> Duration) -> f64 {
    (0..100_000).map(|_| draw().as_secs_f64()).sum::<f64>() / 100_000.0
}

#[test]
fn distributions_have_their_means() {
    let (random, second) = (Random::new(1), Duration::from_secs(1));
    assert!((mean(|| random.below(2 * second)) - 1.0).abs() < 0.02);
    assert!((mean(|| random.exponential(second)) - 1.0).abs() < 0.02);
    assert!((mean(|| random.log_normal(second, 0.3)) - 1.0).abs() < 0.02);
}

#[test]
fn a_quantile_is_one_of_the_times() {
    let times: Vec<_> = (1..=200).map(Duration::from_secs).collect();
    let at = |share| quantile(&times, share).as_secs();
    assert_eq!((at(0.0), at(0.5), at(0.99), at(1.0)), (1, 100, 198, 200));
    assert_eq!(quantile(&[], 0.5), Duration::ZERO);
}

fn read_words(words: &[&str]) -> Result<Settings, String> {
    read(&words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>())
}

#[test]
fn every_argument_changes_its_setting() {
    assert_eq!(read_words(&[]), Ok(Settings::default()));
    let settings = read_words(&["--drops", "10", "--bulk-concurrency", "2", "--faults", "1", "--kills", "--unfair"]);
    let two = NonZeroU32::new(2).expect("not zero");
    let expected = Settings {
        drops: 10,
        bulk_concurrency: two,
        faults: 0.01,
        kills: Settings::KILLS,
        has_fair_queues: false,
        ..Settings::default()
    };
    assert_eq!(settings, Ok(expected));
}

#[test]
fn wrong_arguments_are_refused_with_a_remedy() {
    for (words, message) in [
        (&["--drops"][..], "missing value: --drops needs a number; add one"),
        (&["--drops", "0"], "invalid --drops: 0; use a whole number from 1 to 10000000"),
        (&["--bulk-concurrency", "1"], "invalid --bulk-concurrency: 1; use a whole number from 2 to 1000"),
        (&["--faults", "NaN"], "invalid --faults: NaN; use 0 to 20"),
    ] {
        assert_eq!(read_words(words), Err(message.to_owned()));
    }
    assert!(read_words(&["--fast"]).is_err());
}
