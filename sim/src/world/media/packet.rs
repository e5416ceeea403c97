//! The model engine's datagrams. What stands for RTP and RTCP looks like that to those who look at the first byte only
//! (RFC 7983 section 7).

use std::time::Duration;

use bytes::Bytes;
use offhook::media::{AudioCodec, AudioFrame, ChannelMessage, Digit, VideoCodec, VideoFrame};

/// One datagram: a kind, then its fields.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Packet {
    /// A question whether there is a way.
    Probe {
        to: String,
        from: String,
    },
    /// The answer that there is.
    Reply {
        to: String,
        from: String,
    },
    Audio {
        sequence: u32,
        frame: AudioFrame,
    },
    Key {
        number: u32,
        digit: Digit,
        duration: Duration,
    },
    /// The sender closes.
    Bye {
        from: String,
    },
    /// Audio of a section, where there is not one alone.
    Sound {
        section: u8,
        sequence: u32,
        frame: AudioFrame,
    },
    /// A picture of a section, whole.
    Picture {
        section: u8,
        sequence: u32,
        frame: VideoFrame,
    },
    /// The sender wants a picture of a section that needs no other.
    Wanted {
        section: u8,
    },
    /// Something of a data channel.
    Piece(Piece),
    /// The sender has all of a row of pieces before that one.
    Taken {
        row: u32,
        next: u32,
    },
    /// The sender is there, whether it speaks or not.
    Report,
}

/// One of the pieces that go out in a row, in order, whatever channel they are of.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Piece {
    /// The row: channels that are turned on again begin another.
    pub(super) row: u32,
    pub(super) number: u32,
    /// True if the sender opened the channel, and its number among those.
    pub(super) ours: bool,
    pub(super) channel: u16,
    pub(super) item: Item,
}

/// The content of a piece.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Item {
    /// A channel of that label begins.
    Open(String),
    /// The far side has it, too.
    Opened,
    Message(ChannelMessage),
    /// A channel ends.
    Close,
}

impl Item {
    /// The bytes of a message.
    pub(super) const fn bytes(&self) -> usize {
        match self {
            Self::Message(ChannelMessage::Text(text)) => text.len(),
            Self::Message(ChannelMessage::Binary(data)) => data.len(),
            Self::Open(_) | Self::Opened | Self::Close => 0,
        }
    }
}

/// The kinds that stand for RTP and RTCP.
const SOUND: u8 = 128;
const KEY: u8 = 129;
const SOUND_OF: u8 = 130;
const PICTURE: u8 = 131;
const REPORT: u8 = 132;

const CODECS: [AudioCodec; 3] = [AudioCodec::Opus, AudioCodec::Pcmu, AudioCodec::Pcma];
const PICTURES: [VideoCodec; 2] = [VideoCodec::Vp8, VideoCodec::H264];

/// A frame of audio, after what is before it.
fn sound(mut out: Vec<u8>, sequence: u32, frame: &AudioFrame) -> Vec<u8> {
    let codec = CODECS.iter().position(|codec| *codec == frame.codec);
    out.extend([codec.unwrap_or_default() as u8, u8::from(frame.talkspurt)]);
    out.extend_from_slice(&sequence.to_be_bytes());
    out.extend_from_slice(&frame.time.to_be_bytes());
    out.extend_from_slice(&frame.data);
    out
}

/// Reads what datagrams have, field by field.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*field)
    }

    fn u8(&mut self) -> Option<u8> {
        self.take::<1>().map(|[byte]| byte)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_be_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_be_bytes)
    }

    fn rest(self) -> Bytes {
        Bytes::copy_from_slice(self.0)
    }

    fn text(self) -> Option<String> {
        String::from_utf8(self.0.to_vec()).ok()
    }

    fn sound(mut self) -> Option<(u32, AudioFrame)> {
        let codec = *CODECS.get(usize::from(self.u8()?))?;
        let talkspurt = self.u8()? != 0;
        let sequence = self.u32()?;
        let (time, data) = (self.u64()?, self.rest());
        Some((sequence, AudioFrame { codec, talkspurt, time, lost_before: 0, data }))
    }
}

