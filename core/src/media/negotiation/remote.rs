//! The far side's description.

use super::extensions::{MID_EXTENSION, extension};
use super::ours::OurSection;
use super::{Encodings, Fingerprint, Payloads, Pictures, Setup, Terms, Way};
use crate::Secret;
use crate::media::{AudioCodec, EngineConfig, MAX_TRACKS, MediaError, MediaKind, VideoCodec};
use crate::sdp::{Description, Direction, SdpError, Section};

/// Transport protocols that mean DTLS-SRTP where there is a fingerprint (RFC 8829 section 5.1.2).
const PROFILES: [&str; 8] = [
    "UDP/TLS/RTP/SAVPF",
    "UDP/TLS/RTP/SAVP",
    "TCP/DTLS/RTP/SAVPF",
    "TCP/DTLS/RTP/SAVP",
    "RTP/SAVPF",
    "RTP/SAVP",
    "RTP/AVPF",
    "RTP/AVP",
];
/// Those of data channels (RFC 8841 section 4.1).
const CHANNEL_PROFILES: [&str; 2] = ["UDP/DTLS/SCTP", "TCP/DTLS/SCTP"];
/// Hash functions by which a certificate can be checked here.
const HASHES: [&str; 2] = ["sha-256", "sha-1"];
/// Sources and fingerprints taken from one section.
const MAX_LISTED: usize = 16;
/// The longest message where nothing is said (RFC 8841 section 6).
const USUAL_MESSAGE: usize = 64 * 1024;

/// The media that an engine can take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Abilities<'a> {
    /// Audio codecs, best first.
    pub audio: &'a [AudioCodec],
    /// Video codecs, best first.
    pub video: &'a [VideoCodec],
    /// True if data channels can be taken.
    pub channels: bool,
}

impl<'a> Abilities<'a> {
    /// One stream of audio in these codecs: a telephone.
    #[must_use]
    pub const fn telephone(audio: &'a [AudioCodec]) -> Self {
        Self { audio, video: &[], channels: false }
    }

    /// Those of a configuration.
    #[must_use]
    pub fn of(config: &'a EngineConfig) -> Self {
        Self { audio: &config.codecs, video: &config.video, channels: config.channels }
    }

    /// True if there is one stream of audio, and nothing else.
    #[must_use]
    pub const fn is_telephone(&self) -> bool {
        self.video.is_empty() && !self.channels
    }
}

/// The far side's description, as far as it can be used: its end of the transport, and the sections.
///
/// What the session says for all (RFC 8866 section 6), or the section whose transport a bundled one
/// shares (RFC 8843 section 7.1.3), holds for each section too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    /// The sections of use, in order; never empty. All share one transport.
    pub sections: Vec<RemoteSection>,
    /// The place in [`Remote::sections`] of the one with the transport: the first of audio, or the first.
    pub anchor: usize,
    /// The far side's ICE user name fragment.
    pub ufrag: String,
    /// Its ICE password.
    pub pwd: Secret,
    /// True if it is an ICE-lite agent (RFC 8445 section 2.5).
    pub lite: bool,
    /// Its certificates; it presents one of them. All by one hash function.
    pub fingerprints: Vec<Fingerprint>,
    /// Its part in the DTLS handshake.
    pub setup: Setup,
    /// The name of its DTLS association (`a=tls-id`), where it gives it one.
    pub tls_id: Option<String>,
    /// Its candidates: values from `candidate:` on, unread.
    pub candidates: Vec<String>,
}

/// A section of use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteSection {
    /// Its place among the sections of the description.
    pub index: usize,
    /// Its name, if it has one.
    pub mid: Option<String>,
    /// The direction, as the far side sees it.
    pub direction: Direction,
    /// The codecs or channels that both ends have.
    pub terms: Terms,
    /// The sources that it announces; those that are heard may be others.
    pub sources: Vec<u32>,
    /// Sources whose packets are sent again, and by which source.
    pub repairs: Vec<(u32, u32)>,
    /// The number of the header extension that names the section.
    pub mid_extension: Option<u8>,
    /// The encodings of one track that it takes at once.
    pub encodings: Encodings,
    /// Those that it may send at once, where it offered to.
    pub sent: Encodings,
}

impl RemoteSection {
    /// Its kind of media; none for data channels.
    #[must_use]
    pub const fn kind(&self) -> Option<MediaKind> {
        self.terms.kind()
    }
}

/// The change that a new description asks of a session that is up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renewal {
    /// Nothing of the transport: sections, directions and payload types at most.
    Nothing,
    /// New ICE credentials (RFC 8445 section 9).
    IceRestart,
    /// Another certificate, part in the handshake or `a=tls-id`, so another DTLS association
    /// (RFC 8842 section 4).
    Association,
}

