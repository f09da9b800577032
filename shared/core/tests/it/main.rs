//! Tests of the domain: the state machine, the use cases under faults, and the contract suite on the ports in memory.

mod clock;
mod composing;
mod deleting;
mod dropping;
mod faults;
mod idempotency;
mod intake;
mod listing;
mod memory;
mod params;
mod records;
mod retrying;
mod state_machine;
mod storage;
mod sweeping;
mod working;
mod world;
