//! A contact-centre agent's phone as a pure state machine.
//!
//! No sockets, no clock, no threads, no async: a [`Machine`] is told what happened and says what
//! to do. The crates `offhook-tokio` and `offhook-smol` do it; `offhook-sim` does it in virtual
//! time; [`machine`] tells how to write another runtime.

#![forbid(unsafe_code)]
#![deny(missing_docs)]
// Whoever asks about a state names every state; tests ask about the one that they want.
#![cfg_attr(not(test), warn(clippy::wildcard_enum_match_arm))]

#[macro_use]
mod setters;

#[cfg(feature = "audio")]
pub mod audio;
pub mod genesys;
pub mod jingle;
pub mod link;
pub mod machine;
pub mod media;
mod millis;
pub mod net;
mod plain;
pub mod report;
pub mod rest;
pub mod sdp;
mod secret;
#[cfg(test)]
mod testing;
pub mod xmpp;

pub use machine::{Input, Machine, Output, Rng, Seed, TimerName, Timers};
pub use plain::plain;
pub use secret::Secret;
