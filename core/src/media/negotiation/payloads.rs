//! Payload types.

use crate::media::rtp::Format;
use crate::media::{AudioCodec, MediaError};
use crate::sdp::Section;

/// Clock rates at which telephone keys are understood (RFC 4733 section 2.1.1).
const EVENT_CLOCKS: [u32; 2] = [48_000, 8_000];
/// The static payload type of comfort noise.
const COMFORT_NOISE: u8 = 13;
/// Payload types that need no `a=rtpmap` (RFC 3551 section 6): those of interest.
const STATIC: [(u8, &str, u32); 3] =
    [(0, "PCMU", 8000), (8, "PCMA", 8000), (COMFORT_NOISE, "CN", 8000)];

/// The payload types of an audio section that both ends have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Payloads {
    /// Codecs in the far side's order of preference, each once. Never empty once negotiated.
    pub codecs: Vec<(AudioCodec, u8)>,
    /// Telephone-event (RFC 4733) by clock rate, each once.
    pub events: Vec<(u32, u8)>,
    /// Comfort noise (RFC 3389): understood, never answered.
    pub noise: Vec<u8>,
    /// The far side's wishes of Opus.
    pub opus: OpusWishes,
}

/// The wishes of whoever describes itself as to the Opus that it is sent (RFC 7587 section 6.1). Each end has its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OpusWishes {
    /// True if it can use copies of lost frames (`useinbandfec`); without a word it cannot.
    pub fec: bool,
    /// True if pauses shall be left out (`usedtx`).
    pub dtx: bool,
}

impl OpusWishes {
    fn read(section: &Section<'_>, number: u8) -> Self {
        let wants = |name| parameter(section, number, name) == Some("1");
        Self { fec: wants("useinbandfec"), dtx: wants("usedtx") }
    }

    /// As parameters of a payload type.
    fn parameters(self) -> String {
        let word = |wanted: bool, word| if wanted { word } else { "" };
        let (fec, dtx) = (word(self.fec, ";useinbandfec=1"), word(self.dtx, ";usedtx=1"));
        format!("minptime=10{fec}{dtx}")
    }
}

impl Payloads {
    /// The payload types of our offers.
    #[must_use]
    pub fn ours(codecs: &[AudioCodec]) -> Self {
        let number = |codec: &AudioCodec| match codec {
            AudioCodec::Opus => 111,
            AudioCodec::Pcmu => 0,
            AudioCodec::Pcma => 8,
        };
        Self {
            codecs: codecs.iter().map(|codec| (*codec, number(codec))).collect(),
            events: vec![(48_000, 110), (8_000, 126)],
            noise: vec![COMFORT_NOISE],
            opus: OpusWishes { fec: true, dtx: false },
        }
    }

    /// Those that a section describes and we have, too.
    ///
    /// # Errors
    ///
    /// [`MediaError::NoCommonCodec`].
    pub fn read(section: &Section<'_>, ours: &[AudioCodec]) -> Result<Self, MediaError> {
        let mut payloads = Self::default();
        for number in payload_types(section) {
            let Some((name, clock, channels)) = encoding(section, number) else { continue };
            let is = |other: &str| name.eq_ignore_ascii_case(other);
            if is("telephone-event") {
                let known = payloads.events.iter().any(|(known, _)| *known == clock);
                if EVENT_CLOCKS.contains(&clock) && !known {
                    payloads.events.push((clock, number));
                }
            } else if is("CN") {
                payloads.noise.push(number);
            } else if let Some(codec) = ours.iter().copied().find(|codec| {
                let most = if *codec == AudioCodec::Opus { 2 } else { 1 };
                is(codec.name()) && clock == codec.clock_rate() && channels <= most
            }) && payloads.payload_type(codec).is_none()
            {
                payloads.codecs.push((codec, number));
                if codec == AudioCodec::Opus {
                    payloads.opus = OpusWishes::read(section, number);
                }
            }
        }
        if payloads.codecs.is_empty() { Err(MediaError::NoCommonCodec) } else { Ok(payloads) }
    }

    /// The payload type of a codec.
    #[must_use]
    pub fn payload_type(&self, codec: AudioCodec) -> Option<u8> {
        self.codecs.iter().find(|(c, _)| *c == codec).map(|(_, pt)| *pt)
    }

    /// The codec of a payload type.
    #[must_use]
    pub fn codec(&self, pt: u8) -> Option<AudioCodec> {
        self.codecs.iter().find(|(_, p)| *p == pt).map(|(codec, _)| *codec)
    }

