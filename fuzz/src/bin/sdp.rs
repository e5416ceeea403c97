//! libFuzzer target: a session description of the peer's.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| offhook_fuzz::sdp(data));
