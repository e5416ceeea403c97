//! ICE candidates (RFC 8839 section 5.1), read as they come.
//!
//! One reader for every place where a far side names its addresses: a description, a trickled
//! fragment (RFC 8840), an element of Jingle (XEP-0176). What ICE does not need (foundation,
//! priority, related address) may be missing or odd; what it does need (an address and a port) may
//! not, and costs that candidate alone.

use std::fmt::{self, Write as _};
use std::net::{IpAddr, SocketAddr};

use super::is_word;

/// The longest candidate in bytes; a longer one is not looked at.
pub const MAX_CANDIDATE: usize = 512;

/// The candidates of one far side that one ICE generation takes, however they come.
pub const MAX_CANDIDATES: usize = 64;

/// The names of hosts that one ICE generation has looked up for the far side's candidates; those
/// beyond are skipped.
pub const MAX_NAMES: usize = 8;

/// The longest foundation (RFC 8839 section 5.1).
const MAX_FOUNDATION: usize = 32;

/// The longest address, as an IP address or as a name.
const MAX_ADDRESS: usize = 255;
/// The most of a line beside its texts: its words, its numbers and a `tcptype`.
const FRAME: usize = 100;

/// An ICE candidate. What else a candidate may carry (generation, network, ufrag) is not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The foundation: equal for candidates of the same kind and base.
    pub foundation: String,
    /// The component: 1 is RTP, 2 RTCP.
    pub component: u16,
    /// The transport protocol by which it is reached.
    pub protocol: Protocol,
    /// The priority: greater is better.
    pub priority: u32,
    /// The address: an IP address, or a name (mDNS or other).
    pub ip: String,
    /// The port.
    pub port: u16,
    /// Its type: host, server-reflexive, peer-reflexive or relayed.
    pub kind: CandidateKind,
    /// The related address, an IP address or not.
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

impl CandidateKind {
    /// The recommended type preference (RFC 8445 section 5.1.2.2).
    const fn preference(&self) -> u32 {
        match self {
            Self::Host => 126,
            Self::PeerReflexive => 110,
            Self::ServerReflexive => 100,
            Self::Relayed | Self::Other(_) => 0,
        }
    }
}

/// A text that is no candidate; says which part is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a candidate: {0}")]
pub struct CandidateError(pub &'static str);

/// A candidate's parts as they came: of an element's attributes, or of a line's words.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Parts<'t> {
    pub(crate) foundation: Option<&'t str>,
    pub(crate) component: Option<&'t str>,
    pub(crate) protocol: Option<&'t str>,
    pub(crate) priority: Option<&'t str>,
    pub(crate) ip: Option<&'t str>,
    pub(crate) port: Option<&'t str>,
    pub(crate) kind: Option<&'t str>,
    pub(crate) rel_addr: Option<&'t str>,
    pub(crate) rel_port: Option<&'t str>,
    pub(crate) tcptype: Option<&'t str>,
}

