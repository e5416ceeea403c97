//! Session descriptions as str0m wants them, and what came of a negotiation.

use std::sync::Arc;
use std::time::{Duration, Instant};

use str0m::config::{CryptoProvider, DtlsCert};
use str0m::format::{Codec, FormatParams};
use str0m::media::{Frequency, Mid, Pt};
use str0m::{Rtc, RtcConfig};

use crate::media::{AudioCodec, EngineConfig, MediaError};

/// Payload types of telephone-event when we offer: one for each clock (RFC 4733 section 2.1.1).
const TELEPHONE_EVENTS: [(u8, u32); 2] = [(110, 48_000), (126, 8_000)];

/// A peer connection for one call.
pub(super) fn rtc(
    now: Instant,
    config: &EngineConfig,
    crypto: &Arc<CryptoProvider>,
    certificate: Option<DtlsCert>,
) -> Rtc {
    let has = |codec| config.codecs.contains(&codec);
    let mut rtc = RtcConfig::new()
        .set_crypto_provider(crypto.clone())
        .set_rtp_mode(true)
        .set_stats_interval(Some(Duration::from_secs(1)))
        .clear_codecs()
        .enable_opus(has(AudioCodec::Opus), false)
        .enable_pcmu(has(AudioCodec::Pcmu), false)
        .enable_pcma(has(AudioCodec::Pcma), false);
    for (pt, clock) in TELEPHONE_EVENTS {
        if let Some(clock) = Frequency::new(clock) {
            rtc.codec_config().add_config(
                pt.into(),
                None,
                Codec::Tele,
                clock,
                None,
                FormatParams::parse_line("0-15"),
            );
        }
    }
    if let Some(certificate) = certificate {
        rtc = rtc.set_dtls_cert(certificate);
    }
    rtc.build(now)
}

/// A description without its candidates, and the candidates. One that cannot be read (a name, a
/// kind of the future) must not cost the call.
pub(super) fn split_candidates(sdp: &str) -> (String, Vec<String>) {
    let mut rest = String::with_capacity(sdp.len());
    let mut candidates = Vec::new();
    for line in sdp.lines() {
        let line = line.trim_end();
        match line.strip_prefix("a=candidate:") {
            Some(value) => candidates.push(format!("candidate:{value}")),
            None if line.starts_with("a=end-of-candidates") || line.is_empty() => {}
            None => {
                rest.push_str(line);
                rest.push_str("\r\n");
            }
        }
    }
    (rest, candidates)
}

/// What str0m would accept and then not do.
pub(super) fn check_offer(sdp: &str) -> Result<(), MediaError> {
    let has = |line: &str| sdp.lines().any(|l| l.trim_end() == line);
    if !sdp.lines().any(|line| line.starts_with("m=audio ")) {
        return Err(MediaError::Sdp("no audio".to_owned()));
    }
    if !has("a=rtcp-mux") {
        return Err(MediaError::Sdp("no rtcp-mux".to_owned()));
    }
    Ok(())
}

/// The name of the audio section (`a=mid`).
pub(super) fn audio_mid(sdp: &str) -> Option<Mid> {
    let audio = sdp.split("m=").find(|section| section.starts_with("audio "))?;
    audio.lines().find_map(|line| line.strip_prefix("a=mid:")).map(|mid| Mid::from(mid.trim()))
}

/// Whether the far side leaves the DTLS role to us.
pub(super) fn is_actpass(sdp: &str) -> bool {
    !sdp.lines().any(|line| {
        let line = line.trim_end();
        line == "a=setup:active" || line == "a=setup:passive"
    })
}

/// The payload types that both sides have.
#[derive(Debug, Default)]
pub(super) struct Negotiated {
    /// In the far side's order of preference.
    pub(super) codecs: Vec<(AudioCodec, Pt)>,
    /// telephone-event by clock rate.
    pub(super) events: Vec<(u32, Pt)>,
}

impl Negotiated {
    /// Reads what came of a negotiation.
    pub(super) fn read(rtc: &Rtc, mid: Mid) -> Result<Self, MediaError> {
        let mut negotiated = Self::default();
        let media = rtc.media(mid).ok_or(MediaError::NoCommonCodec)?;
        for pt in media.remote_pts() {
            let Some(params) = rtc.codec_config().find(|params| params.pt() == *pt) else {
                continue;
            };
            match params.spec().codec {
                Codec::Opus => negotiated.codecs.push((AudioCodec::Opus, *pt)),
                Codec::PCMU => negotiated.codecs.push((AudioCodec::Pcmu, *pt)),
                Codec::PCMA => negotiated.codecs.push((AudioCodec::Pcma, *pt)),
                Codec::Tele => {
                    negotiated.events.push((params.spec().clock_rate.get(), *pt));
                }
                _ => {}
            }
        }
        if negotiated.codecs.is_empty() {
            return Err(MediaError::NoCommonCodec);
        }
        Ok(negotiated)
    }

    pub(super) fn payload_type(&self, codec: AudioCodec) -> Option<Pt> {
        self.codecs.iter().find(|(c, _)| *c == codec).map(|(_, pt)| *pt)
    }

    pub(super) fn codec(&self, pt: Pt) -> Option<AudioCodec> {
        self.codecs.iter().find(|(_, p)| *p == pt).map(|(codec, _)| *codec)
    }

    /// The clock rate of a telephone-event payload type.
    pub(super) fn event_clock(&self, pt: Pt) -> Option<u32> {
        self.events.iter().find(|(_, p)| *p == pt).map(|(clock, _)| *clock)
    }

    /// The telephone-event that goes with the codec we send: one with the same clock.
    pub(super) fn event_type(&self, codec: AudioCodec) -> Option<(u32, Pt)> {
        self.events.iter().find(|(clock, _)| *clock == codec.clock_rate()).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn candidates_leave_the_description() {
        let (rest, candidates) = split_candidates(
            "v=0\na=candidate:1 1 udp 1 x.local 9 typ host\r\na=end-of-candidates\r\na=mid:0\r\n",
        );
        assert_eq!(rest, "v=0\r\na=mid:0\r\n");
        assert_eq!(candidates, ["candidate:1 1 udp 1 x.local 9 typ host"]);
    }

    #[test]
    fn only_a_stated_role_is_the_far_sides_choice() {
        assert!(is_actpass("a=setup:actpass\r\n") && is_actpass(""));
        assert!(!is_actpass("a=setup:active\r\n") && !is_actpass("a=setup:passive"));
    }
}
