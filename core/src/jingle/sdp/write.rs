//! Jingle to SDP.

use std::collections::BTreeSet;
use std::fmt::{Arguments, Write as _};

use super::{MAX_SECTIONS, SdpError};
use crate::jingle::{
    Content, Description, Feedback, Jingle, Parameter, PayloadType, Role, Senders, Transport,
};

/// Writes the contents of a session-initiate or session-accept as SDP; `author` is the end that
/// describes itself in them.
///
/// A content without ICE credentials, fingerprint or codec becomes a rejected section (port 0).
/// There is always a BUNDLE group: the one of the session, or one of everything.
///
/// # Errors
///
/// There is no content or too many, two have one name, or a value would break out of its line.
pub fn to_sdp(jingle: &Jingle, author: Role) -> Result<String, SdpError> {
    if jingle.contents.is_empty() {
        return Err(SdpError::NoMedia);
    }
    if jingle.contents.len() > MAX_SECTIONS {
        return Err(SdpError::TooManyMedia);
    }
    let mut usable = BTreeSet::new();
    let mut seen = BTreeSet::new();
    for content in &jingle.contents {
        let mid = word("mid", &content.name)?;
        if !seen.insert(mid) {
            return Err(SdpError::DuplicateMid(mid.to_owned()));
        }
        if is_usable(content) {
            usable.insert(mid);
        }
    }

    let mut sdp = Lines(String::from("v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"));
    let mut bundled = false;
    for group in &jingle.groups {
        let names = group.contents.iter().map(String::as_str);
        let mids: Vec<&str> = names.filter(|name| usable.contains(name)).collect();
        bundled |= group.semantics == "BUNDLE";
        sdp.group(word("group semantics", &group.semantics)?, &mids);
    }
    if !bundled {
        let names = jingle.contents.iter().map(|content| content.name.as_str());
        let mids: Vec<&str> = names.filter(|name| usable.contains(name)).collect();
        sdp.group("BUNDLE", &mids);
    }
    sdp.line(format_args!("a=msid-semantic:WMS *"));
    for content in &jingle.contents {
        sdp.section(content, author, usable.contains(content.name.as_str()))?;
    }
    Ok(sdp.0)
}

fn is_usable(content: &Content) -> bool {
    let codecs = content.description.as_ref().is_none_or(|d| !d.payload_types.is_empty());
    let secured = content
        .transport
        .as_ref()
        .is_some_and(|t| t.ufrag.is_some() && t.pwd.is_some() && !t.fingerprints.is_empty());
    codecs && secured
}

/// Of two codecs with one number the first counts: SDP cannot tell them apart.
fn codecs(d: &Description) -> impl Iterator<Item = &PayloadType> {
    let mut seen = BTreeSet::new();
    d.payload_types.iter().filter(move |codec| seen.insert(codec.id))
}

/// A value that must be one word: a line end would start a line of the peer's making.
fn word<'v>(what: &'static str, value: &'v str) -> Result<&'v str, SdpError> {
    let bad = |c: char| c.is_whitespace() || c.is_control();
    if value.is_empty() || value.contains(bad) { Err(SdpError::BadValue(what)) } else { Ok(value) }
}

/// A value that may have spaces.
fn text<'v>(what: &'static str, value: &'v str) -> Result<&'v str, SdpError> {
    if value.contains(char::is_control) { Err(SdpError::BadValue(what)) } else { Ok(value) }
}

struct Lines(String);

impl Lines {
    fn line(&mut self, line: Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = self.0.write_fmt(line);
        self.0.push_str("\r\n");
    }

    fn group(&mut self, semantics: &str, mids: &[&str]) {
        self.line(format_args!("a=group:{}", [&[semantics], mids].concat().join(" ")));
    }

    fn section(&mut self, content: &Content, author: Role, usable: bool) -> Result<(), SdpError> {
        let port = if usable { 9 } else { 0 };
        match &content.description {
            Some(description) => {
                let kind = word("media", &description.media)?;
                let mut formats: Vec<String> =
                    codecs(description).map(|codec| codec.id.to_string()).collect();
                if formats.is_empty() {
                    formats.push("0".to_owned());
                }
                let formats = formats.join(" ");
                self.line(format_args!("m={kind} {port} UDP/TLS/RTP/SAVPF {formats}"));
            }
            None => {
                self.line(format_args!("m=application {port} UDP/DTLS/SCTP webrtc-datachannel"));
            }
        }
        self.line(format_args!("c=IN IP4 0.0.0.0"));
        if let Some(description) = &content.description {
            self.rtp(description, content.senders, author)?;
        }
        self.line(format_args!("a=mid:{}", content.name));
        match &content.transport {
            Some(transport) => self.transport(transport),
            None => Ok(()),
        }
    }

