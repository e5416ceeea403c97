//! ICE candidates, as XML (XEP-0176) and as a line of SDP (RFC 8839 section 5.1).

use std::fmt;
use std::net::SocketAddr;

use crate::xmpp::{Element, ElementRef};

/// An ICE candidate. What else a candidate may carry (generation, network, ufrag) is not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Equal for candidates of the same kind and base.
    pub foundation: String,
    /// 1 is RTP, 2 RTCP.
    pub component: u16,
    /// How it is reached.
    pub protocol: Protocol,
    /// Greater is better.
    pub priority: u32,
    /// An IP address, or an mDNS name.
    pub ip: String,
    /// Port.
    pub port: u16,
    /// Where it comes from.
    pub kind: CandidateKind,
    /// The related address.
    pub rel_addr: Option<String>,
    /// The related port.
    pub rel_port: Option<u16>,
    /// `active`, `passive` or `so` (RFC 6544).
    pub tcptype: Option<String>,
}

/// A transport protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// `udp`
    Udp,
    /// `tcp` (RFC 6544)
    Tcp,
    /// Another one, in lower case.
    Other(String),
}

/// The type of a candidate (RFC 8445 section 5.1.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CandidateKind {
    /// `host`: an address of an interface.
    Host,
    /// `srflx`: as a STUN server sees a host candidate.
    ServerReflexive,
    /// `prflx`: as the peer sees a host candidate.
    PeerReflexive,
    /// `relay`: on a TURN server.
    Relayed,
    /// Another one.
    Other(String),
}

impl From<&str> for Protocol {
    fn from(name: &str) -> Self {
        match name {
            _ if name.eq_ignore_ascii_case("udp") => Self::Udp,
            _ if name.eq_ignore_ascii_case("tcp") => Self::Tcp,
            _ => Self::Other(name.to_ascii_lowercase()),
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Other(name) => name,
        })
    }
}

impl From<&str> for CandidateKind {
    fn from(name: &str) -> Self {
        match name {
            "host" => Self::Host,
            "srflx" => Self::ServerReflexive,
            "prflx" => Self::PeerReflexive,
            "relay" => Self::Relayed,
            other => Self::Other(other.to_owned()),
        }
    }
}

impl fmt::Display for CandidateKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Host => "host",
            Self::ServerReflexive => "srflx",
            Self::PeerReflexive => "prflx",
            Self::Relayed => "relay",
            Self::Other(name) => name,
        })
    }
}

/// A text that is no candidate; says which part is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a candidate: {0}")]
pub struct CandidateError(pub &'static str);

impl Candidate {
    /// Reads `candidate:842163049 1 udp …`; a leading `a=` and the end of the line may be there.
    ///
    /// # Errors
    ///
    /// A part is missing or no number.
    pub fn from_line(line: &str) -> Result<Self, CandidateError> {
        let line = line.trim();
        let line = line.strip_prefix("a=").unwrap_or(line);
        let rest = line.strip_prefix("candidate:").ok_or(CandidateError("prefix"))?;
        let mut words = rest.split_ascii_whitespace();
        let mut next = |what| words.next().ok_or(CandidateError(what));
        let foundation = next("foundation")?.to_owned();
        let component = next("component")?.parse().map_err(|_| CandidateError("component"))?;
        let protocol = next("protocol")?.into();
        let priority = next("priority")?.parse().map_err(|_| CandidateError("priority"))?;
        let ip = next("address")?.to_owned();
        let port = next("port")?.parse().map_err(|_| CandidateError("port"))?;
        if next("typ")? != "typ" {
            return Err(CandidateError("typ"));
        }
        let kind = next("type")?.into();
        let mut candidate = Self {
            foundation,
            component,
            protocol,
            priority,
            ip,
            port,
            kind,
            rel_addr: None,
            rel_port: None,
            tcptype: None,
        };
        // What follows comes in pairs, most of which are of no use here.
        while let (Some(name), Some(value)) = (words.next(), words.next()) {
            match name {
                "raddr" => candidate.rel_addr = Some(value.to_owned()),
                "rport" => {
                    let port = value.parse().map_err(|_| CandidateError("rport"))?;
                    candidate.rel_port = Some(port);
                }
                "tcptype" => candidate.tcptype = Some(value.to_owned()),
                _ => {}
            }
        }
        Ok(candidate)
    }

    /// The candidate as `candidate:…`, without `a=` and line end.
    #[must_use]
    pub fn to_line(&self) -> String {
        self.to_string()
    }

    /// Address and port, unless the address is a name.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        Some(SocketAddr::new(self.ip.parse().ok()?, self.port))
    }

    /// True for UDP.
    #[must_use]
    pub fn is_udp(&self) -> bool {
        self.protocol == Protocol::Udp
    }

    pub(super) fn read(e: ElementRef<'_>) -> Result<Self, String> {
        Ok(Self {
            foundation: e.require("foundation")?.to_owned(),
            component: e.require_number("component")?,
            protocol: e.require("protocol")?.into(),
            priority: e.require_number("priority")?,
            ip: e.require("ip")?.to_owned(),
            port: e.require_number("port")?,
            kind: e.require("type")?.into(),
            rel_addr: e.owned("rel-addr"),
            rel_port: e.number("rel-port")?,
            tcptype: e.owned("tcptype"),
        })
    }

    pub(super) fn write<'x>(&'x self, namespace: &'x str) -> Element<'x> {
        Element::new("candidate", namespace)
            .attr("component", self.component)
            .attr("foundation", &self.foundation)
            .attr("ip", &self.ip)
            .attr("port", self.port)
            .attr("priority", self.priority)
            .attr("protocol", &self.protocol)
            .maybe("rel-addr", self.rel_addr.as_ref())
            .maybe("rel-port", self.rel_port)
            .maybe("tcptype", self.tcptype.as_ref())
            .attr("type", &self.kind)
    }
}

