//! ICE transports with DTLS and SCTP (XEP-0176, 0320, 0343, 0371; wire notes 6.2 to 6.6).

use super::{candidate, part};
use crate::Secret;
use crate::sdp::candidate::{Candidate, MAX_CANDIDATES};
use crate::xmpp::{Element, ElementRef, Skipped, ns};

/// The transport of a content. A transport other than ICE keeps only its namespace.
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
    /// The number of streams that there may be; not used by SDP.
    pub streams: Option<u16>,
}

impl Transport {
    /// An ICE-UDP transport with this user name fragment.
    #[must_use]
    pub fn ice(ufrag: impl Into<String>) -> Self {
        Self { namespace: ns::ICE_UDP.to_owned(), ufrag: Some(ufrag.into()), ..Self::default() }
    }

    /// Of either ICE, or one of which only the name is known. What cannot be read in it is left out
    /// and noted; candidates and their end may be of the one ICE inside the other.
    pub(super) fn read(e: ElementRef<'_>, skipped: &mut Skipped) -> Self {
        let mut transport = Self { namespace: e.namespace().to_owned(), ..Self::default() };
        if !is_ice(e) {
            return transport;
        }
        transport.ufrag = part::maybe(e, "ufrag", part::word, skipped).map(str::to_owned);
        transport.pwd = part::maybe(e, "pwd", part::word, skipped).map(Secret::new);
        for child in e.elements() {
            match (child.namespace(), child.name()) {
                (ns::DTLS, "fingerprint") => {
                    let new = part::child(e, child, skipped, Fingerprint::read);
                    let new = new.filter(|new| !transport.fingerprints.contains(new));
                    transport.fingerprints.extend(new);
                }
                (ns::SCTP, "sctpmap") if transport.sctp.is_none() => {
                    transport.sctp = part::child(e, child, skipped, Sctp::read);
                }
                (_, "candidate") if is_ice(child) => {
                    let full = transport.candidates.len() >= MAX_CANDIDATES;
                    let candidate = part::child(e, child, skipped, |child, skipped| {
                        let read = candidate::read(child, skipped).map_err(|error| error.0);
                        if full { Err("too many") } else { read }
                    });
                    transport.candidates.extend(candidate);
                }
                (_, "gathering-complete") if is_ice(child) => transport.gathering_complete = true,
                _ => {}
            }
        }
        transport
    }

    pub(super) fn write(&self) -> Element<'_> {
        let complete =
            self.gathering_complete.then(|| Element::new("gathering-complete", &self.namespace));
        Element::new("transport", &self.namespace)
            .maybe("ufrag", self.ufrag.as_ref())
            .maybe("pwd", self.pwd.as_ref().map(Secret::expose))
            .children(self.fingerprints.iter().map(Fingerprint::write))
            .children(self.sctp.as_ref().map(Sctp::write))
            .children(self.candidates.iter().map(|c| candidate::write(c, &self.namespace)))
            .children(complete)
    }
}

/// True if it is of ICE: the old namespace or the new one.
pub(super) fn is_ice(e: ElementRef<'_>) -> bool {
    matches!(e.namespace(), ns::ICE_UDP | ns::ICE)
}

impl Fingerprint {
    fn read(e: ElementRef<'_>, skipped: &mut Skipped) -> Result<Self, &'static str> {
        let hash = part::required(e, "hash", part::word)?.to_owned();
        let value = e.content().trim().to_owned();
        if !is_hex_bytes(&value) {
            return Err("value");
        }
        Ok(Self { hash, setup: part::maybe(e, "setup", setup, skipped), value })
    }

    fn write(&self) -> Element<'_> {
        Element::new("fingerprint", ns::DTLS)
            .attr("hash", &self.hash)
            .maybe("setup", self.setup.as_ref())
            .text(self.value.as_str())
    }
}

/// True if it is bytes in hexadecimal, with colons between them (RFC 8122 section 5).
fn is_hex_bytes(text: &str) -> bool {
    let fits = |(at, b): (usize, u8)| if at % 3 == 2 { b == b':' } else { b.is_ascii_hexdigit() };
    text.len() % 3 == 2 && text.bytes().enumerate().all(fits)
}

/// A DTLS role (RFC 4145 section 4).
fn setup(text: &str) -> Option<String> {
    matches!(text, "actpass" | "active" | "passive" | "holdconn").then(|| text.to_owned())
}

impl Sctp {
    fn read(e: ElementRef<'_>, skipped: &mut Skipped) -> Result<Self, &'static str> {
        let protocol = part::maybe(e, "protocol", part::word, skipped);
        Ok(Self {
            port: part::required(e, "number", part::number)?,
            protocol: protocol.unwrap_or("webrtc-datachannel").to_owned(),
            streams: part::maybe(e, "streams", part::number, skipped),
        })
    }

    fn write(&self) -> Element<'_> {
        Element::new("sctpmap", ns::SCTP)
            .attr("number", self.port)
            .attr("protocol", &self.protocol)
            .maybe("streams", self.streams)
    }
}
