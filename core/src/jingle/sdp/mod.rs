//! Jingle to SDP and back (wire notes 6.4).

mod read;
#[cfg(test)]
mod tests;
mod write;

pub use read::{from_sdp, ice_credentials};
pub use write::to_sdp;

pub use crate::sdp::SdpError;
