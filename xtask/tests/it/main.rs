//! Rules that hold for the workspace as a whole.

mod cycles;
mod imports;
mod layers;
mod links;
mod metadata;
mod minimum_version;
mod tables;
