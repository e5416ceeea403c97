//! Reasons why a video file or a picture cannot be used.

use std::io::{Error, ErrorKind};

use super::{MAX_FRAME, Size};

/// The reason why a video file, or a picture, could not be read or written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VideoError {
    /// The file could not be read or written.
    #[error("{0}")]
    Io(ErrorKind),
    /// The file ends in the middle of something, as one does whose writer died. What was read before
    /// is good.
    #[error("the file is cut off")]
    CutOff,
    /// Not a file of the format, or one that nobody can read.
    #[error("{format}: {what}")]
    Malformed {
        /// The format.
        format: &'static str,
        /// The thing that is wrong with it.
        what: &'static str,
    },
    /// Something that is allowed, but not read here.
    #[error("{format}: {what} cannot be read here")]
    Unsupported {
        /// The format.
        format: &'static str,
        /// The thing that is in it.
        what: &'static str,
    },
    /// The codec is none of those that are read and written here, by the name that the file has for it.
    #[error("no codec for {0}")]
    Codec(String),
    /// A frame is longer than [`MAX_FRAME`], by its length in bytes.
    #[error("a frame has at most {MAX_FRAME} bytes, not {0}")]
    TooLong(u64),
    /// No pictures of this size are made here.
    #[error("no pictures of {0}")]
    Size(Size),
    /// A picture that needs no other is wanted, and this is none, or cannot be understood.
    #[error("not a key frame")]
    NotAKeyframe,
    /// A frame is not of the kind or codec of its track, or there is no such track.
    #[error("the frame is not of its track")]
    WrongTrack,
    /// A frame is earlier than the one before it.
    #[error("the frame is earlier than the one before it")]
    OutOfOrder,
    /// A clip is longer than [`Clip::MAX_BYTES`](super::Clip::MAX_BYTES).
    #[error("the clip is too long")]
    ClipTooLong,
    /// The picture could not be decoded, with the decoder's own message.
    #[error("cannot decode the picture: {0}")]
    Picture(String),
}

impl VideoError {
    /// The error of a file that is not of its format.
    pub(super) const fn malformed(format: &'static str, what: &'static str) -> Self {
        Self::Malformed { format, what }
    }
}

impl From<Error> for VideoError {
    fn from(error: Error) -> Self {
        let kind = error.kind();
        if kind == ErrorKind::UnexpectedEof { Self::CutOff } else { Self::Io(kind) }
    }
}
