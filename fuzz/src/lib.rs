//! Fuzz harnesses: bytes from a peer go in, promises are checked.
//!
//! Each function is one target. libFuzzer calls it from `src/bin/<target>.rs` (`fuzz/run`), and
//! `tests/corpus.rs` calls it with every file of `corpus/<target>`, so that a finding once kept is
//! a test ever after. A promise that does not hold is a panic.

#![forbid(unsafe_code)]

mod agent;
mod books;
mod client;
mod cloud;
mod damage;
mod devices;
mod gateway;
mod gather;
mod hid;
pub mod largest;
mod media;
mod notification;
mod planted;
mod rest;
mod ribbon;
mod service;
mod story;
mod text;
mod tunnel;
mod video;
mod watch;

pub use client::client;
pub use cloud::cloud;
pub use devices::devices;
pub use gateway::gateway;
pub use gather::gather;
pub use hid::hid;
pub use media::media;
pub use notification::notification;
pub use rest::rest;
pub use ribbon::{ribbon_client, ribbon_host, ribbon_notice, ribbon_rest, ribbon_sdp};
pub use text::{jid, jingle, message, rpc, sdp, xmpp_frame};
pub use tunnel::tunnel;
pub use video::video;
pub use watch::Watch;
