//! Searches for expensive small files of the kind that the environment names; see `cutline_fuzz::slow`.

#![no_main]

use cutline_fuzz::slow;
use libfuzzer_sys::{Corpus, fuzz_mutator, fuzz_target};

fuzz_target!(|file: &[u8]| -> Corpus { slow::run(file) });

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| { slow::mutate(data, size, max_size, seed) });
