//! SDP to Jingle.

use std::collections::BTreeSet;
use std::str::FromStr;

use crate::Secret;
use crate::jingle::{
    Candidate, Content, Description, Feedback, Fingerprint, Group, HeaderExtension, Parameter,
    PayloadType, Role, Sctp, Senders, Source, SourceGroup, Stream, Transport,
};
use crate::sdp::{self, Line, SdpError};
use crate::xmpp::ns;

/// Payload types that may come without `a=rtpmap` (RFC 3551 section 6).
const STATIC: [(u8, &str); 4] = [(0, "PCMU"), (8, "PCMA"), (9, "G722"), (13, "CN")];

/// Reads an SDP by which `author` describes itself. Transports are ICE-UDP.
///
/// Attributes that Jingle has no place for are left out (wire notes 6.4), as is what cannot be read,
/// for a section needs none of it. A section without a name is given its kind of media for one.
///
/// # Errors
///
/// It is over the bounds of [`sdp::Description`], or has no media section, or one whose first line
/// cannot be used.
pub fn from_sdp(text: &str, author: Role) -> Result<(Vec<Content>, Vec<Group>), SdpError> {
    let description = sdp::Description::read(text)?;
    if description.sections.is_empty() {
        return Err(SdpError::NoAudio);
    }
    let mut session = Section::default();
    let mut groups = Vec::new();
    for (name, value) in description.session.iter().filter_map(Line::attribute) {
        match name {
            "group" => groups.extend(group(value)),
            // What cannot be read is one of several, or of no importance.
            _ => drop(session.attribute(name, value, author)),
        }
    }
    let mut seen = BTreeSet::new();
    let mut contents = Vec::with_capacity(description.sections.len());
    for described in &description.sections {
        let media = || SdpError::line(&described.media, "no media section");
        let mut section = Section::open(described, &session).ok_or_else(media)?;
        for (name, value) in described.lines.iter().filter_map(Line::attribute) {
            let _ = section.attribute(name, value, author);
        }
        let name = section.mid.take().filter(|mid| !mid.is_empty());
        let name = name.unwrap_or_else(|| described.kind().to_owned());
        let numbered = (1..).map(|n| format!("{name}-{n}"));
        let mut free = std::iter::once(name.clone()).chain(numbered);
        let name = free.find(|name| !seen.contains(name)).unwrap_or_default();
        seen.insert(name.clone());
        contents.push(section.close(name));
    }
    Ok((contents, groups))
}

/// The first ICE user name fragment and password in an SDP (wire notes 6.14): if both are
/// unchanged, a second offer renegotiates, else it is a new session.
#[must_use]
pub fn ice_credentials(text: &str) -> Option<(String, Secret)> {
    let description = sdp::Description::read(text).ok()?;
    let (ufrag, pwd) = description.ice_credentials()?;
    Some((ufrag.to_owned(), Secret::new(pwd)))
}

fn group(value: &str) -> Option<Group> {
    let mut words = value.split_ascii_whitespace().map(str::to_owned);
    Some(Group { semantics: words.next()?, contents: words.collect() })
}

/// The parts read so far of one media section, or of what stands before the first.
#[derive(Clone, Default)]
struct Section {
    /// The description; none in the part before the first, and for a data channel.
    description: Option<Description>,
    transport: Transport,
    setup: Option<String>,
    mid: Option<String>,
    senders: Senders,
    rejected: bool,
}

impl Section {
    /// Begins a section with what the session says for all.
    fn open(described: &sdp::Section<'_>, session: &Self) -> Option<Self> {
        let kind = Some(described.kind()).filter(|kind| !kind.is_empty())?;
        let description = described.protocol().contains("RTP").then(|| {
            let numbers = described.formats().filter_map(|id| id.parse().ok());
            let payload_types = numbers.filter_map(PayloadType::number).collect();
            Description { media: kind.to_owned(), payload_types, ..Description::default() }
        });
        Some(Self { description, rejected: described.is_off(), ..session.clone() })
    }

    fn attribute(&mut self, name: &str, value: &str, author: Role) -> Result<(), &'static str> {
        match name {
            "mid" => self.mid = Some(value.trim().to_owned()),
            "sendrecv" | "sendonly" | "recvonly" | "inactive" => {
                self.senders = Senders::from_direction(name, author).unwrap_or_default();
            }
            "ice-ufrag" => self.transport.ufrag = Some(value.trim().to_owned()),
            "ice-pwd" => self.transport.pwd = Some(Secret::new(value.trim())),
            "setup" => self.setup = Some(value.trim().to_owned()),
            "fingerprint" => {
                let (hash, value) = value.split_once(' ').ok_or("fingerprint")?;
                let (hash, value) = (hash.to_owned(), value.trim().to_owned());
                self.transport.fingerprints.push(Fingerprint { hash, setup: None, value });
            }
            "candidate" => {
                let line = format!("candidate:{value}");
                self.transport.candidates.extend(Candidate::from_line(&line).ok());
            }
            "sctp-port" => {
                let port = number(value).ok_or("sctp-port")?;
                let protocol = "webrtc-datachannel".to_owned();
                self.transport.sctp = Some(Sctp { port, protocol, streams: None });
            }
            _ => {
                if let Some(description) = &mut self.description {
                    description.attribute(name, value, author)?;
                }
            }
        }
        Ok(())
    }

    fn close(self, name: String) -> Content {
        let mut transport = self.transport;
        transport.namespace = ns::ICE_UDP.to_owned();
        for fingerprint in &mut transport.fingerprints {
            fingerprint.setup.clone_from(&self.setup);
        }
        Content {
            creator: Role::Initiator,
            name,
            senders: if self.rejected { Senders::None } else { self.senders },
            description: self.description,
            transport: Some(transport),
        }
    }
}

