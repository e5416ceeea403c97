//! Persistent connections and line appearances (behaviour notes 3; scenarios 56 to 83 and 101).

use std::time::Duration;

use serde_json::{Value, json};

use super::rig::{LA1, LA1P, LA100, LA100P, OTHER, PEER, Rig};
use crate::genesys::{Command, Config, EagerConnection, ErrorKind, Event, Outcome};

const S: fn(u64) -> Duration = Duration::from_secs;
const AUTO: &str = r#"inin-autoanswer="true" inin-sdp-over-xmpp="true""#;
const SDP: &str = r#"inin-sdp-over-xmpp="true""#;
const EAGER: &str = r#"inin-priv-answer-mode="Auto" inin-sdp-over-xmpp="true""#;

fn accept(conversation: &str) -> Command {
    Command::AcceptPendingSession { conversation: conversation.into() }
}

fn end(conversation: &str) -> Command {
    Command::EndSession { conversation: conversation.into() }
}

/// Another call with a session of its own.
fn own_call(rig: &mut Rig, session: &str, conversation: &str) {
    rig.conv(conversation, "inbound", "alerting");
    rig.propose(session, conversation, AUTO);
    rig.offer(session, conversation);
    rig.acknowledge();
    rig.media("connected");
    rig.conv(conversation, "inbound", "connected");
    rig.acknowledge();
}

/// The same where the application accepts media itself.
fn own_call_by_hand(rig: &mut Rig, session: &str, conversation: &str) {
    rig.conv(conversation, "inbound", "alerting");
    rig.propose(session, conversation, AUTO);
    rig.offer(session, conversation);
    rig.submit(Command::AcceptSession { conversation: conversation.into() }).unwrap();
    rig.acknowledge();
    rig.media("connected");
    rig.conv(conversation, "inbound", "connected");
    rig.acknowledge();
}

#[test]
fn scenario_56_57_58_59_pc_5_pc_6_pc_9_a_call_on_the_idle_session() {
    let mut rig = Rig::idle(LA1P);
    rig.conv("C1", "inbound", "alerting");
    match rig.events.pop_front() {
        Some(Event::PendingSession(pending)) => {
            assert_eq!((pending.session.as_str(), pending.conversation.as_str()), ("M1", "C1"));
            assert!(!pending.auto_answer);
        }
        other => panic!("{other:?}"),
    }
    let accept = rig.submit(accept("C1")).unwrap();
    assert!(rig.sent().is_empty(), "PC-9: no stanza");
    let asked = rig.expect_http("PATCH /conversations/calls/C1/participants/P-C1");
    assert_eq!(asked.body, json!({"state": "connected"}));
    rig.respond(asked.id, 202, &Value::Null);
    assert_eq!(rig.completion(accept), None, "accepted is not connected");
    rig.conv("C1", "inbound", "connected");
    assert_eq!(rig.completion(accept), Some(Ok(Outcome::Done)));
    assert_eq!(
        rig.told(),
        [
            "CallConnected C1 M1",
            "HandledPendingSession M1 C1 Here",
            "ConversationUpdate +[C1] -[] =1"
        ]
    );
    rig.expect_http("POST /conversations/calls/C1/communications/K-C1/metadata");
    rig.conv("C1", "inbound", "disconnected");
    assert_eq!(rig.told(), ["CallEnded C1", "ConversationUpdate +[] -[C1] =0"]);
    rig.conv("C1", "inbound", "terminated");
    assert!(rig.told().is_empty(), "PC-7");
    rig.wait_reporting(S(60));
    assert!(rig.udp.is_some(), "M1 stays up");
    assert!(rig.told().iter().all(|told| told == "Stats"));
}

#[test]
fn scenario_60_61_pc_8_a_call_on_it_that_is_withdrawn() {
    for state in ["disconnected", "terminated"] {
        let mut rig = Rig::idle(LA1P);
        rig.conv("C1", "inbound", "alerting");
        rig.conv("C1", "inbound", state);
        assert_eq!(rig.told(), ["PendingSession M1 C1", "CancelPendingSession M1 C1"]);
        assert_eq!(rig.submit(accept("C1")).unwrap_err().kind, ErrorKind::Session);
        assert!(rig.udp.is_some());
    }
}

