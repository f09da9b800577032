//! Facts about a deployed stack, for `cutline doctor`: what its template cannot know, or what changed since. Reading them
//! changes nothing. Who calls this judges them.

mod facts;
mod read;

pub use facts::{
    AccountConcurrency, AlarmFacts, FunctionFacts, QUEUE_LIMITS, QueueFacts, QueueLimit, StackFacts, TRIGGERS,
    TriggerFacts, TriggerInfo,
};
pub use read::inspect;
