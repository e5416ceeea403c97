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
        Ok(Self {
            media: e.require("media")?.to_owned(),
            ssrc: e.number("ssrc")?,
            rtcp_mux: e.find("rtcp-mux", ns::RTP).is_some(),
            rtcp_reduced_size: e.find("rtcp-reduced-size", ns::RTP).is_some(),
            payload_types: e
                .named("payload-type", ns::RTP)
                .map(PayloadType::read)
                .collect::<Result<_, _>>()?,
            feedback: Feedback::read_all(e)?,
            header_extensions: e
                .named("rtp-hdrext", ns::HEADER_EXTENSIONS)
                .map(HeaderExtension::read)
                .collect::<Result<_, _>>()?,
            sources: e.named("source", ns::SOURCES).map(Source::read).collect::<Result<_, _>>()?,
            source_groups: e
                .named("ssrc-group", ns::SOURCES)
                .map(SourceGroup::read)
                .collect::<Result<_, _>>()?,
            stream: e.find("stream", ns::MSID).map(Stream::read).transpose()?,
        })
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
        Ok(Self {
            id,
            name: e.owned("name"),
            clockrate: e.number("clockrate")?,
            channels: e.number("channels")?,
            parameters: Parameter::read_all(e, ns::RTP)?,
            feedback: Feedback::read_all(e)?,
        })
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
    fn read_all(e: ElementRef<'_>, namespace: &'static str) -> Result<Vec<Self>, String> {
        e.named("parameter", namespace)
            .map(|p| Ok(Self { name: p.require("name")?.to_owned(), value: p.owned("value") }))
            .collect()
    }

    fn write(&self, namespace: &'static str) -> Element<'_> {
        Element::new("parameter", namespace)
            .attr("name", &self.name)
            .maybe("value", self.value.as_ref())
    }
}

const INTERVAL: &str = "trr-int";

impl Feedback {
    fn read_all(e: ElementRef<'_>) -> Result<Vec<Self>, String> {
        let own = e.elements().filter(|child| child.namespace() == ns::RTCP_FEEDBACK);
        own.filter_map(|child| match child.name() {
            "rtcp-fb" => Some(
                child
                    .require("type")
                    .map(|kind| Self { kind: kind.to_owned(), subtype: child.owned("subtype") }),
            ),
            "rtcp-fb-trr-int" => {
                Some(child.require("value").map(|value| Self {
                    kind: INTERVAL.to_owned(),
                    subtype: Some(value.to_owned()),
                }))
            }
            _ => None,
        })
        .collect()
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
            parameters: Parameter::read_all(e, ns::SOURCES)?,
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
