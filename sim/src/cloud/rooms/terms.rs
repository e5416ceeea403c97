//! The terms on which a room offers media: signaling, sections, codecs.

use offhook::media::{MAX_TRACKS, MediaKind, VideoCodec, Wish};
use offhook::sdp::Direction;
use serde_json::Value;

use super::kind::Kind;
use crate::cloud::options::Options;
use crate::cloud::signaling::Signaling;

/// The terms on which a room offers media.
#[derive(Clone, Debug)]
pub(in crate::cloud) struct Terms {
    pub(super) signaling: Signaling,
    pub(super) trickle: bool,
    pub(super) auto_answer: bool,
    /// `inin-user-id` of its proposals.
    pub(super) from_user: Option<String>,
    /// The sections of media, in their order, as the room sees them.
    pub(super) wishes: Vec<Wish>,
    /// True if there is a section for data channels, the last.
    pub(super) channels: bool,
    pub(super) codecs: Vec<VideoCodec>,
    /// True if three encodings of each video are asked for (SDP only).
    pub(super) simulcast: bool,
    /// True if contents do not say which stream they are, which clients of the reference's kind cannot
    /// apply (Jingle only).
    pub(super) bare_streams: bool,
}

impl Terms {
    /// The terms of a room that nobody said anything about.
    pub(super) fn usual(kind: Kind, options: &Options) -> Self {
        let (wishes, channels) = layout(kind, &Value::Null);
        Self {
            signaling: options.room_signaling,
            trickle: options.room_trickle,
            auto_answer: false,
            from_user: None,
            wishes,
            channels,
            codecs: vec![VideoCodec::Vp8, VideoCodec::H264],
            simulcast: false,
            bare_streams: false,
        }
    }

    /// The terms as a control request has them, which says what is not as before.
    pub(super) fn with(&self, kind: Kind, body: &Value) -> Result<Self, &'static str> {
        let mut terms = self.clone();
        match body["signaling"].as_str() {
            None => {}
            Some("sdp") => terms.signaling = Signaling::Sdp,
            Some("jingle") => terms.signaling = Signaling::Jingle,
            Some(_) => return Err("signaling is jingle or sdp"),
        }
        let flag = |key: &str, field: &mut bool| {
            *field = body[key].as_bool().unwrap_or(*field);
        };
        flag("trickle", &mut terms.trickle);
        flag("autoAnswer", &mut terms.auto_answer);
        flag("simulcast", &mut terms.simulcast);
        flag("bareStreams", &mut terms.bare_streams);
        if let Some(from) = body["fromUserId"].as_str() {
            terms.from_user = Some(from.to_owned());
        }
        if let Some(codecs) = body["codecs"].as_array() {
            let known = |name: &str| {
                [VideoCodec::Vp8, VideoCodec::H264].into_iter().find(|codec| codec.name() == name)
            };
            terms.codecs = codecs.iter().filter_map(Value::as_str).filter_map(known).collect();
        }
        if let Some(lines) = body["layout"].as_array() {
            (terms.wishes, terms.channels) = read(lines)?;
        } else if ["video", "screens", "observer"].iter().any(|key| !body[*key].is_null()) {
            (terms.wishes, terms.channels) = layout(kind, body);
        }
        flag("dataChannel", &mut terms.channels);
        if terms.wishes.is_empty() || terms.wishes.len() > MAX_TRACKS {
            return Err("a room offers between 1 and 32 lines of media");
        }
        Ok(terms)
    }
}

/// The sections that a room of that kind has, and whether it has data channels.
fn layout(kind: Kind, body: &Value) -> (Vec<Wish>, bool) {
    let count = |key: &str| body[key].as_u64().map_or(1, |n| n.min(MAX_TRACKS as u64 + 1) as usize);
    let video = |direction| Wish { kind: MediaKind::Video, direction };
    match kind {
        Kind::Conference | Kind::Peer | Kind::Agent => {
            let mut wishes = vec![Wish::AUDIO];
            let count = count("video");
            wishes.extend((count > 0).then(|| video(Direction::SendRecv)));
            wishes.extend((1..count).map(|_| video(Direction::SendOnly)));
            (wishes, true)
        }
        Kind::Share | Kind::Recording | Kind::Monitor => {
            let seen = match body["observer"].as_bool() {
                Some(true) => Direction::SendOnly,
                Some(false) | None => Direction::RecvOnly,
            };
            ((0..count("screens")).map(|_| video(seen)).collect(), false)
        }
    }
}

/// Reads sections as a request lists them.
fn read(lines: &[Value]) -> Result<(Vec<Wish>, bool), &'static str> {
    let (mut wishes, mut channels) = (Vec::new(), false);
    for line in lines {
        match wish(line) {
            Some(wish) => wishes.push(wish),
            None if line["kind"] == "data" => channels = true,
            None => return Err("a line has a kind (audio, video or data) and a direction"),
        }
    }
    Ok((wishes, channels))
}

/// A section of media as a request describes it.
pub(super) fn wish(line: &Value) -> Option<Wish> {
    let kind = match line["kind"].as_str()? {
        "audio" => MediaKind::Audio,
        "video" => MediaKind::Video,
        _ => return None,
    };
    let direction = match line["direction"].as_str() {
        Some(name) => Direction::from_name(name)?,
        None => Direction::SendRecv,
    };
    Some(Wish { kind, direction })
}
