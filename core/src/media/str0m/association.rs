//! One association over str0m: ICE, DTLS and SRTP with one far end.
//!
//! str0m is given a canonical description of its own (one audio section by a name of ours, both
//! ways, one codec) and sees neither the far side's nor ours: those are [`negotiation`]'s. All
//! payload types are declared to it, so that none vanishes with its place in the sequence. Those of
//! pictures are declared as the first description has them, or as we offer them, where none of
//! their numbers means anything in audio: a far side that numbers them otherwise later on is sent
//! pictures, but no packet again; what it then says by such a number is not heard.
//!
//! Sections of further tracks, their sources and data channels are declared directly.
//!
//! [`negotiation`]: crate::media::negotiation

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use str0m::bwe::Bitrate;
use str0m::change::{SdpAnswer, SdpOffer, SdpPendingOffer};
use str0m::config::{CryptoProvider, DtlsCert};
use str0m::error::RtcError;
use str0m::format::{Codec, FormatParams};
use str0m::media::{Direction, Frequency, KeyframeRequestKind, MediaKind, Mid, Pt};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{Extension, RtpWrite, Ssrc};
use str0m::{Candidate, IceCreds, Input, Rtc, RtcConfig};

use super::encoding::section_name;
use super::handshake::{GONE, PATH};
use super::path::OurAddress;
use crate::Secret;
use crate::machine::{Rid, Seed};
use crate::media::negotiation::{
    Encodings, Fingerprint, MAX_MESSAGE, Payloads, Picture, Remote, RidExtensions, Setup, Transport,
};
use crate::media::rtp::Format;
use crate::media::{AudioCodec, LocalKind, MediaError, MediaState, VideoCodec};

/// The name of str0m's one section, where it is ours to choose.
pub(super) const MID: &str = "0";
/// Packets of pictures kept to be sent again, and for how long.
const REPAIRS: usize = 2000;
const REPAIR_AGE: Duration = Duration::from_secs(3);
/// Payload types that RTP may use beside RTCP on one port (RFC 5761 section 4).
const RTCP_RANGE: std::ops::RangeInclusive<u8> = 64..=95;
/// Our candidates in the life of one association: str0m ranks each below those before it.
const MAX_EVER: u16 = 1000;
/// From here on they are dynamic (RFC 3551 section 6).
const DYNAMIC: u8 = 96;

/// The parts that every association is made from.
#[derive(Clone)]
pub(super) struct Ingredients {
    pub(super) crypto: Arc<CryptoProvider>,
    pub(super) certificate: Option<DtlsCert>,
    /// True if str0m's randomness comes from the session's seed.
    pub(super) deterministic: bool,
    /// True if a far side's certificate may be RSA.
    pub(super) rsa: bool,
}

/// The transport's part in an offer of ours.
pub(super) struct OurPart {
    /// str0m's offer: none for a renegotiation.
    pub(super) pending: Option<SdpPendingOffer>,
    /// The credentials in it.
    pub(super) credentials: IceCreds,
}

/// See the [module](self).
pub(super) struct Association {
    pub(super) rtc: Rtc,
    pub(super) mid: Mid,
    /// Our part in the DTLS handshake, once it is settled.
    setup: Setup,
    /// The header extensions by which encodings say their names.
    extensions: RidExtensions,
    tls_id: String,
    /// Our candidates.
    local: BTreeMap<SocketAddr, String>,
    /// The number of candidates so far, with those that were withdrawn.
    candidates: u16,
    /// The source of ours that was announced, where others were used since.
    announced: Option<u32>,
    /// The source of ours that an offer tells before there is a stream of it.
    promised: Option<u32>,
    stage: Stage,
}

/// The stage of ICE and DTLS.
enum Stage {
    /// They begin with an answer: ours to this offer, if there is one, or the far side's. Channels are
    /// wanted as soon as they have, or are not.
    Waiting { offer: Option<SdpOffer>, channels: bool },
    /// They are under way.
    Begun,
}

