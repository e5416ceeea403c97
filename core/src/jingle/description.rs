//! RTP descriptions (XEP-0167, 0293, 0294, 0339; wire notes 6.2 to 6.4).

use super::{Senders, part};
use crate::xmpp::{Element, ElementRef, Skipped, ns};

/// The RTP of a content.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Description {
    /// `audio` or `video`.
    pub media: String,
    /// The describing side's first SSRC.
    pub ssrc: Option<u32>,
    /// RTP and RTCP share a port.
    pub rtcp_mux: bool,
    /// Reduced-size RTCP (RFC 5506).
    pub rtcp_reduced_size: bool,
    /// Codecs, the preferred one first.
    pub payload_types: Vec<PayloadType>,
    /// Feedback for every codec.
    pub feedback: Vec<Feedback>,
    /// RTP header extensions.
    pub header_extensions: Vec<HeaderExtension>,
    /// The describing side's sources.
    pub sources: Vec<Source>,
    /// Sources that belong together.
    pub source_groups: Vec<SourceGroup>,
    /// The `a=msid` of SDP.
    pub stream: Option<Stream>,
}

/// A codec.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PayloadType {
    /// Payload type, 0 to 127.
    pub id: u8,
    /// Encoding name; static payload types may lack it.
    pub name: Option<String>,
    /// RTP clock rate in Hz.
    pub clockrate: Option<u32>,
    /// Channels; absent or 1 is mono.
    pub channels: Option<u8>,
    /// The `a=fmtp` of SDP.
    pub parameters: Vec<Parameter>,
    /// Feedback for this codec.
    pub feedback: Vec<Feedback>,
}

/// A format parameter; without value it is a bare word, as `0-15` for telephone-event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Name, or the bare word.
    pub name: String,
    /// Value.
    pub value: Option<String>,
}

/// An RTCP feedback message (RFC 4585), or `trr-int` with its interval in ms as subtype.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feedback {
    /// Type, for instance `nack`.
    pub kind: String,
    /// Subtype, for instance `pli`.
    pub subtype: Option<String>,
}

/// An RTP header extension (RFC 8285).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderExtension {
    /// Its number in packets.
    pub id: u16,
    /// The URI that names the extension.
    pub uri: String,
    /// The ends that send it.
    pub senders: Senders,
}

/// A source (RFC 5576).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// SSRC.
    pub ssrc: u32,
    /// Its attributes, for instance `cname`.
    pub parameters: Vec<Parameter>,
}

/// Sources that belong together (RFC 5576 section 4.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceGroup {
    /// `FID` or another.
    pub semantics: String,
    /// SSRCs in order.
    pub sources: Vec<u32>,
}

/// The `a=msid` of SDP (RFC 8830).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    /// Media stream.
    pub id: String,
    /// Track.
    pub track: String,
}

impl Description {
    /// Reads a description: what it is about must be there; whatever else cannot be read is left
    /// out and noted.
    pub(super) fn read(e: ElementRef<'_>, skipped: &mut Skipped) -> Result<Self, &'static str> {
        let media = part::required(e, "media", part::word)?.to_owned();
        let ssrc = part::maybe(e, "ssrc", part::number, skipped);
        let mut description = Self { media, ssrc, ..Self::default() };
        for child in e.elements() {
            match (child.namespace(), child.name()) {
                (ns::RTP, "payload-type") => {
                    let codec = part::child(e, child, skipped, PayloadType::read);
                    description.payload_types.extend(codec);
                }
                (ns::RTP, "rtcp-mux") => description.rtcp_mux = true,
                (ns::RTP, "rtcp-reduced-size") => description.rtcp_reduced_size = true,
                (ns::RTCP_FEEDBACK, _) => {
                    let feedback = part::child(e, child, skipped, Feedback::read);
                    description.feedback.extend(feedback.flatten());
                }
                (ns::HEADER_EXTENSIONS, "rtp-hdrext") => {
                    let known = &description.header_extensions;
                    let extension =
                        part::child(e, child, skipped, |e, s| HeaderExtension::read(e, known, s));
                    description.header_extensions.extend(extension);
                }
                (ns::SOURCES, "source") => {
                    description.sources.extend(part::child(e, child, skipped, Source::read));
                }
                (ns::SOURCES, "ssrc-group") => {
                    let group = part::child(e, child, skipped, SourceGroup::read);
                    description.source_groups.extend(group);
                }
                (ns::MSID, "stream") if description.stream.is_none() => {
                    description.stream = part::child(e, child, skipped, Stream::read);
                }
                _ => {}
            }
        }
        Ok(description)
    }

    pub(super) fn write(&self) -> Element<'_> {
        let flag = |set: bool, name: &'static str| set.then(|| Element::new(name, ns::RTP));
        Element::new("description", ns::RTP)
            .attr("media", &self.media)
            .maybe("ssrc", self.ssrc)
            .children(flag(self.rtcp_mux, "rtcp-mux"))
            .children(flag(self.rtcp_reduced_size, "rtcp-reduced-size"))
            .children(self.feedback.iter().map(Feedback::write))
            .children(self.payload_types.iter().map(PayloadType::write))
            .children(self.header_extensions.iter().map(HeaderExtension::write))
            .children(self.sources.iter().map(Source::write))
            .children(self.source_groups.iter().map(SourceGroup::write))
            .children(self.stream.as_ref().map(Stream::write))
    }
}

