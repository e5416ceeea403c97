//! Our descriptions.

use super::extensions::MID_EXTENSION;
use super::ours::{Off, OurSection, OurTerms, PROFILE};
use super::{Encodings, Remote, Terms, Transport, Way};
use crate::media::MediaKind;
use crate::sdp::{Description, Direction, Line, Section};

/// The longest message of a data channel that we take.
pub const MAX_MESSAGE: usize = 64 * 1024;
/// The port of SCTP within DTLS (RFC 8841 section 5): nobody else uses it.
const SCTP_PORT: &str = "5000";

/// The answer to an offer: as many sections in the same order, the names and profiles of the offer,
/// and only payload types that it names (RFC 3264 section 6, RFC 8829 section 5.3.1). All sections
/// but those of `ours` are turned down: by their places in the offer, in order.
#[must_use]
pub fn answer(
    offer: &Description<'_>,
    remote: &Remote,
    ours: &[(usize, OurSection)],
    transport: &Transport,
) -> String {
    let mut answer = head(transport);
    let grouped = |mid: &&str| offer.groups("BUNDLE").any(|group| group.contains(mid));
    let mids = ours.iter().filter_map(|(_, section)| section.mid.as_deref()).filter(grouped);
    let mids: String = mids.map(|mid| format!(" {mid}")).collect();
    if !mids.is_empty() {
        answer.session.push(Line::attribute_line("group", &format!("BUNDLE{mids}")));
    }
    let anchor = remote.sections.get(remote.anchor).map(|section| section.index);
    for (index, offered) in offer.sections.iter().enumerate() {
        let ours = ours.iter().find(|(place, _)| *place == index).map(|(_, section)| section);
        let on = ours.and_then(|ours| match &ours.terms {
            OurTerms::On(terms) => Some((ours, terms)),
            OurTerms::Off(_) => None,
        });
        let Some((ours, terms)) = on else {
            answer.sections.push(turned_down(&Off::of(offered), offered.mid()));
            continue;
        };
        let anchors = anchor == Some(index);
        let mut section = section(offered.protocol(), terms, ours, transport, anchors);
        if anchors && remote.tls_id.is_some() {
            section.push("tls-id", &transport.tls_id);
        }
        answer.sections.push(section);
    }
    answer.to_string()
}

/// An offer of those sections, in order.
#[must_use]
pub fn offer(sections: &[OurSection], transport: &Transport) -> String {
    let mut offer = head(transport);
    let on = |section: &&OurSection| matches!(section.terms, OurTerms::On(_));
    let mids = sections.iter().filter(on).filter_map(|section| section.mid.as_deref());
    let mids: String = mids.map(|mid| format!(" {mid}")).collect();
    offer.session.push(Line::attribute_line("group", &format!("BUNDLE{mids}")));
    let anchor = sections.iter().position(|section| on(&section));
    for (index, ours) in sections.iter().enumerate() {
        offer.sections.push(match &ours.terms {
            OurTerms::On(terms) => {
                let protocol = if terms.kind().is_some() { PROFILE } else { "UDP/DTLS/SCTP" };
                section(protocol, terms, ours, transport, anchor == Some(index))
            }
            OurTerms::Off(off) => turned_down(off, ours.mid.as_deref()),
        });
    }
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

/// A section that is on; one of them tells the candidates for all.
fn section(
    protocol: &str,
    terms: &Terms,
    ours: &OurSection,
    transport: &Transport,
    candidates: bool,
) -> Section<'static> {
    let (kind, formats) = match terms {
        Terms::Audio(payloads) => {
            ("audio", payloads.named(ours.dtx).map(|(pt, ..)| format!(" {pt}")).collect())
        }
        Terms::Video(pictures) => {
            let named = pictures.named();
            ("video", named.iter().map(|(number, ..)| format!(" {number}")).collect::<String>())
        }
        Terms::Channels { .. } => ("application", " webrtc-datachannel".to_owned()),
    };
    let mut section = Section::new(Line::new(format!("m={kind} 9 {protocol}{formats}")));
    section.lines.push(Line::new("c=IN IP4 0.0.0.0"));
    if terms.kind().is_some() {
        section.push("rtcp", "9 IN IP4 0.0.0.0");
    }
    for candidate in transport.candidates.iter().filter(|_| candidates) {
        section.lines.push(Line::new(format!("a={candidate}")));
    }
    section.push("ice-ufrag", &transport.ufrag);
    section.push("ice-pwd", transport.pwd.expose());
    section.push("ice-options", "trickle");
    section.push("fingerprint", &transport.fingerprint.to_string());
    section.push("setup", transport.setup.name());
    if let Some(mid) = &ours.mid {
        section.push("mid", mid);
    }
    match terms {
        Terms::Audio(_) | Terms::Video(_) => streams(&mut section, terms, ours, transport),
        Terms::Channels { .. } => {
            section.push("sctp-port", SCTP_PORT);
            section.push("max-message-size", &MAX_MESSAGE.to_string());
        }
    }
    section
}