fn number<T: FromStr>(value: &str) -> Option<T> {
    value.trim().parse().ok()
}

/// The parameter in `a=b`, `a:b` or a bare word; a separator at the beginning separates nothing.
fn parameter(text: &str, separator: char) -> Parameter {
    let (name, value) = match text.split_once(separator) {
        Some((name, value)) if !name.is_empty() => (name, Some(value.to_owned())),
        Some(_) | None => (text, None),
    };
    Parameter { name: name.to_owned(), value }
}

impl PayloadType {
    fn number(id: u8) -> Option<Self> {
        let known = STATIC.iter().find(|(number, _)| *number == id);
        (id <= 127).then(|| Self {
            id,
            name: known.map(|(_, name)| (*name).to_owned()),
            clockrate: known.map(|_| 8000),
            channels: known.map(|_| 1),
            ..Self::default()
        })
    }
}

impl Description {
    fn attribute(&mut self, name: &str, value: &str, author: Role) -> Result<(), &'static str> {
        match name {
            "rtcp-mux" => self.rtcp_mux = true,
            "rtcp-rsize" => self.rtcp_reduced_size = true,
            "rtpmap" => self.rtpmap(value).ok_or("rtpmap")?,
            "fmtp" => {
                let (id, parameters) = value.split_once(' ').ok_or("fmtp")?;
                let id = number(id).ok_or("fmtp")?;
                if let Some(codec) = self.codec(id) {
                    let parameters = parameters.split(';').map(str::trim);
                    let parameters = parameters.filter(|p| !p.is_empty());
                    codec.parameters.extend(parameters.map(|p| parameter(p, '=')));
                }
            }
            "rtcp-fb" => self.rtcp_fb(value).ok_or("rtcp-fb")?,
            "extmap" => {
                let mut words = value.split_ascii_whitespace();
                let (id, uri) = words.next().zip(words.next()).ok_or("extmap")?;
                let (id, direction) = id.split_once('/').unwrap_or((id, "sendrecv"));
                let id = number(id).ok_or("extmap")?;
                let senders = Senders::from_direction(direction, author).ok_or("extmap")?;
                self.header_extensions.push(HeaderExtension { id, uri: uri.to_owned(), senders });
            }
            "msid" => {
                let mut words = value.split_ascii_whitespace().map(str::to_owned);
                let id = words.next().ok_or("msid")?;
                self.stream = Some(Stream { id, track: words.next().unwrap_or_default() });
            }
            "ssrc" => {
                let (ssrc, attribute) = value.split_once(' ').ok_or("ssrc")?;
                let ssrc = number(ssrc).ok_or("ssrc")?;
                let own = parameter(attribute, ':');
                self.ssrc.get_or_insert(ssrc);
                // As the reference client: the first source with its name (wire notes 6.4). One
                // without a name before it is nobody's (RFC 5576 section 6.1).
                if own.name == "cname" && self.sources.is_empty() {
                    self.ssrc = Some(ssrc);
                    self.sources.push(Source { ssrc, parameters: vec![own] });
                }
            }
            "ssrc-group" => {
                let mut words = value.split_ascii_whitespace();
                let semantics = words.next().ok_or("ssrc-group")?.to_owned();
                let sources: Option<Vec<u32>> = words.map(number).collect();
                let sources = sources.ok_or("ssrc-group")?;
                self.source_groups.push(SourceGroup { semantics, sources });
            }
            _ => {}
        }
        Ok(())
    }

    fn codec(&mut self, id: u8) -> Option<&mut PayloadType> {
        self.payload_types.iter_mut().find(|codec| codec.id == id)
    }

    /// Reads an `a=rtpmap`: `111 opus/48000/2`.
    fn rtpmap(&mut self, value: &str) -> Option<()> {
        let (id, encoding) = value.split_once(' ')?;
        let id = number(id)?;
        let mut parts = encoding.trim().split('/');
        let (name, rate) = (parts.next()?.to_owned(), number(parts.next()?)?);
        let channels = match parts.next() {
            Some(channels) => number(channels)?,
            None => 1,
        };
        if let Some(codec) = self.codec(id) {
            codec.name = Some(name);
            codec.clockrate = Some(rate);
            codec.channels = Some(channels);
        }
        Some(())
    }

    /// Reads an `a=rtcp-fb`: `111 nack pli`, or `*` for every codec.
    fn rtcp_fb(&mut self, value: &str) -> Option<()> {
        let (id, rest) = value.split_once(' ')?;
        let (kind, subtype) = match rest.trim().split_once(' ') {
            Some((kind, subtype)) => (kind, Some(subtype.trim().to_owned())),
            None => (rest.trim(), None),
        };
        let feedback = Feedback { kind: kind.to_owned(), subtype };
        if id == "*" {
            self.feedback.push(feedback);
        } else if let Some(codec) = self.codec(number(id)?) {
            codec.feedback.push(feedback);
        }
        Some(())
    }
}
