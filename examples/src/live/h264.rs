//! An encoder of H.264 (constrained baseline), in Rust alone. Behind feature `h264`.
//!
//! It is young: whoever has another puts it behind [`Encoder`].

use offhook::media::VideoCodec;
use rusty_h264::{EncoderConfig, YuvFrame};

use super::{Encoder, I420};

/// Bits of a second for each thousand pixels, as much as a still page with something moving wants.
const BITS: usize = 1_500;
/// The quantiser of the first picture, which its rate control does not know.
const FIRST: u8 = 34;

/// An encoder, for pictures of whatever size comes: another size is another stream, which begins with a key frame.
pub struct H264 {
    rate: u32,
    encoder: Option<(usize, usize, rusty_h264::Encoder)>,
}

impl H264 {
    /// An encoder of so many pictures a second.
    #[must_use]
    pub fn new(rate: u32) -> Self {
        Self { rate, encoder: None }
    }

    fn of_size(&mut self, width: usize, height: usize) -> Option<&mut rusty_h264::Encoder> {
        let fits = |(w, h, _): &(usize, usize, _)| (*w, *h) == (width, height);
        if !self.encoder.as_ref().is_some_and(fits) {
            let mut config = EncoderConfig::baseline(width, height);
            // Key frames come when they are asked for.
            config.gop_size = u32::MAX;
            config.min_keyint = 1;
            config.bitrate = u32::try_from(width * height / 1000 * BITS).ok()?;
            config.framerate = self.rate as f32;
            config.qp = FIRST;
            // Table A-1: 3600 macroblocks a picture at level 3.1, 8192 at level 4.
            let blocks = width.div_ceil(16) * height.div_ceil(16);
            config.level_idc = if blocks <= 3_600 { 31 } else { 40 };
            let encoder = rusty_h264::Encoder::new(config).ok()?;
            self.encoder = Some((width, height, encoder));
        }
        self.encoder.as_mut().map(|(.., encoder)| encoder)
    }
}

impl Encoder for H264 {
    fn codec(&self) -> VideoCodec {
        VideoCodec::H264
    }

    fn encode(&mut self, picture: &I420, force_key: bool) -> Option<Vec<u8>> {
        let I420 { width, height, y, u, v } = picture.clone();
        let encoder = self.of_size(width, height)?;
        if force_key {
            encoder.request_keyframe();
        }
        let data = encoder.encode(&YuvFrame { width, height, y, u, v });
        (!data.is_empty()).then_some(data)
    }
}

impl std::fmt::Debug for H264 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "H264({} pictures a second)", self.rate)
    }
}

#[cfg(test)]
mod tests {
    use offhook::video::{Size, is_keyframe};

    use super::*;

    fn grey(width: usize, height: usize, shade: u8) -> I420 {
        I420::of_bgrx(width, height, &[shade; 4].repeat(width * height)).unwrap()
    }

    #[test]
    fn key_frames_come_when_asked_for_and_with_another_size() {
        let mut encoder = H264::new(10);
        let is_key: Vec<_> = (0..6)
            .map(|n| {
                let data = encoder.encode(&grey(64, 48, 40 * n), n == 4).unwrap();
                is_keyframe(VideoCodec::H264, &data)
            })
            .collect();
        assert_eq!(is_key, [true, false, false, false, true, false]);
        let larger = encoder.encode(&grey(128, 96, 80), false).unwrap();
        assert!(is_keyframe(VideoCodec::H264, &larger));
        let size = Size { width: 128, height: 96 };
        assert_eq!(Size::of(VideoCodec::H264, &larger), Some(size));
    }
}
