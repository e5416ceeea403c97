//! The media that two ends agree on, from their session descriptions (RFC 3264, RFC 8829).
//!
//! Pure functions that every engine shares: [`Remote::read`] finds the sections that count and what
//! of them we can use, [`Remote::change`] says what a later description asks of the engine, [`answer`]
//! and [`offer`] write ours, and [`Descriptions`] keep what stands between two exchanges. The transport beneath (ICE, DTLS) brings a [`Transport`].

mod descriptions;
mod encodings;
mod extensions;
mod ours;
mod payloads;
mod pictures;
mod remote;
mod slots;
#[cfg(test)]
mod tests;
mod write;

use std::fmt;

pub use self::descriptions::{Descriptions, Offered, Step};
pub use self::encodings::{Encodings, MAX_ENCODINGS, Named, Way};
pub use self::extensions::{MID_EXTENSION, RidExtensions};
pub use self::ours::{Off, OurSection, OurTerms};
pub use self::payloads::{OpusWishes, Payloads};
pub use self::pictures::{Picture, Pictures};
pub use self::remote::{Abilities, Remote, RemoteSection, Renewal};
pub use self::slots::{Holds, Slot, Slots};
pub use self::write::{MAX_MESSAGE, answer, offer};
use crate::Secret;
use crate::media::{Codec, MediaKind};

/// The codecs or channels of a section that both ends have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Terms {
    /// Audio.
    Audio(Payloads),
    /// Pictures.
    Video(Pictures),
    /// Data channels (RFC 8841).
    Channels {
        /// The longest message that the far side takes, in bytes.
        longest: usize,
    },
}

impl Terms {
    /// The kind of media; none for data channels.
    #[must_use]
    pub const fn kind(&self) -> Option<MediaKind> {
        match self {
            Self::Audio(_) => Some(MediaKind::Audio),
            Self::Video(_) => Some(MediaKind::Video),
            Self::Channels { .. } => None,
        }
    }

    /// The codecs, the far side's first choice first.
    #[must_use]
    pub fn codecs(&self) -> Vec<Codec> {
        match self {
            Self::Audio(payloads) => {
                payloads.codecs.iter().map(|(codec, _)| Codec::Audio(*codec)).collect()
            }
            Self::Video(pictures) => {
                pictures.codecs.iter().map(|picture| Codec::Video(picture.codec)).collect()
            }
            Self::Channels { .. } => Vec::new(),
        }
    }
}

/// The fingerprint of a certificate (RFC 8122 section 5).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fingerprint {
    /// The hash function, in lower case, as `sha-256`.
    pub hash: String,
    /// The digest.
    pub digest: Vec<u8>,
}

impl Fingerprint {
    /// Reads `sha-256 AB:CD:…`, in either case. None where it is no fingerprint, or its length is
    /// not that of its hash function.
    #[must_use]
    pub fn read(value: &str) -> Option<Self> {
        let (hash, digest) = value.trim().split_once(' ')?;
        let hash = hash.to_ascii_lowercase();
        let byte = |pair: &str| {
            let digits = pair.len() == 2 && pair.bytes().all(|b| b.is_ascii_hexdigit());
            digits.then(|| u8::from_str_radix(pair, 16).ok()).flatten()
        };
        let digest: Vec<u8> = digest.trim().split(':').map(byte).collect::<Option<_>>()?;
        let length = match &*hash {
            "sha-1" => Some(20),
            "sha-224" => Some(28),
            "sha-256" => Some(32),
            "sha-384" => Some(48),
            "sha-512" => Some(64),
            _ => None,
        };
        length.is_none_or(|length| length == digest.len()).then_some(Self { hash, digest })
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.hash)?;
        for (index, byte) in self.digest.iter().enumerate() {
            let colon = if index == 0 { "" } else { ":" };
            write!(f, "{colon}{byte:02X}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// The end that begins the DTLS handshake (RFC 8842 section 4, RFC 4145).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Setup {
    /// The describer.
    Active,
    /// The other end.
    Passive,
    /// The other end chooses; what an offer that says nothing means.
    #[default]
    ActPass,
}

impl Setup {
    /// The value of `a=setup`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Passive => "passive",
            Self::ActPass => "actpass",
        }
    }

    /// From the value of `a=setup`. What is not known leaves the choice to the other end.
    #[must_use]
    pub fn from_name(name: &str) -> Self {
        match name.trim() {
            "active" => Self::Active,
            "passive" => Self::Passive,
            _ => Self::ActPass,
        }
    }
}

/// Our end of the transport, as a description tells it.
#[derive(Clone, Debug)]
pub struct Transport {
    /// The number of the session, of our own choice (`o=`).
    pub session: u64,
    /// The version of the description: one more for each (RFC 3264 section 8).
    pub version: u64,
    /// Our ICE user name fragment.
    pub ufrag: String,
    /// Our ICE password.
    pub pwd: Secret,
    /// Our certificate.
    pub fingerprint: Fingerprint,
    /// Our part in the DTLS handshake.
    pub setup: Setup,
    /// The name of our DTLS association (`a=tls-id`, RFC 8842 section 3), for far ends that name
    /// theirs.
    pub tls_id: String,
    /// Our candidates that are told with the description; values from `candidate:` on.
    pub candidates: Vec<String>,
}
