//! The ledger that a program keeps of its calls: by what a client tells, and by events of our own.

use std::time::Duration;

use serde_json::json;

use super::rig::{LA1P, OTHER, Rig};
use crate::genesys::{
    CallChange, CallPhase, CallReport, Command, ConversationId, Dial, EndReason, Event, Ledger,
    Outcome,
};
use crate::machine::WsEvent;

const SDP: &str = r#"inin-sdp-over-xmpp="true""#;

/// A program that follows the calls of a rig's client.
#[derive(Default)]
struct Follower(Ledger);

impl Follower {
    /// The phases of the calls that changed since the last look, in short.
    fn look(&mut self, rig: &mut Rig) -> Vec<String> {
        let events: Vec<_> = rig.events.drain(..).collect();
        let changes = events.iter().flat_map(|event| self.0.told(event));
        phases(changes)
    }

    fn phase(&self) -> Option<CallPhase> {
        self.0.calls().next().map(|(_, view)| view.phase)
    }
}

/// Each change of a phase once.
fn phases(changes: impl IntoIterator<Item = CallChange>) -> Vec<String> {
    let shown = changes.into_iter().map(|CallChange { conversation, began, view, .. }| {
        let report = if view.report.is_some() { ", reported" } else { "" };
        let new = if began { "new " } else { "" };
        format!("{new}{} {:?}{report}", conversation.as_str(), view.phase)
    });
    let mut shown: Vec<_> = shown.collect();
    shown.dedup();
    shown.dedup_by(|later, first| first.strip_prefix("new ") == Some(later.as_str()));
    shown
}

#[test]
fn a_call_rings_connects_and_ends_with_its_report() {
    let mut rig = Rig::ready();
    let mut follower = Follower::default();
    rig.propose("M1", "C1", SDP);
    assert_eq!(follower.look(&mut rig), ["new C1 Ringing"]);
    rig.submit(Command::AcceptPendingSession { conversation: "C1".into() }).unwrap();
    rig.offer("M1", "C1");
    assert_eq!(follower.look(&mut rig), ["C1 Connecting"]);
    rig.acknowledge();
    // The service alone does not make a connected call, and media alone neither.
    rig.conv("C1", "inbound", "connected");
    assert_eq!(follower.look(&mut rig), ["C1 Connecting"]);
    rig.media("connected");
    assert_eq!(follower.look(&mut rig), ["C1 Connected"]);
    rig.conv("C1", "inbound", "disconnected");
    assert_eq!(follower.look(&mut rig), ["C1 Ended(Over)", "C1 Ended(Over), reported"]);
    rig.conv("C1", "inbound", "terminated");
    assert!(follower.look(&mut rig).is_empty());
    assert_eq!(follower.0.calls().count(), 0, "nothing is remembered");
}

#[test]
fn a_call_that_is_withdrawn_or_handled_elsewhere_is_over() {
    for (end, why) in [("retract", "Withdrawn"), ("accept", "Elsewhere")] {
        let mut rig = Rig::ready();
        let mut follower = Follower::default();
        rig.propose("M1", "C1", SDP);
        let from = if end == "retract" { super::rig::PEER } else { OTHER };
        rig.session_message(from, end, "M1");
        let over = format!("C1 Ended({why})");
        let reported = format!("{over}, reported");
        assert_eq!(follower.look(&mut rig), ["new C1 Ringing".to_owned(), over, reported]);
        // One that rings again is another call.
        rig.propose("M2", "C1", SDP);
        assert_eq!(follower.look(&mut rig), ["new C1 Ringing"]);
    }
}

