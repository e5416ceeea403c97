//! libFuzzer target: answers to the REST requests of a Ribbon client.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| offhook_fuzz::ribbon_rest(data));
