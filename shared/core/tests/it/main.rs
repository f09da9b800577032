//! The tests of the domain: the state machine, the use cases under trouble, and the ports in memory held
//! to the same contract as the real ones.

mod composing;
mod dropping;
mod memory;
mod params;
mod records;
mod state_machine;
mod sweeping;
mod trouble;
mod working;
mod world;
