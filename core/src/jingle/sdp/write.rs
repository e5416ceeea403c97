//! Jingle to SDP.

use std::collections::BTreeSet;
use std::fmt::{Arguments, Write as _};

use crate::jingle::{
    Content, Description, Feedback, Fingerprint, Jingle, Parameter, PayloadType, Role, Senders,
    Transport,
};
use crate::sdp::{MAX_SECTIONS, SdpError, is_one_line, is_word};

/// Writes the contents of a session-initiate or session-accept as SDP; `author` is the end that
/// describes itself in them.
///
/// A content without ICE credentials, fingerprint or codec becomes a rejected section (port 0).
/// There is always a BUNDLE group: the one of the session, or one of everything. Of two contents
/// with one name the first counts. What no line can hold is left out: it costs only itself.
///
/// # Errors
///
/// [`SdpError::NoAudio`] where no content has a name and a kind of media,
/// [`SdpError::TooManySections`].
pub fn to_sdp(jingle: &Jingle, author: Role) -> Result<String, SdpError> {
    if jingle.contents.is_empty() {
        return Err(SdpError::NoAudio);
    }
    if jingle.contents.len() > MAX_SECTIONS {
        return Err(SdpError::TooManySections);
    }
    let mut usable = BTreeSet::new();
    let mut seen = BTreeSet::new();
    let mut contents = Vec::with_capacity(jingle.contents.len());
    for content in &jingle.contents {
        let Ok(mid) = word("mid", &content.name) else { continue };
        let described = content.description.as_ref();
        if described.is_some_and(|d| word("media", &d.media).is_err()) || !seen.insert(mid) {
            continue;
        }
        contents.push(content);
        if is_usable(content) {
            usable.insert(mid);
        }
    }

    if contents.is_empty() {
        return Err(SdpError::NoAudio);
    }

    let mut sdp = Lines(String::from("v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"));
    let mut bundled = false;
    for group in &jingle.groups {
        let names = group.contents.iter().map(String::as_str);
        let mids: Vec<&str> = names.filter(|name| usable.contains(name)).collect();
        bundled |= group.semantics == "BUNDLE";
        if let Ok(semantics) = word("group semantics", &group.semantics) {
            sdp.group(semantics, &mids);
        }
    }
    if !bundled {
        let names = contents.iter().map(|content| content.name.as_str());
        let mids: Vec<&str> = names.filter(|name| usable.contains(name)).collect();
        sdp.group("BUNDLE", &mids);
    }
    sdp.line(format_args!("a=msid-semantic:WMS *"));
    for content in contents {
        sdp.section(content, author, usable.contains(content.name.as_str()));
    }
    Ok(sdp.0)
}

fn is_usable(content: &Content) -> bool {
    let codecs = content.description.as_ref().is_none_or(|d| codecs(d).next().is_some());
    let secured = content
        .transport
        .as_ref()
        .is_some_and(|t| credentials(t).is_some() && fingerprints(t).next().is_some());
    codecs && secured
}

/// The codecs that a line can hold. Of two codecs with one number the first counts: SDP cannot tell
/// them apart.
fn codecs(d: &Description) -> impl Iterator<Item = &PayloadType> {
    let mut seen = BTreeSet::new();
    // A slash would be taken for the end of the name.
    let fits = |name: &str| word("codec", name).is_ok() && !name.contains('/');
    d.payload_types
        .iter()
        .filter(move |codec| codec.name.as_deref().is_none_or(fits) && seen.insert(codec.id))
}

fn credentials(t: &Transport) -> Option<(&str, &str)> {
    let ufrag = word("ufrag", t.ufrag.as_deref()?).ok()?;
    Some((ufrag, word("pwd", t.pwd.as_ref()?.expose()).ok()?))
}

fn fingerprints(t: &Transport) -> impl Iterator<Item = &Fingerprint> {
    t.fingerprints
        .iter()
        .filter(|f| word("fingerprint", &f.hash).is_ok() && word("fingerprint", &f.value).is_ok())
}

/// A value that must be one word: a line end would start a line of the peer's making.
fn word<'v>(what: &'static str, value: &'v str) -> Result<&'v str, SdpError> {
    if is_word(value) { Ok(value) } else { Err(SdpError::BadValue(what)) }
}

