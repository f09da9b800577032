use cutline_aws::inspect::{AccountConcurrency, FunctionFacts, TriggerFacts};
use cutline_core::domain::keys::{KeyRecord, KeyScope, Owner, Secret};
use jiff::Timestamp;

use super::*;

const LAYER: &str = "arn:aws:lambda:eu-central-1:1:layer:Models:4";

fn trigger(name: &str, maximum: Option<u32>) -> TriggerFacts {
    TriggerFacts { name: name.to_owned(), is_enabled: true, maximum }
}

/// A stack without fault.
fn healthy() -> StackFacts {
    let function = |name: &str, layers: &[&str]| FunctionFacts {
        name: name.to_owned(),
        layers: layers.iter().map(|&layer| layer.to_owned()).collect(),
    };
    let alarm =
        |name: &str| AlarmFacts { name: name.to_owned(), is_ringing: false, has_action: true, has_subscriber: true };
    let queue = |(name, limit): (&str, QueueLimit)| match limit {
        QueueLimit::Age(age) => QueueFacts { name: name.to_owned(), age: Some(age), messages: 9 },
        QueueLimit::Empty => QueueFacts { name: name.to_owned(), age: None, messages: 0 },
    };
    StackFacts {
        table: "Table".to_owned(),
        concurrency: AccountConcurrency { limit: 1000, unreserved: 900 },
        retention: Some(RetentionFacts { results: 7, sources: 21 }),
        triggers: TRIGGERS.map(|info| trigger(info.name, Some(5))).into(),
        functions: vec![
            function("UploadFunction", &[]),
            function(MAKER, &["arn:aws:lambda:eu-central-1:2:layer:Other:1", LAYER]),
        ],
        models_layer: Some(LAYER.to_owned()),
        alarms: vec![alarm("MemoryAlarm"), alarm("BacklogAlarm")],
        queues: QUEUE_LIMITS.map(queue).into(),
    }
}

/// The findings about a stack that differs from a healthy one.
fn of_changed(change: impl FnOnce(&mut StackFacts)) -> Vec<String> {
    let mut facts = healthy();
    change(&mut facts);
    of_stack(&facts, false).iter().map(ToString::to_string).collect()
}

#[track_caller]
fn assert_one(findings: &[String], parts: &[&str]) {
    let [finding] = findings else { panic!("not one finding: {findings:?}") };
    for part in parts {
        assert!(finding.contains(part), "{part}: {finding}");
    }
}

#[test]
fn a_healthy_stack_has_no_findings() {
    for has_workers in [false, true] {
        assert_eq!(of_stack(&healthy(), has_workers), []);
    }
}

#[test]
fn triggers_must_leave_concurrency_to_the_api() {
    let with = |maxima: &[Option<u32>], unreserved| {
        of_changed(|facts| {
            facts.queues.clear();
            facts.triggers = maxima.iter().map(|&maximum| trigger("Jobs", maximum)).collect();
            facts.concurrency = AccountConcurrency { limit: unreserved + 100, unreserved };
        })
    };
    assert_eq!(with(&[Some(5), Some(4)], 10), [""; 0]);
    assert_one(&with(&[Some(5), Some(5)], 10), &["may use 10", "10 of 110 unreserved", "ProcessConcurrency"]);
    assert_one(&with(&[Some(5), None], 900), &["unlimited concurrency", "Jobs"]);
}

#[test]
fn photos_must_outlive_results_by_two_weeks() {
    let with = |results, sources| of_changed(|facts| facts.retention = Some(RetentionFacts { results, sources }));
    assert_eq!(with(365, 379), [""; 0]);
    assert_one(&with(7, 20), &["kept for 20 days and results for 7", "SourceRetentionDays of 21 or more"]);
    assert_one(&with(30, 21), &["kept for 21 days and results for 30", "SourceRetentionDays of 44 or more"]);
    assert_eq!(of_changed(|facts| facts.retention = None), [""; 0], "an older release");
}

#[test]
fn a_disabled_trigger_is_found_and_uses_nothing() {
    let findings = of_changed(|facts| {
        facts.triggers[0] = TriggerFacts { is_enabled: false, ..trigger("ProcessFunctionJobs", Some(2000)) };
    });
    assert_one(&findings, &["disabled trigger: ProcessFunctionJobs", "enable it"]);
}

