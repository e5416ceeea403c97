//! libFuzzer target: the talk with a proxy.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| offhook_fuzz::tunnel(data));
