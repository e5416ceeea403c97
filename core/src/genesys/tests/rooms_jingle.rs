//! Meetings by Jingle (video notes 1, 2).

use serde_json::json;

use super::rig::{BARE, FULL, ROOM, Rig};
use crate::genesys::{Command, Outcome, RoomMedia};

const TRANSPORT: &str = r#"<transport xmlns="urn:xmpp:jingle:transports:ice-udp:1" ufrag="ufra" pwd="0123456789abcdef0123"><fingerprint xmlns="urn:xmpp:jingle:apps:dtls:0" hash="sha-256" setup="actpass">AB:CD</fingerprint></transport>"#;

fn content(name: &str, kind: &str, payload: &str, senders: &str) -> String {
    format!(
        r#"<content creator="initiator" name="{name}" senders="{senders}"><description xmlns="urn:xmpp:jingle:apps:rtp:1" media="{kind}"><rtcp-mux/>{payload}<stream xmlns="urn:xmpp:jingle:apps:rtp:msid:0" id="s{name}" track="t{name}"/></description>{TRANSPORT}</content>"#
    )
}

/// A session-initiate with sound, two videos and a data channel.
fn offer() -> String {
    let opus = r#"<payload-type id="111" name="opus" clockrate="48000" channels="2"/>"#;
    let vp8 = r#"<payload-type id="96" name="VP8" clockrate="90000" channels="1"/>"#;
    let data = TRANSPORT.replace(
        "</transport>",
        r#"<sctpmap xmlns="urn:xmpp:jingle:transports:dtls-sctp:1" number="5000" protocol="webrtc-datachannel"/></transport>"#,
    );
    let names = ["0", "1", "2", "3"].map(|name| format!(r#"<content name="{name}"/>"#)).concat();
    [
        content("0", "audio", opus, "both"),
        content("1", "video", vp8, "both"),
        format!(r#"<content creator="initiator" name="2">{data}</content>"#),
        content("3", "video", vp8, "initiator"),
        format!(
            r#"<group xmlns="urn:xmpp:jingle:apps:grouping:0" semantics="BUNDLE">{names}</group>"#
        ),
    ]
    .concat()
}

fn jingle(rig: &mut Rig, id: &str, action: &str, inner: &str) {
    rig.frame(&format!(
        r#"<iq xmlns="jabber:client" type="set" id="{id}" from="{ROOM}" to="{FULL}"><jingle xmlns="urn:xmpp:jingle:1" action="{action}" sid="V1" initiator="{ROOM}">{inner}</jingle></iq>"#
    ));
}

fn begun(rig: &mut Rig) {
    let room = ROOM.to_owned();
    rig.submit(Command::StartVideoConference { room, invitee: None }).unwrap();
    let asked = rig.expect_http("POST /conversations/videos");
    rig.respond(asked.id, 200, &json!({"conversationId": "C1"}));
    rig.propose_from(ROOM, "V1", "C1", "");
    rig.forget();
    jingle(rig, "j1", "session-initiate", &offer());
}

fn joined(rig: &mut Rig, media: RoomMedia) {
    begun(rig);
    rig.submit(Command::AcceptRoom { conversation: "C1".into(), media }).unwrap();
    rig.acknowledge();
    rig.media("connected");
    rig.acknowledge();
    rig.forget();
}

#[test]
fn video_1_the_order_of_a_meeting_by_jingle() {
    let mut rig = Rig::ready();
    begun(&mut rig);
    let sent = rig.sent();
    assert!(sent[0].contains(r#"type="result""#) && sent[0].contains("j1"), "{sent:?}");
    assert!(sent[1].contains("<accept") && sent[1].contains(BARE), "{sent:?}");
    assert_eq!(sent.len(), 2, "nothing more before the application answers");
    assert_eq!(rig.told(), ["SessionStarted V1 C1"]);
    // Candidates that come meanwhile are kept.
    jingle(
        &mut rig,
        "j2",
        "transport-info",
        r#"<content creator="initiator" name="0"><transport xmlns="urn:xmpp:jingle:transports:ice-udp:1" ufrag="ufra"><candidate component="1" foundation="1" generation="0" id="x" ip="192.0.2.7" network="0" port="4444" priority="1" protocol="udp" type="host"/></transport></content>"#,
    );
    rig.sent();
    let accept = Command::AcceptRoom { conversation: "C1".into(), media: RoomMedia::Both };
    let accept = rig.submit(accept).unwrap();
    let sent = rig.acknowledge();
    assert_eq!(rig.completion(accept), Some(Ok(Outcome::Done)));
    assert!(sent[0].contains("session-accept"), "{sent:?}");
    assert!(sent[1].contains("transport-info") && sent[1].contains(r#"name="0""#), "{sent:?}");
    let [first, second, data, third] = ["0", "1", "2", "3"].map(|name| {
        let at = sent[0].find(&format!(r#"creator="initiator" name="{name}""#));
        &sent[0][at.unwrap_or_else(|| panic!("no content {name}: {}", sent[0]))..]
    });
    let head = |content: &str| content[..content.find('>').unwrap()].to_owned();
    assert!(!head(first).contains("senders") && !head(second).contains("senders"));
    assert!(head(third).contains(r#"senders="initiator""#), "{}", head(third));
    let data = &data[..data.find("</content>").unwrap()];
    assert!(data.contains("sctpmap") && !data.contains("<description"), "{data}");
    rig.media("connected");
    assert!(rig.take_sent("<active").is_some());
    let session = rig.events.iter().find_map(|event| match event {
        crate::genesys::Event::TrackAdded { track, .. } => Some(track.media),
        _ => None,
    });
    assert_eq!(session, rig.newest_media);
}

#[test]
fn video_2_by_jingle_a_mute_names_the_user_and_is_not_waited_for() {
    let mut rig = Rig::ready();
    joined(&mut rig, RoomMedia::Both);
    let video = |muted| Command::SetVideoMute { conversation: "C1".into(), muted };
    let command = rig.submit(video(true)).unwrap();
    assert_eq!(rig.completion(command), Some(Ok(Outcome::Done)));
    let sent = rig.take_sent("session-info").unwrap();
    let mute = r#"<mute xmlns="urn:xmpp:jingle:apps:rtp:info:1" creator="user-1" name="video"/>"#;
    assert!(sent.contains(mute), "{sent}");
    assert!(rig.show().is_empty());
    rig.submit(video(false)).unwrap();
    assert!(rig.take_sent("<unmute").is_some());
    assert_eq!(rig.show(), ["picture"]);
    rig.submit(Command::SetAudioMute { conversation: "C1".into(), muted: true }).unwrap();
    assert!(rig.take_sent(r#"name="audio""#).is_some());
    assert!(rig.say().is_empty());
    rig.submit(Command::StartScreenShare { conversation: "C1".into() }).unwrap();
    assert!(!rig.take_sent("<screen-start").unwrap().contains(" id="));
}

#[test]
fn video_2_by_jingle_a_session_ends_by_either_side_and_content_is_not_added() {
    let mut rig = Rig::ready();
    joined(&mut rig, RoomMedia::Nothing);
    jingle(&mut rig, "j3", "content-add", &content("4", "video", "", "both"));
    let sent = rig.sent();
    assert!(sent[0].contains(r#"type="result""#) && sent[1].contains("content-reject"), "{sent:?}");
    assert!(sent[1].contains("failed-application"));
    let end = rig.submit(Command::EndSession { conversation: "C1".into() }).unwrap();
    let sent = rig.take_sent("session-terminate").unwrap();
    assert!(sent.contains("<success/>"), "{sent}");
    rig.grant(&sent);
    assert_eq!(rig.completion(end), Some(Ok(Outcome::Done)));
    assert_eq!(rig.client.remembered(), 0);
    let mut rig = Rig::ready();
    joined(&mut rig, RoomMedia::Both);
    jingle(&mut rig, "j4", "session-terminate", "<reason><gone/></reason>");
    let sent = rig.sent();
    assert!(sent.len() == 1 && sent[0].contains(r#"type="result""#), "{sent:?}");
    assert!(rig.told().contains(&"SessionEnded V1 gone".to_owned()));
}
