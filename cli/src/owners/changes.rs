//! The values of `--credits`, `--requests-per-minute` and `--review`.

use cutline_core::Confidence;
use cutline_core::domain::keys::{CreditChange, RateLimitChange};
use cutline_core::domain::review::ReviewRule;

/// More than an owner will spend, and small enough for the number types of every store and client.
const MAX_CREDITS: u64 = 1_000_000_000_000;

const UNLIMITED: &str = "unlimited";

/// The value of `--credits`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CreditArg(pub(crate) CreditChange);

/// The value of `--requests-per-minute`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RateLimitArg(pub(crate) RateLimitChange);

/// Credits to set, to add or to subtract.
pub(super) fn parse_credit_change(text: &str) -> Result<CreditArg, String> {
    let change = match text.split_at_checked(1) {
        Some(("+", digits)) => number(digits).map(CreditChange::Add),
        Some(("-", digits)) => number(digits).map(CreditChange::Subtract),
        _ => return parse_credits(text),
    };
    change.map(CreditArg).ok_or_else(|| format!("must be a whole number up to {MAX_CREDITS} after the sign"))
}

/// Credits to set.
pub(crate) fn parse_credits(text: &str) -> Result<CreditArg, String> {
    let change = if text == UNLIMITED { Some(CreditChange::Unlimited) } else { number(text).map(CreditChange::Set) };
    change.map(CreditArg).ok_or_else(|| format!("must be a whole number up to {MAX_CREDITS}, or `{UNLIMITED}`"))
}

pub(super) fn parse_rate_limit(text: &str) -> Result<RateLimitArg, String> {
    if text == UNLIMITED {
        return Ok(RateLimitArg(RateLimitChange::Unlimited));
    }
    let limit = number(text).and_then(|limit| u32::try_from(limit).ok()).filter(|limit| *limit > 0);
    let change = limit.map(|limit| RateLimitArg(RateLimitChange::Set(limit)));
    change.ok_or_else(|| format!("must be a whole number from 1 to {}, or `{UNLIMITED}`", u32::MAX))
}

/// `off`, `always`, or `below:` and a confidence.
pub(super) fn parse_review(text: &str) -> Result<ReviewRule, String> {
    let below = |number: &str| Some(ReviewRule::Below(Confidence::try_from(number.parse::<f64>().ok()?).ok()?));
    match text {
        "off" => Ok(ReviewRule::Off),
        "always" => Ok(ReviewRule::Always),
        _ => text
            .strip_prefix("below:")
            .and_then(below)
            .ok_or_else(|| "must be `off`, `always`, or `below:` and a number from 0 to 1".to_owned()),
    }
}

/// Digits alone: a second sign is a mistake.
fn number(text: &str) -> Option<u64> {
    let is_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|number| is_digits && *number <= MAX_CREDITS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_rule_for_reviews() {
        let below = Confidence::try_from(0.5).map(ReviewRule::Below);
        assert_eq!(parse_review("below:0.5").ok(), below.ok());
        assert_eq!((parse_review("off"), parse_review("always")), (Ok(ReviewRule::Off), Ok(ReviewRule::Always)));
        for bad in ["", "on", "below", "below:", "below:2", "below:NaN", "below 0.5"] {
            assert!(parse_review(bad).is_err(), "{bad}");
        }
    }
}