impl Parts<'_> {
    /// The candidate that they make.
    ///
    /// Only address and port are needed. A part that is missing or cannot be read is the usual one:
    /// component 1, UDP, `host`, and the priority and a foundation for those. A priority is clamped
    /// to 32 bits.
    pub(crate) fn candidate(self) -> Result<Candidate, CandidateError> {
        let texts = [self.foundation, self.protocol, self.ip, self.kind, self.rel_addr];
        if texts.into_iter().flatten().map(str::len).sum::<usize>() > MAX_CANDIDATE - FRAME {
            return Err(CandidateError("length"));
        }
        let ip = self.ip.map(|ip| ip.trim_matches(['[', ']'])).ok_or(CandidateError("address"))?;
        if !is_word(ip) || ip.len() > MAX_ADDRESS {
            return Err(CandidateError("address"));
        }
        let port = self.port.and_then(|port| port.parse().ok()).filter(|port| *port != 0);
        let port = port.ok_or(CandidateError("port"))?;
        let protocol = self.protocol.filter(|p| is_word(p)).map_or(Protocol::Udp, Protocol::from);
        let kind = self.kind.filter(|k| is_word(k)).map_or(CandidateKind::Host, Into::into);
        let component =
            self.component.and_then(|c| c.parse().ok()).filter(|c| (1..=256).contains(c));
        let component = component.unwrap_or(1);
        let usual = (kind.preference() << 24) | (0xffff << 8) | (256 - u32::from(component));
        let foundation = self.foundation.filter(|f| is_foundation(f));
        let candidate = Candidate {
            foundation: foundation
                .map_or_else(|| own_foundation(&kind, &protocol, ip), str::to_owned),
            component,
            protocol,
            priority: self.priority.and_then(clamped).unwrap_or(usual),
            ip: ip.to_owned(),
            port,
            kind,
            rel_addr: self
                .rel_addr
                .filter(|a| is_word(a) && a.len() <= MAX_ADDRESS)
                .map(str::to_owned),
            rel_port: self.rel_port.and_then(|port| port.parse().ok()),
            tcptype: self.tcptype.filter(|t| is_word(t) && t.len() <= 16).map(str::to_owned),
        };
        // With what it was given for want of its own it must still be read again.
        if candidate.texts() > MAX_CANDIDATE - FRAME {
            return Err(CandidateError("length"));
        }
        Ok(candidate)
    }

    /// The first part that was there and could not be read, although nothing needs it.
    pub(crate) fn odd(&self) -> Option<&'static str> {
        let number = |text: Option<&str>| text.is_some_and(|text| clamped(text).is_none());
        let component = |text: &str| !text.parse().is_ok_and(|c: u16| (1..=256).contains(&c));
        match self {
            _ if self.foundation.is_some_and(|f| !is_foundation(f)) => Some("foundation"),
            _ if self.component.is_some_and(component) => Some("component"),
            _ if number(self.priority) => Some("priority"),
            _ if self.rel_port.is_some_and(|port| port.parse::<u16>().is_err()) => Some("rel-port"),
            _ => None,
        }
    }
}

/// True for a foundation.
fn is_foundation(text: &str) -> bool {
    is_word(text) && text.len() <= MAX_FOUNDATION
}

/// A number of any length, at most the largest of 32 bits.
fn clamped(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u32::MAX))
}

/// A foundation for a candidate that came without: equal for those of one kind, address and
/// protocol (RFC 8445 section 5.1.1.3). The hash is FNV-1a.
fn own_foundation(kind: &CandidateKind, protocol: &Protocol, ip: &str) -> String {
    let hash = format!("{kind} {protocol} {ip}")
        .bytes()
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    hash.to_string()
}

impl Candidate {
    /// Reads `candidate:842163049 1 udp …`; a leading `a=` and the end of the line may be there.
    ///
    /// What nobody needs may be missing or odd, see the [module](self).
    ///
    /// # Errors
    ///
    /// No address, no port from 1 to 65535, or more than [`MAX_CANDIDATE`] bytes.
    pub fn from_line(line: &str) -> Result<Self, CandidateError> {
        let line = line.trim();
        if line.len() > MAX_CANDIDATE {
            return Err(CandidateError("length"));
        }
        let line = line.strip_prefix("a=").unwrap_or(line);
        let rest = line.strip_prefix("candidate:").ok_or(CandidateError("prefix"))?;
        let mut words: Vec<&str> = rest.split_ascii_whitespace().collect();
        // Without a foundation the protocol stands one word early.
        let early = words.get(1).is_some_and(|word| {
            word.eq_ignore_ascii_case("udp") || word.eq_ignore_ascii_case("tcp")
        });
        if early {
            words.insert(0, "");
        }
        let word = |at: usize| words.get(at).copied();
        let mut parts = Parts {
            foundation: word(0).filter(|word| !word.is_empty()),
            component: word(1),
            protocol: word(2),
            priority: word(3),
            ip: word(4),
            port: word(5),
            ..Parts::default()
        };
        // What follows comes in pairs, most of which are not needed here.
        for pair in words.get(6..).unwrap_or_default().chunks_exact(2) {
            match pair {
                ["typ", kind] => parts.kind = Some(kind),
                ["raddr", address] => parts.rel_addr = Some(address),
                ["rport", port] => parts.rel_port = Some(port),
                ["tcptype", kind] => parts.tcptype = Some(kind),
                _ => {}
            }
        }
        parts.candidate()
    }

