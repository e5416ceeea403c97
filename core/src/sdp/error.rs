//! Reasons why a description cannot be used.

use super::{Line, MAX_BYTES, MAX_LINES, MAX_SECTIONS, Section};

/// The reason why a session description cannot be used. Names the line that is the trouble, counted
/// from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SdpError {
    /// Too many bytes.
    #[error("longer than {MAX_BYTES} bytes")]
    TooLong,
    /// Too many lines.
    #[error("more than {MAX_LINES} lines")]
    TooManyLines,
    /// Too many media sections.
    #[error("more than {MAX_SECTIONS} media sections")]
    TooManySections,
    /// No media section, or none of audio that is on.
    #[error("no audio section that is on")]
    NoAudio,
    /// Something that a section needs is not there.
    #[error("line {line} ({text:?}): {what} is missing")]
    Missing {
        /// The line at which the section begins.
        line: usize,
        /// The text of that line, shortened.
        text: String,
        /// The missing part.
        what: &'static str,
    },
    /// A line that cannot be used.
    #[error("line {line} ({text:?}): {what}")]
    Line {
        /// The number of the line.
        line: usize,
        /// The text of the line, shortened.
        text: String,
        /// The fault.
        what: &'static str,
    },
    /// A value that no line can hold: it has a line end, or white space where one word must stand.
    #[error("a value of {0} that no line can hold")]
    BadValue(&'static str),
}

impl SdpError {
    /// The error of something that a section needs and that is not there.
    #[must_use]
    pub fn missing(section: &Section<'_>, what: &'static str) -> Self {
        let (line, text) = (section.media.number(), section.media.shown().into_owned());
        Self::Missing { line, text, what }
    }

    /// The error of a line that cannot be used.
    #[must_use]
    pub fn line(line: &Line<'_>, what: &'static str) -> Self {
        Self::Line { line: line.number(), text: line.shown().into_owned(), what }
    }
}