impl PayloadType {
    fn read(e: ElementRef<'_>, skipped: &mut Skipped) -> Result<Self, &'static str> {
        let id = part::required(e, "id", part::number)?;
        let name = part::maybe(e, "name", encoding_name, skipped);
        // A number that means nothing by itself needs a name (RFC 3551 section 6).
        if id > 127 || (id > 34 && name.is_none()) {
            return Err(if id > 127 { "id" } else { "name" });
        }
        let mut codec = Self {
            id,
            name: name.map(str::to_owned),
            clockrate: part::maybe(e, "clockrate", part::number, skipped),
            channels: part::maybe(e, "channels", part::number, skipped),
            ..Self::default()
        };
        for child in e.elements() {
            match (child.namespace(), child.name()) {
                (ns::RTP, "parameter") => {
                    codec.parameters.extend(part::child(e, child, skipped, Parameter::read));
                }
                (ns::RTCP_FEEDBACK, _) => {
                    let feedback = part::child(e, child, skipped, Feedback::read);
                    codec.feedback.extend(feedback.flatten());
                }
                _ => {}
            }
        }
        Ok(codec)
    }

    /// Encoding name, clock rate and channels, as `a=rtpmap` needs them. The rate of codecs that
    /// have only one need not be told (XEP-0167 recommends it), nor that Opus has two channels
    /// (RFC 7587 section 7).
    pub(super) fn encoding(&self) -> Option<(&str, u32, u8)> {
        let name = self.name.as_deref()?;
        let is = |other: &str| name.eq_ignore_ascii_case(other);
        let usual = match name {
            _ if is("opus") => Some(48_000),
            _ if ["PCMU", "PCMA", "G722", "CN", "telephone-event"].into_iter().any(is) => {
                Some(8000)
            }
            _ => None,
        };
        let channels = if is("opus") { 2 } else { self.channels.unwrap_or(1).max(1) };
        Some((name, self.clockrate.or(usual)?, channels))
    }

    fn write(&self) -> Element<'_> {
        Element::new("payload-type", ns::RTP)
            .maybe("channels", self.channels)
            .maybe("clockrate", self.clockrate)
            .attr("id", self.id)
            .maybe("name", self.name.as_ref())
            .children(self.parameters.iter().map(|parameter| parameter.write(ns::RTP)))
            .children(self.feedback.iter().map(Feedback::write))
    }
}

