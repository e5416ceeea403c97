//! libFuzzer target: the JSON of a `genesys-webrtc` element.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| offhook_fuzz::rpc(data));
