//! Rooms that speak to the client.

use serde_json::{Value, json};

use super::{BARE, FULL, Rig};
use crate::genesys::{Command, Config, Outcome, RoomMedia};
use crate::machine::{Input, Track, TrackId};
use crate::media::{VideoCodec, VideoFrame};

pub(in crate::genesys::tests) const ROOM: &str = "adhoc-1@conference.org.example";
/// The sections of an ordinary meeting.
pub(in crate::genesys::tests) const MEETING: [(&str, &str); 3] =
    [("audio", "sendrecv"), ("video", "sendrecv"), ("application", "")];

/// A description of these sections, named from 0 on, whose tracks are `t0`, `t1` and so on.
pub(in crate::genesys::tests) fn room_sdp(sections: &[(&str, &str)]) -> String {
    let mids: Vec<_> = (0..sections.len()).map(|mid| mid.to_string()).collect();
    let mut sdp = format!(
        "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE {}\r\n",
        mids.join(" ")
    );
    for (mid, (kind, direction)) in sections.iter().enumerate() {
        let (line, rest) = match *kind {
            "audio" => ("9 UDP/TLS/RTP/SAVPF 111", "a=rtpmap:111 opus/48000/2\r\n"),
            "video" => ("9 UDP/TLS/RTP/SAVPF 96", "a=rtpmap:96 VP8/90000\r\n"),
            "off" => ("0 UDP/TLS/RTP/SAVPF 96", "a=rtpmap:96 VP8/90000\r\n"),
            "h265" => ("9 UDP/TLS/RTP/SAVPF 96", "a=rtpmap:96 H265/90000\r\n"),
            _ => ("9 UDP/DTLS/SCTP webrtc-datachannel", "a=sctp-port:5000\r\n"),
        };
        let kind = if matches!(*kind, "off" | "h265") { "video" } else { kind };
        sdp += &format!(
            "m={kind} {line}\r\nc=IN IP4 0.0.0.0\r\na=mid:{mid}\r\na=ice-ufrag:ufra\r\n\
             a=ice-pwd:0123456789abcdef0123\r\na=fingerprint:sha-256 AB:CD\r\na=setup:actpass\r\n\
             {rest}"
        );
        if !direction.is_empty() {
            sdp += &format!("a={direction}\r\na=msid:stream t{mid}\r\na=rtcp-mux\r\n");
        }
    }
    sdp
}

impl Rig {
    /// An agent who may have rooms of every kind.
    pub(in crate::genesys::tests) fn with_rooms() -> Self {
        Self::with_rooms_and(|_| {})
    }

    pub(in crate::genesys::tests) fn with_rooms_and(change: impl FnOnce(&mut Config)) -> Self {
        use crate::genesys::SessionType as T;
        Self::ready_with(|config| {
            let all =
                [T::Softphone, T::CollaborateVideo, T::ScreenRecording, T::LiveScreenMonitoring];
            config.allowed_session_types = all.to_vec();
            change(config);
        })
    }

    pub(in crate::genesys::tests) fn propose_from(
        &mut self,
        room: &str,
        session: &str,
        conversation: &str,
        more: &str,
    ) {
        self.frame(&format!(
            r#"<message xmlns="jabber:client" from="{room}" to="{BARE}"><propose xmlns="urn:xmpp:jingle-message:0" id="{session}" inin-cid="{conversation}" inin-ofrom="{room}" {more}><description xmlns="urn:xmpp:jingle:apps:rtp:1" media="video"/></propose></message>"#
        ));
    }

    pub(in crate::genesys::tests) fn rpc_from(&mut self, room: &str, method: &str, params: &Value) {
        let call = json!({"jsonrpc": "2.0", "id": "r1", "method": method, "params": params});
        let call = call.to_string().replace('&', "&amp;").replace('<', "&lt;");
        self.frame(&format!(
            r#"<iq xmlns="jabber:client" type="set" id="x" from="{room}" to="{FULL}"><genesys-webrtc xmlns="genesys">{call}</genesys-webrtc></iq>"#
        ));
    }

    pub(in crate::genesys::tests) fn offer_from(
        &mut self,
        room: &str,
        session: &str,
        conversation: &str,
        sdp: &str,
    ) {
        let params = json!({"sessionId": session, "conversationId": conversation, "sdp": sdp});
        self.rpc_from(room, "offer", &params);
    }

    /// A meeting that the client asked for, offered with these sections and not accepted yet.
    pub(in crate::genesys::tests) fn offered_meeting(&mut self, sections: &[(&str, &str)]) {
        let room = ROOM.to_owned();
        let start = Command::StartVideoConference { room, invitee: None };
        let start = self.submit(start).unwrap();
        let asked = self.expect_http("POST /conversations/videos");
        self.respond(asked.id, 200, &json!({"conversationId": "C1"}));
        assert_eq!(self.completion(start), Some(Ok(Outcome::Conversation("C1".into()))));
        self.propose_from(ROOM, "V1", "C1", r#"inin-sdp-over-xmpp="true""#);
        self.offer_from(ROOM, "V1", "C1", &room_sdp(sections));
    }

    /// The same, accepted and connected, with nothing left to read.
    pub(in crate::genesys::tests) fn meeting_of(
        &mut self,
        sections: &[(&str, &str)],
        media: RoomMedia,
    ) {
        self.offered_meeting(sections);
        let accept = Command::AcceptRoom { conversation: "C1".into(), media };
        let accept = self.submit(accept).unwrap();
        self.acknowledge();
        assert_eq!(self.completion(accept), Some(Ok(Outcome::Done)));
        self.media("connected");
        self.acknowledge();
        self.wait(std::time::Duration::from_millis(100));
        self.forget();
        self.transmitted.clear();
    }

    /// An ordinary meeting, with microphone and camera.
    pub(in crate::genesys::tests) fn meeting(&mut self) {
        self.meeting_of(&MEETING, RoomMedia::Both);
    }

    /// The application sends a picture by the first video track; what leaves.
    pub(in crate::genesys::tests) fn show(&mut self) -> Vec<String> {
        self.transmitted.clear();
        let track =
            TrackId { media: self.newest_media.expect("a session"), track: Track::video(0) };
        let frame = VideoFrame::new(VideoCodec::Vp8, 0, true, &b"picture"[..]);
        self.input(Input::Frame { track, frame: frame.into() });
        std::mem::take(&mut self.transmitted)
    }

    /// The application speaks; what leaves.
    pub(in crate::genesys::tests) fn say(&mut self) -> Vec<String> {
        self.transmitted.clear();
        self.speak();
        std::mem::take(&mut self.transmitted)
    }

    /// The service tells who is in a meeting: participant, user, state of the video and flags.
    pub(in crate::genesys::tests) fn people(&mut self, conversation: &str, all: &Value) {
        let body = json!({"id": conversation, "participants": all});
        self.notify("v2.users.user-1.conversations", &body);
    }
}

/// A participant with a video in this state.
pub(in crate::genesys::tests) fn participant(id: &str, user: &str, state: &str) -> Value {
    json!({"id": id, "userId": user, "purpose": "user", "videos": [{"id": "v", "state": state,
        "audioMuted": true, "videoMuted": false, "sharingScreen": false}]})
}
