//! Ringing, and all the ways in which it ends (behaviour notes 2.3 to 2.5).

use std::time::Duration;

use serde_json::json;

use super::rig::{BARE, FULL, OTHER, PEER, Rig};
use crate::genesys::{Command, ErrorKind, Event, Outcome};

const SDP: &str = r#"inin-sdp-over-xmpp="true""#;
const AUTO: &str = r#"inin-autoanswer="true""#;
const EAGER: &str = r#"inin-priv-answer-mode="Auto""#;

fn accept() -> Command {
    Command::AcceptPendingSession { conversation: "C1".into() }
}

fn propose_from(rig: &mut Rig, from: &str) {
    rig.frame(&format!(
        r#"<message xmlns="jabber:client" from="{from}" to="{BARE}"><propose xmlns="urn:xmpp:jingle-message:0" id="M1" inin-cid="C1"/></message>"#
    ));
}

#[test]
fn lc_12_scenario_17_18_19_who_is_told_and_who_proceeds() {
    for (attributes, disabled, told, proceeds) in [
        ("", false, true, false),
        (AUTO, false, true, true),
        (AUTO, true, true, false),
        (EAGER, false, false, true),
        (EAGER, true, false, true),
    ] {
        let mut rig = Rig::ready_with(|config| config.disable_auto_answer = disabled);
        rig.propose("M1", "C1", attributes);
        match rig.events.pop_front() {
            Some(Event::PendingSession(pending)) => {
                assert!(told, "{attributes}");
                assert_eq!(pending.auto_answer, attributes == AUTO);
                assert_eq!((pending.from.as_str(), pending.original_room.as_str()), (PEER, PEER));
            }
            other => assert!(!told && other.is_none(), "{attributes}: {other:?}"),
        }
        let proceeded = rig.sent().iter().any(|text| text.contains("<proceed"));
        assert_eq!(proceeded, proceeds, "{attributes}, disabled: {disabled}");
    }
}

#[test]
fn lc_6_scenario_22_a_repeated_propose_rings_once() {
    let mut rig = Rig::ready();
    for _ in 0..3 {
        rig.propose("M1", "C1", "");
    }
    assert_eq!(rig.told(), ["PendingSession M1 C1"]);
    rig.submit(accept()).unwrap();
    rig.forget();
    // The service repeats itself until it is heard: so do we.
    rig.propose("M1", "C1", "");
    assert!(rig.told().is_empty());
    assert!(rig.sent()[0].contains("<proceed"));
}