impl Remote {
    /// Reads an offer, as far as it is about what we can do. A telephone takes the first section of
    /// audio that it can use, and no other.
    ///
    /// # Errors
    ///
    /// [`MediaError::NoCommonCodec`], or [`MediaError::Sdp`] with the line that is the trouble: of
    /// several sections, the first one's.
    pub fn read(
        description: &Description<'_>,
        abilities: &Abilities<'_>,
    ) -> Result<Self, MediaError> {
        let sections = description.sections.iter().enumerate().map(|section| (section, *abilities));
        Self::collect(description, sections, abilities.is_telephone(), SdpError::NoAudio.into())
    }

    /// Reads the answer to an offer of ours with these sections, of which some were off.
    ///
    /// # Errors
    ///
    /// As [`Remote::read`]; [`MediaError::NoCommonCodec`] where each section was turned down.
    pub fn read_answer(
        description: &Description<'_>,
        offered: &[OurSection],
    ) -> Result<Self, MediaError> {
        if description.sections.is_empty() {
            return Err(SdpError::NoAudio.into());
        }
        let codecs: Vec<_> = offered.iter().map(|ours| ours.terms.codecs()).collect();
        let sections = description.sections.iter().enumerate().zip(&codecs).map(|(section, of)| {
            let (audio, video, channels) = of;
            (section, Abilities { audio, video, channels: *channels })
        });
        let mut answer = Self::collect(description, sections, false, MediaError::NoCommonCodec)?;
        for section in &mut answer.sections {
            let ours = offered.get(section.index).map(|ours| &ours.encodings);
            let encodings = std::mem::take(&mut section.encodings);
            section.encodings = ours.map(|ours| encodings.among(ours)).unwrap_or_default();
            // Offers of ours take one.
            section.sent = Encodings::default();
        }
        let anchor = answer.sections.get(answer.anchor).map(|anchor| anchor.index);
        let anchor = anchor.and_then(|index| description.sections.get(index));
        if anchor.is_some_and(|anchor| transport_value(description, anchor, "setup").is_none()) {
            // What an answer that says nothing means (RFC 4145 section 4).
            answer.setup = Setup::Passive;
        }
        Ok(answer)
    }

    /// Reads those sections that can be used; only one where the first one is enough.
    fn collect<'s, 'a: 's>(
        description: &'s Description<'a>,
        sections: impl Iterator<Item = ((usize, &'s Section<'a>), Abilities<'s>)>,
        one: bool,
        otherwise: MediaError,
    ) -> Result<Self, MediaError> {
        let mut trouble = None;
        let mut found: Vec<(RemoteSection, Self)> = Vec::new();
        for ((index, section), abilities) in sections {
            if section.is_off() || (one && !found.is_empty()) {
                continue;
            }
            let tracks = found.iter().filter(|(section, _)| section.kind().is_some()).count();
            let read = match section.kind() {
                "audio" | "video" if tracks >= MAX_TRACKS => continue,
                "audio" if !abilities.audio.is_empty() => {
                    let terms = || Payloads::read(section, abilities.audio).map(Terms::Audio);
                    Self::of_section(description, index, section, &PROFILES, terms)
                }
                "video" if !abilities.video.is_empty() => {
                    let terms = || Pictures::read(section, abilities.video).map(Terms::Video);
                    Self::of_section(description, index, section, &PROFILES, terms)
                }
                "application" if abilities.channels => {
                    let terms = || channel_terms(section);
                    Self::of_section(description, index, section, &CHANNEL_PROFILES, terms)
                }
                _ => continue,
            };
            match read {
                Ok(read) => found.push(read),
                Err(error) => trouble = trouble.or(Some(error)),
            }
        }
        let is_audio =
            |(section, _): &(RemoteSection, Self)| section.kind() == Some(MediaKind::Audio);
        let anchor = found.iter().position(is_audio).unwrap_or(0);
        let Some((first, remote)) = found.get(anchor).cloned() else {
            return Err(trouble.unwrap_or(otherwise));
        };
        let mut remote = remote;
        remote.take_sections(description, found.into_iter().map(|(section, _)| section), &first);
        Ok(remote)
    }

