//! RTP descriptions (XEP-0167, 0293, 0294, 0339; wire notes 6.2 to 6.4).

use super::Senders;
use crate::xmpp::{Element, ElementRef, ns};

/// What a content's RTP looks like.
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
    /// What it is.
    pub uri: String,
    /// Who sends it.
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
    pub(super) fn read(e: ElementRef<'_>) -> Result<Self, String> {
        let media = e.require("media")?.to_owned();
        let mut description = Self { media, ssrc: e.number("ssrc")?, ..Self::default() };
        for child in e.elements() {
            match (child.namespace(), child.name()) {
                (ns::RTP, "payload-type") => {
                    description.payload_types.push(PayloadType::read(child)?);
                }
                (ns::RTP, "rtcp-mux") => description.rtcp_mux = true,
                (ns::RTP, "rtcp-reduced-size") => description.rtcp_reduced_size = true,
                (ns::RTCP_FEEDBACK, _) => description.feedback.extend(Feedback::read(child)?),
                (ns::HEADER_EXTENSIONS, "rtp-hdrext") => {
                    description.header_extensions.push(HeaderExtension::read(child)?);
                }
                (ns::SOURCES, "source") => description.sources.push(Source::read(child)?),
                (ns::SOURCES, "ssrc-group") => {
                    description.source_groups.push(SourceGroup::read(child)?);
                }
                (ns::MSID, "stream") if description.stream.is_none() => {
                    description.stream = Some(Stream::read(child)?);
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
    fn read(e: ElementRef<'_>) -> Result<Self, String> {
        let id = e.require_number("id")?;
        if id > 127 {
            return Err(format!("payload type {id}"));
        }
        let mut codec = Self {
            id,
            name: e.owned("name"),
            clockrate: e.number("clockrate")?,
            channels: e.number("channels")?,
            ..Self::default()
        };
        for child in e.elements() {
            match (child.namespace(), child.name()) {
                (ns::RTP, "parameter") => codec.parameters.push(Parameter::read(child)?),
                (ns::RTCP_FEEDBACK, _) => codec.feedback.extend(Feedback::read(child)?),
                _ => {}
            }
        }
        Ok(codec)
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
    fn read(e: ElementRef<'_>) -> Result<Self, String> {
        Ok(Self { name: e.require("name")?.to_owned(), value: e.owned("value") })
    }

    fn write(&self, namespace: &'static str) -> Element<'_> {
        Element::new("parameter", namespace)
            .attr("name", &self.name)
            .maybe("value", self.value.as_ref())
    }
}

const INTERVAL: &str = "trr-int";

impl Feedback {
    /// Nothing for an element that only shares the namespace.
    fn read(e: ElementRef<'_>) -> Result<Option<Self>, String> {
        let (kind, subtype) = match e.name() {
            "rtcp-fb" => (e.require("type")?, e.owned("subtype")),
            "rtcp-fb-trr-int" => (INTERVAL, Some(e.require("value")?.to_owned())),
            _ => return Ok(None),
        };
        Ok(Some(Self { kind: kind.to_owned(), subtype }))
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
    fn read(e: ElementRef<'_>) -> Result<Self, String> {
        Ok(Self {
            id: e.require_number("id")?,
            uri: e.require("uri")?.to_owned(),
            senders: Senders::read(e),
        })
    }

    fn write(&self) -> Element<'_> {
        Element::new("rtp-hdrext", ns::HEADER_EXTENSIONS)
            .attr("id", self.id)
            .attr("uri", &self.uri)
            .maybe("senders", self.senders.written())
    }
}

impl Source {
    fn read(e: ElementRef<'_>) -> Result<Self, String> {
        Ok(Self {
            ssrc: e.require_number("ssrc")?,
            parameters: e
                .named("parameter", ns::SOURCES)
                .map(Parameter::read)
                .collect::<Result<_, _>>()?,
        })
    }

    fn write(&self) -> Element<'_> {
        Element::new("source", ns::SOURCES)
            .attr("ssrc", self.ssrc)
            .children(self.parameters.iter().map(|parameter| parameter.write(ns::SOURCES)))
    }
}

impl SourceGroup {
    fn read(e: ElementRef<'_>) -> Result<Self, String> {
        Ok(Self {
            semantics: e.require("semantics")?.to_owned(),
            sources: e
                .named("source", ns::SOURCES)
                .map(|source| source.require_number("ssrc"))
                .collect::<Result<_, _>>()?,
        })
    }

    fn write(&self) -> Element<'_> {
        let sources = self.sources.iter();
        Element::new("ssrc-group", ns::SOURCES)
            .attr("semantics", &self.semantics)
            .children(sources.map(|ssrc| Element::new("source", ns::SOURCES).attr("ssrc", ssrc)))
    }
}

impl Stream {
    fn read(e: ElementRef<'_>) -> Result<Self, String> {
        Ok(Self {
            id: e.require("id")?.to_owned(),
            track: e.attribute("track").unwrap_or_default().to_owned(),
        })
    }

    fn write(&self) -> Element<'_> {
        Element::new("stream", ns::MSID).attr("id", &self.id).attr("track", &self.track)
    }
}
