//! ICE candidates as XML (XEP-0176).

use crate::sdp::candidate::{Candidate, CandidateError, Parts};
use crate::xmpp::{Element, ElementRef, Skipped};

/// Reads a `candidate` element. What ICE does not need and cannot be read is noted.
pub(super) fn read(e: ElementRef<'_>, skipped: &mut Skipped) -> Result<Candidate, CandidateError> {
    let parts = Parts {
        foundation: e.attribute("foundation"),
        component: e.attribute("component"),
        protocol: e.attribute("protocol"),
        priority: e.attribute("priority"),
        ip: e.attribute("ip"),
        port: e.attribute("port"),
        kind: e.attribute("type"),
        rel_addr: e.attribute("rel-addr"),
        rel_port: e.attribute("rel-port"),
        tcptype: e.attribute("tcptype"),
    };
    let candidate = parts.candidate()?;
    if let Some(odd) = parts.odd() {
        skipped.add(format_args!(": {odd}"));
    }
    Ok(candidate)
}

pub(super) fn write<'x>(candidate: &'x Candidate, namespace: &'x str) -> Element<'x> {
    Element::new("candidate", namespace)
        .attr("component", candidate.component)
        .attr("foundation", &candidate.foundation)
        .attr("ip", &candidate.ip)
        .attr("port", candidate.port)
        .attr("priority", candidate.priority)
        .attr("protocol", &candidate.protocol)
        .maybe("rel-addr", candidate.rel_addr.as_ref())
        .maybe("rel-port", candidate.rel_port)
        .maybe("tcptype", candidate.tcptype.as_ref())
        .attr("type", &candidate.kind)
}
