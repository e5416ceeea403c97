//! The findings of a probe: plain data, to be shown or serialized.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::machine::NetError;
use crate::media::ice::{Answer, Failure, Said};
use crate::millis;

/// The findings about servers and about the way of media to them. Serialized, times are milliseconds
/// (`took_ms` and the like).
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PathReport {
    /// The servers, in the order in which they were named, one for each address.
    pub servers: Vec<ServerReport>,
    /// The addresses by which servers see a socket of ours.
    pub mappings: Vec<Mapping>,
    /// The kind of the NAT in between.
    pub nat: Nat,
    /// The time that all took.
    #[serde(rename = "took_ms", serialize_with = "millis::serialize")]
    pub took: Duration,
}

/// The findings about one address of a server.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ServerReport {
    /// The address (RFC 7064, RFC 7065).
    pub url: String,
    /// The way by which it is asked.
    pub transport: Transport,
    /// The addresses of its host; none before they are known.
    pub addresses: Vec<IpAddr>,
    /// The answers, one for each address of ours that got any.
    pub attempts: Vec<Attempt>,
    /// The reason why it is of no use; none where it did what it is for.
    pub problem: Option<Problem>,
    /// The figures of packets that went by it, from one address that it lends to another.
    pub loopback: Option<Loopback>,
    /// The reason why there are no such figures, where it lends.
    pub loopback_problem: Option<Problem>,
}

impl ServerReport {
    pub(super) fn new(url: &str, transport: Transport) -> Self {
        Self {
            url: url.to_owned(),
            transport,
            addresses: Vec::new(),
            attempts: Vec::new(),
            problem: None,
            loopback: None,
            loopback_problem: None,
        }
    }

    /// The quickest attempt that got an address.
    #[must_use]
    pub fn best(&self) -> Option<&Attempt> {
        let good = self.attempts.iter().filter(|attempt| attempt.address.is_some());
        good.min_by_key(|attempt| attempt.after)
    }

    /// Takes note of an answer. A later one, to the same question, takes the place of the one before.
    pub(super) fn note(&mut self, answer: Answer) {
        let Answer { local, server, after, said } = answer;
        let (address, problem) = match said {
            Said::Seen(Some(address)) | Said::Lent(address) => (Some(address), None),
            Said::Seen(None) => (None, Some(Problem::Unseen)),
            Said::No(failure) => (None, Some(failure.into())),
            Said::Broken(error) => (None, Some(Problem::Stream(error))),
        };
        self.attempts.retain(|one| (one.local, one.server) != (local, server));
        self.attempts.push(Attempt { local, server, address, after, problem });
    }

    /// The reason why no attempt got an address: that which says most.
    #[expect(clippy::wildcard_enum_match_arm, reason = "all others say as little")]
    pub(super) fn worst(&self) -> Option<Problem> {
        let problems = self.attempts.iter().filter_map(|attempt| attempt.problem.clone());
        problems.min_by_key(|problem| match problem {
            Problem::Refused { .. } => 0,
            Problem::Redirected { .. } | Problem::Unseen => 1,
            Problem::Stream(_) => 2,
            _ => 3,
        })
    }
}

/// The way to a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Transport {
    /// STUN over UDP (RFC 8489).
    Stun,
    /// TURN over UDP (RFC 8656).
    TurnUdp,
    /// TURN over TCP.
    TurnTcp,
    /// TURN over TLS.
    TurnTls,
    /// One that is not used here: STUN over a stream, anything over DTLS, or no such address at all.
    Unused,
}

/// An answer of a server to one address of ours.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Attempt {
    /// Our address.
    pub local: SocketAddr,
    /// The server's.
    pub server: SocketAddr,
    /// The address that it sees (STUN) or lends (TURN).
    pub address: Option<SocketAddr>,
    /// The time until it answered: over UDP with what was sent again, over a stream with its opening.
    #[serde(rename = "after_ms", serialize_with = "millis::serialize")]
    pub after: Duration,
    /// The reason why there is no address.
    pub problem: Option<Problem>,
}

/// An address by which a server sees a socket of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Mapping {
    /// The socket's own address.
    pub local: SocketAddr,
    /// The server.
    pub server: SocketAddr,
    /// The address that it sees.
    pub seen: SocketAddr,
}

/// The kind of a NAT by its mapping (RFC 5780 section 4.3), as far as servers without a second address tell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Nat {
    /// Nobody changes our address.
    None,
    /// All servers see the same address: media may find a direct way.
    EndpointIndependent,
    /// Each server sees another address, or each port of one does ("symmetric"): media needs a relay, unless the
    /// far side has an address that all see.
    Dependent,
    /// Fewer than two servers said by which address they see us.
    Unknown,
}

impl Nat {
    /// The kind by the mappings of one socket: that of the first which tells it.
    pub(super) fn of(mappings: &[Mapping]) -> Self {
        let kinds = mappings.iter().map(|first| {
            let its = || mappings.iter().filter(|one| one.local == first.local);
            if its().all(|one| one.seen == one.local) {
                Self::None
            } else if its().any(|one| one.seen != first.seen) {
                Self::Dependent
            } else if its().any(|one| one.server != first.server) {
                Self::EndpointIndependent
            } else {
                Self::Unknown
            }
        });
        kinds.min_by_key(|kind| *kind == Self::Unknown).unwrap_or(Self::Unknown)
    }
}

