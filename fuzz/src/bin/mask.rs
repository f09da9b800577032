#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|file: &[u8]| -> libfuzzer_sys::Corpus { cutline_fuzz::masked(file) });
