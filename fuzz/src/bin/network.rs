#![no_main]

use cutline_engine::Network;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|file: &[u8]| cutline_fuzz::run(Network::from_prepared(file)));