/// The figures of packets that went by a relay, from one address that it lends to another of the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Loopback {
    /// Packets sent.
    pub sent: u32,
    /// Those of them that came.
    pub received: u32,
    /// Those whose echo came back.
    pub returned: u32,
    /// The time of a packet on its way, on average: to the relay, and from it.
    #[serde(rename = "one_way_ms", serialize_with = "millis::optional")]
    pub one_way: Option<Duration>,
    /// The longest such time.
    #[serde(rename = "one_way_most_ms", serialize_with = "millis::optional")]
    pub one_way_most: Option<Duration>,
    /// The time until an echo is back, on average.
    #[serde(rename = "round_trip_ms", serialize_with = "millis::optional")]
    pub round_trip: Option<Duration>,
    /// Interarrival jitter (RFC 3550 section 6.4.1).
    #[serde(rename = "jitter_ms", serialize_with = "millis::serialize")]
    pub jitter: Duration,
    /// The largest packet that came, in bytes, of those that were tried: without the headers of IP, of UDP and of
    /// TURN. None where none came.
    pub largest: Option<u16>,
}

impl Loopback {
    /// The share of packets that never came, 0.0 to 1.0.
    #[must_use]
    pub fn loss(&self) -> f64 {
        if self.sent == 0 {
            return 0.0;
        }
        f64::from(self.sent.saturating_sub(self.received)) / f64::from(self.sent)
    }
}

/// A thing that is wrong with a server, or with the way to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Problem {
    /// The address is none of STUN or TURN.
    #[error("no address of a STUN or TURN server")]
    Unreadable,
    /// The way is not used for media here.
    #[error("a way that is not used for media here")]
    Unused,
    /// A relay was named without a user name or without a password.
    #[error("no user name or no password for it")]
    NoCredentials,
    /// More servers were named than are asked.
    #[error("not asked: too many servers")]
    TooMany,
    /// The host has no address.
    #[error("{0}")]
    Lookup(#[serde(serialize_with = "shown")] NetError),
    /// There are no sockets.
    #[error("no UDP socket: {0}")]
    NoSocket(#[serde(serialize_with = "shown")] NetError),
    /// No address of ours is of a family (IPv4, IPv6) that the server has.
    #[error("no address of this computer is of the server's family (IPv4 or IPv6)")]
    NoFamily,
    /// No answer came.
    #[error("no answer")]
    Silent,
    /// The server answered without saying by which address it sees us.
    #[error("an answer that names no address")]
    Unseen,
    /// The server refused (RFC 8489 section 14.8, RFC 8656 section 19).
    #[error("refused with {code}: {}", meaning(*.code))]
    Refused {
        /// The error code.
        code: u16,
    },
    /// The server named another one, which is not followed: too many did, or nobody may.
    #[error("sent on to {to}, which is not followed")]
    Redirected {
        /// The server that it named.
        to: SocketAddr,
    },
    /// The TCP or TLS connection never opened, or ended.
    #[error("{0}")]
    Stream(#[serde(serialize_with = "shown")] NetError),
    /// The server does not let the addresses that it lends speak with each other.
    #[error("addresses that it lends may not speak with each other ({code}: {})", meaning(*.code))]
    NotAmongItself {
        /// The error code.
        code: u16,
    },
    /// A second address, which a test between the two needs, was not lent.
    #[error("no second address: {0}")]
    NoSecond(Box<Self>),
    /// Packets from one lent address never come to the other.
    #[error("nothing that is sent by it comes")]
    NothingCame,
    /// Lent, and lost again.
    #[error("lent, and lost again")]
    Lost,
    /// The time of the probe was up.
    #[error("not in time")]
    Late,
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(code) => Self::Refused { code },
            Failure::Redirected(to) => Self::Redirected { to },
            Failure::Silent => Self::Silent,
            Failure::Lost | Failure::Closed => Self::Lost,
        }
    }
}

/// The meaning of an error code of STUN (RFC 8489 section 14.8) or TURN (RFC 8656 section 19).
#[must_use]
pub fn meaning(code: u16) -> &'static str {
    match code {
        300 => "try another server",
        400 => "bad request",
        401 => "wrong user name or password",
        403 => "forbidden",
        420 => "unknown attribute",
        437 => "allocation mismatch",
        438 => "stale nonce",
        440 => "address family not supported",
        441 => "wrong credentials for this allocation",
        442 => "unsupported transport protocol",
        443 => "peer address of another family",
        486 => "allocation quota of this user reached",
        500 => "server error",
        508 => "insufficient capacity",
        _ => "an error without a name",
    }
}

fn shown<S: Serializer>(error: &NetError, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapping(local: &str, server: &str, seen: &str) -> Mapping {
        let at = |text: &str| text.parse().unwrap();
        Mapping { local: at(local), server: at(server), seen: at(seen) }
    }

    #[test]
    fn rfc_5780_4_3_the_kind_of_a_nat_is_told_by_what_servers_see() {
        let (us, one, two) = ("10.0.0.7:4000", "198.51.100.1:3478", "198.51.100.1:3479");
        let seen = |server, seen| mapping(us, server, seen);
        assert_eq!(Nat::of(&[]), Nat::Unknown);
        assert_eq!(Nat::of(&[seen(one, us)]), Nat::None);
        assert_eq!(Nat::of(&[seen(one, "203.0.113.9:1")]), Nat::Unknown);
        let same = [seen(one, "203.0.113.9:1"), seen(two, "203.0.113.9:1")];
        assert_eq!(Nat::of(&same), Nat::EndpointIndependent);
        let other = [seen(one, "203.0.113.9:1"), seen(two, "203.0.113.9:2")];
        assert_eq!(Nat::of(&other), Nat::Dependent);
        let elsewhere = mapping("10.9.9.9:1", one, "203.0.113.9:3");
        assert_eq!(Nat::of(&[elsewhere, same[0], same[1]]), Nat::EndpointIndependent);
    }
}
