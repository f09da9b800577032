//! Facts about a deployed stack, for `cutline doctor`: what its template cannot know, or what changed since. Reading them
//! changes nothing. Who calls this judges them.

mod facts;
mod read;

pub use facts::{
    AccountConcurrency, AlarmFacts, EXTRA_SOURCE_DAYS, FunctionFacts, QUEUE_LIMITS, QueueFacts, QueueLimit,
    RetentionFacts, StackFacts, TRIGGERS, TriggerFacts, TriggerInfo,
};
pub use read::inspect;
