//! The way that a far end speaks.

use offhook::media::AudioCodec;

/// Milliseconds of a frame, unless said otherwise.
pub(crate) const TIDY: u32 = 20;

/// The way that a far end is to speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FarVoice {
    /// The codec.
    pub codec: AudioCodec,
    /// The length of its frames in milliseconds, if the codec has such.
    pub ptime: u32,
    /// True if it leaves frames out, as those that send nothing for silence (DTX).
    pub pauses: bool,
    /// True while it may speak: it does not while it is to say nothing, or the other holds.
    pub speaks: bool,
    /// True if its keys are understood.
    pub keys: bool,
}

impl Default for FarVoice {
    fn default() -> Self {
        let (codec, pauses) = (AudioCodec::Opus, false);
        Self { codec, ptime: TIDY, pauses, speaks: false, keys: false }
    }
}
