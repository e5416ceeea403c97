//! Jingle to SDP.

use super::SdpError;
use crate::jingle::{Jingle, Role};

/// Writes the contents of a session-initiate or session-accept as SDP; `author` is the end that
/// describes itself in them.
///
/// # Errors
///
/// There is no content, or a value would break out of its line.
pub fn to_sdp(jingle: &Jingle, author: Role) -> Result<String, SdpError> {
    let _ = author;
    if jingle.contents.is_empty() {
        return Err(SdpError::NoMedia);
    }
    Err(SdpError::BadValue("content"))
}
