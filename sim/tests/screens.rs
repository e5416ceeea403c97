//! Guests, and screens that are shown, recorded and watched, in the model cloud (wire notes 16.3 to 16.7).

mod common;

use common::desk::Desk;
use common::meeting::{SOON, answer, lines, picture, post, room};
use common::visitor::{Visitor, visitor};
use offhook::genesys::wire::{Dialect, Frame, Method, Payload};
use offhook::media::{MediaState, Track, VideoCodec, VideoFrame};
use offhook::sdp::Direction;
use offhook_sim::service::{ConnId, Input, Output};
use serde_json::{Value, json};

/// Somebody whom a JWT admits.
fn admitted(desk: Desk, user: Value, jwt: &str) -> Visitor {
    let auth = r#"<auth xmlns="urn:ietf:params:xml:ns:xmpp-sasl" mechanism="ANONYMOUS">=</auth>"#;
    Visitor::enter(desk, user, &format!("/stream/jwt/{jwt}"), auth)
}

#[test]
fn wire_1_1_a_jwt_of_which_nobody_knows_is_refused() {
    let mut desk = Desk::new();
    let (_, pass) = desk.control("POST", "jwts", &json!({"kind": "monitor"}));
    let (_, guest) = desk.control("POST", "guests", &json!({}));
    let known = [pass["jwt"].as_str().unwrap(), guest["jwt"].as_str().unwrap()];
    let refused = |desk: &mut Desk, jwt: &str| {
        let conn = ConnId(9);
        desk.outputs.clear();
        desk.input(Input::SocketRequested { conn, path: format!("/stream/jwt/{jwt}") });
        desk.input(Input::SocketClosed { conn });
        desk.outputs.iter().any(|output| matches!(output, Output::Refuse { status: 401, .. }))
    };
    for jwt in known {
        assert!(!refused(&mut desk, jwt));
        assert!(refused(&mut desk, &format!("{jwt}x")), "the claims alone let nobody in");
    }
    assert!(refused(&mut desk, "a.b.c"));
    let own = json!({"kind": "monitor", "jwt": "a.b.c"});
    assert_eq!(desk.control("POST", "jwts", &own).0, 200);
    assert!(!refused(&mut desk, "a.b.c"));
    assert_eq!(desk.control("POST", "jwts", &own).0, 400, "somebody comes by it");
    let long = json!({"kind": "monitor", "jwt": "x".repeat(4097)});
    assert_eq!(desk.control("POST", "jwts", &long).0, 400);
    desk.control("POST", "reset", &json!({}));
    assert!(refused(&mut desk, "a.b.c") && refused(&mut desk, known[0]), "all are forgotten");
}

#[test]
fn wire_16_4_a_guest_shows_a_screen_by_its_code() {
    let mut desk = Desk::new();
    let (status, invited) = desk.control("POST", "codes", &json!({"signaling": "sdp"}));
    assert_eq!(status, 200, "{invited}");
    let body = json!({
        "organizationId": invited["organizationId"],
        "addCommunicationCode": invited["securityCode"],
    });
    let (status, redeemed) = desk.api("", "POST", "conversations/codes", &body);
    assert_eq!((status, &redeemed["jwt"]), (200, &invited["jwt"]));
    assert_eq!(redeemed["conversation"]["id"], invited["conversationId"]);
    let wrong = json!({"organizationId": invited["organizationId"], "addCommunicationCode": "0"});
    assert_eq!(desk.api("", "POST", "conversations/codes", &wrong).0, 404);

    let room = invited["roomJid"].as_str().unwrap();
    let user = json!({"userId": invited["guestUserId"]});
    let mut guest = admitted(desk, user, redeemed["jwt"].as_str().unwrap());
    let from = guest.jid.clone();
    guest.say(&format!(
        r#"<presence xmlns="jabber:client" type="upgradeMedia" to="{room}" id="p" from="{from}"><x xmlns="orgspan:mediastream"><mediastream screenShare="true"/></x></presence>"#
    ));
    assert!(guest.proposed().is_none(), "it takes the room a moment");
    guest.wait(SOON);
    let (by, propose) = guest.proposed().expect("a proposal");
    assert_eq!((&*by, &*propose.media), (room, &["video".to_owned()][..]));
    assert!(room.starts_with("acd-"));
    let offer = answer(&mut guest, room, &propose.id);
    assert_eq!(lines(&offer), [("video".to_owned(), Direction::RecvOnly)]);
    assert_eq!(guest.state, MediaState::Connected);
    assert!(guest.notified().is_none(), "nobody is told of it");
    guest.rpc(room, "terminate", &json!({"sessionId": propose.id, "reason": "success"}));
    let path = format!("rooms/{}", invited["roomId"].as_str().unwrap());
    let (_, told) = guest.desk.control("GET", &path, &Value::Null);
    assert_eq!(told["participants"][0]["sessionState"], "ended");
}

