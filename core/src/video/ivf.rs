//! IVF files: a header of 32 bytes, then pictures, each with its length and time
//! (<https://wiki.multimedia.cx/index.php/Duck_IVF>).

use std::io::{Read, Write};

use super::time::Times;
use super::{Size, VideoError, input, is_keyframe};
use crate::machine::{VideoCodec, VideoFrame};

const HEADER: u16 = 32;

fn malformed(what: &'static str) -> VideoError {
    VideoError::malformed("IVF", what)
}

/// The name of a codec in a header.
const fn name(codec: VideoCodec) -> [u8; 4] {
    match codec {
        VideoCodec::Vp8 => *b"VP80",
        VideoCodec::H264 => *b"H264",
    }
}

/// Reads an IVF file: an iterator over its pictures, which ends with the file or its first error.
///
/// Times are those of the file, in ticks of 90 kHz; one that goes back is that of the picture before.
/// Empty pictures, as some encoders write where they leave one out, are left out.
#[derive(Debug)]
pub struct IvfReader<R> {
    from: R,
    codec: VideoCodec,
    size: Size,
    times: Times,
    over: bool,
}

impl<R: Read> IvfReader<R> {
    /// Reads the header.
    ///
    /// # Errors
    ///
    /// It is no IVF file, of a codec that is not had, or cannot be read.
    pub fn new(mut from: R) -> Result<Self, VideoError> {
        let header: [u8; HEADER as usize] = input::array(&mut from)?.ok_or(VideoError::CutOff)?;
        let [b'D', b'K', b'I', b'F', v0, v1, l0, l1, c0, c1, c2, c3, w0, w1, h0, h1, rest @ ..] =
            header
        else {
            return Err(malformed("it does not begin like one"));
        };
        if [v0, v1] != [0, 0] {
            return Err(malformed("its version is not 0"));
        }
        // A longer header has something to come after what is known.
        let longer = u16::from_le_bytes([l0, l1]).checked_sub(HEADER);
        input::skip(&mut from, longer.ok_or_else(|| malformed("its header is too short"))?.into())?;
        let codec = [VideoCodec::Vp8, VideoCodec::H264]
            .into_iter()
            .find(|codec| name(*codec) == [c0, c1, c2, c3])
            .ok_or_else(|| VideoError::Codec([c0, c1, c2, c3].escape_ascii().to_string()))?;
        let size = Size {
            width: u16::from_le_bytes([w0, w1]).into(),
            height: u16::from_le_bytes([h0, h1]).into(),
        };
        let [r0, r1, r2, r3, s0, s1, s2, s3, ..] = rest;
        let (rate, scale) =
            (u32::from_le_bytes([r0, r1, r2, r3]), u32::from_le_bytes([s0, s1, s2, s3]));
        if rate == 0 || scale == 0 {
            return Err(malformed("its times have no unit"));
        }
        Ok(Self { from, codec, size, times: Times::new(scale.into(), rate.into()), over: false })
    }

    /// The codec of its pictures.
    pub fn codec(&self) -> VideoCodec {
        self.codec
    }

    /// The size of its pictures as the header has it; [`Size::of`] has that of a key frame.
    pub fn size(&self) -> Size {
        self.size
    }

    fn frame(&mut self) -> Result<Option<VideoFrame>, VideoError> {
        loop {
            let Some([l0, l1, l2, l3, time @ ..]) = input::array::<12>(&mut self.from)? else {
                return Ok(None);
            };
            let length = u32::from_le_bytes([l0, l1, l2, l3]);
            let time = self.times.media(u64::from_le_bytes(time));
            let data = input::bytes(&mut self.from, length.into())?;
            if !data.is_empty() {
                let keyframe = is_keyframe(self.codec, &data);
                return Ok(Some(VideoFrame::new(self.codec, time, keyframe, data)));
            }
        }
    }
}

impl<R: Read> Iterator for IvfReader<R> {
    type Item = Result<VideoFrame, VideoError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        let next = self.frame().transpose();
        self.over = !matches!(next, Some(Ok(_)));
        next
    }
}

/// Writes an IVF file, picture by picture.
///
/// Times are written in ticks of 90 kHz, from 0 on. The number of pictures is not known when the
/// header is written, and is 0 there: players go by the end of the file.
#[derive(Debug)]
pub struct IvfWriter<W> {
    to: W,
    codec: VideoCodec,
    /// The media time of the first picture.
    first: Option<u64>,
}

impl<W: Write> IvfWriter<W> {
    /// Writes the header.
    ///
    /// # Errors
    ///
    /// The size is larger than a header can say, or it cannot be written.
    pub fn new(mut to: W, codec: VideoCodec, size: Size) -> Result<Self, VideoError> {
        let side = |side: u32| u16::try_from(side).map_err(|_| VideoError::Size(size));
        let mut header = Vec::with_capacity(HEADER.into());
        header.extend_from_slice(b"DKIF\0\0");
        header.extend_from_slice(&HEADER.to_le_bytes());
        header.extend_from_slice(&name(codec));
        header.extend_from_slice(&side(size.width)?.to_le_bytes());
        header.extend_from_slice(&side(size.height)?.to_le_bytes());
        header.extend_from_slice(&VideoCodec::CLOCK_RATE.to_le_bytes());
        header.extend_from_slice(&1_u32.to_le_bytes());
        header.resize(HEADER.into(), 0);
        to.write_all(&header)?;
        Ok(Self { to, codec, first: None })
    }

    /// Writes a picture.
    ///
    /// # Errors
    ///
    /// It is of another codec, longer than [`MAX_FRAME`](super::MAX_FRAME), or cannot be written.
    pub fn write(&mut self, frame: &VideoFrame) -> Result<(), VideoError> {
        if frame.codec != self.codec {
            return Err(VideoError::WrongTrack);
        }
        let length = super::checked_length(&frame.data)?;
        let first = *self.first.get_or_insert(frame.time);
        self.to.write_all(&length.to_le_bytes())?;
        self.to.write_all(&frame.time.saturating_sub(first).to_le_bytes())?;
        Ok(self.to.write_all(&frame.data)?)
    }

    /// The file.
    pub fn into_inner(self) -> W {
        self.to
    }
}
