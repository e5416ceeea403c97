//! Jingle to SDP and back (wire notes 6.4).

mod read;
#[cfg(test)]
mod tests;
mod write;

pub use read::{from_sdp, ice_credentials};
pub use write::to_sdp;

/// Why a description cannot be turned into the other form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SdpError {
    /// Nothing to describe.
    #[error("no media section")]
    NoMedia,
    /// A value with a line end, or white space where a single word must stand.
    #[error("a value of {0} that SDP cannot hold")]
    BadValue(&'static str),
    /// Two contents of one name.
    #[error("two media sections with the mid {0:?}")]
    DuplicateMid(String),
    /// A media section without `a=mid`.
    #[error("media section {0} has no mid")]
    NoMid(usize),
    /// A line that cannot be used.
    #[error("line {line} of the SDP: {what}")]
    Line {
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        what: &'static str,
    },
}
