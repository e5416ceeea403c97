//! libFuzzer target: descriptors and reports of headsets.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| offhook_fuzz::hid(data));
