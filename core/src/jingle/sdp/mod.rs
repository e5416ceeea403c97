//! Jingle to SDP and back (wire notes 6.4).

mod read;
#[cfg(test)]
mod tests;
mod write;

pub use read::{from_sdp, ice_credentials};
pub use write::to_sdp;

/// Media sections of one description. Each repeats what the session says for all, so that without
/// a bound a description would grow with the square of its length.
pub(super) const MAX_SECTIONS: usize = 128;

/// Why a description cannot be turned into the other form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SdpError {
    /// Nothing to describe.
    #[error("no media section")]
    NoMedia,
    /// More media sections than any session has.
    #[error("more than {MAX_SECTIONS} media sections")]
    TooManyMedia,
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