#[test]
fn a_dialled_call_is_one_call_whatever_comes_first() {
    for answer_first in [true, false] {
        let mut rig = Rig::ready();
        let mut follower = Follower::default();
        let dial = rig.submit(Command::StartSoftphoneSession(Dial::number("1"))).unwrap();
        let asked = rig.expect_http("POST /conversations/calls");
        let mut seen = Vec::new();
        let answer = |rig: &mut Rig, follower: &mut Follower| {
            rig.respond(asked.id, 202, &json!({"id": "C1"}));
            match rig.completion(dial) {
                Some(Ok(Outcome::Dialled(call))) => phases(follower.0.dialled(&call.conversation)),
                other => panic!("{other:?}"),
            }
        };
        if answer_first {
            seen.extend(answer(&mut rig, &mut follower));
        }
        rig.conv("C1", "outbound", "contacting");
        rig.propose("M1", "C1", r#"inin-autoanswer="true" inin-sdp-over-xmpp="1""#);
        seen.extend(follower.look(&mut rig));
        if !answer_first {
            seen.extend(answer(&mut rig, &mut follower));
        }
        rig.offer("M1", "C1");
        rig.acknowledge();
        rig.media("connected");
        rig.conv("C1", "outbound", "dialing");
        seen.extend(follower.look(&mut rig));
        assert_eq!(follower.phase(), Some(CallPhase::Connecting), "the far side is called");
        rig.conv("C1", "outbound", "connected");
        seen.extend(follower.look(&mut rig));
        assert_eq!(seen.iter().filter(|change| change.starts_with("new")).count(), 1, "{seen:?}");
        assert_eq!(follower.phase(), Some(CallPhase::Connected));
    }
}

#[test]
fn a_dialled_call_that_never_gets_a_session_is_reported_all_the_same() {
    let mut rig = Rig::ready();
    let mut follower = Follower::default();
    rig.submit(Command::StartSoftphoneSession(Dial::number("1"))).unwrap();
    let asked = rig.expect_http("POST /conversations/calls");
    rig.respond(asked.id, 202, &json!({"id": "C1"}));
    assert_eq!(phases(follower.0.dialled(&"C1".into())), ["new C1 Connecting"]);
    rig.conv("C1", "outbound", "contacting");
    rig.conv("C1", "outbound", "disconnected");
    assert_eq!(follower.look(&mut rig), ["C1 Ended(Failed), reported"]);
    assert_eq!(rig.client.size(), 0);
}

#[test]
fn a_dialled_call_that_is_over_before_the_dial_is_answered_is_reported_all_the_same() {
    for state in ["contacting", "dialing"] {
        let mut rig = Rig::ready();
        let mut follower = Follower::default();
        rig.submit(Command::StartSoftphoneSession(Dial::number("1"))).unwrap();
        let asked = rig.expect_http("POST /conversations/calls");
        for state in [state, "disconnected", "terminated"] {
            rig.conv("C1", "outbound", state);
        }
        assert!(follower.look(&mut rig).is_empty());
        rig.respond(asked.id, 202, &json!({"id": "C1"}));
        assert_eq!(phases(follower.0.dialled(&"C1".into())), ["new C1 Connecting"]);
        assert_eq!(follower.look(&mut rig), ["C1 Ended(Failed), reported"]);
        assert_eq!(rig.client.size(), 0);
    }

    // Another's is no call of ours.
    let mut rig = Rig::ready();
    let mut follower = Follower::default();
    rig.submit(Command::StartSoftphoneSession(Dial::number("1"))).unwrap();
    let asked = rig.expect_http("POST /conversations/calls");
    rig.conv("C1", "outbound", "dialing");
    rig.conv("C1", "outbound", "disconnected");
    rig.respond(asked.id, 202, &json!({"id": "C2"}));
    assert!(follower.look(&mut rig).is_empty());
    assert_eq!(rig.client.remembered(), 0);
}

#[test]
fn on_a_shared_session_a_call_connects_by_the_services_word() {
    let mut rig = Rig::on(LA1P);
    let mut follower = Follower::default();
    rig.connected_call_keeping("M1", "C0");
    rig.conv("C0", "inbound", "disconnected");
    follower.look(&mut rig);
    rig.conv("C1", "inbound", "alerting");
    assert_eq!(follower.look(&mut rig), ["new C1 Ringing"]);
    rig.conv("C1", "inbound", "connected");
    assert_eq!(follower.look(&mut rig), ["C1 Connected"]);
    let (_, view) = follower.0.calls().next().unwrap();
    assert_eq!(view.session.as_ref().unwrap().id.as_str(), "M1");
}

#[test]
fn a_call_that_is_found_connected_is_one_too() {
    let mut rig = Rig::on(LA1P);
    let mut follower = Follower::default();
    rig.connected_call_keeping("M1", "C0");
    rig.conv("C0", "inbound", "disconnected");
    follower.look(&mut rig);
    rig.wait(Duration::from_millis(40));
    // The service gives the session to a call that nobody has told of.
    let sdp = super::service::offer_sdp();
    rig.rpc("offer", &json!({"sessionId": "M1", "conversationId": "C1", "sdp": sdp}));
    rig.acknowledge();
    assert!(follower.look(&mut rig).is_empty());
    rig.conv("C1", "inbound", "connected");
    assert_eq!(follower.look(&mut rig), ["new C1 Connecting", "C1 Connected"]);
    let (_, view) = follower.0.calls().next().unwrap();
    assert!(view.pending.is_none() && view.session.is_some());
}

#[test]
fn a_replaced_session_carries_the_call_on_under_the_same_audio() {
    let mut rig = Rig::ready();
    let mut follower = Follower::default();
    rig.connected_call_keeping("M1", "C1");
    follower.look(&mut rig);
    let session = |follower: &Follower| follower.0.calls().next().unwrap().1.session.clone();
    let before = session(&follower).expect("a session");
    rig.reinvite("r2", "M2", "C1");
    follower.look(&mut rig);
    let after = session(&follower).expect("another session");
    assert_eq!((after.id.as_str(), after.media), ("M2", before.media));
    assert_eq!(follower.phase(), Some(CallPhase::Connected));
}

#[test]
fn a_lost_connection_ends_no_call_and_a_lost_client_all() {
    let mut rig = Rig::ready();
    let mut follower = Follower::default();
    rig.connected_call_keeping("M1", "C1");
    rig.ws_event(WsEvent::Closed { code: None, reason: "reset".to_owned() });
    follower.look(&mut rig);
    assert_eq!(follower.phase(), Some(CallPhase::Connected));
    assert_eq!(phases(follower.0.close()), ["C1 Ended(ClientClosed)"]);
    assert_eq!(follower.0.calls().count(), 0);
}

#[test]
fn a_call_whose_media_is_gone_is_over_when_the_client_says_so() {
    let mut rig = Rig::ready();
    let mut follower = Follower::default();
    rig.connected_call_keeping("M1", "C1");
    follower.look(&mut rig);
    rig.media("failed");
    follower.look(&mut rig);
    let session = follower.0.calls().next().map(|(_, view)| view.session.is_some());
    assert_ne!(session, Some(true), "no session carries it");
    rig.wait_acknowledging(Duration::from_secs(30));
    follower.look(&mut rig);
    assert_eq!(follower.phase(), None);
}

#[test]
fn an_eager_session_is_no_call() {
    let mut rig = Rig::on(LA1P);
    let mut follower = Follower::default();
    rig.propose("M1", "C1", r#"inin-priv-answer-mode="Auto" inin-sdp-over-xmpp="1""#);
    rig.offer("M1", "C1");
    rig.acknowledge();
    rig.media("connected");
    assert!(follower.look(&mut rig).is_empty());
}

#[test]
fn calls_are_bounded_and_the_oldest_is_given_up_first() {
    let mut ledger = Ledger::default();
    let mut given_up: Vec<ConversationId> = Vec::new();
    let mut note = |changes: Vec<CallChange>| {
        let unfollowed = CallPhase::Ended(EndReason::Unfollowed);
        let over = changes.into_iter().filter(|change| change.view.phase == unfollowed);
        given_up.extend(over.map(|change| change.conversation));
    };
    let mut rig = Rig::ready();
    rig.propose("M1", "rings", SDP);
    for event in rig.events.drain(..) {
        note(ledger.told(&event));
    }
    for n in 0..Ledger::MAX_CALLS + 3 {
        note(ledger.dialled(&format!("C{n}").into()));
        assert!(ledger.calls().count() <= Ledger::MAX_CALLS);
    }
    let given_up: Vec<_> = given_up.iter().map(ConversationId::as_str).collect();
    assert_eq!(given_up, ["C0", "C1", "C2", "C3"], "the one that rings is kept");
}

#[test]
fn reports_of_unknown_calls_change_nothing() {
    let mut ledger = Ledger::default();
    assert!(ledger.told(&Event::CallReport(Box::<CallReport>::default())).is_empty());
    assert!(ledger.told(&Event::Ready).is_empty());
    assert_eq!(ledger.calls().count(), 0);
}
