//! A track of a WebM file.

use super::ids;
use crate::machine::{Frame, VideoCodec, VideoFrame};
use crate::video::avcc::{self, Record};
use crate::video::ebml::{self, Elements};
use crate::video::{ParameterSets, Size, VideoError};

const OPUS: &str = "A_OPUS";
const VP8: &str = "V_VP8";
const H264: &str = "V_MPEG4/ISO/AVC";
/// Kinds of tracks (RFC 9559 section 5.1.4.1.3).
const KIND_VIDEO: u64 = 1;
const KIND_AUDIO: u64 = 2;
/// The sound before a place in a file that a decoder wants to have heard, in nanoseconds (RFC 9559 section
/// 5.1.4.1.26; 80 ms, as RFC 7845 section 4.6 has it).
const PRE_ROLL: u64 = 80_000_000;

/// A track of a WebM file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WebmTrack {
    /// Sound in Opus.
    Opus {
        /// The channels that the header tells, 1 or 2. Packets of either kind may come, and decoders know.
        channels: u8,
    },
    /// Pictures.
    Video {
        /// Their codec.
        codec: VideoCodec,
        /// Their size, at first.
        size: Size,
        /// The sets of parameters in the header, of H.264.
        sets: ParameterSets,
    },
}

impl WebmTrack {
    /// Sound in Opus as calls have it.
    pub const OPUS: Self = Self::Opus { channels: 2 };

    /// A track of pictures that begins with this one.
    ///
    /// # Errors
    ///
    /// It is no key frame whose size can be read, or one of H.264 without its sets of parameters.
    pub fn video(keyframe: &VideoFrame) -> Result<Self, VideoError> {
        let codec = keyframe.codec;
        let size = Size::of(codec, &keyframe.data).ok_or(VideoError::NotAKeyframe)?;
        let mut sets = ParameterSets::default();
        match codec {
            VideoCodec::Vp8 => {}
            VideoCodec::H264 => {
                sets.note(&keyframe.data);
                avcc::record(&sets).ok_or(VideoError::NotAKeyframe)?;
            }
        }
        Ok(Self::Video { codec, size, sets })
    }

    /// A track that begins with this frame.
    pub(in crate::video) fn of(frame: &Frame) -> Result<Self, VideoError> {
        match frame {
            Frame::Audio(_) => Ok(Self::OPUS),
            Frame::Video(keyframe) => Self::video(keyframe),
        }
    }

    /// True if frames like this one go into it.
    #[must_use]
    pub fn takes(&self, frame: &Frame) -> bool {
        match (self, frame) {
            (Self::Opus { .. }, Frame::Audio(frame)) => {
                frame.codec == crate::machine::AudioCodec::Opus
            }
            (Self::Video { codec, .. }, Frame::Video(frame)) => frame.codec == *codec,
            (Self::Opus { .. }, Frame::Video(_)) | (Self::Video { .. }, Frame::Audio(_)) => false,
        }
    }

    /// True if the frames of one go into the other.
    pub(in crate::video) fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Opus { .. }, Self::Opus { .. }) => true,
            (Self::Video { codec, .. }, Self::Video { codec: other, .. }) => codec == other,
            (Self::Opus { .. }, Self::Video { .. }) | (Self::Video { .. }, Self::Opus { .. }) => {
                false
            }
        }
    }

    /// True if WebM has no such thing, but Matroska.
    pub(super) fn is_matroska(&self) -> bool {
        matches!(self, Self::Video { codec: VideoCodec::H264, .. })
    }

    /// Its entry in a header.
    pub(super) fn entry(&self, number: u64) -> Result<Elements, VideoError> {
        let entry = Elements::default()
            .unsigned(ids::TRACK_NUMBER, number)
            .unsigned(ids::TRACK_UID, number)
            .unsigned(ids::FLAG_LACING, 0)
            .bytes(ids::LANGUAGE, b"und");
        Ok(match self {
            Self::Opus { channels } => entry
                .unsigned(ids::TRACK_TYPE, KIND_AUDIO)
                .bytes(ids::CODEC_ID, OPUS.as_bytes())
                .bytes(ids::CODEC_PRIVATE, &opus_head(*channels))
                .unsigned(ids::SEEK_PRE_ROLL, PRE_ROLL)
                .folder(
                    ids::AUDIO,
                    Elements::default()
                        .float(ids::SAMPLING_FREQUENCY, 48_000.0)
                        .unsigned(ids::CHANNELS, (*channels).into()),
                ),
            Self::Video { codec, size, sets } => {
                let entry = entry.unsigned(ids::TRACK_TYPE, KIND_VIDEO);
                let entry = match codec {
                    VideoCodec::Vp8 => entry.bytes(ids::CODEC_ID, VP8.as_bytes()),
                    VideoCodec::H264 => entry.bytes(ids::CODEC_ID, H264.as_bytes()).bytes(
                        ids::CODEC_PRIVATE,
                        &avcc::record(sets).ok_or(VideoError::NotAKeyframe)?,
                    ),
                };
                let pixels = Elements::default()
                    .unsigned(ids::PIXEL_WIDTH, size.width.into())
                    .unsigned(ids::PIXEL_HEIGHT, size.height.into());
                entry.folder(ids::VIDEO, pixels)
            }
        })
    }
}

