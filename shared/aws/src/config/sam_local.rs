//! What `sam local` passes to a function for resources of the template.
//!
//! It resolves a reference to a queue to the queue's logical id, and the ARN of a role to an invented one of a function. These
//! are turned into the URL of a queue and the ARN of a role of the same names, in the account that it plays.
//! `cargo xtask lambda up` names its queues and roles so.

/// Set to `true` by `sam local`.
const SAM_LOCAL: &str = "AWS_SAM_LOCAL";
/// Set by `sam local` and, like the others, by Lambda.
const REGION: &str = "AWS_REGION";
/// Set by `sam local`.
const ACCOUNT: &str = "AWS_ACCOUNT_ID";
/// The endpoint of an emulator.
const ENDPOINT: &str = "AWS_ENDPOINT_URL";

/// Whether `lookup` is the environment of `sam local`.
pub(super) fn is_active(lookup: impl Fn(&str) -> Option<String>) -> bool {
    lookup(SAM_LOCAL).as_deref() == Some("true")
}

/// The value that a variable would have on Lambda.
pub(super) fn translate(variable: &str, value: String, lookup: impl Fn(&str) -> Option<String>) -> String {
    let setting = |name: &str, default: &str| {
        lookup(name).filter(|value| !value.is_empty()).unwrap_or_else(|| default.to_owned())
    };
    let account = setting(ACCOUNT, "123456789012");
    if variable.ends_with("_QUEUE_URL") && value.chars().all(|letter| letter.is_ascii_alphanumeric()) {
        let region = setting(REGION, "us-east-1");
        let endpoint = setting(ENDPOINT, &format!("https://sqs.{region}.amazonaws.com"));
        return format!("{}/{account}/{value}", endpoint.trim_end_matches('/'));
    }
    if variable.ends_with("_ROLE_ARN")
        && let Some((_, role)) = value.split_once(":function:")
    {
        return format!("arn:aws:iam::{account}:role/{role}");
    }
    value
}
