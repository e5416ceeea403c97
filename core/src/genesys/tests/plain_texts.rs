//! Texts from outside that are meant for people are free of what hides or reorders text, and
//! bounded; what is compared keeps its exact bytes.

use std::error::Error as _;

use serde_json::json;

use super::rig::{LA1P, Rig};
use crate::genesys::{
    CallState, Command, ConversationId, Error, Event, PersistentState, SessionId,
};
use crate::machine::{Input, NetError, NetErrorKind, WsEvent};
use crate::plain::{MAX_PLAIN, is_hidden};

/// A clear screen, in C0 and C1, and an override of the direction.
const NASTY: &str = "\u{1b}[2J\u{9b}2J\u{7f}\u{202e}x\u{2066}\u{200b}\u{2028}\u{feff}";

fn of_error(error: &Error) -> Vec<String> {
    let said = [error.service_code(), error.service_message()].into_iter().flatten();
    let sources = std::iter::successors(error.source(), |&error| error.source());
    let sources = sources.map(ToString::to_string).chain(said.map(str::to_owned));
    [error.message.clone(), error.to_string()].into_iter().chain(sources).collect()
}

/// The texts of an event that people see.
fn texts(event: &Event) -> Vec<String> {
    let mut texts = match event {
        Event::Error(error)
        | Event::NetworkConnectivityWarning(error)
        | Event::Disconnected { error: Some(error), .. } => of_error(error),
        Event::Malformed { what } => vec![what.clone()],
        Event::PendingSession(pending) => vec![
            pending.from.clone(),
            pending.original_room.clone(),
            pending.session.to_string(),
            pending.conversation.to_string(),
            format!("{:?}", pending.from_user),
        ],
        Event::SessionStarted(session) | Event::SessionInterrupted(session) => {
            vec![session.peer.clone(), session.id.to_string()]
        }
        Event::SessionEnded { session, reason } => vec![session.peer.clone(), reason.to_string()],
        Event::Station(station) => vec![station.name.clone(), station.id.to_string()],
        Event::AlertingLeader(leader) => leader.client_type.iter().cloned().collect(),
        Event::UserPresence(presence) => {
            let message = presence.message.iter().cloned();
            message.chain([presence.system.name().to_owned()]).collect()
        }
        Event::PersistentConnection(PersistentState::Other(state)) => vec![state.clone()],
        Event::ConversationUpdate(update) => {
            let calls = update.current.iter().flat_map(|call| match &call.state {
                CallState::Other(state) => vec![call.id.to_string(), state.clone()],
                _ => vec![call.id.to_string(), call.participant.to_string()],
            });
            calls.collect()
        }
        Event::Trace(record) => {
            let about = record.about.iter().cloned();
            // A document has lines.
            let body = record.body.replace(['\r', '\n', '\t'], "");
            about
                .chain([record.summary.clone()])
                .chain((body.len() < MAX_PLAIN).then_some(body))
                .collect()
        }
        _ => Vec::new(),
    };
    texts.push(format!("{event:?}").chars().take(MAX_PLAIN / 4).collect());
    texts
}

fn are_plain(rig: &Rig) {
    for event in &rig.events {
        for text in texts(event) {
            assert!(!text.contains(is_hidden), "{text:?}");
            assert!(text.len() <= MAX_PLAIN + 32, "{} bytes: {text:?}", text.len());
        }
        if let Event::Trace(record) = event {
            assert!(!record.body.contains(|c| is_hidden(c) && !"\r\n\t".contains(c)));
        }
    }
    for line in rig.log() {
        assert!(!line.contains(is_hidden), "{line:?}");
    }
}