    /// The bytes of its texts.
    fn texts(&self) -> usize {
        let protocol = match &self.protocol {
            Protocol::Udp | Protocol::Tcp => 3,
            Protocol::Other(name) => name.len(),
        };
        let kind = match &self.kind {
            CandidateKind::Other(name) => name.len(),
            CandidateKind::Host
            | CandidateKind::ServerReflexive
            | CandidateKind::PeerReflexive
            | CandidateKind::Relayed => 5,
        };
        let related = self.rel_addr.as_ref().map_or(0, String::len);
        self.foundation.len() + protocol + self.ip.len() + kind + related
    }

    /// The candidate as `candidate:…`, without `a=` and line end.
    #[must_use]
    pub fn to_line(&self) -> String {
        // Most fit; writing to a string cannot fail.
        let mut line = String::with_capacity(128);
        let _ = write!(line, "{self}");
        line
    }

    /// Address and port, unless the address is a name.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        Some(SocketAddr::new(self.ip.parse().ok()?, self.port))
    }

    /// The name that the address is, if it is one that hides an address of a local network
    /// ([`is_hidden_name`]), and the candidate is of use with the address: a host's over UDP.
    ///
    /// Other names (RFC 8839 section 5.1 has them) are none: whoever calls could have us look up
    /// whatever they like.
    #[must_use]
    pub fn hidden_name(&self) -> Option<&str> {
        let is_host = self.is_udp() && self.kind == CandidateKind::Host;
        (is_host && is_hidden_name(&self.ip)).then_some(&*self.ip)
    }

    /// The candidate with that address in place of a name.
    #[must_use]
    pub fn with_address(&self, address: IpAddr) -> Self {
        Self { ip: address.to_string(), ..self.clone() }
    }

    /// True for UDP.
    #[must_use]
    pub fn is_udp(&self) -> bool {
        self.protocol == Protocol::Udp
    }

    /// Address and port, if ICE over UDP can use it: not of one over TCP, of a type that nobody
    /// knows, or whose address is a name.
    #[must_use]
    pub fn usable_address(&self) -> Option<SocketAddr> {
        let known = !matches!(self.kind, CandidateKind::Other(_));
        let address = if self.is_udp() && known { self.address()? } else { return None };
        (!address.ip().is_unspecified()).then_some(address)
    }

    /// The candidate as the strictest reader wants it, if it has a
    /// [usable address](Self::usable_address).
    ///
    /// A related address that is none is left out, where the grammar lets it (`host`), or is that
    /// of nobody, as browsers write it to hide one (RFC 8828).
    #[must_use]
    pub fn usable(&self) -> Option<Self> {
        let address = self.usable_address()?;
        let mut usable = self.clone();
        if !usable.foundation.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/'))
        {
            usable.foundation = own_foundation(&self.kind, &self.protocol, &self.foundation);
        }
        usable.tcptype = None;
        let related = self.rel_addr.as_deref().and_then(|a| a.parse::<IpAddr>().ok());
        let (rel_addr, rel_port) = match (&self.kind, related) {
            (CandidateKind::Host, _) => (None, None),
            (_, Some(ip)) => (Some(ip.to_string()), Some(self.rel_port.unwrap_or(0))),
            (_, None) => {
                let nobody = if address.is_ipv4() { "0.0.0.0" } else { "::" };
                (Some(nobody.to_owned()), Some(0))
            }
        };
        (usable.rel_addr, usable.rel_port) = (rel_addr, rel_port);
        Some(usable)
    }
}

