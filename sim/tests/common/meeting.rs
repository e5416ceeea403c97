//! A visitor in a room: asked, answering, seen.

use std::time::Duration;

use offhook::genesys::wire::{Method, SessionMessage};
use offhook::sdp::{Description, Direction};
use serde_json::{Value, json};

use super::visitor::Visitor;

pub(crate) const ROOM: &str = "adhoc-lab1@conference.lab-org.orgspan.lab.test";
pub(crate) const SOON: Duration = Duration::from_millis(50);

/// The client starts a conference in a room: its conversation, and the session that is proposed.
pub(crate) fn start(visitor: &mut Visitor) -> (String, String) {
    let body = json!({"roomId": ROOM, "participant": {"address": visitor.bare()}});
    let (status, reply) = visitor.desk.api("t", "POST", "conversations/videos", &body);
    assert_eq!(status, 202, "{reply}");
    assert!(visitor.proposed().is_none(), "the reply comes first");
    visitor.wait(SOON);
    let (from, propose) = visitor.proposed().expect("a proposal");
    assert_eq!(from, ROOM, "the room's bare address");
    assert_eq!(propose.original_room.as_deref(), Some(ROOM));
    assert_eq!(propose.conversation_id.as_deref(), reply["conversationId"].as_str());
    assert_eq!(propose.from_user_id, Some(visitor.id()));
    assert_eq!(propose.media, ["audio", "video"]);
    (reply["conversationId"].as_str().unwrap().to_owned(), propose.id)
}

/// The kinds and directions of a description's sections.
pub(crate) fn lines(sdp: &str) -> Vec<(String, Direction)> {
    let description = Description::read(sdp).unwrap();
    let direction = |section: &offhook::sdp::Section<'_>| section.direction_in(&description);
    description.sections.iter().map(|one| (one.kind().to_owned(), direction(one))).collect()
}

/// Takes the offer of a session that was proposed, and answers it.
pub(crate) fn answer(visitor: &mut Visitor, room: &str, session: &str) -> String {
    visitor.message(room, "proceed", session);
    let Some(Method::Offer { sdp, reinvite: false, .. }) = visitor.called() else {
        panic!("an offer")
    };
    let own = visitor.bare();
    visitor.message(&own, "accept", session);
    assert!(visitor.told(&SessionMessage::Accept { id: session.to_owned() }), "its own accept");
    let (answer, candidate) = visitor.answer(&sdp);
    visitor.rpc(room, "answer", &json!({"sdp": answer, "sessionId": session}));
    let candidate = format!("m=0 9 RTP/AVP 0\r\na={candidate}\r\n");
    visitor.rpc(room, "iceCandidate", &json!({"sdp": candidate, "sessionId": session}));
    visitor.wait(Duration::from_secs(2));
    visitor.rpc(room, "info", &json!({"sessionId": session, "status": "active"}));
    sdp
}

pub(crate) fn room(visitor: &mut Visitor, name: &str) -> Value {
    let (status, room) = visitor.desk.control("GET", &format!("rooms/{name}"), &Value::Null);
    assert_eq!(status, 200, "{room}");
    room
}

pub(crate) fn post(visitor: &mut Visitor, path: &str, body: &Value) -> Value {
    let (status, answer) = visitor.desk.control("POST", path, body);
    assert_eq!(status, 200, "{path}: {answer}");
    visitor.wait(SOON);
    answer
}

/// The beginning of a picture of VP8, with a number.
pub(crate) fn picture(number: u64) -> Vec<u8> {
    let mut data = vec![0x90, 0x06, 0x00, 0x9d, 0x01, 0x2a, 0x40, 0x00, 0x40, 0x00];
    data.extend(format!("offhk#{number:010}").bytes());
    data
}
