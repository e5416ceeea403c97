//! libFuzzer target: devices, and the sessions that use them, by a script.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| offhook_fuzz::devices(data));
