//! ICE candidates as XML (XEP-0176).

use crate::sdp::candidate::{Candidate, CandidateError, Parts};
use crate::xmpp::{Element, ElementRef, Skipped};

/// Reads a `candidate` element. What ICE does not need and cannot be read is noted.
pub(super) fn read(e: ElementRef<'_>, skipped: &mut Skipped) -> Result<Candidate, CandidateError> {
    let mut parts = Parts::default();
    for (name, value) in e.attributes() {
        let part = match name {
            "foundation" => &mut parts.foundation,
            "component" => &mut parts.component,
            "protocol" => &mut parts.protocol,
            "priority" => &mut parts.priority,
            "ip" => &mut parts.ip,
            "port" => &mut parts.port,
            "type" => &mut parts.kind,
            "rel-addr" => &mut parts.rel_addr,
            "rel-port" => &mut parts.rel_port,
            "tcptype" => &mut parts.tcptype,
            _ => continue,
        };
        *part = Some(value);
    }
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
