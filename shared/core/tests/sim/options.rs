//! The arguments of `cargo xtask sim`, as `cargo xtask help` lists them.

use std::num::NonZeroU32;

use crate::settings::Settings;

/// Reads the arguments.
///
/// # Errors
/// A message for the user.
pub(crate) fn read(arguments: &[String]) -> Result<Settings, String> {
    let mut settings = Settings::default();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let mut value = || rest.next().ok_or_else(|| format!("missing value: {argument} needs a number; add one"));
        match argument.as_str() {
            "--drops" => settings.drops = number(argument, value()?, 1, 10_000_000)?,
            "--megapixels" => settings.megapixels = number(argument, value()?, 1, 50)? as f64,
            "--bulk-concurrency" => settings.bulk_concurrency = concurrency(argument, value()?)?,
            "--live-concurrency" => settings.live_concurrency = concurrency(argument, value()?)?,
            "--intake-concurrency" => settings.intake_concurrency = concurrency(argument, value()?)?,
            "--account-concurrency" => settings.account_concurrency = number(argument, value()?, 10, 100_000)? as u32,
            "--faults" => settings.faults = percent(argument, value()?)?,
            "--kills" => settings.kills = Settings::KILLS,
            "--unfair" => settings.has_fair_queues = false,
            "--seed" => settings.seed = number(argument, value()?, 0, u64::MAX)?,
            _ => return Err(format!("unknown argument: {argument}; see `cargo xtask help`")),
        }
    }
    Ok(settings)
}

fn number(argument: &str, value: &str, least: u64, most: u64) -> Result<u64, String> {
    let number = value.parse().ok().filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| format!("invalid {argument}: {value}; use a whole number from {least} to {most}"))
}

fn concurrency(argument: &str, value: &str) -> Result<NonZeroU32, String> {
    let number = number(argument, value, 2, 1_000)?;
    u32::try_from(number).ok().and_then(NonZeroU32::new).ok_or_else(|| format!("invalid {argument}: {value}; use less"))
}

fn percent(argument: &str, value: &str) -> Result<f64, String> {
    let percent = value.parse().ok().filter(|percent| (0.0..=20.0).contains(percent));
    percent.map(|percent| percent / 100.0).ok_or_else(|| format!("invalid {argument}: {value}; use 0 to 20"))
}
