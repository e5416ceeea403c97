//! A contact-centre agent's phone as a pure state machine.
//!
//! No sockets, no clock, no threads, no async: a [`Machine`] is told what happened and says what
//! to do. The crates `offhook-tokio` and `offhook-smol` do it; `offhook-sim` does it in virtual
//! time; [`machine`] tells how to write another runtime. Beside the clients there are the decisions about a
//! [`headset`] and about [`devices`].
//!
//! | feature | on | what it brings |
//! | --- | --- | --- |
//! | `str0m` | yes | the media engine: ICE, DTLS, SRTP. Needs a C compiler |
//! | `audio` | yes | Opus, G.711, resampling, WAV |
//! | `video` | no | IVF, WebM and H.264 files, their pictures in time, recordings, test pictures; no encoder |
//! | `stills` | no | `video`, and VP8 key frames decoded |
//! | `rsa` | no | far ends with RSA certificates: `media::WebRtcFactory::with_rsa`, DTLS by the system's OpenSSL |
//! | `unstable-wire` | no | `xmpp`, `jingle`, `genesys::wire` and `ribbon::wire`: what travels, for tools, models of the service and tests. It follows the service, and may change in any release |

#![forbid(unsafe_code)]
#![deny(missing_docs)]
// What applications are given they can name, without `unstable-wire` as well.
#![deny(unnameable_types)]
// Whoever asks about a state names every state; tests ask about the one that they want.
#![cfg_attr(not(test), warn(clippy::wildcard_enum_match_arm))]

#[macro_use]
mod setters;
#[macro_use]
mod text_id;

#[cfg(feature = "audio")]
pub mod audio;
pub mod devices;
pub mod genesys;
pub mod headset;
#[cfg(feature = "unstable-wire")]
pub mod jingle;
#[cfg(not(feature = "unstable-wire"))]
#[allow(dead_code, unreachable_pub, unused_imports, reason = "public with `unstable-wire`")]
mod jingle;
pub mod link;
pub mod machine;
pub mod media;
mod millis;
pub mod net;
mod plain;
pub mod report;
pub mod rest;
pub mod ribbon;
pub mod sdp;
mod secret;
#[cfg(test)]
mod testing;
#[cfg(feature = "video")]
pub mod video;
#[cfg(feature = "unstable-wire")]
pub mod xmpp;
#[cfg(not(feature = "unstable-wire"))]
#[allow(dead_code, unreachable_pub, unused_imports, reason = "public with `unstable-wire`")]
mod xmpp;

pub use machine::{Input, Machine, Output, Rng, Seed, TimerName, Timers};
pub use plain::plain;
pub use secret::Secret;
