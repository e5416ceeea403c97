//! A picture that stands still: a key frame of VP8 as a file that anything shows.

#[cfg(feature = "stills")]
use image_webp::WebPDecoder;

use super::{Size, VideoError, checked_length};
use crate::machine::{VideoCodec, VideoFrame};

/// A key frame of VP8 as a WebP file, which is one with a header before it
/// (<https://developers.google.com/speed/webp/docs/riff_container>, simple file format). Nothing is decoded.
///
/// ```
/// use offhook::video::{Size, pattern, webp};
///
/// let picture = pattern::frame(Size { width: 320, height: 240 }, 1, 0)?;
/// assert!(webp(&picture)?.starts_with(b"RIFF"));
/// # Ok::<(), offhook::video::VideoError>(())
/// ```
///
/// # Errors
///
/// It is of another codec, no key frame, or longer than [`MAX_FRAME`](super::MAX_FRAME).
pub fn webp(keyframe: &VideoFrame) -> Result<Vec<u8>, VideoError> {
    match keyframe.codec {
        VideoCodec::Vp8 => {}
        VideoCodec::H264 => return Err(VideoError::Codec(keyframe.codec.name().to_owned())),
    }
    Size::of(VideoCodec::Vp8, &keyframe.data).ok_or(VideoError::NotAKeyframe)?;
    let length = checked_length(&keyframe.data)?;
    let odd = length % 2;
    let mut file = Vec::with_capacity(length as usize + 21);
    file.extend_from_slice(b"RIFF");
    file.extend_from_slice(&(12 + length + odd).to_le_bytes());
    file.extend_from_slice(b"WEBPVP8 ");
    file.extend_from_slice(&length.to_le_bytes());
    file.extend_from_slice(&keyframe.data);
    file.resize(file.len() + odd as usize, 0);
    Ok(file)
}

/// A picture as pixels. Behind feature `stills`.
///
/// ```
/// use offhook::video::{Size, Still, pattern};
///
/// let picture = pattern::frame(Size { width: 320, height: 240 }, 5, 0)?;
/// let still = Still::decode(&picture)?;
/// assert_eq!(still.size(), Size { width: 320, height: 240 });
/// let shown = pattern::shown(still.size(), |x, y| still.luma(x, y).unwrap_or_default());
/// assert_eq!(shown, Some(5));
/// # Ok::<(), offhook::video::VideoError>(())
/// ```
#[cfg(feature = "stills")]
#[derive(Clone, PartialEq, Eq)]
pub struct Still {
    size: Size,
    rgb: Vec<u8>,
}

#[cfg(feature = "stills")]
impl Still {
    /// The most pixels of a picture that is decoded: it is what its header claims that costs.
    pub const MAX_PIXELS: u32 = 1 << 24;

    /// Decodes a key frame of VP8.
    ///
    /// # Errors
    ///
    /// It is of another codec, no key frame, has more than [`Still::MAX_PIXELS`], or cannot be decoded.
    pub fn decode(keyframe: &VideoFrame) -> Result<Self, VideoError> {
        let file = webp(keyframe)?;
        let size = Size::of(VideoCodec::Vp8, &keyframe.data).ok_or(VideoError::NotAKeyframe)?;
        let pixels = size.width * size.height;
        if pixels > Self::MAX_PIXELS {
            return Err(VideoError::Size(size));
        }
        let broken = |error: image_webp::DecodingError| VideoError::Picture(error.to_string());
        let mut decoder = WebPDecoder::new(std::io::Cursor::new(&file)).map_err(broken)?;
        let mut rgb = vec![0; pixels as usize * 3];
        decoder.read_image(&mut rgb).map_err(broken)?;
        Ok(Self { size, rgb })
    }

    /// Its size.
    #[must_use]
    pub fn size(&self) -> Size {
        self.size
    }

    /// Its pixels, row by row: red, green and blue, a byte each.
    #[must_use]
    pub fn rgb(&self) -> &[u8] {
        &self.rgb
    }

    /// The brightness of a pixel, 0 to 255 (BT.601); none outside of the picture.
    #[must_use]
    pub fn luma(&self, x: u32, y: u32) -> Option<u8> {
        if x >= self.size.width {
            return None;
        }
        let at = (y as usize * self.size.width as usize + x as usize) * 3;
        let [red, green, blue] = *self.rgb.get(at..)?.first_chunk()?;
        let sum = 299 * u32::from(red) + 587 * u32::from(green) + 114 * u32::from(blue);
        Some((sum / 1000) as u8)
    }
}

#[cfg(feature = "stills")]
impl std::fmt::Debug for Still {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Still({})", self.size)
    }
}
