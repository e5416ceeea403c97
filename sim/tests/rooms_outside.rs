//! Rooms whose far end somebody outside plays: its offers and candidates by the control API, and what the
//! client says to them. That a browser is one is seen in `sim/far-ends`.

mod common;

use std::time::Duration;

use common::desk::Desk;
use common::visitor::{Visitor, visitor};
use offhook::genesys::wire::Method;
use serde_json::{Value, json};

const ROOM: &str = "adhoc-lab1@conference.lab-org.orgspan.lab.test";
const FAR: &str = "rooms/adhoc-lab1/far";
const CANDIDATE: &str = "candidate:1 1 udp 1 192.0.2.1 9 typ host";
const OFFER: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n\
    a=group:BUNDLE 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:abcd\r\n\
    a=ice-pwd:abcdefghijklmnopqrstuv\r\na=fingerprint:sha-256 00:11\r\na=setup:actpass\r\n\
    a=mid:0\r\na=sendrecv\r\na=rtcp-mux\r\na=rtpmap:0 PCMU/8000\r\n";

/// A client, and a room that waits for its far end.
fn scene(signaling: &str) -> Visitor {
    let mut visitor = visitor();
    let room = json!({"roomJid": ROOM, "signaling": signaling, "far": {}});
    assert_eq!(visitor.desk.control("POST", "rooms", &room).0, 200);
    visitor
}

/// The client begins a meeting, and takes the session that is proposed.
fn join(visitor: &mut Visitor) -> String {
    let body = json!({"roomId": ROOM, "participant": {"address": visitor.bare()}});
    assert_eq!(visitor.desk.api("t", "POST", "conversations/videos", &body).0, 202);
    visitor.wait(Duration::from_millis(50));
    let (_, propose) = visitor.proposed().expect("a proposal");
    visitor.message(ROOM, "proceed", &propose.id);
    propose.id
}

fn far(visitor: &mut Visitor) -> Value {
    let (status, far) = visitor.desk.control("GET", FAR, &Value::Null);
    assert_eq!(status, 200, "{far}");
    far
}

fn say(visitor: &mut Visitor, what: &str, body: &Value) -> u16 {
    let (status, _) = visitor.desk.control("POST", &format!("{FAR}/{what}"), body);
    visitor.wait(Duration::from_millis(5));
    status
}

fn offered(visitor: &mut Visitor) -> String {
    match visitor.called() {
        Some(Method::Offer { sdp, reinvite: false, .. }) => sdp,
        other => panic!("an offer: {other:?}"),
    }
}

#[test]
fn wire_16_2_a_far_end_outside_offers_and_adds_a_line_on_the_same_path() {
    let mut visitor = scene("sdp");
    let session = join(&mut visitor);
    assert!(visitor.called().is_none(), "its far end is not there");
    let (_, told) = visitor.desk.control("GET", "events?type=far-wanted", &Value::Null);
    assert_eq!(told["events"].as_array().map(Vec::len), Some(1));

    assert_eq!(say(&mut visitor, "candidates", &json!({"candidate": CANDIDATE})), 200);
    assert_eq!(say(&mut visitor, "offer", &json!({"offer": OFFER})), 200);
    assert_eq!(offered(&mut visitor), OFFER, "verbatim");
    assert!(visitor.called().is_none(), "wire notes 6.14: candidates wait for the client");
    assert_eq!(say(&mut visitor, "offer", &json!({"offer": OFFER})), 400, "one at a time");
    let own = visitor.bare();
    visitor.message(&own, "accept", &session);
    assert!(matches!(visitor.called(), Some(Method::IceCandidate { .. })));

    let answer = OFFER.replace("actpass", "active");
    visitor.rpc(ROOM, "answer", &json!({"sdp": answer, "sessionId": session}));
    let line = format!("m=0 9 RTP/AVP 0\r\na=mid:0\r\na={CANDIDATE}\r\n");
    visitor.rpc(ROOM, "iceCandidate", &json!({"sdp": line, "sessionId": session}));
    let told = far(&mut visitor);
    assert_eq!((&told["answer"], &told["sessionState"]), (&json!(answer), &json!("active")));
    assert_eq!(told["candidates"][0]["candidate"], CANDIDATE);

    // Another participant's pictures: by the same credentials.
    let video = "m=video 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:abcd\r\n\
        a=ice-pwd:abcdefghijklmnopqrstuv\r\na=fingerprint:sha-256 00:11\r\na=setup:actpass\r\n\
        a=mid:1\r\na=sendonly\r\na=rtcp-mux\r\na=rtpmap:96 VP8/90000\r\n";
    let more = format!("{}{video}", OFFER.replace("BUNDLE 0", "BUNDLE 0 1"));
    assert_eq!(say(&mut visitor, "offer", &json!({"offer": more})), 200);
    assert_eq!(offered(&mut visitor), more);
    let told = far(&mut visitor);
    assert_eq!(
        (&told["answer"], told["candidates"].as_array().map(Vec::len)),
        (&Value::Null, Some(1))
    );
    assert_eq!(say(&mut visitor, "offer", &json!({"offer": more})), 400, "one at a time");
    let answer = more.replace("actpass", "active").replace("sendonly", "recvonly");
    visitor.rpc(ROOM, "answer", &json!({"sdp": answer, "sessionId": session}));
    assert_eq!(far(&mut visitor)["answer"], answer);

    // What is the far end's is not the emulator's to do.
    for what in ["renegotiate", "reinvite", "kill-media", "data"] {
        let path = format!("rooms/adhoc-lab1/{what}");
        assert_eq!(visitor.desk.control("POST", &path, &json!({"text": "?"})).0, 400, "{what}");
    }
    assert_eq!(visitor.desk.control("POST", "rooms/adhoc-lab1/end", &json!({})).0, 200);
    assert_eq!(far(&mut visitor)["sessionState"], "ended");
    assert_eq!(say(&mut visitor, "offer", &json!({"offer": OFFER})), 400, "it is over");
}

