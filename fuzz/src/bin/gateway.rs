//! libFuzzer target: scripts of hostile clients for the model gateway.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| offhook_fuzz::gateway(data));