#[test]
fn wire_16_5_recorded_screens_are_told_once_and_listed() {
    let mut visitor = visitor();
    let user = visitor.id();
    let wish = json!({"kind": "recording", "userId": user, "screens": 2});
    let made = post(&mut visitor, "rooms", &wish);
    let (room, name) = (made["roomJid"].as_str().unwrap(), made["roomId"].as_str().unwrap());
    assert!(room.starts_with("screenrecording-"));
    let (_, propose) = visitor.proposed().expect("a proposal");
    assert_eq!((propose.from_user_id, &*propose.media), (None, &["video".to_owned()][..]));
    let offer = answer(&mut visitor, room, &propose.id);
    assert_eq!(lines(&offer), vec![("video".to_owned(), Direction::RecvOnly); 2]);
    let report = json!({
        "participantJid": visitor.bare(), "roomId": room, "conversationId": made["conversationId"],
        "metaData": [{"trackId": "0", "screenId": "s0"}, {"trackId": null, "screenId": "s1"}],
    });
    let path = "recordings/screensessions/metadata";
    assert_eq!(visitor.desk.api("t", "POST", path, &report), (202, json!({})));
    assert_eq!(visitor.desk.api("t", "POST", path, &report).0, 202, "its answer may be lost");
    visitor.wait(SOON);
    assert_eq!(visitor.wrong, [""; 0]);
    let mut other = report.clone();
    other["metaData"][0]["screenId"] = json!("s7");
    assert_eq!(visitor.desk.api("t", "POST", path, &other).0, 202);
    visitor.wait(SOON);
    assert_eq!(visitor.wrong.len(), 1, "once in a session");
    let stray = json!({"participantJid": "a@b", "roomId": "c@d", "metaData": []});
    assert_eq!(visitor.desk.api("t", "POST", path, &stray).0, 404);
    let told = post(&mut visitor, &format!("rooms/{name}/end"), &json!({}));
    let kept = |body: &Value| {
        let session = &propose.id;
        json!({"userId": user, "sessionId": session, "background": false, "body": body})
    };
    assert_eq!(told["metadata"], json!([kept(&report), kept(&report), kept(&other)]));
    assert!(matches!(visitor.called(), Some(Method::Terminate { .. })));
    assert!(visitor.notified().is_none(), "nobody is told of it");
}

#[test]
fn wire_16_5_a_background_assistant_comes_by_its_jwt_alone() {
    let mut desk = Desk::new();
    let (_, pass) = desk.control("POST", "jwts", &json!({"kind": "backgroundAssistant"}));
    let (user, jwt) = (json!({"userId": pass["userId"]}), pass["jwt"].as_str().unwrap().to_owned());
    let mut assistant = admitted(desk, user, &jwt);
    assert_eq!(assistant.bare(), pass["jid"].as_str().unwrap());
    let wish = json!({"kind": "recording", "userId": pass["userId"], "signaling": "jingle"});
    let made = post(&mut assistant, "rooms", &wish);
    assert!(assistant.proposed().is_some());
    let report = json!({
        "participantJid": assistant.bare(), "roomId": made["roomJid"], "metaData": [],
    });
    let path = "recordings/screensessions/metadata/backgroundassistant";
    assert_eq!(assistant.desk.api(&jwt, "POST", path, &report).0, 202);
    let plain = "recordings/screensessions/metadata";
    assert_eq!(assistant.desk.api(&jwt, "POST", plain, &report).0, 401, "only there");
    let told = room(&mut assistant, made["roomId"].as_str().unwrap());
    assert_eq!(told["metadata"][0]["background"], true);
}

