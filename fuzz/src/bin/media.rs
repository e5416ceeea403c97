//! libFuzzer target: the real media engine by a script.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| offhook_fuzz::media(data));
