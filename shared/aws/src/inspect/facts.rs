//! The facts, and what the template says about retention, triggers and queues, which judges some of them.

use std::time::Duration;

/// A deployed stack.
#[derive(Debug, Clone, PartialEq)]
pub struct StackFacts {
    /// The name of its table.
    pub table: String,
    /// The account's limit of concurrent invocations.
    pub concurrency: AccountConcurrency,
    /// How long files are kept; `None` for an older release, which keeps all of them equally long.
    pub retention: Option<RetentionFacts>,
    /// The queues' triggers that exist.
    pub triggers: Vec<TriggerFacts>,
    /// The functions.
    pub functions: Vec<FunctionFacts>,
    /// The ARN of the version of the models' layer that the stack created.
    pub models_layer: Option<String>,
    /// The alarms.
    pub alarms: Vec<AlarmFacts>,
    /// The queues.
    pub queues: Vec<QueueFacts>,
}

/// The concurrent invocations that an account may have in a region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountConcurrency {
    /// Of all functions together.
    pub limit: u32,
    /// The rest, for functions without reserved concurrency.
    pub unreserved: u32,
}

/// How long files are kept, in days, by the stack's parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetentionFacts {
    /// `RetentionDays`: of results and the records of ended jobs.
    pub results: u32,
    /// `SourceRetentionDays`: of photos and dropped files.
    pub sources: u32,
}

/// How many days longer than results photos must be kept, so that any cut can be corrected: a dropped file may wait for
/// ten days, and its job may be pending for four.
pub const EXTRA_SOURCE_DAYS: u32 = 14;

/// A queue's trigger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TriggerFacts {
    /// Its logical id.
    pub name: String,
    /// Whether it invokes its function.
    pub is_enabled: bool,
    /// Its limit of concurrent invocations.
    pub maximum: Option<u32>,
}

/// A function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionFacts {
    /// Its logical id.
    pub name: String,
    /// The ARNs of the versions of its layers.
    pub layers: Vec<String>,
}

/// An alarm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlarmFacts {
    /// Its logical id.
    pub name: String,
    /// Whether its condition holds now.
    pub is_ringing: bool,
    /// Whether it does anything then.
    pub has_action: bool,
    /// Whether somebody gets it: a topic has a confirmed subscription, or an action is of another kind.
    pub has_subscriber: bool,
}

/// A queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueFacts {
    /// Its logical id.
    pub name: String,
    /// The age of its oldest message, unless it is empty.
    pub age: Option<Duration>,
    /// The number of its messages.
    pub messages: u64,
}

/// A queue's trigger in the template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TriggerInfo {
    /// Its logical id.
    pub name: &'static str,
    /// The logical id of its queue.
    pub queue: &'static str,
    /// The parameter that limits its concurrency, and leaves it out with 0; `None` if the stack always has the trigger.
    pub parameter: Option<&'static str>,
}

/// The triggers of the template.
pub const TRIGGERS: [TriggerInfo; 6] = [
    TriggerInfo { name: "ProcessFunctionJobs", queue: "JobsQueue", parameter: Some("ProcessConcurrency") },
    TriggerInfo { name: "ProcessFunctionBulk", queue: "BulkQueue", parameter: Some("BulkConcurrency") },
    TriggerInfo { name: "IntakeFunctionLive", queue: "IntakeQueue", parameter: Some("IntakeConcurrency") },
    TriggerInfo { name: "IntakeFunctionBulk", queue: "IntakeBulkQueue", parameter: Some("IntakeConcurrency") },
    TriggerInfo { name: "SweepFunctionReports", queue: "ReportsQueue", parameter: None },
    TriggerInfo { name: "SweepFunctionDeadLetters", queue: "DeadLetterQueue", parameter: None },
];

/// The state that a queue must not be in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueueLimit {
    /// A message of this age.
    Age(Duration),
    /// Any message.
    Empty,
}

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The limit of each queue, by logical id: those of the template's alarms. The sweep handles dead letters at once, so an alarm
/// counts them, and none may stay.
pub const QUEUE_LIMITS: [(&str, QueueLimit); 7] = [
    ("JobsQueue", QueueLimit::Age(MINUTE.saturating_mul(15))),
    ("IntakeQueue", QueueLimit::Age(MINUTE.saturating_mul(15))),
    ("BulkQueue", QueueLimit::Age(DAY)),
    ("IntakeBulkQueue", QueueLimit::Age(DAY.saturating_mul(2))),
    ("ReportsQueue", QueueLimit::Age(MINUTE.saturating_mul(15))),
    ("DeadLetterQueue", QueueLimit::Age(MINUTE.saturating_mul(15))),
    ("ParkingQueue", QueueLimit::Empty),
];
