//! What the facts about a deployment say.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use cutline_aws::Directory;
use cutline_aws::inspect::{
    AlarmFacts, EXTRA_SOURCE_DAYS, QUEUE_LIMITS, QueueFacts, QueueLimit, RetentionFacts, StackFacts, TRIGGERS,
    TriggerInfo,
};

/// The function that needs the models.
const MAKER: &str = "ProcessFunction";

/// Something that is wrong.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Finding {
    problem: String,
    remedy: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.problem, self.remedy)
    }
}

fn finding(problem: impl Into<String>, remedy: impl Into<String>) -> Finding {
    Finding { problem: problem.into(), remedy: remedy.into() }
}

/// The findings about a stack. If it has workers outside Lambda, they empty the queues of jobs that have no trigger.
pub(super) fn of_stack(facts: &StackFacts, has_workers: bool) -> Vec<Finding> {
    let mut found: Vec<_> = concurrency(facts).into_iter().collect();
    found.extend(facts.retention.and_then(retention));
    found.extend(disabled_triggers(facts));
    found.extend(missing_triggers(facts, has_workers));
    found.extend(alarms(&facts.alarms));
    found.extend(models(facts));
    found.extend(facts.queues.iter().filter_map(queue));
    found
}

/// The queues' triggers must leave something for uploads and status requests.
fn concurrency(facts: &StackFacts) -> Option<Finding> {
    let enabled = || facts.triggers.iter().filter(|trigger| trigger.is_enabled);
    let unreserved = facts.concurrency.unreserved;
    if let Some(unlimited) = enabled().find(|trigger| trigger.maximum.is_none()) {
        let problem = format!("unlimited concurrency: the trigger {} can use all of the account's", unlimited.name);
        return Some(finding(problem, "deploy the template again"));
    }
    let sum: u32 = enabled().filter_map(|trigger| trigger.maximum).sum();
    (sum >= unreserved).then(|| {
        let limit = facts.concurrency.limit;
        finding(
            format!(
                "too much concurrency: the queues may use {sum}, and the account has {unreserved} of {limit} unreserved, so \
                 uploads and status requests can be refused"
            ),
            "lower ProcessConcurrency, BulkConcurrency or IntakeConcurrency, or have AWS raise the limit (Service Quotas, \
             L-B99A9384)",
        )
    })
}

/// A job that was done late must still have its photo at its last correction. The template cannot check that, since
/// CloudFormation does not add.
fn retention(RetentionFacts { results, sources }: RetentionFacts) -> Option<Finding> {
    let needed = results.saturating_add(EXTRA_SOURCE_DAYS);
    (sources < needed).then(|| {
        finding(
            format!(
                "short retention of photos: they are kept for {sources} days and results for {results}, so late \
                 corrections find no photo"
            ),
            format!("deploy with SourceRetentionDays of {needed} or more"),
        )
    })
}

fn disabled_triggers(facts: &StackFacts) -> impl Iterator<Item = Finding> {
    let disabled = facts.triggers.iter().filter(|trigger| !trigger.is_enabled);
    disabled.map(|trigger| {
        let problem = format!("disabled trigger: {} invokes no function, so its queue grows", trigger.name);
        finding(problem, "enable it (aws lambda update-event-source-mapping --enabled)")
    })
}

/// Triggers that a concurrency of 0 left out, as during a restore, or that somebody deleted. An older release has fewer
/// queues.
fn missing_triggers(facts: &StackFacts, has_workers: bool) -> impl Iterator<Item = Finding> {
    let has_queue = move |info: &TriggerInfo| facts.queues.iter().any(|queue| queue.name == info.queue);
    let exists = move |info: &TriggerInfo| facts.triggers.iter().any(|trigger| trigger.name == info.name);
    let expected = TRIGGERS.into_iter().filter(move |info| info.parameter.is_none() || !has_workers);
    expected.filter(move |info| has_queue(info) && !exists(info)).map(|TriggerInfo { name, queue, parameter }| {
        let remedy = match parameter {
            Some(parameter) => format!(
                "deploy with {parameter} of 2 or more (first with 0, if it is that already), or use --workers if \
                 workers outside Lambda take these messages"
            ),
            None => "create it again (aws lambda create-event-source-mapping)".to_owned(),
        };
        finding(format!("missing trigger: {name}, so no function takes the messages of {queue}"), remedy)
    })
}

