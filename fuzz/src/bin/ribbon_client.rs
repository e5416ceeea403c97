//! libFuzzer target: scripts for a whole Ribbon client.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| offhook_fuzz::ribbon_client(
    data,
    offhook_fuzz::Watch::Some
));