    /// The clock rate of a telephone-event payload type.
    #[must_use]
    pub fn event_clock(&self, pt: u8) -> Option<u32> {
        self.events.iter().find(|(_, p)| *p == pt).map(|(clock, _)| *clock)
    }

    /// The telephone-event that goes with a codec, and its clock rate: one with the same clock, or
    /// else any, as browsers do.
    #[must_use]
    pub fn event_type(&self, codec: AudioCodec) -> Option<(u32, u8)> {
        let same = self.events.iter().find(|(clock, _)| *clock == codec.clock_rate());
        same.or_else(|| self.events.first()).copied()
    }

    /// The meaning of a payload type. Comfort noise beside G.711 has a number of its own: senders
    /// do not wait until it was negotiated (RFC 3389 section 4, RFC 3551 section 6).
    #[must_use]
    pub fn format(&self, pt: u8) -> Format {
        match (self.codec(pt), self.event_clock(pt)) {
            (Some(codec), _) => Format::Audio(codec),
            (None, Some(clock)) => Format::Key { clock },
            (None, None) if pt == COMFORT_NOISE || self.noise.contains(&pt) => Format::Noise,
            (None, None) => Format::Unused,
        }
    }

    /// All payload types.
    pub(super) fn numbers(&self) -> impl Iterator<Item = u8> {
        let codecs = self.codecs.iter().map(|(_, number)| *number);
        let events = self.events.iter().map(|(_, number)| *number);
        codecs.chain(events).chain(self.noise.iter().copied())
    }

    /// All payload types that our description names, codecs first. We always have use for copies of lost frames.
    pub(super) fn named(&self, dtx: bool) -> impl Iterator<Item = (u8, String, Option<String>)> {
        let codecs = self.codecs.iter().map(move |(codec, pt)| {
            let (name, clock) = (codec.name(), codec.clock_rate());
            match codec {
                AudioCodec::Opus => {
                    let wishes = OpusWishes { fec: true, dtx };
                    (*pt, format!("{name}/{clock}/2"), Some(wishes.parameters()))
                }
                AudioCodec::Pcmu | AudioCodec::Pcma => (*pt, format!("{name}/{clock}"), None),
            }
        });
        let event = |(clock, pt): &(u32, u8)| {
            (*pt, format!("telephone-event/{clock}"), Some("0-15".to_owned()))
        };
        codecs.chain(self.events.iter().map(event))
    }
}

/// The payload types that a section names (RFC 3550 section 5.1: seven bits), each once.
pub(super) fn payload_types(section: &Section<'_>) -> Vec<u8> {
    let mut numbers = Vec::new();
    for number in section.formats().filter_map(|format| format.parse::<u8>().ok()) {
        if number < 128 && !numbers.contains(&number) {
            numbers.push(number);
        }
    }
    numbers
}

/// Name, clock rate and channels of a payload type.
pub(super) fn encoding<'s>(section: &'s Section<'_>, number: u8) -> Option<(&'s str, u32, u8)> {
    let mapped = section.attributes("rtpmap").find_map(|(_, value)| {
        let (own, encoding) = value.split_once(char::is_whitespace)?;
        (own.parse() == Ok(number)).then_some(encoding.trim())
    });
    let Some(encoding) = mapped else {
        let (_, name, clock) = STATIC.iter().find(|(known, ..)| *known == number)?;
        return Some((name, *clock, 1));
    };
    let mut parts = encoding.split('/').map(str::trim);
    let (name, clock) = (parts.next()?, parts.next()?.parse().ok()?);
    // One channel where nothing, or nothing that can be read, is said (RFC 8866 section 6.6).
    let channels = parts.next().and_then(|channels| channels.parse().ok()).unwrap_or(1);
    Some((name, clock, channels))
}

/// A parameter of a payload type (`a=fmtp`).
pub(super) fn parameter<'s>(section: &'s Section<'_>, number: u8, name: &str) -> Option<&'s str> {
    section.attributes("fmtp").find_map(|(_, value)| {
        let (own, parameters) = value.split_once(char::is_whitespace)?;
        if own.parse() != Ok(number) {
            return None;
        }
        parameters.split(';').find_map(|parameter| {
            let (key, value) = parameter.split_once('=')?;
            key.trim().eq_ignore_ascii_case(name).then_some(value.trim())
        })
    })
}
