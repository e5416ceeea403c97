//! libFuzzer target: notifications of a Ribbon gateway.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| offhook_fuzz::ribbon_notice(data));