impl Packet {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let names = |kind: u8, to: &str, from: &str| {
            let mut out = vec![kind, to.len() as u8];
            out.extend_from_slice(to.as_bytes());
            out.extend_from_slice(from.as_bytes());
            out
        };
        match self {
            Self::Probe { to, from } => names(1, to, from),
            Self::Reply { to, from } => names(2, to, from),
            Self::Audio { sequence, frame } => sound(vec![SOUND], *sequence, frame),
            Self::Key { number, digit, duration } => {
                let mut out = vec![KEY, digit.event()];
                out.extend_from_slice(&number.to_be_bytes());
                out.extend_from_slice(&(duration.as_millis() as u32).to_be_bytes());
                out
            }
            Self::Bye { from } => names(5, "", from),
            Self::Sound { section, sequence, frame } => {
                sound(vec![SOUND_OF, *section], *sequence, frame)
            }
            Self::Picture { section, sequence, frame } => {
                let codec = PICTURES.iter().position(|codec| *codec == frame.codec);
                let (codec, key) = (codec.unwrap_or_default() as u8, u8::from(frame.keyframe));
                let mut out = vec![PICTURE, *section, codec, key];
                out.extend_from_slice(&sequence.to_be_bytes());
                out.extend_from_slice(&frame.time.to_be_bytes());
                out.extend_from_slice(&frame.data);
                out
            }
            Self::Wanted { section } => vec![8, *section],
            Self::Piece(Piece { row, number, ours, channel, item }) => {
                let (kind, content) = match item {
                    Item::Open(label) => (0, label.as_bytes()),
                    Item::Opened => (1, &[][..]),
                    Item::Message(ChannelMessage::Text(text)) => (2, text.as_bytes()),
                    Item::Message(ChannelMessage::Binary(data)) => (3, &data[..]),
                    Item::Close => (4, &[][..]),
                };
                let mut out = vec![9, kind, u8::from(*ours)];
                out.extend_from_slice(&channel.to_be_bytes());
                out.extend_from_slice(&row.to_be_bytes());
                out.extend_from_slice(&number.to_be_bytes());
                out.extend_from_slice(content);
                out
            }
            Self::Taken { row, next } => {
                let mut out = vec![10];
                out.extend_from_slice(&row.to_be_bytes());
                out.extend_from_slice(&next.to_be_bytes());
                out
            }
            Self::Report => vec![REPORT],
        }
    }

    /// None for what is not a datagram of the model's.
    pub(super) fn read(data: &[u8]) -> Option<Self> {
        let (kind, rest) = data.split_first()?;
        let names = || {
            let (length, text) = rest.split_first()?;
            let to = text.get(..usize::from(*length))?;
            let from = text.get(usize::from(*length)..)?;
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok();
            Some((text(to)?, text(from)?))
        };
        let u32_at = |at: usize| Some(u32::from_be_bytes(rest.get(at..at + 4)?.try_into().ok()?));
        Some(match kind {
            1 => {
                let (to, from) = names()?;
                Self::Probe { to, from }
            }
            2 => {
                let (to, from) = names()?;
                Self::Reply { to, from }
            }
            &SOUND => {
                let (sequence, frame) = Fields(rest).sound()?;
                Self::Audio { sequence, frame }
            }
            &KEY => Self::Key {
                digit: Digit::from_event(*rest.first()?)?,
                number: u32_at(1)?,
                duration: Duration::from_millis(u32_at(5)?.into()),
            },
            5 => Self::Bye { from: names()?.1 },
            &SOUND_OF => {
                let mut fields = Fields(rest);
                let section = fields.u8()?;
                let (sequence, frame) = fields.sound()?;
                Self::Sound { section, sequence, frame }
            }
            &PICTURE => {
                let mut fields = Fields(rest);
                let [section, codec, key] = fields.take()?;
                let codec = *PICTURES.get(usize::from(codec))?;
                let (sequence, time) = (fields.u32()?, fields.u64()?);
                let frame = VideoFrame::new(codec, time, key != 0, fields.rest());
                Self::Picture { section, sequence, frame }
            }
            8 => Self::Wanted { section: *rest.first()? },
            9 => {
                let mut fields = Fields(rest);
                let [kind, ours] = fields.take()?;
                let channel = fields.take().map(u16::from_be_bytes)?;
                let (row, number) = (fields.u32()?, fields.u32()?);
                let item = match kind {
                    0 => Item::Open(fields.text()?),
                    1 => Item::Opened,
                    2 => Item::Message(ChannelMessage::Text(fields.text()?)),
                    3 => Item::Message(ChannelMessage::Binary(fields.rest())),
                    4 => Item::Close,
                    _ => return None,
                };
                Self::Piece(Piece { row, number, ours: ours != 0, channel, item })
            }
            10 => {
                let mut fields = Fields(rest);
                Self::Taken { row: fields.u32()?, next: fields.u32()? }
            }
            &REPORT if rest.is_empty() => Self::Report,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn packets_read_as_written() {
        let digit = Digit::try_from('#').unwrap();
        let frame = AudioFrame {
            codec: AudioCodec::Pcma,
            time: 7,
            lost_before: 0,
            talkspurt: true,
            data: Bytes::from_static(b"sound"),
        };
        let items = [
            Item::Open("label".to_owned()),
            Item::Opened,
            Item::Message(ChannelMessage::Text("text".to_owned())),
            Item::Message(ChannelMessage::Binary(Bytes::from_static(&[0, 255]))),
            Item::Close,
        ];
        let piece = |item| Packet::Piece(Piece { row: 1, number: 2, ours: true, channel: 3, item });
        for packet in [
            Packet::Probe { to: "a".to_owned(), from: "bc".to_owned() },
            Packet::Reply { to: "a".to_owned(), from: "bc".to_owned() },
            Packet::Audio { sequence: 9, frame: frame.clone() },
            Packet::Key { number: 3, digit, duration: Duration::from_millis(100) },
            Packet::Bye { from: "x".to_owned() },
            Packet::Sound { section: 2, sequence: 9, frame: frame.clone() },
            Packet::Picture {
                section: 1,
                sequence: 4,
                frame: VideoFrame::new(VideoCodec::H264, 90, true, &b"picture"[..]),
            },
            Packet::Wanted { section: 127 },
            Packet::Taken { row: 1, next: 2 },
            Packet::Report,
        ]
        .into_iter()
        .chain(items.map(piece))
        {
            assert_eq!(Packet::read(&packet.to_bytes()), Some(packet));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(data in prop::collection::vec(any::<u8>(), 0..40)) {
            if let Some(packet) = Packet::read(&data) {
                prop_assert_eq!(Packet::read(&packet.to_bytes()), Some(packet));
            }
        }
    }
}
