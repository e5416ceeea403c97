//! libFuzzer target: the model cloud by a script.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| offhook_fuzz::cloud(data));