impl Association {
    pub(super) fn new(
        now: Instant,
        ingredients: &Ingredients,
        payloads: &[&Payloads],
        pictures: &[Picture],
        extensions: RidExtensions,
        seed: Seed,
    ) -> Self {
        let mut names = seed.child("tls-id").rng();
        if ingredients.deterministic {
            fastrand::seed(seed.rng().next_u64());
        }
        let mut config = RtcConfig::new()
            .set_crypto_provider(ingredients.crypto.clone())
            .set_rtp_mode(true)
            .set_sctp_max_message_size(MAX_MESSAGE as u32)
            .set_stats_interval(Some(Duration::from_secs(1)))
            // A far side may have several certificates: we look ourselves.
            .set_fingerprint_verification(false)
            // None is negotiated but those of encodings, so an extension's number says nothing.
            .clear_extension_map()
            .clear_codecs();
        let named = [
            (extensions.mid, section_name()),
            (extensions.rid, Extension::RtpStreamId),
            (extensions.repaired, Extension::RepairedRtpStreamId),
        ];
        for (number, extension) in named {
            if let Some(number) = number {
                config = config.set_extension(number, extension);
            }
        }
        // Only the first section's: str0m fails at a codec that has two numbers.
        let codec = |pt| payloads.first().and_then(|payloads| payloads.codec(pt));
        let in_audio = |pt| payloads.iter().any(|terms| terms.format(pt) != Format::Unused);
        // A number that would mean two things is none of pictures.
        let mut taken: Vec<u8> = Vec::new();
        for Picture { codec: kind, number, repair, .. } in pictures {
            let numbers = || std::iter::once(*number).chain(*repair);
            if numbers().any(|n| n > 127 || RTCP_RANGE.contains(&n) || taken.contains(&n)) {
                continue;
            }
            if numbers().any(in_audio) {
                continue;
            }
            taken.extend(numbers());
            let (kind, clock) = (picture_codec(*kind), Frequency::NINETY_KHZ);
            let (format, repair) = (FormatParams::parse_line(""), repair.map(Pt::from));
            config.codec_config().add_config((*number).into(), repair, kind, clock, None, format);
        }
        for pt in (0..=127).filter(|pt| !RTCP_RANGE.contains(pt) && !taken.contains(pt)) {
            let (codec, clock, channels) = match codec(pt) {
                Some(codec) => str0m_codec(codec),
                None if pt < DYNAMIC => (Codec::Null, Frequency::EIGHT_KHZ, None),
                None => (Codec::Null, Frequency::FORTY_EIGHT_KHZ, None),
            };
            let format = FormatParams::parse_line("");
            config.codec_config().add_config(pt.into(), None, codec, clock, channels, format);
        }
        if let Some(certificate) = &ingredients.certificate {
            config = config.set_dtls_cert(certificate.clone());
        }
        Self {
            rtc: config.build(now),
            mid: Mid::from(MID),
            setup: Setup::ActPass,
            extensions,
            tls_id: format!("{:016x}{:016x}", names.next_u64(), names.next_u64()),
            local: BTreeMap::new(),
            candidates: 0,
            announced: None,
            promised: None,
            stage: Stage::Waiting { offer: None, channels: false },
        }
    }

    /// True once ICE and DTLS are under way.
    pub(super) fn has_begun(&self) -> bool {
        matches!(self.stage, Stage::Begun)
    }

    /// Leaves out the encodings of a description that packets cannot name here: those that it asks for by other header
    /// extensions than the one that this began with.
    pub(super) fn keep_encodings(&self, remote: &mut Remote) {
        for section in &mut remote.sections {
            if section.encodings.extensions != self.extensions {
                section.encodings = Encodings::default();
            }
        }
    }

    /// Our part in the DTLS handshake; [`Setup::ActPass`] until it is settled.
    pub(super) fn setup(&self) -> Setup {
        self.setup
    }

