//! The whole program as a user runs it: the real binary, real HTTP, the real models.
//!
//! `cargo xtask test` runs this, with the folder of the models in CUTLINE_MODELS_DIR. Tests that only send requests share
//! a server; every other test has its own data folder.

mod backups;
mod batch;
mod clients;
mod command_line;
mod commands;
mod cut;
mod data_folder;
mod document;
mod http;
mod image_workers;
mod jobs;
mod jobs_command;
mod layer_mask;
mod owners;
mod params;
mod photos;
mod pictures;
mod recuts;
mod rejections;
mod restarts;
mod retouching;
mod server;
mod sources;
mod uploads;
mod webhooks;
#[cfg(target_os = "linux")]
mod workers;
