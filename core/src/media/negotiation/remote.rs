//! The far side's description.

use super::{Fingerprint, Payloads, Setup};
use crate::Secret;
use crate::media::{AudioCodec, MediaError};
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
/// Hash functions by which a certificate can be checked here.
const HASHES: [&str; 2] = ["sha-256", "sha-1"];
/// Sources and fingerprints taken from one section.
const MAX_LISTED: usize = 16;

/// The audio section of a far side's description: the first that is on and can be used.
///
/// What the session says for all (RFC 8866 section 6), or the section whose transport a bundled one
/// shares (RFC 8843 section 7.1.3), holds for it too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteAudio {
    /// Which of the sections it is.
    pub section: usize,
    /// Its name, if it has one.
    pub mid: Option<String>,
    /// The direction, as the far side sees it.
    pub direction: Direction,
    /// The payload types that both ends have.
    pub payloads: Payloads,
    /// The far side's ICE user name fragment.
    pub ufrag: String,
    /// Its ICE password.
    pub pwd: Secret,
    /// Whether it is an ICE-lite agent (RFC 8445 section 2.5).
    pub lite: bool,
    /// Its certificates; it presents one of them. All by one hash function.
    pub fingerprints: Vec<Fingerprint>,
    /// Its part in the DTLS handshake.
    pub setup: Setup,
    /// The name of its DTLS association (`a=tls-id`), where it gives it one.
    pub tls_id: Option<String>,
    /// The sources that it announces; those that are heard may be others.
    pub sources: Vec<u32>,
    /// Its candidates: values from `candidate:` on, unread.
    pub candidates: Vec<String>,
}

/// What a new description asks of a session that is up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renewal {
    /// Nothing of the transport: direction and payload types at most.
    Nothing,
    /// New ICE credentials (RFC 8445 section 9).
    IceRestart,
    /// Another certificate, part in the handshake or `a=tls-id`, so another DTLS association
    /// (RFC 8842 section 4).
    Association,
}

impl RemoteAudio {
    /// Reads an offer, as far as it is about audio in one of our codecs.
    ///
    /// # Errors
    ///
    /// [`MediaError::NoCommonCodec`], or [`MediaError::Sdp`] with the line that is the trouble: of
    /// several audio sections, the first one's.
    pub fn read(description: &Description<'_>, codecs: &[AudioCodec]) -> Result<Self, MediaError> {
        let mut trouble = None;
        for (index, section) in description.sections.iter().enumerate() {
            if section.kind() != "audio" || section.is_off() {
                continue;
            }
            match Self::of_section(description, index, section, codecs) {
                Ok(audio) => return Ok(audio),
                Err(error) => trouble = trouble.or(Some(error)),
            }
        }
        Err(trouble.unwrap_or_else(|| SdpError::NoAudio.into()))
    }

    /// Reads the answer to an offer of ours that had one section.
    ///
    /// # Errors
    ///
    /// As [`RemoteAudio::read`]; [`MediaError::NoCommonCodec`] where the section was turned down.
    pub fn read_answer(
        description: &Description<'_>,
        offered: &Payloads,
    ) -> Result<Self, MediaError> {
        let codecs: Vec<_> = offered.codecs.iter().map(|(codec, _)| *codec).collect();
        let section = description.sections.first().ok_or(SdpError::NoAudio)?;
        if section.is_off() {
            return Err(MediaError::NoCommonCodec);
        }
        let mut answer = Self::of_section(description, 0, section, &codecs)?;
        if transport_value(description, section, "setup").is_none() {
            // What an answer that says nothing means (RFC 4145 section 4).
            answer.setup = Setup::Passive;
        }
        Ok(answer)
    }

    fn of_section(
        description: &Description<'_>,
        index: usize,
        section: &Section<'_>,
        codecs: &[AudioCodec],
    ) -> Result<Self, MediaError> {
        let missing = |what| MediaError::from(SdpError::missing(section, what));
        if !PROFILES.iter().any(|profile| section.protocol().eq_ignore_ascii_case(profile)) {
            return Err(SdpError::line(&section.media, "a protocol other than RTP").into());
        }
        let shared = transport_of(description, section);
        let value = |name: &str| transport_value(description, section, name);
        let word = |name| value(name).filter(|value| !value.is_empty() && !value.contains(' '));
        let payloads = Payloads::read(section, codecs)?;
        if value("rtcp-mux").is_none() {
            return Err(missing("a=rtcp-mux"));
        }
        let candidates = section.attributes("candidate").map(|(_, value)| value);
        let of_shared = || shared.into_iter().flat_map(|shared| shared.attributes("candidate"));
        let candidates = candidates.chain(of_shared().map(|(_, value)| value));
        let sources = section
            .attributes("ssrc")
            .filter_map(|(_, value)| value.split_ascii_whitespace().next()?.parse().ok());
        let mut unique: Vec<u32> = Vec::new();
        for source in sources {
            if unique.len() < MAX_LISTED && !unique.contains(&source) {
                unique.push(source);
            }
        }
        Ok(Self {
            section: index,
            mid: section.mid().map(str::to_owned),
            direction: section.direction_in(description),
            payloads,
            ufrag: word("ice-ufrag").ok_or_else(|| missing("a=ice-ufrag"))?.to_owned(),
            pwd: Secret::new(word("ice-pwd").ok_or_else(|| missing("a=ice-pwd"))?),
            lite: description.value("ice-lite").is_some(),
            fingerprints: fingerprints(description, section, shared)?,
            setup: value("setup").map(Setup::from_name).unwrap_or_default(),
            tls_id: word("tls-id").map(str::to_owned),
            sources: unique,
            candidates: candidates.map(|value| format!("candidate:{value}")).collect(),
        })
    }

    /// What this description asks of a session that agreed on another one before. `verified` is the
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

/// What is said of a section's transport: by itself, by the one that it shares, or for all.
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
