//! libFuzzer target: the gathering of addresses by a script.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| offhook_fuzz::gather(data));