    /// Takes a far side's offer: its parts in the DTLS handshake, and new ICE credentials where they are
    /// under way. Nothing begins before the answer ([`Association::begin`]): a telephone may ring for
    /// longer than a handshake may take.
    pub(super) fn accept_offer(&mut self, remote: &Remote) -> Result<(), MediaError> {
        let text = self.canonical(remote);
        let offer = SdpOffer::from_sdp_string(&text).map_err(refused)?;
        if self.setup == Setup::ActPass {
            // Browsers answer `active`, and far sides rely on it; str0m would answer `passive`.
            let active = remote.setup != Setup::Active;
            self.setup = if active { Setup::Active } else { Setup::Passive };
        }
        match &mut self.stage {
            Stage::Waiting { offer: waiting, .. } => *waiting = Some(offer),
            Stage::Begun => self.take(offer)?,
        }
        Ok(())
    }

    /// Begins with the offer that waits; false where none does.
    pub(super) fn begin(&mut self) -> Result<bool, MediaError> {
        let Stage::Waiting { offer, channels } = &mut self.stage else { return Ok(false) };
        let (Some(offer), channels) = (offer.take(), *channels) else { return Ok(false) };
        self.take(offer)?;
        self.stage = Stage::Begun;
        if channels {
            self.start_channels();
        }
        Ok(true)
    }

    fn take(&mut self, offer: SdpOffer) -> Result<(), MediaError> {
        if self.setup == Setup::Active {
            self.rtc.direct_api().start_dtls(true).map_err(refused)?;
        }
        self.rtc.sdp_api().accept_offer(offer).map_err(refused)?;
        Ok(())
    }

    /// Begins an offer of ours.
    pub(super) fn offer(&mut self) -> Result<SdpPendingOffer, MediaError> {
        let mut sdp = self.rtc.sdp_api();
        self.mid = sdp.add_media(MediaKind::Audio, Direction::SendRecv, None, None, None);
        let (offer, pending) = sdp.apply().ok_or(MediaError::State(MediaState::New))?;
        self.promised = first_source(&offer.to_sdp_string());
        Ok(pending)
    }

    /// Begins an offer of ours with new ICE credentials, which are in force when it is answered.
    pub(super) fn restart(&mut self) -> Result<(IceCreds, SdpPendingOffer), MediaError> {
        let mut sdp = self.rtc.sdp_api();
        // Kept, as those added until the answer comes would be lost.
        let credentials = sdp.ice_restart(true);
        let (_, pending) = sdp.apply().ok_or(MediaError::State(MediaState::Connected))?;
        Ok((credentials, pending))
    }

    /// Takes the answer to either.
    pub(super) fn accept_answer(
        &mut self,
        pending: SdpPendingOffer,
        remote: &Remote,
    ) -> Result<(), MediaError> {
        if self.setup == Setup::ActPass {
            self.setup = match remote.setup {
                Setup::Passive => Setup::Active,
                Setup::Active | Setup::ActPass => Setup::Passive,
            };
        }
        let answer = SdpAnswer::from_sdp_string(&self.canonical(remote)).map_err(refused)?;
        self.rtc.sdp_api().accept_answer(pending, answer).map_err(refused)?;
        self.stage = Stage::Begun;
        Ok(())
    }

    /// Takes new ICE credentials of the far side in an answer to an offer that did not ask for any: ICE
    /// begins anew, and ours stay as they are told.
    pub(super) fn follow(&mut self, remote: &Remote) -> Result<(), MediaError> {
        let ours = self.credentials();
        let (_, pending) = self.restart()?;
        self.accept_answer(pending, remote)?;
        self.set_credentials(ours);
        Ok(())
    }

