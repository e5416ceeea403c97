//! libFuzzer target: a whole client by a script.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| offhook_fuzz::client(data, offhook_fuzz::Watch::Some));
