//! The whole program as a user runs it: the real binary, real HTTP, the real networks.
//!
//! `cargo xtask test` runs this with CUTLINE_MODELS_DIR naming the folder of the networks. Every test has a
//! data folder of its own; those that only ask things of a server share one.

mod commands;
mod cut;
mod http;
mod params;
mod photos;
mod pictures;
mod refusals;
mod server;
mod sources;
mod trouble;