    /// The canonical description of the far side that str0m is given.
    fn canonical(&self, remote: &Remote) -> String {
        let Remote { ufrag, pwd, fingerprints, .. } = remote;
        let codec = remote.audio().and_then(|(_, payloads)| payloads.codecs.first().copied());
        let (codec, pt) = codec.unwrap_or((AudioCodec::Pcmu, 0));
        let channels = if codec == AudioCodec::Opus { "/2" } else { "" };
        let (name, clock) = (codec.name(), codec.clock_rate());
        let lite = if remote.lite { "a=ice-lite\r\n" } else { "" };
        let fingerprint = fingerprints.first().map(ToString::to_string).unwrap_or_default();
        let setup = match (remote.setup, self.setup) {
            (Setup::ActPass, Setup::Active) => Setup::Passive,
            (Setup::ActPass, Setup::Passive) => Setup::Active,
            (stated, _) => stated,
        };
        let (mid, pwd, setup) = (&self.mid, pwd.expose(), setup.name());
        format!(
            "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE {mid}\r\n{lite}\
             m=audio 9 UDP/TLS/RTP/SAVPF {pt}\r\nc=IN IP4 0.0.0.0\r\na=mid:{mid}\r\na=sendrecv\r\n\
             a=rtcp-mux\r\na=ice-ufrag:{ufrag}\r\na=ice-pwd:{pwd}\r\n\
             a=fingerprint:{fingerprint}\r\na=setup:{setup}\r\n\
             a=rtpmap:{pt} {name}/{clock}{channels}\r\n"
        )
    }

    /// Our end, for a description; offers leave the DTLS roles to the far side.
    pub(super) fn transport(&mut self, session: u64, version: u64, offers: bool) -> Transport {
        let IceCreds { ufrag, pass } = self.credentials();
        let api = self.rtc.direct_api();
        let local = api.local_dtls_fingerprint();
        let fingerprint =
            Fingerprint { hash: local.hash_func.clone(), digest: local.bytes.clone() };
        Transport {
            session,
            version,
            ufrag,
            pwd: Secret::new(pass),
            fingerprint,
            setup: if offers { Setup::ActPass } else { self.setup },
            tls_id: self.tls_id.clone(),
            candidates: self.local.values().cloned().collect(),
        }
    }

    /// One of our addresses as a candidate, which it becomes if it is none yet: adding one twice
    /// would take the first away, with all that was found out about it.
    pub(super) fn candidate(&mut self, ours: &OurAddress) -> Option<String> {
        if let Some(known) = self.local.get(&ours.local.address) {
            return Some(known.clone());
        }
        if self.candidates >= MAX_EVER {
            return None;
        }
        let candidate = ours.candidate()?;
        // A check may have found the address before a server told it (RFC 8445 section 7.2.5.3.1): then the engine
        // has it, and the far side gets it all the same.
        let line = match self.rtc.add_local_candidate(candidate.clone()) {
            Some(candidate) => candidate.to_sdp_string(),
            None => candidate.to_sdp_string(),
        };
        self.candidates += 1;
        // str0m ranks those of one kind by their order; what is told is by preference. The user
        // fragment changes with each restart.
        let mut words: Vec<&str> = line.split(" ufrag ").next()?.split(' ').collect();
        let priority = ours.priority().to_string();
        *words.get_mut(3)? = &priority;
        let line = words.join(" ");
        self.local.insert(ours.local.address, line.clone());
        Some(line)
    }

    /// Takes one of our addresses away, and every pair with it.
    pub(super) fn withdraw(&mut self, ours: &OurAddress) {
        if self.local.remove(&ours.local.address).is_some()
            && let Some(candidate) = ours.candidate()
        {
            self.rtc.direct_api().invalidate_candidate(&candidate);
        }
    }

    pub(super) fn credentials(&mut self) -> IceCreds {
        self.rtc.direct_api().local_ice_credentials()
    }

    pub(super) fn set_credentials(&mut self, credentials: IceCreds) {
        self.rtc.direct_api().set_local_ice_credentials(credentials);
    }