#[test]
fn scenario_23_24_a_new_session_id_replaces_the_old_one() {
    let mut rig = Rig::ready();
    rig.propose("M1", "C1", "");
    rig.propose("M2", "C1", "");
    assert_eq!(rig.told(), ["PendingSession M1 C1"]);
    rig.submit(accept()).unwrap();
    assert!(rig.sent()[0].contains(r#"id="M2""#));
    rig.session_message(PEER, "retract", "M1");
    assert!(rig.told().is_empty(), "the old id means nothing any more");
    rig.propose("M3", "C1", "");
    assert!(rig.sent()[0].contains(r#"id="M3""#), "accepted stays accepted");
}

#[test]
fn scenario_25_our_own_propose_is_nothing_to_us() {
    let mut rig = Rig::ready();
    propose_from(&mut rig, FULL);
    assert!(rig.told().is_empty() && rig.sent().is_empty());
    assert_eq!(rig.client.size(), 0);
}

#[test]
fn lc_5_scenario_26_a_propose_is_routed_by_its_sender() {
    for (from, told) in [
        ("acd-1@gjoll.example/i-1", Some("PendingSession M1 C1")),
        ("+1555@GJOLL.example/i-1", Some("PendingSession M1 C1")),
        ("acd-1@conference.example", None),
        ("screenrecording-1@conference.example", None),
        ("livemonitor-1@conference.example", None),
        ("peer-1@conference.example", Some("PendingSession M1 C1")),
        ("somebody@else.example", Some("Error Session")),
    ] {
        let mut rig = Rig::ready();
        propose_from(&mut rig, from);
        assert_eq!(rig.told().first().map(String::as_str), told, "{from}");
        assert!(rig.sent().is_empty(), "{from}");
    }
}

#[test]
fn scenario_31_a_recording_of_the_same_conversation_is_not_the_call() {
    for recording_first in [true, false] {
        let mut rig = Rig::ready();
        let recording = format!(
            r#"<message xmlns="jabber:client" from="screenrecording-1@conference.example" to="{BARE}"><propose xmlns="urn:xmpp:jingle-message:0" id="R1" inin-cid="C1"/></message>"#
        );
        if recording_first {
            rig.frame(&recording);
        }
        rig.propose("M1", "C1", "");
        if !recording_first {
            rig.frame(&recording);
        }
        assert_eq!(rig.told(), ["PendingSession M1 C1"]);
        rig.submit(accept()).unwrap();
        let sent = rig.sent();
        assert_eq!(sent.len(), 1);
        assert!(sent[0].contains("<proceed") && sent[0].contains(r#"id="M1""#));
        assert!(sent[0].contains(PEER));
    }
}

#[test]
fn scenario_29_what_nobody_proposed_cannot_end() {
    let mut rig = Rig::ready();
    for (from, how) in [(PEER, "retract"), (OTHER, "accept"), (OTHER, "reject"), (PEER, "proceed")]
    {
        rig.session_message(from, how, "Mx");
    }
    assert!(rig.told().is_empty() && rig.sent().is_empty());
    assert_eq!(rig.client.size(), 0);
}

#[test]
fn lc_15_scenario_33_of_two_clients_that_answer_the_one_with_the_offer_has_the_call() {
    let (mut here, mut there) = (Rig::ready(), Rig::ready());
    let mut answers = Vec::new();
    for rig in [&mut here, &mut there] {
        rig.propose("M1", "C1", &format!("{AUTO} {SDP}"));
        answers.push(rig.submit(accept()).unwrap());
        assert!(rig.sent()[0].contains("<proceed"), "both may");
    }
    here.offer("M1", "C1");
    assert!(here.take_sent("<accept").is_some(), "only who gets the offer");
    assert!(there.take_sent("<accept").is_none());
    // The server tells all of the user's clients.
    here.session_message(FULL, "accept", "M1");
    there.session_message(OTHER, "accept", "M1");
    let (told, elsewhere) = (here.told(), there.told());
    assert_eq!(told[..2], ["PendingSession M1 C1", "HandledPendingSession M1 C1 Here"]);
    assert_eq!(elsewhere, ["PendingSession M1 C1", "HandledPendingSession M1 C1 Elsewhere"]);
    let started = told.iter().chain(&elsewhere).filter(|t| t.starts_with("SessionStarted"));
    assert_eq!(started.count(), 1);
    assert_eq!(here.completion(answers[0]), Some(Ok(Outcome::Done)));
    assert_eq!(there.failure(answers[1]), Some(ErrorKind::Session));
    assert_eq!(there.client.size(), 0);
}

#[test]
fn wire_5_8_a_carbon_from_our_own_account_counts_and_a_forged_one_does_not() {
    let carbon = |from: &str| {
        format!(
            r#"<message xmlns="jabber:client" from="{from}" to="{FULL}"><received xmlns="urn:xmpp:carbons:2"><forwarded xmlns="urn:xmpp:forward:0"><message xmlns="jabber:client" from="{OTHER}" to="{BARE}"><accept xmlns="urn:xmpp:jingle-message:0" id="M1"/></message></forwarded></received></message>"#
        )
    };
    let mut rig = Rig::ready();
    rig.propose("M1", "C1", "");
    rig.forget();
    for from in [PEER, OTHER, "u1@org.example.evil"] {
        rig.frame(&carbon(from));
        assert!(rig.told().is_empty(), "{from}");
    }
    rig.frame(&carbon(BARE));
    assert_eq!(rig.told(), ["HandledPendingSession M1 C1 Elsewhere"]);
}

#[test]
fn lc_18_scenario_35_37_without_auto_connect_the_application_answers_once() {
    let mut rig = Rig::ready_with(|config| config.auto_connect_sessions = false);
    rig.propose("M1", "C1", SDP);
    rig.submit(accept()).unwrap();
    rig.forget();
    rig.offer("M1", "C1");
    assert!(!rig.sent().iter().any(|text| text.contains("answer")), "nobody accepted yet");
    rig.offer("M1", "C1");
    assert!(rig.sent().is_empty(), "nor when the service repeats itself");
    assert!(!rig.told().iter().any(|told| told.starts_with("Error")));
    let answer = Command::AcceptSession { conversation: "C1".into() };
    let first = rig.submit(answer.clone()).unwrap();
    let again = rig.submit(answer).unwrap();
    let answers = rig.acknowledge().iter().filter(|t| t.contains(r#""method":"answer""#)).count();
    assert_eq!(answers, 1);
    assert_eq!(rig.completion(first), Some(Ok(Outcome::Done)));
    assert_eq!(rig.completion(again), Some(Ok(Outcome::Done)));
}

#[test]
fn scenario_147_def_16_an_answer_that_failed_can_be_given_again() {
    let mut rig = Rig::ready();
    rig.propose("M1", "C1", SDP);
    rig.submit(accept()).unwrap();
    rig.forget();
    rig.offer_with("M1", "C1", "a=x-answer-fails-once\r\n");
    assert!(rig.told().contains(&"Error Media".to_owned()));
    assert!(!rig.sent().iter().any(|text| text.contains(r#""method":"answer""#)));
    let answer = rig.submit(Command::AcceptSession { conversation: "C1".into() }).unwrap();
    rig.acknowledge();
    assert_eq!(rig.completion(answer), Some(Ok(Outcome::Done)));
}

#[test]
fn scenario_147_def_16_a_first_answer_may_fail_and_two_at_once_are_one() {
    let answer = || Command::AcceptSession { conversation: "C1".into() };
    let mut rig = Rig::ready_with(|config| config.auto_connect_sessions = false);
    rig.propose("M1", "C1", SDP);
    rig.submit(accept()).unwrap();
    rig.offer_with("M1", "C1", "a=x-answer-fails-once\r\n");
    rig.forget();
    let failed = rig.submit(answer()).unwrap();
    assert_eq!(rig.failure(failed), Some(ErrorKind::Media));
    assert!(rig.sent().is_empty() && rig.asked.is_empty() && rig.told().is_empty());
    let again = rig.submit(answer()).unwrap();
    rig.acknowledge();
    assert_eq!(rig.completion(again), Some(Ok(Outcome::Done)));

    // As soon as it has started, while it connects by itself.
    let mut rig = Rig::ready();
    rig.propose("M1", "C1", SDP);
    rig.submit(accept()).unwrap();
    rig.forget();
    rig.offer("M1", "C1");
    let own = rig.submit(answer()).unwrap();
    let answers = rig.acknowledge().iter().filter(|t| t.contains(r#""method":"answer""#)).count();
    assert_eq!(answers, 1);
    assert_eq!(rig.completion(own), Some(Ok(Outcome::Done)));
}

#[test]
fn def_5_scenario_30_an_invitation_that_nobody_ends_expires() {
    let mut rig = Rig::ready();
    rig.propose("M1", "C1", "");
    rig.wait_acknowledging(Duration::from_secs(179));
    assert_eq!(rig.told(), ["PendingSession M1 C1"]);
    rig.wait_acknowledging(Duration::from_secs(1));
    assert_eq!(rig.told(), ["CancelPendingSession M1 C1"]);
    assert_eq!(rig.client.size(), 0);
}

#[test]
fn def_20_an_accept_that_no_offer_follows_times_out() {
    let mut rig = Rig::ready();
    rig.propose("M1", "C1", "");
    let accept = rig.submit(accept()).unwrap();
    rig.wait_acknowledging(Duration::from_secs(30));
    assert_eq!(rig.failure(accept), Some(ErrorKind::Timeout));
}

#[test]
fn mh_2_pc_10_def_27_scenario_98_who_we_are_is_asked_where_no_event_told() {
    let participant = |purpose: &str| {
        serde_json::json!({"id": "C1", "participants": [
            {"id": "P9", "purpose": purpose, "userId": "user-1",
             "calls": [{"id": "K", "state": "alerting", "direction": "inbound"}]}]})
    };
    let mut rig = Rig::ready();
    rig.propose("M1", "C1", "");
    let reject = rig.submit(Command::RejectPendingSession { conversation: "C1".into() }).unwrap();
    let asked = rig.expect_http("GET /conversations/C1");
    rig.respond(asked.id, 200, &participant("user"));
    let asked = rig.expect_http("POST /conversations/calls/C1/participants/P9/replace");
    rig.respond(asked.id, 202, &serde_json::Value::Null);
    assert_eq!(rig.completion(reject), Some(Ok(Outcome::Done)));

    // DEF-27: a typed error where we are not in it.
    let reject = rig.submit(Command::RejectPendingSession { conversation: "C1".into() }).unwrap();
    let asked = rig.expect_http("GET /conversations/C1");
    rig.respond(asked.id, 200, &serde_json::json!({"id": "C1", "participants": []}));
    assert_eq!(rig.failure(reject), Some(ErrorKind::Session));
}

#[test]
fn a_propose_that_lacks_something_is_told_and_forgotten() {
    let mut rig = Rig::ready();
    rig.frame(&format!(
        r#"<message xmlns="jabber:client" from="{PEER}"><propose xmlns="urn:xmpp:jingle-message:0" id="M1"/></message>"#
    ));
    rig.frame(
        r#"<message xmlns="jabber:client"><propose xmlns="urn:xmpp:jingle-message:0" id="M1" inin-cid="C1"/></message>"#,
    );
    assert_eq!(rig.told(), ["Malformed", "Malformed"]);
    assert_eq!(rig.client.size(), 0);
}

#[test]
fn cv_8_a_call_that_was_listed_while_it_rang_leaves_the_list_however_that_ends() {
    for end in ["retract", "accept", "reject", "disconnected", "connected"] {
        let mut rig = Rig::ready();
        rig.propose("M1", "C1", "");
        rig.conv("C1", "inbound", "alerting");
        assert_eq!(rig.told(), ["PendingSession M1 C1", "ConversationUpdate +[] -[] =1"], "{end}");
        match end {
            "retract" => rig.session_message(PEER, end, "M1"),
            "accept" | "reject" => rig.session_message(OTHER, end, "M1"),
            // Somebody else talks on it, or nobody any more.
            state => rig.conv("C1", "inbound", state),
        }
        let told = rig.told();
        let lists: Vec<_> = told.iter().filter(|told| told.contains("Update")).collect();
        assert_eq!(lists, ["ConversationUpdate +[] -[] =0"], "{end}: {told:?}");
        assert!(rig.told().is_empty());
    }
}

#[test]
fn cv_8_a_call_that_rings_and_is_listed_for_another_ones_sake_leaves_the_list_too() {
    for end in ["retract", "accept", "disconnected"] {
        let mut rig = Rig::ready();
        rig.connected_call("M1", "C1");
        // Known by its event first: it is in the list that the change of another call tells.
        rig.conv("C2", "inbound", "alerting");
        rig.conv_with("C1", "inbound", "connected", &json!({"held": true}), "agent");
        rig.propose("M2", "C2", "");
        let told = rig.told();
        let listed = "ConversationUpdate +[] -[] =2".to_owned();
        assert!(told.contains(&listed), "{told:?}");
        match end {
            "retract" => rig.session_message(PEER, end, "M2"),
            "accept" => rig.session_message(OTHER, end, "M2"),
            state => rig.conv("C2", "inbound", state),
        }
        let told = rig.told();
        let lists: Vec<_> = told.iter().filter(|told| told.contains("Update")).collect();
        assert_eq!(lists, ["ConversationUpdate +[] -[] =1"], "{end}: {told:?}");
    }
}
