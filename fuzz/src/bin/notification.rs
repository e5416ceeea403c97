//! libFuzzer target: the JSON of notifications.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| offhook_fuzz::notification(data));