    /// There is a path, or there is none any more: DTLS goes on, or waits.
    pub(super) fn has_path(&mut self, now: Instant, is_there: bool) -> Result<(), RtcError> {
        let nowhere = SocketAddr::from(([0, 0, 0, 0], 0));
        let mark = if is_there { &PATH } else { &GONE };
        // It is to know the time at which it goes on.
        self.rtc.handle_input(Input::Timeout(now))?;
        let Ok(receive) = Receive::new(Protocol::Udp, nowhere, nowhere, mark) else {
            return Ok(());
        };
        self.rtc.handle_input(Input::Receive(now, receive))
    }

    /// The certificate that the far side presented, once it did.
    pub(super) fn presented(&mut self) -> Option<Fingerprint> {
        let api = self.rtc.direct_api();
        let presented = api.remote_dtls_fingerprint()?;
        Some(Fingerprint { hash: presented.hash_func.clone(), digest: presented.bytes.clone() })
    }

    /// The source of the first track of audio, as it was announced or will be.
    pub(super) fn source(&mut self) -> Option<u32> {
        let present = self.rtc.direct_api().stream_tx_by_mid(self.mid, None).map(|s| *s.ssrc());
        self.announced.or(present).or(self.promised)
    }

    /// Expects a source: which ones are heard is not str0m's to decide. With `turn`, the roll-over
    /// count of SRTP that its numbers begin with. False while str0m has no section for it.
    pub(super) fn expect(&mut self, mid: Mid, ssrc: u32, turn: Option<u64>) -> bool {
        if self.rtc.media(mid).is_none() {
            return false;
        }
        let mut api = self.rtc.direct_api();
        let stream = api.expect_stream_rx(ssrc.into(), None, mid, None);
        match turn {
            Some(turn) => stream.reset_roc(turn),
            None => stream.suppress_nack(true),
        }
        true
    }

    /// Expects a source of pictures, and the one that sends its packets again.
    pub(super) fn expect_pictures(&mut self, mid: Mid, ssrc: u32, repair: Option<u32>) -> bool {
        if self.rtc.media(mid).is_none() {
            return false;
        }
        let mut api = self.rtc.direct_api();
        let bound = api.expect_stream_rx(ssrc.into(), None, mid, None).rtx();
        if let Some(repair) = repair.map(Ssrc::from)
            && bound != Some(repair)
        {
            // str0m remembers for a while whose packets a source sends again.
            api.remove_stream_rx(repair);
            api.expect_stream_rx(ssrc.into(), Some(repair), mid, None);
        }
        true
    }

    /// Forgets a source.
    pub(super) fn forget(&mut self, ssrc: u32) {
        self.rtc.direct_api().remove_stream_rx(ssrc.into());
    }

    /// Makes a section for a track beside the first of audio, and a source of it.
    pub(super) fn declare(
        &mut self,
        mid: Mid,
        kind: MediaKind,
        rid: Option<Rid>,
        source: u32,
        repair: Option<u32>,
    ) {
        if !self.has_begun() {
            return;
        }
        let is_new = self.rtc.media(mid).is_none();
        let mut api = self.rtc.direct_api();
        if is_new {
            api.declare_media(mid, kind);
        }
        if api.stream_tx(&source.into()).is_some() {
            return;
        }
        let rid = rid.map(|rid| str0m::media::Rid::from(rid.as_str()));
        let stream = api.declare_stream_tx(source.into(), repair.map(Ssrc::from), mid, rid);
        if kind == MediaKind::Video {
            // The usual cap on packets that are sent again protects servers.
            stream.set_rtx_cache(REPAIRS, REPAIR_AGE, None);
        }
    }

    /// Takes a source of ours away.
    pub(super) fn retract(&mut self, source: u32) {
        self.rtc.direct_api().remove_stream_tx(source.into());
    }

    /// Takes such a section away.
    pub(super) fn undeclare(&mut self, mid: Mid) {
        self.rtc.direct_api().remove_media(mid);
    }