/// True for a name by which a browser hides an address of its local network: a UUID and `.local`
/// (draft-ietf-mmusic-mdns-ice-candidates section 3.1.1), which who is in that network finds by
/// multicast DNS (RFC 6762).
///
/// ```
/// use offhook::sdp::candidate::is_hidden_name;
///
/// assert!(is_hidden_name("1f4712db-ea17-4bcf-a596-105139dfd8bf.local"));
/// assert!(!is_hidden_name("printer.local"));
/// ```
#[must_use]
pub fn is_hidden_name(name: &str) -> bool {
    let Some((label, "local")) = name.split_once('.') else { return false };
    let mut parts = label.split('-');
    let is_part = |part: Option<&str>, length| {
        part.is_some_and(|part| {
            part.len() == length && part.bytes().all(|byte| byte.is_ascii_hexdigit())
        })
    };
    [8, 4, 4, 4, 12].into_iter().all(|length| is_part(parts.next(), length))
        && parts.next().is_none()
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

/// Candidates of one text: a line, several, or a fragment of a description (RFC 8840 section 9).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fragment {
    /// The candidates in order, each with its section's `a=mid`, or what else the section's `m=`
    /// line begins with. Without such a line it belongs to the first section.
    pub candidates: Vec<(Option<String>, Candidate)>,
    /// `a=end-of-candidates`: no more will come.
    pub end: bool,
    /// Lines of candidates that cannot be used, the number of them and what is wrong with the
    /// first.
    pub skipped: Option<(usize, CandidateError)>,
}

impl Fragment {
    fn skip(&mut self, error: CandidateError) {
        self.skipped = Some(match self.skipped {
            Some((count, first)) => (count + 1, first),
            None => (1, error),
        });
    }
}

impl Candidate {
    /// Reads all candidates of a text, and skips what is none. Lines end with CR, LF or both, or
    /// with a backslash (wire notes 6.14). At most [`MAX_CANDIDATES`] are read.
    #[must_use]
    pub fn read_all(text: &str) -> Fragment {
        let mut fragment = Fragment::default();
        let mut section = None;
        // Where the section's candidates begin: its name may stand after them.
        let mut begin = 0;
        let lines = text.split(['\r', '\n', '\\']).map(str::trim);
        for line in lines {
            let attribute = line.strip_prefix("a=").unwrap_or(line);
            if let Some(media) = line.strip_prefix("m=") {
                section = media.split_ascii_whitespace().next().filter(|m| is_name(m));
                begin = fragment.candidates.len();
            } else if let Some(mid) = line.strip_prefix("a=mid:") {
                section = Some(mid).filter(|mid| is_name(mid)).or(section);
                for (own, _) in &mut fragment.candidates[begin..] {
                    *own = section.map(str::to_owned);
                }
            } else if attribute == "end-of-candidates" {
                fragment.end = true;
            } else if attribute.starts_with("candidate:") {
                match Self::from_line(attribute) {
                    Ok(_) if fragment.candidates.len() >= MAX_CANDIDATES => {
                        fragment.skip(CandidateError("too many"));
                    }
                    Ok(candidate) => {
                        fragment.candidates.push((section.map(str::to_owned), candidate));
                    }
                    Err(error) => fragment.skip(error),
                }
            }
        }
        fragment
    }
}

fn is_name(text: &str) -> bool {
    is_word(text) && text.len() <= MAX_ADDRESS
}

/// The fate of one more candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// New, and there is room.
    New,
    /// Known already, and nothing new (RFC 8445 section 5.1.3).
    Known,
    /// Dropped, as there is no room. `first` is true the first time.
    Full {
        /// True for the first that is dropped.
        first: bool,
    },
}

/// The far side's candidates of one ICE generation: at most [`MAX_CANDIDATES`] of them, from the
/// offer, trickled, and come before it. Those beyond are dropped.
#[derive(Clone, Debug, Default)]
pub struct Generation {
    /// A handful, mostly: less than a tree of them would take.
    known: Vec<(SocketAddr, u16)>,
    full: bool,
}

