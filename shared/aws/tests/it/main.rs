//! The adapters against in-process servers, for checks and faults that an emulator does not have.

mod age;
#[path = "../common/mod.rs"]
mod common;
mod faults;
mod groups;
#[cfg(feature = "doctor")]
mod inspect;
mod job_files;
mod job_lists;
mod links;
mod listing;
mod server;
mod sets;
mod trace;
mod uploads;