/// The lines of a section of RTP beside its transport.
fn streams(section: &mut Section<'_>, terms: &Terms, ours: &OurSection, transport: &Transport) {
    let OurSection { direction, source, repair, number, mid_extension, .. } = *ours;
    if let Some(number) = mid_extension {
        section.push("extmap", &format!("{number} {MID_EXTENSION}"));
    }
    let mut ways = vec![(Way::Send, &ours.encodings), (Way::Recv, &ours.received)];
    ways.retain(|(way, encodings)| match way {
        Way::Send => !encodings.is_empty() && direction.sends(),
        Way::Recv => !encodings.is_empty() && direction.receives(),
    });
    // One section, so they are the same both ways.
    for (number, name) in ways.iter().take(1).flat_map(|(_, all)| all.extensions.named()) {
        section.push("extmap", &format!("{number} {name}"));
    }
    section.push(direction.name(), "");
    let source = source.filter(|_| direction.sends());
    if source.is_some() {
        let kind = terms.kind().map_or("", MediaKind::name);
        let number = if number == 0 { String::new() } else { number.to_string() };
        section.push("msid", &format!("- {kind}{number}"));
    }
    section.push("rtcp-mux", "");
    match terms {
        Terms::Audio(payloads) => {
            for (pt, encoding, parameters) in payloads.named(ours.dtx) {
                section.push("rtpmap", &format!("{pt} {encoding}"));
                if let Some(parameters) = parameters {
                    section.push("fmtp", &format!("{pt} {parameters}"));
                }
            }
        }
        Terms::Video(pictures) => {
            for (number, encoding, parameters, feedback) in pictures.named() {
                section.push("rtpmap", &format!("{number} {encoding}"));
                for feedback in feedback {
                    section.push("rtcp-fb", &format!("{number} {feedback}"));
                }
                if let Some(parameters) = parameters {
                    section.push("fmtp", &format!("{number} {parameters}"));
                }
            }
        }
        Terms::Channels { .. } => {}
    }
    Encodings::describe(section, &ways);
    let named = ways.iter().any(|(way, _)| *way == Way::Send);
    let Some(source) = source.filter(|_| !named) else { return };
    if let Some(repair) = repair {
        section.push("ssrc-group", &format!("FID {source} {repair}"));
    }
    for source in std::iter::once(source).chain(repair) {
        section.push("ssrc", &format!("{source} cname:{}", transport.session));
    }
}

/// A section that is off: port 0, and its name.
fn turned_down(off: &Off, mid: Option<&str>) -> Section<'static> {
    let Off { kind, protocol, formats } = off;
    let mut section = Section::new(Line::new(format!("m={kind} 0 {protocol} {formats}")));
    section.lines.push(Line::new("c=IN IP4 0.0.0.0"));
    if let Some(mid) = mid {
        section.push("mid", mid);
    }
    section.push(Direction::Inactive.name(), "");
    section
}
