//! Messages of those whom they are none of the business of: other users, other far sides, and
//! whoever forges. They change nothing (RFC 6120 section 8.1.2.1, XEP-0280 section 11, wire notes
//! 1.6, 5, 6.9).

use serde_json::{Value, json};

use super::rig::{BARE, FULL, JINGLE_OFFER, LA1P, LA100, LA100P, OTHER, PEER, Rig, offer_sdp};
use crate::genesys::{Command, Outcome};

/// Far sides of calls, a user of the same service, a server, somebody like us, and somebody like
/// the far side.
const STRANGERS: [&str; 6] = [
    "evil@gjoll.example/i-1",
    "call@gjoll.evil.example/i-1",
    "u2@org.example/phone",
    "u1@org.example.evil/res-a",
    "gjoll.example",
    "evil.example",
];
const SDP: &str = r#"inin-sdp-over-xmpp="true""#;

/// Asserts that a stranger caused no more than it may: an answer to its question, and a word that
/// something was odd.
fn assert_unmoved(rig: &mut Rig, about: &str) {
    let told = rig.told();
    let odd = |told: &String| ["Malformed", "Error Session", "Stats"].contains(&told.as_str());
    assert!(told.iter().all(odd), "{about}: {told:?}");
    let sent = rig.sent();
    let refused = |text: &String| text.contains(r#"type="error""#);
    assert!(sent.iter().all(refused), "{about}: {sent:?}");
    assert!(rig.asked.is_empty(), "{about}: {:?}", rig.asked);
}

fn message(rig: &mut Rig, from: &str, inner: &str) {
    rig.frame(&format!(
        r#"<message xmlns="jabber:client" from="{from}" to="{BARE}">{inner}</message>"#
    ));
}

fn propose(session: &str, conversation: &str, more: &str) -> String {
    format!(
        r#"<propose xmlns="urn:xmpp:jingle-message:0" id="{session}" inin-cid="{conversation}" {more}/>"#
    )
}

fn word(what: &str, session: &str) -> String {
    format!(r#"<{what} xmlns="urn:xmpp:jingle-message:0" id="{session}"/>"#)
}

fn rpc(rig: &mut Rig, from: &str, method: &str, params: &Value) {
    let call = json!({"jsonrpc": "2.0", "id": "evil", "method": method, "params": params});
    rig.frame(&format!(
        r#"<iq xmlns="jabber:client" type="set" id="x" from="{from}" to="{FULL}"><genesys-webrtc xmlns="genesys">{call}</genesys-webrtc></iq>"#
    ));
}

fn event(node: &str, body: &Value) -> String {
    let json = json!({"topicName": node, "eventBody": body}).to_string();
    format!(
        r#"<event xmlns="http://jabber.org/protocol/pubsub#event"><items node="{node}"><item id="1"><json xmlns="urn:xmpp:json:0">{json}</json></item></items></event>"#
    )
}

fn accept() -> Command {
    Command::AcceptPendingSession { conversation: "C1".into() }
}

#[test]
fn wire_5_only_who_proposed_a_session_speaks_of_it() {
    for accepted in [false, true] {
        let mut rig = Rig::ready();
        rig.propose("M1", "C1", SDP);
        let command = accepted.then(|| rig.submit(accept()).unwrap());
        rig.forget();
        for stranger in STRANGERS {
            for what in ["retract", "accept", "reject", "proceed"] {
                message(&mut rig, stranger, &word(what, "M1"));
                assert_unmoved(&mut rig, &format!("{what} by {stranger}"));
            }
            // Neither in its place, nor for another conversation.
            for (session, conversation) in [("M1", "C1"), ("M666", "C1"), ("M1", "C0")] {
                for more in ["", r#"inin-autoanswer="true""#, r#"inin-priv-answer-mode="Auto""#] {
                    message(&mut rig, stranger, &propose(session, conversation, more));
                    assert_unmoved(&mut rig, &format!("propose by {stranger}"));
                }
            }
        }
        // It is still what it was.
        let command = command.unwrap_or_else(|| {
            let command = rig.submit(accept()).unwrap();
            let proceed = rig.take_sent("<proceed").unwrap();
            assert!(proceed.contains(PEER) && proceed.contains(r#"id="M1""#), "{proceed}");
            command
        });
        rig.offer("M1", "C1");
        assert_eq!(rig.completion(command), Some(Ok(Outcome::Done)));
    }
    // Who proposed it may have another resource, and our server none at all (LC-6, LC-13).
    for from in [r#"from="call@gjoll.example/i-2""#, r#"from="call@gjoll.example""#, ""] {
        let mut rig = Rig::ready();
        rig.propose("M1", "C1", SDP);
        let retract = word("retract", "M1");
        rig.frame(&format!(r#"<message xmlns="jabber:client" {from}>{retract}</message>"#));
        assert_eq!(rig.told(), ["PendingSession M1 C1", "CancelPendingSession M1 C1"]);
    }
    for from in [OTHER, BARE, "call@gjoll.example/i-2"] {
        let mut rig = Rig::ready();
        rig.propose("M1", "C1", SDP);
        message(&mut rig, from, &word("accept", "M1"));
        assert_eq!(rig.told(), ["PendingSession M1 C1", "HandledPendingSession M1 C1 Elsewhere"]);
    }
}

#[test]
fn pc_16_a_propose_in_the_place_of_an_event_may_come_from_anywhere() {
    let mut rig = Rig::idle(LA100P);
    rig.conv("C2", "inbound", "alerting");
    message(&mut rig, "call-2@gjoll.example/i-9", &propose("M2", "C2", SDP));
    assert_eq!(rig.told(), ["PendingSession M1 C2"]);
    rig.submit(Command::AcceptPendingSession { conversation: "C2".into() }).unwrap();
    assert!(rig.take_sent("<proceed").unwrap().contains("call-2@gjoll.example/i-9"));
}

#[test]
fn wire_6_14_a_session_is_only_its_far_sides() {
    let mut rig = Rig::on(LA100);
    rig.connected_call("M1", "C1");
    let resource = "call@gjoll.example/i-2";
    for stranger in STRANGERS.into_iter().chain([resource]) {
        rpc(&mut rig, stranger, "terminate", &json!({"sessionId": "M1", "reason": "success"}));
        assert_unmoved(&mut rig, "terminate");
        let candidate = "m=0 9 RTP/AVP 0\r\na=candidate:1 1 udp 99 192.0.2.9 9 typ host\r\n";
        rpc(&mut rig, stranger, "iceCandidate", &json!({"sessionId": "M1", "sdp": candidate}));
        assert_unmoved(&mut rig, "iceCandidate");
        for reinvite in [false, true] {
            let other = offer_sdp().replace("a=ice-ufrag:ufra", "a=ice-ufrag:evil");
            for sdp in [offer_sdp(), other] {
                let params = json!({"sessionId": "M1", "conversationId": "C1", "sdp": sdp,
                    "reinvite": reinvite});
                rpc(&mut rig, stranger, "offer", &params);
                assert_unmoved(&mut rig, "offer");
            }
        }
        for (action, inner) in [
            ("session-terminate", "<reason><success/></reason>"),
            ("session-initiate", JINGLE_OFFER),
            ("transport-info", JINGLE_OFFER),
            ("content-add", JINGLE_OFFER),
            ("session-info", ""),
        ] {
            rig.frame(&format!(
                r#"<iq xmlns="jabber:client" type="set" id="j" from="{stranger}" to="{FULL}"><jingle xmlns="urn:xmpp:jingle:1" action="{action}" sid="M1" initiator="{stranger}">{inner}</jingle></iq>"#
            ));
            assert_unmoved(&mut rig, action);
        }
        rig.frame(&format!(
            r#"<presence xmlns="jabber:client" type="unavailable" from="{stranger}" to="{FULL}"/>"#
        ));
        assert_unmoved(&mut rig, "presence");
    }
    rig.media("audio");
    assert_eq!(rig.audio.len(), 1);
}

#[test]
fn lc_16_a_stranger_takes_no_calls_place() {
    // A call on a session of its own, one on the shared one, one that rings, and one that is
    // accepted.
    let rigs: [fn() -> Rig; 4] = [
        || {
            let mut rig = Rig::on(LA100);
            rig.connected_call("M1", "C1");
            rig
        },
        Rig::busy,
        || {
            let mut rig = Rig::on(LA1P);
            rig.propose("M1", "C1", SDP);
            rig
        },
        || {
            let mut rig = Rig::on(LA1P);
            rig.propose("M1", "C1", SDP);
            rig.submit(accept()).unwrap();
            rig
        },
    ];
    for rig in rigs {
        for stranger in STRANGERS {
            let mut rig = rig();
            rig.forget();
            for reinvite in [false, true] {
                for session in ["M1", "M666"] {
                    let params = json!({"sessionId": session, "conversationId": "C1",
                        "sdp": offer_sdp().replace("ufra", "evil"), "reinvite": reinvite});
                    rpc(&mut rig, stranger, "offer", &params);
                    assert_unmoved(&mut rig, &format!("{session} by {stranger}"));
                }
            }
        }
    }
}

#[test]
fn wire_6_14_a_stranger_does_not_use_up_a_reinvite() {
    let mut rig = Rig::busy();
    for id in ["r2", "r3", "r4", "r5", "r6", "r7"] {
        for stranger in STRANGERS {
            let params = json!({"sessionId": "M2", "conversationId": "C1", "sdp": offer_sdp(),
                "reinvite": true});
            let call = json!({"jsonrpc": "2.0", "id": id, "method": "offer", "params": params});
            rig.frame(&format!(
                r#"<iq xmlns="jabber:client" type="set" id="x" from="{stranger}" to="{FULL}"><genesys-webrtc xmlns="genesys">{call}</genesys-webrtc></iq>"#
            ));
        }
        assert_unmoved(&mut rig, id);
    }
    rig.reinvite("r2", "M2", "C1");
    assert!(rig.told().contains(&"SessionReplaced M1 M2".to_owned()));
}

#[test]
fn wire_4_5_only_the_service_notifies() {
    let over = json!({"id": "C1", "participants": [
        {"id": "P-C1", "purpose": "agent", "userId": "user-1",
         "calls": [{"id": "K-C1", "state": "terminated", "direction": "inbound"}]}]});
    let notices = [
        event("v2.users.user-1.conversations", &over),
        event("v2.users.user-1.station", &json!({})),
        event("system.v2.no_longer_subscribed.channel-1", &json!({"channelId": "channel-1"})),
        event("streaming-subscriptions-expiring", &json!({"expiring": 60})),
        event("v2.users.user-1.persistentconnection", &json!({"persistentState": "FAILED"})),
        event("v2.users.user-1.alertingleader", &json!({"connectionId": "c1"})),
    ];
    let mut rig = Rig::busy();
    for from in STRANGERS.into_iter().filter(|from| from.contains('@')).chain([OTHER, PEER]) {
        for notice in &notices {
            message(&mut rig, from, notice);
            rig.wait(std::time::Duration::from_millis(200));
            assert_unmoved(&mut rig, from);
        }
        rig.reported();
    }
    for from in ["notifications.lab.test", "org.example", BARE] {
        let mut rig = Rig::busy();
        message(&mut rig, from, &notices[0]);
        assert!(rig.told().contains(&"CallEnded C1".to_owned()), "{from}");
    }
}

#[test]
fn wire_3_6_only_the_service_moves_us() {
    let mut rig = Rig::ready();
    for from in STRANGERS.into_iter().filter(|from| from.contains('@')).chain([OTHER, PEER]) {
        rig.frame(&format!(
            r#"<iq xmlns="jabber:client" type="set" id="t" from="{from}" to="{FULL}"><query xmlns="urn:xmpp:cxfr"/></iq>"#
        ));
        assert!(rig.take_sent("service-unavailable").is_some(), "{from}");
        assert_unmoved(&mut rig, from);
    }
    assert!(rig.client.is_connected());
}

#[test]
fn xep_0280_a_carbon_is_only_our_own_servers() {
    let carbon = |inner: &str| {
        format!(
            r#"<received xmlns="urn:xmpp:carbons:2"><forwarded xmlns="urn:xmpp:forward:0"><message xmlns="jabber:client" from="{PEER}" to="{BARE}">{inner}</message></forwarded></received>"#
        )
    };
    let mut rig = Rig::ready();
    rig.propose("M1", "C1", SDP);
    rig.forget();
    let strangers = STRANGERS.into_iter().chain([OTHER, FULL, PEER, "org.example"]);
    for from in strangers {
        for inner in [word("retract", "M1"), propose("M2", "C2", ""), word("accept", "M1")] {
            message(&mut rig, from, &carbon(&inner));
            assert_unmoved(&mut rig, from);
        }
    }
    rig.frame(&format!(
        r#"<message xmlns="jabber:client">{}</message>"#,
        carbon(&word("retract", "M1"))
    ));
    assert_unmoved(&mut rig, "nobody");
    message(&mut rig, BARE, &carbon(&word("retract", "M1")));
    assert_eq!(rig.told(), ["CancelPendingSession M1 C1"]);
}

#[test]
fn wire_1_6_an_answer_comes_from_whom_was_asked() {
    let mut rig = Rig::ready_with(|config| config.auto_connect_sessions = false);
    rig.propose("M1", "C1", r#"inin-autoanswer="true" inin-sdp-over-xmpp="true""#);
    rig.offer("M1", "C1");
    rig.forget();
    let accept = rig.submit(Command::AcceptSession { conversation: "C1".into() }).unwrap();
    let answer = rig.take_sent(r#""method":"answer""#).unwrap();
    let id = answer.split(r#" id=""#).nth(1).unwrap().split('"').next().unwrap().to_owned();
    rig.forget();
    for stranger in STRANGERS.into_iter().filter(|from| *from != "gjoll.example").chain([OTHER]) {
        rig.frame(&format!(
            r#"<iq xmlns="jabber:client" type="result" id="{id}" from="{stranger}" to="{FULL}"/>"#
        ));
        rig.frame(&format!(
            r#"<iq xmlns="jabber:client" type="error" id="{id}" from="{stranger}" to="{FULL}"><error type="cancel"><item-not-found xmlns="urn:ietf:params:xml:ns:xmpp-stanzas"/><unknown-session xmlns="urn:xmpp:jingle:errors:1"/></error></iq>"#
        ));
        assert_unmoved(&mut rig, stranger);
        assert_eq!(rig.completion(accept), None, "{stranger}");
    }
    rig.frame(&format!(
        r#"<iq xmlns="jabber:client" type="result" id="{id}" from="{PEER}" to="{FULL}"/>"#
    ));
    assert_eq!(rig.completion(accept), Some(Ok(Outcome::Done)));
}
