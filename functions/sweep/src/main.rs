//! Placeholder until the adapters land.
fn main() {}
