//! libFuzzer target: descriptions of the far side's in calls of a Ribbon client.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| offhook_fuzz::ribbon_sdp(data));
