//! The adapters against in-process servers, for checks and faults that an emulator does not have.

mod age;
#[path = "../common/mod.rs"]
mod common;
mod faults;
mod job_files;
mod job_lists;
mod links;
mod server;
mod sets;
mod uploads;
