//! Rooms of the model cloud: a client that says what the vendor's SDK was recorded to say, and what it is
//! told (wire notes 16).

mod common;

use std::time::Duration;

use common::meeting::{ROOM, SOON, answer, lines, picture, post, room, start};
use common::visitor::visitor;
use offhook::genesys::wire::{Method, SessionMessage};
use offhook::jingle::{Action, Reason};
use offhook::media::{MediaState, Track, VideoCodec, VideoFrame};
use offhook::sdp::{Description, Direction};
use serde_json::{Value, json};

#[test]
fn wire_16_2_a_conference_is_joined_muted_and_left() {
    let mut visitor = visitor();
    let (conversation, session) = start(&mut visitor);
    assert!(visitor.notified().is_none(), "nobody is there");
    let offer = answer(&mut visitor, ROOM, &session);
    let both = Direction::SendRecv;
    assert_eq!(
        lines(&offer),
        [("audio".to_owned(), both), ("video".to_owned(), both), ("application".to_owned(), both)]
    );
    let there = visitor.last_notified().expect("a notification");
    let own = there[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(there.len(), 1);
    let video = &there[0]["videos"][0];
    assert_eq!((&there[0]["userId"], &video["state"]), (&json!(visitor.id()), &json!("connected")));
    assert_eq!(video["context"], ROOM);
    for (method, kind, flag, muted) in [
        ("mute", "video", "videoMuted", true),
        ("unmute", "video", "videoMuted", false),
        ("mute", "audio", "audioMuted", true),
    ] {
        visitor.rpc(ROOM, method, &json!({"sessionId": session, "type": kind}));
        let told = visitor.last_notified().expect("a notification");
        assert_eq!(told[0]["videos"][0][flag], muted, "{method} {kind}");
    }
    let path = format!("conversations/{conversation}");
    let (status, told) = visitor.desk.api("t", "GET", &path, &Value::Null);
    assert_eq!((status, &told["id"]), (200, &json!(conversation)));
    assert_eq!(told["participants"][0]["videos"][0]["audioMuted"], true);

    let second = json!({"name": "Second", "userId": "other-user", "audioMuted": true});
    let second = post(&mut visitor, "rooms/adhoc-lab1/participants", &second);
    let second = second["participantId"].as_str().unwrap().to_owned();
    let told = visitor.last_notified().unwrap();
    assert_eq!((told.len(), &told[1]["videos"][0]["audioMuted"]), (2, &json!(true)));
    let pin = format!("conversations/videos/{conversation}/participants/{own}/pin");
    let target = json!({"targetParticipantId": second, "streamType": "video"});
    assert_eq!(visitor.desk.api("t", "POST", &pin, &target), (200, json!({})));
    assert_eq!(room(&mut visitor, "adhoc-lab1")["participants"][0]["pinned"], second);
    assert_eq!(visitor.desk.api("t", "DELETE", &pin, &Value::Null).0, 204);
    assert_eq!(room(&mut visitor, &conversation)["participants"][0]["pinned"], Value::Null);
    let nobody = json!({"targetParticipantId": "nobody", "streamType": "video"});
    assert_eq!(visitor.desk.api("t", "POST", &pin, &nobody).0, 400);
    let path = format!("rooms/adhoc-lab1/participants/{second}");
    assert_eq!(visitor.desk.control("PATCH", &path, &json!({"state": "disconnected"})).0, 200);
    visitor.wait(SOON);
    assert_eq!(visitor.last_notified().unwrap()[1]["videos"][0]["state"], "disconnected");

    visitor.rpc(ROOM, "terminate", &json!({"sessionId": session, "reason": "success"}));
    let told = visitor.last_notified().unwrap();
    assert_eq!(told[0]["videos"][0]["state"], "disconnected");
    assert!(visitor.called().is_none(), "who ended it knows");
    assert_eq!(room(&mut visitor, "adhoc-lab1")["participants"][0]["sessionState"], "ended");
}

#[test]
fn wire_16_2_pictures_and_messages_go_both_ways() {
    let mut visitor = visitor();
    let (_, session) = start(&mut visitor);
    answer(&mut visitor, ROOM, &session);
    assert_eq!(visitor.state, MediaState::Connected);
    visitor.tell("videoConferenceControl", "{}");
    visitor.wait(Duration::from_secs(2));
    let (_, media) = visitor.desk.control("GET", "rooms/adhoc-lab1/media", &Value::Null);
    assert!(visitor.heard >= 100, "{}: {media}", visitor.heard);
    assert!(visitor.pictures.len() >= 10, "{}", visitor.pictures.len());
    assert!(visitor.pictures.iter().all(|picture| picture.keyframe));
    for n in 0..10_u64 {
        let frame = VideoFrame::new(VideoCodec::Vp8, n * 9000, true, picture(n));
        assert!(visitor.show(Track::video(0), &frame));
        visitor.wait(Duration::from_millis(100));
    }
    let message = json!({"message": {"jsonrpc": "2.0", "method": "member.notify.status"}});
    post(&mut visitor, "rooms/adhoc-lab1/data", &message);
    post(&mut visitor, "rooms/adhoc-lab1/data", &json!({"text": "not json"}));
    assert_eq!(visitor.texts, [message["message"].to_string(), "not json".to_owned()]);
    let path = format!("rooms/adhoc-lab1/media?userId={}", visitor.id());
    let (_, media) = visitor.desk.control("GET", &path, &Value::Null);
    assert_eq!(media["connectionState"], "connected");
    assert_eq!(media["channel"]["label"], "videoConferenceControl");
    assert_eq!(media["messages"], json!(["{}"]));
    let video = &media["lines"][1];
    assert_eq!((&video["direction"], &video["framesReceived"]), (&json!("sendrecv"), &json!(10)));
    assert_eq!((&video["lastPicture"], &video["picturesMissed"]), (&json!(9), &json!(0)));
    post(&mut visitor, "rooms/adhoc-lab1/end", &json!({}));
    let terminated = visitor.called();
    assert!(matches!(terminated, Some(Method::Terminate { reason: Reason::Success, .. })));
}

#[test]
fn wire_16_2_a_screen_is_shown_by_jingle_in_either_signaling_without_an_id() {
    let mut visitor = visitor();
    let (_, session) = start(&mut visitor);
    answer(&mut visitor, ROOM, &session);
    visitor.last_notified();
    visitor.frames.clear();
    for (word, sharing) in [("screen-start", true), ("screen-stop", false)] {
        let from = visitor.jid.clone();
        visitor.say(&format!(
            r#"<iq xmlns="jabber:client" to="{ROOM}" from="{from}" type="set"><jingle xmlns="urn:xmpp:jingle:1" action="session-info" sid="{session}"><{word} xmlns="urn:xmpp:jingle:apps:rtp:info:1"/></jingle></iq>"#
        ));
        assert_eq!(visitor.frames.len(), 1, "no reply");
        assert_eq!(visitor.notified().unwrap()[0]["videos"][0]["sharingScreen"], sharing);
    }
}

#[test]
fn wire_16_1_by_jingle_candidates_may_come_before_the_answer() {
    let mut visitor = visitor();
    post(&mut visitor, "options", &json!({"room": {"signaling": "jingle", "trickle": true}}));
    let (_, session) = start(&mut visitor);
    visitor.message(ROOM, "proceed", &session);
    let initiate = visitor.jingle().expect("an offer");
    assert_eq!(initiate.action, Action::SessionInitiate);
    let candidate = visitor.jingle().expect("a candidate of the room's");
    assert_eq!(candidate.action, Action::TransportInfo);
    visitor.request(ROOM, &format!(
        r#"<jingle xmlns="urn:xmpp:jingle:1" action="transport-info" sid="{session}"><content creator="initiator" name="0"><transport xmlns="urn:xmpp:jingle:transports:ice-udp:1"><candidate component="1" foundation="1" generation="0" id="x" ip="10.0.0.2" network="0" port="5000" priority="2130706431" protocol="udp" type="host"/></transport></content></jingle>"#
    ));
    let offer = visitor.accept_by_jingle(ROOM, &initiate);
    let sections = Description::read(&offer).unwrap().sections;
    let mut streams: Vec<_> =
        sections.iter().filter_map(|section| section.value("msid").map(str::to_owned)).collect();
    streams.sort();
    streams.dedup();
    assert_eq!(streams.len(), 2, "each content has a stream of its own: {streams:?}");
    visitor.wait(Duration::from_secs(2));
    assert_eq!(visitor.state, MediaState::Connected);
    let user = visitor.id();
    visitor.request(ROOM, &format!(
        r#"<jingle xmlns="urn:xmpp:jingle:1" action="session-info" sid="{session}"><mute xmlns="urn:xmpp:jingle:apps:rtp:info:1" creator="{user}" name="video"/></jingle>"#
    ));
    assert_eq!(visitor.last_notified().unwrap()[0]["videos"][0]["videoMuted"], true);
    post(&mut visitor, "rooms/adhoc-lab1/end", &json!({"reason": "gone"}));
    let ended = std::iter::from_fn(|| visitor.jingle()).last().unwrap();
    assert_eq!((ended.action, ended.reason), (Action::SessionTerminate, Some(Reason::Gone)));
}

#[test]
fn wire_16_2_lines_are_added_and_stopped_on_the_same_path() {
    let mut visitor = visitor();
    let (_, session) = start(&mut visitor);
    let first = answer(&mut visitor, ROOM, &session);
    let more = json!({"add": [{"kind": "video", "direction": "sendonly"}]});
    post(&mut visitor, "rooms/adhoc-lab1/renegotiate", &more);
    let Some(Method::Offer { sdp, .. }) = visitor.called() else { panic!("an offer") };
    assert_eq!(lines(&sdp).len(), lines(&first).len() + 1);
    assert_eq!(
        offhook::jingle::ice_credentials(&sdp),
        offhook::jingle::ice_credentials(&first),
        "the same path"
    );
    let (status, _) = visitor.desk.control("POST", "rooms/adhoc-lab1/renegotiate", &more);
    assert_eq!(status, 400, "one offer waits for its answer at a time");
    let (answer, _) = visitor.answer(&sdp);
    visitor.rpc(ROOM, "answer", &json!({"sdp": answer, "sessionId": session}));
    visitor.wait(Duration::from_secs(1));
    let (_, media) = visitor.desk.control("GET", "rooms/adhoc-lab1/media", &Value::Null);
    let added = media["lines"][2].clone();
    assert_eq!((&added["direction"], &added["current"]), (&json!("sendonly"), &json!("sendonly")));
    assert!(added["out"].as_u64().unwrap() > 0, "it is shown");
    let stop = json!({"stop": [added["mid"]]});
    post(&mut visitor, "rooms/adhoc-lab1/renegotiate", &stop);
    let Some(Method::Offer { sdp, .. }) = visitor.called() else { panic!("an offer") };
    let mid = added["mid"].as_str().unwrap();
    assert_stopped(&sdp, mid);
    let (answer, _) = visitor.answer(&sdp);
    visitor.rpc(ROOM, "answer", &json!({"sdp": answer, "sessionId": session}));
    // Stopped is stopped, whatever comes later.
    post(&mut visitor, "rooms/adhoc-lab1/renegotiate", &more);
    let Some(Method::Offer { sdp, .. }) = visitor.called() else { panic!("an offer") };
    assert_stopped(&sdp, mid);
    let (answer, _) = visitor.answer(&sdp);
    visitor.rpc(ROOM, "answer", &json!({"sdp": answer, "sessionId": session}));
    let seen = visitor.pictures.len();
    visitor.wait(Duration::from_secs(1));
    assert!(visitor.pictures.len() > seen + 10, "two lines show ten pictures a second each");
    assert_eq!(visitor.state, MediaState::Connected);
}

/// The line of that name has no port, and is in no bundle; all others have one and are.
fn assert_stopped(sdp: &str, mid: &str) {
    let description = Description::read(sdp).unwrap();
    let bundle = description.groups("BUNDLE").next().unwrap();
    for section in &description.sections {
        let name = section.mid().unwrap();
        assert_eq!(section.is_off(), name == mid, "{name}: {sdp}");
        assert_eq!(bundle.contains(&name), name != mid, "{name}: {sdp}");
        assert!(name != mid || section.direction() == Some(Direction::Inactive), "{sdp}");
    }
}

#[test]
fn wire_16_2_a_connection_that_died_silently_is_replaced_under_the_same_name() {
    let mut visitor = visitor();
    let (_, session) = start(&mut visitor);
    let first = answer(&mut visitor, ROOM, &session);
    post(&mut visitor, "rooms/adhoc-lab1/kill-media", &json!({}));
    let (status, _) = visitor.desk.control("POST", "rooms/adhoc-lab1/kill-media", &json!({}));
    assert_eq!(status, 400, "it is dead");
    visitor.wait(Duration::from_secs(30));
    assert_ne!(visitor.state, MediaState::Connected, "nobody is there");
    assert!(visitor.called().is_none(), "and nothing is said");
    post(&mut visitor, "rooms/adhoc-lab1/reinvite", &json!({}));
    let Some(Method::Offer { sdp, reinvite: true, session_id, .. }) = visitor.called() else {
        panic!("a re-invite")
    };
    assert_eq!(session_id, session);
    let path = offhook::jingle::ice_credentials;
    assert_ne!(path(&sdp), path(&first), "another connection");
    visitor.forget_media();
    let (answer, candidate) = visitor.answer(&sdp);
    visitor.rpc(ROOM, "answer", &json!({"sdp": answer, "sessionId": session}));
    let candidate = format!("m=0 9 RTP/AVP 0\r\na={candidate}\r\n");
    visitor.rpc(ROOM, "iceCandidate", &json!({"sdp": candidate, "sessionId": session}));
    let seen = visitor.pictures.len();
    visitor.wait(Duration::from_secs(2));
    assert_eq!(visitor.state, MediaState::Connected);
    assert!(visitor.pictures.len() > seen, "pictures come again");
    let more = json!({"add": [{"kind": "video", "direction": "sendonly"}]});
    post(&mut visitor, "rooms/adhoc-lab1/renegotiate", &more);
    let offer = visitor.called();
    assert!(matches!(offer, Some(Method::Offer { reinvite: false, .. })), "{offer:?}");
    let there = room(&mut visitor, "adhoc-lab1");
    assert_eq!(there["participants"].as_array().unwrap().len(), 1);
    assert_eq!(there["participants"][0]["state"], "connected");
    assert_eq!(there["participants"][0]["sessionId"], session);
}

#[test]
fn wire_16_2_who_is_seen_and_heard_is_told_by_the_media_topic() {
    let mut visitor = visitor();
    let (conversation, session) = start(&mut visitor);
    answer(&mut visitor, ROOM, &session);
    visitor.last_notified();
    let (topic, own) = (format!("v2.conversations.{conversation}.media"), visitor.bare());
    let told = json!({"participants": [
        {"userId": "other", "tracks": [{"mediaType": "video", "sinks": ["t1"]}]},
    ]});
    post(&mut visitor, "rooms/adhoc-lab1/media-event", &told);
    assert!(visitor.notified().is_none(), "nobody listens");
    visitor.request("notifications.lab.test", &format!(
        r#"<pubsub xmlns="http://jabber.org/protocol/pubsub"><subscribe node="{topic}" jid="{own}"/></pubsub>"#
    ));
    post(&mut visitor, "rooms/adhoc-lab1/media-event", &told);
    assert_eq!(visitor.notified().map(Value::from), Some(told["participants"].clone()));
    let long = json!({"participants": [{"userId": "x".repeat(65_536)}]});
    let refused = visitor.desk.control("POST", "rooms/adhoc-lab1/media-event", &long);
    assert_eq!(refused.0, 400);
}

#[test]
fn wire_16_1_three_encodings_are_asked_for_where_sdp_can_say_so() {
    for (signaling, said) in [("sdp", true), ("jingle", false)] {
        let mut visitor = visitor();
        let wish = json!({"roomJid": ROOM, "simulcast": true, "video": 2, "signaling": signaling});
        post(&mut visitor, "rooms", &wish);
        let (_, session) = start(&mut visitor);
        visitor.message(ROOM, "proceed", &session);
        let path = "rooms/adhoc-lab1/sdp";
        let (_, told) = visitor.desk.control("GET", path, &Value::Null);
        let offer = Description::read(told["offer"].as_str().unwrap()).unwrap();
        for section in &offer.sections {
            // Of what the room only shows it wants none back.
            let asked = said && section.kind() == "video" && section.mid() == Some("1");
            let simulcast = section.value("simulcast");
            assert_eq!(simulcast, asked.then_some("recv h;m;l"), "{signaling} {:?}", section.mid());
            assert_eq!(section.attributes("rid").count(), if asked { 3 } else { 0 });
        }
    }
}

#[test]
fn wire_16_1_a_room_shows_what_an_answer_with_one_encoding_takes() {
    let mut visitor = visitor();
    post(&mut visitor, "rooms", &json!({"roomJid": ROOM, "simulcast": true}));
    let (_, session) = start(&mut visitor);
    answer(&mut visitor, ROOM, &session);
    assert_eq!(visitor.state, MediaState::Connected);
    assert!(!visitor.pictures.is_empty());
    let frame = VideoFrame::new(VideoCodec::Vp8, 0, true, picture(1));
    assert!(visitor.show(Track::video(0), &frame));
    visitor.wait(SOON);
    let (_, media) = visitor.desk.control("GET", "rooms/adhoc-lab1/media", &Value::Null);
    assert_eq!(media["lines"][1]["framesReceived"], 1);
}

#[test]
fn wire_16_2_another_user_rings_and_is_refused_or_gives_up() {
    let mut visitor = visitor();
    let (_, other) = visitor.desk.control("POST", "users", &json!({"name": "Bob"}));
    let (user, other) = (visitor.id(), other["userId"].as_str().unwrap().to_owned());
    let peer = json!({"kind": "peer", "userId": user, "fromUserId": other});
    let made = post(&mut visitor, "rooms", &peer);
    let name = made["roomId"].as_str().unwrap().to_owned();
    let (room_jid, propose) = visitor.proposed().expect("a proposal, at once");
    assert!(name.starts_with("peer-") && room_jid.starts_with(&name));
    assert_eq!(propose.from_user_id, Some(other));
    post(&mut visitor, &format!("rooms/{name}/repropose"), &json!({}));
    assert_eq!(visitor.proposed().expect("the same again").1.id, propose.id);
    let own = visitor.bare();
    visitor.message(&own, "reject", &propose.id);
    visitor.message(&room_jid, "reject", &propose.id);
    let told = visitor.last_notified().unwrap();
    assert_eq!(told[0]["videos"][0]["state"], "disconnected");

    post(&mut visitor, &format!("rooms/{name}/propose"), &json!({"userId": user}));
    let (_, again) = visitor.proposed().expect("a new session");
    assert_ne!(again.id, propose.id);
    post(&mut visitor, &format!("rooms/{name}/retract"), &json!({}));
    assert!(visitor.told(&SessionMessage::Retract { id: again.id }));
    let rooms = visitor.desk.control("GET", "rooms", &Value::Null).1;
    assert_eq!(rooms["rooms"].as_array().unwrap().len(), 1);
}

#[test]
fn wire_16_2_a_meeting_is_found_by_its_id() {
    let mut visitor = visitor();
    let body = json!({"meetingId": "m1", "participant": {"address": visitor.bare()}});
    let mut conversations = Vec::new();
    for _ in 0..2 {
        let path = "conversations/videos/participants";
        let (status, reply) = visitor.desk.api("t", "POST", path, &body);
        assert_eq!(status, 202);
        conversations.push(reply["conversationId"].clone());
        visitor.wait(SOON);
        let (_, propose) = visitor.proposed().unwrap();
        assert_eq!(propose.meeting_id.as_deref(), Some("m1"));
    }
    assert_eq!(conversations[0], conversations[1]);
}

#[test]
fn what_no_room_can_be_asked_is_refused() {
    let mut visitor = visitor();
    let own = visitor.bare();
    for (path, body, status) in [
        ("conversations/videos", json!({}), 400),
        ("conversations/videos", json!({"roomId": "a@b", "participant": {"address": own}}), 400),
        ("conversations/videos", json!({"roomId": ROOM, "participant": {"address": "x@y"}}), 404),
        ("conversations/videos/participants", json!({"meetingId": ""}), 400),
        ("conversations/videos/c/participants/p/pin", json!({}), 404),
        ("recordings/screensessions/metadata", json!({}), 400),
    ] {
        assert_eq!(visitor.desk.api("t", "POST", path, &body).0, status, "{path} {body}");
    }
    let user = visitor.id();
    for (path, body, status) in [
        ("rooms", json!({"kind": "dance"}), 400),
        ("rooms", json!({"userId": "nobody"}), 404),
        ("rooms", json!({"userId": user, "layout": []}), 400),
        ("rooms", json!({"userId": user, "layout": [{"kind": "smell"}]}), 400),
        ("rooms", json!({"kind": "recording", "screens": 33}), 400),
        ("rooms/nowhere/end", json!({}), 404),
    ] {
        assert_eq!(visitor.desk.control("POST", path, &body).0, status, "{path} {body}");
    }
    post(&mut visitor, "rooms", &json!({"roomJid": ROOM}));
    for (path, status) in [("rooms/adhoc-lab1/end", 404), ("rooms/adhoc-lab1/publish", 200)] {
        assert_eq!(visitor.desk.control("POST", path, &json!({})).0, status, "{path}");
    }
}

#[test]
fn nobody_is_waited_for_without_end() {
    let mut visitor = visitor();
    let (_, session) = start(&mut visitor);
    visitor.desk.wait(Duration::from_secs(130));
    visitor.wait(SOON);
    assert!(
        std::iter::from_fn(|| visitor.proposed()).count() > 20,
        "it is proposed again and again"
    );
    assert!(visitor.told(&SessionMessage::Retract { id: session }));
    assert_eq!(room(&mut visitor, "adhoc-lab1")["participants"][0]["sessionState"], "ended");
}

#[test]
fn rooms_members_reports_and_sessions_are_bounded() {
    let mut visitor = visitor();
    let user = visitor.id();
    let (_, first) = visitor.desk.control("POST", "rooms", &json!({}));
    for _ in 0..2_000 {
        assert_eq!(visitor.desk.control("POST", "rooms", &json!({})).0, 200);
    }
    let path = format!("rooms/{}", first["roomId"].as_str().unwrap());
    assert_eq!(visitor.desk.control("GET", &path, &Value::Null).0, 404, "the oldest is gone");
    let rooms = visitor.desk.control("GET", "rooms", &Value::Null).1;
    assert_eq!(rooms["rooms"].as_array().unwrap().len(), 2_000);

    let made = post(&mut visitor, "rooms", &json!({"kind": "recording", "userId": user}));
    let path = format!("rooms/{}", made["roomId"].as_str().unwrap());
    let report = json!({"participantJid": "a@b", "roomId": made["roomJid"], "metaData": []});
    for _ in 0..101 {
        let sent = visitor.desk.api("t", "POST", "recordings/screensessions/metadata", &report);
        assert_eq!(sent.0, 202);
    }
    assert_eq!(
        visitor.desk.control("GET", &path, &Value::Null).1["metadata"].as_array().unwrap().len(),
        100
    );
    let join = format!("{path}/participants");
    let joined = (0..600).take_while(|_| visitor.desk.control("POST", &join, &json!({})).0 == 200);
    assert_eq!(joined.count(), 499, "with the user who is asked");

    let (_, other) = visitor.desk.control("POST", "rooms", &json!({}));
    let ask = format!("rooms/{}/propose", other["roomId"].as_str().unwrap());
    let wish = json!({"userId": user});
    let asked = (0..5_000).take_while(|_| {
        visitor.desk.outputs.clear();
        visitor.desk.control("POST", &ask, &wish).0 == 200
    });
    assert_eq!(asked.count(), 3_999, "with the session that there was");
}
