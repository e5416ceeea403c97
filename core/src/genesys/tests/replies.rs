//! Replies to every request of the service (wire notes 6.2, 6.6 to 6.11, 10.1).

use super::rig::{BARE, FULL, JINGLE_OFFER, PEER, Rig};
use crate::genesys::wire::{Frame, IqKind};
use crate::genesys::{Command, Outcome};

/// The client's reply to the request with this id: `result`, an error's condition with its
/// application condition, or nothing.
fn reply(rig: &mut Rig, id: &str) -> Option<String> {
    let sent = rig.sent();
    let reply = sent.iter().find_map(|text| match Frame::parse(text) {
        Ok(Frame::Iq(iq)) if iq.id.as_deref() == Some(id) => Some(iq),
        _ => None,
    })?;
    match reply.kind {
        IqKind::Result(_) => Some("result".to_owned()),
        IqKind::Error(error) => {
            let application = error.application.map(|e| format!(" {e:?}"));
            Some(format!("{}{}", error.condition, application.unwrap_or_default()))
        }
        IqKind::Get(_) | IqKind::Set(_) => None,
    }
}

fn starts_with(reply: Option<&str>, wanted: &str) -> bool {
    reply.is_some_and(|reply| reply.starts_with(wanted))
}

/// A connected Jingle call: session `M1` of conversation `C1`.
fn jingle_call() -> Rig {
    let mut rig = Rig::ready();
    rig.conv("C1", "inbound", "alerting");
    rig.propose("M1", "C1", r#"inin-autoanswer="true""#);
    rig.jingle("si", "session-initiate", "M1", JINGLE_OFFER);
    rig.acknowledge();
    rig.media("connected");
    rig.conv("C1", "inbound", "connected");
    rig.acknowledge();
    rig.forget();
    rig
}

fn jingle_from(rig: &mut Rig, from: &str, id: &str, action: &str, inner: &str) {
    rig.frame(&format!(
        r#"<iq xmlns="jabber:client" type="set" id="{id}" from="{from}" to="{FULL}"><jingle xmlns="urn:xmpp:jingle:1" action="{action}" sid="M1">{inner}</jingle></iq>"#
    ));
}

const CANDIDATE: &str = r#"<content creator="initiator" name="0"><transport xmlns="urn:xmpp:jingle:transports:ice-udp:1" ufrag="ufra"><candidate component="1" foundation="1" generation="0" id="c" ip="127.0.0.1" network="0" port="9" priority="1" protocol="udp" type="host"/></transport></content>"#;

#[test]
fn wire_6_2_session_initiate_row_by_row() {
    // Nobody proposed it.
    let mut rig = Rig::ready();
    rig.jingle("i0", "session-initiate", "M1", JINGLE_OFFER);
    assert_eq!(reply(&mut rig, "i0").as_deref(), Some("item-not-found"));
    assert_eq!(rig.told(), ["Malformed"]);

    let mut rig = jingle_call();
    jingle_from(&mut rig, "other@gjoll.example/x", "i1", "session-initiate", JINGLE_OFFER);
    assert_eq!(reply(&mut rig, "i1").as_deref(), Some("service-unavailable"));
    jingle_from(&mut rig, PEER, "i2", "session-initiate", JINGLE_OFFER);
    assert!(starts_with(reply(&mut rig, "i2").as_deref(), "unexpected-request"));
    assert!(rig.told().is_empty(), "the call goes on");

    let mut rig = Rig::ready();
    rig.propose("M1", "C1", r#"inin-autoanswer="true""#);
    rig.forget();
    rig.jingle("i3", "session-initiate", "M1", "");
    assert!(starts_with(reply(&mut rig, "i3").as_deref(), "bad-request"), "no contents");
    let mut rig = Rig::ready();
    rig.propose("M1", "C1", r#"inin-autoanswer="true""#);
    rig.forget();
    // Understood, but nothing that we can talk over.
    rig.jingle("i4", "session-initiate", "M1", r#"<content creator="initiator" name="0"/>"#);
    let sent = rig.sent();
    assert!(sent[0].contains(r#"type="result""#), "{sent:?}");
    assert!(sent[1].contains("<unsupported-applications/>"), "{sent:?}");
}

#[test]
fn wire_6_1_the_other_signaling_is_swallowed() {
    let mut rig = Rig::ready();
    rig.propose("M1", "C1", r#"inin-autoanswer="true" inin-sdp-over-xmpp="true""#);
    rig.forget();
    rig.jingle("si", "session-initiate", "M1", JINGLE_OFFER);
    assert!(rig.sent().is_empty() && rig.told().is_empty());
    rig.offer("M1", "C1");
    assert!(rig.told().contains(&"SessionStarted M1 C1".to_owned()));

    // A session that began by Jingle goes on by it.
    let mut rig = jingle_call();
    rig.offer("M1", "C1");
    assert!(rig.sent().is_empty() && rig.told().is_empty());
}

#[test]
fn wire_6_6_candidates_of_the_far_side() {
    let mut rig = Rig::ready();
    rig.jingle("t0", "transport-info", "M1", CANDIDATE);
    assert!(starts_with(reply(&mut rig, "t0").as_deref(), "item-not-found"), "too early");

    let mut rig = jingle_call();
    rig.jingle("t1", "transport-info", "M1", CANDIDATE);
    assert_eq!(reply(&mut rig, "t1").as_deref(), Some("result"));
    assert_eq!(rig.told(), ["Dtmf 1"], "the engine has it");
    rig.jingle("t2", "transport-info", "M1", "");
    assert!(starts_with(reply(&mut rig, "t2").as_deref(), "bad-request"));
    let end = CANDIDATE.replace("<candidate", "<gathering-complete/><x");
    rig.jingle("t3", "transport-info", "M1", &end);
    assert_eq!(reply(&mut rig, "t3").as_deref(), Some("result"));

    // An ICE restart: our credentials and fingerprint, then the result.
    let restart = CANDIDATE.replace(r#"ufrag="ufra""#, r#"ufrag="new" pwd="0123456789abcdef0123""#);
    let restart = restart.replace("<candidate ", "<x ");
    rig.jingle("t4", "transport-info", "M1", &restart);
    let sent = rig.sent();
    assert!(sent[0].contains("transport-info") && sent[0].contains("pwd="), "{sent:?}");
    assert!(sent[0].contains("<fingerprint"), "{sent:?}");
    assert!(sent[1].contains(r#"type="result""#) && sent[1].contains("t4"), "{sent:?}");
    assert!(rig.told().is_empty());
    // Its candidates come with the new name; the same name again is no restart.
    rig.jingle("t5", "transport-info", "M1", &CANDIDATE.replace("ufra", "new"));
    assert_eq!(reply(&mut rig, "t5").as_deref(), Some("result"));
    assert_eq!(rig.told(), ["Dtmf 2"]);
}

#[test]
fn one_transport_info_restarts_ice_once_however_many_contents_it_has() {
    let mut rig = jingle_call();
    rig.jingle("t0", "transport-info", "M1", CANDIDATE);
    rig.forget();
    let restart = |n: usize| {
        let new = format!(r#"ufrag="new{n}" pwd="0123456789abcdef0123""#);
        CANDIDATE.replace(r#"ufrag="ufra""#, &new).replace("<candidate ", "<x ")
    };
    rig.jingle("t1", "transport-info", "M1", &(0..64).map(restart).collect::<String>());
    let sent = rig.sent();
    assert_eq!(sent.iter().filter(|text| text.contains("transport-info")).count(), 1, "{sent:?}");
    assert!(sent.last().is_some_and(|text| text.contains(r#"type="result""#)), "{sent:?}");
}

#[test]
fn wire_6_7_session_info_is_always_fine() {
    for inner in [
        "",
        r#"<ringing xmlns="urn:xmpp:jingle:apps:rtp:info:1"/>"#,
        r#"<mute xmlns="urn:xmpp:jingle:apps:rtp:info:1" creator="u" name="audio"/>"#,
        r#"<unheard-of xmlns="urn:x"/>"#,
    ] {
        let mut rig = jingle_call();
        rig.jingle("f", "session-info", "M1", inner);
        assert_eq!(reply(&mut rig, "f").as_deref(), Some("result"), "{inner}");
        assert!(rig.told().is_empty());
    }
}

#[test]
fn wire_6_8_terminate_of_known_and_unknown_sessions() {
    let mut rig = jingle_call();
    rig.jingle("e0", "session-terminate", "M9", "<reason><success/></reason>");
    assert_eq!(reply(&mut rig, "e0").as_deref(), Some("result"), "unknown is as good as ended");
    jingle_from(&mut rig, "x@gjoll.example/y", "e1", "session-terminate", "");
    assert!(starts_with(reply(&mut rig, "e1").as_deref(), "item-not-found"), "a stranger's");
    assert!(rig.told().is_empty());
    rig.jingle("e2", "session-terminate", "M1", "<reason><decline/></reason>");
    assert_eq!(reply(&mut rig, "e2").as_deref(), Some("result"));
    assert!(rig.told().contains(&"SessionEnded M1 decline".to_owned()));
}

#[test]
fn wire_6_9_every_other_action() {
    for (action, wanted) in [
        ("source-add", "bad-request"),
        ("source-remove", "bad-request"),
        ("unheard-of", "bad-request"),
        ("content-accept", "bad-request"),
        ("content-modify", "bad-request"),
        ("content-remove", "bad-request"),
        ("content-reject", "bad-request"),
        ("transport-accept", "bad-request"),
        ("transport-reject", "bad-request"),
        ("description-info", "feature-not-implemented"),
        ("security-info", "feature-not-implemented"),
        ("session-accept", "unexpected-request"),
    ] {
        let mut rig = jingle_call();
        rig.jingle("a", action, "M1", "");
        let got = reply(&mut rig, "a");
        assert!(starts_with(got.as_deref(), wanted), "{action}: {got:?}");
        // The same for a session that nobody knows, or of a stranger.
        rig.jingle("b", action, "M9", "");
        let got = reply(&mut rig, "b");
        assert!(starts_with(got.as_deref(), "item-not-found"), "{action}: {got:?}");
        jingle_from(&mut rig, "x@gjoll.example/y", "c", action, "");
        assert!(starts_with(reply(&mut rig, "c").as_deref(), "item-not-found"), "{action}");
        assert!(rig.told().is_empty(), "{action}: the call goes on");
    }
    for (action, refusal) in
        [("content-add", "content-reject"), ("transport-replace", "transport-reject")]
    {
        let mut rig = jingle_call();
        rig.jingle("a", action, "M1", "");
        let sent = rig.sent();
        assert!(sent[0].contains(r#"type="result""#), "{sent:?}");
        assert!(sent[1].contains(refusal) && sent[1].contains("is not supported"), "{sent:?}");
    }
}

#[test]
fn wire_6_10_what_our_own_requests_are_answered() {
    let answer = |rig: &mut Rig, what: &str, error: &str| {
        let sent = rig.sent();
        let text = sent.iter().find(|text| text.contains(what)).expect("it was sent");
        let Ok(Frame::Iq(iq)) = Frame::parse(text) else { panic!("{text}") };
        let id = iq.id.unwrap();
        rig.frame(&format!(
            r#"<iq xmlns="jabber:client" type="error" id="{id}" from="{PEER}" to="{FULL}"><error type="cancel"><item-not-found xmlns="urn:ietf:params:xml:ns:xmpp-stanzas"/>{error}</error></iq>"#
        ));
    };
    let unknown = r#"<unknown-session xmlns="urn:xmpp:jingle:errors:1"/>"#;
    for (error, ends) in [(unknown, true), ("", false)] {
        let mut rig = Rig::ready();
        rig.propose("M1", "C1", r#"inin-autoanswer="true""#);
        rig.jingle("si", "session-initiate", "M1", JINGLE_OFFER);
        answer(&mut rig, "session-accept", error);
        let ended = rig.told().contains(&"SessionEnded M1 gone".to_owned());
        assert_eq!(ended, ends, "{error}");
    }
    // An answer that nobody acknowledges does not end the call.
    let mut rig = Rig::ready();
    rig.propose("M1", "C1", r#"inin-autoanswer="true""#);
    rig.jingle("si", "session-initiate", "M1", JINGLE_OFFER);
    rig.media("connected");
    rig.sent();
    rig.wait_acknowledging(std::time::Duration::from_secs(20));
    assert!(!rig.told().iter().any(|told| told.starts_with("SessionEnded")));
}

#[test]
fn wire_6_11_a_peer_that_left_has_left_its_sessions() {
    let mut rig = jingle_call();
    rig.frame(&format!(
        r#"<presence xmlns="jabber:client" type="unavailable" from="x@gjoll.example/y" to="{FULL}"/>"#
    ));
    assert!(rig.told().is_empty());
    rig.frame(&format!(
        r#"<presence xmlns="jabber:client" type="unavailable" from="{PEER}" to="{FULL}"/>"#
    ));
    assert!(rig.told().contains(&"SessionEnded M1 gone".to_owned()));
}

#[test]
fn wire_6_14_requests_in_json_are_not_acknowledged() {
    let mut rig = Rig::ready();
    rig.connected_call("M1", "C1");
    for method in ["mute", "info", "answer", "unheard-of"] {
        let params = serde_json::json!({"sessionId": "M1", "type": "audio", "status": "active",
            "sdp": "v=0"});
        rig.rpc(method, &params);
        assert!(rig.sent().is_empty(), "{method}");
    }
    rig.rpc("terminate", &serde_json::json!({"sessionId": "M9"}));
    assert!(rig.told().is_empty(), "nor told");
}

#[test]
fn wire_6_14_a_stranger_cannot_end_a_session() {
    let mut rig = Rig::ready();
    rig.connected_call("M1", "C1");
    rig.frame(&format!(
        r#"<iq xmlns="jabber:client" type="set" id="x" from="x@gjoll.example/y" to="{FULL}"><genesys-webrtc xmlns="genesys">{{"jsonrpc":"2.0","id":"1","method":"terminate","params":{{"sessionId":"M1"}}}}</genesys-webrtc></iq>"#
    ));
    assert!(rig.told().is_empty());
}

#[test]
fn wire_10_1_questions_of_the_service() {
    for (payload, wanted) in [
        (r#"<ping xmlns="urn:xmpp:ping"/>"#, "result"),
        (r#"<query xmlns="http://jabber.org/protocol/disco#info"/>"#, "result"),
        (r#"<query xmlns="jabber:iq:version"/>"#, "result"),
        (r#"<time xmlns="urn:xmpp:time"/>"#, "service-unavailable"),
        (r#"<query xmlns="jabber:iq:roster"/>"#, "service-unavailable"),
    ] {
        let mut rig = Rig::ready();
        rig.frame(&format!(
            r#"<iq xmlns="jabber:client" type="get" id="q" from="hawk" to="{FULL}">{payload}</iq>"#
        ));
        let got = reply(&mut rig, "q");
        assert_eq!(got.as_deref(), Some(wanted), "{payload}");
    }
}

#[test]
fn a_reply_from_somebody_else_answers_nothing() {
    let mut rig = Rig::ready();
    rig.connected_call("M1", "C1");
    let end = rig
        .submit(Command::ForceTerminateSession {
            session: "M1".into(),
            reason: crate::jingle::Reason::Success,
        })
        .unwrap();
    let sent = rig.sent();
    let Ok(Frame::Iq(iq)) = Frame::parse(&sent[0]) else { panic!("{sent:?}") };
    let id = iq.id.unwrap();
    let result = |from: &str| {
        format!(r#"<iq xmlns="jabber:client" type="result" id="{id}" from="{from}" to="{FULL}"/>"#)
    };
    rig.frame(&result("x@evil.example/y"));
    assert_eq!(rig.completion(end), None);
    rig.frame(&result(PEER));
    assert_eq!(rig.completion(end), Some(Ok(Outcome::Done)));
    assert_ne!(BARE, PEER);
}

#[test]
fn rfc_8842_4_another_certificate_in_a_transport_info_is_another_association() {
    let print = |byte: &str| vec![byte; 32].join(":");
    let info = |ufrag: &str, byte: &str| {
        format!(
            r#"<content creator="initiator" name="0"><transport xmlns="urn:xmpp:jingle:transports:ice-udp:1" ufrag="{ufrag}" pwd="{ufrag}-0123456789abcdef0123"><fingerprint xmlns="urn:xmpp:jingle:apps:dtls:0" hash="sha-256" setup="actpass">{}</fingerprint></transport></content>"#,
            print(byte)
        )
    };
    let mut rig = jingle_call();
    let mut ours_sent = |id: &str, content: &str| {
        rig.jingle(id, "transport-info", "M1", content);
        let sent = rig.acknowledge();
        let is_result = |text: &&String| text.contains(r#"type="result""#) && text.contains(id);
        assert_eq!(sent.iter().filter(is_result).count(), 1, "{sent:?}");
        sent.iter().filter(|text| text.contains("pwd=")).count()
    };
    assert_eq!(ours_sent("t1", &info("efgh", "11")), 1, "ours follow");
    assert_eq!(ours_sent("t2", &info("efgh", "11")), 0, "nothing is new");
    assert_eq!(ours_sent("t3", &info("efgh", "22")), 1, "the certificate alone");
}
