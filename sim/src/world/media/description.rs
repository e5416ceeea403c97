//! The model engine's end of a description, and candidates (RFC 8839).

use std::net::SocketAddr;

use offhook::media::negotiation::{Fingerprint, Setup, Transport};
use offhook::media::{LocalKind, MediaError, MediaKind, Track};
use offhook::{Rng, Secret};

/// Our end.
#[derive(Clone, Debug)]
pub(super) struct Own {
    pub(super) ufrag: String,
    pwd: String,
    fingerprint: Fingerprint,
    pub(super) session: u64,
}

impl Own {
    pub(super) fn new(rng: &mut Rng) -> Self {
        let digest: Vec<u8> = (0..4).flat_map(|_| rng.next_u64().to_be_bytes()).collect();
        let fingerprint = Fingerprint { hash: "sha-256".to_owned(), digest };
        let (ufrag, pwd) = (String::new(), String::new());
        let session = rng.next_u64() >> 1;
        Self { ufrag, pwd, fingerprint, session }.renewed(rng)
    }

    /// The same with new ICE credentials.
    pub(super) fn renewed(&self, rng: &mut Rng) -> Self {
        Self {
            ufrag: format!("{:08x}", rng.next_u64() as u32),
            pwd: format!("{:016x}{:016x}", rng.next_u64(), rng.next_u64()),
            ..self.clone()
        }
    }

    /// The source that it sends a track as.
    pub(super) fn source(&self, track: Track) -> u32 {
        let kind = match track.kind {
            MediaKind::Audio => 0,
            MediaKind::Video => 1 << 8,
        };
        (self.session as u32).wrapping_add(kind + u32::from(track.number))
    }

    /// For a description of that version, with the candidates of those addresses.
    pub(super) fn transport(
        &self,
        version: u64,
        setup: Setup,
        local: &[(SocketAddr, LocalKind)],
    ) -> Transport {
        let candidates =
            local.iter().map(|(address, kind)| candidate_line(*address, *kind, &self.ufrag));
        Transport {
            session: self.session,
            version,
            ufrag: self.ufrag.clone(),
            pwd: Secret::new(&*self.pwd),
            fingerprint: self.fingerprint.clone(),
            setup,
            tls_id: format!("{:020x}", self.session),
            candidates: candidates.collect(),
        }
    }
}

pub(super) fn candidate_line(address: SocketAddr, kind: LocalKind, ufrag: &str) -> String {
    // RFC 8445 sections 5.1.2.1 and 5.1.2.2.
    let (priority, kind) = match kind {
        LocalKind::ServerReflexive { .. } => (1_694_498_815, "srflx raddr 0.0.0.0 rport 0"),
        LocalKind::Relayed { .. } => (16_777_215, "relay raddr 0.0.0.0 rport 0"),
        _ => (2_130_706_431, "host"),
    };
    let (ip, port) = (address.ip(), address.port());
    format!("candidate:1 1 udp {priority} {ip} {port} typ {kind} generation 0 ufrag {ufrag}")
}

/// The address of a candidate (RFC 8839 section 5.1). None for one that is not UDP.
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