#[test]
fn wire_16_2_by_jingle_a_far_end_outside_offers_once() {
    let mut visitor = scene("jingle");
    join(&mut visitor);
    assert_eq!(say(&mut visitor, "offer", &json!({"offer": "what Jingle cannot say"})), 400);
    assert_eq!(say(&mut visitor, "offer", &json!({"offer": OFFER})), 200);
    let initiate = visitor.jingle().expect("an offer");
    assert_eq!(initiate.contents.len(), 1);
    assert_eq!(say(&mut visitor, "candidates", &json!({"candidate": CANDIDATE})), 200);
    assert!(visitor.jingle().is_some(), "a client of Jingle is ready at once");
    assert_eq!(say(&mut visitor, "candidates", &json!({})), 400);
}

#[test]
fn a_far_end_outside_that_the_client_refuses_may_offer_anew() {
    let mut visitor = scene("sdp");
    join(&mut visitor);
    assert_eq!(say(&mut visitor, "offer", &json!({"offer": OFFER})), 200);
    let id = visitor.take(|frame| match frame {
        offhook::genesys::wire::Frame::Iq(iq) => iq.id.clone(),
        _ => None,
    });
    let id = id.expect("an offer");
    visitor.say(&format!(
        r#"<iq xmlns="jabber:client" type="error" id="{id}" to="{ROOM}"><error type="cancel"><bad-request xmlns="urn:ietf:params:xml:ns:xmpp-stanzas"/></error></iq>"#
    ));
    assert_eq!(far(&mut visitor)["refused"], "bad-request");
    assert_eq!(say(&mut visitor, "offer", &json!({"offer": OFFER})), 200);
    assert_eq!(offered(&mut visitor), OFFER);
}

#[test]
fn a_question_for_a_room_s_answer_waits_for_its_limit_or_the_end() {
    let mut desk = Desk::new();
    desk.control("POST", "users", &json!({"userId": "u1", "token": "t"}));
    let room = json!({"roomJid": ROOM, "kind": "peer", "userId": "u1", "signaling": "sdp", "far": {"offer": OFFER}});
    assert_eq!(desk.control("POST", "rooms", &room).0, 200);
    let path = format!("/control/{FAR}?wait=1000");
    let waiting = desk.ask("GET", &path, "", "");
    desk.wait(Duration::from_millis(999));
    assert_eq!(desk.answer(waiting), None);
    desk.wait(Duration::from_millis(1));
    let (status, far) = desk.answer(waiting).unwrap();
    assert_eq!((status, &far["offer"], &far["answer"]), (200, &json!(OFFER), &Value::Null));
    let waiting = desk.ask("GET", &path, "", "");
    desk.control("POST", "rooms/adhoc-lab1/retract", &json!({}));
    assert_eq!(desk.answer(waiting).unwrap().1["sessionState"], "ended");
    for far in [json!("v=0"), json!({"offer": 7}), json!({"offer": ""})] {
        let room = json!({"userId": "u1", "signaling": "sdp", "far": far});
        assert_eq!(desk.control("POST", "rooms", &room).0, 400, "{far}");
    }
    desk.control(
        "POST",
        "rooms",
        &json!({"roomJid": "adhoc-lab2@conference.lab-org.orgspan.lab.test"}),
    );
    assert_eq!(desk.control("GET", "rooms/adhoc-lab2/far", &Value::Null).0, 404);
}