    fn rtp(&mut self, d: &Description, senders: Senders, author: Role) -> Result<(), SdpError> {
        self.line(format_args!("a=rtcp:9 IN IP4 0.0.0.0"));
        for codec in codecs(d) {
            self.codec(codec)?;
        }
        for feedback in &d.feedback {
            self.feedback("*", feedback)?;
        }
        for extension in &d.header_extensions {
            let uri = word("header extension", &extension.uri)?;
            match extension.senders {
                Senders::Both => self.line(format_args!("a=extmap:{} {uri}", extension.id)),
                some => {
                    let direction = some.direction(author);
                    self.line(format_args!("a=extmap:{}/{direction} {uri}", extension.id));
                }
            }
        }
        self.line(format_args!("a={}", senders.direction(author)));
        match &d.stream {
            Some(stream) => {
                let id = word("msid", &stream.id)?;
                let track = text("msid", &stream.track)?;
                self.line(format_args!("a=msid:{}", format!("{id} {track}").trim_end()));
            }
            None => self.line(format_args!("a=msid:legacy {}", d.media)),
        }
        if d.rtcp_mux {
            self.line(format_args!("a=rtcp-mux"));
        }
        if d.rtcp_reduced_size {
            self.line(format_args!("a=rtcp-rsize"));
        }
        self.sources(d)
    }

    fn codec(&mut self, codec: &PayloadType) -> Result<(), SdpError> {
        let id = codec.id;
        if let (Some(name), Some(rate)) = (&codec.name, codec.clockrate) {
            // A slash would be taken for the end of the name.
            let name = word("codec", name).and_then(|name| {
                if name.contains('/') { Err(SdpError::BadValue("codec")) } else { Ok(name) }
            })?;
            match codec.channels {
                Some(channels) if channels > 1 => {
                    self.line(format_args!("a=rtpmap:{id} {name}/{rate}/{channels}"));
                }
                Some(_) | None => self.line(format_args!("a=rtpmap:{id} {name}/{rate}")),
            }
        }
        let parameters: Result<Vec<String>, SdpError> =
            codec.parameters.iter().map(|p| parameter(p, '=')).collect();
        let parameters = parameters?.join(";");
        if !parameters.trim().is_empty() {
            self.line(format_args!("a=fmtp:{id} {parameters}"));
        }
        for feedback in &codec.feedback {
            self.feedback(&id.to_string(), feedback)?;
        }
        Ok(())
    }

    fn feedback(&mut self, id: &str, feedback: &Feedback) -> Result<(), SdpError> {
        let kind = word("feedback", &feedback.kind)?;
        match &feedback.subtype {
            Some(subtype) => {
                let subtype = text("feedback", subtype)?;
                self.line(format_args!("a=rtcp-fb:{id} {kind} {subtype}"));
            }
            None => self.line(format_args!("a=rtcp-fb:{id} {kind}")),
        }
        Ok(())
    }

    fn sources(&mut self, d: &Description) -> Result<(), SdpError> {
        for group in &d.source_groups {
            let semantics = word("source group", &group.semantics)?;
            let sources: Vec<String> = group.sources.iter().map(u32::to_string).collect();
            self.line(format_args!("a=ssrc-group:{semantics} {}", sources.join(" ")));
        }
        let mut named = BTreeSet::new();
        for source in &d.sources {
            for p in &source.parameters {
                let told = parameter(p, ':')?;
                if !told.trim().is_empty() {
                    self.line(format_args!("a=ssrc:{} {told}", source.ssrc));
                    named.insert(source.ssrc);
                }
            }
        }
        // RFC 5576 wants a cname for every source, also for one that Jingle only mentions.
        let cname = d.sources.iter().flat_map(|source| &source.parameters);
        let cname = cname.filter(|p| p.name == "cname").find_map(|p| p.value.as_deref());
        let grouped = d.source_groups.iter().flat_map(|group| &group.sources);
        let mentioned = d.sources.iter().map(|source| &source.ssrc);
        for ssrc in mentioned.chain(&d.ssrc).chain(grouped) {
            if named.insert(*ssrc) {
                self.line(format_args!("a=ssrc:{ssrc} cname:{}", cname.unwrap_or("-")));
            }
        }
        Ok(())
    }

    fn transport(&mut self, transport: &Transport) -> Result<(), SdpError> {
        if let (Some(ufrag), Some(pwd)) = (&transport.ufrag, &transport.pwd) {
            self.line(format_args!("a=ice-ufrag:{}", word("ufrag", ufrag)?));
            self.line(format_args!("a=ice-pwd:{}", word("pwd", pwd.expose())?));
        }
        let mut fingerprints = transport.fingerprints.iter();
        if let Some(setup) = fingerprints.find_map(|f| f.setup.as_deref()) {
            self.line(format_args!("a=setup:{}", word("setup", setup)?));
        }
        for fingerprint in &transport.fingerprints {
            let hash = word("fingerprint", &fingerprint.hash)?;
            let value = word("fingerprint", &fingerprint.value)?;
            self.line(format_args!("a=fingerprint:{hash} {value}"));
        }
        if let Some(sctp) = &transport.sctp {
            self.line(format_args!("a=sctp-port:{}", sctp.port));
        }
        for candidate in &transport.candidates {
            self.line(format_args!("a={}", text("candidate", &candidate.to_line())?));
        }
        if transport.gathering_complete {
            self.line(format_args!("a=end-of-candidates"));
        }
        Ok(())
    }
}

fn parameter(p: &Parameter, separator: char) -> Result<String, SdpError> {
    let name = text("parameter", &p.name)?;
    match p.value.as_deref() {
        None => Ok(name.to_owned()),
        Some(value) if name.is_empty() => Ok(text("parameter", value)?.to_owned()),
        Some(value) => Ok(format!("{name}{separator}{}", text("parameter", value)?)),
    }
}
