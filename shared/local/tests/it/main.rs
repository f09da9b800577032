//! The adapters on one machine: the contract they share with the others, and what only they promise, such as
//! that what was acknowledged is there after a crash. How the writer meets a full disk is tested beside it.

mod contract;
mod crash;
mod dropping;
mod files;
mod links;
mod opening;
mod purging;
mod queueing;
mod world;
