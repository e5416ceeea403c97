//! libFuzzer target: video files, pictures and recordings.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| offhook_fuzz::video(data));
