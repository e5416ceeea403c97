//! ICE transports with DTLS and SCTP (XEP-0176, 0320, 0343, 0371; wire notes 6.2 to 6.6).

use super::Candidate;
use crate::Secret;
use crate::xmpp::{Element, ElementRef, ns};

/// How a content is carried. A transport other than ICE keeps only its namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transport {
    /// Of the element; an answer uses the offer's.
    pub namespace: String,
    /// ICE user name fragment.
    pub ufrag: Option<String>,
    /// ICE password.
    pub pwd: Option<Secret>,
    /// DTLS certificate fingerprints.
    pub fingerprints: Vec<Fingerprint>,
    /// Candidates.
    pub candidates: Vec<Candidate>,
    /// No more candidates will come.
    pub gathering_complete: bool,
    /// The data channel's SCTP port.
    pub sctp: Option<Sctp>,
}

/// A certificate's fingerprint with the DTLS role (RFC 8122, RFC 5763).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    /// Hash function, for instance `sha-256`.
    pub hash: String,
    /// `actpass`, `active` or `passive`.
    pub setup: Option<String>,
    /// Upper-case hexadecimal bytes with colons.
    pub value: String,
}

/// SCTP over DTLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sctp {
    /// SCTP port, mostly 5000.
    pub port: u16,
    /// `webrtc-datachannel`.
    pub protocol: String,
    /// How many streams there may be; not used by SDP.
    pub streams: Option<u16>,
}

impl Transport {
    /// An ICE-UDP transport with this user name fragment.
    #[must_use]
    pub fn ice(ufrag: impl Into<String>) -> Self {
        Self { namespace: ns::ICE_UDP.to_owned(), ufrag: Some(ufrag.into()), ..Self::default() }
    }

    pub(super) fn read(e: ElementRef<'_>) -> Result<Self, String> {
        let mut transport = Self { namespace: e.namespace().to_owned(), ..Self::default() };
        if e.namespace() != ns::ICE_UDP && e.namespace() != ns::ICE {
            return Ok(transport);
        }
        transport.ufrag = e.owned("ufrag");
        transport.pwd = e.attribute("pwd").map(Secret::new);
        for child in e.elements() {
            match (child.namespace(), child.name()) {
                (ns::DTLS, "fingerprint") => {
                    transport.fingerprints.push(Fingerprint::read(child)?);
                }
                (ns::SCTP, "sctpmap") => transport.sctp = Some(Sctp::read(child)?),
                (own, "candidate") if own == e.namespace() => {
                    transport.candidates.push(Candidate::read(child)?);
                }
                (own, "gathering-complete") if own == e.namespace() => {
                    transport.gathering_complete = true;
                }
                _ => {}
            }
        }
        Ok(transport)
    }

    pub(super) fn write(&self) -> Element<'_> {
        let complete =
            self.gathering_complete.then(|| Element::new("gathering-complete", &self.namespace));
        Element::new("transport", &self.namespace)
            .maybe("ufrag", self.ufrag.as_ref())
            .maybe("pwd", self.pwd.as_ref().map(Secret::expose))
            .children(self.fingerprints.iter().map(Fingerprint::write))
            .children(self.sctp.as_ref().map(Sctp::write))
            .children(self.candidates.iter().map(|candidate| candidate.write(&self.namespace)))
            .children(complete)
    }
}

impl Fingerprint {
    fn read(e: ElementRef<'_>) -> Result<Self, String> {
        Ok(Self {
            hash: e.require("hash")?.to_owned(),
            setup: e.owned("setup"),
            value: e.content().trim().to_owned(),
        })
    }

    fn write(&self) -> Element<'_> {
        Element::new("fingerprint", ns::DTLS)
            .attr("hash", &self.hash)
            .maybe("setup", self.setup.as_ref())
            .text(self.value.as_str())
    }
}

impl Sctp {
    fn read(e: ElementRef<'_>) -> Result<Self, String> {
        Ok(Self {
            port: e.require_number("number")?,
            protocol: e.attribute("protocol").unwrap_or("webrtc-datachannel").to_owned(),
            streams: e.number("streams")?,
        })
    }

    fn write(&self) -> Element<'_> {
        Element::new("sctpmap", ns::SCTP)
            .attr("number", self.port)
            .attr("protocol", &self.protocol)
            .maybe("streams", self.streams)
    }
}
