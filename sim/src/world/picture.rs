//! The pictures of agents: numbered, so that whoever sees one knows which it is.

use offhook::media::{VideoCodec, VideoFrame};

use crate::service::pictures;

/// The picture of that number.
pub(crate) fn picture(codec: VideoCodec, number: u32) -> VideoFrame {
    pictures::picture(codec, number)
}

/// The number of a picture; none for one of somebody else's.
pub(crate) fn picture_number(frame: &VideoFrame) -> Option<u32> {
    pictures::number_of(frame)
}
