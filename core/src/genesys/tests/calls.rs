//! Calls, from ringing to the end.

use std::time::Duration;

use serde_json::json;

use super::rig::{BARE, FULL, JINGLE_OFFER, OTHER, PEER, Rig};
use crate::genesys::{Command, Dial, Dialled, ErrorKind, Outcome};

#[test]
fn scenario_17_a_call_rings_and_is_accepted() {
    let mut rig = Rig::ready();
    rig.propose("M1", "C1", "");
    assert_eq!(rig.told(), ["PendingSession M1 C1"]);
    assert!(rig.sent().is_empty(), "nothing is sent before somebody answers");
    rig.submit(Command::AcceptPendingSession { conversation: "C1".into() }).unwrap();
    let sent = rig.sent();
    assert_eq!(sent.len(), 1);
    assert!(sent[0].contains("<proceed") && sent[0].contains(r#"id="M1""#));
    assert!(sent[0].contains(&format!(r#"to="{PEER}""#)));
}

#[test]
fn lc_14_lc_17_scenario_34_67_wire_5_9_an_inbound_call_by_jingle_from_propose_to_hang_up() {
    let mut rig = Rig::ready();
    rig.conv("C1", "inbound", "alerting");
    rig.propose("M1", "C1", "");
    assert_eq!(rig.told(), ["PendingSession M1 C1"], "and no other");
    let accept = rig.submit(Command::AcceptPendingSession { conversation: "C1".into() }).unwrap();
    rig.forget();
    rig.jingle("si1", "session-initiate", "M1", JINGLE_OFFER);
    assert_eq!(rig.completion(accept), Some(Ok(Outcome::Done)));
    assert_eq!(
        rig.told(),
        ["HandledPendingSession M1 C1 Here", "SessionStarted M1 C1", "MediaState Connecting"]
    );
    let sent = rig.acknowledge();
    let order = ["type=\"result\"", "<accept", "session-accept", "typ", "gathering-complete"];
    assert!(sent[0].contains(order[0]) && sent[0].contains("si1"));
    assert!(sent[1].contains(order[1]) && sent[1].contains(&format!(r#"to="{BARE}""#)));
    assert!(sent[2].contains(order[2]) && sent[2].contains(r#"setup="active""#));
    assert!(sent[3].contains("transport-info") && sent[3].contains("<candidate"));
    assert!(sent[3].contains(r#"ufrag="mine""#) && !sent[3].contains("pwd="));
    assert!(sent[4].contains(order[4]));
    // Our own accept comes back: nothing new (LC-14).
    rig.session_message(FULL, "accept", "M1");
    assert!(rig.told().is_empty());

    rig.media("connected");
    assert!(rig.sent()[0].contains("<active"));
    rig.conv("C1", "inbound", "connected");
    assert_eq!(
        rig.told(),
        ["MediaState Connected", "CallConnected C1 M1", "ConversationUpdate +[C1] -[] =1"]
    );
    rig.expect_http("POST /conversations/calls/C1/communications/K-C1/metadata");

    rig.conv("C1", "inbound", "disconnected");
    rig.jingle("st1", "session-terminate", "M1", "<reason><success/></reason>");
    rig.conv("C1", "inbound", "terminated");
    assert_eq!(
        rig.told(),
        [
            "CallEnded C1",
            "ConversationUpdate +[] -[C1] =0",
            "Stats",
            "MediaState Closed",
            "SessionEnded M1 success"
        ]
    );
    assert!(rig.udp.is_none(), "its sockets are closed");
    assert_eq!(rig.client.size(), 0, "nothing is remembered");
}

#[test]
fn lc_13_scenario_27_the_caller_gives_up() {
    let mut rig = Rig::ready();
    rig.propose("M1", "C1", "");
    rig.session_message(PEER, "retract", "M1");
    assert_eq!(rig.told(), ["PendingSession M1 C1", "CancelPendingSession M1 C1"]);
    let again = rig.submit(Command::AcceptPendingSession { conversation: "C1".into() });
    assert_eq!(again.unwrap_err().kind, ErrorKind::Session);
    assert_eq!(rig.client.size(), 0);
}

#[test]
fn def_6_scenario_28_another_client_takes_the_call() {
    for how in ["accept", "reject"] {
        let mut rig = Rig::ready();
        rig.propose("M1", "C1", "");
        rig.session_message(OTHER, how, "M1");
        assert_eq!(rig.told(), ["PendingSession M1 C1", "HandledPendingSession M1 C1 Elsewhere"]);
        assert_eq!(rig.client.size(), 0);
    }
}

#[test]
fn pc_10_scenario_96_97_a_queue_call_is_disconnected_and_a_direct_one_goes_to_voicemail() {
    for (purpose, what, body) in [
        (
            "agent",
            "PATCH /conversations/calls/C1/participants/P-C1",
            json!({"state": "disconnected"}),
        ),
        (
            "user",
            "POST /conversations/calls/C1/participants/P-C1/replace",
            json!({"voicemail": true}),
        ),
    ] {
        let mut rig = Rig::ready();
        rig.conv_with("C1", "inbound", "alerting", &json!({}), purpose);
        rig.propose("M1", "C1", "");
        let reject =
            rig.submit(Command::RejectPendingSession { conversation: "C1".into() }).unwrap();
        let asked = rig.expect_http(what);
        assert_eq!(asked.body, body);
        rig.respond(asked.id, 202, &serde_json::Value::Null);
        assert_eq!(rig.completion(reject), Some(Ok(Outcome::Done)));
        rig.session_message(PEER, "retract", "M1");
        assert_eq!(rig.told(), ["PendingSession M1 C1", "CancelPendingSession M1 C1"]);
    }
}

#[test]
fn cv_12_cv_14_mh_3_scenario_99_100_mute_and_hold_are_the_services_business() {
    let mut rig = Rig::ready();
    rig.connected_call("M1", "C1");
    let mute = Command::SetAudioMute { conversation: "C1".into(), muted: true };
    let mute = rig.submit(mute).unwrap();
    let asked = rig.expect_http("PATCH /conversations/calls/C1/participants/P-C1");
    assert_eq!(asked.body, json!({"muted": true}));
    rig.respond(asked.id, 202, &serde_json::Value::Null);
    assert_eq!(rig.completion(mute), Some(Ok(Outcome::Done)));
    rig.conv_with("C1", "inbound", "connected", &json!({"muted": true}), "agent");
    assert_eq!(rig.told(), ["ConversationUpdate +[] -[] =1"]);
    // Nothing is switched off here: whether we are heard is decided there.
    rig.speak();
    assert!(rig.log().last().is_some_and(|line| line.contains("Transmit")), "{:?}", rig.log());
    let mute = Command::SetAudioMute { conversation: "C1".into(), muted: false };
    let mute = rig.submit(mute).unwrap();
    let asked = rig.expect_http("PATCH /conversations/calls/C1/participants/P-C1");
    rig.respond(asked.id, 500, &serde_json::Value::Null);
    assert_eq!(rig.failure(mute), Some(ErrorKind::Generic));

    let hold = Command::SetConversationHeld { conversation: "C1".into(), held: true };
    let hold = rig.submit(hold).unwrap();
    let asked = rig.expect_http("PATCH /conversations/calls/C1/participants/P-C1");
    assert_eq!(asked.body, json!({"held": true}));
    rig.respond(asked.id, 500, &serde_json::Value::Null);
    assert_eq!(rig.failure(hold), Some(ErrorKind::Call));
}

#[test]
fn scenario_103_hanging_up_waits_for_the_call_and_for_media() {
    let mut rig = Rig::ready();
    rig.connected_call("M2", "C2");
    rig.connected_call("M1", "C1");
    let end = rig.submit(Command::EndSession { conversation: "C1".into() }).unwrap();
    let asked = rig.expect_http("PATCH /conversations/calls/C1/participants/P-C1");
    assert_eq!(asked.body, json!({"state": "disconnected"}));
    rig.respond(asked.id, 202, &serde_json::Value::Null);
    // The end of another call and of its session is no matter.
    rig.conv("C2", "inbound", "disconnected");
    rig.rpc("terminate", &json!({"sessionId": "M2"}));
    assert!(rig.told().contains(&"SessionEnded M2 success".to_owned()));
    assert_eq!(rig.completion(end), None);
    rig.conv("C1", "inbound", "disconnected");
    assert_eq!(rig.completion(end), None);
    rig.rpc("terminate", &json!({"sessionId": "M1", "reason": "success"}));
    assert_eq!(rig.completion(end), Some(Ok(Outcome::Done)));

    // The other way round.
    let mut rig = Rig::ready();
    rig.connected_call("M1", "C1");
    let end = rig.submit(Command::EndSession { conversation: "C1".into() }).unwrap();
    rig.rpc("terminate", &json!({"sessionId": "M1"}));
    assert_eq!(rig.completion(end), None);
    rig.conv("C1", "inbound", "disconnected");
    assert_eq!(rig.completion(end), Some(Ok(Outcome::Done)));
}

#[test]
fn scenario_109_def_20_a_hang_up_that_nobody_confirms_times_out() {
    let mut rig = Rig::ready();
    rig.connected_call("M1", "C1");
    let before = rig.client.size();
    let end = rig.submit(Command::EndSession { conversation: "C1".into() }).unwrap();
    let asked = rig.asked.pop_front().unwrap();
    rig.respond(asked.id, 202, &serde_json::Value::Null);
    rig.wait(Duration::from_secs(29));
    assert_eq!(rig.completion(end), None);
    rig.wait(Duration::from_secs(1));
    assert_eq!(rig.failure(end), Some(ErrorKind::Timeout));
    assert_eq!(rig.client.size(), before, "nobody waits any more");
}

#[test]
fn lc_15_def_28_scenario_107_dialling_and_the_propose_in_either_order() {
    for answer_first in [true, false] {
        let mut rig = Rig::ready();
        let dial = Command::StartSoftphoneSession(Dial::number("+15550123"));
        let dial = rig.submit(dial).unwrap();
        let asked = rig.expect_http("POST /conversations/calls");
        assert_eq!(asked.body, json!({"phoneNumber": "+15550123"}));
        let answer = json!({"id": "C1", "selfUri": "/x"});
        if answer_first {
            rig.respond(asked.id, 202, &answer);
        }
        rig.conv("C1", "outbound", "contacting");
        rig.propose("M1", "C1", r#"inin-autoanswer="true" inin-sdp-over-xmpp="1""#);
        rig.offer("M1", "C1");
        if !answer_first {
            rig.respond(asked.id, 202, &answer);
        }
        let dialled = Dialled { conversation: "C1".into(), self_uri: Some("/x".to_owned()) };
        assert_eq!(rig.completion(dial), Some(Ok(Outcome::Dialled(dialled))));
        rig.acknowledge();
        rig.conv("C1", "outbound", "connected");
        let told = rig.told();
        assert_eq!(told[0], "PendingSession M1 C1");
        assert!(told.contains(&"SessionStarted M1 C1".to_owned()), "{told:?}");
        assert_eq!(told.last().unwrap(), "ConversationUpdate +[C1] -[] =1");
    }
}

/// Of several events before the dial is answered none is taken for another client's.
#[test]
fn lc_15_def_28_scenario_108_all_events_before_the_answer_to_the_dial_are_ours() {
    let mut rig = Rig::ready_with(|config| config.disable_auto_answer = true);
    let dial = rig.submit(Command::StartSoftphoneSession(Dial::number("1"))).unwrap();
    let asked = rig.expect_http("POST /conversations/calls");
    rig.conv("C1", "outbound", "contacting");
    rig.propose("M1", "C1", r#"inin-autoanswer="true" inin-sdp-over-xmpp="1""#);
    rig.conv("C1", "outbound", "dialing");
    assert_eq!(rig.told(), ["PendingSession M1 C1"], "it goes on ringing");
    rig.respond(asked.id, 202, &json!({"id": "C1"}));
    assert!(rig.completion(dial).is_some_and(|result| result.is_ok()));
    rig.submit(Command::AcceptPendingSession { conversation: "C1".into() }).unwrap();
    rig.offer("M1", "C1");
    rig.acknowledge();
    let told = rig.told();
    assert!(told.contains(&"CallConnected C1 M1".to_owned()), "{told:?}");

    // One that is over before is not ours to remember.
    let mut rig = Rig::ready();
    rig.submit(Command::StartSoftphoneSession(Dial::number("1"))).unwrap();
    let asked = rig.expect_http("POST /conversations/calls");
    rig.conv("C1", "outbound", "dialing");
    rig.conv("C1", "outbound", "terminated");
    rig.respond(asked.id, 202, &json!({"id": "C1"}));
    assert!(rig.told().is_empty());
    assert_eq!(rig.client.remembered(), 0);

    // One that was another client's is told as such once the dial turns out to be another call.
    let mut rig = Rig::ready();
    rig.submit(Command::StartSoftphoneSession(Dial::number("1"))).unwrap();
    let asked = rig.expect_http("POST /conversations/calls");
    rig.conv("C1", "outbound", "contacting");
    rig.propose("M1", "C1", "");
    rig.conv("C1", "outbound", "connected");
    rig.respond(asked.id, 400, &serde_json::Value::Null);
    assert_eq!(rig.told(), ["PendingSession M1 C1", "HandledPendingSession M1 C1 Elsewhere"]);
    assert_eq!(rig.client.size(), 0);
}

#[test]
fn scenario_51_early_candidates_are_applied_after_the_offer_once() {
    let mut rig = Rig::ready();
    let candidate = |n: u8| {
        json!({"sessionId": "M1",
            "sdp": format!("m=0 9 RTP/AVP 0\r\na=candidate:1 1 udp 1 127.0.0.1 900{n} typ host\r\n")})
    };
    rig.rpc("iceCandidate", &candidate(1));
    rig.rpc("iceCandidate", &candidate(2));
    assert!(rig.told().is_empty());
    rig.propose("M1", "C1", r#"inin-sdp-over-xmpp="true""#);
    rig.submit(Command::AcceptPendingSession { conversation: "C1".into() }).unwrap();
    rig.offer("M1", "C1");
    let told = rig.told();
    let applied = told.iter().filter(|t| t.starts_with("Dtmf")).count();
    assert_eq!(applied, 2, "{told:?}");
    rig.rpc("iceCandidate", &candidate(3));
    assert_eq!(rig.told(), ["Dtmf 3"]);
}
