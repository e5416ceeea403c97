//! The parts that any model service needs, whichever it is: the contract with whoever drives it,
//! HTTP and its faults, the control API's common routes, events, ids, times, and far ends with
//! their media.
//!
//! It knows no service. Those stand above it, as [`crate::cloud`] does.

mod base;
mod clock;
mod contract;
pub(crate) mod control;
mod describe;
mod events;
mod far_end;
mod far_media;
mod far_voice;
pub(crate) mod faults;
pub(crate) mod http;
pub(crate) mod pictures;
mod prompt;
mod record;
mod watched;

pub(crate) use self::base::Base;
pub use self::contract::{ConnId, Input, Output, RequestId, Service, StreamInput};
pub(crate) use self::describe::with_candidates;
pub use self::far_end::FarEndMode;
pub(crate) use self::far_end::{FarEnd, Packet, Word};
pub use self::far_media::{FarMedia, RtpManner};
pub use self::far_voice::FarVoice;
pub(crate) use self::far_voice::TIDY;
pub(crate) use self::prompt::{Prompt, beeps};
pub use self::record::Record;
pub(crate) use self::watched::{Id, Index, Watched};
