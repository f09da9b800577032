//! The local adapters: the ports' contract, and their further guarantees, such as durability after a crash. The unit
//! tests of the writer cover a full disk.

mod backups;
mod contract;
mod crash;
mod dropping;
mod files;
mod links;
mod lost;
mod opening;
mod purging;
mod queueing;
mod releases;
mod storage_usage;
mod uploading;
mod world;
