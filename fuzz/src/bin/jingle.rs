//! libFuzzer target: a frame with a Jingle action, turned into SDP.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| offhook_fuzz::jingle(data));