/// A value that may have spaces.
fn text<'v>(what: &'static str, value: &'v str) -> Result<&'v str, SdpError> {
    if is_one_line(value) { Ok(value) } else { Err(SdpError::BadValue(what)) }
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

    fn section(&mut self, content: &Content, author: Role, usable: bool) {
        let port = if usable { 9 } else { 0 };
        match &content.description {
            Some(description) => {
                let kind = &description.media;
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
            self.rtp(description, content.senders, author);
        }
        self.line(format_args!("a=mid:{}", content.name));
        if let Some(transport) = &content.transport {
            self.transport(transport);
        }
    }

    fn rtp(&mut self, d: &Description, senders: Senders, author: Role) {
        self.line(format_args!("a=rtcp:9 IN IP4 0.0.0.0"));
        for codec in codecs(d) {
            self.codec(codec);
        }
        for feedback in &d.feedback {
            self.feedback("*", feedback);
        }
        for extension in &d.header_extensions {
            let Ok(uri) = word("header extension", &extension.uri) else { continue };
            match extension.senders {
                Senders::Both => self.line(format_args!("a=extmap:{} {uri}", extension.id)),
                some @ (Senders::Initiator | Senders::Responder | Senders::None) => {
                    let direction = some.direction(author);
                    self.line(format_args!("a=extmap:{}/{direction} {uri}", extension.id));
                }
            }
        }
        self.line(format_args!("a={}", senders.direction(author)));
        let stream = d.stream.as_ref().and_then(|stream| {
            let id = word("msid", &stream.id).ok()?;
            Some(format!("{id} {}", text("msid", &stream.track).ok()?))
        });
        match stream {
            Some(stream) => self.line(format_args!("a=msid:{}", stream.trim_end())),
            None => self.line(format_args!("a=msid:legacy {}", d.media)),
        }
        if d.rtcp_mux {
            self.line(format_args!("a=rtcp-mux"));
        }
        if d.rtcp_reduced_size {
            self.line(format_args!("a=rtcp-rsize"));
        }
        self.sources(d);
    }

    fn codec(&mut self, codec: &PayloadType) {
        let id = codec.id;
        if let Some((name, rate, channels)) = codec.encoding() {
            match channels {
                0 | 1 => self.line(format_args!("a=rtpmap:{id} {name}/{rate}")),
                _ => self.line(format_args!("a=rtpmap:{id} {name}/{rate}/{channels}")),
            }
        }
        let parameters: Vec<String> =
            codec.parameters.iter().filter_map(|p| parameter(p, '=')).collect();
        let parameters = parameters.join(";");
        if !parameters.trim().is_empty() {
            self.line(format_args!("a=fmtp:{id} {parameters}"));
        }
        for feedback in &codec.feedback {
            self.feedback(&id.to_string(), feedback);
        }
    }

    fn feedback(&mut self, id: &str, feedback: &Feedback) {
        let Ok(kind) = word("feedback", &feedback.kind) else { return };
        match feedback.subtype.as_deref().map(|subtype| text("feedback", subtype)) {
            Some(Ok(subtype)) => self.line(format_args!("a=rtcp-fb:{id} {kind} {subtype}")),
            Some(Err(_)) => {}
            None => self.line(format_args!("a=rtcp-fb:{id} {kind}")),
        }
    }

    fn sources(&mut self, d: &Description) {
        for group in &d.source_groups {
            let Ok(semantics) = word("source group", &group.semantics) else { continue };
            let sources: Vec<String> = group.sources.iter().map(u32::to_string).collect();
            self.line(format_args!("a=ssrc-group:{semantics} {}", sources.join(" ")));
        }
        let mut named = BTreeSet::new();
        for source in &d.sources {
            for told in source.parameters.iter().filter_map(|p| parameter(p, ':')) {
                if !told.trim().is_empty() {
                    self.line(format_args!("a=ssrc:{} {told}", source.ssrc));
                    named.insert(source.ssrc);
                }
            }
        }
        // RFC 5576 wants a cname for every source, also for one that Jingle only mentions.
        let cname = d.sources.iter().flat_map(|source| &source.parameters);
        let cname = cname.filter(|p| p.name == "cname").filter_map(|p| p.value.as_deref());
        let cname = cname.map(|cname| text("cname", cname)).find_map(Result::ok).unwrap_or("-");
        let grouped = d.source_groups.iter().flat_map(|group| &group.sources);
        let mentioned = d.sources.iter().map(|source| &source.ssrc);
        for ssrc in mentioned.chain(&d.ssrc).chain(grouped) {
            if named.insert(*ssrc) {
                self.line(format_args!("a=ssrc:{ssrc} cname:{cname}"));
            }
        }
    }

    fn transport(&mut self, transport: &Transport) {
        if let Some((ufrag, pwd)) = credentials(transport) {
            self.line(format_args!("a=ice-ufrag:{ufrag}"));
            self.line(format_args!("a=ice-pwd:{pwd}"));
        }
        let setup = fingerprints(transport).find_map(|f| f.setup.as_deref());
        if let Some(Ok(setup)) = setup.map(|setup| word("setup", setup)) {
            self.line(format_args!("a=setup:{setup}"));
        }
        for Fingerprint { hash, value, .. } in fingerprints(transport) {
            self.line(format_args!("a=fingerprint:{hash} {value}"));
        }
        if let Some(sctp) = &transport.sctp {
            self.line(format_args!("a=sctp-port:{}", sctp.port));
        }
        for candidate in &transport.candidates {
            if let Ok(line) = text("candidate", &candidate.to_line()) {
                self.line(format_args!("a={line}"));
            }
        }
        if transport.gathering_complete {
            self.line(format_args!("a=end-of-candidates"));
        }
    }
}

fn parameter(p: &Parameter, separator: char) -> Option<String> {
    let name = text("parameter", &p.name).ok()?;
    match p.value.as_deref() {
        None => Some(name.to_owned()),
        Some(value) if name.is_empty() => Some(text("parameter", value).ok()?.to_owned()),
        Some(value) => Some(format!("{name}{separator}{}", text("parameter", value).ok()?)),
    }
}
