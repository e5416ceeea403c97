//! The model engine's datagrams.

use std::time::Duration;

use bytes::Bytes;
use offhook::media::{AudioCodec, AudioFrame, Digit};

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
}

const CODECS: [AudioCodec; 3] = [AudioCodec::Opus, AudioCodec::Pcmu, AudioCodec::Pcma];

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
            Self::Audio { sequence, frame } => {
                let codec = CODECS.iter().position(|codec| *codec == frame.codec);
                let mut out = vec![3, codec.unwrap_or_default() as u8, u8::from(frame.talkspurt)];
                out.extend_from_slice(&sequence.to_be_bytes());
                out.extend_from_slice(&frame.time.to_be_bytes());
                out.extend_from_slice(&frame.data);
                out
            }
            Self::Key { number, digit, duration } => {
                let mut out = vec![4, digit.event()];
                out.extend_from_slice(&number.to_be_bytes());
                out.extend_from_slice(&(duration.as_millis() as u32).to_be_bytes());
                out
            }
            Self::Bye { from } => names(5, "", from),
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
            3 => Self::Audio {
                sequence: u32_at(2)?,
                frame: AudioFrame {
                    codec: *CODECS.get(usize::from(*rest.first()?))?,
                    talkspurt: *rest.get(1)? != 0,
                    time: u64::from_be_bytes(rest.get(6..14)?.try_into().ok()?),
                    lost_before: 0,
                    data: Bytes::copy_from_slice(&rest[14..]),
                },
            },
            4 => Self::Key {
                digit: Digit::from_event(*rest.first()?)?,
                number: u32_at(1)?,
                duration: Duration::from_millis(u32_at(5)?.into()),
            },
            5 => Self::Bye { from: names()?.1 },
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
        for packet in [
            Packet::Probe { to: "a".to_owned(), from: "bc".to_owned() },
            Packet::Reply { to: "a".to_owned(), from: "bc".to_owned() },
            Packet::Audio { sequence: 9, frame },
            Packet::Key { number: 3, digit, duration: Duration::from_millis(100) },
            Packet::Bye { from: "x".to_owned() },
        ] {
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
