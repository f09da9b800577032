#![no_main]

use cutline_core::domain::kind::ImageKind;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|file: &[u8]| -> libfuzzer_sys::Corpus { cutline_fuzz::decoded(ImageKind::Heic, file) });