fn alarms(alarms: &[AlarmFacts]) -> Vec<Finding> {
    let names = |wanted: fn(&AlarmFacts) -> bool| {
        let names: Vec<_> = alarms.iter().filter(|alarm| wanted(alarm)).map(|alarm| alarm.name.as_str()).collect();
        (!names.is_empty()).then(|| names.join(", "))
    };
    let mut found = Vec::new();
    if let Some(names) = names(|alarm| !alarm.has_action) {
        found.push(finding(format!("alarms without an action: {names}"), "deploy with AlarmEmail"));
    }
    if let Some(names) = names(|alarm| alarm.has_action && !alarm.has_subscriber) {
        let remedy = "confirm the subscription that AWS mailed to AlarmEmail, or add one (aws sns subscribe)";
        found.push(finding(format!("alarms without a subscriber: {names}"), remedy));
    }
    if let Some(names) = names(|alarm| alarm.is_ringing) {
        found.push(finding(format!("ringing alarms: {names}"), "follow their sections of RUNBOOK.md"));
    }
    found
}

/// Functions with another version of the models than the stack's, as after an update that failed half-way.
fn models(facts: &StackFacts) -> Vec<Finding> {
    let again = "prepare the models and deploy again";
    let Some(current) = &facts.models_layer else {
        return vec![finding("missing models: the stack has no layer", again)];
    };
    let layer = |arn: &str| arn.rsplit_once(':').map(|(layer, _version)| layer.to_owned());
    let mut found = Vec::new();
    for function in &facts.functions {
        let used = function.layers.iter().find(|used| layer(used) == layer(current));
        match used {
            Some(used) if used != current => found.push(finding(
                format!("other models: {} uses {used}, and the stack has {current}", function.name),
                again,
            )),
            None if function.name == MAKER => {
                found.push(finding(format!("missing models: {MAKER} does not use {current}"), again));
            }
            _ => {}
        }
    }
    found
}

fn queue(queue: &QueueFacts) -> Option<Finding> {
    let (_, limit) = QUEUE_LIMITS.into_iter().find(|(name, _)| *name == queue.name)?;
    let problem = match limit {
        QueueLimit::Age(limit) if queue.age.is_some_and(|age| age > limit) => {
            format!(
                "old messages: the oldest in {} has waited for {}",
                queue.name,
                hours(queue.age.unwrap_or_default())
            )
        }
        QueueLimit::Empty if queue.messages > 0 => {
            format!("messages that nothing handled: {} in {}", queue.messages, queue.name)
        }
        QueueLimit::Age(_) | QueueLimit::Empty => return None,
    };
    Some(finding(problem, "follow the queue's section of RUNBOOK.md"))
}

/// A duration in hours and minutes.
fn hours(duration: Duration) -> String {
    let minutes = duration.as_secs() / 60;
    format!("{}:{:02} h", minutes / 60, minutes % 60)
}

/// Valid keys of owners without a record: drops do not know such an owner.
pub(super) fn of_keys(directory: &Directory) -> Option<Finding> {
    let known: BTreeSet<_> = directory.owners.iter().map(|owner| &owner.id).collect();
    let valid = directory.keys.iter().filter(|key| key.revoked_at.is_none());
    let unknown: BTreeSet<_> = valid.map(|key| &key.owner).filter(|owner| !known.contains(owner)).collect();
    let names: Vec<_> = unknown.iter().map(|owner| owner.as_str()).collect();
    (!names.is_empty()).then(|| {
        finding(
            format!("keys without an owner: {}", names.join(", ")),
            "of the commands that `cutline keys create --owner NAME --for-aws TABLE` prints, run the one that creates the \
             owner; until then, its dropped files are refused",
        )
    })
}

#[cfg(test)]
mod tests;