#[test]
fn scenario_62_63_pc_8_an_outbound_call_on_it() {
    let mut rig = Rig::idle(LA1P);
    rig.conv("C1", "outbound", "contacting");
    match rig.events.pop_front() {
        Some(Event::PendingSession(pending)) => assert!(pending.auto_answer),
        other => panic!("{other:?}"),
    }
    rig.conv("C1", "outbound", "dialing");
    assert_eq!(
        rig.told(),
        [
            "CallConnected C1 M1",
            "HandledPendingSession M1 C1 Here",
            "ConversationUpdate +[C1] -[] =1"
        ]
    );
    assert!(rig.asked.is_empty(), "dialing is not reported");
    rig.conv("C1", "outbound", "connected");
    assert_eq!(rig.told(), ["ConversationUpdate +[] -[] =1"]);
    rig.expect_http("POST /conversations/calls/C1/communications/K-C1/metadata");
}

#[test]
fn lc_8_def_4_scenario_32_80_several_calls_ring_on_one_session_and_each_is_itself() {
    let mut rig = Rig::idle(LA1P);
    rig.conv("C1", "inbound", "alerting");
    rig.conv("C2", "inbound", "alerting");
    assert_eq!(rig.told(), ["PendingSession M1 C1", "PendingSession M1 C2"]);
    rig.submit(accept("C2")).unwrap();
    rig.expect_http("PATCH /conversations/calls/C2/participants/P-C2");
    rig.conv("C2", "inbound", "connected");
    assert!(rig.told().contains(&"HandledPendingSession M1 C2 Here".to_owned()));
    for (from, how) in [(PEER, "retract"), (OTHER, "accept"), (OTHER, "reject")] {
        rig.session_message(from, how, "M1");
        assert!(rig.told().is_empty(), "PC-8: {how} is about no call on it");
    }
    rig.conv("C1", "inbound", "disconnected");
    assert_eq!(rig.told(), ["CancelPendingSession M1 C1", "ConversationUpdate +[] -[] =1"]);
}

