//! libFuzzer target: what a message stanza holds.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| offhook_fuzz::message(data));
