//! Our descriptions.

use super::{Payloads, RemoteAudio, Transport};
use crate::sdp::{Description, Direction, Line, Section};

/// The answer to an offer: as many sections in the same order, the names and profiles of the offer,
/// and only payload types that it names (RFC 3264 section 6, RFC 8829 section 5.3.1). All sections
/// but that of `audio` are turned down.
#[must_use]
pub fn answer(
    offer: &Description<'_>,
    audio: &RemoteAudio,
    direction: Direction,
    transport: &Transport,
) -> String {
    let mut answer = head(transport);
    if let Some(mid) = &audio.mid
        && offer.groups("BUNDLE").any(|group| group.contains(&mid.as_str()))
    {
        answer.session.push(Line::attribute_line("group", &format!("BUNDLE {mid}")));
    }
    for (index, offered) in offer.sections.iter().enumerate() {
        answer.sections.push(if index == audio.section {
            let mid = audio.mid.as_deref();
            let mut section =
                section(offered.protocol(), &audio.payloads, mid, direction, transport);
            if audio.tls_id.is_some() {
                section.push("tls-id", &transport.tls_id);
            }
            section
        } else {
            turned_down(offered)
        });
    }
    answer.to_string()
}

/// An offer of one audio section.
#[must_use]
pub fn offer(
    payloads: &Payloads,
    mid: &str,
    direction: Direction,
    transport: &Transport,
) -> String {
    let mut offer = head(transport);
    offer.session.push(Line::attribute_line("group", &format!("BUNDLE {mid}")));
    offer.sections.push(section("UDP/TLS/RTP/SAVPF", payloads, Some(mid), direction, transport));
    offer.to_string()
}

fn head(transport: &Transport) -> Description<'static> {
    let Transport { session, version, .. } = transport;
    let origin = format!("o=- {session} {version} IN IP4 127.0.0.1");
    let lines = ["v=0", &origin, "s=-", "t=0 0"];
    Description {
        session: lines.into_iter().map(|line| Line::new(line.to_owned())).collect(),
        sections: Vec::new(),
    }
}

fn section(
    protocol: &str,
    payloads: &Payloads,
    mid: Option<&str>,
    direction: Direction,
    transport: &Transport,
) -> Section<'static> {
    let numbers: String = payloads.named().map(|(pt, ..)| format!(" {pt}")).collect();
    let mut section = Section::new(Line::new(format!("m=audio 9 {protocol}{numbers}")));
    section.lines.push(Line::new("c=IN IP4 0.0.0.0"));
    section.push("rtcp", "9 IN IP4 0.0.0.0");
    for candidate in &transport.candidates {
        section.lines.push(Line::new(format!("a={candidate}")));
    }
    section.push("ice-ufrag", &transport.ufrag);
    section.push("ice-pwd", transport.pwd.expose());
    section.push("ice-options", "trickle");
    section.push("fingerprint", &transport.fingerprint.to_string());
    section.push("setup", transport.setup.name());
    if let Some(mid) = mid {
        section.push("mid", mid);
    }
    section.push(direction.name(), "");
    if direction.sends() && transport.source.is_some() {
        section.push("msid", "- audio");
    }
    section.push("rtcp-mux", "");
    for (pt, encoding, parameters) in payloads.named() {
        section.push("rtpmap", &format!("{pt} {encoding}"));
        if let Some(parameters) = parameters {
            section.push("fmtp", &format!("{pt} {parameters}"));
        }
    }
    if let Some(source) = transport.source.filter(|_| direction.sends()) {
        section.push("ssrc", &format!("{source} cname:{}", transport.session));
    }
    section
}

/// A section that we do not take: port 0, and its name.
fn turned_down(offered: &Section<'_>) -> Section<'static> {
    let mut formats: Vec<&str> = offered.formats().collect();
    if formats.is_empty() {
        formats.push("0");
    }
    let word = |word: &str, or: &str| if word.is_empty() { or.to_owned() } else { word.to_owned() };
    let kind = word(offered.kind(), "audio");
    let protocol = word(offered.protocol(), "UDP/TLS/RTP/SAVPF");
    let media = format!("m={kind} 0 {protocol} {}", formats.join(" "));
    let mut section = Section::new(Line::new(media));
    section.lines.push(Line::new("c=IN IP4 0.0.0.0"));
    if let Some(mid) = offered.mid() {
        section.push("mid", mid);
    }
    section.push(Direction::Inactive.name(), "");
    section
}