#[test]
fn wire_16_3_a_guest_of_a_meeting_is_told_without_asking() {
    let mut desk = Desk::new();
    let (status, pass) = desk.control("POST", "jwts", &json!({"kind": "videoGuest"}));
    assert_eq!(status, 200, "{pass}");
    let (user, jwt) = (json!({"userId": pass["userId"]}), pass["jwt"].as_str().unwrap().to_owned());
    let room = pass["roomJid"].as_str().unwrap();
    let mut guest = admitted(desk, user, &jwt);
    guest.say(&format!(
        r#"<presence xmlns="jabber:client" type="upgradeMedia" to="{room}" id="p"/>"#
    ));
    guest.wait(SOON);
    let (_, propose) = guest.proposed().expect("a proposal");
    answer(&mut guest, room, &propose.id);
    let told = guest.last_notified().expect("a notification");
    assert_eq!(told[0]["videos"][0]["state"], "connected");
    assert_eq!(guest.desk.control("POST", "jwts", &json!({"kind": "king"})).0, 400);
}

#[test]
fn wire_16_6_a_target_shows_its_screens_and_an_observer_sees() {
    let mut visitor = visitor();
    let user = visitor.id();
    let target = json!({"kind": "monitor", "userId": user, "fromUserId": user, "screens": 4});
    let made = post(&mut visitor, "rooms", &target);
    let (room, propose) = visitor.proposed().expect("a proposal");
    assert!(room.starts_with("livemonitor-"));
    assert_eq!(propose.from_user_id.as_deref(), Some(&*user));
    let offer = answer(&mut visitor, &room, &propose.id);
    assert_eq!(lines(&offer), vec![("video".to_owned(), Direction::RecvOnly); 4]);
    for screen in [0_u8, 1] {
        let frame = VideoFrame::new(VideoCodec::Vp8, 0, true, picture(screen.into()));
        assert!(visitor.show(Track::video(screen), &frame));
    }
    visitor.wait(SOON);
    let path = format!("rooms/{}", made["roomId"].as_str().unwrap());
    let (_, media) = visitor.desk.control("GET", &format!("{path}/media"), &Value::Null);
    let pictures = |line: usize| media["lines"][line]["lastPicture"].clone();
    assert_eq!([0, 1, 2].map(pictures), [json!(0), json!(1), Value::Null]);
    assert!(visitor.pictures.is_empty(), "a target sees nothing");
    post(&mut visitor, &format!("{path}/end"), &json!({}));
    assert!(matches!(visitor.called(), Some(Method::Terminate { .. })));

    visitor.forget_media();
    let observer = json!({
        "kind": "monitor", "userId": user, "fromUserId": "other", "observer": true, "screens": 2,
    });
    post(&mut visitor, "rooms", &observer);
    let (room, propose) = visitor.proposed().expect("a proposal");
    assert_eq!(propose.from_user_id.as_deref(), Some("other"));
    let offer = answer(&mut visitor, &room, &propose.id);
    assert_eq!(lines(&offer), vec![("video".to_owned(), Direction::SendOnly); 2]);
    assert!(visitor.pictures.len() > 20, "two screens, ten pictures a second");
    visitor.rpc(&room, "terminate", &json!({"sessionId": propose.id, "reason": "success"}));
    let ended = format!("rooms/{}", room.split('@').next().unwrap());
    let (_, told) = visitor.desk.control("GET", &ended, &Value::Null);
    assert_eq!(told["participants"][0]["sessionState"], "ended");
}

#[test]
fn wire_6_16_a_headset_s_words_reach_every_client_under_their_id() {
    let mut visitor = visitor();
    let own = visitor.bare();
    visitor.say(&format!(
        r#"<message xmlns="jabber:client" id="m7" to="{own}"><media-message xmlns="genesys">{{"jsonrpc":"2.0"}}</media-message></message>"#
    ));
    let id = visitor.take(|frame| match frame {
        Frame::Message(message) => message.payloads.iter().find_map(|payload| match payload {
            Payload::Extension(Dialect::MediaMessage(_)) => message.id.clone(),
            _ => None,
        }),
        _ => None,
    });
    assert_eq!(id.as_deref(), Some("m7"));
}
