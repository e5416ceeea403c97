//! SDP to Jingle.

use super::SdpError;
use crate::Secret;
use crate::jingle::{Content, Group, Role};

/// Reads an SDP by which `author` describes itself.
///
/// # Errors
///
/// There is no media section, or a line that matters cannot be used.
pub fn from_sdp(sdp: &str, author: Role) -> Result<(Vec<Content>, Vec<Group>), SdpError> {
    let _ = (sdp, author);
    Err(SdpError::NoMedia)
}

/// The first ICE user name fragment and password in an SDP (wire notes 6.14): if both are
/// unchanged, a second offer renegotiates, else it is a new session.
#[must_use]
pub fn ice_credentials(sdp: &str) -> Option<(String, Secret)> {
    let first = |name: &str| sdp.lines().find_map(|line| line.trim().strip_prefix(name));
    Some((first("a=ice-ufrag:")?.to_owned(), Secret::new(first("a=ice-pwd:")?)))
}
