//! The local adapters: the ports' contract, and what only they guarantee, such as durability after a crash. The unit
//! tests of the writer cover a full disk.

mod contract;
mod crash;
mod dropping;
mod files;
mod links;
mod opening;
mod purging;
mod queueing;
mod world;