    /// The sections that share the transport of one of them.
    fn take_sections(
        &mut self,
        description: &Description<'_>,
        sections: impl Iterator<Item = RemoteSection>,
        anchor: &RemoteSection,
    ) {
        let bundled = |section: &RemoteSection| match (&section.mid, &anchor.mid) {
            (Some(mid), Some(other)) => description
                .groups("BUNDLE")
                .any(|group| group.contains(&mid.as_str()) && group.contains(&other.as_str())),
            _ => false,
        };
        let kept = |section: &RemoteSection| section.index == anchor.index || bundled(section);
        let mut sections: Vec<_> = sections.filter(kept).collect();
        // One number means one thing on one transport (RFC 8843 section 9.1).
        let mut numbers = Vec::new();
        for section in &sections {
            if let Terms::Audio(payloads) = &section.terms {
                numbers.extend(payloads.numbers());
            }
        }
        let mut channels = 0;
        sections.retain_mut(|section| match &mut section.terms {
            Terms::Audio(_) => true,
            Terms::Video(pictures) => {
                pictures.without(&numbers);
                !pictures.codecs.is_empty()
            }
            Terms::Channels { .. } => {
                channels += 1;
                channels == 1
            }
        });
        self.anchor = sections.iter().position(|s| s.index == anchor.index).unwrap_or(0);
        self.sections = sections;
    }

    fn of_section(
        description: &Description<'_>,
        index: usize,
        section: &Section<'_>,
        profiles: &[&str],
        terms: impl FnOnce() -> Result<Terms, MediaError>,
    ) -> Result<(RemoteSection, Self), MediaError> {
        let missing = |what| MediaError::from(SdpError::missing(section, what));
        if !profiles.iter().any(|profile| section.protocol().eq_ignore_ascii_case(profile)) {
            return Err(SdpError::line(&section.media, "a protocol other than RTP").into());
        }
        let shared = transport_of(description, section);
        let value = |name: &str| transport_value(description, section, name);
        let word = |name| value(name).filter(|value| !value.is_empty() && !value.contains(' '));
        let terms = terms()?;
        if terms.kind().is_some() && value("rtcp-mux").is_none() {
            return Err(missing("a=rtcp-mux"));
        }
        let bundled = bundled(description, section, value("ice-ufrag"));
        let candidates = std::iter::once(section).chain(bundled);
        let candidates = candidates.flat_map(|section| section.attributes("candidate"));
        let candidates = candidates.map(|(_, value)| value);
        let repairs = repairs(section);
        let sources = section
            .attributes("ssrc")
            .filter_map(|(_, value)| value.split_ascii_whitespace().next()?.parse().ok());
        let mut unique: Vec<u32> = Vec::new();
        for source in sources {
            let repairs = repairs.iter().any(|(_, repair)| *repair == source);
            if unique.len() < MAX_LISTED && !unique.contains(&source) && !repairs {
                unique.push(source);
            }
        }
        let remote = Self {
            sections: Vec::new(),
            anchor: 0,
            ufrag: word("ice-ufrag").ok_or_else(|| missing("a=ice-ufrag"))?.to_owned(),
            pwd: Secret::new(word("ice-pwd").ok_or_else(|| missing("a=ice-pwd"))?),
            lite: description.value("ice-lite").is_some(),
            fingerprints: fingerprints(description, section, shared)?,
            setup: value("setup").map(Setup::from_name).unwrap_or_default(),
            tls_id: word("tls-id").map(str::to_owned),
            candidates: candidates.map(|value| format!("candidate:{value}")).collect(),
        };
        let encodings = |way| match &terms {
            Terms::Video(pictures) => Encodings::read(section, pictures, way),
            Terms::Audio(_) | Terms::Channels { .. } => Encodings::default(),
        };
        let (encodings, sent) = (encodings(Way::Recv), encodings(Way::Send));
        let section = RemoteSection {
            index,
            mid: section.mid().map(str::to_owned),
            direction: section.direction_in(description),
            terms,
            sources: unique,
            repairs,
            mid_extension: extension(section, MID_EXTENSION),
            encodings,
            sent,
        };
        Ok((section, remote))
    }

    /// The first section of audio.
    #[must_use]
    pub fn audio(&self) -> Option<(&RemoteSection, &Payloads)> {
        self.sections.iter().find_map(|section| match &section.terms {
            Terms::Audio(payloads) => Some((section, payloads)),
            Terms::Video(_) | Terms::Channels { .. } => None,
        })
    }

    /// The name of the section that stands for the transport.
    #[must_use]
    pub fn mid(&self) -> Option<&str> {
        self.sections.get(self.anchor)?.mid.as_deref()
    }