/// Everything that a service can say, with such characters in it.
fn told(nasty: &str) -> Rig {
    let mut rig = Rig::ready_with(|config| {
        config.trace = true;
        config.presence = true;
    });
    rig.station = LA1P;
    let (session, call) = (format!("M{nasty}"), format!("C{nasty}"));
    let more = format!(r#"inin-ofrom="room{nasty}@x" inin-user-id="u{nasty}""#);
    rig.propose(&session, &call, &more);
    rig.frame(&format!(
        r#"<message xmlns="jabber:client" from="call@gjoll.example/i{}"><propose xmlns="urn:xmpp:jingle-message:0" id="M7" inin-cid="C7"><description xmlns="urn:xmpp:jingle:apps:rtp:1" media="audio"/></propose></message>"#,
        nasty.replace(char::is_control, "")
    ));
    rig.propose(&format!("N{nasty}"), "", "");
    rig.conv_with(&call, "inbound", &format!("odd{nasty}"), &json!({}), "agent");
    let error = json!({"errorInfo": {"code": nasty, "message": nasty}});
    rig.conv_with("C2", "inbound", "alerting", &json!({}), "agent");
    rig.conv_with("C2", "inbound", "disconnected", &error, "agent");
    rig.connected_call_keeping("M3", "C3");
    rig.rpc("terminate", &json!({"sessionId": "M3", "reason": format!("r{nasty}")}));
    rig.rpc(&format!("method{nasty}"), &json!({"sessionId": session, "x": nasty}));
    let persistent = json!({"userId": "user-1", "persistentState": nasty,
        "errorInfo": {"code": nasty, "text": nasty, "userMessage": nasty}});
    rig.notify("v2.users.user-1.persistentconnection", &persistent);
    let presence = json!({"presenceDefinition": {"id": "p", "systemPresence": nasty},
        "message": nasty});
    rig.notify("v2.users.user-1.presence", &presence);
    let station = json!({"topicName": "v2.users.user-1.station", "metadata": {"action": "Associated"},
        "eventBody": {"associatedStation": {"id": "station-2"}}});
    rig.publish("v2.users.user-1.station", &station);
    if let Some(at) = rig.asked.iter().position(|asked| asked.what.contains("station-2")) {
        let asked = rig.asked.remove(at).unwrap();
        let body = json!({"id": format!("s{nasty}"), "name": nasty,
            "type": "inin_webrtc_softphone", "webRtcCallAppearances": 1});
        rig.respond(asked.id, 200, &body);
    }
    let held = Command::SetConversationHeld { conversation: call.as_str().into(), held: true };
    if rig.submit(held).is_ok()
        && let Some(asked) = rig.asked.pop_back()
    {
        rig.respond(asked.id, 400, &json!({"code": nasty, "message": nasty}));
    }
    rig.submit(Command::Subscribe { topic: "v2.users.u2.presence".to_owned() }).unwrap();
    rig.wait(std::time::Duration::from_millis(100));
    while let Some(asked) = rig.asked.pop_back() {
        let net = NetError::new(NetErrorKind::Connect, nasty);
        rig.input(Input::Http { id: asked.id, result: Err(net) });
    }
    rig.frame(&format!("<iq xmlns='jabber:client' type='set' id='q{nasty}'/>"));
    rig.frame(&format!("<x{} xmlns='urn:{nasty}'/>", "\u{3b1}".repeat(900)));
    rig.frame(&format!("<x {nasty} <"));
    rig.jingle("j", &format!("act{nasty}"), &session, "");
    let text = "urn:ietf:params:xml:ns:xmpp-streams";
    rig.frame(&format!(
        r#"<stream:error xmlns:stream="http://etherx.jabber.org/streams"><conflict xmlns="{text}"/><text xmlns="{text}">{nasty}</text></stream:error>"#
    ));
    rig.ws_event(WsEvent::Closed { code: None, reason: nasty.to_owned() });
    rig
}

#[test]
fn what_a_service_says_is_plain_wherever_it_is_told() {
    let rig = told(NASTY);
    assert!(rig.events.len() > 40, "something happened");
    are_plain(&rig);
}

#[test]
fn what_a_service_says_is_bounded_wherever_it_is_told() {
    let rig = told(&"long ".repeat(40_000));
    are_plain(&rig);
}

#[test]
fn ids_are_shown_plain_and_sent_as_they_are() {
    let nasty = "M\u{9b}2J\u{202e}\u{200b}";
    let mut rig = Rig::ready();
    rig.propose(nasty, "C1", "");
    rig.conv("C1", "inbound", "alerting");
    rig.submit(Command::AcceptPendingSession { conversation: "C1".into() }).unwrap();
    assert!(rig.take_sent(&format!(r#"id="{nasty}""#)).is_some(), "exact on the wire");
    let id = SessionId::from(nasty);
    assert_eq!(id.as_str(), nasty);
    assert_eq!(id.to_string(), "M\u{fffd}2J\u{fffd}\u{fffd}");
    assert_eq!(format!("{id:?}"), "SessionId(M\u{fffd}2J\u{fffd}\u{fffd})");
    let long = ConversationId::from("x".repeat(5000));
    assert!(long.to_string().len() < 300 && long.as_str().len() == 5000);
    let jid: crate::xmpp::Jid = "a@b/\u{202e}c".parse().unwrap();
    assert_eq!(jid.as_str(), "a@b/\u{202e}c");
    assert_eq!(
        (jid.to_string(), format!("{jid:?}")),
        ("a@b/\u{fffd}c".into(), "Jid(a@b/\u{fffd}c)".into())
    );
}

#[test]
fn the_words_of_others_are_plain_in_every_error() {
    let net = NetError::new(NetErrorKind::Lost, NASTY);
    let error = Error::new(crate::genesys::ErrorKind::Generic, NASTY);
    let stanza = crate::xmpp::StanzaError::bad_request().with_text(NASTY);
    let reason = crate::jingle::Reason::Other(NASTY.to_owned());
    for text in [net.to_string(), error.to_string(), stanza.to_string(), reason.to_string()] {
        assert!(!text.contains(is_hidden), "{text:?}");
    }
}