impl Parameter {
    /// Reads a parameter: without a name it is the bare value, as with an empty one.
    fn read(e: ElementRef<'_>, _: &mut Skipped) -> Result<Self, &'static str> {
        let text = |name| e.attribute(name).map(|text| part::line(text).ok_or(name)).transpose();
        match (text("name")?, text("value")?) {
            (None, None) => Err("name"),
            (name, value) => Ok(Self {
                name: name.unwrap_or_default().to_owned(),
                value: value.map(str::to_owned),
            }),
        }
    }

    /// Reads a parameter whose name must be there: of a source, of which nothing is a bare word.
    fn read_named(e: ElementRef<'_>, skipped: &mut Skipped) -> Result<Self, &'static str> {
        part::required(e, "name", part::word).and_then(|_| Self::read(e, skipped))
    }

    fn write(&self, namespace: &'static str) -> Element<'_> {
        Element::new("parameter", namespace)
            .attr("name", &self.name)
            .maybe("value", self.value.as_ref())
    }
}

/// A word without a slash, which would end the name in `a=rtpmap`.
fn encoding_name(text: &str) -> Option<&str> {
    part::word(text).filter(|word| !word.contains('/'))
}

const INTERVAL: &str = "trr-int";

impl Feedback {
    /// Reads feedback; none of an element that only shares the namespace.
    fn read(e: ElementRef<'_>, skipped: &mut Skipped) -> Result<Option<Self>, &'static str> {
        let (kind, subtype) = match e.name() {
            "rtcp-fb" => (
                part::required(e, "type", part::word)?,
                part::maybe(e, "subtype", part::line, skipped),
            ),
            "rtcp-fb-trr-int" => (INTERVAL, Some(part::required(e, "value", part::word)?)),
            _ => return Ok(None),
        };
        Ok(Some(Self { kind: kind.to_owned(), subtype: subtype.map(str::to_owned) }))
    }

    fn write(&self) -> Element<'_> {
        match &self.subtype {
            Some(value) if self.kind == INTERVAL => {
                Element::new("rtcp-fb-trr-int", ns::RTCP_FEEDBACK).attr("value", value)
            }
            subtype => Element::new("rtcp-fb", ns::RTCP_FEEDBACK)
                .attr("type", &self.kind)
                .maybe("subtype", subtype.as_ref()),
        }
    }
}

impl HeaderExtension {
    /// Reads a header extension; of two with one number the first counts.
    fn read(
        e: ElementRef<'_>,
        known: &[Self],
        skipped: &mut Skipped,
    ) -> Result<Self, &'static str> {
        let id = part::required(e, "id", part::number)?;
        // RFC 8285 sections 4.2 and 4.3.
        if !(1..=255).contains(&id) || known.iter().any(|other| other.id == id) {
            return Err("id");
        }
        let uri = part::required(e, "uri", part::word)?.to_owned();
        Ok(Self { id, uri, senders: Senders::read(e, skipped) })
    }

    fn write(&self) -> Element<'_> {
        Element::new("rtp-hdrext", ns::HEADER_EXTENSIONS)
            .attr("id", self.id)
            .attr("uri", &self.uri)
            .maybe("senders", self.senders.written())
    }
}

impl Source {
    fn read(e: ElementRef<'_>, skipped: &mut Skipped) -> Result<Self, &'static str> {
        let ssrc = part::required(e, "ssrc", part::number)?;
        let parameters = e.named("parameter", ns::SOURCES);
        let parameters =
            parameters.filter_map(|p| part::child(e, p, skipped, Parameter::read_named)).collect();
        Ok(Self { ssrc, parameters })
    }

    fn write(&self) -> Element<'_> {
        Element::new("source", ns::SOURCES)
            .attr("ssrc", self.ssrc)
            .children(self.parameters.iter().map(|parameter| parameter.write(ns::SOURCES)))
    }
}

impl SourceGroup {
    fn read(e: ElementRef<'_>, skipped: &mut Skipped) -> Result<Self, &'static str> {
        let semantics = part::required(e, "semantics", part::word)?.to_owned();
        let sources = e.named("source", ns::SOURCES);
        let sources: Vec<u32> = sources
            .filter_map(|s| {
                part::child(e, s, skipped, |s, _| part::required(s, "ssrc", part::number))
            })
            .collect();
        if sources.is_empty() { Err("source") } else { Ok(Self { semantics, sources }) }
    }

    fn write(&self) -> Element<'_> {
        let sources = self.sources.iter();
        Element::new("ssrc-group", ns::SOURCES)
            .attr("semantics", &self.semantics)
            .children(sources.map(|ssrc| Element::new("source", ns::SOURCES).attr("ssrc", ssrc)))
    }
}

impl Stream {
    fn read(e: ElementRef<'_>, skipped: &mut Skipped) -> Result<Self, &'static str> {
        let id = part::required(e, "id", part::word)?.to_owned();
        let track = part::maybe(e, "track", part::line, skipped).unwrap_or_default().to_owned();
        Ok(Self { id, track })
    }

    fn write(&self) -> Element<'_> {
        Element::new("stream", ns::MSID).attr("id", &self.id).attr("track", &self.track)
    }
}