impl Generation {
    /// Takes note of the candidates of a description.
    pub fn admit_all(&mut self, sdp: &str) {
        for (_, candidate) in Candidate::read_all(sdp).candidates {
            if let Some(address) = candidate.usable_address() {
                self.admit(address, candidate.component);
            }
        }
    }

    /// Takes note of a candidate that is [usable](Candidate::usable).
    pub fn admit(&mut self, address: SocketAddr, component: u16) -> Admission {
        if self.known.contains(&(address, component)) {
            return Admission::Known;
        }
        if self.known.len() >= MAX_CANDIDATES {
            return Admission::Full { first: !std::mem::replace(&mut self.full, true) };
        }
        self.known.push((address, component));
        Admission::New
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SRFLX: &str = "candidate:842163049 1 udp 1677729535 52.201.61.100 43275 typ srflx \
                         raddr 172.17.0.4 rport 43275";
    const HOST: &str = "candidate:1 1 udp 2130706431 203.0.113.1 5000 typ host";

    fn read(line: &str) -> Candidate {
        Candidate::from_line(line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }

    fn usable(line: &str) -> String {
        read(line).usable().unwrap_or_else(|| panic!("of no use: {line}")).to_line()
    }

    #[test]
    fn a_line_reads_and_writes() {
        let candidate = read(SRFLX);
        assert_eq!(candidate.to_line(), SRFLX);
        assert_eq!(candidate.address(), "52.201.61.100:43275".parse().ok());
        assert_eq!(usable(SRFLX), SRFLX);
        let noisy = format!("a={} generation 0 network-cost 50\r\n", SRFLX.replace("udp", "UDP"));
        assert_eq!(Candidate::from_line(&noisy), Ok(candidate));
    }

    #[test]
    fn what_is_over_tcp_or_has_a_name_is_read_and_of_no_use() {
        let line = "candidate:1 1 tcp 1 abc.local 9 typ host tcptype active";
        let candidate = read(line);
        assert_eq!(candidate.to_line(), line);
        assert!(!candidate.is_udp());
        assert_eq!(candidate.address(), None);
        for line in [
            line,
            "candidate:5 1 udp 2130706431 relay.example 3478 typ relay",
            "candidate:1 1 udp 1 192.0.2.1 9 typ quantum",
            "candidate:1 1 udp 1 0.0.0.0 9 typ host",
            "candidate:1 1 sctp 1 192.0.2.1 9 typ host",
            "candidate:1 1 udp 1 fe80::1%eth0 9 typ host",
        ] {
            assert_eq!(read(line).usable(), None, "{line}");
        }
    }

    #[test]
    fn rfc_8839_5_1_a_name_that_hides_an_address_is_told_from_names_that_could_be_anybodys() {
        const UUID: &str = "1f4712db-ea17-4bcf-a596-105139dfd8bf";
        let of = |line: &str| read(line).hidden_name().map(str::to_owned);
        let line = format!("candidate:1 1 udp 2113937151 {UUID}.local 54400 typ host");
        assert_eq!(of(&line), Some(format!("{UUID}.local")));
        assert_eq!(read(&line).usable(), None, "not without its address");
        let found = read(&line).with_address([192, 168, 1, 7].into()).usable().unwrap();
        assert_eq!(found.to_line(), line.replace(&format!("{UUID}.local"), "192.168.1.7"));
        for (word, other) in [("udp", "tcp"), ("typ host", "typ srflx"), ("typ host", "typ x")] {
            assert_eq!(of(&line.replace(word, other)), None, "{other}");
        }
        for name in [
            "localhost",
            "printer.local",
            "local",
            ".local",
            UUID,
            &format!("{UUID}.local.example"),
            &format!("{UUID}.example"),
            &format!("{UUID}.local."),
            &format!("www.{UUID}.local"),
            &format!("{UUID}-1.local"),
            &format!("{}.local", UUID.replace('-', "")),
            &format!("{}.local", UUID.replace("1f", "g0")),
        ] {
            assert_eq!(of(&line.replace(&format!("{UUID}.local"), name)), None, "{name}");
        }
    }

    #[test]
    fn a_related_address_is_of_no_importance() {
        for related in [
            "raddr 0a1b2c3d-4e5f.local rport 5000 generation 0",
            "raddr gw.example rport 5000",
            "raddr 999.1.1.1 rport x",
            "raddr",
            "rport 99999",
            "",
        ] {
            let line =
                format!("candidate:1 1 udp 1677729535 198.51.100.4 5000 typ srflx {related}");
            assert!(usable(&line).ends_with("typ srflx raddr 0.0.0.0 rport 0"), "{line}");
        }
        let port = "candidate:1 1 udp 1 198.51.100.4 5000 typ srflx raddr 10.0.0.1 rport 99999";
        assert!(usable(port).ends_with("raddr 10.0.0.1 rport 0"));
        let v6 = "candidate:1 1 udp 1 2001:db8::1 5000 typ relay raddr x";
        assert!(usable(v6).ends_with("raddr :: rport 0"));
        let host = "candidate:1 1 udp 1 198.51.100.4 5000 typ host raddr x.local rport 1";
        assert!(usable(host).ends_with("typ host"));
    }

    #[test]
    fn reported_candidates_are_used_or_skipped_without_a_complaint() {
        let reported = include_str!("../../tests/reported/candidates.txt");
        let fragment = Candidate::read_all(reported);
        assert_eq!((fragment.candidates.len(), fragment.skipped), (5, None));
        let usable = fragment.candidates.iter().filter_map(|(_, c)| c.usable());
        let ports: Vec<_> = usable.map(|usable| (usable.port, usable.priority)).collect();
        let usual = 1_677_729_535;
        assert_eq!(ports, [(5000, usual), (5001, usual), (5002, usual), (5003, u32::MAX)]);
    }

    #[test]
    fn what_nobody_needs_may_be_odd_or_missing() {
        assert_eq!(read(&HOST.replace("2130706431", "21149780477")).priority, u32::MAX);
        // The usual priority of a host candidate (RFC 8445 section 5.1.2.1).
        assert_eq!(read(&HOST.replace("2130706431", "-1")).priority, 2_130_706_431);
        assert_eq!(read(&HOST.replace(" 1 udp", " x udp")).component, 1);
        assert_eq!(read(&HOST.replace(" typ host", "")).kind, CandidateKind::Host);
        assert_eq!(read(&HOST.replace(" host", "")).kind, CandidateKind::Host);
        assert_eq!(read(&HOST.replace("203.0.113.1", "[2001:db8::1]")).ip, "2001:db8::1");
        let own = read(&HOST.replace("candidate:1 1", "candidate:1"));
        assert_eq!(own.address(), read(HOST).address());
        assert!(is_foundation(&own.foundation));
        let same = read(&HOST.replace("candidate:1 1", "candidate: 1").replace("5000", "5001"));
        assert_eq!(own.foundation, same.foundation, "of one base");
        let long = read(&HOST.replace("candidate:1", &format!("candidate:{}", "f".repeat(33))));
        assert_eq!(own.foundation, long.foundation);
        let odd = usable(&HOST.replace("candidate:1", "candidate:a-b"));
        let digits = odd.strip_prefix("candidate:").and_then(|o| o.split(' ').next()).unwrap();
        assert!(digits.bytes().all(|b| b.is_ascii_digit()), "{odd}");
    }

    #[test]
    fn what_cannot_be_used_says_which_part() {
        let error = |line: &str| Candidate::from_line(line).expect_err("no candidate").0;
        assert_eq!(error("end-of-candidates"), "prefix");
        assert_eq!(error("candidate:1 1 udp"), "address");
        assert_eq!(error("candidate:1 1 udp 1 ::1"), "port");
        assert_eq!(error("candidate:1 1 udp 1 ::1 99999 typ host"), "port");
        assert_eq!(error("candidate:1 1 udp 1 ::1 0 typ host"), "port");
        assert_eq!(error(&format!("{HOST} x {}", "y".repeat(MAX_CANDIDATE))), "length");
    }

    #[test]
    fn a_fragment_of_rfc_8840_is_read() {
        let text = "a=ice-ufrag:abcd1234\r\na=ice-pwd:0123456789abcdef01234567\r\n\
                    m=audio 9 UDP/TLS/RTP/SAVPF 0\r\n{1}\r\na=mid:one\r\n{2}\r\n\
                    m=video 9 UDP/TLS/RTP/SAVPF 0\r\n{3}\r\na=end-of-candidates\r\n";
        let line = |port: &str| format!("a={}", HOST.replace("5000", port));
        let text =
            text.replace("{1}", &line("1")).replace("{2}", &line("2")).replace("{3}", &line("3"));
        let fragment = Candidate::read_all(&text);
        let read: Vec<_> =
            fragment.candidates.iter().map(|(mid, c)| (mid.as_deref(), c.port)).collect();
        assert_eq!(read, [(Some("one"), 1), (Some("one"), 2), (Some("video"), 3)]);
        assert!(fragment.end);
        assert_eq!(fragment.skipped, None);
    }

    #[test]
    fn several_lines_are_all_read_and_the_odd_ones_counted() {
        let text =
            format!("{HOST}\n{}\\a={}", HOST.replace("5000", "70000"), HOST.replace("5000", "7"));
        let fragment = Candidate::read_all(&text);
        let ports: Vec<_> =
            fragment.candidates.iter().map(|(mid, c)| (mid.clone(), c.port)).collect();
        assert_eq!(ports, [(None, 5000), (None, 7)]);
        assert_eq!(fragment.skipped, Some((1, CandidateError("port"))));
        assert_eq!(Candidate::read_all("m=0 9 RTP/AVP 0\r\na=\r\n"), Fragment::default());
    }

    #[test]
    fn a_text_yields_a_bounded_number() {
        let lines: String = (1..=100)
            .map(|port| format!("{}\n", HOST.replace("5000", &port.to_string())))
            .collect();
        let fragment = Candidate::read_all(&lines);
        assert_eq!(fragment.candidates.len(), MAX_CANDIDATES);
        assert_eq!(fragment.skipped, Some((100 - MAX_CANDIDATES, CandidateError("too many"))));
    }

    #[test]
    fn a_generation_is_bounded_and_says_so_once() {
        let mut generation = Generation::default();
        let address = |port: u16| SocketAddr::from(([192, 0, 2, 1], port));
        for port in 1..=64 {
            assert_eq!(generation.admit(address(port), 1), Admission::New);
        }
        assert_eq!(generation.admit(address(1), 1), Admission::Known);
        assert_eq!(generation.admit(address(65), 1), Admission::Full { first: true });
        assert_eq!(generation.admit(address(66), 1), Admission::Full { first: false });
        assert_eq!(generation.admit(address(64), 1), Admission::Known);
    }

    proptest! {
        #[test]
        fn what_reads_writes_the_same(line in "candidate:[ -~]{0,80}|\\PC{0,40}") {
            if let Ok(candidate) = Candidate::from_line(&line) {
                let again = Candidate::from_line(&candidate.to_line());
                prop_assert_eq!(again.as_ref(), Ok(&candidate));
                if let Some(usable) = candidate.usable() {
                    prop_assert_eq!(usable.usable(), Some(usable));
                }
            }
        }

        #[test]
        fn one_odd_word_that_nobody_needs_costs_no_candidate(
            at in prop::sample::select(vec![0_usize, 1, 3, 9, 11]),
            word in "[!-~]{1,20}",
        ) {
            let mut words: Vec<&str> = SRFLX.split(' ').collect();
            let odd = if at == 0 { format!("candidate:{word}") } else { word };
            words[at] = &odd;
            let line = words.join(" ");
            let candidate = Candidate::from_line(&line);
            prop_assert!(candidate.is_ok_and(|c| c.usable().is_some_and(|c| c.port == 43275)), "{}", line);
        }
    }
}
