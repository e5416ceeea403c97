//! An offer in a room's own words: the names of its streams, encodings that it asks for, lines that it
//! stops.

use offhook::sdp::{Description, Direction, Line, Section};

use super::terms::Terms;
use crate::cloud::signaling::Signaling;

/// Encodings that are asked for where there are to be several: high, middle, low.
const ENCODINGS: [&str; 3] = ["h", "m", "l"];
/// The header extension by which encodings are told from each other (RFC 8852 section 3).
const ENCODING_EXTENSION: &str = "10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id";

/// The offer of a room in a session as it is said. Lines of those names are stopped.
pub(super) fn words(
    offer: &str,
    terms: &Terms,
    (room, session): (&str, &str),
    stopped: &[&str],
) -> String {
    let Ok(mut description) = Description::read(offer) else { return offer.to_owned() };
    let jingle = terms.signaling == Signaling::Jingle;
    for section in &mut description.sections {
        let mid = section.mid().unwrap_or_default().to_owned();
        if stopped.contains(&&*mid) {
            stop(section);
            continue;
        }
        let kind = section.kind().to_owned();
        if section.is_off() || !matches!(&*kind, "audio" | "video") {
            continue;
        }
        let direction = section.direction().unwrap_or(Direction::SendRecv);
        section.remove("msid");
        // Several contents of Jingle need names of their own, also where nothing comes (wire notes
        // 16.1).
        if !terms.bare_streams && (direction.sends() || jingle) {
            section.push("msid", &format!("{room} {session}-{mid}"));
        }
        if terms.simulcast && !jingle && kind == "video" && direction.receives() {
            section.push("extmap", ENCODING_EXTENSION);
            for rid in ENCODINGS {
                section.push("rid", &format!("{rid} recv"));
            }
            section.push("simulcast", &format!("recv {}", ENCODINGS.join(";")));
        }
    }
    if !stopped.is_empty() {
        leave_bundle(&mut description, stopped);
    }
    description.to_string()
}

/// Stops a line for good: it has no port any more (RFC 8829 section 5.2.2).
fn stop(section: &mut Section<'_>) {
    let formats: Vec<_> = section.formats().collect();
    let media = format!("m={} 0 {} {}", section.kind(), section.protocol(), formats.join(" "));
    section.media = Line::new(media);
    section.remove("msid");
    section.remove("ssrc");
    section.remove("ssrc-group");
    section.set_direction(Direction::Inactive);
}

/// A line without a port is in no bundle (RFC 8843 section 7.2.2).
fn leave_bundle(description: &mut Description<'_>, stopped: &[&str]) {
    for line in &mut description.session {
        let Some(("group", group)) = line.attribute() else { continue };
        let left: Vec<_> =
            group.split_ascii_whitespace().filter(|word| !stopped.contains(word)).collect();
        *line = Line::attribute_line("group", &left.join(" "));
    }
}
