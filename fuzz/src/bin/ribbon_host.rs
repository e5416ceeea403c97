//! libFuzzer target: a Ribbon client and its media in another process.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| offhook_fuzz::ribbon_host(data));