impl fmt::Display for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { foundation, component, protocol, priority, ip, port, kind, .. } = self;
        write!(
            f,
            "candidate:{foundation} {component} {protocol} {priority} {ip} {port} typ {kind}"
        )?;
        if let Some(address) = &self.rel_addr {
            write!(f, " raddr {address}")?;
        }
        if let Some(port) = self.rel_port {
            write!(f, " rport {port}")?;
        }
        match &self.tcptype {
            Some(kind) => write!(f, " tcptype {kind}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SRFLX: &str = "candidate:842163049 1 udp 1677729535 52.201.61.100 43275 typ srflx \
                         raddr 172.17.0.4 rport 43275";

    #[test]
    fn a_line_reads_and_writes() {
        let candidate = Candidate::from_line(SRFLX).expect("a candidate");
        assert_eq!(candidate.to_line(), SRFLX);
        assert_eq!(candidate.address(), "52.201.61.100:43275".parse().ok());
        let noisy = format!("a={} generation 0 network-cost 50\r\n", SRFLX.replace("udp", "UDP"));
        assert_eq!(Candidate::from_line(&noisy), Ok(candidate));
    }

    #[test]
    fn a_tcp_candidate_keeps_its_type_and_a_name_has_no_address() {
        let line = "candidate:1 1 tcp 1 abc.local 9 typ host tcptype active";
        let candidate = Candidate::from_line(line).expect("a candidate");
        assert_eq!(candidate.to_line(), line);
        assert!(!candidate.is_udp());
        assert_eq!(candidate.address(), None);
    }

    #[test]
    fn a_bad_line_says_which_part() {
        let error = |line| Candidate::from_line(line).expect_err("no candidate").0;
        assert_eq!(error("end-of-candidates"), "prefix");
        assert_eq!(error("candidate:1 1 udp"), "priority");
        assert_eq!(error("candidate:1 1 udp 1 ::1 99999 typ host"), "port");
        assert_eq!(error("candidate:1 1 udp 1 ::1 9 host"), "typ");
        assert_eq!(error("candidate:1 1 udp 1 ::1 9 typ host rport x"), "rport");
    }

    proptest! {
        #[test]
        fn what_reads_writes_the_same(line in "candidate:[ -~]{0,80}|\\PC{0,40}") {
            if let Ok(candidate) = Candidate::from_line(&line) {
                prop_assert_eq!(Candidate::from_line(&candidate.to_line()), Ok(candidate));
            }
        }
    }
}