    /// Begins SCTP within DTLS, if it was not begun.
    pub(super) fn start_channels(&mut self) {
        if let Stage::Waiting { channels, .. } = &mut self.stage {
            *channels = true;
            return;
        }
        let begins = self.setup == Setup::Active;
        self.rtc.direct_api().start_sctp(begins);
    }

    /// Asks for a picture that needs no other.
    pub(super) fn ask_keyframe(&mut self, ssrc: u32) {
        if let Some(stream) = self.rtc.direct_api().stream_rx(&ssrc.into()) {
            stream.request_keyframe(KeyframeRequestKind::Pli);
        }
    }

    /// Asks for no more than so many bits a second.
    pub(super) fn ask_bitrate(&mut self, ssrc: u32, limit: u64) {
        if let Some(stream) = self.rtc.direct_api().stream_rx(&ssrc.into()) {
            stream.request_remb(Bitrate::bps(limit));
        }
    }

    /// Writes a packet of a section: of that source, or of its only one.
    pub(super) fn write(&mut self, mid: Mid, source: Option<u32>, packet: RtpWrite) {
        let mut api = self.rtc.direct_api();
        let stream = match source {
            Some(source) => api.stream_tx(&source.into()),
            None => api.stream_tx_by_mid(mid, None),
        };
        if let Some(stream) = stream {
            stream.write_rtp(packet);
        }
    }

    /// Sends a packet of another source than the one that it has, or of that one again.
    pub(super) fn write_raw(&mut self, ssrc: Option<u32>, packet: RtpWrite) {
        let mut api = self.rtc.direct_api();
        let present = api.stream_tx_by_mid(self.mid, None).map(|stream| *stream.ssrc());
        let announced = *self.announced.get_or_insert_with(|| present.unwrap_or_default());
        let ssrc = ssrc.unwrap_or(announced);
        if present != Some(ssrc) {
            api.reset_stream_tx(self.mid, None, ssrc.into(), None);
        }
        self.write(self.mid, None, packet);
    }
}

impl OurAddress {
    /// The address as str0m has it.
    fn candidate(&self) -> Option<Candidate> {
        let address = self.local.address;
        let candidate = match self.kind {
            LocalKind::Host => Candidate::host(address, "udp"),
            LocalKind::ServerReflexive { base } => {
                Candidate::server_reflexive(address, base, "udp")
            }
            LocalKind::Relayed { server } => Candidate::relayed(address, server, "udp"),
        };
        candidate.ok()
    }
}

const fn picture_codec(codec: VideoCodec) -> Codec {
    match codec {
        VideoCodec::Vp8 => Codec::Vp8,
        VideoCodec::H264 => Codec::H264,
    }
}

fn str0m_codec(codec: AudioCodec) -> (Codec, Frequency, Option<u8>) {
    match codec {
        AudioCodec::Opus => (Codec::Opus, Frequency::FORTY_EIGHT_KHZ, Some(2)),
        AudioCodec::Pcmu => (Codec::PCMU, Frequency::EIGHT_KHZ, None),
        AudioCodec::Pcma => (Codec::PCMA, Frequency::EIGHT_KHZ, None),
    }
}

/// The first source that a description of str0m's tells (RFC 5576 section 4.1).
fn first_source(sdp: &str) -> Option<u32> {
    let line = sdp.lines().find_map(|line| line.strip_prefix("a=ssrc:"))?;
    line.split(' ').next()?.parse().ok()
}

/// Only a value that the far side chose can be the reason: the rest is ours. What str0m says of it
/// tells addresses in memory, so it is not repeated.
fn refused(_: impl std::fmt::Display) -> MediaError {
    MediaError::Sdp(crate::sdp::SdpError::BadValue("the transport"))
}

/// A payload type as str0m has it.
pub(super) fn pt(number: u8) -> Pt {
    number.into()
}
