//! Tests of the domain: the state machine, the use cases under faults, and the contract suite on the ports in memory.

mod clock;
mod composing;
mod deleting;
mod dropping;
mod faults;
mod faulty;
mod idempotency;
mod intake;
mod listing;
mod memory;
mod naming;
mod params;
mod receivers;
mod records;
mod retrying;
mod slow_receivers;
mod state_machine;
mod storage;
mod sweeping;
mod uploading;
mod uploading_faults;
mod webhook_faults;
mod webhooks;
mod working;
mod world;
