//! libFuzzer target: answers to a client's REST requests.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| offhook_fuzz::rest(data));
