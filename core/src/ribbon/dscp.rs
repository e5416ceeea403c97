//! The urgency of the media of a call (w5.8).

use crate::machine::CodePoint;

/// The urgency of media, as clients of the service say it (w5.8), for [`Dscp`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// Less than anything else.
    VeryLow,
    /// As anything else.
    Low,
    /// More than that.
    Medium,
    /// The most.
    High,
}

impl Priority {
    /// The code point that sound of this priority has (RFC 8837 section 5).
    #[must_use]
    pub const fn audio(self) -> CodePoint {
        match self {
            Self::VeryLow => CodePoint::LOWER,
            Self::Low => CodePoint::DEFAULT,
            Self::Medium | Self::High => CodePoint::SPEECH,
        }
    }

    /// The code point that pictures of this priority have (RFC 8837 section 5: interactive video).
    #[must_use]
    pub const fn video(self) -> CodePoint {
        match self {
            Self::VeryLow => CodePoint::LOWER,
            Self::Low => CodePoint::DEFAULT,
            Self::Medium => CodePoint::PICTURES,
            Self::High => CodePoint::URGENT_PICTURES,
        }
    }
}

/// The urgency of the packets of a call (RT-011): a wish to the runtime
/// ([`Output::OpenUdp`](crate::machine::Output::OpenUdp)), which may not be able to meet it.
///
/// All media of a call goes through the same sockets, and a socket has one code point: that of the sound; where
/// none is wished for it that of the camera's pictures, and then that of the screen's. It counts for sockets that
/// are opened from then on, to the end of the call. Media in another process
/// ([`Command::SetProxyMode`](super::Command::SetProxyMode)) goes without.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Dscp {
    /// Of sound.
    pub audio: Option<CodePoint>,
    /// Of a camera's pictures.
    pub video: Option<CodePoint>,
    /// Of a screen's pictures.
    pub screen: Option<CodePoint>,
}

setters!(Dscp { audio: some[CodePoint], video: some[CodePoint], screen: some[CodePoint] });

impl Dscp {
    /// The code point of the sockets.
    pub(super) fn of_sockets(self) -> Option<CodePoint> {
        self.audio.or(self.video).or(self.screen)
    }
}