    /// Compares it with the description that was agreed on before. `verified` is the
    /// certificate that the far side presented, once it did, `ours` our part in the handshake, once
    /// it is settled.
    #[must_use]
    pub fn change(&self, agreed: &Self, verified: Option<&Fingerprint>, ours: Setup) -> Renewal {
        let same_certificate = match verified {
            Some(verified) => self.fingerprints.contains(verified),
            None => agreed.fingerprints.iter().any(|old| self.fingerprints.contains(old)),
        };
        let same_parts = ours == Setup::ActPass || ours != self.setup;
        // Many far ends behind one gateway have its certificate.
        let same_id = match (&agreed.tls_id, &self.tls_id) {
            (Some(before), Some(now)) => before == now,
            (None, _) | (_, None) => true,
        };
        if !(same_certificate && same_parts && same_id) {
            Renewal::Association
        } else if (&self.ufrag, &self.pwd) != (&agreed.ufrag, &agreed.pwd) {
            Renewal::IceRestart
        } else {
            Renewal::Nothing
        }
    }
}

/// The terms of a section of data channels (RFC 8841 sections 5 and 6).
fn channel_terms(section: &Section<'_>) -> Result<Terms, MediaError> {
    if !section.formats().any(|format| format == "webrtc-datachannel") {
        return Err(MediaError::NoCommonCodec);
    }
    let longest = section.value("max-message-size").and_then(|size| size.trim().parse().ok());
    let longest = match longest.unwrap_or(USUAL_MESSAGE) {
        0 => usize::MAX,
        longest => longest,
    };
    Ok(Terms::Channels { longest })
}

/// Sources whose packets are sent again (`FID`, RFC 5576 section 4.2), and by which source.
fn repairs(section: &Section<'_>) -> Vec<(u32, u32)> {
    let groups = section.attributes("ssrc-group").filter_map(|(_, value)| {
        let mut numbers = value.strip_prefix("FID ")?.split_ascii_whitespace().map(str::parse);
        Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
    });
    groups.take(MAX_LISTED).collect()
}

/// An attribute of a section's transport: its own, that of the one that it shares, or that for all.
fn transport_value<'s>(
    description: &'s Description<'_>,
    section: &'s Section<'_>,
    name: &str,
) -> Option<&'s str> {
    let shared = || transport_of(description, section)?.value(name);
    section.value(name).or_else(shared).or_else(|| description.value(name))
}

/// The section whose transport a section without one of its own shares: the first of its BUNDLE
/// group that is on.
fn transport_of<'s, 'a>(
    description: &'s Description<'a>,
    section: &Section<'_>,
) -> Option<&'s Section<'a>> {
    if section.has("ice-ufrag") {
        return None;
    }
    let mid = section.mid()?;
    let group = description.groups("BUNDLE").find(|group| group.contains(&mid))?;
    let named = |name: &&str| {
        description.sections.iter().find(|other| {
            other.mid() == Some(*name) && other.has("ice-ufrag") && other.port() != Some(0)
        })
    };
    group.iter().find_map(named)
}

/// The other sections with the transport of one, where it is bundled: any of them may tell its
/// candidates, as a rule the first (RFC 8843 section 7.1.3).
fn bundled<'s, 'a>(
    description: &'s Description<'a>,
    section: &'s Section<'_>,
    ufrag: Option<&'s str>,
) -> impl Iterator<Item = &'s Section<'a>> {
    let group = section.mid().and_then(|mid| {
        let group = description.groups("BUNDLE").find(|group| group.contains(&mid))?;
        Some((mid, group))
    });
    description.sections.iter().filter(move |other| {
        let Some((mid, group)) = &group else { return false };
        let named = other.mid().is_some_and(|name| name != *mid && group.contains(&name));
        let own = other.value("ice-ufrag").or_else(|| description.value("ice-ufrag"));
        named && other.port() != Some(0) && own == ufrag
    })
}

/// The certificates, by the best hash function that is known here.
fn fingerprints(
    description: &Description<'_>,
    section: &Section<'_>,
    shared: Option<&Section<'_>>,
) -> Result<Vec<Fingerprint>, MediaError> {
    let session = Section { media: section.media.clone(), lines: description.session.clone() };
    let levels = [Some(section), shared, Some(&session)];
    let Some(level) = levels.into_iter().flatten().find(|level| level.has("fingerprint")) else {
        return Err(SdpError::missing(section, "a=fingerprint").into());
    };
    let read = || level.attributes("fingerprint").filter_map(|(_, value)| Fingerprint::read(value));
    for hash in HASHES {
        let mut found: Vec<_> = read().filter(|f| f.hash == hash).take(MAX_LISTED).collect();
        found.dedup();
        if !found.is_empty() {
            return Ok(found);
        }
    }
    let what = match read().next() {
        Some(_) => "a fingerprint by a hash function that is not known",
        None => "a fingerprint that cannot be read",
    };
    match level.attributes("fingerprint").next() {
        Some((line, _)) => Err(SdpError::line(line, what).into()),
        None => Err(SdpError::missing(section, "a=fingerprint").into()),
    }
}
