//! Sections of ours, as descriptions are made of them.

use super::{Encodings, Terms};
use crate::media::{AudioCodec, MediaKind, VideoCodec};
use crate::sdp::{Direction, Section};

/// The protocol of our own offers.
pub(super) const PROFILE: &str = "UDP/TLS/RTP/SAVPF";

/// A section of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OurSection {
    /// Its name, if it has one.
    pub mid: Option<String>,
    /// Its content.
    pub terms: OurTerms,
    /// The direction, as we see it.
    pub direction: Direction,
    /// The source that we send as (`a=ssrc`), for far ends that want to know before they hear it.
    pub source: Option<u32>,
    /// The source by which packets are sent again.
    pub repair: Option<u32>,
    /// The number of its track within its kind.
    pub number: u8,
    /// The number of the header extension that names the section.
    pub mid_extension: Option<u8>,
    /// The encodings in which the far side takes it at once: then it is told their names, and no source.
    pub encodings: Encodings,
    /// Those in which it may send it at once.
    pub received: Encodings,
    /// True if the far side is asked to leave out pauses of Opus (`usedtx`, RFC 7587 section 6.1).
    pub dtx: bool,
}

/// The content of a section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OurTerms {
    /// Nothing: it is turned off, and keeps its place (RFC 3264 section 8.2).
    Off(Off),
    /// On, with these terms.
    On(Terms),
}

/// A section that is off: what its `m=` line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Off {
    /// The kind of media, as `video`.
    pub kind: String,
    /// The protocol.
    pub protocol: String,
    /// The formats.
    pub formats: String,
}

impl Off {
    /// Media of a kind, over RTP.
    #[must_use]
    pub fn media(kind: MediaKind) -> Self {
        Self { kind: kind.name().to_owned(), protocol: PROFILE.to_owned(), formats: "0".to_owned() }
    }

    /// Data channels.
    #[must_use]
    pub fn channels() -> Self {
        Self {
            kind: "application".to_owned(),
            protocol: "UDP/DTLS/SCTP".to_owned(),
            formats: "webrtc-datachannel".to_owned(),
        }
    }
}

impl OurTerms {
    /// The codecs of audio and of pictures, and whether there are data channels.
    #[must_use]
    pub fn codecs(&self) -> (Vec<AudioCodec>, Vec<VideoCodec>, bool) {
        match self {
            Self::On(Terms::Audio(payloads)) => {
                (payloads.codecs.iter().map(|(codec, _)| *codec).collect(), Vec::new(), false)
            }
            Self::On(Terms::Video(pictures)) => {
                (Vec::new(), pictures.codecs.iter().map(|picture| picture.codec).collect(), false)
            }
            Self::On(Terms::Channels { .. }) => (Vec::new(), Vec::new(), true),
            Self::Off(_) => (Vec::new(), Vec::new(), false),
        }
    }
}

impl OurSection {
    /// A section that is on, without a source and without header extensions; pauses are sent.
    #[must_use]
    pub fn new(mid: Option<String>, terms: Terms, direction: Direction) -> Self {
        Self {
            mid,
            terms: OurTerms::On(terms),
            direction,
            source: None,
            repair: None,
            number: 0,
            mid_extension: None,
            encodings: Encodings::default(),
            received: Encodings::default(),
            dtx: false,
        }
    }
}

impl Default for Off {
    fn default() -> Self {
        Self::media(MediaKind::Audio)
    }
}

impl Off {
    /// A section that was there before.
    #[must_use]
    pub fn of(section: &Section<'_>) -> Self {
        let word =
            |word: &str, or: &str| if word.is_empty() { or.to_owned() } else { word.to_owned() };
        let formats: Vec<&str> = section.formats().collect();
        Self {
            kind: word(section.kind(), "audio"),
            protocol: word(section.protocol(), PROFILE),
            formats: word(&formats.join(" "), "0"),
        }
    }
}