#[test]
fn pc_16_scenario_74_75_a_propose_after_the_event_takes_its_place() {
    // Accepted before the propose came: it is answered at once.
    let mut rig = Rig::idle(LA100P);
    rig.conv("C2", "inbound", "alerting");
    assert_eq!(rig.told(), ["PendingSession M1 C2"]);
    let id = rig.submit(accept("C2")).unwrap();
    rig.expect_http("PATCH /conversations/calls/C2/participants/P-C2");
    rig.propose("M2", "C2", SDP);
    assert!(rig.told().is_empty(), "no second ring");
    assert!(rig.take_sent("<proceed").is_some_and(|text| text.contains(r#"id="M2""#)));
    rig.offer("M2", "C2");
    assert_eq!(rig.completion(id), Some(Ok(Outcome::Done)));

    // Not accepted yet: the command that follows answers the propose.
    let mut rig = Rig::idle(LA100P);
    rig.conv("C2", "inbound", "alerting");
    rig.propose("M2", "C2", SDP);
    assert_eq!(rig.told(), ["PendingSession M1 C2"]);
    assert!(rig.sent().is_empty());
    rig.submit(accept("C2")).unwrap();
    assert!(rig.take_sent("<proceed").is_some_and(|text| text.contains(r#"id="M2""#)));
    assert!(rig.asked.is_empty(), "and not through the service");
}

#[test]
fn scenario_73_pc_5_which_session_a_call_rides_on() {
    // (a) The one that it has, whatever else there is.
    let mut rig = Rig::idle(LA100P);
    own_call(&mut rig, "M2", "C2");
    rig.forget();
    rig.conv_with("C2", "inbound", "connected", &json!({"muted": true}), "agent");
    match rig.events.pop_front() {
        Some(Event::ConversationUpdate(update)) => {
            assert_eq!(update.current[0].session.as_ref().unwrap().as_str(), "M2");
        }
        other => panic!("{other:?}"),
    }

    // (b) One line: the active one, also while another call is on it.
    let mut rig = Rig::on(LA1);
    rig.connected_call("M1", "C1");
    rig.conv("C2", "inbound", "alerting");
    assert_eq!(rig.told(), ["PendingSession M1 C2"]);

    // (c) Many lines: its own.
    let mut rig = Rig::on(LA100);
    rig.connected_call("M1", "C1");
    rig.conv("C2", "inbound", "alerting");
    assert!(rig.told().is_empty(), "a propose will come");
    own_call(&mut rig, "M2", "C2");
    let told = rig.told();
    assert!(told.contains(&"CallConnected C2 M2".to_owned()), "{told:?}");

    // (d) Many lines and a persistent session that nobody uses: that one.
    let mut rig = Rig::idle(LA100P);
    rig.conv("C1", "inbound", "alerting");
    assert_eq!(rig.told(), ["PendingSession M1 C1"]);
    // (e) In use: none.
    rig.conv("C2", "inbound", "alerting");
    assert!(rig.told().is_empty());
}

#[test]
fn scenario_79_pc_1_which_session_becomes_the_active_one() {
    // Many lines without persistence: none ever does.
    let mut rig = Rig::idle(LA100);
    rig.conv("C1", "inbound", "alerting");
    assert!(rig.told().is_empty());
    // One line, or persistence: the first that is accepted.
    for station in [LA1, LA1P, LA100P] {
        let mut rig = Rig::on(station);
        rig.connected_call("M1", "C1");
        rig.conv("C1", "inbound", "terminated");
        rig.forget();
        rig.conv("C2", "inbound", "alerting");
        assert_eq!(rig.told(), ["PendingSession M1 C2"], "{station:?}");
    }
    // One whose media is not connected is.
    let mut rig = Rig::idle(LA100P);
    rig.media("disconnected");
    own_call(&mut rig, "M2", "C2");
    rig.conv("C2", "inbound", "terminated");
    rig.forget();
    rig.conv("C3", "inbound", "alerting");
    assert_eq!(rig.told(), ["PendingSession M2 C3"]);
    // A connected one is not replaced by a later one.
    let mut rig = Rig::idle(LA100P);
    own_call(&mut rig, "M2", "C2");
    rig.conv("C2", "inbound", "terminated");
    rig.forget();
    rig.conv("C3", "inbound", "alerting");
    assert_eq!(rig.told(), ["PendingSession M1 C3"]);
}

#[test]
fn pc_2_when_the_active_session_ends_a_connected_one_takes_its_place() {
    let mut rig = Rig::idle(LA100P);
    own_call(&mut rig, "M2", "C2");
    rig.rpc("terminate", &json!({"sessionId": "M1"}));
    rig.conv("C2", "inbound", "terminated");
    rig.forget();
    rig.conv("C3", "inbound", "alerting");
    assert_eq!(rig.told(), ["PendingSession M2 C3"]);
    // And none when none is left.
    rig.rpc("terminate", &json!({"sessionId": "M2"}));
    rig.conv("C3", "inbound", "terminated");
    rig.forget();
    rig.conv("C4", "inbound", "alerting");
    assert!(rig.told().is_empty());
}

#[test]
fn pc_2_a_session_that_is_cut_off_takes_its_place_once_it_is_back() {
    let mut rig = Rig::idle(LA100P);
    let first = rig.udp;
    rig.media("disconnected");
    own_call(&mut rig, "M2", "C2");
    rig.rpc("terminate", &json!({"sessionId": "M2"}));
    rig.conv("C2", "inbound", "terminated");
    rig.udp = first;
    rig.media("connected");
    rig.forget();
    rig.conv("C3", "inbound", "alerting");
    assert_eq!(rig.told(), ["PendingSession M1 C3"]);
}

#[test]
fn pc_2_on_one_line_the_session_that_is_left_carries_the_next_call() {
    // Deaf for a while, the client took an offer beside the session that it had.
    let mut rig = Rig::on(LA1);
    own_call(&mut rig, "M1", "C1");
    own_call(&mut rig, "M2", "C2");
    rig.rpc("terminate", &json!({"sessionId": "M1"}));
    rig.conv("C1", "inbound", "terminated");
    rig.forget();
    rig.conv("C3", "inbound", "alerting");
    assert_eq!(rig.told(), ["PendingSession M2 C3"]);
}

#[test]
fn scenario_76_77_def_36_an_eager_session_is_no_call() {
    let mut rig = Rig::on(LA100P);
    own_call(&mut rig, "M0", "C0");
    rig.forget();
    rig.propose("M1", "E1", EAGER);
    assert!(rig.told().is_empty());
    assert!(rig.take_sent("<proceed").is_some());
    rig.offer("M1", "E1");
    assert_eq!(rig.told(), ["SessionStarted M1 E1", "MediaState Connecting"]);
    assert!(rig.asked.is_empty(), "nobody is held for it");
    rig.media("connected");
    rig.forget();
    let busy = json!({"errorInfo": {"code": "error.busy", "message": "no"}});
    for state in ["alerting", "connected", "disconnected"] {
        rig.conv_with("E1", "inbound", state, &busy, "agent");
        assert!(rig.told().is_empty(), "{state} of a call that is not real");
    }
    rig.rpc("terminate", &json!({"sessionId": "M0"}));
    rig.conv("C0", "inbound", "terminated");
    rig.forget();
    rig.conv("C1", "inbound", "alerting");
    assert_eq!(rig.told(), ["PendingSession M1 C1"], "the next call rides on it");
}

#[test]
fn lc_12_scenario_20_eager_connections_can_be_told_or_left_alone() {
    for (mode, told, proceeds) in [
        (EagerConnection::Auto, false, true),
        (EagerConnection::Event, true, false),
        (EagerConnection::None, false, false),
    ] {
        for disabled in [false, true] {
            let mut rig = Rig::ready_with(|config: &mut Config| {
                config.eager_connection = mode;
                config.disable_auto_answer = disabled;
            });
            for _ in 0..2 {
                rig.propose("M1", "E1", EAGER);
            }
            let expected: &[&str] = if told { &["PendingSession M1 E1"] } else { &[] };
            assert_eq!(rig.told(), expected, "{mode:?}");
            assert_eq!(rig.take_sent("<proceed").is_some(), proceeds, "{mode:?}");
        }
    }
}

#[test]
fn lc_12_an_eager_connection_that_is_told_waits_for_the_application() {
    let event = |config: &mut Config| config.eager_connection = EagerConnection::Event;
    let mut rig = Rig::ready_with(event);
    rig.propose("M1", "E1", EAGER);
    rig.wait_acknowledging(S(20));
    assert!(rig.take_sent("<proceed").is_none());
    let accept = rig.submit(accept("E1")).unwrap();
    assert!(rig.take_sent("<proceed").is_some());
    rig.offer("M1", "E1");
    assert_eq!(rig.completion(accept), Some(Ok(Outcome::Done)));
    // It is no call for all that (DEF-36).
    rig.forget();
    rig.conv("E1", "inbound", "connected");
    assert!(rig.told().is_empty());

    // Withdrawn before, it was told of, and so its end is.
    let mut rig = Rig::ready_with(event);
    rig.propose("M1", "E1", EAGER);
    rig.session_message(PEER, "retract", "M1");
    assert_eq!(rig.told(), ["PendingSession M1 E1", "CancelPendingSession M1 E1"]);
    assert_eq!(rig.client.size(), 0);
}

#[test]
fn def_8_scenario_78_an_eager_session_cancelled_before_it_connects_is_ended() {
    let mut rig = Rig::on(LA1P);
    rig.propose("M1", "E1", EAGER);
    rig.offer("M1", "E1");
    rig.forget();
    rig.conv("E1", "inbound", "terminated");
    rig.wait_acknowledging(S(12));
    assert!(rig.told().contains(&"SessionEnded M1 success".to_owned()));
    assert_eq!(rig.client.size(), 0);
}

#[test]
fn pc_4_scenario_64_68_81_an_offer_before_the_event_rings_and_starts_once() {
    let mut rig = Rig::on(LA1P);
    rig.propose("M1", "C1", SDP);
    rig.submit(accept("C1")).unwrap();
    rig.offer("M1", "C1");
    rig.acknowledge();
    rig.media("connected");
    rig.conv("C1", "inbound", "alerting");
    rig.conv("C1", "inbound", "connected");
    rig.conv_with("C1", "inbound", "connected", &json!({"muted": true}), "agent");
    let told = rig.told();
    for once in ["PendingSession M1 C1", "SessionStarted M1 C1", "CallConnected C1 M1"] {
        assert_eq!(told.iter().filter(|told| *told == once).count(), 1, "{once} in {told:?}");
    }
    let added = told.iter().filter(|told| told.contains("+[C1]")).count();
    assert_eq!(added, 1, "{told:?}");
}

#[test]
fn scenario_101_pc_14_one_line_talks_and_the_others_hold() {
    let mut rig = Rig::on(LA100);
    own_call(&mut rig, "M1", "C1");
    rig.forget();
    // Accepting the second holds the first.
    rig.conv("C2", "inbound", "alerting");
    rig.propose("M2", "C2", AUTO);
    rig.offer("M2", "C2");
    rig.acknowledge();
    let asked = rig.expect_http("PATCH /conversations/calls/C1/participants/P-C1");
    assert_eq!(asked.body, json!({"held": true}));
    rig.respond(asked.id, 500, &Value::Null);
    rig.media("connected");
    rig.conv("C2", "inbound", "connected");
    rig.conv_with("C1", "inbound", "connected", &json!({"held": true}), "agent");
    rig.forget();
    // Un-holding the first holds the second, in this order.
    let unhold = Command::SetConversationHeld { conversation: "C1".into(), held: false };
    let unhold = rig.submit(unhold);
    let asked = rig.expect_http("PATCH /conversations/calls/C2/participants/P-C2");
    assert_eq!(asked.body, json!({"held": true}));
    let asked = rig.expect_http("PATCH /conversations/calls/C1/participants/P-C1");
    assert_eq!(asked.body, json!({"held": false}));
    rig.respond(asked.id, 202, &Value::Null);
    assert_eq!(rig.completion(unhold.unwrap()), Some(Ok(Outcome::Done)));
}

/// True if some output was made before another, each named by a part of it.
fn came_before(rig: &Rig, first: &str, second: &str) -> bool {
    let at = |part: &str| {
        let found = rig.done.iter().position(|line| line.contains(part));
        found.unwrap_or_else(|| panic!("no {part} in {:#?}", rig.done))
    };
    at(first) < at(second)
}

#[test]
fn pc_3_pc_14_the_other_call_is_held_before_the_new_one_is_answered() {
    let held = "/conversations/calls/C1/participants/P-C1";
    // By itself.
    let mut rig = Rig::on(LA100);
    own_call(&mut rig, "M1", "C1");
    rig.conv("C2", "inbound", "alerting");
    rig.propose("M2", "C2", AUTO);
    rig.forget();
    rig.offer("M2", "C2");
    assert!(came_before(&rig, held, r#""method":"answer""#));

    // By the application, on either signaling.
    let mut rig = Rig::ready_with(|config| config.auto_connect_sessions = false);
    own_call_by_hand(&mut rig, "M1", "C1");
    rig.propose("M2", "C2", AUTO);
    rig.offer("M2", "C2");
    rig.forget();
    rig.submit(Command::AcceptSession { conversation: "C2".into() }).unwrap();
    assert!(came_before(&rig, held, r#""method":"answer""#));
    rig.propose("M3", "C3", r#"inin-autoanswer="true""#);
    rig.jingle("j1", "session-initiate", "M3", super::rig::JINGLE_OFFER);
    rig.forget();
    rig.submit(Command::AcceptSession { conversation: "C3".into() }).unwrap();
    assert!(came_before(&rig, held, "session-accept"));

    // Through the service, on the shared session.
    let mut rig = Rig::idle(LA100P);
    own_call(&mut rig, "M2", "C1");
    rig.conv("C2", "inbound", "alerting");
    rig.forget();
    rig.submit(accept("C2")).unwrap();
    let asked = rig.expect_http("PATCH /conversations/calls/C1/participants/P-C1");
    assert_eq!(asked.body, json!({"held": true}));
    let asked = rig.expect_http("PATCH /conversations/calls/C2/participants/P-C2");
    assert_eq!(asked.body, json!({"state": "connected"}));
}

#[test]
fn pc_3_nobody_is_held_for_a_call_that_cannot_be_answered() {
    let mut rig = Rig::on(LA100);
    own_call(&mut rig, "M1", "C1");
    rig.propose("M2", "C2", AUTO);
    rig.forget();
    rig.offer_with("M2", "C2", "a=x-answer-fails-once\r\n");
    assert!(rig.told().contains(&"Error Media".to_owned()));
    assert!(rig.asked.is_empty(), "{:?}", rig.asked);
    rig.submit(Command::AcceptSession { conversation: "C2".into() }).unwrap();
    rig.expect_http("PATCH /conversations/calls/C1/participants/P-C1");
}

#[test]
fn scenario_102_nobody_is_held_whose_call_is_over() {
    let mut rig = Rig::idle(LA100P);
    own_call(&mut rig, "M2", "C2");
    rig.conv_with("C2", "inbound", "connected", &json!({"held": true}), "agent");
    own_call(&mut rig, "M3", "C3");
    rig.conv("C3", "inbound", "disconnected");
    rig.forget();
    let unhold = Command::SetConversationHeld { conversation: "C2".into(), held: false };
    rig.submit(unhold).unwrap();
    rig.expect_http("PATCH /conversations/calls/C2/participants/P-C2");
    assert!(rig.asked.is_empty(), "neither C0 on the idle session, nor C3");
}

#[test]
fn scenario_101_pc_3_pc_13_on_one_line_the_service_holds() {
    let mut rig = Rig::busy();
    rig.conv_with("C1", "inbound", "connected", &json!({"held": true}), "agent");
    rig.forget();
    let unhold = Command::SetConversationHeld { conversation: "C1".into(), held: false };
    rig.submit(unhold).unwrap();
    rig.expect_http("PATCH /conversations/calls/C1/participants/P-C1");
    assert!(rig.asked.is_empty());
}

#[test]
fn pc_12_hanging_up_on_the_shared_session_leaves_it() {
    let mut rig = Rig::busy();
    let end = rig.submit(end("C1")).unwrap();
    let asked = rig.expect_http("PATCH /conversations/calls/C1/participants/P-C1");
    rig.respond(asked.id, 202, &Value::Null);
    assert_eq!(rig.completion(end), None);
    rig.conv("C1", "inbound", "disconnected");
    assert_eq!(rig.completion(end), Some(Ok(Outcome::Done)));
    assert!(rig.udp.is_some());
}

#[test]
fn mh_12_scenario_104_a_hang_up_that_fails_spares_a_session_with_other_calls() {
    let mut rig = Rig::busy();
    rig.conv("C2", "inbound", "alerting");
    let ended = rig.submit(end("C1")).unwrap();
    let asked = rig.expect_http("PATCH /conversations/calls/C1/participants/P-C1");
    rig.respond(asked.id, 500, &Value::Null);
    let error = rig.completion(ended).unwrap().unwrap_err();
    assert_eq!(error.kind, ErrorKind::Session);
    assert!(error.message.contains("C2"), "{error}");
    assert!(rig.udp.is_some());
}

#[test]
fn def_16_scenario_38_an_answer_that_the_service_refuses_can_be_given_again() {
    let mut rig = Rig::idle(LA1P);
    rig.conv("C1", "inbound", "alerting");
    let first = rig.submit(accept("C1")).unwrap();
    let asked = rig.expect_http("PATCH /conversations/calls/C1/participants/P-C1");
    rig.respond(asked.id, 500, &Value::Null);
    assert_eq!(rig.failure(first), Some(ErrorKind::Session));
    let second = rig.submit(accept("C1")).unwrap();
    let asked = rig.expect_http("PATCH /conversations/calls/C1/participants/P-C1");
    rig.respond(asked.id, 202, &Value::Null);
    rig.conv("C1", "inbound", "connected");
    assert_eq!(rig.completion(second), Some(Ok(Outcome::Done)));
}

#[test]
fn mh_4_dead_media_is_not_held_and_nobody_is_told_that_it_was() {
    let mut rig = Rig::on(LA100);
    rig.connected_call("M1", "C1");
    rig.connected_call("M2", "C2");
    rig.media("disconnected");
    rig.forget();
    for held in [true, false] {
        let hold = Command::SetConversationHeld { conversation: "C2".into(), held };
        assert_eq!(rig.submit(hold).unwrap_err().kind, ErrorKind::Media);
        assert!(rig.asked.is_empty());
    }
}

#[test]
fn cv_7_def_32_a_call_keeps_its_session_whatever_the_station_becomes() {
    let mut rig = Rig::busy();
    rig.conv_with("C1", "inbound", "connected", &json!({"muted": true}), "agent");
    match rig.events.pop_front() {
        Some(Event::ConversationUpdate(update)) => {
            assert_eq!(update.current[0].session.as_ref().unwrap().as_str(), "M1");
        }
        other => panic!("{other:?}"),
    }
    // Without any station nothing is shared, and nothing is invented.
    let mut rig = Rig::ready();
    assert!(rig.client.config().auto_connect_sessions);
    rig.conv("C1", "inbound", "alerting");
    assert!(rig.told().is_empty());
}

#[test]
fn pc_11_accepting_media_means_nothing_for_a_call_on_the_shared_session() {
    let mut rig = Rig::busy();
    let accept = rig.submit(Command::AcceptSession { conversation: "C1".into() }).unwrap();
    assert_eq!(rig.completion(accept), Some(Ok(Outcome::Done)));
    assert!(rig.sent().is_empty() && rig.asked.is_empty() && rig.told().is_empty());
}

#[test]
fn def_8_def_24_the_end_of_a_session_reaches_every_call_on_it() {
    let ends: [fn(&mut Rig); 3] = [
        |rig| rig.rpc("terminate", &json!({"sessionId": "M1"})),
        |rig| rig.media("failed"),
        |rig| {
            let session = "M1".into();
            let reason = crate::jingle::Reason::Success;
            rig.submit(Command::ForceTerminateSession { session, reason }).unwrap();
        },
    ];
    for end in ends {
        let mut rig = Rig::busy();
        rig.conv("C2", "inbound", "alerting");
        rig.conv("C2", "inbound", "connected");
        rig.conv("C3", "inbound", "alerting");
        rig.forget();
        end(&mut rig);
        rig.acknowledge();
        let told = rig.told();
        let ended = told.iter().filter(|told| told.starts_with("SessionEnded M1")).count();
        assert_eq!(ended, 1, "{told:?}");
        // None of them rides on anything any more.
        for call in ["C1", "C2", "C3"] {
            let dtmf = Command::SendDtmf {
                conversation: call.into(),
                digits: Vec::new(),
                duration: Duration::from_millis(100),
            };
            assert_eq!(rig.submit(dtmf).unwrap_err().kind, ErrorKind::Session, "{call}");
        }
        // The service says no more: both that talked are over after a while, and are told so.
        rig.wait_acknowledging(S(10));
        let told = rig.told();
        for call in ["CallEnded C1", "CallEnded C2"] {
            assert!(told.contains(&call.to_owned()), "{call} in {told:?}");
        }
        rig.wait_acknowledging(S(180));
        assert_eq!(rig.client.size(), 0, "nothing is left");
    }
}

#[test]
fn pc_5_def_5_a_call_that_was_withdrawn_leaves_the_shared_session_to_the_next() {
    let withdrawn: [fn(&mut Rig); 5] = [
        |rig| rig.conv("C1", "inbound", "disconnected"),
        |rig| rig.conv("C1", "inbound", "terminated"),
        // Nobody ever says so.
        |rig| rig.wait_acknowledging(S(180)),
        // Nor that it is elsewhere, but for the list of what there is.
        |rig| {
            rig.listing = Some(json!({"entities": []}));
            let reason = "reset".to_owned();
            rig.ws_event(crate::machine::WsEvent::Closed { code: None, reason });
            rig.wait_for_login();
            rig.answer_listing();
        },
        // It was answered, and the answer went nowhere.
        |rig| {
            rig.submit(accept("C1")).unwrap();
            rig.wait_acknowledging(S(181));
        },
    ];
    for (number, withdraw) in withdrawn.into_iter().enumerate() {
        let mut rig = Rig::idle(LA100P);
        rig.conv("C1", "inbound", "alerting");
        assert_eq!(rig.told(), ["PendingSession M1 C1"]);
        withdraw(&mut rig);
        assert!(rig.told().contains(&"CancelPendingSession M1 C1".to_owned()), "{number}");
        rig.conv("C2", "inbound", "alerting");
        assert_eq!(rig.told(), ["PendingSession M1 C2"], "{number}");
        assert!(rig.udp.is_some());
    }
}

#[test]
fn lc_16_whoever_hung_up_does_not_wait_for_a_session_that_carries_the_next_call() {
    let mut rig = Rig::on(LA1);
    rig.connected_call("M1", "C1");
    let hang_up = rig.submit(end("C1")).unwrap();
    let asked = rig.asked.pop_front().unwrap();
    rig.respond(asked.id, 202, &Value::Null);
    rig.conv("C1", "inbound", "disconnected");
    assert_eq!(rig.completion(hang_up), None, "the session is to end, too");
    rig.wait_acknowledging(S(5));
    // The service keeps it, and says so by the next call (swarm 10137).
    rig.conv("C2", "inbound", "alerting");
    assert!(rig.told().contains(&"PendingSession M1 C2".to_owned()));
    assert_eq!(rig.completion(hang_up), Some(Ok(Outcome::Done)));
}