/// The header of Opus in files (RFC 7845 section 5.1): nothing of the beginning is to be left out, 48 kHz,
/// as loud as it is, and channels in their usual order.
fn opus_head(channels: u8) -> [u8; 19] {
    let mut head = *b"OpusHead\x01\x02\0\0\0\0\0\0\0\0\0";
    head[9] = channels;
    head[12..16].copy_from_slice(&48_000_u32.to_le_bytes());
    head
}

/// A track as a header has it.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// The number by which blocks refer to it.
    pub(super) number: u64,
    pub(super) track: WebmTrack,
    /// The way that pictures of H.264 are cut.
    pub(super) record: Option<Record>,
}

impl Entry {
    /// Reads an entry. The name of its codec where it is none that is read here.
    pub(super) fn parse(data: &[u8]) -> Result<Result<Self, String>, VideoError> {
        let (mut number, mut codec, mut private) = (0, String::new(), None);
        let (mut pixels, mut channels, mut encoded) = ([0; 2], 1, false);
        for element in ebml::elements(data) {
            let (id, data) = element?;
            match id {
                ids::TRACK_NUMBER => number = ebml::unsigned(&data)?,
                ids::CODEC_ID => codec = ebml::text(&data),
                ids::CODEC_PRIVATE => private = Some(data),
                ids::CONTENT_ENCODINGS => encoded = true,
                ids::VIDEO => pixels = numbers(&data, [ids::PIXEL_WIDTH, ids::PIXEL_HEIGHT])?,
                ids::AUDIO => [channels] = numbers(&data, [ids::CHANNELS])?,
                _ => {}
            }
        }
        let side = |side: u64| u32::try_from(side).unwrap_or(u32::MAX);
        let video = |codec, sets| {
            let size = Size { width: side(pixels[0]), height: side(pixels[1]) };
            WebmTrack::Video { codec, size, sets }
        };
        let (track, record) = match codec.as_str() {
            _ if encoded => return Ok(Err(format!("{codec}, packed"))),
            OPUS => (WebmTrack::Opus { channels: channels.clamp(1, 2) as u8 }, None),
            VP8 => (video(VideoCodec::Vp8, ParameterSets::default()), None),
            H264 => match private.as_deref().and_then(Record::parse) {
                Some(record) => (video(VideoCodec::H264, record.sets.clone()), Some(record)),
                None => return Ok(Err(format!("{codec}, without its parameters"))),
            },
            _ => return Ok(Err(codec)),
        };
        Ok(Ok(Self { number, track, record }))
    }
}

/// Numbers in a folder, by their names; 0 for one that it lacks.
fn numbers<const N: usize>(data: &[u8], names: [u32; N]) -> Result<[u64; N], VideoError> {
    let mut numbers = [0; N];
    for element in ebml::elements(data) {
        let (id, data) = element?;
        if let Some(at) = names.iter().position(|name| *name == id) {
            numbers[at] = ebml::unsigned(&data)?;
        }
    }
    Ok(numbers)
}
