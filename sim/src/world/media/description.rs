//! The model engine's end of a description, and candidates (RFC 8839).

use std::net::SocketAddr;

use offhook::media::MediaError;
use offhook::media::negotiation::{Fingerprint, Setup, Transport};
use offhook::{Rng, Secret};

/// Our end.
#[derive(Clone, Debug)]
pub(super) struct Own {
    pub(super) ufrag: String,
    pwd: String,
    fingerprint: Fingerprint,
    session: u64,
    version: u64,
}

impl Own {
    pub(super) fn new(rng: &mut Rng) -> Self {
        let digest: Vec<u8> = (0..4).flat_map(|_| rng.next_u64().to_be_bytes()).collect();
        let fingerprint = Fingerprint { hash: "sha-256".to_owned(), digest };
        let (ufrag, pwd) = (String::new(), String::new());
        let session = rng.next_u64() >> 1;
        Self { ufrag, pwd, fingerprint, session, version: 0 }.renewed(rng)
    }

    /// The same with new ICE credentials.
    pub(super) fn renewed(&self, rng: &mut Rng) -> Self {
        Self {
            ufrag: format!("{:08x}", rng.next_u64() as u32),
            pwd: format!("{:016x}{:016x}", rng.next_u64(), rng.next_u64()),
            ..self.clone()
        }
    }

    /// The source that it sends as.
    pub(super) const fn source(&self) -> u32 {
        self.session as u32
    }

    /// For the next description.
    pub(super) fn transport(&mut self, setup: Setup) -> Transport {
        self.version += 1;
        Transport {
            session: self.session,
            version: self.version,
            ufrag: self.ufrag.clone(),
            pwd: Secret::new(&*self.pwd),
            fingerprint: self.fingerprint.clone(),
            setup,
            tls_id: format!("{:020x}", self.session),
            candidates: Vec::new(),
        }
    }
}

pub(super) fn candidate_line(address: SocketAddr, ufrag: &str) -> String {
    format!(
        "candidate:1 1 udp 2130706431 {} {} typ host generation 0 ufrag {ufrag}",
        address.ip(),
        address.port()
    )
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
