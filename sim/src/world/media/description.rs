//! The model engine's session descriptions: real SDP (RFC 8866, RFC 8839), little of it read.

use std::fmt::Write as _;
use std::net::SocketAddr;

use offhook::Rng;
use offhook::media::{AudioCodec, MediaError};

/// What two engines need to know of each other.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Description {
    pub(super) ufrag: String,
    pwd: String,
    fingerprint: String,
    pub(super) codecs: Vec<AudioCodec>,
    pub(super) candidates: Vec<SocketAddr>,
    version: u64,
}

impl Description {
    pub(super) fn new(rng: &mut Rng, codecs: &[AudioCodec]) -> Self {
        let mut fingerprint = String::new();
        for _ in 0..4 {
            for byte in rng.next_u64().to_be_bytes() {
                // Writing to a string cannot fail.
                let _ = write!(fingerprint, "{byte:02X}:");
            }
        }
        fingerprint.pop();
        let empty = Self {
            ufrag: String::new(),
            pwd: String::new(),
            fingerprint,
            codecs: codecs.to_vec(),
            candidates: Vec::new(),
            version: 1,
        };
        empty.renewed(rng)
    }

    /// The same with new ICE credentials.
    pub(super) fn renewed(&self, rng: &mut Rng) -> Self {
        Self {
            ufrag: format!("{:08x}", rng.next_u64() as u32),
            pwd: format!("{:016x}{:016x}", rng.next_u64(), rng.next_u64()),
            version: self.version + 1,
            ..self.clone()
        }
    }

    pub(super) fn to_sdp(&self, setup: &str) -> String {
        let types = self.codecs.iter().map(|codec| payload_type(*codec));
        let types: String = types.map(|number| format!(" {number}")).collect();
        let mut sdp = format!(
            "v=0\r\no=- 1 {} IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n\
             m=audio 9 UDP/TLS/RTP/SAVPF{types} 101\r\nc=IN IP4 0.0.0.0\r\n\
             a=rtcp:9 IN IP4 0.0.0.0\r\na=ice-ufrag:{}\r\na=ice-pwd:{}\r\n\
             a=fingerprint:sha-256 {}\r\na=setup:{setup}\r\na=mid:0\r\na=sendrecv\r\n\
             a=rtcp-mux\r\n",
            self.version, self.ufrag, self.pwd, self.fingerprint,
        );
        for codec in &self.codecs {
            let channels = if *codec == AudioCodec::Opus { "/2" } else { "" };
            let number = payload_type(*codec);
            // Writing to a string cannot fail.
            let _ = write!(
                sdp,
                "a=rtpmap:{number} {}/{}{channels}\r\n",
                codec.name(),
                codec.clock_rate()
            );
        }
        sdp.push_str("a=rtpmap:101 telephone-event/8000\r\n");
        sdp
    }

    pub(super) fn read(sdp: &str) -> Result<Self, MediaError> {
        let value = |key: &str| sdp.lines().find_map(|line| line.strip_prefix(key));
        let wanted = |key: &str| {
            value(key)
                .map(|text| text.trim().to_owned())
                .ok_or_else(|| MediaError::Sdp(format!("no {key}")))
        };
        let mut codecs = Vec::new();
        for line in sdp.lines().filter_map(|line| line.strip_prefix("a=rtpmap:")) {
            let name = line.split_once(' ').map_or("", |(_, name)| name);
            let name = name.split('/').next().unwrap_or_default();
            let known = [AudioCodec::Opus, AudioCodec::Pcmu, AudioCodec::Pcma];
            codecs.extend(known.iter().find(|codec| codec.name().eq_ignore_ascii_case(name)));
        }
        if codecs.is_empty() {
            return Err(MediaError::NoCommonCodec);
        }
        let candidates = sdp
            .lines()
            .filter_map(|line| line.strip_prefix("a="))
            .filter(|line| line.starts_with("candidate:"))
            .filter_map(|line| candidate_address(line).ok().flatten())
            .collect();
        Ok(Self {
            ufrag: wanted("a=ice-ufrag:")?,
            pwd: wanted("a=ice-pwd:")?,
            fingerprint: wanted("a=fingerprint:sha-256 ")?,
            codecs,
            candidates,
            version: 1,
        })
    }
}

fn payload_type(codec: AudioCodec) -> u8 {
    match codec {
        AudioCodec::Pcmu => 0,
        AudioCodec::Pcma => 8,
        _ => 111,
    }
}

pub(super) fn candidate_line(address: SocketAddr, ufrag: &str) -> String {
    format!(
        "candidate:1 1 udp 2130706431 {} {} typ host generation 0 ufrag {ufrag}",
        address.ip(),
        address.port()
    )
}

/// Where a candidate is (RFC 8839 section 5.1). None for one that is not UDP.
pub(super) fn candidate_address(line: &str) -> Result<Option<SocketAddr>, MediaError> {
    let unreadable = || MediaError::Candidate(line.to_owned());
    let fields: Vec<_> =
        line.strip_prefix("candidate:").ok_or_else(unreadable)?.split_whitespace().collect();
    let [_, _, transport, _, ip, port, ..] = fields.as_slice() else { return Err(unreadable()) };
    if !transport.eq_ignore_ascii_case("udp") {
        return Ok(None);
    }
    let port = port.parse().map_err(|_| unreadable())?;
    Ok(ip.parse().ok().map(|ip| SocketAddr::new(ip, port)))
}
