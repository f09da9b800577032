//! The adapters against servers of the test's own, in process: what an emulator does not check, and faults
//! that it does not have.

mod age;
#[path = "../common/mod.rs"]
mod common;
mod faults;
mod links;
mod server;
mod sets;