#[test]
fn a_missing_trigger_is_found_unless_workers_replace_it() {
    for TriggerInfo { name, queue, parameter } in TRIGGERS {
        let mut facts = healthy();
        facts.triggers.retain(|trigger| trigger.name != name);
        let found = |has_workers| of_stack(&facts, has_workers).iter().map(ToString::to_string).collect::<Vec<_>>();
        let problem = format!("missing trigger: {name}, so no function takes the messages of {queue}; ");
        match parameter {
            Some(parameter) => {
                let remedy = format!("deploy with {parameter} of 2 or more");
                assert_one(&found(false), &[problem.as_str(), remedy.as_str(), "use --workers"]);
                assert_eq!(found(true), [""; 0], "{name}");
            }
            None => {
                let expected = format!("{problem}create it again (aws lambda create-event-source-mapping)");
                assert_eq!([found(false), found(true)], [[expected.clone()], [expected]]);
            }
        }
        // An older release has no such queue.
        facts.queues.retain(|found| found.name != queue);
        assert_eq!(of_stack(&facts, false), []);
    }
}

#[test]
fn alarms_are_found_that_nobody_gets() {
    let silent = of_changed(|facts| {
        for alarm in &mut facts.alarms {
            (alarm.has_action, alarm.has_subscriber) = (false, false);
        }
    });
    assert_one(&silent, &["without an action: MemoryAlarm, BacklogAlarm", "AlarmEmail"]);
    let unconfirmed = of_changed(|facts| facts.alarms[1].has_subscriber = false);
    assert_one(&unconfirmed, &["without a subscriber: BacklogAlarm", "confirm", "aws sns subscribe"]);
    assert_one(&of_changed(|facts| facts.alarms[0].is_ringing = true), &["ringing alarms: MemoryAlarm", "RUNBOOK"]);
}

#[test]
fn models_of_another_version_are_found() {
    let older = "arn:aws:lambda:eu-central-1:1:layer:Models:3";
    let other = of_changed(|facts| facts.functions[1].layers = vec![older.to_owned()]);
    assert_one(&other, &[MAKER, older, LAYER, "deploy again"]);
    assert_one(&of_changed(|facts| facts.functions[1].layers.clear()), &["missing models", MAKER]);
    assert_one(&of_changed(|facts| facts.models_layer = None), &["the stack has no layer"]);
}

#[test]
fn old_and_unhandled_messages_are_found() {
    for (index, (name, limit)) in QUEUE_LIMITS.into_iter().enumerate() {
        let findings = of_changed(|facts| {
            let queue = &mut facts.queues[index];
            match limit {
                QueueLimit::Age(limit) => queue.age = Some(limit + Duration::from_secs(60)),
                QueueLimit::Empty => queue.messages = 3,
            }
        });
        assert_one(&findings, &[name]);
    }
    let live = of_changed(|facts| facts.queues[0].age = Some(Duration::from_secs(2 * 3600 + 5 * 60)));
    assert_one(&live, &["the oldest in JobsQueue has waited for 2:05 h"]);
}

#[test]
fn keys_without_an_owner_are_found() {
    let key = |owner: &str, is_revoked: bool| KeyRecord {
        hash: Secret::generate().expect("random").hash(),
        owner: owner.parse().expect("an owner"),
        label: String::new(),
        scope: KeyScope::Full,
        created_at: Timestamp::UNIX_EPOCH,
        revoked_at: is_revoked.then_some(Timestamp::MAX),
    };
    let owners = vec![Owner::unlimited("shop".parse().expect("an owner"))];
    let with = |keys: Vec<KeyRecord>| of_keys(&Directory { keys, owners: owners.clone() });
    assert_eq!(with(vec![key("shop", false), key("gone", true)]), None, "a revoked key needs no owner");
    let found = with(vec![key("b", false), key("shop", false), key("a", false), key("a", false)]).expect("a finding");
    assert!(found.to_string().starts_with("keys without an owner: a, b; "), "{found}");
}
