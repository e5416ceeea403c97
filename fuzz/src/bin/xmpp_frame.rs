//! libFuzzer target: one text frame of the XMPP WebSocket.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| offhook_fuzz::xmpp_frame(data));
